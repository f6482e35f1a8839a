package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"runtime"
	"slices"
	"time"
)

// Bounds of a dry run.
const (
	dryLines = 500
	dryTime  = 5 * time.Second
	dryBytes = 4 << 20 // of settings, outputs and images in the answer
)

// maxDryRuns is how many dry runs go at a time on a node: half of its processors, so that they keep nothing else from its work.
func maxDryRuns() int { return max(1, runtime.GOMAXPROCS(0)/2) }

// DryRun is what a draft would do. Nothing of it has happened.
type DryRun struct {
	Status RunStatus
	Error  *RunError
	// Triggers say of each trigger on objects whether the change would start a run.
	Triggers []ConsideredTrigger
	Lines    []DryLine
	// Cut says that the dry run was ended by its bounds.
	Cut bool
}

// DryLine is one walked step with what it would do.
type DryLine struct {
	*StepRecord
	// Scenario is the one that the step belongs to: runs that a step calls and waits for are walked too.
	Scenario string
	// Item is the pass of the innermost loop that the step was walked in, from 0; -1 outside of loops.
	Item    int
	Changes []*Change
	Pushes  []*Push
	// Starts are runs that would start and are not walked.
	Starts []*Run
	// Until is the time until which the run would sleep after it; the dry run goes on at once, with its clock set forward.
	Until time.Time
}

// dry is a dry run under way. It has an engine of its own, without goroutines, over a store that lets nothing through.
type dry struct {
	own    *Engine
	real   *Engine
	batch  *Batch
	store  *overlay
	app    AppID
	runs   []RunID // that are walked, the latest last
	main   RunID
	seq    int64
	out    *DryRun
	weight int
}

// DryRun walks a draft on an object as a run would, by the same interpreter, and tells what it would do: writes go nowhere, what steps do
// outside is described and not done, and time passes at once. It takes at most 5 s and 500 steps.
func (e *Engine) DryRun(ctx context.Context, t Test) (*DryRun, error) {
	ctx, cancel := context.WithTimeout(ctx, dryTime)
	defer cancel()
	select {
	case e.dries <- struct{}{}:
		defer func() { <-e.dries }()
	case <-ctx.Done():
		return nil, &CodedError{Kind: ErrBusy, Code: "BUSY", Limit: "dry_runs", Message: fmt.Sprintf("%d dry runs are under way; try again in a moment", cap(e.dries))}
	}
	x, err := e.prepareTest(ctx, t, 0)
	if err != nil {
		return nil, err
	}
	d := e.newDry(t, x)
	if x.cause != nil {
		if d.out.Triggers, err = d.triggers(ctx, x, t.Change != 0); err != nil {
			return nil, err
		}
	}
	run, err := x.tested(RunID(e.opt.NewID()), t)
	if err != nil {
		return nil, err
	}
	run.Status, run.Owner, run.CreatedAt = RunReady, d.own.node, d.batch.now
	d.main, d.runs = run.ID, []RunID{run.ID}
	d.batch.rows[RunKey(t.App, run.ID)] = run
	if err := d.walk(ctx); err != nil {
		return nil, err
	}
	if row := d.row(d.main); row != nil {
		d.out.Status, d.out.Error = row.Status, row.Error
	}
	return d.out, nil
}

func (e *Engine) newDry(t Test, x *trial) *dry {
	cat := *x.cat
	cat.node, cat.log, cat.notices, cat.backlogs = "dry", slog.New(slog.DiscardHandler), &notices{}, &backlogs{}
	cat.scenarios = make(map[string]*published, len(x.cat.scenarios)+1)
	maps.Copy(cat.scenarios, x.cat.scenarios)
	cat.scenarios[t.Scenario] = &published{id: t.Scenario, state: Running, version: x.version}
	d := &dry{real: e, app: t.App, out: &DryRun{}, batch: NewBatch(nil, e.opt.Clock(), nil)}
	d.batch.SetCatalogue(t.App, cat.number)
	d.store = newOverlay(e.store, d.batch.rows)
	cats := &catalogues{store: d.store, kinds: e.opt.Kinds, log: cat.log, node: cat.node, notices: cat.notices, backlogs: cat.backlogs, retain: e.opt.Retain, secrets: e.opt.Secrets, queued: cat.queued}
	cats.keep(&cat)
	d.own = &Engine{store: d.store, opt: e.opt, log: cat.log, node: cat.node, cats: cats, evals: e.evals}
	return d
}

// triggers judge the change that the test is made with, or, where it is made with none, what their conditions say of the object as it is.
func (d *dry) triggers(ctx context.Context, x *trial, real bool) ([]ConsideredTrigger, error) {
	var list []ConsideredTrigger
	look := &explainer{e: d.own, ch: x.cause, left: explainBytes}
	var err error
	if look.env, err = d.own.envOfChange(ctx, d.own.cats.at(d.app), x.version.structure, x.cause); err != nil {
		return nil, err
	}
	for _, t := range x.version.triggers {
		if len(t.On) == 0 {
			continue
		}
		if real {
			c, err := look.trigger(ctx, t)
			if err != nil {
				return nil, err
			}
			list = append(list, c)
			continue
		}
		c := ConsideredTrigger{Trigger: t.ID, Kind: t.Kind, On: t.On, Fields: t.Fields, Matches: true}
		if t.If.IsSet() {
			if c.Condition, err = look.judge(ctx, t); err != nil {
				return nil, err
			}
			c.Matches = c.Condition.Result != nil && *c.Condition.Result
		}
		list = append(list, c)
	}
	return list, nil
}

