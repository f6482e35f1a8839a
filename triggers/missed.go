package triggers

import "time"

// What to do about the ticks that came while nobody could run them (guarantee G9).
const (
	// MissedLatest makes up for the last one only, in a run that is told the tick's time. It is the default.
	MissedLatest = "latest"
	// MissedSkip makes up for none.
	MissedSkip = "skip"
	// MissedAll makes up for each one, the last 100 at most.
	MissedAll = "all"
)

const (
	// missedWindow is how long a tick can be made up for (guarantee G9).
	missedWindow = 24 * time.Hour
	maxMissed    = 100
)

// Missed says which ticks after the one instant up to and including now to run after a time away, in order, and how many others there were:
// the caller counts those. Ticks older than 24 hours are never made up for. Nothing is missed when the clock was put back.
//
// It is for a time away: a start, a takeover, a jump of the clock. A tick that is merely late because the program was busy is not missed;
// ask Ticks for it. policy is one of the words above; any other is MissedLatest.
func (c *Calendar) Missed(policy string, after, now time.Time) (run []time.Time, dropped int) {
	from, end := unixOf(after), unixOf(now)
	if from >= end {
		return nil, 0
	}
	keep := 1
	switch policy {
	case MissedSkip:
		return nil, c.count(from, end)
	case MissedAll:
		keep = maxMissed
	}
	if oldest := end - int64(missedWindow/time.Second); from < oldest {
		dropped = c.count(from, oldest)
		from = oldest
	}
	z := &spans{zone: c.zone}
	for t, ok := c.next(z, from); ok && t <= end; t, ok = c.next(z, t) {
		if len(run) == keep {
			run = append(run[:0], run[1:]...)
			dropped++
		}
		run = append(run, time.Unix(t, 0).UTC())
	}
	return run, dropped
}

// count is the number of ticks in (after, until]. It must be fast also when a clock was a hundred years wrong: only around changes of the
// clock, where wall time and elapsed time part, are ticks walked through one by one; elsewhere whole days are added up.
func (c *Calendar) count(after, until int64) int {
	if c.every > 0 {
		return int(floorDiv(until, c.every) - floorDiv(after, c.every))
	}
	z := &spans{zone: c.zone}
	n := 0
	for from, end := after+1, until+1; from < end; {
		s := z.at(from)
		stop := min(s.end, end)
		plain := min(max(s.start+changeReach, from), stop)
		for t, ok := c.next(z, from-1); ok && t < plain; t, ok = c.next(z, t) {
			n++
		}
		n += c.pattern.count(wall(minutesUp(plain+s.offset)), wall(minutesUp(stop+s.offset)))
		from = stop
	}
	return n
}
