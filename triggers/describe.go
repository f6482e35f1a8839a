package triggers

import (
	"fmt"
	"math/bits"
	"strconv"
	"strings"
	"time"
)

// maxTimesListed is how many times of day are listed one by one.
const maxTimesListed = 6

var (
	longWeekdays = []string{"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"}
	workdays     = uint64(0b0111110)
	weekend      = uint64(0b1000001)
)

// describe says in words when a pattern fires, without its zone.
func (p *pattern) describe() string {
	times, listed := p.describeTimes()
	days := p.describeDays()
	if listed {
		if days == "" {
			days = "every day"
		}
		return days + " " + times
	}
	if days == "" {
		return times
	}
	return times + ", " + days
}

// describeTimes says at what times of a day; listed ones follow the day, as in every day at 09:00.
func (p *pattern) describeTimes() (words string, listed bool) {
	minutes, hours := members(p.minutes), members(p.hours)
	if len(hours) < 24 && len(minutes)*len(hours) <= maxTimesListed {
		var times []string
		for _, h := range hours {
			for _, m := range minutes {
				times = append(times, clockTime(h, m))
			}
		}
		return "at " + join(times), true
	}
	words = describeMinutes(minutes)
	if len(hours) == 24 {
		return words, false
	}
	first, last := hours[0], hours[len(hours)-1]
	switch step := evenStep(hours); {
	case step == 1:
		return fmt.Sprintf("%s from %s to %s", words, clockTime(first, minutes[0]), clockTime(last, minutes[len(minutes)-1])), false
	case step > 1 && first == 0 && 24%step == 0 && len(minutes) == 1:
		return fmt.Sprintf("every %d hours at minute %d", step, minutes[0]), false
	}
	var list []string
	for _, h := range hours {
		list = append(list, strconv.Itoa(h))
	}
	return fmt.Sprintf("%s in the hours %s", words, join(list)), false
}

func describeMinutes(minutes []int) string {
	switch step := evenStep(minutes); {
	case len(minutes) == 60:
		return "every minute"
	case len(minutes) == 1:
		return fmt.Sprintf("every hour at minute %d", minutes[0])
	case step > 1 && minutes[0] == 0 && 60%step == 0 && len(minutes) == 60/step:
		return fmt.Sprintf("every %d minutes", step)
	}
	var list []string
	for _, m := range minutes {
		list = append(list, strconv.Itoa(m))
	}
	return "every hour at the minutes " + join(list)
}

// describeDays says on which days; nothing means every day.
func (p *pattern) describeDays() string {
	months := describeMonths(p.months)
	var words string
	switch {
	case p.monthDay == 31:
		words = "on the last day of " + orEveryMonth(months)
		months = ""
	case p.monthDay > 28:
		words = fmt.Sprintf("on day %d (or the last day, if there is none) of %s", p.monthDay, orEveryMonth(months))
		months = ""
	case p.monthDay > 0:
		words = fmt.Sprintf("on day %d of %s", p.monthDay, orEveryMonth(months))
		months = ""
	case p.either:
		// Cron joins the two by or, which surprises many: 0 9 13 * 5 is not Friday the 13th.
		words = fmt.Sprintf("%s and also %s", p.describeMonthDays(months), describeWeekdays(p.weekdays))
		if months != "" {
			words += " in " + months
		}
		words += " (either is enough)"
		months = ""
	case bits.OnesCount64(p.days) < 31 && bits.OnesCount64(p.weekdays) < 7:
		words = fmt.Sprintf("%s if it is %s", p.describeMonthDays(months), strings.TrimPrefix(describeWeekdays(p.weekdays), "every "))
		months = ""
	case bits.OnesCount64(p.days) < 31:
		words = p.describeMonthDays(months)
		months = ""
	case bits.OnesCount64(p.weekdays) < 7:
		words = describeWeekdays(p.weekdays)
	case months != "":
		words = "every day"
	}
	if months != "" {
		words += " in " + months
	}
	return words
}

func (p *pattern) describeMonthDays(months string) string {
	var list []string
	for _, d := range members(p.days) {
		list = append(list, strconv.Itoa(d))
	}
	word := "day"
	if len(list) > 1 {
		word = "days"
	}
	return fmt.Sprintf("on %s %s of %s", word, join(list), orEveryMonth(months))
}

func describeWeekdays(set uint64) string {
	switch set {
	case workdays:
		return "every weekday"
	case weekend:
		return "every Saturday and Sunday"
	case allWeekdays:
		return "every day"
	}
	var names []string
	for i := range 7 {
		if d := (i + 1) % 7; has(set, d) { // a week begins on Monday, as most of the world reads it
			names = append(names, longWeekdays[d])
		}
	}
	return "every " + join(names)
}

// describeMonths is empty where every month is meant.
func describeMonths(set uint64) string {
	if set == allMonths {
		return ""
	}
	var names []string
	for _, m := range members(set) {
		names = append(names, time.Month(m).String())
	}
	return join(names)
}

func orEveryMonth(months string) string {
	if months == "" {
		return "every month"
	}
	return months
}

// describeEvery says an interval; from a day on it matters where in the day it falls.
func describeEvery(every time.Duration) string {
	const day = 24 * time.Hour
	words := ""
	switch {
	case every == day:
		return "every 24 hours, at 00:00 UTC"
	case every%day == 0:
		return fmt.Sprintf("every %d days, at 00:00 UTC", every/day)
	}
	for _, unit := range []struct {
		span time.Duration
		name string
	}{{time.Hour, "hour"}, {time.Minute, "minute"}, {time.Second, "second"}} {
		n := int(every / unit.span)
		every %= unit.span
		switch {
		case n == 1 && words == "" && every == 0:
			words = unit.name
		case n == 1:
			words += " 1 " + unit.name
		case n > 1:
			words += fmt.Sprintf(" %d %ss", n, unit.name)
		}
	}
	return "every " + strings.TrimSpace(words)
}

// members are the values in a set, in order.
func members(set uint64) []int {
	var values []int
	for ; set != 0; set &= set - 1 {
		values = append(values, bits.TrailingZeros64(set))
	}
	return values
}

// evenStep is the distance between values that all have the same one, else 0.
func evenStep(values []int) int {
	if len(values) < 2 {
		return 0
	}
	step := values[1] - values[0]
	for i := 2; i < len(values); i++ {
		if values[i]-values[i-1] != step {
			return 0
		}
	}
	return step
}

func clockTime(hour, minute int) string { return fmt.Sprintf("%02d:%02d", hour, minute) }

// join writes a, b and c.
func join(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
}
