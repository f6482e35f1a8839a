package app

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cuelight/cuelight/engine"
)

// statuses counts the runs of a scenario by how they stand.
func (w *world) statuses(scenario string) map[engine.RunStatus]int {
	w.t.Helper()
	runs, err := w.store.Runs(w.ctx, engine.RunQuery{App: app, Scenario: scenario, Limit: 1000})
	if err != nil {
		w.t.Fatal(err)
	}
	n := map[engine.RunStatus]int{}
	for _, r := range runs {
		n[r.Status]++
	}
	return n
}

func TestDebounceKeepsTheLastChangeOfEachObject(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		for name, condition := range map[string]string{"plain": "object.count > 0", "deferred": "count(changed, # == \"count\") > 0"} {
			w.mustPublish(`{"id":"` + name + `","structure":"Order","settings":{"debounce":"1s"},"triggers":[{"id":"c","kind":"object","on":["changed"],"if":` + fmt.Sprintf("%q", condition) + `}],"steps":[
				{"id":"p","kind":"push","to":"*","event":"` + name + `","message":"{{ object.number }} {{ event.object.count }} {{ before.count }}"}]}`)
		}
		for _, o := range []string{"a", "b"} {
			w.mustWrite(engine.WriteCreate, "Order", o, `{"number":"`+o+`"}`)
		}
		for i := range 5 {
			for _, o := range []string{"a", "b"} {
				w.mustWrite(engine.WritePatch, "Order", o, fmt.Sprintf(`{"count":%d}`, i+1))
			}
		}
		for _, name := range []string{"plain", "deferred"} {
			waitUntil(t, "the last change of each object", func() bool { return ended(t, w, name) == 2 })
			if n := w.statuses(name); n[engine.RunMerged] != 8 {
				t.Errorf("the runs of %s stand %v", name, n)
			}
			for _, o := range []string{"a", "b"} {
				if want := fmt.Sprintf("* %s %q\n", name, o+" 5 4"); strings.Count(w.pushed(), want) != 1 || strings.Count(w.pushed(), "* "+name+" ") != 2 {
					t.Errorf("pushed %s, want %s", w.pushed(), want)
				}
			}
		}
		// What comes later begins anew.
		w.mustWrite(engine.WritePatch, "Order", "a", `{"count":9}`)
		waitUntil(t, "a later change", func() bool { return ended(t, w, "plain") == 3 })
	})
}

func TestDebounceEndsAlthoughTheObjectGoesOnChanging(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		w.mustPublish(`{"id":"x","structure":"Order","settings":{"debounce":"100ms"},"triggers":[{"id":"c","kind":"object","on":["changed"]}],"steps":[{"id":"p","kind":"push","to":"*","event":"e"}]}`)
		w.mustWrite(engine.WriteCreate, "Order", "a", `{}`)
		n := 0
		waitUntil(t, "a run while changes go on", func() bool {
			n++
			w.mustWrite(engine.WritePatch, "Order", "a", fmt.Sprintf(`{"count":%d}`, n))
			return ended(t, w, "x") > 0
		})
	})
}

func TestARateSpreadsTheRuns(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		w.mustPublish(`{"id":"x","structure":"Order","settings":{"rate":"3/h"},"triggers":[{"id":"c","kind":"object","on":["created"]}],"steps":[{"id":"p","kind":"push","to":"*","event":"e","message":"{{ object.number }}"}]}`)
		before := time.Now()
		for i := range 5 {
			w.mustWrite(engine.WriteCreate, "Order", fmt.Sprint("o", i), fmt.Sprintf(`{"number":"%d"}`, i))
		}
		waitUntil(t, "those that have a turn at once", func() bool { n := w.statuses("x"); return n[engine.RunDone] == 3 && n[engine.RunWaiting] == 2 })
		runs, err := w.store.Runs(w.ctx, engine.RunQuery{App: app, Scenario: "x", Status: engine.RunWaiting, Limit: 10})
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range runs { // newest first
			if gap := r.DueAt.Sub(before); gap < time.Duration(2-i)*20*time.Minute-time.Second || gap > time.Duration(2-i)*20*time.Minute+time.Minute {
				t.Errorf("run %d is due after %s", i, gap)
			}
		}
		if w.pushed() != "* e \"0\"\n* e \"1\"\n* e \"2\"\n" {
			t.Errorf("pushed %s", w.pushed())
		}
	})
}

// busy is another server that says how many requests it has at a time, and holds them until they are let go.
type busy struct {
	*httptest.Server
	mu        sync.Mutex
	now, most int
	of        map[string]int
	twice     bool // two requests for one object at a time
	hold      chan struct{}
	came      chan struct{}
	once      sync.Once
}

// release lets all requests go.
func (b *busy) release() { b.once.Do(func() { close(b.hold) }) }

