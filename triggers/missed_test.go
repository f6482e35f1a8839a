package triggers

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestMissed(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	now := instant(t, "2025-06-11T11:00:30Z")
	for _, c := range []struct {
		why     string
		spec    Spec
		policy  string
		away    time.Duration
		run     int
		dropped int
		last    string
	}{
		{"an hour, the latest", Spec{Cron: "* * * * *"}, MissedLatest, time.Hour, 1, 59, "2025-06-11T11:00:00Z"},
		{"an hour, by default", Spec{Cron: "* * * * *"}, "", time.Hour, 1, 59, "2025-06-11T11:00:00Z"},
		{"an hour, none", Spec{Cron: "* * * * *"}, MissedSkip, time.Hour, 0, 60, ""},
		{"an hour, all", Spec{Cron: "* * * * *"}, MissedAll, time.Hour, 60, 0, "2025-06-11T11:00:00Z"},
		{"two hours, all, a hundred at most", Spec{Cron: "* * * * *"}, MissedAll, 2 * time.Hour, 100, 20, "2025-06-11T11:00:00Z"},
		{"days, all, a day at most", Spec{Cron: "0 * * * *"}, MissedAll, 5 * day, 24, 96, "2025-06-11T11:00:00Z"},
		{"days, the latest", Spec{Cron: "0 * * * *"}, MissedLatest, 5 * day, 1, 119, "2025-06-11T11:00:00Z"},
		{"too long ago for any", Spec{Weekly: "mon 09:00"}, MissedAll, 4 * day, 0, 1, ""},
		{"too long ago for the latest", Spec{Weekly: "mon 09:00"}, MissedLatest, 4 * day, 0, 1, ""},
		{"nothing was due", Spec{Daily: "09:00"}, MissedAll, time.Hour, 0, 0, ""},
		{"no time away", Spec{Every: 10 * time.Second}, MissedAll, 0, 0, 0, ""},
		{"the clock was put back", Spec{Every: 10 * time.Second}, MissedAll, -400 * day, 0, 0, ""},
		{"400 days of seconds", Spec{Every: 10 * time.Second}, MissedAll, 400 * day, 100, 400*8640 - 100, "2025-06-11T11:00:30Z"},
		{"a hundred years of minutes", Spec{Cron: "* * * * *"}, MissedLatest, 36525 * day, 1, 36525*1440 - 1, "2025-06-11T11:00:00Z"},
	} {
		run, dropped := calendar(t, c.spec).Missed(c.policy, now.Add(-c.away), now)
		last := ""
		if len(run) > 0 {
			last = run[len(run)-1].Format(time.RFC3339)
		}
		if len(run) != c.run || dropped != c.dropped || last != c.last {
			t.Errorf("%s: %d to run, the last %q, %d dropped; want %d, %q, %d", c.why, len(run), last, dropped, c.run, c.last, c.dropped)
		}
	}
}

// TestFiveYears walks through five years of 400 schedules in all zones of the tests: each tick comes strictly after the one before, so that
// no two have one id, and Next from a tick, or from a moment before the next one, agrees with the list (guarantee G8).
func TestFiveYears(t *testing.T) {
	t.Parallel()
	zones, _ := zoneChanges()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	begin := time.Date(2021, 1, 1, 0, 0, 0, 0, time.UTC)
	end := begin.AddDate(5, 0, 0)
	ticks := 0
	for specs := 0; specs < 400; {
		spec, _ := randomSpec(r)
		spec.TimeZone = zones[r.IntN(len(zones))].String()
		c, err := NewCalendar(spec, "")
		if err != nil {
			continue
		}
		expect := c.count(begin.Unix(), end.Unix())
		if expect > 40_000 && specs%40 != 0 {
			continue // a few that tick every minute are enough
		}
		specs++
		n := 0
		for last := begin; ; {
			chunk := c.Ticks(last, end, 1000)
			for _, tick := range chunk {
				if !tick.After(last) || tick.Nanosecond() != 0 || tick.Location() != time.UTC {
					t.Fatalf("%+v: %s after %s", spec, tick, last)
				}
				last = tick
			}
			if len(chunk) == 0 {
				break
			}
			n += len(chunk)
			i := r.IntN(len(chunk))
			next, ok := c.Next(chunk[i])
			if early, _ := c.Next(chunk[i].Add(-time.Nanosecond)); !early.Equal(chunk[i]) || !ok || i+1 < len(chunk) && !next.Equal(chunk[i+1]) {
				t.Fatalf("%+v: next of %s is %s, just before it %s", spec, chunk[i], next, early)
			}
		}
		if n != expect {
			t.Fatalf("%+v: %d ticks, counted %d", spec, n, expect)
		}
		ticks += n
	}
	t.Logf("%d ticks", ticks)
}

