package triggers

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // zones are the same on every machine that has no database of its own

	"github.com/cuelight/cuelight/engine"
)

func calendar(t testing.TB, s Spec) *Calendar {
	t.Helper()
	c, err := NewCalendar(s, "")
	if err != nil {
		t.Fatalf("%+v: %v", s, err)
	}
	return c
}

func instant(t testing.TB, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// shown writes ticks as the schedule's clock shows them.
func shown(ticks []time.Time) string {
	var parts []string
	for _, t := range ticks {
		parts = append(parts, t.Format("Mon 2006-01-02T15:04:05Z07:00"))
	}
	return strings.Join(parts, "\n")
}

func TestNextFive(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		spec Spec
		now  string
		want []string
	}{
		{
			Spec{Cron: "0 9 * * 1-5", TimeZone: "Europe/Riga"},
			"2025-03-27T08:00:00Z",
			[]string{"Fri 2025-03-28T09:00:00+02:00", "Mon 2025-03-31T09:00:00+03:00", "Tue 2025-04-01T09:00:00+03:00", "Wed 2025-04-02T09:00:00+03:00", "Thu 2025-04-03T09:00:00+03:00"},
		},
		{
			Spec{Cron: "0 0 29 2 1"}, "2025-02-01T00:00:00Z", // either of the two is enough
			[]string{"Mon 2025-02-03T00:00:00Z", "Mon 2025-02-10T00:00:00Z", "Mon 2025-02-17T00:00:00Z", "Mon 2025-02-24T00:00:00Z", "Mon 2026-02-02T00:00:00Z"},
		},
		{
			Spec{Cron: "30 12 29 2 *"},
			"1896-02-29T12:30:00Z",
			[]string{"Mon 1904-02-29T12:30:00Z", "Sat 1908-02-29T12:30:00Z", "Thu 1912-02-29T12:30:00Z", "Tue 1916-02-29T12:30:00Z", "Sun 1920-02-29T12:30:00Z"},
		},
		{
			Spec{Every: 15 * time.Minute, TimeZone: "Asia/Kathmandu"},
			"2025-01-01T00:07:30Z",
			[]string{"Wed 2025-01-01T06:00:00+05:45", "Wed 2025-01-01T06:15:00+05:45", "Wed 2025-01-01T06:30:00+05:45", "Wed 2025-01-01T06:45:00+05:45", "Wed 2025-01-01T07:00:00+05:45"},
		},
		{
			Spec{Every: 48 * time.Hour},
			"1969-12-28T00:00:00Z",
			[]string{"Tue 1969-12-30T00:00:00Z", "Thu 1970-01-01T00:00:00Z", "Sat 1970-01-03T00:00:00Z", "Mon 1970-01-05T00:00:00Z", "Wed 1970-01-07T00:00:00Z"},
		},
		{
			Spec{Daily: "9:05"},
			"2025-01-01T09:05:00Z",
			[]string{"Thu 2025-01-02T09:05:00Z", "Fri 2025-01-03T09:05:00Z", "Sat 2025-01-04T09:05:00Z", "Sun 2025-01-05T09:05:00Z", "Mon 2025-01-06T09:05:00Z"},
		},
		{
			Spec{Weekly: "Monday, thu 09:00"},
			"2025-01-01T00:00:00Z",
			[]string{"Thu 2025-01-02T09:00:00Z", "Mon 2025-01-06T09:00:00Z", "Thu 2025-01-09T09:00:00Z", "Mon 2025-01-13T09:00:00Z", "Thu 2025-01-16T09:00:00Z"},
		},
		{
			Spec{Monthly: "31 09:00"}, "2024-01-31T10:00:00Z", // a month that is too short has it on its last day
			[]string{"Thu 2024-02-29T09:00:00Z", "Sun 2024-03-31T09:00:00Z", "Tue 2024-04-30T09:00:00Z", "Fri 2024-05-31T09:00:00Z", "Sun 2024-06-30T09:00:00Z"},
		},
		{
			Spec{Monthly: "last 09:00"},
			"2025-01-31T10:00:00Z",
			[]string{"Fri 2025-02-28T09:00:00Z", "Mon 2025-03-31T09:00:00Z", "Wed 2025-04-30T09:00:00Z", "Sat 2025-05-31T09:00:00Z", "Mon 2025-06-30T09:00:00Z"},
		},
		{
			Spec{Monthly: "30 00:00"},
			"2025-01-30T00:00:00Z",
			[]string{"Fri 2025-02-28T00:00:00Z", "Sun 2025-03-30T00:00:00Z", "Wed 2025-04-30T00:00:00Z", "Fri 2025-05-30T00:00:00Z", "Mon 2025-06-30T00:00:00Z"},
		},
	} {
		if got, want := shown(calendar(t, c.spec).NextFive(instant(t, c.now))), strings.Join(c.want, "\n"); got != want {
			t.Errorf("%+v after %s:\n%s\nwant\n%s", c.spec, c.now, got, want)
		}
	}
}

