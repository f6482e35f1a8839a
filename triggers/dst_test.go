package triggers

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// dstZones are the 40 zones of guarantee G10, each with a year in which its clock was changed twice. Gaps at midnight: Cairo, Santiago,
// Asuncion, Havana, Beirut, Tehran, Amman, Damascus, Sao_Paulo, the Azores; half an hour: Lord Howe; Dublin's winter is the exception to its
// summer; Casablanca puts the clock back for Ramadan.
var dstZones = []struct {
	name string
	year int
}{
	{"America/New_York", 2025},
	{"America/Chicago", 2025},
	{"America/Denver", 2025},
	{"America/Los_Angeles", 2025},
	{"America/Anchorage", 2025},
	{"America/Adak", 2025},
	{"America/Halifax", 2025},
	{"America/St_Johns", 2025},
	{"America/Havana", 2025},
	{"America/Santiago", 2025},
	{"America/Asuncion", 2023},
	{"America/Sao_Paulo", 2018},
	{"America/Mexico_City", 2021},
	{"America/Tijuana", 2025},
	{"America/Nuuk", 2025},
	{"America/Port-au-Prince", 2025},
	{"Atlantic/Azores", 2025},
	{"Atlantic/Bermuda", 2025},
	{"Europe/London", 2025},
	{"Europe/Dublin", 2025},
	{"Europe/Lisbon", 2025},
	{"Europe/Riga", 2025},
	{"Europe/Berlin", 2025},
	{"Europe/Chisinau", 2021},
	{"Europe/Moscow", 2009},
	{"Africa/Cairo", 2025},
	{"Africa/Casablanca", 2025},
	{"Africa/Windhoek", 2016},
	{"Asia/Jerusalem", 2025},
	{"Asia/Beirut", 2025},
	{"Asia/Amman", 2021},
	{"Asia/Damascus", 2021},
	{"Asia/Tehran", 2021},
	{"Asia/Gaza", 2021},
	{"Australia/Sydney", 2025},
	{"Australia/Adelaide", 2025},
	{"Australia/Lord_Howe", 2025},
	{"Pacific/Auckland", 2025},
	{"Pacific/Chatham", 2025},
	{"Pacific/Easter", 2025},
}

// change is one change of a zone's clock: before it the clock is at from, at it it is at to, both on the wall, in minutes.
type change struct {
	at       time.Time
	from, to int64
}

// changes finds the changes between two instants by looking at the clock, first every hour, then every minute.
func changes(zone *time.Location, begin, end time.Time) []change {
	offset := func(t time.Time) int64 { _, o := t.In(zone).Zone(); return int64(o) / 60 }
	var found []change
	for h := begin; h.Before(end); h = h.Add(time.Hour) {
		if offset(h) == offset(h.Add(time.Hour)) {
			continue
		}
		for m := h.Add(time.Minute); !m.After(h.Add(time.Hour)); m = m.Add(time.Minute) {
			before, after := offset(m.Add(-time.Minute)), offset(m)
			if before != after {
				found = append(found, change{at: m, from: m.Unix()/60 + before, to: m.Unix()/60 + after})
			}
		}
	}
	return found
}

// on is a cron line for one local minute of any day.
func on(minute int64) string {
	return fmt.Sprintf("%d %d * * *", minute%60, minute/60%24)
}

