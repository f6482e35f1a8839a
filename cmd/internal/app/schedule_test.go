package app

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cuelight/cuelight/engine"
	"github.com/cuelight/cuelight/steps"
	"github.com/cuelight/cuelight/triggers"
)

// later is the engine's clock, put forward by hand: it is what schedules go by.
type later struct{ by atomic.Int64 }

func (l *later) now() time.Time          { return time.Now().Add(time.Duration(l.by.Load())) }
func (l *later) forward(d time.Duration) { l.by.Add(int64(d)) }

// scheduler gives the world an engine of its own whose clock can be put forward.
func scheduler(t *testing.T, w *world) *later {
	t.Helper()
	clock := &later{}
	w.restart(t, engine.Options{Clock: clock.now})
	return clock
}

// ended counts the runs of a scenario that are done.
func ended(t *testing.T, w *world, scenario string) int {
	t.Helper()
	runs, err := w.store.Runs(w.ctx, engine.RunQuery{App: app, Scenario: scenario, Status: engine.RunDone, Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	return len(runs)
}

func TestAScheduleStartsOneRunForEachTick(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		clock := scheduler(t, w)
		w.mustPublish(`{"id":"clock","triggers":[{"id":"t","kind":"schedule","every":"10s"}],"steps":[{"id":"p","kind":"push","to":"*","event":"tick","message":"{{ vars.tick }}"}]}`)
		for i := range 3 {
			clock.forward(10 * time.Second)
			waitUntil(t, fmt.Sprintf("tick %d", i+1), func() bool { return ended(t, w, "clock") == i+1 })
		}
		if _, err := w.e.SetState(w.ctx, app, "clock", engine.Stopped); err != nil {
			t.Fatal(err)
		}
		clock.forward(time.Hour)
		if _, err := w.e.SetState(w.ctx, app, "clock", engine.Running); err != nil {
			t.Fatal(err)
		}
		waitUntil(t, "the first tick after a stop, which missed nothing", func() bool { clock.forward(time.Second); return ended(t, w, "clock") == 4 })
	})
}

func TestMissedTicksAreMadeUpForAsThePolicySays(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		clock := scheduler(t, w)
		for _, policy := range []string{"latest", "skip", "all"} {
			w.mustPublish(fmt.Sprintf(`{"id":"m-%s","triggers":[{"id":"t","kind":"schedule","every":"10m","missed":%q,"overlap":"allow"}],"steps":[{"id":"p","kind":"push","to":"*","event":%q}]}`, policy, policy, policy))
		}
		w.e.Close()
		w.e = engine.New(w.store, engine.Options{Kinds: engine.Kinds{Steps: steps.All(), Triggers: triggers.All()}, Clock: clock.now})
		clock.forward(59*time.Minute + 59*time.Second)
		if err := w.e.Start(w.ctx); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(w.e.Close)
		// An hour holds six ticks, or five and the sixth comes in a moment.
		waitUntil(t, "all missed ticks", func() bool { return ended(t, w, "m-all") >= 5 })
		waitUntil(t, "the latest missed tick", func() bool { return ended(t, w, "m-latest") >= 1 })
		if all, latest, skip := ended(t, w, "m-all"), ended(t, w, "m-latest"), ended(t, w, "m-skip"); all > 7 || latest > 2 || skip > 1 {
			t.Errorf("%d, %d and %d runs made up for an hour", all, latest, skip)
		}
	})
}

// After a stop of half a minute each of the ticks ran, though all but the latest had been missed.
func TestTicksOfAShortStopAreMissedToo(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		clock := scheduler(t, w)
		for _, policy := range []string{"latest", "skip", "all"} {
			w.mustPublish(fmt.Sprintf(`{"id":"m-%s","triggers":[{"id":"t","kind":"schedule","every":"10s","missed":%q,"overlap":"allow"}],"steps":[{"id":"p","kind":"push","to":"*","event":%q}]}`, policy, policy, policy))
		}
		clock.forward(10 * time.Second)
		before := map[string]int{}
		for _, policy := range []string{"latest", "skip", "all"} {
			waitUntil(t, "the first tick", func() bool { before[policy] = ended(t, w, "m-"+policy); return before[policy] > 0 })
		}
		w.e.Close()
		w.e = engine.New(w.store, engine.Options{Kinds: engine.Kinds{Steps: steps.All(), Triggers: triggers.All()}, Clock: clock.now})
		clock.forward(40 * time.Second)
		if err := w.e.Start(w.ctx); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(w.e.Close)
		// Forty seconds hold four ticks; another may come in a moment.
		waitUntil(t, "all missed ticks", func() bool { return ended(t, w, "m-all")-before["all"] >= 4 })
		waitUntil(t, "the latest missed tick", func() bool {
			return ended(t, w, "m-latest") > before["latest"] && ended(t, w, "m-skip") > before["skip"]
		})
		if latest, skip := ended(t, w, "m-latest")-before["latest"], ended(t, w, "m-skip")-before["skip"]; latest > 2 || skip > 2 {
			t.Errorf("%d and %d runs made up for forty seconds", latest, skip)
		}
	})
}

func TestAScheduleStartsARunForEachObjectThatPasses(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		clock := scheduler(t, w)
		for i := range 150 {
			w.mustWrite(engine.WriteCreate, "Order", fmt.Sprintf("o%03d", i), fmt.Sprintf(`{"status":%q}`, []string{"new", "paid"}[i%2]))
		}
		w.mustPublish(`{"id":"each","structure":"Order","triggers":[{"id":"t","kind":"schedule","every":"1h","filter":"status = \"new\""}],
			"steps":[{"id":"mark","kind":"edit_object","set":{"status":"ready","count":"{{ (object.count ?? 0) + 1 }}"}}]}`)
		clock.forward(time.Hour)
		waitUntil(t, "a run for each new order, and the one that started them", func() bool { return ended(t, w, "each") == 76 })
		for i := range 150 {
			want := map[bool]string{true: "ready", false: "paid"}[i%2 == 0]
			if got := w.object(fmt.Sprintf("o%03d", i)); got["status"] != want || i%2 == 0 && fmt.Sprint(got["count"]) != "1" {
				t.Errorf("order %d is %v", i, got)
			}
		}
	})
}

func TestATickIsSkippedWhileTheRunBeforeIsOpen(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		clock := scheduler(t, w)
		w.mustPublish(`{"id":"slow","triggers":[{"id":"t","kind":"schedule","every":"10s"}],"steps":[{"id":"nap","kind":"delay","for":"1h"}]}`,
			`{"id":"both","triggers":[{"id":"t","kind":"schedule","every":"10s","overlap":"allow"}],"steps":[{"id":"nap","kind":"delay","for":"1h"}]}`)
		for i := range 3 {
			clock.forward(10 * time.Second)
			waitUntil(t, "both at once", func() bool { return w.e.Backlog(app, "both").Open == i+1 })
		}
		if n := w.e.Backlog(app, "slow").Open; n != 1 {
			t.Errorf("%d runs of the schedule that does not overlap are open", n)
		}
	})
}
