package expr

import (
	"strings"
	"time"
)

// timeParts are the numbers that a date has, in the app's time zone. A week begins on Monday, which is 1.
var timeParts = map[string]func(time.Time) any{
	"year":    func(t time.Time) any { return int64(t.Year()) },
	"month":   func(t time.Time) any { return int64(t.Month()) },
	"day":     func(t time.Time) any { return int64(t.Day()) },
	"hour":    func(t time.Time) any { return int64(t.Hour()) },
	"minute":  func(t time.Time) any { return int64(t.Minute()) },
	"second":  func(t time.Time) any { return int64(t.Second()) },
	"weekday": func(t time.Time) any { return int64((t.Weekday()+6)%7 + 1) },
}

var timeFunctions = []function{
	{
		Function: Function{"now", "now()", "The date and time at which the step began.", `now().year`, "2026"},
		typ:      yields(KindTime), run: func(f *frame, _ []any) (any, error) { return inRange(f.env.Now) },
	},
	{
		Function: Function{"date", `date("2026-11-23")`, "Reads a date from text; without an offset it is in the app's time zone. A number is milliseconds since 1970.", `date("2026-11-23T18:20+02:00")`, "2026-11-23T16:20:00.000Z"},
		params:   []param{{KindString, KindTime, KindInt}}, typ: yields(KindTime), check: checkDate, run: runDate,
	},
	{
		Function: Function{"addDays", "time.addDays(n)", "The date n days later, at the same time of day in the app's time zone.", `date("2026-11-23").addDays(1)`, "2026-11-24T00:00:00.000Z"},
		params:   []param{timeParam, intParam}, typ: yields(KindTime), run: shift(func(t time.Time, n int) time.Time { return t.AddDate(0, 0, n) }),
	},
	{
		Function: Function{"addMonths", "time.addMonths(n)", "The date n months later; where that month is too short, its last day.", `date("2026-01-31").addMonths(1)`, "2026-02-28T00:00:00.000Z"},
		params:   []param{timeParam, intParam}, typ: yields(KindTime), run: shift(addMonths),
	},
	{
		Function: Function{"addHours", "time.addHours(n)", "The time n hours later.", `date("2026-11-23").addHours(36)`, "2026-11-24T12:00:00.000Z"},
		params:   []param{timeParam, intParam}, typ: yields(KindTime), run: shift(func(t time.Time, n int) time.Time { return t.Add(time.Duration(n) * time.Hour) }),
	},
	{
		Function: Function{"addMinutes", "time.addMinutes(n)", "The time n minutes later.", `date("2026-11-23").addMinutes(-1)`, "2026-11-22T23:59:00.000Z"},
		params:   []param{timeParam, intParam}, typ: yields(KindTime), run: shift(func(t time.Time, n int) time.Time { return t.Add(time.Duration(n) * time.Minute) }),
	},
	{
		Function: Function{"format", `time.format("YYYY-MM-DD HH:mm")`, "The date as text in the app's time zone; YYYY, YY, MM, M, DD, D, HH, H, mm, ss and SSS stand for its parts.", `date("2026-11-03T09:05").format("D.M.YYYY HH:mm")`, "3.11.2026 09:05"},
		params:   []param{timeParam, textParam}, typ: yields(KindString), run: runFormat,
	},
	part("year", "The year of a date.", "2026"),
	part("month", "The month of a date, 1 to 12.", "11"),
	part("day", "The day of the month of a date.", "3"),
	part("hour", "The hour of a date.", "9"),
	part("minute", "The minute of a date.", "5"),
	part("second", "The second of a date.", "0"),
	part("weekday", "The day of the week of a date; Monday is 1.", "2"),
}

func part(name, help, want string) function {
	read := timeParts[name]
	return function{
		Function: Function{name, "time." + name, help, `date("2026-11-03T09:05").` + name, want},
		params:   []param{timeParam}, typ: yields(KindInt),
		run: func(f *frame, args []any) (any, error) { return read(inZone(args[0].(time.Time), f.env.Zone)), nil },
	}
}

func inZone(t time.Time, zone *time.Location) time.Time {
	if zone == nil {
		return t.UTC()
	}
	return t.In(zone)
}

func checkDate(args []node) error {
	text, ok := args[0].value.(string)
	if !ok || !args[0].constant {
		return nil
	}
	_, err := ParseTime(text, nil)
	return err
}

func runDate(f *frame, args []any) (any, error) {
	switch v := args[0].(type) {
	case string:
		return readTime(v, f.env.Zone)
	case int64:
		return moment(inRange(time.UnixMilli(v)))
	default:
		return v, nil
	}
}

// moment keeps a nil interface beside an error.
func moment(t time.Time, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return t, nil
}

func shift(by func(time.Time, int) time.Time) func(*frame, []any) (any, error) {
	return func(f *frame, args []any) (any, error) {
		n, ok := args[1].(int64)
		if !ok {
			return nil, hint("", "a date can not be moved by null")
		}
		if n > 10_000_000 || n < -10_000_000 {
			return nil, hint("", "a date can not be moved that far")
		}
		return moment(inRange(by(inZone(args[0].(time.Time), f.env.Zone), int(n))))
	}
}

func addMonths(t time.Time, n int) time.Time {
	moved := t.AddDate(0, n, 0)
	if moved.Day() != t.Day() {
		return moved.AddDate(0, 0, -moved.Day())
	}
	return moved
}

// formatWords are the parts of a date's format, longer ones first, with Go's own words for them.
var formatWords = [][2]string{
	{"YYYY", "2006"},
	{"SSS", ".000"},
	{"YY", "06"},
	{"MM", "01"},
	{"DD", "02"},
	{"HH", "15"},
	{"mm", "04"},
	{"ss", "05"},
	{"M", "1"},
	{"D", "2"},
	{"H", "15"},
}

// formatTime fills a format; what is no part of a date stands for itself.
func formatTime(t time.Time, pattern string) string {
	var out strings.Builder
next:
	for pattern != "" {
		for _, w := range formatWords {
			rest, ok := strings.CutPrefix(pattern, w[0])
			if !ok {
				continue
			}
			text := strings.TrimPrefix(t.Format(w[1]), ".")
			if w[0] == "H" {
				text = strings.TrimPrefix(text, "0")
			}
			out.WriteString(text)
			pattern = rest
			continue next
		}
		out.WriteByte(pattern[0])
		pattern = pattern[1:]
	}
	return out.String()
}

func runFormat(f *frame, args []any) (any, error) {
	pattern, _ := texts(args)
	if len(pattern) > 100 {
		return nil, hint("", "a date format is at most 100 bytes long")
	}
	if err := f.budget.make(4 * len(pattern)); err != nil {
		return nil, err
	}
	return formatTime(inZone(args[0].(time.Time), f.env.Zone), pattern), nil
}
