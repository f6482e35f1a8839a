package engine

import (
	"errors"
	"time"
)

// storeRetry is when a run's op is tried again that the store could not carry out: the disk is full, or the database away.
const storeRetry = time.Second

// hold tries a run's op again later. Where the run waits for a structure of its own app to be changed, others go on meanwhile; where the
// store is away it keeps its place, so that not all runs try in vain.
func (e *Engine) hold(r *Run, cause error) {
	aside := underChange(cause)
	if aside {
		e.disp.step(r.App, -1)
	}
	e.due.hold(r, aside, e.opt.Clock().Add(storeRetry))
	if aside {
		e.pump(r.App)
	}
}

// underChange says that a search was refused because its structure is being changed.
func underChange(err error) bool {
	code := ErrorCode(err)
	return code == "CONVERTING" || code == "FILLING"
}

// giveUp fails a run whose op can not be carried out at all.
func (e *Engine) giveUp(op *advanceOp, cause error) {
	r := op.run
	if e.ctx.Err() != nil {
		e.disp.drop(r) // it is taken over at the next start
		return
	}
	if errors.Is(cause, ErrUnavailable) || errors.Is(cause, ErrFull) || errors.Is(cause, ErrBusy) {
		e.hold(r, cause)
		return
	}
	e.log.Error("run can not go on", "run", r.ID, "scenario", r.Scenario, "err", e.cats.at(r.App).clean(cause))
	o := Op{
		ID: OpID(e.opt.NewID()), App: r.App, Fence: &Fence{Run: r.ID, Epoch: r.Epoch, Cursor: r.Cursor},
		Decide: func(l *Loaded) (Effects, error) {
			cat, err := e.cats.current(l)
			if err != nil {
				return Effects{}, err
			}
			row, err := l.Run(r.ID)
			if err != nil {
				return Effects{}, err
			}
			w := &walk{op: op, a: newAct(l, cat, causeOf(r)), run: new(Run)}
			*w.run = *row
			if w.state, err = decodeState(row.State); err != nil {
				w.state = newState(r.Scenario)
				w.state.Seat = seatOf(row)
			}
			w.run.Error = &RunError{Code: ErrorCode(cause), Message: cat.clean(cause)}
			w.finish(RunFailed)
			return w.save(row)
		},
	}
	o.Lock = append(o.Lock, turnKeys(r)...)
	err := e.committer(r.App).submit(e.ctx, &pending{op: o, run: true, done: func(res Result) {
		if res.Err != nil && !errors.Is(res.Err, ErrFenced) && !errors.Is(res.Err, ErrNotFound) {
			e.hold(r, res.Err)
			return
		}
		e.disp.drop(r)
		e.settle(res)
		e.pump(r.App)
	}})
	if err != nil {
		e.disp.drop(r)
	}
}
