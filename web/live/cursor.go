package live

import (
	"runtime/debug"
	"sync"
	"sync/atomic"

	"github.com/cuelight/cuelight/engine"
)

// cursor is the place of one socket in its app's ring, and the writer that moves it.
type cursor struct {
	conn *conn
	tail *tail
	user engine.UserID // empty for a guest
	// epoch is that of the ring in which pos counts.
	epoch string

	open   atomic.Bool // CONNECT is on its way; pushes may follow
	closed atomic.Bool
	state  atomic.Int32
	pos    atomic.Int64 // everything up to here was handed to the engine
	got    atomic.Int64 // everything up to here was received, as the client says
	sent   atomic.Int64 // how many pushes were handed over
}

// The states of a cursor; at most one worker runs it.
const (
	cursorIdle int32 = iota
	cursorQueued
	cursorRunning
	cursorAgain // running, and woken meanwhile
)

// wake has a worker look at the cursor. It never blocks and may be called from anywhere.
func (c *cursor) wake() {
	if c.mark() {
		c.tail.srv.workers.add(c)
	}
}

// mark says whether the caller has to queue the cursor.
func (c *cursor) mark() bool {
	for {
		switch s := c.state.Load(); s {
		case cursorIdle:
			if c.state.CompareAndSwap(s, cursorQueued) {
				return true
			}
		case cursorRunning:
			if c.state.CompareAndSwap(s, cursorAgain) {
				return false
			}
		default:
			return false
		}
	}
}

// run is called by a worker that took the cursor from the queue.
func (c *cursor) run() {
	defer func() {
		if v := recover(); v != nil { // one socket must not take a worker with it
			c.conn.srv.log.Error("cursor panicked", "app", c.tail.app, "panic", v, "stack", string(debug.Stack()))
			c.conn.kill("panic")
		}
	}()
	c.state.Store(cursorRunning)
	c.pump()
	if !c.state.CompareAndSwap(cursorRunning, cursorIdle) {
		c.state.Store(cursorQueued)
		c.tail.srv.workers.add(c)
	}
}

// pump hands one batch to the engine if the socket can take it. The transport wakes the cursor when it is drained.
func (c *cursor) pump() {
	eng := c.conn.eng
	if !c.open.Load() || c.closed.Load() || eng.ReadyState() != "open" || eng.Upgrading() || !eng.Transport().Writable() {
		return
	}
	pos := c.pos.Load()
	entries, next, lost := c.tail.after(c, pos)
	if lost {
		c.conn.srv.stats.slow.Add(1)
		c.conn.kill(reasonSlow)
		return
	}
	c.pos.Store(next)
	if len(entries) == 0 {
		return
	}
	c.conn.srv.stats.delivered.Add(int64(len(entries)))
	c.sent.Add(int64(len(entries)))
	eng.Send(&batch{entries: entries}, nil, nil)
	c.conn.srv.tallies.delivered(entries)
}

func (c *cursor) close() { c.closed.Store(true) }

// lost says whether the ring has dropped something that this cursor had still to read.
func (c *cursor) lost() bool { return c.tail.lost(c) }

// receipt takes the offset of a push that arrived; offsets that were not written yet or go back are not taken.
func (c *cursor) receipt(at string) bool {
	pos, ok := parseOffset(c.epoch, at)
	if !ok || pos > c.pos.Load() {
		return false
	}
	for {
		old := c.got.Load()
		if pos <= old {
			return true
		}
		if c.got.CompareAndSwap(old, pos) {
			c.tail.received(c, old, pos) // nobody else counts from old to pos
			return true
		}
	}
}

// workers is a fixed number of goroutines that run cursors. A cursor is queued at most once, so the queue is no longer than there are sockets.
type workers struct {
	mu      sync.Mutex
	more    sync.Cond
	queue   []*cursor
	stopped bool
}

func newWorkers() *workers {
	w := &workers{}
	w.more.L = &w.mu
	return w
}

func (w *workers) add(cs ...*cursor) {
	if len(cs) == 0 {
		return
	}
	w.mu.Lock()
	w.queue = append(w.queue, cs...)
	w.mu.Unlock()
	if len(cs) == 1 {
		w.more.Signal()
		return
	}
	w.more.Broadcast()
}

func (w *workers) stop() {
	w.mu.Lock()
	w.stopped = true
	w.mu.Unlock()
	w.more.Broadcast()
}

// work runs cursors until stop.
func (w *workers) work() {
	for {
		w.mu.Lock()
		for len(w.queue) == 0 && !w.stopped {
			w.more.Wait()
		}
		if w.stopped {
			w.mu.Unlock()
			return
		}
		c := w.queue[0]
		w.queue[0] = nil
		w.queue = w.queue[1:]
		w.mu.Unlock()
		c.run()
	}
}
