package engine

import (
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"github.com/cuelight/cuelight/engine/expr"
)

// Bounds of a fused op (design 6).
const (
	maxFused       = 16
	maxEffects     = 64
	maxEffectBytes = 1 << 20
)

// Bounds of waiting inside a lane and of retries.
const (
	holdRetries = time.Minute
	maxBackoff  = time.Hour
	longSleep   = time.Hour
)

// advanceOp is one attempt to move a run on: what the dispatcher knows of the run, and what a worker evaluated for it.
type advanceOp struct {
	run      *Run
	version  *Version
	prepared *prepared
	// needs counts how often the op came back for more keys; past maxNeedRounds a fused op ends before the step that asks.
	needs int
	// tries counts how often the step's deferred expressions were evaluated for an object that then had changed.
	tries int
	// fetched is what a worker got for the step from outside; it is kept while the op is tried again, so that no effect is repeated.
	fetched *fetched
	// alone has the op walk one step and look whether the run's state can still be kept: an op of several steps found that it can not.
	alone bool
	// dry has what a step would do outside described and not done.
	dry bool
}

// maxMoves is how often a deferred expression is evaluated anew because its object changed meanwhile (design 5).
const maxMoves = 5

const maxNeedRounds = 3

// decide walks the run inside its op.
func (op *advanceOp) decide(l *Loaded, cats *catalogues) (Effects, error) {
	cat, err := cats.current(l)
	if err != nil {
		return Effects{}, err
	}
	row, err := l.Run(op.run.ID)
	if err != nil {
		return Effects{}, err
	}
	next := *row
	next.Cause = nil
	w := &walk{op: op, a: newAct(l, cat, causeOf(op.run)), run: &next}
	if w.state, err = decodeState(row.State); err != nil {
		return Effects{}, err
	}
	w.a.cause.Path = w.state.Path
	if p := op.prepared; p != nil {
		w.state.Ticks, w.state.Made = w.state.Ticks+p.ticks, w.state.Made+p.made
		w.state.Active += p.took.Milliseconds()
	}
	switch cat.stateFor(row) {
	case Paused:
		return Effects{}, errPaused
	case Stopped:
		w.finish(RunCancelled)
	default:
		if err := w.judge(); err != nil {
			return Effects{}, err
		}
	}
	if next.Status == RunReady && w.state.Pace < paceTaken {
		keep, err := w.pace()
		if err != nil {
			return Effects{}, err
		}
		w.begun = w.begun || keep
	}
	if limit := op.version.doc.Settings.active(); next.Status == RunReady && time.Duration(w.state.Active)*time.Millisecond > limit {
		w.run.Error = &RunError{Code: "RUN_TIMEOUT", Message: fmt.Sprintf("its steps worked for more than %s in all (settings.timeout)", limit)}
		w.finish(RunFailed)
	}
	if next.Status == RunReady {
		if err := w.steps(); err != nil {
			return Effects{}, err
		}
	}
	return w.save(row)
}

func causeOf(r *Run) cause {
	return cause{Run: r, User: r.User, Chain: r.Chain, Depth: r.Depth}
}

// walk is one op's walk through the steps of a run.
type walk struct {
	op    *advanceOp
	a     *act
	run   *Run
	state *state
	seen  *Object // the state of the current object that env shows
	env   expr.Env
	done  int // steps walked in this op
	// turned says that a loop has gone on in this op, begun that the run was judged or paced in it: that is kept before a worker does
	// anything for the run.
	turned, begun bool
}

// judge settles a candidate: its condition was evaluated by a worker on the change's images.
func (w *walk) judge() error {
	if !w.run.Candidate {
		return nil
	}
	if w.op.prepared == nil {
		return errPrepare
	}
	for _, t := range w.op.version.candidates(w.op.run.Cause) {
		v, judged := w.op.prepared.values[t.If.slot]
		if !judged {
			return errPrepare // the catalogue was compiled anew since
		}
		if v.err != nil {
			w.a.cat.problem(t, v.err)
		}
		if yes, _ := v.value.(bool); !yes {
			continue
		}
		if t.Once {
			done, err := w.a.once(t, w.run.Object)
			if err != nil {
				return err
			}
			if done {
				continue
			}
		}
		w.run.Candidate, w.run.Trigger = false, t.ID
		w.begun = true
		return nil
	}
	w.finish(RunNotMatched)
	return nil
}

// candidates are the triggers of a version that a change may concern and whose condition is judged by the run itself. One run stands for
// all of them: the first that proves true is its trigger.
func (v *Version) candidates(ch *Change) []*Trigger {
	var list []*Trigger
	for _, t := range v.triggers {
		if t.candidate() && ch != nil && slices.Contains(t.On, ch.Kind) && (ch.Kind != Changed || t.watches(ch.Fields)) {
			list = append(list, t)
		}
	}
	return list
}

// steps walks as many steps as fit into the op.
func (w *walk) steps() error {
	for turns := 0; w.run.Status == RunReady && w.done < maxFused && turns < maxTurns && w.effects() < maxEffects && w.a.bytes < maxEffectBytes; {
		s, turn := w.state.next(w.op.version)
		if turn {
			turns++
			ended, err := w.turnSafely()
			if err != nil || ended {
				return err
			}
			continue
		}
		if s == nil || w.state.passed(w.op.version) {
			w.finish(w.ending())
			return nil
		}
		if w.state.innermost() < 0 && w.state.Steady >= maxStepsRun {
			w.fail(s, &CodedError{Kind: ErrInvalid, Code: "STEPS", Limit: "steps_per_run", Message: fmt.Sprintf("a run may walk at most %d steps outside of loops", maxStepsRun)})
			return nil
		}
		ended, err := w.step(s)
		if err != nil || ended || w.op.alone {
			return err
		}
	}
	return nil
}

