package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cuelight/cuelight/engine"
	"github.com/cuelight/cuelight/store/sqlite"
)

// onEveryStore runs a test in a world on each store.
func onEveryStore(t *testing.T, test func(t *testing.T, w *world)) {
	for name, open := range stores(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, newWorld(t, open(t)))
		})
	}
}

func (w *world) mustPublish(docs ...string) {
	w.t.Helper()
	for _, doc := range docs {
		var head struct {
			ID string `json:"id"`
		}
		if err := json.Unmarshal([]byte(doc), &head); err != nil {
			w.t.Fatal(err)
		}
		if _, _, err := w.e.SaveDraft(w.ctx, app, head.ID, []byte(doc), 0); err != nil {
			w.t.Fatal(err)
		}
		if _, err := w.e.Publish(w.ctx, app, head.ID, "test", true); err != nil {
			w.t.Fatal(err)
		}
	}
}

func (w *world) mustWrite(kind engine.WriteKind, structure, id, doc string) engine.Written {
	w.t.Helper()
	out, err := w.write(engine.Write{Kind: kind, Structure: structure, ID: id, Fields: fields(w.t, doc)})
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

func (w *world) object(id string) map[string]any {
	w.t.Helper()
	o, err := w.store.Object(w.ctx, app, "Order", id)
	if err != nil {
		w.t.Fatal(err)
	}
	var v map[string]any
	if err := json.Unmarshal(o.Data, &v); err != nil {
		w.t.Fatal(err)
	}
	return v
}

func TestHundredParallelCountsGiveHundred(t *testing.T) {
	for _, order := range []string{"parallel", "per_object", "one_at_a_time"} {
		t.Run(order, func(t *testing.T) {
			onEveryStore(t, func(t *testing.T, w *world) {
				w.mustPublish(`{"id":"count","structure":"Order","order":"` + order + `","steps":[{"id":"e","kind":"edit_object","set":{"count":"{{ object.count + 1 }}"}},
					{"id":"deferred","kind":"edit_object","set":{"total":"{{ sum(map([object.total], # + 1)) }}"}}]}`)
				w.mustWrite(engine.WriteCreate, "Order", "1", `{"count":0,"total":"0"}`)
				var wg sync.WaitGroup
				for range 100 {
					wg.Go(func() {
						if _, err := w.e.Call(w.ctx, engine.Call{App: app, Scenario: "count", Object: "1"}); err != nil {
							t.Error(err)
						}
					})
				}
				wg.Wait()
				w.settle()
				if got := w.object("1"); fmt.Sprint(got["count"]) != "100" {
					t.Errorf("count is %v after 100 runs", got["count"])
				}
				failed, done := 0, 0
				runs, err := w.store.Runs(w.ctx, engine.RunQuery{App: app, Limit: 1000})
				if err != nil {
					t.Fatal(err)
				}
				for _, r := range runs {
					switch r.Status {
					case engine.RunDone:
						done++
					case engine.RunFailed:
						failed++
						if r.Error.Code != "MOVED" || order != "parallel" {
							t.Errorf("run failed: %+v", r.Error)
						}
					}
				}
				// A deferred value is given up after five tries, which only runs in no lane can need.
				if got := w.object("1"); got["total"] != fmt.Sprint(done) || done+failed != 100 {
					t.Errorf("total is %v after %d runs that counted and %d that gave up", got["total"], done, failed)
				}
			})
		})
	}
}

func TestRunsOfAnObjectStartInCommitOrder(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		w.mustPublish(`{"id":"tell","structure":"Order","triggers":[{"id":"c","kind":"object","on":["changed"]}],
			"steps":[{"id":"one","kind":"push","to":"*","event":"{{ object.id }}","message":"{{ event.object.version }} starts"},
			{"id":"hard","kind":"set_variables","set":{"x":"{{ count([1,2,3], # > 1) }}"}},
			{"id":"two","kind":"push","to":"*","event":"{{ object.id }}","message":"{{ event.object.version }} ends"}]}`)
		const objects, writers = 4, 8
		for i := range objects {
			w.mustWrite(engine.WriteCreate, "Order", fmt.Sprint(i), `{"count":0}`)
		}
		var wg sync.WaitGroup
		for i := range writers {
			wg.Go(func() {
				for n := range 20 {
					w.mustWrite(engine.WritePatch, "Order", fmt.Sprint((i+n)%objects), fmt.Sprintf(`{"note":"%d.%d"}`, i, n))
				}
			})
		}
		wg.Wait()
		w.settle()
		pushes, err := w.store.Pushes(w.ctx, app, 0, time.Time{}, 1000)
		if err != nil {
			t.Fatal(err)
		}
		next := map[string]int{}
		for _, p := range pushes {
			n := next[p.Event]
			want := fmt.Sprintf("%d starts", n/2+2)
			if n%2 == 1 {
				want = fmt.Sprintf("%d ends", n/2+2)
			}
			if p.Message != want {
				t.Fatalf("object %s: push %d says %q, want %q", p.Event, n, p.Message, want)
			}
			next[p.Event]++
		}
		if len(pushes) != 2*writers*20 {
			t.Errorf("%d pushes of %d", len(pushes), 2*writers*20)
		}
	})
}

