package triggers

import (
	"math"
	"time"
)

const (
	// changeReach is how far from a change of the clock its effects can reach, in seconds. The widest changes there have been are a whole
	// day (Samoa 2011, Alaska 1867); two days leave room.
	changeReach = 48 * 3600
	// forever is further away than any tick and leaves room to add to it.
	forever = math.MaxInt64 / 4
)

// Ticks lie between the years 1 and 9999, which is what dates can be written in.
var (
	firstTick = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)
	lastTick  = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
)

// span is a stretch of time [start, end) in which a zone's clock keeps its distance to UTC; all in seconds.
type span struct{ start, end, offset int64 }

// spans looks up a zone's spans and keeps the last two, because a search asks for the same ones again and again.
type spans struct {
	zone         *time.Location
	last, before span
}

func (z *spans) at(unix int64) span {
	if unix >= z.last.start && unix < z.last.end {
		return z.last
	}
	if unix >= z.before.start && unix < z.before.end {
		z.last, z.before = z.before, z.last
		return z.last
	}
	t := time.Unix(unix, 0).In(z.zone)
	_, offset := t.Zone()
	s := span{start: -forever, end: forever, offset: int64(offset)}
	start, end := t.ZoneBounds()
	if !start.IsZero() {
		s.start = start.Unix()
	}
	if !end.IsZero() {
		s.end = end.Unix()
	}
	if s.end <= unix {
		// Beyond the changes that a zone lists, package time has spans end with the year and takes that to be 365 days long: on the 366th it
		// gives an end that has passed (time.tzset in Go 1.26). A search that follows it would never come to an end.
		s.end = max(s.end+24*3600, unix+1)
	}
	z.last, z.before = s, z.last
	return s
}

// firstReach is the first instant at which the zone's clock shows w or later: the instant itself, the first one where w comes twice, and
// the first instant after the gap where w is skipped.
func (z *spans) firstReach(w wall) int64 {
	shown := int64(w) * 60
	if t := shown - z.last.offset; t < z.last.end && t-changeReach >= z.last.start {
		return t
	}
	// No clock is further from UTC than 16 hours, so none has shown w this early.
	s := z.at(shown - changeReach)
	for {
		if t := max(shown-s.offset, s.start); t < s.end {
			return t
		}
		s = z.at(s.end)
	}
}

// notYet is the first minute that the zone's clock has not reached up to and including the instant; after the clock was put back, that is
// the minute at which it stood then.
func (z *spans) notYet(unix int64) wall {
	s := z.at(unix)
	w := floorDiv(unix+s.offset, 60) + 1
	for s.start > unix-changeReach {
		end := s.start
		s = z.at(end - 1)
		w = max(w, minutesUp(end+s.offset))
	}
	return wall(w)
}

// nextFixed finds the next tick of a spec with fixed times of day: each matching minute of the wall clock fires once, when the clock first
// reaches it (guarantee G10). So a time that the clock skips fires at the first instant after the gap, together with all others that it
// skips there, and a time that comes twice fires the first time.
func (p *pattern) nextFixed(z *spans, after int64) (int64, bool) {
	w, ok := p.next(z.notYet(after))
	if !ok {
		return 0, false
	}
	return z.firstReach(w), true
}

// nextRhythm finds the next tick of a spec that repeats within the day (guarantee G10: it follows elapsed time). It fires whenever the
// clock shows a matching time, both times where one comes twice. The times that a gap skips fire as if the clock had been put forward only
// after them: 02:30 New York time becomes 03:30 on the day on which 02:00 to 03:00 is missing. So `*/15 * * * *` stays every 15 minutes,
// `30 */2 * * *` never pauses for three hours, and `*/5 2 * * *` does not lose its day.
func (p *pattern) nextRhythm(z *spans, after int64) (int64, bool) {
	from := after + 1
	for s := z.at(from); ; s = z.at(from) {
		best, found := int64(0), false
		if w, ok := p.next(wall(minutesUp(from + s.offset))); ok {
			best, found = int64(w)*60-s.offset, true
		}
		if from-changeReach < s.start {
			earlier := z.at(s.start - 1)
			w, ok := p.next(wall(minutesUp(from + earlier.offset)))
			if t := int64(w)*60 - earlier.offset; ok && int64(w)*60 < s.start+s.offset && (!found || t < best) {
				best, found = t, true
			}
		}
		if found && best < s.end {
			return best, true
		}
		if s.end > lastTick.Unix() {
			return 0, false
		}
		from = s.end
	}
}