// turnSafely brings a loop to its next item; what it asks for ends the op before it, where there is something in the op already.
func (w *walk) turnSafely() (ended bool, err error) {
	before := w.state.clone()
	err = w.turn()
	if err == nil {
		w.seen, w.env.Names = nil, nil // item has changed
		w.turned = true
		return false, nil
	}
	if errors.Is(err, errSkipped) {
		w.turned = true
		return true, nil
	}
	w.state = before
	if errors.Is(err, errPrepare) || isNeed(err) {
		if w.turned && w.done == 0 && errors.Is(err, errPrepare) {
			return true, nil
		}
		return w.endBefore(err)
	}
	at := w.state.innermost()
	s := w.op.version.steps[w.state.Frames[at].Loop.Step]
	if s == nil {
		s = w.op.version.scheduled[w.state.Frames[at].Loop.Step]
	}
	w.state.Frames = w.state.Frames[:at]
	w.state.Frames[at-1].At-- // the loop itself is what failed, and what comes next where it is tried again
	w.fail(s, err)
	return true, nil
}

// ending is the status of a run that has walked all its steps: failed when it got there through its catch.
func (w *walk) ending() RunStatus {
	if w.state.Error != nil {
		w.run.Error = w.state.Error
		return RunFailed
	}
	return RunDone
}

func (w *walk) effects() int {
	e := &w.a.eff
	return len(e.Objects) + len(e.Pushes) + len(e.Runs)
}

// step walks one step. ended says that the op ends before it, so that the next op begins with it.
func (w *walk) step(s *step) (ended bool, err error) {
	if s.prepares() && !w.isPrepared(s) {
		if w.done > 0 || w.turned || w.begun {
			return true, nil // the next op begins with it
		}
		return false, errPrepare
	}
	if err := w.look(); err != nil {
		return w.endBefore(err)
	}
	mark, before, run := w.a.mark(), w.state.clone(), *w.run
	scope := &Scope{a: w.a, run: w.run, version: w.op.version, state: w.state, env: w.env, prepared: w.prepared(s), fetched: w.op.fetched, hand: w.op.run.hand}
	var out Outcome
	if s.outside != nil && w.op.fetched.err != nil {
		err = w.op.fetched.err
	} else {
		out, err = runStep(s, scope)
	}
	if err == nil {
		err = w.settle(s, out)
	}
	if err == nil && w.op.alone {
		_, err = w.state.encode()
	}
	if err == nil {
		w.done++
		return false, nil
	}
	w.a.rollback(mark)
	w.state, *w.run = before, run
	w.seen = nil
	if errors.Is(err, errMoved) && w.op.tries >= maxMoves {
		err = coded(ErrConflict, "MOVED", "the object changed %d times while a value was computed for it; let its runs take turns (order: per_object)", maxMoves)
	}
	if errors.Is(err, errMoved) || errors.Is(err, errPrepare) || errors.Is(err, ErrLater) || isNeed(err) {
		return w.endBefore(err)
	}
	if w.done > 0 {
		return true, nil
	}
	w.fail(s, err)
	w.done++
	return false, nil
}

// isPrepared says whether a worker has prepared this very walk of a step: it prepares the first of an op only, and a loop comes to a step
// many times.
func (w *walk) isPrepared(s *step) bool {
	p := w.op.prepared
	if p == nil || p.step != s || w.done > 0 || w.turned || w.begun {
		return false
	}
	return s.outside == nil || w.op.fetched.of(s) && w.op.fetched.walked == w.state.Walked+1
}

func (w *walk) prepared(s *step) *prepared {
	if p := w.op.prepared; p != nil && p.step == s {
		return p
	}
	return nil
}

func isNeed(err error) bool {
	_, is := errors.AsType[*NeedError](err)
	return is
}

// endBefore passes on what a step asks for, unless the op has come back for it too often: then it ends with the steps before.
func (w *walk) endBefore(err error) (bool, error) {
	if w.done > 0 && (!isNeed(err) || w.op.needs >= maxNeedRounds) {
		return true, nil
	}
	return false, err
}

// runStep turns a panic of a step into its failure.
func runStep(s *step, scope *Scope) (out Outcome, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = coded(ErrInvalid, "PANIC", "step %s broke: %v", s.kind, r)
			scope.a.cat.log.Error("step panicked", "kind", s.kind, "run", scope.run.ID, "panic", scope.a.cat.clean(r), "stack", string(debug.Stack()))
		}
	}()
	return s.run(scope)
}

// save gives the op's effects: the run's new row, and its turn handed on if it gave it up.
func (w *walk) save(row *Run) (Effects, error) {
	next := w.run
	next.Started = true
	next.Cursor = row.Cursor + 1
	var err error
	if next.State, err = w.state.encode(); err != nil {
		return Effects{}, err
	}
	if err := w.a.leave(row, next, w.a.cat.node); err != nil {
		return Effects{}, err
	}
	w.a.setRun(next)
	if err := w.a.answer(next, w.state); err != nil {
		return Effects{}, err
	}
	return w.a.eff, nil
}
