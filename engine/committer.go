package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"
	"time"
)

// Bounds of the queues before a commit (design 4).
const (
	maxBatchOps   = 256
	maxBatchBytes = 2 << 20
	maxAppOps     = 1000
	maxAppBytes   = 16 << 20
	blockFor      = 2 * time.Second
	writeDeadline = 10 * time.Second
	// minBatchOps is what a batch holds at least, however few of the last one were decided in its time.
	minBatchOps = 16
	// companyFor is how long after ops of two apps came the batches stay short, companyTime how long such a batch may take in all: another
	// app's op waits for the rest of one batch and then for its own (aim: less than twice the time that it takes alone).
	companyFor  = time.Second
	companyTime = 3 * time.Millisecond
	// fewOps is how many waiting ops an app may have whose ops then go in a batch without those of apps with more, maxFew how many such
	// batches may follow each other.
	fewOps = 4
	maxFew = 3
)

// pending is an op on its way through a committer.
type pending struct {
	op  Op
	run bool // a step of a running run, drawn before API writes 2:1
	// since is when it was first put back; what asks for ever is refused after blockFor.
	since time.Time
	needs func() // told when the op comes back for more keys
	done  func(Result)
}

// committer gathers the ops of some apps into batches: whatever queued while the last commit ran goes into the next one.
type committer struct {
	store Store
	cats  *catalogues
	clock func() time.Time
	log   *slog.Logger

	mu   sync.Mutex
	apps map[AppID]*appQueue
	ring []*appQueue // apps that have ops, in turn
	// size is how many ops the next batch may hold: about as many as can be decided in its time, since the keys of all are loaded.
	size int
	// last is the app of which the last op came, company when ops of two apps last came one after the other, short how many ops a batch then
	// holds. The last batch left it crowded when ops of more apps did not fit than of the one that fills batches.
	last    AppID
	company time.Time
	short   int
	crowded bool
	few     int           // batches of apps with few ops since the last one of all
	alone   time.Duration // about what a batch of few ops takes
	wake    chan struct{}
	closed  bool
}

// appQueue holds the ops of one app that wait for a commit.
type appQueue struct {
	app    AppID
	runs   []*pending
	writes []*pending
	ops    int
	bytes  int
	credit int           // bytes that the app may still draw in this round
	room   chan struct{} // closed and renewed when ops leave
}

func newCommitter(store Store, cats *catalogues, clock func() time.Time, log *slog.Logger) *committer {
	return &committer{store: store, cats: cats, clock: clock, log: log, apps: map[AppID]*appQueue{}, size: maxBatchOps, short: maxBatchOps, wake: make(chan struct{}, 1)}
}

