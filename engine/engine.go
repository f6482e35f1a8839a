package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/cuelight/cuelight/engine/secret"
	"github.com/cuelight/cuelight/engine/task"
)

// Engine carries out writes and advances runs. It is safe for concurrent use once Start has returned.
type Engine struct {
	store Store
	opt   Options
	log   *slog.Logger
	node  string
	cats  *catalogues
	disp  *dispatcher
	due   *timers
	wait  *waiters

	backlogs *backlogs
	feed     Feed

	committers []*committer
	group      *task.Group
	prepares   chan struct{}
	evals      chan struct{}
	dries      chan struct{}
	effects    *effects
	reshaped   chan struct{}
	// catching are the scenarios whose missed changes a goroutine makes up for: parkID → true.
	catching sync.Map
	// ctx ends the timers, the janitor and the workers; commits end it for the committers, which first finish what is queued.
	ctx     context.Context
	stop    context.CancelFunc
	commits context.Context
	abort   context.CancelFunc
}

// Options are what an engine is made of. Store and Kinds are needed.
type Options struct {
	Kinds Kinds
	Log   *slog.Logger
	// Clock measures waiting and deciding; it never decides what is stored. Nil means time.Now.
	Clock func() time.Time
	// NewID gives the ids of ops: UUIDv7. Nil means random ones.
	NewID func() string
	// Outlet gets committed pushes, per app in the order of their positions, from the goroutine that committed them. It must not block.
	Outlet func([]*Push)
	// Ended gets what takes a session's right away: a session or a user that is gone. It must not block.
	Ended func(Revocation)
	// Services is what the wiring gives to steps for their effects outside; the engine does not look at it.
	Services any
	// Secrets seals the values of secrets and opens them; without it none can be set or used.
	Secrets *secret.Box
	// MaxQueued is how many runs of one scenario may queue before changes start no more of them; 0 means 100,000.
	MaxQueued int
	// InHand is how many runs this node advances at a time, half of them at most of one app and an eighth of one scenario; the others stay in
	// their rows until there is room. Every scenario may have a few beyond it. 0 means 20,000.
	InHand int
	// Retain says how long things are kept; the zero value means the defaults.
	Retain Retain
}

// Retain is how long things are kept.
type Retain struct {
	Runs, Failed, Changes, Pushes time.Duration
}

// Revocation says whose sockets have to be closed.
type Revocation struct {
	App     AppID
	Session string // "" means every session of the user
	User    string
}

// New makes an engine over a store; Start sets it going.
func New(store Store, opt Options) *Engine {
	if opt.Clock == nil {
		opt.Clock = time.Now
	}
	if opt.NewID == nil {
		opt.NewID = func() string { return uuid.Must(uuid.NewV7()).String() }
	}
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	if opt.Outlet == nil {
		opt.Outlet = func([]*Push) {}
	}
	if opt.MaxQueued == 0 {
		opt.MaxQueued = maxQueued
	}
	if opt.Ended == nil {
		opt.Ended = func(Revocation) {}
	}
	e := &Engine{
		store: store, opt: opt, log: opt.Log, node: opt.NewID(), disp: newDispatcher(opt.InHand), due: newTimers(), wait: newWaiters(), backlogs: &backlogs{},
		group: task.New(opt.Log), prepares: make(chan struct{}, maxPrepare), evals: make(chan struct{}, runtime.GOMAXPROCS(0)), dries: make(chan struct{}, maxDryRuns()), effects: newEffects(), reshaped: make(chan struct{}, 1),
	}
	e.cats = &catalogues{store: store, kinds: opt.Kinds, log: opt.Log, node: e.node, notices: &notices{}, backlogs: e.backlogs, retain: opt.Retain, secrets: opt.Secrets, queued: opt.MaxQueued}
	for range store.Committers() {
		e.committers = append(e.committers, newCommitter(store, e.cats, opt.Clock, opt.Log))
	}
	return e
}

// Start takes over the runs that no living node owns and begins to work. It returns once what was left by a crash is in hand.
func (e *Engine) Start(ctx context.Context) error {
	e.ctx, e.stop = context.WithCancel(context.WithoutCancel(ctx))
	e.commits, e.abort = context.WithCancel(context.WithoutCancel(ctx))
	for _, c := range e.committers {
		e.group.Go("committer", func() { c.work(e.commits) })
	}
	n, err := e.store.TakeOver(ctx, e.node)
	if err != nil {
		return fmt.Errorf("take over runs: %w", err)
	}
	if n > 0 {
		e.log.Info("took over runs", "runs", n)
	}
	if err := e.count(ctx); err != nil {
		return err
	}
	if err := e.adopt(ctx); err != nil {
		return err
	}
	e.group.Go("timers", e.watchTimers)
	e.group.Go("janitor", e.keepHouse)
	e.group.Go("schedules", e.watchSchedules)
	e.group.Go("reshape", e.reshapeAll)
	return nil
}

// Close stops: runs stay where their last op left them and are taken over at the next start. It returns when all goroutines have ended.
func (e *Engine) Close() {
	e.stop()
	for _, c := range e.committers {
		c.close()
	}
	// A store that is away must not keep the program from ending: what is queued is then given up, and was never acknowledged.
	ended := make(chan struct{})
	closing := task.New(e.log)
	closing.Go("close engine", func() {
		e.group.Wait()
		close(ended)
	})
	timer := time.NewTimer(closeFor)
	defer timer.Stop()
	select {
	case <-ended:
	case <-timer.C:
	}
	e.abort()
	closing.Wait()
}

