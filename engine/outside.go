package engine

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"
)

// Outside is what a step sees while a worker does for it what may not happen inside a commit: a search, or an effect outside.
type Outside struct {
	// Scope is for evaluating settings only; it can write nothing.
	Scope *Scope
	e     *Engine
	op    *advanceOp
	cat   *catalogue
	// walked is the number of this try in the run's log, seq that of the first.
	walked, seq int64
	timeout     time.Duration
	// secrets are those that the step's settings name.
	secrets []string
}

// Key is the idempotency key of the step's effect: the same on every attempt and after a crash.
func (o *Outside) Key() string { return fmt.Sprintf("%s.%d", o.op.run.ID, o.seq) }

// Timeout is how long the step may take, as its author said; 0 means as long as its kind takes.
func (o *Outside) Timeout() time.Duration { return o.timeout }

// App are the settings of the run's app.
func (o *Outside) App() App { return o.cat.app }

// Services is what the wiring gave to steps.
func (o *Outside) Services() any { return o.e.opt.Services }

// Objects searches a structure of the app.
func (o *Outside) Objects(ctx context.Context, q ObjectQuery) (ObjectPage, error) {
	q.App = o.op.run.App
	if q.Structure = o.cat.structures[q.Structure.ID]; q.Structure == nil {
		return ObjectPage{}, StepError("STRUCTURE_GONE", "the structure does not exist any more")
	}
	page, err := o.e.store.Objects(ctx, q)
	if underChange(err) {
		return page, fmt.Errorf("%w: %w", ErrUnavailable, err) // the run waits until that is over
	}
	return page, err
}

// Show gives an object as expressions see it.
func (o *Outside) Show(s *Structure, object *Object) (map[string]any, error) {
	if own := o.cat.structures[s.ID]; own != nil {
		s = own
	}
	return s.env(object)
}

// fetched is what a worker got for a step. It belongs to one step of one run: the walked steps before it tell it from an earlier pass.
type fetched struct {
	step   string
	walked int64
	value  any
	err    error
}

func (f *fetched) of(s *step) bool { return f != nil && f.step == s.ID }

// errOutside says that a step's effect has to wait for its turn.
var errOutside = errors.New("effect waits for its turn")

// fetch does what a step wants from outside. Errors of the step are kept for it; others, such as a store that is away, come back.
func (e *Engine) fetch(ctx context.Context, op *advanceOp, s *step, o *Outside) error {
	bounded, cancel := ctx, func() {}
	if o.timeout = time.Duration(s.Timeout); o.timeout > 0 {
		bounded, cancel = context.WithTimeout(ctx, o.timeout)
	}
	defer cancel()
	value, err := s.outsideSafely(bounded, o)
	if err != nil && ctx.Err() == nil && bounded.Err() != nil {
		err = coded(ErrConflict, "STEP_TIMEOUT", "the step took longer than %s", o.timeout)
	}
	switch {
	case ctx.Err() != nil:
		return ctx.Err() // the program stops; what the step did is done again at the next start, with the same key
	case err != nil && (errors.Is(err, ErrUnavailable) || errors.Is(err, ErrFull)):
		return err
	}
	op.fetch(s, o.walked, value, masked(o.cat.mask, err))
	return nil
}

// fetch keeps what a worker got for a step, with the run too: its op may have to wait.
func (op *advanceOp) fetch(s *step, walked int64, value any, err error) {
	op.fetched = &fetched{step: s.ID, walked: walked, value: value, err: err}
	if op.run.hand == nil {
		op.run.hand = &hand{}
	}
	op.run.hand.fetched = op.fetched
}

func (s *step) outsideSafely(ctx context.Context, o *Outside) (value any, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = coded(ErrInvalid, "PANIC", "step %s broke: %v", s.kind, r)
			o.e.log.Error("step panicked", "kind", s.kind, "run", o.op.run.ID, "panic", o.cat.clean(r), "stack", string(debug.Stack()))
		}
	}()
	return s.outside(ctx, o)
}

// Bounds of runs inside an outside effect, per node (contracts 7).
const (
	maxOutside         = 64
	maxOutsideApp      = 16
	maxOutsideScenario = 8
)

// effects gives runs their turn for an outside effect: scenarios take turns, and none takes all places.
type effects struct {
	mu       sync.Mutex
	total    int
	apps     map[AppID]int
	scenario map[parkID]int
	queues   map[parkID][]*advanceOp
	ring     []parkID
}

func newEffects() *effects {
	return &effects{apps: map[AppID]int{}, scenario: map[parkID]int{}, queues: map[parkID][]*advanceOp{}}
}

// add queues an effect.
func (x *effects) add(op *advanceOp) {
	x.mu.Lock()
	defer x.mu.Unlock()
	id := parkID{op.run.App, op.run.Scenario}
	if len(x.queues[id]) == 0 {
		x.ring = append(x.ring, id)
	}
	x.queues[id] = append(x.queues[id], op)
}

// next takes an effect whose turn it is and for which there is a place, or nil.
func (x *effects) next() *advanceOp {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.total >= maxOutside {
		return nil
	}
	for i, id := range x.ring {
		if x.apps[id.app] >= maxOutsideApp || x.scenario[id] >= maxOutsideScenario {
			continue
		}
		op := x.queues[id][0]
		x.queues[id] = x.queues[id][1:]
		x.ring = append(x.ring[:i:i], x.ring[i+1:]...)
		if len(x.queues[id]) > 0 {
			x.ring = append(x.ring, id)
		} else {
			delete(x.queues, id)
		}
		x.total++
		x.apps[id.app]++
		x.scenario[id]++
		return op
	}
	return nil
}

func (x *effects) done(op *advanceOp) {
	x.mu.Lock()
	defer x.mu.Unlock()
	id := parkID{op.run.App, op.run.Scenario}
	x.total--
	if x.apps[id.app]--; x.apps[id.app] == 0 {
		delete(x.apps, id.app)
	}
	if x.scenario[id]--; x.scenario[id] == 0 {
		delete(x.scenario, id)
	}
}

// outside queues a run for its effect. Meanwhile it does not count among the runs of its app that are under way.
func (e *Engine) outside(op *advanceOp) {
	e.disp.step(op.run.App, -1)
	e.effects.add(op)
	e.pumpOutside()
	e.pump(op.run.App)
}

// stillOurs says whether a run that waited for its turn is where it was: it may have been cancelled or taken over meanwhile.
func (e *Engine) stillOurs(r *Run) (bool, error) {
	row, err := e.store.Run(e.ctx, r.App, r.ID)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil && row.Status == RunReady && row.Epoch == r.Epoch && row.Cursor == r.Cursor, err
}

// stateNow is the state of a run's scenario: a run of one that is paused or stopped does nothing outside, and its next op settles it.
func (e *Engine) stateNow(r *Run) ScenarioState {
	if cat := e.cats.at(r.App); cat != nil {
		return cat.stateFor(r)
	}
	return Running
}

func (e *Engine) pumpOutside() {
	for {
		op := e.effects.next()
		if op == nil {
			return
		}
		e.group.Go("effect", func() {
			ours, err := e.stillOurs(op.run)
			if err == nil && ours && e.stateNow(op.run) == Running {
				err = e.evaluate(e.ctx, op, true)
			}
			e.effects.done(op)
			e.disp.step(op.run.App, 1)
			switch {
			case e.ctx.Err() != nil:
				e.disp.drop(op.run)
			case err == nil && !ours:
				e.disp.drop(op.run)
			case err != nil:
				e.giveUp(op, away(err))
			default:
				e.move(op)
			}
			e.pumpOutside()
		})
	}
}
