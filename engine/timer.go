package engine

import (
	"container/heap"
	"context"
	"sync"
	"time"
)

// Bounds of the timers in memory: only what is due soon is there, the rest stays in rows.
const (
	timerHorizon = 2 * time.Minute
	timerScan    = 10 * time.Second
	timerPage    = 1000
)

// timers is a small heap of waiting runs that are due soon.
type timers struct {
	mu      sync.Mutex
	heap    dueHeap
	known   map[RunID]bool
	changed chan struct{}
}

type dueRun struct {
	app AppID
	id  RunID
	at  time.Time
	// held is a run in hand whose op the store could not carry out; nil for one that sleeps.
	held *Run
	// aside says that it has given up its place among the runs of its app that are under way.
	aside bool
}

type dueHeap []dueRun

func (h dueHeap) Len() int           { return len(h) }
func (h dueHeap) Less(i, j int) bool { return h[i].at.Before(h[j].at) }
func (h dueHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *dueHeap) Push(x any)        { *h = append(*h, x.(dueRun)) }
func (h *dueHeap) Pop() any {
	old := *h
	last := old[len(old)-1]
	*h = old[:len(old)-1]
	return last
}

func newTimers() *timers {
	return &timers{known: map[RunID]bool{}, changed: make(chan struct{}, 1)}
}

// add remembers a waiting run. One that is due later than the horizon is found by the next scan instead.
func (t *timers) add(r *Run) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.known[r.ID] || len(t.heap) >= 100*timerPage {
		return
	}
	t.push(dueRun{app: r.App, id: r.ID, at: r.DueAt})
}

// hold remembers a run in hand whose op has to be tried again; the dispatcher bounds how many there are.
func (t *timers) hold(r *Run, aside bool, at time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.push(dueRun{app: r.App, id: r.ID, at: at, held: r, aside: aside})
}

func (t *timers) push(d dueRun) {
	t.known[d.id] = true
	heap.Push(&t.heap, d)
	select {
	case t.changed <- struct{}{}:
	default:
	}
}

// take removes the runs that are due and says when the next one is.
func (t *timers) take(now time.Time) (due []dueRun, next time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for len(t.heap) > 0 && !t.heap[0].at.After(now) {
		r := heap.Pop(&t.heap).(dueRun)
		delete(t.known, r.id)
		due = append(due, r)
	}
	if len(t.heap) > 0 {
		next = t.heap[0].at
	}
	return due, next
}

// watchTimers wakes waiting runs when they are due.
func (e *Engine) watchTimers() {
	scan, orphans := e.opt.Clock(), e.opt.Clock().Add(takeOverEvery)
	for {
		now := e.opt.Clock()
		if !now.Before(scan) {
			scan = e.scanDue(now)
		}
		if !now.Before(orphans) {
			e.takeOrphans()
			e.refill()
			orphans = now.Add(takeOverEvery)
		}
		due, next := e.due.take(now)
		for _, r := range due {
			if r.held != nil {
				if r.aside {
					e.disp.step(r.app, 1)
				}
				e.move(&advanceOp{run: r.held})
				continue
			}
			e.wake(r)
		}
		for _, at := range []time.Time{scan, orphans} {
			if next.IsZero() || at.Before(next) {
				next = at
			}
		}
		timer := time.NewTimer(max(next.Sub(now), time.Millisecond))
		select {
		case <-timer.C:
		case <-e.due.changed:
		case <-e.disp.refill:
			e.refill()
		case <-e.ctx.Done():
			timer.Stop()
			return
		}
		timer.Stop()
	}
}

// takeOverEvery is how often this node looks for runs whose owner is dead. At the start that is not enough: a transaction of the dead
// node may still be under way in the database, and leave its runs behind only after the new node has looked.
const takeOverEvery = 5 * time.Second

func (e *Engine) takeOrphans() {
	ctx, cancel := context.WithTimeout(e.ctx, writeDeadline)
	defer cancel()
	n, err := e.store.TakeOver(ctx, e.node)
	if err == nil && n > 0 {
		e.log.Info("took over runs", "runs", n)
		err = e.adopt(ctx)
	}
	if err != nil && e.ctx.Err() == nil {
		e.log.Warn("can not take over runs", "err", err)
	}
}

// scanDue reads what is due soon and says when to read again.
func (e *Engine) scanDue(now time.Time) time.Time {
	ctx, cancel := context.WithTimeout(e.ctx, writeDeadline)
	defer cancel()
	runs, err := e.store.Due(ctx, now.Add(timerHorizon), timerPage)
	if err != nil {
		if e.ctx.Err() == nil {
			e.log.Warn("can not read due runs", "err", err)
		}
		return now.Add(time.Second)
	}
	for _, r := range runs {
		e.due.add(r)
	}
	if len(runs) == timerPage {
		return later(runs[len(runs)-1].DueAt, now.Add(time.Second))
	}
	return now.Add(timerScan)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// wake takes a waiting run that is due: it gets a new epoch, and its turn again if it gave it up.
func (e *Engine) wake(due dueRun) {
	asleep := false
	op := Op{
		ID: OpID(e.opt.NewID()), App: due.app, Lock: []Key{RunKey(due.app, due.id)}, Bytes: 256,
		Decide: func(l *Loaded) (Effects, error) {
			cat, err := e.cats.current(l)
			if err != nil {
				return Effects{}, err
			}
			row, err := l.Run(due.id)
			if asleep = err == nil && row != nil && row.Status == RunWaiting; !asleep || row.DueAt.After(l.Now) {
				return Effects{}, err
			}
			a := newAct(l, cat, causeOf(row))
			next := *row
			next.Epoch++
			next.DueAt = time.Time{}
			if err := a.lockTurn(&next); err != nil {
				return Effects{}, err
			}
			if next.Holds || next.Permit == PermitHeld {
				next.Status, next.Owner = RunReady, e.node
			} else if err := a.enter(&next, e.node); err != nil {
				return Effects{}, err
			}
			a.setRun(&next)
			a.tally(&next, 0, -1)
			return a.eff, nil
		},
	}
	retry := func() {
		e.due.add(&Run{App: due.app, ID: due.id, DueAt: e.opt.Clock().Add(time.Second)})
	}
	if e.cats.at(due.app) == nil {
		if _, err := e.cats.load(e.ctx, due.app, 1); err != nil {
			retry()
			return
		}
	}
	err := e.committer(due.app).submit(e.ctx, &pending{op: op, run: true, done: func(r Result) {
		if r.Err != nil {
			e.log.Warn("can not wake run", "run", due.id, "err", r.Err)
			retry()
			return
		}
		// A clock that went back between the timer and the commit leaves the run asleep: ask again.
		if len(r.Effects.Runs) == 0 {
			if asleep {
				retry()
			}
			return
		}
		e.settle(r)
	}})
	if err != nil {
		e.log.Debug("wake refused", "run", due.id, "err", err)
	}
}