// closeFor is how long Close waits for the ops under way.
const closeFor = 20 * time.Second

func (e *Engine) committer(app AppID) *committer {
	if len(e.committers) == 1 {
		return e.committers[0]
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(app))
	return e.committers[h.Sum32()%uint32(len(e.committers))]
}

// settle hands on what an op committed: runs to the dispatcher and the timers, pushes to the outlet, ends to those who wait.
// It runs on the committer's goroutine, so that pushes leave in commit order.
func (e *Engine) settle(r Result) {
	if r.Err != nil {
		return
	}
	e.feed.put(&r.Effects)
	if len(r.Effects.Pushes) > 0 {
		e.opt.Outlet(r.Effects.Pushes)
	}
	for _, ch := range r.Effects.Changes {
		if ch.Structure == UserStructure && barred(ch) {
			e.opt.Ended(Revocation{App: ch.App, User: ch.Object})
		}
	}
	if len(r.Effects.Tallies) > 0 {
		e.backlogs.add(r.Effects.Runs[0].App, r.Effects.Tallies)
	}
	for _, run := range r.Effects.Runs {
		switch {
		case run.Status == RunReady && run.Owner == e.node:
			e.take(run)
		case run.Status == RunWaiting && run.DueAt.Before(e.opt.Clock().Add(timerHorizon)):
			e.due.add(run)
		case !run.Status.Open():
			e.wait.ended(run)
		}
	}
}

// barred says that a change of a user takes the user's rights away: the user is gone or disabled.
func barred(ch *Change) bool {
	if ch.Kind == Deleted {
		return true
	}
	var user struct{ Disabled bool }
	return slices.Contains(ch.Fields, "disabled") && json.Unmarshal(ch.After, &user) == nil && user.Disabled
}

// take brings a ready run into hand and moves it on.
func (e *Engine) take(r *Run) {
	if e.disp.add(r) {
		e.pump(r.App)
	}
}

// pump sends ops for the runs of an app whose turn it is.
func (e *Engine) pump(app AppID) {
	for {
		r := e.disp.next(app)
		if r == nil {
			return
		}
		e.move(&advanceOp{run: r})
	}
}

// move sends the op that moves a run on. What has to be loaded or evaluated first is done by a worker.
func (e *Engine) move(op *advanceOp) {
	r := op.run
	if cat := e.cats.at(r.App); cat != nil && cat.stateFor(r) == Paused {
		e.park(r)
		return
	}
	op.version = e.cats.known(r.App, r.Scenario, r.Version)
	if op.version == nil || op.version.readsImages && r.Cause == nil && r.Change != 0 || r.Candidate && op.prepared == nil {
		e.prepare(op)
		return
	}
	o := Op{
		ID: OpID(e.opt.NewID()), App: r.App, Bytes: 512 + len(r.State),
		Fence:  &Fence{Run: r.ID, Epoch: r.Epoch, Cursor: r.Cursor},
		Decide: func(l *Loaded) (Effects, error) { return op.decide(l, e.cats) },
	}
	o.Lock = append(o.Lock, turnKeys(r)...)
	if r.Object != "" {
		o.Lock = append(o.Lock, ObjectKey(r.App, r.Structure, r.Object))
	}
	if op.version.readsUser && r.User != "" {
		o.Peek = append(o.Peek, ObjectKey(r.App, UserStructure, r.User))
	}
	p := &pending{op: o, run: true, needs: func() { op.needs++ }, done: func(res Result) { e.moved(op, res) }}
	if err := e.committer(r.App).submit(e.ctx, p); err != nil {
		e.disp.drop(r)
	}
}

// moved carries on after a run's op.
func (e *Engine) moved(op *advanceOp, res Result) {
	r := op.run
	switch {
	case res.Err == nil:
		own := ownRun(res.Effects.Runs, r.ID)
		if own != nil && own.Status == RunReady {
			own.Cause, own.hand = r.Cause, op.run.hand
			e.disp.again(own)
		} else {
			e.disp.drop(r)
		}
		e.settle(res)
	case errors.Is(res.Err, ErrFenced):
		e.log.Debug("run was taken over", "run", r.ID)
		e.disp.drop(r)
	case errors.Is(res.Err, errPaused):
		e.park(r)
	case errors.Is(res.Err, errPrepare), errors.Is(res.Err, errMoved):
		again := &advanceOp{run: r, tries: op.tries, fetched: op.fetched, alone: op.alone}
		if errors.Is(res.Err, errMoved) {
			again.tries++
		}
		e.prepare(again)
		return
	case ErrorCode(res.Err) == codeState && !op.alone:
		alone := *op
		alone.alone = true
		e.move(&alone)
		return
	default:
		e.giveUp(op, res.Err)
	}
	e.pump(r.App)
}

func ownRun(runs []*Run, id RunID) *Run {
	for _, r := range runs {
		if r.ID == id {
			return r
		}
	}
	return nil
}

// prepare loads and evaluates, outside the commit, what the run's next op needs, and then sends the op.
func (e *Engine) prepare(op *advanceOp) {
	e.group.Go("prepare", func() {
		select {
		case e.prepares <- struct{}{}:
			defer func() { <-e.prepares }()
		case <-e.ctx.Done():
			e.disp.drop(op.run)
			return
		}
		switch err := e.evaluate(e.ctx, op, false); {
		case errors.Is(err, errOutside):
			e.outside(op)
		case err != nil:
			e.giveUp(op, away(err))
		default:
			e.move(op)
		}
	})
}
