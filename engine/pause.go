package engine

import (
	"context"
	"errors"
	"fmt"
)

// errPaused says that the run's scenario is paused: the run stays where it is.
var errPaused = errors.New("scenario is paused")

// park keeps a run in hand whose scenario is paused. The state is looked at again behind it: whoever lets the scenario go on loads the
// catalogue first and takes up what is parked then, so that one of the two sees the other.
func (e *Engine) park(r *Run) {
	if r.hand != nil && r.hand.fetched != nil {
		e.disp.park(r) // what it has done outside must not be done again
	} else {
		e.disp.drop(r) // it stays in its row, so that paused runs take no place from others
	}
	if cat := e.cats.at(r.App); cat == nil || cat.stateOf(r.Scenario) != Paused {
		e.unpark(r.App, r.Scenario)
		e.disp.want(parkID{r.App, r.Scenario})
	}
}

// unpark moves on what was parked of a scenario.
func (e *Engine) unpark(app AppID, scenario string) {
	e.disp.unpark(app, scenario)
	e.pump(app)
}

// afterState carries out what a new state of a scenario means for its runs.
func (e *Engine) afterState(app AppID, scenario string, was, is ScenarioState) {
	if was == is {
		return
	}
	e.group.Go("scenario state", func() {
		if _, err := e.cats.load(e.ctx, app, 1); err != nil && e.ctx.Err() == nil {
			e.log.Warn("can not load catalogue", "app", app, "err", err)
		}
		e.unpark(app, scenario)
		e.disp.want(parkID{app, scenario})
		if is != Stopped {
			return
		}
		if err := e.cancelAll(e.ctx, app, scenario); err != nil && e.ctx.Err() == nil {
			// Each of them is still cancelled when its turn comes.
			e.log.Warn("can not cancel runs of a stopped scenario", "app", app, "scenario", scenario, "err", err)
		}
	})
}

// cancelPage is how many runs one op cancels.
const cancelPage = 100

// cancelAll cancels what a scenario has queued or waiting, newest first. Runs under way see the scenario's state in their next op.
func (e *Engine) cancelAll(ctx context.Context, app AppID, scenario string) error {
	for _, status := range []RunStatus{RunQueued, RunWaiting, RunCalling} {
		before := RunID("")
		for {
			runs, err := e.store.Runs(ctx, RunQuery{App: app, Scenario: scenario, Status: status, Before: before, Limit: cancelPage})
			if err != nil {
				return err
			}
			if len(runs) == 0 {
				break
			}
			before = runs[len(runs)-1].ID
			if err := e.cancelSome(ctx, app, runs); err != nil {
				return err
			}
		}
	}
	return nil
}

// cancelSome cancels those of the runs that are still queued or waiting. One that holds its lane is left to an op of its own, since it
// hands the lane to another run, which may be among these.
func (e *Engine) cancelSome(ctx context.Context, app AppID, runs []*Run) error {
	op := Op{App: app, Bytes: 256 * len(runs)}
	for _, r := range runs {
		op.Lock = append(op.Lock, RunKey(app, r.ID))
		op.Lock = append(op.Lock, turnKeys(r)...)
	}
	op.Decide = func(l *Loaded) (Effects, error) {
		cat, err := e.cats.current(l)
		if err != nil {
			return Effects{}, err
		}
		a := newAct(l, cat, cause{})
		var holders []RunID
		for _, r := range runs {
			row, err := a.Run(r.ID)
			switch {
			case err != nil:
				return Effects{}, err
			case row == nil || !row.Status.Open() || row.Status == RunReady || cat.stateFor(row) != Stopped:
			case row.Holds || row.Permit == PermitHeld || row.Status == RunCalling || row.Parent != "":
				holders = append(holders, row.ID)
			default:
				if err := a.cancel(row); err != nil {
					return Effects{}, err
				}
			}
		}
		a.eff.Value = holders
		return a.eff, nil
	}
	res, err := e.commit(ctx, op)
	if err != nil {
		return err
	}
	for _, id := range res.Effects.Value.([]RunID) {
		if _, err := e.Cancel(ctx, app, id); err != nil && !errors.Is(err, ErrConflict) && !errors.Is(err, ErrNotFound) {
			return err
		}
	}
	return nil
}

// Cancel ends an open run. A step that is under way outside may still have its effect, but nothing comes after it. It fails ErrConflict
// for a run that has ended.
func (e *Engine) Cancel(ctx context.Context, app AppID, id RunID) (*Run, error) {
	res, err := e.commit(ctx, Op{App: app, Lock: []Key{RunKey(app, id)}, Decide: func(l *Loaded) (Effects, error) {
		cat, err := e.cats.current(l)
		if err != nil {
			return Effects{}, err
		}
		a := newAct(l, cat, cause{})
		row, err := a.Run(id)
		switch {
		case err != nil:
			return Effects{}, err
		case row == nil || row.App != app:
			return Effects{}, coded(ErrNotFound, "RUN_NOT_FOUND", "the app has no run of this id")
		case !row.Status.Open():
			return Effects{}, coded(ErrConflict, "ENDED", "the run has ended already: it is %s", row.Status)
		}
		err = a.cancel(row)
		return a.eff, err
	}})
	if err != nil {
		return nil, fmt.Errorf("cancel run %s: %w", id, err)
	}
	called, err := e.store.Runs(ctx, RunQuery{App: app, Parent: id, Limit: MaxCalls})
	if err != nil {
		return nil, fmt.Errorf("cancel runs that %s called: %w", id, err)
	}
	for _, r := range called {
		if !r.Status.Open() {
			continue
		}
		if _, err := e.Cancel(ctx, app, r.ID); err != nil && !errors.Is(err, ErrConflict) {
			return nil, err
		}
	}
	return ownRun(res.Effects.Runs, id), nil
}

// cancel ends an open run; its epoch is raised, so that whoever has it in hand drops it.
func (a *act) cancel(row *Run) error {
	waiting := 0
	if row.Status == RunWaiting {
		waiting = -1
	}
	next := *row
	next.Epoch++
	next.Status, next.FinishedAt, next.Owner, next.DueAt = RunCancelled, a.now(), "", row.DueAt
	next.Holds, next.Permit = false, PermitNone
	if err := a.leave(row, &next, a.cat.node); err != nil {
		return err
	}
	a.setRun(&next)
	a.tally(&next, -1, waiting)
	return a.answer(&next, &state{Seat: seatOf(row)})
}
