package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cuelight/cuelight/engine/expr"
)

// Rerun asks that a run goes on or begins anew.
type Rerun struct {
	App AppID
	Run RunID
	Who string
	// Once makes it safe to repeat.
	Once *Once
}

// lock are the keys that every rerun locks.
func (r Rerun) lock() []Key {
	if r.Once == nil {
		return nil
	}
	return []Key{ClaimKey(r.App, "once", r.Once.claim())}
}

// Retry lets a failed run go on from the step that failed, in its own version, with the variables and outputs that it has; an effect
// outside of that step keeps its idempotency key. It fails ErrConflict for a run that did not fail or never began, whose version is gone,
// or whose scenario is stopped.
func (e *Engine) Retry(ctx context.Context, r Rerun) (RunID, error) {
	op := Op{App: r.App, Lock: append(r.lock(), RunKey(r.App, r.Run)), Bytes: 512}
	op.Decide = func(l *Loaded) (Effects, error) {
		cat, err := e.cats.current(l)
		if err != nil {
			return Effects{}, err
		}
		a := newAct(l, cat, cause{Who: r.Who})
		ans, err := a.replay(r.Once)
		if err != nil || ans != nil {
			return Effects{}, err
		}
		if err := a.retry(r.Run); err != nil {
			return Effects{}, err
		}
		return a.eff, a.remember(r.Once, answer{Runs: []RunID{r.Run}})
	}
	if _, err := e.commit(ctx, op); err != nil {
		return "", fmt.Errorf("retry run %s: %w", r.Run, err)
	}
	return r.Run, nil
}

// retry brings a failed run back into its lane, before the runs that have not begun.
func (a *act) retry(id RunID) error {
	row, err := a.Run(id)
	if err != nil {
		return err
	}
	if err := a.retryable(row); err != nil {
		return err
	}
	st, err := decodeState(row.State)
	if err != nil {
		return err
	}
	if st.Error != nil {
		st.Frames, st.Key = st.FailedAt, st.FailedKey
		st.Error, st.FailedAt, st.FailedKey = nil, nil, 0
	}
	st.Attempt, st.Active = 0, 0
	st.Seat = nil // its caller has its answer, and may be at another call by now
	next := *row
	if next.State, err = st.encode(); err != nil {
		return err
	}
	next.Epoch++
	next.Error = nil
	next.DueAt, next.FinishedAt, next.ForgetAt = time.Time{}, time.Time{}, time.Time{}
	if err := a.enter(&next, a.cat.node); err != nil {
		return err
	}
	a.setRun(&next)
	a.tally(&next, 1, 0)
	return nil
}

// retryable says what keeps a run from going on.
func (a *act) retryable(row *Run) error {
	switch {
	case row == nil || row.App != a.app:
		return coded(ErrNotFound, "RUN_NOT_FOUND", "the app has no run of this id")
	case row.Status != RunFailed:
		return coded(ErrConflict, "NOT_FAILED", "the run has not failed: it is %s", row.Status)
	case !row.Started:
		return coded(ErrConflict, "NEVER_BEGAN", "the run was refused before its first step")
	case a.cat.stateFor(row) == Stopped:
		return coded(ErrConflict, "NOT_RUNNING", "the scenario is stopped")
	}
	if p := a.cat.scenarios[row.Scenario]; p != nil && p.version != nil && p.version.Number == row.Version {
		return nil
	}
	v, err := a.Record(VersionKind(row.Version), versionKey(row.Scenario, row.Version))
	if err == nil && v == nil {
		err = coded(ErrConflict, "VERSION_GONE", "version %d of the scenario, by which the run goes, is gone", row.Version)
	}
	return err
}

// Again starts a new run of the present version of a run's scenario, for the same trigger, object and change and with the variables that
// the run began with. The new run starts a chain of its own. A run whose condition was never found true judges it again. It fails
// ErrConflict when the change is gone, or when the present version does not take what the run began with.
func (e *Engine) Again(ctx context.Context, r Rerun) (RunID, error) {
	op := Op{App: r.App, Lock: r.lock(), Bytes: 512}
	old, ch, err := e.beginning(ctx, r)
	if err != nil {
		return "", err
	}
	if old.Object != "" {
		op.Peek = append(op.Peek, ObjectKey(r.App, old.Structure, old.Object))
	}
	op.Decide = func(l *Loaded) (Effects, error) {
		cat, err := e.cats.current(l)
		if err != nil {
			return Effects{}, err
		}
		a := newAct(l, cat, cause{Who: r.Who, User: old.User})
		if ans, err := a.replay(r.Once); err != nil || ans != nil {
			if ans == nil {
				return Effects{}, err
			}
			return Effects{Value: ans.Runs[0]}, nil
		}
		id, err := a.again(old, ch)
		if err != nil {
			return Effects{}, err
		}
		a.eff.Value = id
		return a.eff, a.remember(r.Once, answer{Runs: []RunID{id}})
	}
	res, err := e.commit(ctx, op)
	if err != nil {
		return "", fmt.Errorf("run %s again: %w", r.Run, err)
	}
	return res.Effects.Value.(RunID), nil
}