func (d *dry) row(id RunID) *Run {
	row, _ := d.batch.rows[RunKey(d.app, id)].(*Run)
	return row
}

// walk moves the runs on until the first of them has ended or a bound is reached.
func (d *dry) walk(ctx context.Context) error {
	for d.row(d.main).Status.Open() {
		if len(d.out.Lines) >= dryLines || d.weight > dryBytes || ctx.Err() != nil {
			d.out.Cut = true
			return nil
		}
		r := d.next()
		if r == nil {
			return nil
		}
		err := d.move(ctx, r)
		if errors.Is(err, errPaused) {
			return nil // a scenario that it calls is paused: the run would wait for it
		}
		if err != nil && ctx.Err() == nil {
			return err
		}
	}
	return nil
}

// next is the run to move on: the latest that is ready, else the one that would wake first.
func (d *dry) next() *Run {
	var first *Run
	for _, id := range slices.Backward(d.runs) {
		r := d.row(id)
		if r.Status == RunReady {
			return r
		}
		if r.Status == RunWaiting && (first == nil || r.DueAt.Before(first.DueAt)) {
			first = r
		}
	}
	if first == nil {
		return nil
	}
	if first.DueAt.After(d.batch.now) {
		d.batch.now = first.DueAt
	}
	awake := *first
	awake.Status, awake.Owner, awake.DueAt = RunReady, d.own.node, time.Time{}
	awake.Epoch++
	d.batch.rows[RunKey(d.app, awake.ID)] = &awake
	return &awake
}

// move walks one step of a run.
func (d *dry) move(ctx context.Context, r *Run) error {
	op := &advanceOp{run: r, alone: true, dry: true}
	for {
		if err := d.own.evaluate(ctx, op, true); err != nil {
			return err
		}
		o := Op{ID: OpID(d.real.opt.NewID()), App: d.app, Fence: &Fence{r.ID, r.Epoch, r.Cursor}, Decide: func(l *Loaded) (Effects, error) { return op.decide(l, d.own.cats) }}
		var failed error
		res := d.batch.decide(&o, func(lock, peek []Key) bool {
			failed = d.load(ctx, append(slices.Clone(lock), peek...))
			return failed == nil
		})
		if failed != nil {
			return failed
		}
		if (errors.Is(res.Err, errPrepare) || errors.Is(res.Err, errMoved)) && op.tries < maxMoves {
			op = &advanceOp{run: op.run, alone: true, dry: true, tries: op.tries + 1, fetched: op.fetched}
			continue
		}
		if res.Err != nil {
			return res.Err
		}
		d.batch.apply(&o, &res, func() int64 { d.seq--; return d.seq })
		d.take(op, &res.Effects)
		return nil
	}
}

// take notes what an op did.
func (d *dry) take(op *advanceOp, eff *Effects) {
	d.store.keep(eff)
	d.weigh(eff)
	var starts []*Run
	var own *Run
	for _, r := range eff.Runs {
		switch {
		case r.ID == op.run.ID:
			own = r
			own.Cause, own.hand = op.run.Cause, op.run.hand
		case slices.Contains(d.runs, r.ID):
		case r.Parent != "" && slices.Contains(d.runs, r.Parent):
			d.runs = append(d.runs, r.ID)
		default:
			starts = append(starts, r)
		}
	}
	for i, rec := range eff.Steps {
		line := DryLine{StepRecord: rec, Scenario: op.run.Scenario, Item: passOf(rec.Step, own, op.run)}
		if i == len(eff.Steps)-1 {
			line.Changes, line.Pushes, line.Starts = eff.Changes, eff.Pushes, starts
			if own != nil && own.Status == RunWaiting {
				line.Until = own.DueAt
			}
		}
		d.weight += rec.Size()
		d.out.Lines = append(d.out.Lines, line)
	}
}

// weigh counts what an op keeps in memory, its answer and its rows.
func (d *dry) weigh(eff *Effects) {
	const row = 300 // about, with what is around it
	for _, c := range eff.Changes {
		d.weight += c.Size() + row
	}
	for _, p := range eff.Pushes {
		d.weight += len(p.Message) + len(p.Event) + row
	}
	for _, r := range eff.Runs {
		d.weight += len(r.State) + row
	}
	for _, v := range eff.Values {
		d.weight += len(v.Value) + row
	}
}

// passOf is the pass of the loop around a step that was just walked: the first of the states that knows it.
func passOf(step string, states ...*Run) int {
	for _, r := range states {
		if r == nil {
			continue
		}
		st, err := decodeState(r.State)
		if err != nil {
			continue
		}
		for _, f := range slices.Backward(st.Frames) {
			if f.Loop != nil && f.Loop.Step != step {
				return f.Loop.Index
			}
		}
	}
	return -1
}

// load reads rows that the dry run has not seen. Lanes and permits are taken to be free: a dry run waits for nobody.
func (d *dry) load(ctx context.Context, keys []Key) error {
	keys = slices.DeleteFunc(keys, func(k Key) bool { return k.Kind == KeyLane || k.Kind == KeyPermits || k.Kind == KeyRun })
	if len(keys) == 0 {
		return nil
	}
	found := map[Key]any{}
	// Claims and counters are read under their lock only.
	_, err := d.real.commit(ctx, Op{App: d.app, Lock: keys, Decide: func(l *Loaded) (Effects, error) {
		for _, k := range keys {
			if row, ok := l.batch.rows[k]; ok {
				found[k] = row
			}
		}
		return Effects{}, nil
	}})
	if err != nil {
		return err
	}
	for k, row := range found {
		d.batch.Put(k, row)
	}
	return nil
}