func newBusy(t *testing.T) *busy {
	b := &busy{of: map[string]int{}, hold: make(chan struct{}), came: make(chan struct{}, 100)}
	b.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		id := r.URL.Path
		b.mu.Lock()
		b.now++
		b.of[id]++
		b.most, b.twice = max(b.most, b.now), b.twice || b.of[id] > 1
		b.mu.Unlock()
		b.came <- struct{}{}
		<-b.hold
		b.mu.Lock()
		b.now--
		b.of[id]--
		b.mu.Unlock()
	}))
	t.Cleanup(b.Close)
	t.Cleanup(b.release)
	return b
}

func TestMaxConcurrentIsABoundOfAllRuns(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		outward(t, w)
		server := newBusy(t)
		w.mustPublish(`{"id":"x","structure":"Order","settings":{"max_concurrent":3},"triggers":[{"id":"c","kind":"object","on":["created","changed"]}],"steps":[
			{"id":"h","kind":"http_request","url":"` + server.URL + `/{{ object.number }}"}]}`)
		for i := range 6 {
			w.mustWrite(engine.WriteCreate, "Order", fmt.Sprint("o", i), fmt.Sprintf(`{"number":"%d"}`, i))
			w.mustWrite(engine.WritePatch, "Order", fmt.Sprint("o", i), `{"count":1}`)
		}
		for range 3 {
			<-server.came
		}
		if n := w.statuses("x"); n[engine.RunReady] != 3 || n[engine.RunQueued] != 9 {
			t.Errorf("the runs stand %v", n)
		}
		server.release()
		waitUntil(t, "all runs", func() bool { return ended(t, w, "x") == 12 })
		if server.most != 3 || server.twice {
			t.Errorf("%d requests at a time, two for one object: %v", server.most, server.twice)
		}
	})
}

func TestARunThatWorksTooLongIsEnded(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		outward(t, w)
		clock := &later{}
		w.restart(t, engine.Options{Clock: clock.now})
		server := newBusy(t)
		w.mustPublish(`{"id":"x","structure":"Order","settings":{"timeout":"30s"},"triggers":[{"id":"c","kind":"object","on":["created"]}],"steps":[
			{"id":"a","kind":"http_request","url":"` + server.URL + `/"},{"id":"p","kind":"push","to":"*","event":"e"},{"id":"b","kind":"http_request","url":"` + server.URL + `/"}]}`)
		w.mustWrite(engine.WriteCreate, "Order", "o", `{}`)
		<-server.came
		clock.forward(31 * time.Second)
		server.release()
		waitUntil(t, "the run's end", func() bool { return w.statuses("x")[engine.RunFailed] == 1 })
		runs, err := w.store.Runs(w.ctx, engine.RunQuery{App: app, Scenario: "x", Limit: 10})
		if err != nil || runs[0].Error == nil || runs[0].Error.Code != "RUN_TIMEOUT" || len(server.came) != 0 {
			t.Errorf("the run is %+v (%v)", runs, err)
		}
	})
}

func TestSettingsOfAScenarioAreChecked(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		for settings, want := range map[string]string{
			`{"timeout":"5m","keep_runs":"14d","max_concurrent":0,"debounce":"0s","rate":""}`: "",
			`{"timeout":"61m"}`:                       "settings.timeout",
			`{"max_concurrent":101}`:                  "settings.max_concurrent",
			`{"max_concurrent":-1}`:                   "settings.max_concurrent",
			`{"max_concurrent":2},"lane":"object.id"`: "",
			`{"debounce":"2h"}`:                       "settings.debounce",
			`{"rate":"ten a minute"}`:                 "settings.rate",
			`{"rate":"0/m"}`:                          "settings.rate",
		} {
			problems, err := w.e.Validate(w.ctx, app, []byte(`{"id":"x","structure":"Order","settings":`+settings+`,"steps":[]}`))
			if err != nil || want == "" && len(problems) > 0 || want != "" && (len(problems) != 1 || problems[0].Path != want) {
				t.Errorf("%s: %v (%v), want %q", settings, problems, err, want)
			}
		}
		// A mistake in the settings hides none in the steps.
		problems, err := w.e.Validate(w.ctx, app, []byte(`{"id":"x","structure":"Order","settings":{"debounce":"2h"},"steps":[{"id":"a","kind":"push","to":"*"}]}`))
		if err != nil || len(problems) != 2 {
			t.Errorf("of two mistakes these are told: %v (%v)", problems, err)
		}
	})
}

// While a run had its object's lane, the runs of later changes queued behind it, and each of them ran.
func TestDebounceMergesWhatQueuedBehindABusyLane(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		outward(t, w)
		server := newBusy(t)
		w.mustPublish(`{"id":"x","structure":"Order","settings":{"debounce":"50ms"},"triggers":[{"id":"c","kind":"object","on":["changed"]}],"steps":[
			{"id":"h","kind":"http_request","url":"` + server.URL + `/x"},{"id":"p","kind":"push","to":"*","event":"e","message":"{{ event.object.count }}"}]}`)
		w.mustWrite(engine.WriteCreate, "Order", "a", `{}`)
		w.mustWrite(engine.WritePatch, "Order", "a", `{"count":1}`)
		<-server.came
		for i := range 10 {
			w.mustWrite(engine.WritePatch, "Order", "a", fmt.Sprintf(`{"count":%d}`, i+2))
		}
		server.release()
		waitUntil(t, "all runs", func() bool { n := w.statuses("x"); return n[engine.RunDone]+n[engine.RunMerged] == 11 })
		if n := w.statuses("x"); n[engine.RunDone] != 2 || !strings.Contains(w.pushed(), "11") {
			t.Errorf("the runs stand %v, pushed %s", n, w.pushed())
		}
	})
}

