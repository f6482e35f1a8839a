package triggers

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/robfig/cron/v3"
)

// oracle decides minute by minute whether a schedule ticks. It shares nothing with the calendar but the zone database: the sets come from
// the generator that also writes the text, days from package time, and the changes of the clock from looking at it.
type oracle struct {
	minutes  [60]bool
	hours    [24]bool
	days     [32]bool
	months   [13]bool
	weekdays [7]bool
	// anyDay and anyWeekday say that the field is *.
	anyDay, anyWeekday bool
	monthDay           int
	rhythm             bool
	every              int64
	scratch            []int32

	// day caches what dayMatches said of a day.
	day     int64
	matches bool
}

// match tells whether a minute of the wall clock is one of the schedule's.
func (o *oracle) match(wall int64) bool {
	minute := int(((wall % 1440) + 1440) % 1440)
	if !o.minutes[minute%60] || !o.hours[minute/60] {
		return false
	}
	if day := wall - int64(minute); day != o.day {
		o.day, o.matches = day, o.dayMatches(time.Unix(day*60, 0).UTC())
	}
	return o.matches
}

func (o *oracle) dayMatches(d time.Time) bool {
	if !o.months[d.Month()] {
		return false
	}
	if o.monthDay > 0 {
		if d.Day() == o.monthDay {
			return true
		}
		tomorrow := d.AddDate(0, 0, 1)
		return d.Day() < o.monthDay && tomorrow.Day() == 1
	}
	if o.anyDay || o.anyWeekday {
		return o.days[d.Day()] && o.weekdays[d.Weekday()]
	}
	return o.days[d.Day()] || o.weekdays[d.Weekday()]
}

// ticks walks through (after, until]; both in seconds.
func (o *oracle) ticks(zone *time.Location, after, until int64) []int64 {
	var found []int64
	if o.every > 0 {
		for s := after + 1; s <= until; s++ {
			if s%o.every == 0 {
				found = append(found, s)
			}
		}
		return found
	}
	// The walk begins a day and more before, because a change of the clock there may still have an effect.
	begin, end := floor60(after)-26*60, floor60(until)
	o.scratch = clock(zone, begin, end, o.scratch)
	offsets := o.scratch
	if n := floor60(after) - begin; !slices.ContainsFunc(offsets[:n], func(o int32) bool { return o != offsets[n] }) {
		begin, offsets = begin+n, offsets[n:] // nothing has happened
	}
	reached := begin + int64(offsets[0]) // the latest the clock has shown
	gapEnd, old := int64(0), int64(0)    // where the last gap on the wall ended, and the offset before it
	for t := begin + 1; t <= end; t++ {
		offset, before := int64(offsets[t-begin]), int64(offsets[t-begin-1])
		if offset > before {
			gapEnd, old = t+offset, before
		}
		fires := false
		if o.rhythm {
			fires = o.match(t+offset) || t+old < gapEnd && o.match(t+old)
		} else {
			for ; reached < t+offset; reached++ {
				fires = o.match(reached+1) || fires
			}
		}
		if fires && t*60 > after {
			found = append(found, t*60)
		}
	}
	return found
}

// clock is the zone's distance to UTC at each minute: looked at every hour, and every minute of an hour in which it changes.
// It writes into scratch if there is room, because a hundred thousand walks would else spend their time on garbage.
func clock(zone *time.Location, begin, end int64, scratch []int32) []int32 {
	at := func(minute int64) int32 {
		_, o := time.Unix(minute*60, 0).In(zone).Zone()
		return int32(o / 60)
	}
	offsets := slices.Grow(scratch[:0], int(end-begin)+1)[:end-begin+1]
	for h := begin; h <= end; h += 60 {
		last := min(h+59, end)
		low, high := at(h), at(last)
		for m := h; m <= last; m++ {
			offsets[m-begin] = low
			if low != high {
				offsets[m-begin] = at(m)
			}
		}
	}
	return offsets
}

func floor60(s int64) int64 {
	if s < 0 {
		return (s - 59) / 60
	}
	return s / 60
}

const oracleCases = 100_000

// TestOracle compares 100,000 random (spec, zone, time) with the oracle: all ticks of the 30 hours after, how many they are, and Next
// (guarantee G10). The number is the same under the race detector.
func TestOracle(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	const shards = 4
	for shard := range shards {
		t.Run(strconv.Itoa(shard), func(t *testing.T) {
			t.Parallel()
			zones, near := zoneChanges()
			r := rand.New(rand.NewPCG(seed, uint64(shard)))
			ticks, failed := 0, 0
			var scratch []int32
			for n := 0; n < oracleCases/shards && failed < 5; n++ {
				spec, o := randomSpec(r)
				zone := zones[r.IntN(len(zones))]
				spec.TimeZone = zone.String()
				after := randomTime(r, near[zone])
				c, err := NewCalendar(spec, "")
				if err != nil {
					if !strings.Contains(err.Error(), "never fire") || len(o.ticks(zone, after.Unix(), after.Unix()+9*3600)) > 0 {
						t.Errorf("case %d: %+v: %v", n, spec, err)
						failed++
					}
					continue
				}
				o.scratch = scratch
				got, why := compare(c, o, zone, after)
				scratch = o.scratch
				ticks += got
				if why != "" {
					t.Errorf("case %d of seed %d/%d: %+v after %s: %s", n, seed, shard, spec, after.Format(time.RFC3339Nano), why)
					failed++
				}
			}
			t.Logf("%d cases, %d ticks", oracleCases/shards, ticks)
		})
	}
}

