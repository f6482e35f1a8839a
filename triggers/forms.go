package triggers

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

const (
	allMonths   = 1<<13 - 1<<1
	allDays     = 1<<32 - 1<<1
	allWeekdays = 1<<7 - 1
)

var timeOfDay = regexp.MustCompile(`^([01]?[0-9]|2[0-3]):([0-5][0-9])$`)

// at sets the one time of day of a pattern.
func (p *pattern) at(text string) bool {
	m := timeOfDay.FindStringSubmatch(text)
	if m == nil {
		return false
	}
	hour, _ := strconv.Atoi(m[1])
	minute, _ := strconv.Atoi(m[2])
	p.hours, p.minutes = 1<<hour, 1<<minute
	return true
}

// readDaily reads 09:00.
func (c *Calendar) readDaily(text string) error {
	p := pattern{days: allDays, months: allMonths, weekdays: allWeekdays}
	if !p.at(strings.TrimSpace(text)) {
		return wrong("daily", "SCHEDULE", "must be a time of day such as 09:00")
	}
	return c.setForm(p)
}

// readWeekly reads mon 09:00, mon,thu 09:00, mon thu 09:00 and mon-fri 09:00.
func (c *Calendar) readWeekly(text string) error {
	bad := wrong("weekly", "SCHEDULE", "must be one or several days and a time, such as mon 09:00, mon,thu 09:00 or mon-fri 09:00")
	words := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return r == ' ' || r == ',' || r == '\t' })
	if len(words) < 2 {
		return bad
	}
	p := pattern{days: allDays, months: allMonths}
	if !p.at(words[len(words)-1]) {
		return bad
	}
	for _, word := range words[:len(words)-1] {
		from, to, ranged := strings.Cut(word, "-")
		first, last := weekdayNamed(from), weekdayNamed(to)
		if !ranged {
			last = first
		}
		if first < 0 || last < 0 {
			return bad
		}
		// A range may pass the week's end: fri-mon.
		for d := first; ; d = (d + 1) % 7 {
			p.weekdays |= 1 << d
			if d == last {
				break
			}
		}
	}
	return c.setForm(p)
}

// weekdayNamed knows mon and monday; -1 is no day.
func weekdayNamed(word string) int {
	for d, long := range longWeekdays {
		if word == weekdayNames[d] || word == strings.ToLower(long) {
			return d
		}
	}
	return -1
}

// readMonthly reads 1 09:00 and last 09:00. A day that a month does not have is its last day: who asks for the 31st means each month's end,
// and rent is due in February too. For cron's way, which leaves out such months, there is cron.
func (c *Calendar) readMonthly(text string) error {
	words := strings.Fields(strings.ToLower(text))
	p := pattern{months: allMonths}
	if len(words) == 2 && p.at(words[1]) {
		if words[0] == "last" {
			p.monthDay = 31
		} else if d, err := strconv.Atoi(words[0]); err == nil && d >= 1 && d <= 31 {
			p.monthDay = d
		}
	}
	if p.monthDay == 0 {
		return wrong("monthly", "SCHEDULE", "must be a day from 1 to 31, or last, and a time, such as 1 09:00 or last 18:30")
	}
	return c.setForm(p)
}

func (c *Calendar) setForm(p pattern) error {
	c.pattern = p
	c.words = fmt.Sprintf("%s (%s)", p.describe(), c.zone)
	return nil
}