func TestAppZoneIsTheDefault(t *testing.T) {
	t.Parallel()
	now := instant(t, "2025-07-01T00:00:00Z")
	for _, c := range []struct{ own, app, want string }{
		{"", "", "2025-07-01T09:00:00Z"},
		{"", "Europe/Riga", "2025-07-01T06:00:00Z"},
		{"Asia/Tokyo", "Europe/Riga", "2025-07-02T00:00:00Z"},
	} {
		cal, err := NewCalendar(Spec{Daily: "09:00", TimeZone: c.own}, c.app)
		if err != nil {
			t.Fatal(err)
		}
		next, ok := cal.Next(now)
		if got := next.Format(time.RFC3339); !ok || got != c.want {
			t.Errorf("own zone %q, app's %q: %s, %v; want %s", c.own, c.app, got, ok, c.want)
		}
		if next.Location() != time.UTC {
			t.Errorf("a tick is in %s; its identity is UTC", next.Location())
		}
	}
}

func TestSpecsThatMeanTheSame(t *testing.T) {
	t.Parallel()
	now := instant(t, "2025-01-01T00:00:00Z")
	for _, same := range [][]Spec{
		{{Cron: "0 9 * * 7"}, {Cron: "0 9 * * 0"}, {Cron: "0 9 * * SUN"}, {Cron: " 0\t9 ? * 7/2 "}, {Weekly: "sun 09:00"}},
		{{Cron: "0 9 * * 5-7"}, {Cron: "0 9 * * 5,6,0"}, {Cron: "0 9 * * fri-sun"}, {Weekly: "fri-sun 09:00"}},
		{{Cron: "0 9 * * 1-7/2"}, {Cron: "0 9 * * mon,3,fri,7"}},
		{{Cron: "0 9 * * 0-7"}, {Cron: "0 9 * * *"}, {Daily: "09:00"}, {Weekly: "mon-sun 09:00"}},
		{{Cron: "0 9 * * 5,6,0,1"}, {Weekly: "fri-mon 09:00"}},
		{{Cron: "@hourly"}, {Cron: "0 * * * *"}, {Every: time.Hour}, {Cron: "@every 60m"}, {Cron: "*/60 * * * *"}},
		{{Cron: "@daily"}, {Cron: "@midnight"}, {Cron: "0 0 * * *"}, {Every: 24 * time.Hour}, {Cron: "@every 1d"}},
		{{Cron: "@weekly"}, {Weekly: "sun 00:00"}},
		{{Cron: "@monthly"}, {Monthly: "1 00:00"}},
		{{Cron: "@yearly"}, {Cron: "@annually"}, {Cron: "0 0 1 jan *"}},
		{{Cron: "@every 10s"}, {Every: 10 * time.Second}},
	} {
		want := shown(calendar(t, same[0]).Ticks(now, lastTick, 50))
		for _, s := range same[1:] {
			if got := shown(calendar(t, s).Ticks(now, lastTick, 50)); got != want {
				t.Errorf("%+v and %+v differ:\n%s\n%s", same[0], s, want, got)
			}
		}
	}
}