// Turns that were given at the old rate, and those of cancelled runs, held back what came after.
func TestARaisedRateHoldsAtOnce(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		doc := func(rate string) string {
			return `{"id":"x","structure":"Order","settings":{"rate":"` + rate + `"},"triggers":[{"id":"c","kind":"object","on":["created"]}],"steps":[{"id":"p","kind":"push","to":"*","event":"e"}]}`
		}
		cancelled := 0
		for i, rate := range []string{"2/h", "2/h", "1000/s"} {
			w.mustPublish(doc(rate))
			var first engine.RunID
			for j := range 6 {
				out := w.mustWrite(engine.WriteCreate, "Order", fmt.Sprintf("o%d-%d", i, j), `{}`)
				if j == 0 {
					first = out.Runs[0]
				}
			}
			if i == 2 {
				waitUntil(t, "all go on", func() bool { return w.statuses("x")[engine.RunWaiting] == 0 && w.statuses("x")[engine.RunDone] >= 8 })
				break
			}
			waiting := []int{4, 6}[i]
			waitUntil(t, "they wait", func() bool { return w.statuses("x")[engine.RunWaiting] == waiting })
			if r, err := w.store.Run(w.ctx, app, first); err != nil || i == 1 && time.Until(r.DueAt) > time.Hour {
				t.Errorf("after the waiting runs were cancelled the next one is due in %s (%v)", time.Until(r.DueAt), err)
			}
			if _, err := w.e.SetState(w.ctx, app, "x", engine.Stopped); err != nil {
				t.Fatal(err)
			}
			cancelled += waiting
			waitUntil(t, "they are cancelled", func() bool { return w.statuses("x")[engine.RunCancelled] == cancelled })
		}
	})
}

func TestARunThatWasEndedByItsTimeoutCanBeRetried(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		outward(t, w)
		clock := &later{}
		w.restart(t, engine.Options{Clock: clock.now})
		server := newBusy(t)
		w.mustPublish(`{"id":"x","structure":"Order","settings":{"timeout":"30s"},"triggers":[{"id":"c","kind":"object","on":["created"]}],"steps":[
			{"id":"a","kind":"http_request","url":"` + server.URL + `/"},{"id":"p","kind":"push","to":"*","event":"e"}]}`)
		out := w.mustWrite(engine.WriteCreate, "Order", "o", `{}`)
		<-server.came
		clock.forward(31 * time.Second)
		server.release()
		w.over(out.Runs[0], engine.RunFailed)
		if _, err := w.e.Retry(w.ctx, engine.Rerun{App: app, Run: out.Runs[0]}); err != nil {
			t.Fatal(err)
		}
		w.over(out.Runs[0], engine.RunDone)
	})
}

// The run whose place was taken was written without its lane's key: the next op of the batch took the lane for free.
func TestAMergedRunOfAnotherLaneLetsNobodyIntoIt(t *testing.T) {
	onEveryTroubledStore(t, func(t *testing.T, w *world, s *troubled) {
		outward(t, w)
		server := newBusy(t)
		w.mustPublish(`{"id":"x","structure":"Order","lane":"object.status","settings":{"debounce":"1h"},"triggers":[{"id":"c","kind":"object","on":["created","changed"]}],"steps":[{"id":"l","kind":"log","message":"x"}]}`)
		w.mustPublish(`{"id":"y","structure":"Message","lane":"\"new\"","triggers":[{"id":"call","kind":"call"}],"steps":[{"id":"h","kind":"http_request","url":"` + server.URL + `/x"}]}`)
		w.mustWrite(engine.WriteCreate, "Order", "a", `{"status":"new"}`)
		waitUntil(t, "the first waits", func() bool { return w.statuses("x")[engine.RunWaiting] == 1 })
		w.call(engine.Call{Scenario: "y"}) // holds the lane "new"
		<-server.came
		waits := withTheNext(w, s, "x")
		w.mustWrite(engine.WritePatch, "Order", "a", `{"status":"paid"}`)
		<-waits
		w.call(engine.Call{Scenario: "y"})
		waitUntil(t, "the first is merged", func() bool { return w.statuses("x")[engine.RunMerged] == 1 })
		if n := w.statuses("y"); n[engine.RunReady] != 1 || n[engine.RunQueued] != 1 {
			t.Errorf("the runs of the lane stand %v", n)
		}
	})
}
