package app

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cuelight/cuelight/engine"
	"github.com/cuelight/cuelight/steps"
	"github.com/cuelight/cuelight/triggers"
)

// silent is a server that answers nobody before it is released.
type silent struct {
	*httptest.Server
	asked    atomic.Int64
	released chan struct{}
	release  func()
}

func newSilent(t *testing.T) *silent {
	s := &silent{released: make(chan struct{})}
	s.release = sync.OnceFunc(func() { close(s.released) })
	s.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-s.released:
			s.asked.Add(1)
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(s.Close)
	t.Cleanup(s.release)
	return s
}

// narrow starts the world's engine anew with so many runs in hand at most.
func (w *world) narrow(inHand int) {
	w.t.Helper()
	w.e.Close()
	w.e = engine.New(w.store, engine.Options{
		Kinds: engine.Kinds{Steps: steps.All(), Triggers: triggers.All()}, Services: steps.NewNetwork(nil), InHand: inHand,
	})
	if err := w.e.Start(w.ctx); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(w.e.Close)
}

// createMany creates orders from o0 on, several at a time.
func (w *world) createMany(n int) {
	w.t.Helper()
	var wg sync.WaitGroup
	for c := range 20 {
		wg.Go(func() {
			for i := c; i < n; i += 20 {
				if _, err := w.write(engine.Write{Kind: engine.WriteCreate, Structure: "Order", ID: fmt.Sprint("o", i)}); err != nil {
					w.t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

const quietApp = engine.AppID("quiet")

// quiet makes another app with a scenario that is called.
func (w *world) quiet() {
	w.t.Helper()
	if err := w.e.SaveApp(w.ctx, engine.App{ID: quietApp}); err != nil {
		w.t.Fatal(err)
	}
	if _, _, err := w.e.SaveDraft(w.ctx, quietApp, "tell", []byte(`{"id":"tell","steps":[{"id":"p","kind":"push","to":"*","event":"told"}]}`), 0); err != nil {
		w.t.Fatal(err)
	}
	if _, err := w.e.Publish(w.ctx, quietApp, "tell", "test", true); err != nil {
		w.t.Fatal(err)
	}
}

// mustRun calls a scenario, whose run has to end soon.
func (w *world) mustRun(app engine.AppID, scenario string) {
	w.t.Helper()
	id, err := w.e.Call(w.ctx, engine.Call{App: app, Scenario: scenario})
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(w.ctx, time.Minute)
	defer cancel()
	ended, err := w.e.Await(ctx, app, []engine.RunID{id})
	if err != nil || len(ended) != 1 || ended[0].Status != engine.RunDone {
		w.t.Fatalf("the run of %s in %s is %v (%v)", scenario, app, ended, err)
	}
}

// mustEnd waits until no run of a scenario is open, as the engine counts them, and wants so many to be done.
func (w *world) mustEnd(scenario string, runs int) {
	w.t.Helper()
	waitUntil(w.t, "the stuck runs", func() bool { return w.e.Backlog(app, scenario).Open == 0 })
	if n := ended(w.t, w, scenario); n != runs {
		w.t.Errorf("%d runs of %s are done, want %d", n, scenario, runs)
	}
}

func TestAScenarioThatIsStuckOutsideKeepsNoOtherFromStarting(t *testing.T) {
	const stuck = 600
	onEveryStore(t, func(t *testing.T, w *world) {
		outward(t, w)
		w.narrow(400)
		server := newSilent(t)
		w.mustPublish(`{"id":"stuck","structure":"Order","triggers":[{"id":"c","kind":"object","on":["created"]}],"steps":[{"id":"h","kind":"http_request","url":"`+server.URL+`/"}]}`,
			`{"id":"tell","steps":[{"id":"p","kind":"push","to":"*","event":"told"}]}`)
		w.quiet()
		w.createMany(stuck)
		w.mustRun(quietApp, "tell")
		w.mustRun(app, "tell")
		server.release()
		w.mustEnd("stuck", stuck)
		if n := w.statuses("stuck"); n[engine.RunDone] != stuck || server.asked.Load() != stuck {
			t.Errorf("the runs stand %v after %d requests", n, server.asked.Load())
		}
	})
}

func TestManyStuckScenariosTogetherKeepNoOtherFromStarting(t *testing.T) {
	const many, stuck = 10, 60
	onEveryStore(t, func(t *testing.T, w *world) {
		outward(t, w)
		w.narrow(400)
		server := newSilent(t)
		for i := range many {
			w.mustPublish(fmt.Sprintf(`{"id":"stuck%d","structure":"Order","triggers":[{"id":"c","kind":"object","on":["created"]}],"steps":[{"id":"h","kind":"http_request","url":"%s/"}]}`, i, server.URL))
		}
		w.mustPublish(`{"id":"tell","steps":[{"id":"p","kind":"push","to":"*","event":"told"}]}`)
		w.quiet()
		w.createMany(stuck)
		w.mustRun(quietApp, "tell")
		w.mustRun(app, "tell")
		server.release()
		for i := range many {
			w.mustEnd(fmt.Sprint("stuck", i), stuck)
		}
	})
}

func TestRunsThatWereLeftInTheirRowsGoOnAfterARestart(t *testing.T) {
	const stuck = 600
	onEveryStore(t, func(t *testing.T, w *world) {
		outward(t, w)
		w.narrow(400)
		server := newSilent(t)
		w.mustPublish(`{"id":"stuck","structure":"Order","triggers":[{"id":"c","kind":"object","on":["created"]}],"steps":[{"id":"h","kind":"http_request","url":"` + server.URL + `/"}]}`)
		w.quiet()
		w.createMany(stuck)
		w.narrow(400)
		w.mustRun(quietApp, "tell")
		server.release()
		w.mustEnd("stuck", stuck)
	})
}

func TestRunsThatWereLeftInTheirRowsGoOnAfterAPause(t *testing.T) {
	const stuck = 600
	onEveryStore(t, func(t *testing.T, w *world) {
		outward(t, w)
		w.narrow(400)
		server := newSilent(t)
		w.mustPublish(`{"id":"stuck","structure":"Order","triggers":[{"id":"c","kind":"object","on":["created"]}],"steps":[{"id":"h","kind":"http_request","url":"` + server.URL + `/"}]}`)
		w.createMany(stuck)
		for _, state := range []engine.ScenarioState{engine.Paused, engine.Running} {
			if _, err := w.e.SetState(w.ctx, app, "stuck", state); err != nil {
				t.Fatal(err)
			}
		}
		server.release()
		w.mustEnd("stuck", stuck)
	})
}

func TestRunsThatWereLeftInTheirRowsGoOnAfterAReadThatFailed(t *testing.T) {
	const stuck = 100
	onEveryTroubledStore(t, func(t *testing.T, w *world, s *troubled) {
		outward(t, w)
		w.narrow(400)
		server := newSilent(t)
		w.mustPublish(`{"id":"stuck","structure":"Order","triggers":[{"id":"c","kind":"object","on":["created"]}],"steps":[{"id":"h","kind":"http_request","url":"` + server.URL + `/"}]}`)
		w.createMany(stuck)
		failed := make(chan struct{})
		fail := sync.OnceValue(func() error { close(failed); return engine.ErrUnavailable })
		first := func(int) error {
			select {
			case <-failed:
				return nil
			default:
				return fail()
			}
		}
		s.onOwned.Store(&first)
		server.release()
		<-failed
		w.mustEnd("stuck", stuck)
	})
}

func TestTheRowsOfAScenarioThatIsStuckAreNotReadAgainAndAgain(t *testing.T) {
	const stuck = 600
	onEveryTroubledStore(t, func(t *testing.T, w *world, s *troubled) {
		outward(t, w)
		w.narrow(400)
		server := newSilent(t)
		w.mustPublish(`{"id":"stuck","structure":"Order","triggers":[{"id":"c","kind":"object","on":["created"]}],"steps":[{"id":"h","kind":"http_request","url":"`+server.URL+`/"}]}`,
			`{"id":"tell","steps":[{"id":"p","kind":"push","to":"*","event":"told"}]}`)
		w.createMany(stuck)
		var rows atomic.Int64
		count := func(n int) error { rows.Add(int64(n)); return nil }
		s.onOwned.Store(&count)
		for range 100 {
			w.mustRun(app, "tell")
		}
		if n := rows.Load(); n > 0 {
			t.Errorf("%d rows were read while nothing had ended", n)
		}
		w.narrow(400)
		if n := rows.Load(); n > 200 {
			t.Errorf("%d rows were read at the start, of which 50 can be in hand", n)
		}
		server.release()
		w.mustEnd("stuck", stuck)
		// Each reading finds a half of the share and begins with what is in hand, in pages of 200.
		if n := rows.Load(); n > 10*stuck {
			t.Errorf("%d rows were read for %d runs", n, stuck)
		}
	})
}
