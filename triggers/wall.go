package triggers

import (
	"math/bits"
	"time"
)

// wall is a minute of a clock on the wall: minutes since 1970-01-01 00:00 as that clock shows them, whatever its zone.
type wall int64

const (
	minutesOfDay = 24 * 60
	// searchMonths bounds the search for a matching day. The rarest day of a spec that ever fires is 29 February, which was and will be
	// missing for eight years around 1900 and 2100.
	searchMonths = 9 * 12
)

// pattern says which minutes of a wall clock fire. Sets are bits: bit n is the value n.
type pattern struct {
	minutes, hours, days, months, weekdays uint64
	// either lets a day fire that is in days or in weekdays, as cron has it where both are restricted; otherwise it must be in both.
	either bool
	// monthDay, when not 0, replaces days and weekdays: this day of each month, or its last day where the month is shorter.
	monthDay int
	// rhythm says that the spec repeats within the day, so that it follows elapsed time through a change of the clock.
	rhythm bool
}

// next is the first matching minute at or after from.
func (p *pattern) next(from wall) (wall, bool) {
	day := floorDiv(int64(from), minutesOfDay)
	minute := int(int64(from) - day*minutesOfDay)
	year, month, d := civil(day)
	for range searchMonths {
		last := daysIn(year, month)
		if !has(p.months, int(month)) {
			day, d, minute = day+int64(last-d+1), last+1, 0
		}
		for ; d <= last; d++ {
			if p.onDay(day, d, last) {
				if m, ok := p.minuteFrom(minute); ok {
					return wall(day*minutesOfDay + int64(m)), true
				}
			}
			minute = 0
			day++
		}
		d = 1
		if month++; month > time.December {
			year, month = year+1, time.January
		}
	}
	return 0, false
}

// count is the number of matching minutes in [from, to).
func (p *pattern) count(from, to wall) int {
	perDay := bits.OnesCount64(p.minutes) * bits.OnesCount64(p.hours)
	n := 0
	for from < to {
		day := floorDiv(int64(from), minutesOfDay)
		midnight := wall((day + 1) * minutesOfDay)
		year, month, d := civil(day)
		switch {
		case !has(p.months, int(month)) || !p.onDay(day, d, daysIn(year, month)):
		case midnight-from == minutesOfDay && midnight <= to:
			n += perDay
		default:
			for w, ok := p.next(from); ok && w < min(midnight, to); w, ok = p.next(w + 1) {
				n++
			}
		}
		from = midnight
	}
	return n
}

// onDay judges a day of a month that has last days; the month itself is the caller's.
func (p *pattern) onDay(day int64, d, last int) bool {
	if p.monthDay > 0 {
		return d == min(p.monthDay, last)
	}
	inDays := has(p.days, d)
	inWeek := has(p.weekdays, weekday(day))
	if p.either {
		return inDays || inWeek
	}
	return inDays && inWeek
}

// minuteFrom is the first matching minute of a day at or after a minute of it.
func (p *pattern) minuteFrom(minute int) (int, bool) {
	h, m := minute/60, minute%60
	if has(p.hours, h) {
		if rest := p.minutes >> m; rest != 0 {
			return h*60 + m + bits.TrailingZeros64(rest), true
		}
	}
	later := p.hours >> (h + 1)
	if later == 0 || p.minutes == 0 {
		return 0, false
	}
	return (h+1+bits.TrailingZeros64(later))*60 + bits.TrailingZeros64(p.minutes), true
}

// everFires says whether there is a day that matches at all; 31 February is none.
func (p *pattern) everFires() bool {
	if p.minutes == 0 || p.hours == 0 || p.months == 0 {
		return false
	}
	_, ok := p.next(0)
	return ok
}

func has(set uint64, value int) bool { return set>>value&1 == 1 }

// weekday is 0 for Sunday; the first day of 1970 was a Thursday.
func weekday(day int64) int { return int(day + 4 - 7*floorDiv(day+4, 7)) }

func civil(day int64) (int, time.Month, int) { return time.Unix(day*24*3600, 0).UTC().Date() }

func daysIn(year int, month time.Month) int {
	switch month {
	case time.February:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case time.April, time.June, time.September, time.November:
		return 30
	}
	return 31
}

// floorDiv rounds down also where a is negative, as times before 1970 are.
func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

func minutesUp(seconds int64) int64 { return -floorDiv(-seconds, 60) }