// beginning is a run and the change that caused it, nil for one that was called. What a run began with does not change any more.
func (e *Engine) beginning(ctx context.Context, r Rerun) (*Run, *Change, error) {
	old, err := e.store.Run(ctx, r.App, r.Run)
	if errors.Is(err, ErrNotFound) {
		return nil, nil, coded(ErrNotFound, "RUN_NOT_FOUND", "the app has no run of this id")
	}
	if err != nil || old.Change == 0 {
		return old, nil, err
	}
	ch, err := e.store.Change(ctx, r.App, old.Change)
	if errors.Is(err, ErrNotFound) {
		return nil, nil, coded(ErrConflict, "CAUSE_GONE", "the change that started the run was pruned")
	}
	return old, ch, err
}

// again starts the new run.
func (a *act) again(old *Run, ch *Change) (RunID, error) {
	v, err := a.running(old.Scenario)
	if err != nil {
		return "", err
	}
	run := &Run{
		App: a.app, ID: RunID(a.NewID()), Scenario: v.Scenario, Version: v.Number, Format: RunFormat, Candidate: old.Candidate, Trigger: old.Trigger,
		Object: old.Object, Cause: ch, User: old.User, Depth: 1, CreatedAt: a.now(),
	}
	if v.structure != nil {
		run.Structure = v.structure.ID
	}
	if run.Object != "" && run.Structure != old.Structure {
		return "", coded(ErrConflict, "STRUCTURE_CHANGED", "the scenario is for another structure by now")
	}
	st, err := decodeState(old.State)
	if err != nil {
		return "", err
	}
	vars, err := v.takes(st.Input)
	if err != nil {
		return "", err
	}
	env, err := a.envAgain(run, v, vars)
	if err != nil {
		return "", err
	}
	return run.ID, a.admitWith(run, v, env, vars)
}

// running is the version by which new runs of a scenario go.
func (a *act) running(scenario string) (*Version, error) {
	p := a.cat.scenarios[scenario]
	switch {
	case p != nil && p.version == nil && len(p.problems) > 0:
		return nil, &InvalidError{Fields: p.problems, Conflict: true}
	case p == nil || p.version == nil || p.state == Stopped:
		return nil, coded(ErrConflict, "NOT_RUNNING", "the scenario is not published and started")
	}
	return p.version, nil
}

// takes checks variables that another version of the scenario took.
func (v *Version) takes(input map[string]any) (map[string]any, error) {
	vars := map[string]any{}
	var errs []FieldError
	for _, name := range keysOf(input) {
		typ, there := v.doc.Parameters[name]
		if !there {
			errs = append(errs, FieldError{Path: "vars." + name, Code: "UNKNOWN_PARAMETER", Message: "the scenario has no such parameter any more"})
			continue
		}
		f := Field{ID: name, Type: FieldType(typ)}
		value, err := f.accept(input[name])
		if err != nil {
			errs = append(errs, fieldError("vars."+name, "TYPE", err))
			continue
		}
		vars[name] = value
	}
	if len(errs) > 0 {
		return nil, &InvalidError{Fields: errs, Conflict: true}
	}
	return vars, nil
}

// envAgain is what the lane of a run sees: the change's images, or the object as it is now.
func (a *act) envAgain(run *Run, v *Version, vars map[string]any) (expr.Env, error) {
	names := map[string]any{}
	if v.structure != nil && run.Cause != nil {
		images, err := imagesEnv(v.structure, run.Cause, imageOf(run.Cause, run.Cause.Before, -1), imageOf(run.Cause, run.Cause.After, 0))
		if err != nil {
			return expr.Env{}, err
		}
		names = images
	} else if v.structure != nil && run.Object != "" {
		o, err := a.object(run.Structure, run.Object, false)
		if err != nil {
			return expr.Env{}, err
		}
		object, err := v.structure.env(o)
		if err != nil {
			return expr.Env{}, err
		}
		names["object"] = orNil(object)
	}
	var err error
	if names["user"], err = a.userFor([]*Trigger{{version: v}}); err != nil {
		return expr.Env{}, err
	}
	a.cat.fill(names, vars)
	return expr.Env{Names: names, Now: a.now(), Zone: a.cat.zone}, nil
}
