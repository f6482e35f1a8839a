package triggers

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"time"
)

// field makes a random field of a cron line and marks its values. star says that it is *, repeats that it begins with * and means several.
func field(r *rand.Rand, low, high int, names []string, set func(int)) (text string, star, repeats bool) {
	value := func(n int) string {
		if names != nil && n < len(names) && names[n] != "" && r.IntN(3) == 0 {
			return names[n]
		}
		return strconv.Itoa(n)
	}
	var parts []string
	seen := map[int]bool{}
	mark := func(from, to, step int) {
		for v := from; v <= to; v += step {
			seen[v] = true
			set(v)
		}
	}
	for range 1 + r.IntN(8)/6 {
		a := low + r.IntN(high-low+1)
		b := a + r.IntN(high-a+1)
		step := 1 + r.IntN(high-low+1)/(1+r.IntN(6))
		step = min(step, high-low+1)
		if high == 7 {
			step = min(step, 7) // 0 and 7 are one day
		}
		switch r.IntN(9) {
		case 0, 1, 2:
			parts = append(parts, value(a))
			mark(a, a, 1)
		case 3:
			parts = append(parts, value(a)+"-"+value(b))
			mark(a, b, 1)
		case 4:
			parts = append(parts, value(a)+"-"+value(b)+"/"+strconv.Itoa(step))
			mark(a, b, step)
		case 5, 6:
			step = []int{5, 10, 15, 20, 30, 2, 3, 7}[r.IntN(8)]
			step = min(step, high-low+1)
			parts = append(parts, "*/"+strconv.Itoa(step))
			mark(low, high, step)
			repeats = true
			star = star || step == 1
		case 7:
			parts = append(parts, "*")
			mark(low, high, 1)
			star, repeats = true, true
		case 8:
			if high == 7 {
				b, step = 7, min(step, 7)
				parts = append(parts, value(a)+"-7/"+strconv.Itoa(step))
			} else {
				b = high
				parts = append(parts, value(a)+"/"+strconv.Itoa(step))
			}
			mark(a, b, step)
		}
	}
	return strings.Join(parts, ","), star, repeats && len(seen) > 1 || len(seen) == high-low+1
}

