package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/cuelight/cuelight/engine"
	"github.com/cuelight/cuelight/steps"
	"github.com/cuelight/cuelight/triggers"
)

// bench is an engine with the quiet app.
type bench struct {
	e *engine.Engine

	mu     sync.Mutex
	pushed map[string]chan time.Time // by the object whose push is awaited
}

func newBench(ctx context.Context, s engine.Store) (*bench, error) {
	b := &bench{pushed: map[string]chan time.Time{}}
	b.e = engine.New(s, engine.Options{Kinds: engine.Kinds{Steps: steps.All(), Triggers: triggers.All()}, Outlet: b.outlet})
	if err := b.e.Start(ctx); err != nil {
		return nil, err
	}
	return b, b.install(ctx, quietApp, tell)
}

func (b *bench) install(ctx context.Context, app engine.AppID, docs ...string) error {
	if err := b.e.SaveApp(ctx, engine.App{ID: app}); err != nil {
		return err
	}
	if _, err := b.e.SaveStructure(ctx, app, []byte(thing)); err != nil {
		return err
	}
	for _, doc := range docs {
		var named struct{ ID string }
		if err := json.Unmarshal([]byte(doc), &named); err != nil {
			return err
		}
		if _, _, err := b.e.SaveDraft(ctx, app, named.ID, []byte(doc), 0); err != nil {
			return err
		}
		if _, err := b.e.Publish(ctx, app, named.ID, "bench", true); err != nil {
			return err
		}
	}
	return nil
}

// outlet notes when the push of a write came.
func (b *bench) outlet(pushes []*engine.Push) {
	now := time.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range pushes {
		if ch := b.pushed[p.Message]; p.App == quietApp && ch != nil {
			ch <- now
			delete(b.pushed, p.Message)
		}
	}
}

// once writes to the quiet app and says how long its push took.
func (b *bench) once(ctx context.Context, id string) (time.Duration, error) {
	came := make(chan time.Time, 1)
	b.mu.Lock()
	b.pushed[id] = came
	b.mu.Unlock()
	began := time.Now()
	if _, err := b.e.Write(ctx, engine.Write{App: quietApp, Kind: engine.WriteCreate, Structure: "Thing", ID: id}); err != nil {
		return 0, err
	}
	select {
	case at := <-came:
		return at.Sub(began), nil
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// measure writes for a while, each at a time of its own, and gives how long the pushes took, shortest first.
func (b *bench) measure(ctx context.Context, name string, lasting time.Duration) ([]time.Duration, error) {
	var all []time.Duration
	began := time.Now()
	for n := 0; time.Since(began) < lasting; n++ {
		if err := pause(ctx, time.Until(began.Add(time.Duration(n)*writeEvery))); err != nil {
			return nil, err
		}
		took, err := b.once(ctx, fmt.Sprint(name, ".", n))
		if err != nil {
			return nil, err
		}
		all = append(all, took)
	}
	slices.Sort(all)
	return all, nil
}

// compare measures the quiet app alone, beside a bomb, and alone again.
func (b *bench) compare(ctx context.Context, what bomb, lasting time.Duration) error {
	if err := b.install(ctx, what.app, what.docs...); err != nil {
		return err
	}
	before, err := b.measure(ctx, string(what.app)+"-before", lasting/2)
	if err != nil {
		return err
	}
	burning, out := context.WithCancel(ctx)
	var lit int
	var failed error
	ashes := make(chan struct{})
	tasks.Go("burn", func() {
		defer close(ashes)
		lit, failed = b.burn(burning, what.app)
	})
	beside, err := b.measure(ctx, string(what.app)+"-beside", lasting)
	out()
	<-ashes
	if err == nil {
		err = failed
	}
	if err != nil {
		return err
	}
	if err := b.burntOut(ctx, what.app); err != nil {
		return err
	}
	after, err := b.measure(ctx, string(what.app)+"-after", lasting/2)
	if err != nil {
		return err
	}
	alone := slices.Sorted(slices.Values(append(before, after...)))
	fmt.Printf("  %-12s alone median %v, p99 %v; beside it median %v, p99 %v; ratio %.2f, of p99 %.2f; lit %d times\n", what.app,
		at(alone, 50), at(alone, 99), at(beside, 50), at(beside, 99), ratio(beside, alone, 50), ratio(beside, alone, 99), lit)
	return nil
}

// burn lights the bomb again as soon as it is out, until ctx ends, and says how often.
func (b *bench) burn(ctx context.Context, app engine.AppID) (int, error) {
	for n := 0; ; n++ {
		// The write is carried out even when the time is over meanwhile: the bomb is out before the next measure.
		w := engine.Write{App: app, Kind: engine.WriteCreate, Structure: "Thing", Fields: map[string]json.RawMessage{"a": json.RawMessage("1")}}
		if _, err := b.e.Write(context.WithoutCancel(ctx), w); err != nil {
			return n, err
		}
		if b.burntOut(ctx, app) != nil {
			return n + 1, nil
		}
	}
}

// burntOut waits until no run of the app is open.
func (b *bench) burntOut(ctx context.Context, app engine.AppID) error {
	for {
		open := 0
		for _, scenario := range []string{"ping", "pong", "self", "fan"} {
			open += b.e.Backlog(app, scenario).Open
		}
		if open == 0 {
			return nil
		}
		if err := pause(ctx, time.Millisecond); err != nil {
			return err
		}
	}
}

func at(sorted []time.Duration, percent int) time.Duration {
	return sorted[min(len(sorted)-1, len(sorted)*percent/100)].Round(10 * time.Microsecond)
}

func ratio(a, b []time.Duration, percent int) float64 {
	return float64(at(a, percent)) / float64(at(b, percent))
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
