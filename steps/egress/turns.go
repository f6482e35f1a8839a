package egress

import (
	"context"
	"errors"
	"sync"
	"time"
)

// turns lets a bounded number of requests at a time to each host.
type turns struct {
	max int
	mu  sync.Mutex
	all map[string]*turn
}

// turn is one host; it is forgotten when nobody is there or waits.
type turn struct {
	busy  chan struct{}
	users int
}

func newTurns(limit int) *turns { return &turns{max: limit, all: map[string]*turn{}} }

// take waits for a turn at a host, at most as long as said, and gives what ends it.
func (t *turns) take(ctx context.Context, host string, wait time.Duration) (done func(), err error) {
	t.mu.Lock()
	one := t.all[host]
	if one == nil {
		one = &turn{busy: make(chan struct{}, t.max)}
		t.all[host] = one
	}
	one.users++
	t.mu.Unlock()
	done = func() { <-one.busy; t.leave(host, one) }
	select {
	case one.busy <- struct{}{}:
		return done, nil // free: then no deadline counts
	default:
	}
	short, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	select {
	case one.busy <- struct{}{}:
		return done, nil
	case <-short.Done():
	}
	t.leave(host, one)
	if errors.Is(ctx.Err(), context.Canceled) {
		return nil, cancelled(ctx.Err())
	}
	e := failed("EGRESS_BUSY", true, short.Err(), "%s already gets %d requests at a time and none of them ended in time", host, t.max)
	e.Limit = "http_per_host"
	return nil, e
}

func (t *turns) leave(host string, one *turn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if one.users--; one.users == 0 {
		delete(t.all, host)
	}
}
