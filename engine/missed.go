package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// RecordMissed is the kind of record that says that changes start no runs of a scenario any more, since too many wait.
const RecordMissed RecordKind = "missed"

// maxQueued is how many runs of one scenario may queue before changes start no more of them (design 6). No write is refused for it.
const maxQueued = 100_000

// Missed says which changes started no run of a scenario because too many of its runs waited for their turn.
type Missed struct {
	// Changes is how many.
	Changes int64 `json:"changes"`
	// Since is when the first of them was; from then on all that concern the scenario are counted.
	Since time.Time `json:"since"`
	// Running says that somebody has asked for the runs, and that they are being started.
	Running bool `json:"running,omitempty"`
}

// missed is what the store keeps of it: Missed, and how far the runs are started.
type missed struct {
	Missed
	// Spans are the stretches of numbers in which every change that concerns the scenario was missed, in order.
	Spans []span `json:"spans"`
	// Latest is the number of the change that was counted last. Those who count wait for each other at the record, so it is the last one in the
	// feed too, although another node's may have a higher number.
	Latest int64 `json:"latest"`
	// Closed says that the scenario was stopped after the last span: the next change that it misses begins another one.
	Closed bool `json:"closed,omitempty"`
	// Cursor is how far the feed of changes was read: what was missed up to there has had its runs.
	Cursor ChangeCursor `json:"cursor,omitzero"`
}

// span is a stretch of numbers of changes, First and Last in it.
type span struct {
	First int64 `json:"first"`
	Last  int64 `json:"last"`
}

// maxSpans bounds the spans of a record, which is read with each change that is missed; each takes a stop and a start by hand. After that
// many the last one grows over the time in between too.
const maxSpans = 100

// add counts one more change.
func (m *missed) add(seq int64) {
	m.Changes++
	m.Latest = seq
	if n := len(m.Spans); n > 0 && (!m.Closed || n >= maxSpans) {
		// On PostgreSQL a change may have its number before one that was missed by another node has its, and be counted after it.
		m.Spans[n-1] = span{min(m.Spans[n-1].First, seq), max(m.Spans[n-1].Last, seq)}
	} else {
		m.Spans = append(m.Spans, span{seq, seq})
	}
	m.Closed = false
}

// has says whether a change that concerns the scenario was missed by it.
func (m *missed) has(seq int64) bool {
	return slices.ContainsFunc(m.Spans, func(s span) bool { return s.First <= seq && seq <= s.Last })
}

// last is the number of the last change that was missed.
func (m *missed) last() int64 { return m.Latest }

// record is the record's next revision.
func (m *missed) record(old *Record, now time.Time) (*Record, error) {
	body, err := marshal(m)
	next := revised(old, *old, now)
	next.Body = body
	return next, err
}

// overrun says that a scenario takes no further runs.
func (a *act) overrun(scenario string) bool {
	if a.cat.missed[scenario] != nil {
		return true
	}
	return a.cat.queuedOf(scenario) >= a.cat.queued
}

// queuedOf counts the runs of a scenario that wait for their turn, also for one in its rate.
func (c *catalogue) queuedOf(scenario string) int {
	n := c.backlogs.of(c.app.ID, scenario)
	if p := c.scenarios[scenario]; p != nil && p.version != nil && p.version.doc.Settings.Rate != "" {
		return n.Open
	}
	return n.Open - n.Waiting
}

// errOverrun refuses a call.
func errOverrun(kind error, most int) *CodedError {
	return &CodedError{Kind: kind, Code: "OVERLOADED", Limit: "queued_runs", Message: fmt.Sprintf("%d runs of the scenario wait for their turn; it takes no more until they have had it", most)}
}

// miss counts a change that starts no run.
func (a *act) miss(scenario string, ch *Change) error {
	row, err := a.RecordForWrite(RecordMissed, scenario)
	if err != nil {
		return err
	}
	own := slices.IndexFunc(a.eff.Records, func(r *Record) bool { return r.Kind == RecordMissed && r.ID == scenario })
	if own >= 0 { // another change of the same op
		next, before := *a.eff.Records[own], a.eff.Records[own].late
		next.late = func() []byte { return missedToo(before(), ch) }
		a.eff.Records = slices.Clone(a.eff.Records)
		a.eff.Records[own] = &next
		return nil
	}
	next := revised(row, Record{App: a.app, Kind: RecordMissed, ID: scenario}, a.now())
	next.late = func() []byte {
		if row == nil {
			return missedToo(nil, ch)
		}
		return missedToo(row.Body, ch)
	}
	a.eff.Records = append(a.eff.Records, next)
	a.eff.Raise = a.eff.Raise || row == nil
	return nil
}