var monthNames = []string{"", "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}

// randomCron makes a cron line and its oracle. Most fire on most days, so that a walk of a day or two meets their ticks.
func randomCron(r *rand.Rand) (Spec, *oracle) {
	for {
		o := &oracle{day: -1}
		minute, _, repeatsMinute := field(r, 0, 59, nil, func(v int) { o.minutes[v] = true })
		hour, _, repeatsHour := "", false, false
		if r.IntN(3) == 0 {
			h := r.IntN(4) // the hours in which clocks are changed
			hour, o.hours[h] = strconv.Itoa(h), true
		} else {
			hour, _, repeatsHour = field(r, 0, 23, nil, func(v int) { o.hours[v] = true })
		}
		o.rhythm = repeatsMinute || repeatsHour
		day, month, weekday := "*", "*", "*"
		o.anyDay, o.anyWeekday = true, true
		for i := range o.days {
			o.days[i] = true
		}
		for i := range o.months {
			o.months[i] = true
		}
		for i := range o.weekdays {
			o.weekdays[i] = true
		}
		if r.IntN(4) == 0 {
			o.days = [32]bool{}
			day, o.anyDay, _ = field(r, 1, 31, nil, func(v int) { o.days[v] = true })
		}
		if r.IntN(8) == 0 {
			o.months = [13]bool{}
			month, _, _ = field(r, 1, 12, monthNames, func(v int) { o.months[v] = true })
		}
		if r.IntN(4) == 0 {
			o.weekdays = [7]bool{}
			high := 6 + r.IntN(2) // 7 is Sunday too
			weekday, o.anyWeekday, _ = field(r, 0, high, weekdayNames, func(v int) { o.weekdays[v%7] = true })
			if high == 7 && strings.Contains(weekday, "*") {
				continue // * is the field's own 0 to 6; its steps would be marked one day too far
			}
		}
		return Spec{Cron: strings.Join([]string{minute, hour, day, month, weekday}, " ")}, o
	}
}

// randomSpec makes a spec of any form and its oracle.
func randomSpec(r *rand.Rand) (Spec, *oracle) {
	o := &oracle{day: -1, anyDay: true, anyWeekday: true}
	for i := range o.days {
		o.days[i] = true
	}
	for i := range o.months {
		o.months[i] = true
	}
	for i := range o.weekdays {
		o.weekdays[i] = true
	}
	hour, minute := r.IntN(24), r.IntN(60)
	if r.IntN(2) == 0 {
		hour = r.IntN(4)
	}
	clock := fmt.Sprintf("%02d:%02d", hour, minute)
	switch r.IntN(12) {
	case 0:
		o.hours[hour], o.minutes[minute] = true, true
		return Spec{Daily: clock}, o
	case 1:
		o.hours[hour], o.minutes[minute] = true, true
		a, b := r.IntN(7), r.IntN(7)
		o.weekdays = [7]bool{}
		o.weekdays[a], o.weekdays[b] = true, true
		return Spec{Weekly: weekdayNames[a] + "," + longWeekdays[b] + " " + clock}, o
	case 2:
		o.hours[hour], o.minutes[minute] = true, true
		o.monthDay = 1 + r.IntN(31)
		return Spec{Monthly: fmt.Sprintf("%d %s", o.monthDay, clock)}, o
	case 3:
		o.every = 10 + int64(r.IntN(7200))
		return Spec{Every: time.Duration(o.every) * time.Second}, o
	}
	return randomCron(r)
}

// randomTime is an instant from 1975 to 2099, beyond 2037 by the zones' rules instead of their lists; every other time within 30 hours of a change of the clock.
func randomTime(r *rand.Rand, near []change) time.Time {
	if len(near) > 0 && r.IntN(2) == 0 {
		ch := near[r.IntN(len(near))]
		return ch.at.Add(time.Duration(r.Int64N(int64(60*time.Hour))) - 30*time.Hour)
	}
	begin, end := time.Date(1975, 1, 3, 0, 0, 0, 0, time.UTC), time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)
	at := begin.Add(time.Duration(r.Int64N(int64(end.Sub(begin)))))
	if r.IntN(20) == 0 {
		year := 1976 + 4*r.IntN(31) // the last days of a leap year
		return time.Date(year, 12, 30, 0, 0, r.IntN(3*24*3600), 0, time.UTC)
	}
	if r.IntN(3) == 0 {
		return at.Truncate(time.Minute)
	}
	return at
}

// zoneChanges are the zones of the tests and the changes of their clocks from 1975 to 2059: those of the table, and ones with a past that
// is odder: days that were skipped, quarters of an hour, zones that have none.
var zoneChanges = sync.OnceValues(func() (zones []*time.Location, near map[*time.Location][]change) {
	names := []string{
		"UTC", "Asia/Kathmandu", "Pacific/Apia", "Pacific/Kwajalein", "Pacific/Kiritimati", "Asia/Pyongyang", "America/Caracas", "Europe/Istanbul",
		"Antarctica/Troll", "Antarctica/Casey", "Africa/El_Aaiun", "Asia/Kolkata", "Pacific/Norfolk", "Asia/Singapore", "Europe/Volgograd",
	}
	for _, z := range dstZones {
		names = append(names, z.name)
	}
	near = map[*time.Location][]change{}
	for _, name := range names {
		zone, err := time.LoadLocation(name)
		if err != nil {
			panic(err)
		}
		zones = append(zones, zone)
		offset := func(t time.Time) int { _, o := t.In(zone).Zone(); return o }
		for d := time.Date(1975, 1, 3, 0, 0, 0, 0, time.UTC); d.Year() < 2060; d = d.AddDate(0, 0, 1) {
			if next := d.AddDate(0, 0, 1); offset(d) != offset(next) {
				near[zone] = append(near[zone], changes(zone, d, next)...)
			}
		}
	}
	return zones, near
})
