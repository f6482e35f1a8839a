package app

import (
	"fmt"
	"sync"
	"testing"

	"github.com/cuelight/cuelight/engine"
)

// withTheNext has the op that ends a run of a scenario tried again until another op is in its batch, behind it.
func withTheNext(w *world, s *troubled, scenario string) (waits chan bool) {
	waits = make(chan bool)
	var once, over sync.Once
	f := func(ops []engine.Op) []engine.Result {
		for i, op := range ops {
			if op.Fence == nil {
				continue
			}
			if r, err := s.Store.Run(w.ctx, app, op.Fence.Run); err != nil || r.Scenario != scenario {
				continue
			}
			if i == 0 && len(ops) > 1 {
				over.Do(func() { s.onCommit.Store(nil) })
				return nil
			}
			once.Do(func() { close(waits) })
			return answerAll(ops, engine.ErrLater)
		}
		return nil
	}
	s.onCommit.Store(&f)
	return waits
}

// The answer of a called run is written into its caller's row, whose lane and permit the op had not looked at: the next op of the batch took
// them for free.
func TestAnAnswerInTheSameBatchLetsNoFurtherRunIn(t *testing.T) {
	onEveryTroubledStore(t, func(t *testing.T, w *world, s *troubled) {
		for name, how := range map[string]struct {
			settings string
			most     int
		}{
			"permits": {`"order":"parallel","settings":{"max_concurrent":2}`, 2},
			"lane":    {`"order":"one_at_a_time"`, 1},
		} {
			t.Run(name, func(t *testing.T) {
				outward(t, w)
				server := newBusy(t)
				child := "child-" + name
				w.mustPublish(`{"id":"` + child + `","structure":"Order","triggers":[{"id":"call","kind":"call"}],"steps":[{"id":"l","kind":"log","message":"x"}]}`)
				w.mustPublish(`{"id":"` + name + `","structure":"Order",` + how.settings + `,"triggers":[{"id":"call","kind":"call"}],"steps":[
					{"id":"c","kind":"call_scenario","scenario":"` + child + `","wait":true},{"id":"h","kind":"http_request","url":"` + server.URL + `/x"}]}`)
				for range how.most - 1 {
					w.call(engine.Call{Scenario: name})
					<-server.came
				}
				waits := withTheNext(w, s, child)
				w.call(engine.Call{Scenario: name})
				<-waits
				w.call(engine.Call{Scenario: name})
				<-server.came
				if n := w.statuses(name); n[engine.RunQueued] != 1 || n[engine.RunReady] != how.most {
					t.Errorf("the runs stand %v", n)
				}
				server.release()
				waitUntil(t, "all runs", func() bool { return ended(t, w, name) == how.most+1 })
				if server.most > how.most {
					t.Errorf("%d runs at a time, %d may", server.most, how.most)
				}
			})
		}
	})
}

// hurdle is a scenario whose runs are held by another server.
func hurdle(server *busy, rest string) string {
	return `{"id":"x","structure":"Order",` + rest + `"triggers":[{"id":"c","kind":"object","on":["created","changed"]}],"steps":[
		{"id":"h","kind":"http_request","url":"` + server.URL + `/{{ object.number }}"}]}`
}

func TestPublishingMaxConcurrentKeepsTheRunsOfAnObjectInTurn(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		outward(t, w)
		server := newBusy(t)
		w.mustWrite(engine.WriteCreate, "Order", "o", `{"number":"1"}`)
		for i, settings := range []string{``, `"settings":{"max_concurrent":5},`, ``, `"settings":{"max_concurrent":3},`} {
			w.mustPublish(hurdle(server, settings))
			w.mustWrite(engine.WritePatch, "Order", "o", fmt.Sprintf(`{"count":%d}`, i+2))
		}
		<-server.came
		server.release()
		waitUntil(t, "all runs", func() bool { return ended(t, w, "x") == 4 })
		if server.twice || server.most != 1 {
			t.Errorf("%d runs of one object at a time", server.most)
		}
	})
}