// clockwork is a scheduler as the engine's would be, with a clock that jumps: what it has looked at is up to seen, and a tick runs only if
// its id is not claimed yet.
type clockwork struct {
	calendar *Calendar
	policy   string
	seen     time.Time
	claimed  map[int64]bool
}

// wake runs what is due and says what it ran. away says that the scheduler knows that it was not there.
func (s *clockwork) wake(now time.Time, away bool) (ran []time.Time, dropped int) {
	due := s.calendar.Ticks(s.seen, now, 1000)
	if away {
		due, dropped = s.calendar.Missed(s.policy, s.seen, now)
	}
	s.seen = now
	for _, tick := range due {
		if !s.claimed[tick.Unix()] {
			s.claimed[tick.Unix()] = true
			ran = append(ran, tick)
		}
	}
	return ran, dropped
}

// jumpSpecs tick from every ten seconds to once a month.
var jumpSpecs = []Spec{
	{Every: 10 * time.Second},
	{Cron: "*/15 * * * *", TimeZone: "America/New_York"},
	{Cron: "30 1,2 * * *", TimeZone: "Europe/Riga"},
	{Daily: "00:00", TimeZone: "Africa/Cairo"},
	{Weekly: "mon,sat 02:15", TimeZone: "Australia/Lord_Howe"},
	{Monthly: "last 23:59", TimeZone: "America/Santiago"},
}

// TestClockJumps lets the clock jump 10,000 times by a second to 400 days, forward and back, with some ordinary ticks between: no burst
// beyond the policy, no tick twice, no silence (guarantee G11).
func TestClockJumps(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	most := map[string]int{MissedLatest: 1, MissedSkip: 0, MissedAll: 100}
	policies := []string{MissedLatest, MissedSkip, MissedAll}
	ran, made := 0, 0
	for i := range len(jumpSpecs) * len(policies) {
		spec, policy := jumpSpecs[i%len(jumpSpecs)], policies[i/len(jumpSpecs)]
		s := &clockwork{calendar: calendar(t, spec), policy: policy, seen: instant(t, "2025-03-01T00:00:00Z"), claimed: map[int64]bool{}}
		everRan := map[int64]bool{}
		ordinary := func(now time.Time, away bool) []time.Time {
			before := s.seen
			ticks, dropped := s.wake(now, away)
			for j, tick := range ticks {
				if everRan[tick.Unix()] {
					t.Fatalf("%+v, %s: %s ran again", spec, policy, tick)
				}
				everRan[tick.Unix()] = true
				if !tick.After(before) || tick.After(now) || j > 0 && !tick.After(ticks[j-1]) || away && tick.Before(now.Add(-missedWindow)) {
					t.Fatalf("%+v, %s: %s ran at %s, after %s", spec, policy, tick, now, before)
				}
			}
			if away && len(ticks) > most[policy] || away && now.Before(before) && len(ticks)+dropped > 0 {
				t.Fatalf("%+v, %s: %d ran and %d were dropped when the clock went from %s to %s", spec, policy, len(ticks), dropped, before, now)
			}
			if want := s.calendar.count(before.Unix(), now.Unix()); away && now.After(before) && len(ticks)+dropped > want {
				t.Fatalf("%+v, %s: %d ran and %d were dropped, of %d", spec, policy, len(ticks), dropped, want)
			}
			return ticks
		}
		for range 10_000/(len(jumpSpecs)*len(policies)) + 1 {
			span := time.Second << r.IntN(26)
			jump := min(span+time.Duration(r.Int64N(int64(span))), 400*24*time.Hour)
			if r.IntN(2) == 0 && s.seen.Year() > 2015 || s.seen.Year() > 2035 {
				jump = -jump
			}
			made++
			ran += len(ordinary(s.seen.Add(jump), true))
			// After the jump the schedule goes on with the next tick by the clock as it is now, however far back that is.
			next, ok := s.calendar.Next(s.seen)
			if !ok || next.Sub(s.seen) > 32*24*time.Hour {
				t.Fatalf("%+v is silent from %s to %s", spec, s.seen, next)
			}
			was := s.claimed[next.Unix()]
			if ticks := ordinary(next.Add(time.Duration(r.IntN(1000))*time.Millisecond), false); !was && !slices.ContainsFunc(ticks, next.Equal) {
				t.Fatalf("%+v did not run %s", spec, next)
			}
		}
	}
	if made < 10_000 || ran == 0 {
		t.Errorf("%d jumps, %d made up for", made, ran)
	}
}