func TestAnIdempotencyKeyMakesAWriteSafeToRepeat(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		w.mustPublish(`{"id":"tell","structure":"Order","triggers":[{"id":"c","kind":"object","on":["created"]}],"steps":[{"id":"p","kind":"push","to":"*","event":"made"}]}`)
		once := &engine.Once{Scope: "POST", Key: "k1", Body: "h1"}
		var wg sync.WaitGroup
		answers := make([]engine.Written, 10)
		for i := range answers {
			wg.Go(func() {
				var err error
				if answers[i], err = w.write(engine.Write{Kind: engine.WriteCreate, Structure: "Order", Fields: fields(t, `{"status":"new"}`), Once: once}); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		w.settle()
		fresh := 0
		for _, a := range answers {
			if a.Object == nil || a.Object.ID != answers[0].Object.ID || len(a.Runs) != 1 || a.Runs[0] != answers[0].Runs[0] {
				t.Fatalf("answers differ: %+v and %+v", a, answers[0])
			}
			if !a.Replayed {
				fresh++
			}
		}
		if pushed := w.pushed(); fresh != 1 || pushed != "* made \"\"\n" {
			t.Errorf("%d writes were carried out, pushed %q", fresh, pushed)
		}
		_, err := w.write(engine.Write{Kind: engine.WriteCreate, Structure: "Order", Once: &engine.Once{Scope: "POST", Key: "k1", Body: "h2"}})
		if engine.ErrorCode(err) != "IDEMPOTENCY_KEY" {
			t.Errorf("another body under the same key: %v", err)
		}
	})
}

// TestARestartGoesOnWhereTheRunsStood closes the engine in the middle of work, without waiting for it, and starts another one on the
// same file, as after a crash.
func TestARestartGoesOnWhereTheRunsStood(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "cuelight.db")
	open := func() engine.Store {
		s, err := sqlite.Open(t.Context(), path, sqlite.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	steps := ""
	for i := range 40 {
		steps += fmt.Sprintf(`{"id":"s%d","kind":"edit_object","set":{"count":"{{ (object.count ?? 0) + 1 }}"}},`, i)
	}
	doc := `{"id":"work","structure":"Order","triggers":[{"id":"c","kind":"object","on":["created"]}],"steps":[` + steps +
		`{"id":"nap","kind":"delay","for":"1ms"},{"id":"end","kind":"push","to":"*","event":"end","message":"{{ event.kind }} {{ object.count }}"}]}`
	store := open()
	w := newWorld(t, store)
	w.mustPublish(doc)
	const objects = 50
	var wg sync.WaitGroup
	for i := range objects {
		wg.Go(func() { w.mustWrite(engine.WriteCreate, "Order", fmt.Sprint(i), `{}`) })
	}
	wg.Wait()
	w.e.Close()
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	store = open()
	t.Cleanup(func() { _ = store.Close() })
	w = newWorld(t, store)
	w.settle()
	for i := range objects {
		if got := w.object(fmt.Sprint(i)); fmt.Sprint(got["count"]) != "40" {
			t.Errorf("object %d counts %v, want 40", i, got["count"])
		}
	}
	if got := strings.Count(w.pushed(), `* end "created 40"`); got != objects {
		t.Errorf("%d of %d runs said their end", got, objects)
	}
}

func TestRunsOfAStoppedScenarioAreCancelledWithinASecond(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		w.mustPublish(`{"id":"hold","structure":"Order","lane":"\"all\"","triggers":[{"id":"c","kind":"object","on":["created"]}, {"id":"call","kind":"call"}],
			"steps":[{"id":"bad","kind":"push","to":"{{ object.owner }}","event":"x","on_error":{"retry":{"times":1,"backoff":"30s"}}}]}`,
			`{"id":"nap","structure":"Order","triggers":[{"id":"c","kind":"object","on":["created"]}],
			"steps":[{"id":"sleep","kind":"delay","for":"60d"},{"id":"p","kind":"push","to":"*","event":"woke"}]}`)
		var ids []engine.RunID
		for i := range 250 { // more than one op cancels
			ids = append(ids, w.mustWrite(engine.WriteCreate, "Order", fmt.Sprint(i), `{}`).Runs...)
		}
		called, err := w.e.Call(w.ctx, engine.Call{App: app, Scenario: "hold"})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, called)
		waitUntil(t, "the sleepers to sleep", func() bool { return w.e.Backlog(app, "nap").Waiting == 250 && w.e.Backlog(app, "hold").Waiting == 1 })
		began := time.Now()
		for _, scenario := range []string{"hold", "nap"} {
			if _, err := w.e.SetState(w.ctx, app, scenario, engine.Stopped); err != nil {
				t.Fatal(err)
			}
		}
		bounded, cancel := context.WithTimeout(w.ctx, 20*time.Second)
		defer cancel()
		if ended, err := w.e.Await(bounded, app, ids); err != nil || len(ended) != len(ids) {
			t.Fatalf("%d of %d runs ended, %v", len(ended), len(ids), err)
		}
		t.Logf("%d runs were cancelled in %s", len(ids), time.Since(began))
		for _, id := range ids {
			if r, err := w.store.Run(w.ctx, app, id); err != nil || r.Status != engine.RunCancelled || r.Holds {
				t.Errorf("run is %v, want cancelled (%v)", r, err)
			}
		}
		if n := w.e.Backlog(app, "hold"); n != (engine.Backlog{}) {
			t.Errorf("the backlog says %v", n)
		}
		if got := w.mustWrite(engine.WriteCreate, "Order", "late", `{}`).Runs; len(got) != 0 {
			t.Errorf("a stopped scenario started %v", got)
		}
	})
}