func TestAQueueOfOneObjectLeavesThePermitsToOthers(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		outward(t, w)
		server := newBusy(t)
		w.mustPublish(hurdle(server, `"settings":{"max_concurrent":3},`))
		w.mustWrite(engine.WriteCreate, "Order", "a", `{"number":"a"}`)
		<-server.came
		for i := range 2 * engine.TurnWindow {
			w.mustWrite(engine.WritePatch, "Order", "a", fmt.Sprintf(`{"count":%d}`, i+2))
		}
		w.mustWrite(engine.WriteCreate, "Order", "b", `{"number":"b"}`)
		w.mustWrite(engine.WriteCreate, "Order", "c", `{"number":"c"}`)
		<-server.came
		<-server.came // b and c have the other two
		server.release()
		waitUntil(t, "all runs", func() bool { return ended(t, w, "x") == 3+2*engine.TurnWindow })
		if server.most != 3 || server.twice {
			t.Errorf("%d requests at a time, two for one object: %v", server.most, server.twice)
		}
	})
}

func TestARaisedOrDroppedMaxConcurrentLetsTheQueuedRunsGo(t *testing.T) {
	for name, settings := range map[string]string{"raised": `"settings":{"max_concurrent":30},`, "dropped": ``} {
		t.Run(name, func(t *testing.T) {
			onEveryStore(t, func(t *testing.T, w *world) {
				outward(t, w)
				server := newBusy(t)
				w.mustPublish(hurdle(server, `"settings":{"max_concurrent":1},`))
				for i := range 2 * engine.TurnWindow {
					w.mustWrite(engine.WriteCreate, "Order", fmt.Sprint("o", i), fmt.Sprintf(`{"number":"%d"}`, i))
				}
				<-server.came
				w.mustPublish(hurdle(server, settings))
				waitUntil(t, "none is queued", func() bool { return w.statuses("x")[engine.RunQueued] == 0 })
				server.release()
				waitUntil(t, "all runs", func() bool { return ended(t, w, "x") == 2*engine.TurnWindow })
			})
		})
	}
}

func TestALoweredMaxConcurrentHoldsForTheRunsThatFollow(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		outward(t, w)
		first, second := newBusy(t), newBusy(t)
		w.mustPublish(hurdle(first, `"settings":{"max_concurrent":4},`))
		for i := range 4 {
			w.mustWrite(engine.WriteCreate, "Order", fmt.Sprint("o", i), fmt.Sprintf(`{"number":"%d"}`, i))
			<-first.came
		}
		w.mustPublish(hurdle(second, `"settings":{"max_concurrent":2},`))
		for i := range 6 {
			w.mustWrite(engine.WriteCreate, "Order", fmt.Sprint("p", i), fmt.Sprintf(`{"number":"p%d"}`, i))
		}
		first.release()
		<-second.came
		<-second.came
		if n := w.statuses("x"); n[engine.RunReady] != 2 || n[engine.RunQueued] != 4 {
			t.Errorf("the runs stand %v", n)
		}
		second.release()
		waitUntil(t, "all runs", func() bool { return ended(t, w, "x") == 10 })
		if second.most != 2 {
			t.Errorf("%d at a time", second.most)
		}
	})
}

func TestACancelledRunGivesItsLaneAndItsPermitOn(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		outward(t, w)
		server := newBusy(t)
		w.mustPublish(hurdle(server, `"settings":{"max_concurrent":1},`))
		a := w.mustWrite(engine.WriteCreate, "Order", "a", `{"number":"a"}`)
		<-server.came
		b := w.mustWrite(engine.WriteCreate, "Order", "b", `{"number":"b"}`) // holds its lane, wants a permit
		behind := w.mustWrite(engine.WritePatch, "Order", "b", `{"count":1}`)
		for _, id := range []engine.RunID{b.Runs[0], a.Runs[0]} {
			if _, err := w.e.Cancel(w.ctx, app, id); err != nil {
				t.Fatal(err)
			}
		}
		<-server.came
		if r, err := w.store.Run(w.ctx, app, behind.Runs[0]); err != nil || r.Status != engine.RunReady || !r.Holds || r.Permit != engine.PermitHeld {
			t.Errorf("the run behind: %+v, %v", r, err)
		}
		server.release()
		w.over(behind.Runs[0], engine.RunDone)
	})
}

