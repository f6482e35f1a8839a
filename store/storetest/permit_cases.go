package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/cuelight/cuelight/engine"
)

var permitCases = map[string]func(*testing.T, engine.Store){
	"Permits/HoldersAndTheNextEight":           permitWindow,
	"Permits/ARunThatWantsOneHoldsItsLane":     permitWithLane,
	"Permits/OpsOfOneBatchSeeWhoHasOne":        permitInBatch,
	"Permits/ThoseWhoWantOneAreInTheBacklog":   permitBacklog,
	"Permits/AWriterWithoutTheKeyIsAskedForIt": permitUnseen,
}

var permitKey = keys(engine.PermitsKey(app, "s"))

func wants(id string) *engine.Run {
	r := run(id)
	r.Status, r.Owner, r.Permit = engine.RunQueued, "", engine.PermitWanted
	return r
}

func has(id string) *engine.Run {
	r := run(id)
	r.Permit = engine.PermitHeld
	return r
}

func permits(t *testing.T, s engine.Store, look func(*engine.Permits)) {
	t.Helper()
	must(t, s, op(permitKey, func(l *engine.Loaded) (engine.Effects, error) {
		p, err := l.Permits("s")
		if err == nil {
			look(p)
		}
		return engine.Effects{}, err
	}))
}

func permitWindow(t *testing.T, s engine.Store) {
	runs := []*engine.Run{has("h1"), has("h2"), run("without")}
	for i := range engine.TurnWindow {
		runs = append(runs, wants(fmt.Sprint("r", i)))
	}
	other, woken := wants("other"), wants("woken")
	other.Scenario = "s2"
	woken.Started = true
	must(t, s, effects(append(keys(engine.PermitsKey(app, "s2")), permitKey...), engine.Effects{Runs: append(runs, other)}))
	permits(t, s, func(p *engine.Permits) {
		if fmt.Sprint(p.Holders) != "[h1 h2]" || len(p.Queue) != 8 || p.More || p.Queue[0].ID != "r0" || p.Queue[7].ID != "r7" {
			t.Errorf("permits: %+v", p)
		}
	})
	must(t, s, effects(permitKey, engine.Effects{Runs: []*engine.Run{woken}}))
	permits(t, s, func(p *engine.Permits) {
		if len(p.Queue) != 8 || !p.More || p.Queue[0].ID != "woken" || p.Queue[7].ID != "r6" {
			t.Errorf("permits with more: %+v", p)
		}
	})
}

func permitWithLane(t *testing.T, s engine.Store) {
	holds := wants("a")
	holds.Lane, holds.Place, holds.Holds = "s/1", 1, true
	must(t, s, effects(append(keys(engine.LaneKey(app, "s/1")), permitKey...), engine.Effects{Runs: []*engine.Run{holds, queued("b", 2)}}))
	lane(t, s, func(l *engine.Lane) {
		if l.Holder != "a" || len(l.Queue) != 1 || l.Queue[0].ID != "b" {
			t.Errorf("lane: %+v", l)
		}
	})
	permits(t, s, func(p *engine.Permits) {
		if len(p.Holders) != 0 || len(p.Queue) != 1 || p.Queue[0].ID != "a" {
			t.Errorf("permits: %+v", p)
		}
	})
}

func permitInBatch(t *testing.T, s engine.Store) {
	enter := func(id string) engine.Op {
		return op(permitKey, func(l *engine.Loaded) (engine.Effects, error) {
			p, err := l.Permits("s")
			if err != nil {
				return engine.Effects{}, err
			}
			r := wants(id)
			if len(p.Holders) < 2 {
				r = has(id)
			}
			return engine.Effects{Runs: []*engine.Run{r}}, nil
		})
	}
	over := op(append(keys(engine.RunKey(app, "a")), permitKey...), func(l *engine.Loaded) (engine.Effects, error) {
		first, err := l.Run("a")
		if err != nil {
			return engine.Effects{}, err
		}
		r := *first
		r.Status, r.Permit, r.FinishedAt = engine.RunDone, engine.PermitNone, l.Now
		return engine.Effects{Runs: []*engine.Run{&r}}, nil
	})
	must(t, s, enter("a"), enter("b"), enter("c"))
	must(t, s, over, enter("d"))
	permits(t, s, func(p *engine.Permits) {
		if fmt.Sprint(p.Holders) != "[b d]" || len(p.Queue) != 1 || p.Queue[0].ID != "c" {
			t.Errorf("permits: %+v", p)
		}
	})
	if a, err := s.Run(t.Context(), app, "a"); err != nil || a.Permit != engine.PermitNone {
		t.Errorf("a: %+v, %v", a, err)
	}
}

func permitBacklog(t *testing.T, s engine.Store) {
	asleep := has("asleep")
	asleep.Status, asleep.Owner, asleep.DueAt = engine.RunWaiting, "", time.UnixMilli(9)
	must(t, s, effects(permitKey, engine.Effects{Runs: []*engine.Run{has("a"), wants("b"), asleep}}))
	backlog, err := s.Backlog(t.Context(), app)
	if err != nil || len(backlog) != 1 || backlog["s"] != (engine.Backlog{Open: 3, Waiting: 1}) {
		t.Errorf("backlog: %v, %v", backlog, err)
	}
}

// An op that ends a run with a permit without having locked the permits would leave a batch with a wrong picture of them.
func permitUnseen(t *testing.T, s engine.Store) {
	must(t, s, effects(permitKey, engine.Effects{Runs: []*engine.Run{has("a"), wants("b")}}))
	seen := -1
	over := op(keys(engine.RunKey(app, "a")), func(l *engine.Loaded) (engine.Effects, error) {
		first, err := l.Run("a")
		if err != nil {
			return engine.Effects{}, err
		}
		r := *first
		r.Status, r.Permit, r.FinishedAt = engine.RunDone, engine.PermitNone, l.Now
		return engine.Effects{Runs: []*engine.Run{&r}}, nil
	})
	look := op(permitKey, func(l *engine.Loaded) (engine.Effects, error) {
		p, err := l.Permits("s")
		if err == nil {
			seen = len(p.Holders) + 10*len(p.Queue)
		}
		return engine.Effects{}, err
	})
	res := s.Commit(t.Context(), []engine.Op{over, look})
	if res[1].Err != nil || res[0].Err == nil && seen != 10 || res[0].Err != nil && seen != 11 {
		t.Errorf("%v: the later op saw %d", res, seen)
	}
}