// submit queues an op. A write that finds its app's queue full waits at most blockFor and is then refused with ErrBusy; a run's op
// is never refused, since the dispatcher bounds how many of them are under way.
func (c *committer) submit(ctx context.Context, p *pending) error {
	var timeout <-chan time.Time
	for {
		c.mu.Lock()
		if c.closed {
			c.mu.Unlock()
			return ErrClosed
		}
		q := c.queue(p.op.App)
		if p.run || q.ops < maxAppOps && q.bytes+p.op.Bytes <= maxAppBytes {
			c.add(q, p, false)
			c.mu.Unlock()
			return nil
		}
		room := q.room
		c.mu.Unlock()
		if timeout == nil {
			timer := time.NewTimer(blockFor)
			defer timer.Stop()
			timeout = timer.C
		}
		select {
		case <-room:
		case <-timeout:
			return &CodedError{Kind: ErrBusy, Code: "QUEUE_FULL", Limit: "commit_queue", Message: "too many writes of this app are waiting; try again"}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (c *committer) queue(app AppID) *appQueue {
	q := c.apps[app]
	if q == nil {
		q = &appQueue{app: app, room: make(chan struct{})}
		c.apps[app] = q
	}
	return q
}

func (c *committer) add(q *appQueue, p *pending, front bool) {
	if q.ops == 0 {
		c.ring = append(c.ring, q)
	}
	list := &q.writes
	if p.run {
		list = &q.runs
	}
	if front {
		*list = slices.Insert(*list, 0, p)
	} else {
		*list = append(*list, p)
	}
	q.ops++
	q.bytes += p.op.Bytes
	if c.last != q.app {
		if c.last != "" {
			c.company = c.clock()
		}
		c.last = q.app
	}
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// work commits until the committer is closed and its queues are empty.
func (c *committer) work(ctx context.Context) {
	for {
		batch := c.draw()
		if len(batch) > 0 {
			c.commit(ctx, batch)
			continue
		}
		c.mu.Lock()
		closed := c.closed
		c.mu.Unlock()
		if closed {
			return
		}
		<-c.wake
	}
}

func (c *committer) close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

func (c *committer) commit(ctx context.Context, batch []*pending) {
	ops := make([]Op, len(batch))
	for i, p := range batch {
		ops[i] = p.op
	}
	began := c.clock()
	results := c.carryOut(ctx, ops)
	took := c.clock().Sub(began)
	var back []*pending
	later := 0
	stale := map[AppID]bool{}
	for i, p := range batch {
		switch err := results[i].Err; {
		case err == nil:
			p.done(results[i])
		case errors.Is(err, ErrStale):
			stale[p.op.App] = true
			back = append(back, p)
		case errors.Is(err, ErrLater):
			back = c.again(back, p, err)
			later++
		default:
			if need, is := errors.AsType[*NeedError](err); is {
				p.op.Lock = append(slices.Clone(p.op.Lock), need.Lock...)
				p.op.Peek = append(slices.Clone(p.op.Peek), need.Peek...)
				if p.needs != nil && !need.hurried {
					p.needs()
				}
				back = c.again(back, p, err)
				continue
			}
			p.done(results[i])
		}
	}
	for app := range stale {
		if _, err := c.cats.load(ctx, app, c.cats.want(app)); err != nil {
			back = c.refuse(back, app, err)
		}
	}
	c.putBack(back)
	c.resize(len(batch), later, took)
}

// carryOut is the store's Commit; a panic there refuses the batch and does not end the committer.
func (c *committer) carryOut(ctx context.Context, ops []Op) (results []Result) {
	defer func() {
		if r := recover(); r != nil {
			c.log.Error("commit panicked", "panic", r, "stack", string(debug.Stack()))
			results = make([]Result, len(ops))
			for i := range results {
				results[i].Err = fmt.Errorf("commit: panic: %v", r)
			}
		}
	}()
	return c.store.Commit(ctx, ops)
}

// again puts an op back, unless it has asked for more keys for too long.
func (c *committer) again(back []*pending, p *pending, why error) []*pending {
	now := c.clock()
	if p.since.IsZero() {
		p.since = now
	}
	// Only what asks for ever more keys is refused: what a batch had no time for comes to its turn.
	if need, asks := errors.AsType[*NeedError](why); asks && !need.hurried && !p.run && now.Sub(p.since) > blockFor {
		p.done(Result{Err: &CodedError{Kind: ErrBusy, Code: "CONTENDED", Limit: "commit_retries", Message: "the rows that the write needs keep changing; try again"}})
		return back
	}
	if errors.Is(why, ErrLater) && p.run && now.Sub(p.since) > time.Minute {
		c.log.Warn("op of a run keeps being put back", "app", p.op.App, "op", p.op.ID)
		p.since = now
	}
	return append(back, p)
}

// refuse ends the ops of an app whose catalogue can not be loaded.
func (c *committer) refuse(back []*pending, app AppID, err error) []*pending {
	kept := back[:0]
	for _, p := range back {
		if p.op.App == app {
			p.done(Result{Err: away(err)})
			continue
		}
		kept = append(kept, p)
	}
	return kept
}

// putBack queues ops again in front, in their order.
func (c *committer) putBack(back []*pending) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range slices.Backward(back) {
		c.add(c.queue(p.op.App), p, true)
	}
}