// A called run runs in its caller's turn; when it woke it wanted a permit of its own, which its caller held.
func TestACalledRunThatSleepsGoesOnInItsCallersTurn(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		w.mustPublish(`{"id":"walk","structure":"Order","order":"parallel","settings":{"max_concurrent":1},"triggers":[{"id":"call","kind":"call"}],"steps":[
			{"id":"if","kind":"condition","if":"object.number == \"top\"","then":[{"id":"c","kind":"call_scenario","scenario":"walk","object":"leaf","wait":true}],
			"else":[{"id":"d","kind":"delay","for":"10ms"}]}]}`)
		w.mustWrite(engine.WriteCreate, "Order", "top", `{"number":"top"}`)
		w.mustWrite(engine.WriteCreate, "Order", "leaf", `{"number":"leaf"}`)
		w.call(engine.Call{Scenario: "walk", Object: "top"})
		waitUntil(t, "both runs", func() bool { return w.statuses("walk")[engine.RunDone] == 2 })
	})
}

// The runs that were let go gave no permit back when they ended, so that those behind the window waited for ever.
func TestTheQueueEmptiesThoughTheServerEndsWhenTheBoundIsDropped(t *testing.T) {
	onEveryTroubledStore(t, func(t *testing.T, w *world, s *troubled) {
		outward(t, w)
		server := newBusy(t)
		w.mustPublish(hurdle(server, `"settings":{"max_concurrent":1},`))
		for i := range 3 * engine.TurnWindow {
			w.mustWrite(engine.WriteCreate, "Order", fmt.Sprint("o", i), fmt.Sprintf(`{"number":"%d"}`, i))
		}
		<-server.came
		refused := make(chan bool, 10)
		f := func(ops []engine.Op) []engine.Result {
			for _, op := range ops {
				if op.Fence == nil && len(op.Lock) == 1 && op.Lock[0].Kind == engine.KeyPermits {
					refused <- true
					return answerAll(ops, engine.ErrUnavailable)
				}
			}
			return nil
		}
		s.onCommit.Store(&f)
		w.mustPublish(hurdle(server, ``))
		<-refused
		w.restart(t, engine.Options{})
		s.onCommit.Store(nil)
		server.release()
		waitUntil(t, "all runs", func() bool { return ended(t, w, "x") == 3*engine.TurnWindow })
	})
}

// While its version does not fit its structure, a scenario has no bound; the runs that failed then gave no permit on.
func TestTheQueueEmptiesThoughTheScenarioDoesNotFitForAWhile(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		outward(t, w)
		server := newBusy(t)
		if _, err := w.e.SaveStructure(w.ctx, app, []byte(`{"id":"Task","fields":[{"id":"number","type":"string"},{"id":"count","type":"number"}]}`)); err != nil {
			t.Fatal(err)
		}
		w.mustPublish(`{"id":"x","structure":"Task","settings":{"max_concurrent":2},"triggers":[{"id":"c","kind":"object","on":["created"]}],"steps":[
			{"id":"h","kind":"http_request","url":"` + server.URL + `/{{ object.number }}"}]}`)
		for i := range 3 * engine.TurnWindow {
			w.mustWrite(engine.WriteCreate, "Task", fmt.Sprint("o", i), fmt.Sprintf(`{"number":"%d"}`, i))
		}
		<-server.came
		<-server.came
		if _, err := w.e.ChangeStructure(w.ctx, app, []byte(`{"id":"Task","fields":[{"id":"count","type":"number"}]}`), engine.StructureChange{Drop: []string{"number"}}); err != nil {
			t.Fatal(err)
		}
		server.release()
		waitUntil(t, "none is left", func() bool {
			n := w.statuses("x")
			return n[engine.RunQueued]+n[engine.RunReady] == 0
		})
	})
}

func TestARunThatSleepsGivesItsPermitToOthers(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		doc := `{"id":"%s","structure":"Order","order":"parallel","settings":{"max_concurrent":1},"triggers":[{"id":"c","kind":"object","on":["created"]}],"steps":[
			{"id":"d","kind":"delay","for":"%s"},{"id":"p","kind":"push","to":"*","event":"e"}]}`
		w.mustPublish(fmt.Sprintf(doc, "long", "1h"))
		w.mustPublish(fmt.Sprintf(doc, "short", "10ms"))
		for i := range 3 {
			w.mustWrite(engine.WriteCreate, "Order", fmt.Sprint("o", i), `{}`)
		}
		waitUntil(t, "all sleep", func() bool { return w.statuses("long")[engine.RunWaiting] == 3 })
		waitUntil(t, "all have woken and ended", func() bool { return w.statuses("short")[engine.RunDone] == 3 })
	})
}