// missedToo is the body of the record with one more change, whose number is known by now. It can not fail: a body that nobody can read has
// been met by whoever compiled the catalogue.
func missedToo(body []byte, ch *Change) []byte {
	m := missed{Missed: Missed{Since: ch.At}}
	if body != nil {
		_ = json.Unmarshal(body, &m)
	}
	m.add(ch.Seq)
	body, _ = marshal(m)
	return body
}

// MissedBy says which changes started no run of a scenario, nil when all did.
func (e *Engine) MissedBy(ctx context.Context, app AppID, scenario string) (*Missed, error) {
	m, err := e.missedBy(ctx, app, scenario)
	if err != nil || m == nil {
		return nil, err
	}
	return &m.Missed, nil
}

func (e *Engine) missedBy(ctx context.Context, app AppID, scenario string) (*missed, error) {
	r, err := e.store.Record(ctx, app, RecordMissed, scenario)
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return readMissed(r)
}

func readMissed(r *Record) (*missed, error) {
	m := &missed{}
	if err := json.Unmarshal(r.Body, m); err != nil {
		return nil, fmt.Errorf("read missed changes of %s: %w", r.ID, err)
	}
	return m, nil
}

// missedBy is the record of a scenario's missed changes, which the op will write; both are nil when it missed none.
func (l *Loaded) missedBy(scenario string) (*Record, *missed, error) {
	row, err := l.RecordForWrite(RecordMissed, scenario)
	if err != nil || row == nil {
		return nil, nil, err
	}
	m, err := readMissed(row)
	return row, m, err
}

// changeMissed changes the record of a scenario's missed changes; it needs no scenario.
func (e *Engine) changeMissed(ctx context.Context, app AppID, scenario string, change func(cat *catalogue, row *Record, m *missed, now time.Time) (*Record, error)) error {
	_, err := e.commit(ctx, Op{App: app, Lock: []Key{RecordKey(app, RecordMissed, scenario)}, Decide: func(l *Loaded) (Effects, error) {
		cat, err := e.cats.current(l)
		if err != nil {
			return Effects{}, err
		}
		row, m, err := l.missedBy(scenario)
		switch {
		case err != nil:
			return Effects{}, err
		case row == nil && cat.scenarios[scenario] == nil:
			return Effects{}, cat.noScenario(scenario)
		case row == nil:
			return Effects{}, coded(ErrConflict, "NOTHING_MISSED", "no change was missed by the scenario")
		}
		next, err := change(cat, row, m, l.Now)
		return Effects{Raise: true, Records: []*Record{next}}, err
	}})
	return err
}

// ForgetMissed lets changes start runs of a scenario again; those that it missed start none.
func (e *Engine) ForgetMissed(ctx context.Context, app AppID, scenario string) error {
	return e.changeMissed(ctx, app, scenario, func(_ *catalogue, row *Record, _ *missed, now time.Time) (*Record, error) {
		return removed(row, now), nil
	})
}

// RunMissed starts the runs of the changes that a scenario missed, oldest first, as its queue has room for them, and then lets changes start
// runs again. It returns once that is durable; a goroutine of the engine does it, after a restart too, until the scenario is stopped.
func (e *Engine) RunMissed(ctx context.Context, app AppID, scenario string) error {
	err := e.changeMissed(ctx, app, scenario, func(cat *catalogue, row *Record, m *missed, now time.Time) (*Record, error) {
		if _, err := cat.able(scenario); err != nil {
			return nil, err
		}
		m.Running = true
		return m.record(row, now)
	})
	if err == nil {
		e.catchUp(app, scenario)
	}
	return err
}

// stopMissed ends the catch-up of a scenario that is stopped. What it had missed by then stays, for whoever starts it again and asks for it;
// changes that come while it is stopped are not missed.
func (l *Loaded) stopMissed(eff *Effects, scenario string) error {
	row, m, err := l.missedBy(scenario)
	if err != nil || row == nil {
		return err
	}
	m.Running, m.Closed = false, true
	next, err := m.record(row, l.Now)
	eff.Records = append(eff.Records, next)
	return err
}