// TestChangesOfTheClock is the table of guarantee G10: 40 zones, 2 changes, 6 specs. What is expected follows from the change alone.
func TestChangesOfTheClock(t *testing.T) {
	t.Parallel()
	rows := 0
	for _, z := range dstZones {
		zone, err := time.LoadLocation(z.name)
		if err != nil {
			t.Fatal(err)
		}
		all := changes(zone, time.Date(z.year, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(z.year+1, 1, 1, 0, 0, 0, 0, time.UTC))
		if len(all) != 2 {
			t.Errorf("%s changes its clock %d times in %d", z.name, len(all), z.year)
		}
		for _, ch := range all {
			minute := func(n int64) time.Time { return ch.at.Add(time.Duration(n) * time.Minute) }
			low, high := min(ch.from, ch.to), max(ch.from, ch.to)
			width := high - low
			var want map[string][]time.Time // what fires in the three hours before and the three hours from the change
			if ch.to > ch.from {
				want = map[string][]time.Time{
					on(low):             {ch.at},          // skipped: the first instant after the gap
					on(low + width - 1): {ch.at},          // and so the last minute that is skipped
					on(high):            {ch.at},          // the first that is not skipped
					on(low - 1):         {minute(-1)},     // the last before
					on(high + 7):        {minute(7)},      // an ordinary time after it
					"*/15 * * * *":      quarters(minute), // elapsed time
				}
			} else {
				want = map[string][]time.Time{
					on(low):             {minute(-width)},     // twice: the first
					on(low + width - 1): {minute(-1)},         // twice: the first
					on(high):            {minute(width)},      // once, after the second pass
					on(low - 1):         {minute(-width - 1)}, // once, before the first
					on(high + 7):        {minute(width + 7)},  // an ordinary time after it
					"*/15 * * * *":      quarters(minute),     // elapsed time
				}
			}
			for line, expect := range want {
				rows++
				c := calendar(t, Spec{Cron: line, TimeZone: z.name})
				if got := c.Ticks(minute(-180), minute(179), 100); !slices.Equal(got, expect) {
					t.Errorf("%s, %s, change at %s from wall %s to %s:\n%s\nwant\n%s", z.name, line, ch.at, wallText(ch.from), wallText(ch.to), shown(got), shown(expect))
				}
			}
		}
	}
	if want := len(dstZones) * 2 * 6; len(dstZones) != 40 || rows != want {
		t.Errorf("%d rows for %d zones, want %d for 40", rows, len(dstZones), want)
	}
}

// quarters are the quarters of an hour within three hours of a change; all the changes of the table are at one.
func quarters(minute func(int64) time.Time) []time.Time {
	var all []time.Time
	for n := int64(-179); n < 180; n++ {
		if t := minute(n); t.Unix()%900 == 0 {
			all = append(all, t.UTC())
		}
	}
	return all
}

func wallText(minutes int64) string {
	return time.Unix(minutes*60, 0).UTC().Format("2006-01-02 15:04")
}

// The changes that guarantees 3.11 saw go wrong, and those that the table cannot say.
func TestNotedChanges(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		why, cron, zone, after, until string
		want                          []string
	}{
		{"skipped", "30 2 * * *", "America/New_York", "2026-03-07T12:00:00Z", "2026-03-09T12:00:00Z", []string{"Sun 2026-03-08T03:00:00-04:00", "Mon 2026-03-09T02:30:00-04:00"}},
		{"skipped, the first minute", "0 2 * * *", "America/New_York", "2026-03-08T00:00:00Z", "2026-03-09T00:00:00Z", []string{"Sun 2026-03-08T03:00:00-04:00"}},
		{"several skipped ones are one", "0,30 2,3 * * *", "America/New_York", "2026-03-08T00:00:00Z", "2026-03-09T00:00:00Z", []string{"Sun 2026-03-08T03:00:00-04:00", "Sun 2026-03-08T03:30:00-04:00"}},
		{"twice", "30 1 * * *", "America/New_York", "2026-11-01T00:00:00Z", "2026-11-02T00:00:00Z", []string{"Sun 2026-11-01T01:30:00-04:00"}},
		{"midnight in Cairo", "0 0 * * *", "Africa/Cairo", "2025-04-24T12:00:00Z", "2025-04-26T00:00:00Z", []string{"Fri 2025-04-25T01:00:00+03:00", "Sat 2025-04-26T00:00:00+03:00"}},
		{"midnight in Santiago", "0 0 * * 0", "America/Santiago", "2025-09-06T12:00:00Z", "2025-09-08T00:00:00Z", []string{"Sun 2025-09-07T01:00:00-03:00"}},
		{"no other day takes the skipped midnight", "0 0 * * 6", "America/Santiago", "2025-09-06T12:00:00Z", "2025-09-08T00:00:00Z", nil},
		{"half an hour on Lord Howe", "15 2 * * *", "Australia/Lord_Howe", "2025-10-04T00:00:00Z", "2025-10-05T12:00:00Z", []string{"Sun 2025-10-05T02:30:00+11:00"}},
		{"half an hour twice", "45 1 * * *", "Australia/Lord_Howe", "2025-04-05T00:00:00Z", "2025-04-06T12:00:00Z", []string{"Sun 2025-04-06T01:45:00+11:00"}},
		{"a whole day is skipped", "0 9 * * *", "Pacific/Apia", "2011-12-29T12:00:00Z", "2012-01-01T00:00:00Z", []string{"Thu 2011-12-29T09:00:00-10:00", "Sat 2011-12-31T00:00:00+14:00", "Sat 2011-12-31T09:00:00+14:00", "Sun 2012-01-01T09:00:00+14:00"}},
		{"every hour, gap", "7 * * * *", "America/New_York", "2026-03-08T05:30:00Z", "2026-03-08T08:30:00Z", []string{"Sun 2026-03-08T01:07:00-05:00", "Sun 2026-03-08T03:07:00-04:00", "Sun 2026-03-08T04:07:00-04:00"}},
		{"every hour, twice", "7 * * * *", "America/New_York", "2026-11-01T04:30:00Z", "2026-11-01T07:30:00Z", []string{"Sun 2026-11-01T01:07:00-04:00", "Sun 2026-11-01T01:07:00-05:00", "Sun 2026-11-01T02:07:00-05:00"}},
		{"every two hours are never three", "30 */2 * * *", "America/New_York", "2026-03-08T05:00:00Z", "2026-03-08T09:00:00Z", []string{"Sun 2026-03-08T00:30:00-05:00", "Sun 2026-03-08T03:30:00-04:00", "Sun 2026-03-08T04:30:00-04:00"}},
		{"a rhythm within a skipped hour keeps its day", "*/20 2 * * *", "America/New_York", "2026-03-08T05:00:00Z", "2026-03-08T12:00:00Z", []string{"Sun 2026-03-08T03:00:00-04:00", "Sun 2026-03-08T03:20:00-04:00", "Sun 2026-03-08T03:40:00-04:00"}},
		{"one value is no rhythm", "*/60 1 * * *", "America/New_York", "2026-11-01T00:00:00Z", "2026-11-02T00:00:00Z", []string{"Sun 2026-11-01T01:00:00-04:00"}},
		{"every hour on Lord Howe", "0 * * * *", "Australia/Lord_Howe", "2025-10-04T14:00:00Z", "2025-10-04T17:00:00Z", []string{"Sun 2025-10-05T01:00:00+10:30", "Sun 2025-10-05T02:30:00+11:00", "Sun 2025-10-05T03:00:00+11:00", "Sun 2025-10-05T04:00:00+11:00"}},
	} {
		cal := calendar(t, Spec{Cron: c.cron, TimeZone: c.zone})
		ticks := cal.Ticks(instant(t, c.after), instant(t, c.until), 100)
		for i := range ticks {
			ticks[i] = ticks[i].In(cal.zone)
		}
		if got, want := shown(ticks), strings.Join(c.want, "\n"); got != want {
			t.Errorf("%s: %s in %s:\n%s\nwant\n%s", c.why, c.cron, c.zone, got, want)
		}
	}
}
