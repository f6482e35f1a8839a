package app

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/cuelight/cuelight/engine"
)

// maxReports is how many counts wait for a store that is slow or away; a node counts at most 10,000 in a second.
const maxReports = 100_000

// reporter brings what the sockets count about pushes into the log of their runs, so that the sockets never wait for the store.
type reporter struct {
	write  func(context.Context, []engine.Delivery) error
	log    *slog.Logger
	ctx    context.Context // ends what is being written when close has waited long enough
	cancel context.CancelFunc
	more   chan struct{}
	done   chan struct{}

	mu      sync.Mutex
	waiting []engine.Delivery
	closed  bool
}

// newReporter starts a reporter in a goroutine that ends at close.
func newReporter(start func(name string, f func()), write func(context.Context, []engine.Delivery) error, log *slog.Logger) *reporter {
	r := &reporter{write: write, log: log, more: make(chan struct{}, 1), done: make(chan struct{})}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	start("deliveries", r.work)
	return r
}

// take puts counts down. What there is no room for is lost.
func (r *reporter) take(counted []engine.Delivery) {
	r.mu.Lock()
	room := maxReports - len(r.waiting)
	r.waiting = append(r.waiting, counted[:min(room, len(counted))]...)
	r.mu.Unlock()
	if len(counted) > room {
		r.log.Warn("deliveries not written: the store is too slow", "steps", len(counted)-room)
	}
	r.wake()
}

func (r *reporter) wake() {
	select {
	case r.more <- struct{}{}:
	default:
	}
}

func (r *reporter) work() {
	defer close(r.done)
	for range r.more {
		r.mu.Lock()
		counted, closed := r.waiting, r.closed
		r.waiting = nil
		r.mu.Unlock()
		if len(counted) > 0 {
			if err := r.write(r.ctx, counted); err != nil {
				r.log.Warn("deliveries not written", "err", err)
			}
		}
		if closed {
			return
		}
	}
}

// lastReports is how long close waits for the store.
const lastReports = 5 * time.Second

// close writes what was taken before and ends. It may be called again.
func (r *reporter) close() {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.wake()
	late := time.AfterFunc(lastReports, r.cancel)
	defer late.Stop()
	<-r.done
	r.cancel()
}
