package live

import (
	"sync"
	"sync/atomic"

	"github.com/cuelight/cuelight/engine"
)

// tally counts what became of the pushes that one step of a run sent, on this node and since it was last told. Those that lie one behind the
// other in the log share one; where a step has more, their sums are added up by whoever is told.
type tally struct {
	app engine.AppID
	run engine.RunID
	seq int64

	online, delivered, received atomic.Int64

	round atomic.Int64 // in which it was last put down to be told
}

// tallyCost is what a tally weighs, the run's id included.
const tallyCost = 128

// tallyOf is the tally for a push behind one that has the tally last; nil for a push of no run.
func tallyOf(p engine.Push, last *tally) *tally {
	if p.Run == "" {
		return nil
	}
	if last != nil && last.run == p.Run && last.seq == p.Seq && last.app == p.App {
		return last
	}
	return &tally{app: p.App, run: p.Run, seq: p.Seq}
}

// maxUntold is how many tallies wait to be told.
const maxUntold = 10_000

// tallies are those that have moved in the present round, which ends when they are told.
type tallies struct {
	round   atomic.Int64 // raised under mu
	dropped atomic.Int64

	mu    sync.Mutex
	moved []*tally
}

func newTallies() *tallies {
	q := &tallies{}
	q.round.Store(1)
	return q
}

// put has a tally told that was counted up. It locks once a round for each tally, however many sockets count. Nothing is missed between two
// rounds: take raises the round before it reads, so whoever still finds the old one has counted before that.
func (q *tallies) put(t *tally) {
	if t.round.Load() == q.round.Load() {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	round := q.round.Load()
	if t.round.Swap(round) == round {
		return
	}
	if len(q.moved) == maxUntold {
		q.dropped.Add(1) // it keeps its sums, and has another chance when it moves in another round
		return
	}
	q.moved = append(q.moved, t)
}

// take gives what was counted in the round and begins another one.
func (q *tallies) take() []engine.Delivery {
	q.mu.Lock()
	moved := q.moved
	q.moved = nil
	q.round.Add(1)
	q.mu.Unlock()
	counted := make([]engine.Delivery, len(moved))
	for i, t := range moved {
		counted[i] = engine.Delivery{
			App: t.app, Run: t.run, Seq: t.seq, Online: t.online.Swap(0), Delivered: t.delivered.Swap(0), Received: t.received.Swap(0),
		}
	}
	return counted
}

// unheard puts down that nobody was there for these pushes: that is news too.
func (q *tallies) unheard(pushes []engine.Push) {
	var last *tally
	for _, p := range pushes {
		if last = tallyOf(p, last); last != nil {
			q.put(last)
		}
	}
}

// delivered counts the entries that a socket's transport was given.
func (q *tallies) delivered(entries []*entry) {
	for _, e := range entries {
		if e.tally != nil {
			e.tally.delivered.Add(1)
			q.put(e.tally)
		}
	}
}

// tell reports what was counted since it was last called.
func (s *Server) tell() {
	if counted := s.tallies.take(); len(counted) > 0 {
		s.report(counted)
	}
}

// handedOver counts the open sockets of an entry's receiver. The caller holds mu.
func (t *tail) handedOver(e *entry) {
	if e.tally == nil {
		return
	}
	n := len(t.users[engine.UserID(e.to)])
	if e.to == engine.Everybody {
		n = len(t.cursors)
	}
	e.tally.online.Add(int64(n))
	t.srv.tallies.put(e.tally)
}

// received counts the pushes that a cursor's client confirms: those behind from and up to to that are meant for it and that the ring still has.
func (t *tail) received(c *cursor, from, to int64) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if t.ring == nil || t.ring.epoch != c.epoch {
		return
	}
	lists := [][]*entry{t.ring.lists[engine.Everybody]}
	if c.user != "" {
		lists = append(lists, t.ring.lists[string(c.user)])
	}
	for _, list := range lists {
		for _, e := range listAfter(list, from) {
			if e.pos > to {
				break
			}
			if e.tally != nil {
				e.tally.received.Add(1)
				t.srv.tallies.put(e.tally)
			}
		}
	}
}