func TestWrongSpecsAreRefused(t *testing.T) {
	t.Parallel()
	crons := []string{
		// Time zones in the text: these panic in the parser (robfig/cron issues 470 and 554), or hide a zone.
		"TZ=0", "TZ=", "CRON_TZ=UTC", "TZ=TZ=TZ=", "TZ=UTC 0 9 * * *", "CRON_TZ=Europe/Riga 0 9 * * *", "tz=UTC 0 9 * * *",
		"0 0 31 2 *", "0 0 30 2 *", "0 0 31 4,6,9,11 *", // never fire
		"@every 1ns", "@every 0s", "@every -5s", "@every 9s", "@every", "@every ", "@every x", "@every 400d", "@every 10500ms", "@every 1e9h",
		"@reboot", "@", "@hourly 1", "@fortnightly",
		" ", "*", "* * * *", "* * * * * *", "0 0 9 * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * 32 * *", "* * * 13 *", "* * * 0 *", "* * * * 8", "* * * * -1",
		"*-5 * * * *", "+5 * * * *", "5- * * * *", "1--2 * * * *", ", * * * *", "1,,2 * * * *", "1, * * * *", "*/0 * * * *", "*/90 * * * *", "* */25 * * *", "30-10 * * * *",
		"x * * * *", "jan * * * *", "* * * mon *", "* * * * jan", "* * * * mon-jan", "* * * * jan-7", "* * * * 7-7/0", "* * * * 6-3", "? * * * *", "1/2/3 * * * *", "0.5 * * * *", "\x00 * * * *",
		"* * * * " + strings.Repeat("1,", 60) + "1", strings.Repeat("1,", 1<<19) + "1 * * * *",
	}
	for _, text := range crons {
		if len(text) > maxScheduleText || strings.TrimSpace(text) != "" {
			refused(t, Spec{Cron: text}, "cron")
		}
	}
	for _, c := range []struct {
		spec    Spec
		setting string
	}{
		{Spec{}, "cron"},
		{Spec{Cron: "@daily", Every: time.Hour}, "every"},
		{Spec{Daily: "09:00", Monthly: "1 09:00"}, "monthly"},
		{Spec{Every: 9 * time.Second}, "every"},
		{Spec{Every: -time.Hour}, "every"},
		{Spec{Every: 10*time.Second + time.Millisecond}, "every"},
		{Spec{Daily: "24:00"}, "daily"},
		{Spec{Daily: "9"}, "daily"},
		{Spec{Daily: "9:0"}, "daily"},
		{Spec{Daily: "09:60"}, "daily"},
		{Spec{Daily: "09:00:00"}, "daily"},
		{Spec{Weekly: "09:00"}, "weekly"},
		{Spec{Weekly: "mon"}, "weekly"},
		{Spec{Weekly: "mon- 09:00"}, "weekly"},
		{Spec{Weekly: "1 09:00"}, "weekly"},
		{Spec{Weekly: "mon 09:00 10:00"}, "weekly"},
		{Spec{Monthly: "0 09:00"}, "monthly"},
		{Spec{Monthly: "32 09:00"}, "monthly"},
		{Spec{Monthly: "-1 09:00"}, "monthly"},
		{Spec{Monthly: "1"}, "monthly"},
		{Spec{Monthly: "1 2 09:00"}, "monthly"},
		{Spec{Weekly: strings.Repeat("mon ", 40) + "09:00"}, "weekly"},
		{Spec{Daily: "09:00", TimeZone: "Europe/Rigaa"}, "time_zone"},
		{Spec{Daily: "09:00", TimeZone: "Local"}, "time_zone"},
		{Spec{Daily: "09:00", TimeZone: "right/UTC"}, "time_zone"},
		{Spec{Daily: "09:00", TimeZone: "posix/UTC"}, "time_zone"},
		{Spec{Daily: "09:00", TimeZone: "../../etc/passwd"}, "time_zone"},
		{Spec{Daily: "09:00", TimeZone: "/etc/passwd"}, "time_zone"},
		{Spec{Daily: "09:00", TimeZone: strings.Repeat("x/", 500)}, "time_zone"},
	} {
		refused(t, c.spec, c.setting)
	}
}

// refused wants an error at a setting that says something and does not repeat the text.
func refused(t *testing.T, s Spec, setting string) {
	t.Helper()
	c, err := NewCalendar(s, "")
	inv, ok := errors.AsType[*engine.InvalidError](err)
	if !ok || len(inv.Fields) != 1 {
		t.Errorf("%.200q is taken as %v, %v", fmt.Sprint(s), c, err)
		return
	}
	if f := inv.Fields[0]; f.Path != setting || f.Code == "" || len(f.Message) < 10 || c != nil {
		t.Errorf("%.200q: %+v, want an error of %s", fmt.Sprint(s), f, setting)
	}
}

// The parser panics on these by itself; whatever it does must be an error of the text.
func TestParserPanicsAreErrors(t *testing.T) {
	t.Parallel()
	panics := 0
	for _, text := range []string{"TZ=0", "TZ=", "CRON_TZ=UTC", "TZ=TZ=TZ="} {
		_, err := parseCron(text)
		if err == nil {
			t.Errorf("%q is taken", text)
		} else if strings.Contains(err.Error(), "out of range") {
			panics++
		}
	}
	if panics == 0 {
		t.Error("none of these panics any more; the guard has nothing to show")
	}
}

