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
func (a *act) miss(scenario string) error {
	row, err := a.RecordForWrite(RecordMissed, scenario)
	if err != nil {
		return err
	}
	own := slices.IndexFunc(a.eff.Records, func(r *Record) bool { return r.Kind == RecordMissed && r.ID == scenario })
	if own >= 0 { // another change of the same op
		row = a.eff.Records[own]
	}
	m := Missed{Since: a.now()}
	if row != nil {
		if err := json.Unmarshal(row.Body, &m); err != nil {
			return fmt.Errorf("read missed changes of %s: %w", scenario, err)
		}
	}
	m.Changes++
	body, err := marshal(m)
	if err != nil {
		return err
	}
	if own >= 0 {
		next := *row
		next.Body = body
		a.eff.Records = slices.Clone(a.eff.Records)
		a.eff.Records[own] = &next
		return nil
	}
	a.eff.Records = append(a.eff.Records, revised(row, Record{App: a.app, Kind: RecordMissed, ID: scenario, Body: body}, a.now()))
	a.eff.Raise = a.eff.Raise || row == nil
	return nil
}

// MissedBy says which changes started no run of a scenario, nil when all did.
func (e *Engine) MissedBy(ctx context.Context, app AppID, scenario string) (*Missed, error) {
	r, err := e.store.Record(ctx, app, RecordMissed, scenario)
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	m := &Missed{}
	return m, json.Unmarshal(r.Body, m)
}

// changeMissed changes the record of a scenario's missed changes, or takes it away where change gives nil.
func (e *Engine) changeMissed(ctx context.Context, app AppID, scenario string, change func(Missed) *Missed) error {
	_, err := e.commit(ctx, Op{App: app, Lock: []Key{RecordKey(app, RecordMissed, scenario)}, Decide: func(l *Loaded) (Effects, error) {
		cat, err := e.cats.current(l)
		if err != nil {
			return Effects{}, err
		}
		row, err := l.RecordForWrite(RecordMissed, scenario)
		switch {
		case err != nil:
			return Effects{}, err
		case cat.scenarios[scenario] == nil:
			return Effects{}, cat.noScenario(scenario)
		case row == nil:
			return Effects{}, coded(ErrConflict, "NOTHING_MISSED", "no change was missed by the scenario")
		}
		var m Missed
		if err := json.Unmarshal(row.Body, &m); err != nil {
			return Effects{}, fmt.Errorf("read missed changes of %s: %w", scenario, err)
		}
		next := revised(row, *row, l.Now)
		to := change(m)
		if next.Deleted = to == nil; !next.Deleted {
			if next.Body, err = marshal(to); err != nil {
				return Effects{}, err
			}
		}
		return Effects{Raise: true, Records: []*Record{next}}, nil
	}})
	return err
}

// ForgetMissed lets changes start runs of a scenario again; those that it missed start none.
func (e *Engine) ForgetMissed(ctx context.Context, app AppID, scenario string) error {
	return e.changeMissed(ctx, app, scenario, func(Missed) *Missed { return nil })
}

// RunMissed starts the runs of the changes that a scenario missed, oldest first, as its queue has room for them, and then lets changes start
// runs again. It returns once that is durable; a goroutine of the engine does it, after a restart too.
func (e *Engine) RunMissed(ctx context.Context, app AppID, scenario string) error {
	err := e.changeMissed(ctx, app, scenario, func(m Missed) *Missed { m.Running = true; return &m })
	if err == nil {
		e.catchUp(app, scenario)
	}
	return err
}

// catchUp is RunMissed's work, done once at a time for a scenario.
func (e *Engine) catchUp(app AppID, scenario string) {
	if _, under := e.catching.LoadOrStore(parkID{app, scenario}, true); under {
		return
	}
	e.group.Go("missed changes", func() {
		defer e.catching.Delete(parkID{app, scenario})
		if err := e.startMissed(e.ctx, app, scenario); err != nil && e.ctx.Err() == nil {
			e.log.Warn("can not start the runs of missed changes; ask for them again", "app", app, "scenario", scenario, "err", err)
		}
	})
}

// missedPage is how many changes are looked at in turn, missedPause how long to wait for room in the queue.
const (
	missedPage  = 200
	missedPause = time.Second
)

func (e *Engine) startMissed(ctx context.Context, app AppID, scenario string) error {
	var at ChangeCursor
	for {
		m, err := e.MissedBy(ctx, app, scenario)
		if err != nil || m == nil {
			return err
		}
		page, next, err := e.store.Changes(ctx, app, at, missedPage)
		if err != nil {
			return err
		}
		for _, ch := range page {
			if ch.At.Before(m.Since) {
				continue
			}
			if err := e.startFor(ctx, scenario, ch); err != nil {
				return err
			}
		}
		if len(page) > 0 {
			at = next
			continue
		}
		// None was missed since the page was read, or it is read again.
		seen, over := m.Changes, false
		if err := e.changeMissed(ctx, app, scenario, func(m Missed) *Missed {
			if over = m.Changes == seen; over {
				return nil
			}
			return &m
		}); err != nil || over {
			return err
		}
	}
}

// startFor starts the run of one change, unless there is one already.
func (e *Engine) startFor(ctx context.Context, scenario string, ch *Change) error {
	runs, err := e.store.Runs(ctx, RunQuery{App: ch.App, Scenario: scenario, Change: ch.Seq, Limit: 1})
	if err != nil || len(runs) > 0 || ch.Silent {
		return err
	}
	for n := e.backlogs.of(ch.App, scenario); n.Open-n.Waiting >= e.opt.MaxQueued; n = e.backlogs.of(ch.App, scenario) {
		timer := time.NewTimer(missedPause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
	_, err = e.commit(ctx, Op{App: ch.App, Decide: func(l *Loaded) (Effects, error) {
		cat, err := e.cats.current(l)
		if err != nil {
			return Effects{}, err
		}
		s, ix := cat.structures[ch.Structure], cat.index[ch.Structure]
		if s == nil || ix == nil {
			return Effects{}, nil
		}
		before, after := imageOf(ch, ch.Before, -1), imageOf(ch, ch.After, 0)
		old, err := s.decodeOf(before)
		if err != nil {
			return Effects{}, err
		}
		next, err := s.decodeOf(after)
		if err != nil {
			return Effects{}, err
		}
		own := *ch
		a := newAct(l, cat, cause{Who: ch.Who, Chain: ch.Chain, Depth: ch.Depth})
		_, err = a.matchSome(s, &own, image{before, old}, image{after, next}, scenario)
		return a.eff, err
	}})
	return err
}
