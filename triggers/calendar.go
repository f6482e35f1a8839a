package triggers

import (
	"strings"
	"time"

	"github.com/cuelight/cuelight/engine"
)

const (
	// maxScheduleText is the longest text of a schedule: a list of 1 MB takes cron's parser 0.2 s (guarantees 3.11).
	maxScheduleText = 128
	// minEvery is the shortest interval (guarantees 4).
	minEvery = 10 * time.Second
)

// Spec says when a schedule ticks, in exactly one of five ways.
type Spec struct {
	// Cron is a cron line of five fields, or one of @hourly, @daily, @weekly, @monthly, @yearly, @every 15m.
	Cron string
	// Every is an interval of at least 10 seconds, counted from 1970-01-01 00:00 UTC so that all nodes agree.
	Every time.Duration
	// Daily is a time of day: 09:00. Weekly is one or several days and a time: mon,thu 09:00. Monthly is a day of the month, or last, and
	// a time: 1 09:00; in a month that is too short it is the last day.
	Daily, Weekly, Monthly string
	// TimeZone is the IANA name of the zone whose clock is meant; empty is the app's.
	TimeZone string
}

// Calendar computes the ticks of a schedule. It is immutable and safe for concurrent use, knows no clock, and gives the same ticks on every
// node. A tick is a whole second in UTC; that instant is its identity.
type Calendar struct {
	every   int64 // seconds; 0 is a pattern
	pattern pattern
	zone    *time.Location
	words   string
}

// NewCalendar reads a spec; appZone is the name of the app's time zone, empty for UTC. What is wrong comes back as an
// *engine.InvalidError whose paths are the settings of the schedule.
func NewCalendar(s Spec, appZone string) (*Calendar, error) {
	setting, err := s.form()
	if err != nil {
		return nil, err
	}
	name := s.TimeZone
	if name == "" {
		name = appZone
	}
	zone, err := loadZone(name)
	if err != nil {
		return nil, err
	}
	c := &Calendar{zone: zone}
	switch setting {
	case "cron":
		err = c.readCron(s.Cron)
	case "every":
		err = c.readEvery(setting, s.Every)
	case "daily":
		err = c.readDaily(s.Daily)
	case "weekly":
		err = c.readWeekly(s.Weekly)
	case "monthly":
		err = c.readMonthly(s.Monthly)
	}
	if err != nil {
		return nil, err
	}
	return c, nil
}

// form names the one way that was given.
func (s Spec) form() (string, error) {
	var given []string
	for _, f := range []struct {
		name, text string
		set        bool
	}{
		{"cron", s.Cron, s.Cron != ""},
		{"every", "", s.Every != 0},
		{"daily", s.Daily, s.Daily != ""},
		{"weekly", s.Weekly, s.Weekly != ""},
		{"monthly", s.Monthly, s.Monthly != ""},
	} {
		if !f.set {
			continue
		}
		if len(f.text) > maxScheduleText {
			return "", wrong(f.name, "LIMIT", "may be at most 128 characters long")
		}
		given = append(given, f.name)
	}
	switch len(given) {
	case 0:
		return "", wrong("cron", "REQUIRED", "give one of cron, every, daily, weekly and monthly")
	case 1:
		return given[0], nil
	}
	return "", wrong(given[1], "OPTION", "give only one of cron, every, daily, weekly and monthly; there is also "+given[0])
}

// Next is the first tick after an instant. It is false past the year 9999, never otherwise.
func (c *Calendar) Next(after time.Time) (time.Time, bool) {
	t, ok := c.next(&spans{zone: c.zone}, unixOf(after))
	if !ok {
		return time.Time{}, false
	}
	return time.Unix(t, 0).UTC(), true
}

// Ticks are the ticks after the one instant up to and including the other, in order, at most limit of them.
func (c *Calendar) Ticks(after, until time.Time, limit int) []time.Time {
	var ticks []time.Time
	z := &spans{zone: c.zone}
	end := unixOf(until)
	for t, ok := c.next(z, unixOf(after)); ok && t <= end && len(ticks) < limit; t, ok = c.next(z, t) {
		ticks = append(ticks, time.Unix(t, 0).UTC())
	}
	return ticks
}

// NextFive are the next ticks as the schedule's own clock shows them, for people to check what they have asked for.
func (c *Calendar) NextFive(now time.Time) []time.Time {
	ticks := c.Ticks(now, lastTick, 5)
	for i := range ticks {
		ticks[i] = ticks[i].In(c.zone)
	}
	return ticks
}

// Describe says in words when the schedule ticks.
func (c *Calendar) Describe() string { return c.words }

// next is Next in seconds. A tick is a whole second, so the second in which after lies is all that counts.
func (c *Calendar) next(z *spans, after int64) (t int64, ok bool) {
	switch {
	case c.every > 0:
		t, ok = (floorDiv(after, c.every)+1)*c.every, true
	case c.pattern.rhythm:
		t, ok = c.pattern.nextRhythm(z, after)
	default:
		t, ok = c.pattern.nextFixed(z, after)
	}
	return t, ok && t <= lastTick.Unix()
}

// unixOf keeps within the years that have ticks; beyond them seconds could overflow.
func unixOf(t time.Time) int64 {
	switch {
	case t.Before(firstTick):
		return firstTick.Unix()
	case t.After(lastTick):
		return lastTick.Unix()
	}
	return t.Unix()
}

// loadZone accepts the names of the IANA database only. Local and the folders that some machines add mean something else on each machine,
// and right/ counts leap seconds.
func loadZone(name string) (*time.Location, error) {
	bad := wrong("time_zone", "TIME_ZONE", "must be the IANA name of a time zone, such as Europe/Riga")
	first, _, _ := strings.Cut(name, "/")
	switch first {
	case "Local", "localtime", "posix", "posixrules", "right":
		return nil, bad
	}
	if len(name) > 64 {
		return nil, bad
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, bad
	}
	return zone, nil
}

func wrong(setting, code, message string) error {
	return &engine.InvalidError{Fields: []engine.FieldError{{Path: setting, Code: code, Message: message}}}
}