func TestAPausedScenarioQueuesAndGoesOnWhereItWas(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		w.mustPublish(`{"id":"tell","structure":"Order","triggers":[{"id":"c","kind":"object","on":["created"]}],
			"steps":[{"id":"nap","kind":"delay","for":"50ms"},{"id":"p","kind":"push","to":"*","event":"made","message":"{{ object.id }}"}]}`)
		state := func(s engine.ScenarioState) {
			t.Helper()
			if _, err := w.e.SetState(w.ctx, app, "tell", s); err != nil {
				t.Fatal(err)
			}
		}
		var ids []engine.RunID
		for i := range 20 {
			if i == 10 {
				state(engine.Paused)
			}
			ids = append(ids, w.mustWrite(engine.WriteCreate, "Order", fmt.Sprint(i), `{}`).Runs...)
		}
		waitUntil(t, "the sleepers to be woken", func() bool {
			return w.e.Backlog(app, "tell").Waiting == 0
		})
		if n := w.e.Backlog(app, "tell"); len(ids) != 20 || n.Open < 10 {
			t.Errorf("%d runs, of which %v are open: the second half should be", len(ids), n)
		}
		for _, id := range ids[10:] {
			if r, err := w.store.Run(w.ctx, app, id); err != nil || r.Status != engine.RunReady || r.Started {
				t.Errorf("a run of a paused scenario is %v (%v)", r, err)
			}
		}
		state(engine.Running)
		if ended, err := w.e.Await(w.ctx, app, ids); err != nil || len(ended) != 20 {
			t.Fatalf("%d runs ended, %v", len(ended), err)
		}
		if got := strings.Count(w.pushed(), "* made"); got != 20 {
			t.Errorf("%d runs pushed", got)
		}
	})
}