func TestDescribe(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		spec Spec
		want string
	}{
		{Spec{Cron: "0 9 * * 1-5", TimeZone: "Europe/Riga"}, "every weekday at 09:00 (Europe/Riga)"},
		{Spec{Cron: "0 9,12,17 * * *"}, "every day at 09:00, 12:00 and 17:00 (UTC)"},
		{Spec{Cron: "*/15 * * * *"}, "every 15 minutes (UTC)"},
		{Spec{Cron: "* * * * *"}, "every minute (UTC)"},
		{Spec{Cron: "0 * * * *"}, "every hour at minute 0 (UTC)"},
		{Spec{Cron: "*/40 * * * *"}, "every hour at the minutes 0 and 40 (UTC)"},
		{Spec{Cron: "*/15 9-17 * * 1-5"}, "every 15 minutes from 09:00 to 17:45, every weekday (UTC)"},
		{Spec{Cron: "30 */2 * * *"}, "every 2 hours at minute 30 (UTC)"},
		{Spec{Cron: "*/10 1,5,6 * * *"}, "every 10 minutes in the hours 1, 5 and 6 (UTC)"},
		{Spec{Cron: "0 9 13 * 5"}, "on day 13 of every month and also every Friday (either is enough) at 09:00 (UTC)"},
		{Spec{Cron: "0 0 29 2 1"}, "on day 29 of February and also every Monday in February (either is enough) at 00:00 (UTC)"},
		{Spec{Cron: "0 9 1,15 * *"}, "on days 1 and 15 of every month at 09:00 (UTC)"},
		{Spec{Cron: "0 9 * 1,7 6,0"}, "every Saturday and Sunday in January and July at 09:00 (UTC)"},
		{Spec{Cron: "0 9 * 12 *"}, "every day in December at 09:00 (UTC)"},
		{Spec{Daily: "09:00"}, "every day at 09:00 (UTC)"},
		{Spec{Weekly: "thu,mon,sun 09:00"}, "every Monday, Thursday and Sunday at 09:00 (UTC)"},
		{Spec{Monthly: "1 09:00"}, "on day 1 of every month at 09:00 (UTC)"},
		{Spec{Monthly: "30 09:00"}, "on day 30 (or the last day, if there is none) of every month at 09:00 (UTC)"},
		{Spec{Monthly: "last 09:00"}, "on the last day of every month at 09:00 (UTC)"},
		{Spec{Every: 10 * time.Second}, "every 10 seconds"},
		{Spec{Every: time.Minute}, "every minute"},
		{Spec{Every: time.Hour}, "every hour"},
		{Spec{Every: 90 * time.Minute}, "every 1 hour 30 minutes"},
		{Spec{Every: 24 * time.Hour}, "every 24 hours, at 00:00 UTC"},
		{Spec{Every: 14 * 24 * time.Hour, TimeZone: "Europe/Riga"}, "every 14 days, at 00:00 UTC"},
		{Spec{Cron: "@every 2h"}, "every 2 hours"},
	} {
		if got := calendar(t, c.spec).Describe(); got != c.want {
			t.Errorf("%+v: %q, want %q", c.spec, got, c.want)
		}
	}
}

func TestTicksEndWithTheYear9999(t *testing.T) {
	t.Parallel()
	for _, s := range []Spec{{Cron: "*/15 * * * *", TimeZone: "Europe/Riga"}, {Daily: "09:00", TimeZone: "America/New_York"}, {Every: 24 * time.Hour}, {Cron: "0 0 29 2 *"}} {
		c := calendar(t, s)
		for _, after := range []time.Time{lastTick, time.Unix(1<<62, 0), time.Unix(1<<40, 0)} {
			if next, ok := c.Next(after); ok {
				t.Errorf("%+v: %s after the end", s, next)
			}
		}
		for _, after := range []time.Time{{}, time.Unix(-1<<62, 0), time.Unix(-1<<40, 0)} {
			if next, ok := c.Next(after); !ok || next.Year() > 9 {
				t.Errorf("%+v: %s, %v at the beginning", s, next, ok)
			}
		}
	}
}

// Package time gives spans of a zone an end in the past on the 366th day of a year; see spans.at. The year is one that no zone lists.
func TestLastDayOfALeapYear(t *testing.T) {
	t.Parallel()
	for _, zone := range []string{"America/New_York", "Europe/Riga", "Australia/Sydney", "America/Santiago"} {
		at := instant(t, "2096-12-30T12:00:00Z")
		fixed := calendar(t, Spec{Cron: "59 23 31 12 *", TimeZone: zone}).NextFive(at)
		if got, want := fixed[0].Format("2006-01-02 15:04"), "2096-12-31 23:59"; got != want {
			t.Errorf("%s: %s, want %s", zone, got, want)
		}
		rhythm := calendar(t, Spec{Cron: "*/30 * * * *", TimeZone: zone})
		if n := len(rhythm.Ticks(at, at.Add(72*time.Hour), 1000)); n != 144 {
			t.Errorf("%s: %d half hours in three days", zone, n)
		}
	}
}
