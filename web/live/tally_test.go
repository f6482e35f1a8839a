package live_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/cuelight/cuelight/engine"
	"github.com/cuelight/cuelight/web/live"
)

// tell adds up what the server reports.
func (w *world) tell(counted []engine.Delivery) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, d := range counted {
		key := fmt.Sprint(d.App, " ", d.Run, " ", d.Seq)
		sum := w.told[key]
		w.told[key] = engine.Delivery{Online: sum.Online + d.Online, Delivered: sum.Delivered + d.Delivered, Received: sum.Received + d.Received}
	}
}

// sum is what was reported of a step: online/delivered/received, or nothing.
func (w *world) sum(step string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	d, known := w.told["demo "+step]
	if !known {
		return ""
	}
	return fmt.Sprintf("%d/%d/%d", d.Online, d.Delivered, d.Received)
}

// tells waits until it was reported so of a step.
func (w *world) tells(t *testing.T, step, want string) {
	t.Helper()
	waitFor(t, fmt.Sprintf("%s of step %s", want, step), func() bool { return w.sum(step) == want })
}

// step commits what a step of a run pushes and hands it over.
func (w *world) step(seq int64, message string, to ...string) (last int64) {
	w.t.Helper()
	var pushes []engine.Push
	for _, receiver := range to {
		pushes = append(pushes, engine.Push{App: "demo", To: receiver, Event: "n", Message: message, Run: "r", Seq: seq})
	}
	w.live.Pushed(w.store.commit(pushes...))
	return pushes[len(pushes)-1].Pos
}

// confirm sends a receipt.
func (p *peer) confirm(t *testing.T, at string) {
	t.Helper()
	if err := p.send(`42["cue:got",` + encodeJSON(t, at) + `]`); err != nil {
		t.Fatal(err)
	}
}

func TestAStepIsToldWhoGotItsPushes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, live.Limits{})
	w.step(1, "nobody has ever been here", "anna")
	w.tells(t, "r 1", "0/0/0")
	desk, phone, other := visitor(t, w.url(), auth("demo", "token-anna")), poller(t, w.url()), visitor(t, w.url(), auth("demo", "token-bob"))
	second := visitor(t, w.url(), auth("demo", "token-anna"))
	w.step(2, "away", "carl")
	w.step(3, "anna", "anna")
	w.step(4, "all", "*")
	w.step(5, "both", "anna", "bob", "carl")
	w.push("*", "n", "of no run")
	for _, p := range []*peer{desk, second} {
		p.gets(t, "anna", "all", "both", "of no run")
	}
	phone.gets(t, "all", "of no run")
	other.gets(t, "all", "both", "of no run")
	w.tells(t, "r 2", "0/0/0")
	w.tells(t, "r 3", "2/2/0")
	w.tells(t, "r 4", "4/4/0")
	w.tells(t, "r 5", "3/3/0")
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.told) != 5 {
		t.Errorf("told of %v", w.told)
	}
}

func TestAReceiptCountsForAllThatTheClientGotBefore(t *testing.T) {
	t.Parallel()
	w := newWorld(t, live.Limits{})
	anna, bob := visitor(t, w.url(), auth("demo", "token-anna")), visitor(t, w.url(), auth("demo", "token-bob"))
	one := w.step(1, "1", "*")
	w.step(2, "2", "anna")
	w.step(3, "3", "bob")
	w.step(4, "4", "*")
	last := anna.gets(t, "1", "2", "4")
	bob.gets(t, "1", "3", "4")
	anna.confirm(t, w.offset(one))
	w.tells(t, "r 1", "2/2/1")
	anna.confirm(t, w.offset(last.pos))
	anna.confirm(t, w.offset(last.pos))
	anna.confirm(t, w.offset(one)) // late, and counted
	w.tells(t, "r 4", "2/2/1")
	bob.confirm(t, w.offset(last.pos))
	w.tells(t, "r 4", "2/2/2")
	w.tells(t, "r 1", "2/2/2")
	w.tells(t, "r 2", "1/1/1")
	w.tells(t, "r 3", "1/1/1")
}

// TestAReplayIsADeliveryToo lets a client come back: after a cut, when the ring still has the push, and after a restart, when the ring is
// filled from the log. What it confirmed before counts once.
func TestAReplayIsADeliveryToo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, live.Limits{})
	p := visitor(t, w.url(), auth("demo", "token-anna"))
	at := w.step(1, "1", "anna")
	p.gets(t, "1")
	p.confirm(t, w.offset(at))
	w.tells(t, "r 1", "1/1/1")
	p.close()
	waitFor(t, "the socket to leave", func() bool { return w.live.Connections("demo") == 0 })
	w.step(2, "2", "anna")
	w.tells(t, "r 2", "0/0/0")
	q, resumed := back(t, w, "token-anna", p.pid, w.offset(at))
	if !resumed {
		t.Fatal("not resumed")
	}
	q.confirm(t, w.offset(q.gets(t, "2").pos))
	w.tells(t, "r 2", "0/1/1")
	w.stop() // tells the rest
	w.start()
	q, resumed = back(t, w, "token-anna", p.pid, w.offset(at))
	if !resumed {
		t.Fatal("not resumed after a restart")
	}
	q.gets(t, "2")
	w.tells(t, "r 2", "0/2/1")
	if got := w.sum("r 1"); got != "1/1/1" {
		t.Errorf("what was confirmed before the cut counts %s now", got)
	}
}

func TestCloseTellsTheRest(t *testing.T) {
	t.Parallel()
	w := newWorld(t, live.Limits{})
	p := guest(t, w.url())
	w.step(1, "1", "*")
	p.gets(t, "1")
	w.stop()
	if got := w.sum("r 1"); got != "1/1/0" {
		t.Errorf("after the end %q is known", got)
	}
}

// TestCountingFromManySocketsMissesNothing counts the same steps from many sockets at once, over the end of rounds.
func TestCountingFromManySocketsMissesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, live.Limits{})
	const sockets, pushes = 15, 400
	var all sync.WaitGroup
	for i := range sockets {
		p := visitor(t, w.url(), auth("demo", []string{"", "token-anna", "token-bob"}[i%3]))
		all.Go(func() {
			var last event
			for range pushes {
				var err error
				if last, err = p.event(); err != nil {
					t.Error(err)
					return
				}
			}
			if err := p.send(fmt.Sprintf(`42["cue:got","%s.%d"]`, last.epoch, last.pos)); err != nil {
				t.Error(err)
			}
		})
	}
	for i := range pushes {
		w.step(int64(i%7), "m", "*")
	}
	all.Wait()
	for i := range int64(7) {
		n := (pushes - i + 6) / 7 * sockets
		w.tells(t, fmt.Sprint("r ", i), fmt.Sprintf("%d/%d/%d", n, n, n))
	}
}