func TestACancelledRunGivesItsLaneToTheNext(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		w.mustPublish(`{"id":"hold","structure":"Order","order":"one_at_a_time","triggers":[{"id":"c","kind":"object","on":["created"]}],
			"steps":[{"id":"bad","kind":"push","to":"{{ object.owner }}","event":"x","on_error":{"retry":{"times":1,"backoff":"30s"}}}]}`)
		first := w.mustWrite(engine.WriteCreate, "Order", "1", `{}`).Runs[0]
		second := w.mustWrite(engine.WriteCreate, "Order", "2", `{"owner":"anna"}`).Runs[0]
		waitUntil(t, "the first to wait", func() bool { return w.e.Backlog(app, "hold").Waiting == 1 })
		if r, err := w.e.Cancel(w.ctx, app, first); err != nil || r.Status != engine.RunCancelled {
			t.Fatalf("cancel: %v, %v", r, err)
		}
		if ended, err := w.e.Await(w.ctx, app, []engine.RunID{second}); err != nil || len(ended) != 1 || ended[0].Status != engine.RunDone {
			t.Errorf("the next run is %v, %v", ended, err)
		}
		if _, err := w.e.Cancel(w.ctx, app, second); !errors.Is(err, engine.ErrConflict) {
			t.Errorf("cancelling a run that has ended: %v", err)
		}
	})
}

func TestUnknownAppIsRefused(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		_, err := w.e.Write(w.ctx, engine.Write{App: "nope", Kind: engine.WriteCreate, Structure: "Order"})
		if !errors.Is(err, engine.ErrNotFound) {
			t.Errorf("write to an unknown app: %v", err)
		}
	})
}

func TestWhatIsOverIsForgottenAndWhatIsNotStays(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		w.mustPublish(`{"id":"tell","structure":"Order","triggers":[{"id":"c","kind":"object","on":["created"]}],"steps":[{"id":"p","kind":"push","to":"*","event":"made"}]}`,
			`{"id":"sleep","structure":"Order","triggers":[{"id":"c","kind":"object","on":["created"]}],
			"steps":[{"id":"nap","kind":"delay","for":"60d"},{"id":"p","kind":"push","to":"*","event":"woke","message":"{{ event.object.number }}"}]}`)
		for i := range 30 {
			_, err := w.write(engine.Write{
				Kind: engine.WriteCreate, Structure: "Order", ID: fmt.Sprint(i), Fields: fields(t, fmt.Sprintf(`{"number":"N%d"}`, i)),
				Once: &engine.Once{Scope: "POST", Key: fmt.Sprint(i), Body: "x"},
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		runs := func(status engine.RunStatus) []*engine.Run {
			list, err := w.store.Runs(w.ctx, engine.RunQuery{App: app, Status: status, Limit: 1000})
			if err != nil {
				t.Fatal(err)
			}
			return list
		}
		for _, r := range runs("") {
			if r.Scenario != "tell" {
				continue
			}
			if _, err := w.e.Await(w.ctx, app, []engine.RunID{r.ID}); err != nil {
				t.Fatal(err)
			}
		}
		waitUntil(t, "the sleepers to sleep", func() bool { return len(runs(engine.RunWaiting)) == 30 })
		done := runs(engine.RunDone)[0]
		later := func(d time.Duration) {
			t.Helper()
			e := engine.New(w.store, engine.Options{Clock: func() time.Time { return time.Now().Add(d) }})
			if err := e.Prune(w.ctx); err != nil {
				t.Fatal(err)
			}
		}
		later(time.Minute)
		if n := len(runs(engine.RunDone)); n != 30 || w.pushed() == "" {
			t.Errorf("%d finished runs are left after a minute", n)
		}
		later(40 * 24 * time.Hour)
		if n := len(runs(engine.RunDone)); n != 0 || w.pushed() != "" {
			t.Errorf("%d finished runs and pushes %q are left after 40 days", n, w.pushed())
		}
		if log, err := w.store.Steps(w.ctx, app, done.ID, 0, 10); err != nil || len(log) != 0 {
			t.Errorf("the log of a forgotten run is left: %v %v", log, err)
		}
		sleepers := runs(engine.RunWaiting)
		if len(sleepers) != 30 {
			t.Fatalf("%d of 30 sleeping runs are left", len(sleepers))
		}
		if _, err := w.store.Change(w.ctx, app, sleepers[0].Change); !errors.Is(err, engine.ErrNotFound) {
			t.Errorf("the change of a sleeping run is left: %v", err)
		}
		// What a sleeping run still reads of its cause is kept beside it.
		if values, err := w.store.Values(w.ctx, app, sleepers[0].ID); err != nil || len(values) != 1 {
			t.Errorf("a sleeping run kept %d values (%v)", len(values), err)
		}
		if w.object("7")["number"] != "N7" {
			t.Error("an object was forgotten")
		}
		// The keys have lapsed: the same request is carried out again, and meets the object that is there.
		_, err := w.write(engine.Write{Kind: engine.WriteCreate, Structure: "Order", ID: "7", Once: &engine.Once{Scope: "POST", Key: "7", Body: "x"}})
		if !errors.Is(err, engine.ErrConflict) {
			t.Errorf("an old key still answers: %v", err)
		}
	})
}

// waitUntil asks again and again, for what no signal tells.
func waitUntil(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	end := time.NewTimer(time.Minute) // so long that only what hangs meets it, on a busy machine too
	defer end.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-end.C:
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// TestRunsThatADeadNodeLeavesBehindLaterAreTakenOver plays a transaction of a dead node that ends only after the new node has started.
func TestRunsThatADeadNodeLeavesBehindLaterAreTakenOver(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		w.mustPublish(`{"id":"tell","structure":"Order","triggers":[{"id":"c","kind":"object","on":["created"]}],"steps":[{"id":"p","kind":"push","to":"*","event":"made"}]}`)
		first := w.mustWrite(engine.WriteCreate, "Order", "1", `{}`)
		w.settle()
		done, err := w.store.Run(w.ctx, app, first.Runs[0])
		if err != nil {
			t.Fatal(err)
		}
		orphan := *done
		orphan.ID, orphan.Status, orphan.Owner, orphan.Holds, orphan.FinishedAt = "01900000-0000-7000-8000-000000000001", engine.RunReady, "dead", true, time.Time{}
		orphan.Started, orphan.Cursor, orphan.State = false, 0, json.RawMessage(`{"frames":[{"list":"steps","at":0}]}`)
		res := w.store.Commit(w.ctx, []engine.Op{{ID: "01900000-0000-7000-8000-000000000002", App: app, Decide: func(*engine.Loaded) (engine.Effects, error) {
			return engine.Effects{Runs: []*engine.Run{&orphan}}, nil
		}}})
		if res[0].Err != nil {
			t.Fatal(res[0].Err)
		}
		ctx, cancel := context.WithTimeout(w.ctx, 20*time.Second)
		defer cancel()
		ended, err := w.e.Await(ctx, app, []engine.RunID{orphan.ID})
		if err != nil || len(ended) != 1 || ended[0].Status != engine.RunDone {
			t.Errorf("the orphan did not end: %+v %v", ended, err)
		}
	})
}

