package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/cuelight/cuelight/engine/expr"
)

// evaluate does what may not happen inside a commit: it loads the version and the cause of a run, judges a candidate's condition, reads
// what the next turn of a loop needs, evaluates the deferred expressions of the step that comes next and does what that step wants from
// outside. An effect is done only with effects set; else errOutside asks for its turn.
func (e *Engine) evaluate(ctx context.Context, op *advanceOp, effects bool) (err error) {
	defer func() {
		// The run fails; without that it would stay in hand and go nowhere until the next start.
		if r := recover(); r != nil {
			err = coded(ErrInvalid, "PANIC", "the run can not be prepared: %v", r)
			e.log.Error("evaluation panicked", "run", op.run.ID, "panic", e.cats.at(op.run.App).clean(r), "stack", string(debug.Stack()))
		}
	}()
	r := op.run
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
	budget := expr.NewBudget(st.budget(), e.opt.Clock)
	began := e.opt.Clock()
	defer func() {
		op.prepared.ticks, op.prepared.made = budget.Used()
		op.prepared.took = e.opt.Clock().Sub(began)
	}()
	if r.Candidate {
		// Whether it is a run at all is committed before anything is done for its first step.
		return e.evaluateCandidate(ctx, cat, op, budget)
	}
	if err := e.loadLoop(ctx, cat, op, st); err != nil {
		return err
	}
	if err := e.loadAnswers(ctx, op.run, st); err != nil {
		return err
	}
	s, turn := st.next(op.version)
	if turn || s == nil || !s.prepares() {
		return nil
	}
	return e.evaluateStep(ctx, evaluation{op, cat, st, budget}, s, effects)
}

// evaluation is what the worker has in hand of a run.
type evaluation struct {
	op     *advanceOp
	cat    *catalogue
	state  *state
	budget *expr.Budget
}

// evaluateStep evaluates the deferred expressions of the step that comes next and does what it wants from outside.
func (e *Engine) evaluateStep(ctx context.Context, x evaluation, s *step, effects bool) error {
	op, cat, st, r := x.op, x.cat, x.state, x.op.run
	op.prepared.step = s
	if op.fetched == nil && op.run.hand != nil {
		op.fetched = op.run.hand.fetched
	}
	env, err := e.envOutside(ctx, cat, op, st)
	if err != nil {
		return err
	}
	links := e.follower(ctx, r.App, cat)
	env.Follow = links.follow
	if len(s.secrets) > 0 {
		values, err := cat.opened(s.secrets)
		if err != nil {
			op.fetch(s, st.Walked+1, nil, err)
			return nil
		}
		env.Names["secret"] = values
	}
	err = e.inTurn(ctx, func() {
		for _, slot := range s.deferred {
			v, err := slot.eval(env, x.budget)
			if err != nil {
				err = fmt.Errorf("%s: %w", slot.path, err)
			}
			op.prepared.values[slot] = preparedValue{v, err}
		}
	})
	switch {
	case links.failed != nil:
		return links.failed
	case err != nil || s.outside == nil || op.fetched.of(s) && op.fetched.walked == st.Walked+1:
		return err
	case s.effect && !effects:
		return errOutside
	}
	scope := &Scope{run: r, version: op.version, state: st, env: env, prepared: op.prepared}
	o := &Outside{Scope: scope, e: e, op: op, cat: cat, secrets: s.secrets, walked: st.Walked + 1, seq: st.Walked + 1}
	if st.Key > 0 {
		o.seq = st.Key
	}
	if op.dry && s.effect {
		value, err := s.describe(ctx, o)
		op.fetch(s, o.walked, value, masked(cat.mask, err))
		return nil
	}
	return e.fetch(ctx, op, s, o)
}

// envOutside is what a step's expressions see outside of a commit.
func (e *Engine) envOutside(ctx context.Context, cat *catalogue, op *advanceOp, st *state) (expr.Env, error) {
	r := op.run
	object, err := e.objectOrNil(ctx, r.App, r.Structure, r.Object)
	if err != nil {
		return expr.Env{}, err
	}
	if object != nil {
		op.prepared.version = object.Version
	}
	user, err := e.userOf(ctx, op)
	if err != nil {
		return expr.Env{}, err
	}
	env, err := runEnv(cat, r, op.version, st, object, user, e.opt.Clock().UTC())
	if err != nil {
		return expr.Env{}, err
	}
	env.Names["item"], env.Names["index"], err = st.item(cat, r.hand, func(structure, id string) (*Object, error) {
		o, err := e.objectOrNil(ctx, r.App, structure, id)
		if o != nil {
			op.prepared.item, op.prepared.itemVersion = Target{structure, id}, o.Version
		}
		return o, err
	})
	return env, err
}

// inTurn evaluates when one of the few places for it is free: as many as there are processors, so that the time that an expression takes is
// its own and not that of others (guarantees 3.1).
func (e *Engine) inTurn(ctx context.Context, evaluate func()) error {
	select {
	case e.evals <- struct{}{}:
		defer func() { <-e.evals }()
	case <-ctx.Done():
		return ctx.Err()
	}
	evaluate()
	return nil
}

// evaluateCandidate judges the conditions for whose sake the run was committed.
func (e *Engine) evaluateCandidate(ctx context.Context, cat *catalogue, op *advanceOp, budget *expr.Budget) error {
	ch, s := op.run.Cause, cat.structures[op.run.Structure]
	if s == nil || ch == nil {
		return coded(ErrInvalid, "CANDIDATE", "the structure or the change of the run is gone")
	}
	names, err := imagesEnv(s, ch, imageOf(ch, ch.Before, -1), imageOf(ch, ch.After, 0))
	if err != nil {
		return err
	}
	user, err := e.userOf(ctx, op)
	if err != nil {
		return err
	}
	if us := cat.structures[UserStructure]; us != nil {
		env, err := us.env(user)
		if err != nil {
			return err
		}
		names["user"] = orNil(env)
	}
	cat.fill(names, map[string]any{})
	links := e.follower(ctx, op.run.App, cat)
	err = e.inTurn(ctx, func() {
		for _, t := range op.version.candidates(ch) {
			v, err := t.If.eval(expr.Env{Names: names, Now: ch.At, Zone: cat.zone, Follow: links.follow}, budget)
			op.prepared.values[t.If.slot] = preparedValue{v, err}
		}
	})
	return errors.Join(err, links.failed)
}

// userOf is the user who caused a run, nil when there is none or nothing asks for him.
func (e *Engine) userOf(ctx context.Context, op *advanceOp) (*Object, error) {
	if !op.version.readsUser || op.run.User == "" {
		return nil, nil
	}
	return e.objectOrNil(ctx, op.run.App, UserStructure, op.run.User)
}

// loadCause brings back the change that caused a run, from beside the run's state or from the log of changes.
func (e *Engine) loadCause(ctx context.Context, op *advanceOp) error {
	r := op.run
	test := r.Version < 0 && r.Change == 0 // its images may lie beside its state
	if r.Cause != nil || r.Change == 0 && !test || !op.version.readsImages && !r.Candidate {
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
	if test {
		return nil
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
