package triggers

import (
	"errors"
	"fmt"
	"math/bits"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/robfig/cron/v3"

	"github.com/cuelight/cuelight/engine"
)

// cronFields are the fields of a cron line in their order.
var cronFields = [...]struct {
	name, words string
	size        int // how many values there are
}{
	{"minute", "0 to 59", 60},
	{"hour", "0 to 23", 24},
	{"day of month", "1 to 31", 31},
	{"month", "1 to 12 or jan to dec", 12},
	{"day of week", "0 to 7 or sun to sat, 0 and 7 both Sunday", 7},
}

// cronWords are the descriptors and what they stand for. @every is read apart; @reboot has no meaning here.
var cronWords = map[string]string{
	"@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0",
	"@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@hourly": "0 * * * *",
}

// cronPart is one part of a field's list. The parser alone would also take *-5, +5 and 1--2.
var cronPart = regexp.MustCompile(`^(?:[*?]|([0-9]{1,2}|[a-z]{3})(?:-([0-9]{1,2}|[a-z]{3}))?)(?:/([0-9]{1,2}))?$`)

// cronParser is only ever given five fields: its reading of TZ= panics (robfig/cron issues 470 and 554).
var cronParser = cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow)

// readCron reads a cron line.
func (c *Calendar) readCron(text string) error {
	text = strings.ToLower(strings.TrimSpace(text))
	if strings.HasPrefix(text, "tz=") || strings.HasPrefix(text, "cron_tz=") {
		return wrong("cron", "CRON", "must not name a time zone; that is time_zone")
	}
	if span, ok := strings.CutPrefix(text, "@every "); ok {
		every, err := engine.ParseDuration(strings.TrimSpace(span))
		if err != nil {
			return wrong("cron", "CRON", "@every must be followed by a duration such as 90s, 5m, 2h or 14d, at most 366d")
		}
		return c.readEvery("cron", every)
	}
	if strings.HasPrefix(text, "@") {
		line, ok := cronWords[text]
		if !ok {
			return wrong("cron", "CRON", "must be five fields, or one of @hourly, @daily, @weekly, @monthly, @yearly and @every 15m")
		}
		text = line
	}
	fields := strings.Fields(text)
	if len(fields) != len(cronFields) {
		return wrong("cron", "CRON", fmt.Sprintf("must have five fields: minute, hour, day of month, month, day of week; it has %d", len(fields)))
	}
	for i, f := range fields {
		if !plainField(f, i) {
			return wrongField(i)
		}
	}
	fields[4] = sundayIsZero(fields[4])
	parsed, err := parseCron(strings.Join(fields, " "))
	if err != nil {
		return c.blame(fields)
	}
	const star = 1 << 63 // the parser's mark of a field that is * and so restricts nothing
	c.pattern = pattern{
		minutes: parsed.Minute &^ star, hours: parsed.Hour &^ star, days: parsed.Dom &^ star, months: parsed.Month &^ star, weekdays: parsed.Dow &^ star,
		either: parsed.Dom&star == 0 && parsed.Dow&star == 0,
	}
	c.pattern.rhythm = repeats(fields[0], c.pattern.minutes, 60) || repeats(fields[1], c.pattern.hours, 24)
	if !c.pattern.everFires() {
		return wrong("cron", "CRON", "would never fire: there is no such day in any year")
	}
	c.words = c.pattern.describe() + " (" + c.zone.String() + ")"
	return nil
}

// readEvery reads an interval.
func (c *Calendar) readEvery(setting string, every time.Duration) error {
	switch {
	case every < minEvery:
		return &engine.InvalidError{Fields: []engine.FieldError{{
			Path: setting, Code: "LIMIT", Limit: "schedule_interval", Message: "a schedule may tick every 10 seconds at most",
		}}}
	case every%time.Second != 0:
		return wrong(setting, "OPTION", "must be whole seconds")
	}
	c.every = int64(every / time.Second)
	c.words = describeEvery(every)
	return nil
}

// parseCron runs the parser. A panic of it is an error here: the text comes from people.
func parseCron(line string) (parsed *cron.SpecSchedule, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("parse cron: %v", r)
		}
	}()
	s, err := cronParser.Parse(line)
	if err != nil {
		return nil, fmt.Errorf("parse cron: %w", err)
	}
	parsed, ok := s.(*cron.SpecSchedule)
	if !ok {
		return nil, errors.New("parse cron: not a line of fields")
	}
	return parsed, nil
}

// blame finds the field that the parser refuses, by giving it one field at a time: its own words echo what was sent.
func (c *Calendar) blame(fields []string) error {
	for i, f := range fields {
		line := []string{"*", "*", "*", "*", "*"}
		line[i] = f
		if _, err := parseCron(strings.Join(line, " ")); err != nil {
			return wrongField(i)
		}
	}
	return wrong("cron", "CRON", "is no cron line")
}

func wrongField(i int) error {
	f := cronFields[i]
	return wrong("cron", "CRON", fmt.Sprintf("the %s must be * or %s, a range such as 1-5, a list such as 1,3 or a step of at most %d such as */2", f.name, f.words, f.size))
}

// plainField tells whether a field is a list of parts without surprises. A step that is longer than the field (*/90 for minutes) would
// silently mean something else than it says.
func plainField(field string, i int) bool {
	for part := range strings.SplitSeq(field, ",") {
		m := cronPart.FindStringSubmatch(part)
		if m == nil || part[0] == '?' && i != 2 && i != 4 {
			return false
		}
		if step, _ := strconv.Atoi(m[3]); step > cronFields[i].size {
			return false
		}
	}
	return true
}

// repeats says whether a field makes its spec a rhythm: it begins with *, or is a list that has such a part, and has more than one value; or
// it has every value (guarantee G10; the rule of Vixie cron, but */60, which is one value, is a fixed time).
func repeats(field string, set uint64, size int) bool {
	n := bits.OnesCount64(set)
	return n == size || n > 1 && strings.Contains(field, "*")
}

var weekdayNames = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// sundayIsZero writes day 7 as the parser knows it. A range up to 7, or up to sun, becomes a list: 5-7 is 5,6,0.
func sundayIsZero(field string) string {
	parts := strings.Split(field, ",")
	for i, part := range parts {
		m := cronPart.FindStringSubmatch(part)
		low, high := weekdayNumber(m[1]), weekdayNumber(m[2])
		switch {
		case m[1] == "":
		case m[2] == "" && low == 7:
			parts[i] = "0" // 7/2 counts from Sunday to the week's end, which is Sunday
		case high == 7 || high == 0 && m[2] == "sun" && low > 0:
			step := 1
			if m[3] != "" {
				step, _ = strconv.Atoi(m[3])
			}
			if low < 0 || step < 1 {
				continue // for the parser to refuse
			}
			var days []string
			for d := low; d <= 7; d += step {
				days = append(days, strconv.Itoa(d%7))
			}
			parts[i] = strings.Join(days, ",")
		}
	}
	return strings.Join(parts, ",")
}

// weekdayNumber is -1 for what is no day.
func weekdayNumber(text string) int {
	if n, err := strconv.Atoi(text); err == nil {
		return n
	}
	return slices.Index(weekdayNames, text)
}