func TestASleepingRunIsNotGivenTheStepsOfAScenarioMadeAnewUnderItsName(t *testing.T) {
	t.Parallel()
	onEveryStore(t, func(t *testing.T, w *world) {
		const doc = `{"id":"nap","structure":"Order","triggers":[{"id":"c","kind":"object","on":["created"]}],
			"steps":[{"id":"nap","kind":"delay","for":"2s"},{"id":"say","kind":"push","to":"*","event":"%s"}]}`
		w.mustPublish(fmt.Sprintf(doc, "old"))
		run := w.mustWrite(engine.WriteCreate, "Order", "1", `{}`).Runs[0]
		waitUntil(t, "the run to sleep", func() bool {
			r, err := w.store.Run(w.ctx, app, run)
			return err == nil && r.Status == engine.RunWaiting
		})
		if _, err := w.e.SetState(w.ctx, app, "nap", engine.Stopped); err != nil {
			t.Fatal(err)
		}
		if err := w.e.DeleteScenario(w.ctx, app, "nap"); err != nil {
			t.Fatal(err)
		}
		w.mustPublish(fmt.Sprintf(doc, "new"))
		w.settle()
		// It may have been cancelled with its scenario, or go on: with the steps that it began with.
		if got := w.pushed(); got != "" && got != "* old \"\"\n" {
			t.Errorf("the run of the old scenario pushed %q", got)
		}
		versions, err := w.store.Records(w.ctx, app, engine.RecordVersion, "nap", "", 10)
		if err != nil || len(versions) != 2 {
			t.Errorf("%d versions are kept of two: %v", len(versions), err)
		}
	})
}
