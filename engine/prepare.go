package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/cuelight/cuelight/engine/expr"
)

// evaluate does what may not happen inside a commit: it loads the version and the cause of a run, judges a candidate's conditions,
// and evaluates the deferred expressions of the step that comes next.
func (e *Engine) evaluate(ctx context.Context, op *advanceOp) error {
	r := op.run
	var err error
	if op.version, err = e.cats.version(ctx, r.App, r.Scenario, r.Version); err != nil {
		return err
	}
	if err := e.loadCause(ctx, op); err != nil {
		return err
	}
	cat := e.cats.at(r.App)
	st, err := decodeState(r.State)
	if err != nil {
		return err
	}
	op.prepared = &prepared{values: map[*slot]preparedValue{}, version: -1}
	budget := expr.NewBudget(expr.FullLimits, e.opt.Clock)
	if r.Candidate {
		yes, err := e.evaluateCandidate(cat, op, budget)
		if err != nil || !yes {
			return err
		}
	}
	s := st.next(op.version)
	if s == nil || len(s.deferred) == 0 {
		return nil
	}
	op.prepared.step = s
	object, err := e.objectOrNil(ctx, r.App, r.Structure, r.Object)
	if err != nil {
		return err
	}
	if object != nil {
		op.prepared.version = object.Version
	}
	var user *Object
	if op.version.readsUser && r.User != "" {
		if user, err = e.objectOrNil(ctx, r.App, UserStructure, r.User); err != nil {
			return err
		}
	}
	env, err := runEnv(cat, r, op.version, st, object, user, e.opt.Clock().UTC())
	if err != nil {
		return err
	}
	for _, slot := range s.deferred {
		v, err := slot.eval(env, budget)
		if err != nil {
			err = fmt.Errorf("%s: %w", slot.path, err)
		}
		op.prepared.values[slot] = preparedValue{v, err}
	}
	return nil
}

func (e *Engine) evaluateCandidate(cat *catalogue, op *advanceOp, budget *expr.Budget) (bool, error) {
	t := op.version.trigger(op.run.Trigger)
	s := cat.structures[op.run.Structure]
	if t == nil || s == nil || op.run.Cause == nil {
		return false, coded(ErrInvalid, "CANDIDATE", "the trigger, the structure or the change of the run is gone")
	}
	ch := op.run.Cause
	names, err := imagesEnv(s, ch, imageOf(ch, ch.Before, -1), imageOf(ch, ch.After, 0))
	if err != nil {
		return false, err
	}
	names["vars"], names["steps"], names["app"] = map[string]any{}, map[string]any{}, map[string]any{"id": string(op.run.App)}
	matched := false
	for _, t := range op.version.candidates(t.ID, ch) {
		v, err := t.If.eval(expr.Env{Names: names, Now: ch.At}, budget)
		op.prepared.values[t.If.slot] = preparedValue{v, err}
		if yes, _ := v.(bool); yes && err == nil {
			matched = true
			if !t.Once {
				break // one that has had its run leaves the turn to the next
			}
		}
	}
	return matched, nil
}

// loadCause brings back the change that caused a run, from beside the run's state or from the log of changes.
func (e *Engine) loadCause(ctx context.Context, op *advanceOp) error {
	r := op.run
	if r.Cause != nil || r.Change == 0 || !op.version.readsImages && !r.Candidate {
		return nil
	}
	own := *r
	op.run = &own
	ch, err := e.store.Change(ctx, r.App, r.Change)
	if err == nil {
		own.Cause = ch
		return nil
	}
	if !errors.Is(err, ErrNotFound) {
		return err
	}
	values, err := e.store.Values(ctx, r.App, r.ID)
	if err != nil {
		return err
	}
	for _, v := range values {
		if v.Name == causeValue {
			ch := &Change{}
			if err := json.Unmarshal(v.Value, ch); err != nil {
				return coded(ErrInvalid, "CAUSE", "the cause of the run can not be read: %s", err)
			}
			own.Cause = ch
			return nil
		}
	}
	return coded(ErrInvalid, "CAUSE_GONE", "the change that started the run was pruned")
}

func (e *Engine) objectOrNil(ctx context.Context, app AppID, structure, id string) (*Object, error) {
	if id == "" {
		return nil, nil
	}
	o, err := e.store.Object(ctx, app, structure, id)
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	return o, err
}