// compare says where the calendar and the oracle differ in the 30 hours (two, for intervals of seconds) after an instant.
func compare(c *Calendar, o *oracle, zone *time.Location, after time.Time) (n int, why string) {
	until := after.Add(30 * time.Hour)
	if o.every > 0 {
		until = after.Add(2 * time.Hour)
	}
	want := o.ticks(zone, after.Unix(), until.Unix())
	got := c.Ticks(after, until, len(want)+1)
	for i := range max(len(got), len(want)) {
		switch {
		case i >= len(got):
			return 0, fmt.Sprintf("misses %s", time.Unix(want[i], 0).In(zone))
		case i >= len(want):
			return 0, fmt.Sprintf("has %s too many", got[i].In(zone))
		case got[i].Unix() != want[i]:
			return 0, fmt.Sprintf("has %s, should have %s", got[i].In(zone), time.Unix(want[i], 0).In(zone))
		}
	}
	next, ok := c.Next(after)
	if !ok || len(want) > 0 && next.Unix() != want[0] || len(want) == 0 && !next.After(until.Truncate(time.Second)) {
		return 0, fmt.Sprintf("next is %s, %v", next.In(zone), ok)
	}
	if n := c.count(after.Unix(), until.Unix()); n != len(want) {
		return 0, fmt.Sprintf("counts %d, should be %d", n, len(want))
	}
	return len(want), ""
}

// TestOracleOverYears lets the oracle walk three years for schedules that tick rarely.
func TestOracleOverYears(t *testing.T) {
	t.Parallel()
	zones, near := zoneChanges()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for range 40 {
		spec, o := randomSpec(r)
		zone := zones[r.IntN(len(zones))]
		spec.TimeZone = zone.String()
		after := randomTime(r, near[zone])
		c, err := NewCalendar(spec, "")
		if err != nil || o.every > 0 {
			continue
		}
		until := after.AddDate(3, 0, 0)
		want := o.ticks(zone, after.Unix(), until.Unix())
		if got := c.count(after.Unix(), until.Unix()); got != len(want) {
			t.Errorf("%+v after %s: counts %d, should be %d", spec, after, got, len(want))
		}
		for i, tick := range c.Ticks(after, until, len(want)+1) {
			if i >= len(want) || tick.Unix() != want[i] {
				t.Errorf("%+v after %s: tick %d is %s", spec, after, i, tick.In(zone))
				break
			}
		}
	}
}

// In UTC, where the clock is never changed, the parser's own search is right and must agree.
func TestAgreesWithTheParserInUTC(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	parser := cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow)
	for range 3000 {
		spec, _ := randomCron(r)
		theirs, err := parser.Parse(spec.Cron)
		if err != nil {
			continue // day 7, which it does not know
		}
		after := randomTime(r, nil)
		c, err := NewCalendar(spec, "")
		if want := theirs.Next(after); err != nil {
			if !want.IsZero() {
				t.Errorf("%s: %v, but it fires on %s", spec.Cron, err, want)
			}
			continue
		} else if next, _ := c.Next(after); !next.Equal(want) && !want.IsZero() { // it gives up after five years
			t.Errorf("%s after %s: %s, want %s", spec.Cron, after, next, want)
		}
	}
}

// A test that could not see a mistake would prove nothing: the oracle must tell apart what the rules tell apart.
func TestOracleSeesTheRules(t *testing.T) {
	t.Parallel()
	zone, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		hour   int
		rhythm bool
		after  string
		want   []string
	}{
		{2, false, "2025-03-09T05:00:00Z", []string{"2025-03-09T07:00:00Z"}},
		{2, true, "2025-03-09T05:00:00Z", []string{"2025-03-09T07:30:00Z"}},
		{1, false, "2025-11-02T05:00:00Z", []string{"2025-11-02T05:30:00Z"}},
		{1, true, "2025-11-02T05:00:00Z", []string{"2025-11-02T05:30:00Z", "2025-11-02T06:30:00Z"}},
	} {
		o := &oracle{day: -1, anyDay: true, anyWeekday: true, rhythm: c.rhythm}
		o.minutes[30], o.hours[c.hour] = true, true
		o.days, o.months, o.weekdays = [32]bool{9: true, 2: true}, [13]bool{3: true, 11: true}, [7]bool{true}
		var got []string
		after := instant(t, c.after)
		for _, s := range o.ticks(zone, after.Unix(), after.Add(6*time.Hour).Unix()) {
			got = append(got, time.Unix(s, 0).UTC().Format(time.RFC3339))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("hour %d, rhythm %v: %v, want %v", c.hour, c.rhythm, got, c.want)
		}
	}
}
