package app

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cuelight/cuelight/engine"
)

// calledAndEnded calls a scenario for an order and waits until its run is done.
func calledAndEnded(t *testing.T, w *world, scenario string) engine.RunID {
	t.Helper()
	id, err := w.e.Call(w.ctx, engine.Call{App: app, Scenario: scenario, Object: "o0"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(w.ctx, 30*time.Second)
	defer cancel()
	if ended, err := w.e.Await(ctx, app, []engine.RunID{id}); err != nil || len(ended) != 1 || ended[0].Status != engine.RunDone {
		t.Fatalf("the run of %s is %v (%v)", scenario, ended, err)
	}
	return id
}

func TestASearchLoopAroundAListLoopEnds(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		for i := range 3 {
			w.mustWrite(engine.WriteCreate, "Order", fmt.Sprint("o", i), `{}`)
		}
		w.mustPublish(`{"id":"x","structure":"Order","steps":[{"id":"a","kind":"for_each","structure":"Order","do":[
			{"id":"b","kind":"for_each","items":"['o0','o1']","do":[{"id":"c","kind":"edit_object","structure":"Order","object_id":"{{ item }}","set":{"note":"{{ index }}"}}]}]}]}`)
		calledAndEnded(t, w, "x")
		if got := fmt.Sprint(w.object("o0")["note"], w.object("o1")["note"]); got != "0 1" && got != "01" {
			t.Errorf("notes are %q", got)
		}
	})
}

func TestALongListIsThereAfterADelay(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		w.mustWrite(engine.WriteCreate, "Order", "o0", `{}`)
		w.mustPublish(`{"id":"x","structure":"Order","parameters":{"a":"string"},"steps":[{"id":"v","kind":"set_variables","set":{"a":"` + strings.Repeat("a", 10_000) + `"}},
			{"id":"l","kind":"for_each","items":"[vars.a, vars.a]","do":[{"id":"d","kind":"delay","for":"20ms"},{"id":"q","kind":"push","to":"*","event":"after","message":"{{ len(item) }}"}]}]}`)
		calledAndEnded(t, w, "x")
		if got := strings.Count(w.pushed(), `* after "10000"`); got != 2 {
			t.Errorf("after the delay %d of 2 items were there: %s", got, w.pushed())
		}
	})
}

func TestAStepCallsVeryManyRuns(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		var ids []string
		for i := range 300 {
			w.mustWrite(engine.WriteCreate, "Order", fmt.Sprint("o", i), `{}`)
			ids = append(ids, fmt.Sprintf("'o%d'", i))
		}
		w.mustPublish(`{"id":"child","structure":"Order","parameters":{"v":"string"},"steps":[{"id":"v","kind":"set_variables","set":{"v":"` + strings.Repeat("z", 15_000) + `"}}]}`)
		for _, wait := range []string{"false", "true"} {
			w.mustPublish(`{"id":"many-` + wait + `","structure":"Order","steps":[{"id":"a","kind":"call_scenario","scenario":"child","each":"[` + strings.Join(ids, ",") + `]","wait":` + wait + `},
				{"id":"p","kind":"push","to":"*","event":"` + wait + `","message":"{{ len(steps.a) }} {{ ` + wait + ` ? steps.a[7].cut : false }}"}]}`)
			calledAndEnded(t, w, "many-"+wait)
		}
		// 300 times 15 KB are more than a run keeps of the runs that it called.
		if got := w.pushed(); got != "* false \"300 false\"\n* true \"300 true\"\n" {
			t.Errorf("pushed %s", got)
		}
	})
}

func TestAnEffectIsNotRepeatedForAPause(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		outward(t, w)
		w.mustWrite(engine.WriteCreate, "Order", "o0", `{}`)
		asked, release, n := make(chan struct{}, 10), make(chan struct{}), &atomic.Int64{}
		server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			n.Add(1)
			asked <- struct{}{}
			<-release
		}))
		t.Cleanup(server.Close)
		w.mustPublish(`{"id":"x","structure":"Order","steps":[{"id":"h","kind":"http_request","method":"POST","url":"` + server.URL + `"},{"id":"p","kind":"push","to":"*","event":"done"}]}`)
		id, err := w.e.Call(w.ctx, engine.Call{App: app, Scenario: "x", Object: "o0"})
		if err != nil {
			t.Fatal(err)
		}
		<-asked
		for _, state := range []engine.ScenarioState{engine.Paused, engine.Running} {
			if _, err := w.e.SetState(w.ctx, app, "x", state); err != nil {
				t.Fatal(err)
			}
			if state == engine.Paused {
				close(release)
			}
		}
		ctx, cancel := context.WithTimeout(w.ctx, 20*time.Second)
		defer cancel()
		if ended, err := w.e.Await(ctx, app, []engine.RunID{id}); err != nil || len(ended) != 1 || ended[0].Status != engine.RunDone || n.Load() != 1 {
			t.Errorf("the run is %v after %d requests (%v)", ended, n.Load(), err)
		}
	})
}

func TestTheErrorOfAnOuterCatchComesBackAfterAnInnerOne(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		w.mustWrite(engine.WriteCreate, "Order", "o0", `{}`)
		w.mustPublish(`{"id":"x","structure":"Order","steps":[{"id":"t","kind":"try","do":[{"id":"f","kind":"fail","message":"outer"}],"catch":[
			{"id":"u","kind":"try","do":[{"id":"g","kind":"fail","message":"inner"}],"catch":[{"id":"i","kind":"push","to":"*","event":"in","message":"{{ error.message }}"}]},
			{"id":"o","kind":"push","to":"*","event":"out","message":"{{ error.message }}"}]}]}`)
		calledAndEnded(t, w, "x")
		if got := w.pushed(); got != "* in \"inner\"\n* out \"outer\"\n" {
			t.Errorf("pushed %s", got)
		}
	})
}

func TestAScheduleThatIsPublishedAnewTicksAnewAtOnce(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		clock := scheduler(t, w)
		for _, every := range []string{"30d", "10s"} {
			w.mustPublish(`{"id":"clock","triggers":[{"id":"t","kind":"schedule","every":"` + every + `"}],"steps":[{"id":"p","kind":"push","to":"*","event":"tick"}]}`)
		}
		clock.forward(10 * time.Second)
		waitUntil(t, "a tick of the new schedule", func() bool { return ended(t, w, "clock") > 0 })
	})
}

func TestACandidateDoesNothingOutsideBeforeItIsARun(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		outward(t, w)
		s := newSink(t)
		w.mustPublish(`{"id":"x","structure":"Order","order":"parallel","triggers":[{"id":"c","kind":"object","on":["created","changed"],"if":"count(event.kind == 'created' ? [1] : changed, true) > 0","once_per_object":true}],
			"steps":[{"id":"h","kind":"http_request","method":"POST","url":"` + s.URL + `/"}]}`)
		w.mustWrite(engine.WriteCreate, "Order", "o0", `{}`)
		for i := range 5 {
			w.mustWrite(engine.WritePatch, "Order", "o0", fmt.Sprintf(`{"count":%d}`, i))
		}
		w.settle()
		if n := w.statuses("x"); n[engine.RunDone] != 1 || len(s.seen()) != 1 {
			t.Errorf("the runs stand %v after the requests %q", n, s.seen())
		}
	})
}

func TestARunThatIsRetriedDoesNotAnswerALaterCallOfItsCaller(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		w.mustWrite(engine.WriteCreate, "Order", "o0", `{}`)
		w.mustPublish(`{"id":"a","structure":"Order","parameters":{"v":"string"},"steps":[{"id":"c","kind":"edit_object","structure":"Order","object_id":"later","set":{"note":"x"}},{"id":"v","kind":"set_variables","set":{"v":"a"}}]}`)
		w.mustPublish(`{"id":"b","structure":"Order","parameters":{"v":"string"},"steps":[{"id":"d","kind":"delay","for":"1s"},{"id":"v","kind":"set_variables","set":{"v":"b"}}]}`)
		w.mustPublish(`{"id":"x","structure":"Order","steps":[{"id":"t","kind":"try","do":[{"id":"a1","kind":"call_scenario","scenario":"a","wait":true}],"catch":[]},
			{"id":"b1","kind":"call_scenario","scenario":"b","wait":true},{"id":"p","kind":"push","to":"*","event":"got","message":"{{ steps.b1[0].vars.v }}"}]}`)
		if _, err := w.e.Call(w.ctx, engine.Call{App: app, Scenario: "x", Object: "o0"}); err != nil {
			t.Fatal(err)
		}
		waitUntil(t, "the second call", func() bool { return w.statuses("b")[engine.RunWaiting] == 1 })
		w.mustWrite(engine.WriteCreate, "Order", "later", `{}`)
		failed, err := w.store.Runs(w.ctx, engine.RunQuery{App: app, Scenario: "a", Limit: 10})
		if err != nil || len(failed) != 1 {
			t.Fatal(failed, err)
		}
		if _, err := w.e.Retry(w.ctx, engine.Rerun{App: app, Run: failed[0].ID}); err != nil {
			t.Fatal(err)
		}
		waitUntil(t, "the retried run", func() bool { return ended(t, w, "a") == 1 })
		waitUntil(t, "the caller", func() bool { return ended(t, w, "x") == 1 })
		if w.pushed() != "* got \"b\"\n" {
			t.Errorf("pushed %s", w.pushed())
		}
	})
}

func TestALongListInALoopIsThatOfItsPass(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		w.mustWrite(engine.WriteCreate, "Order", "o0", `{}`)
		w.mustPublish(`{"id":"x","structure":"Order","parameters":{"a":"string"},"steps":[{"id":"v","kind":"set_variables","set":{"a":"` + strings.Repeat("a", 10_000) + `"}},
			{"id":"o","kind":"for_each","items":"['1','2']","do":[{"id":"s","kind":"set_variables","set":{"n":"{{ item }}"}},
				{"id":"l","kind":"for_each","items":"[vars.n, vars.a, vars.a]","do":[{"id":"d","kind":"delay","for":"20ms"},{"id":"q","kind":"push","to":"*","event":"at","message":"{{ len(item) < 9 ? item : 'long' }}"}]}]}]}`)
		id := calledAndEnded(t, w, "x")
		if want := strings.ReplaceAll("1 long long 2 long long ", " ", "\"\n* at \""); w.pushed() != "* at \""+strings.TrimSuffix(want, "* at \"") {
			t.Errorf("pushed %s", w.pushed())
		}
		if values, err := w.store.Values(w.ctx, app, id); err != nil || len(values) != 1 {
			t.Errorf("%d values lie beside the run's state (%v)", len(values), err)
		}
	})
}

func TestTicksOfAScenarioTakeTurnsAsItsOrderSays(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		server := newBusy(t)
		outward(t, w)
		clock := &later{}
		w.restart(t, engine.Options{Clock: clock.now})
		w.mustPublish(`{"id":"x","order":"one_at_a_time","triggers":[{"id":"t","kind":"schedule","every":"10s","overlap":"allow"}],"steps":[{"id":"h","kind":"http_request","url":"` + server.URL + `/"}]}`)
		clock.forward(10 * time.Second)
		<-server.came
		clock.forward(10 * time.Second)
		waitUntil(t, "a second tick that waits for its turn", func() bool { return w.statuses("x")[engine.RunQueued] == 1 })
		server.release()
		waitUntil(t, "both ticks", func() bool { return ended(t, w, "x") >= 2 })
		if server.most != 1 {
			t.Errorf("%d ticks ran at a time", server.most)
		}
	})
}

func TestAStateThatBecomesTooLargeIsTheFailureOfItsStep(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		outward(t, w)
		large := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { _, _ = rw.Write(bytes.Repeat([]byte("x"), 1<<20-10)) }))
		t.Cleanup(large.Close)
		w.mustWrite(engine.WriteCreate, "Order", "o0", `{}`)
		var ask []string
		for i := range 5 {
			ask = append(ask, fmt.Sprintf(`{"id":"h%d","kind":"http_request","url":%q}`, i, large.URL))
		}
		w.mustPublish(`{"id":"x","structure":"Order","steps":[{"id":"t","kind":"try","do":[` + strings.Join(ask, ",") + `],"catch":[{"id":"p","kind":"push","to":"*","event":"caught","message":"{{ error.step }} {{ error.code }}"}]}]}`)
		calledAndEnded(t, w, "x")
		if w.pushed() != "* caught \"h3 RUN_STATE\"\n" && w.pushed() != "* caught \"h4 RUN_STATE\"\n" {
			t.Errorf("pushed %s", w.pushed())
		}
	})
}

func TestALoopPassesOverAnObjectThatNoLongerPassesItsFilter(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		for i := range 4 {
			w.mustWrite(engine.WriteCreate, "Order", fmt.Sprint("o", i), fmt.Sprintf(`{"number":"%d","status":"new"}`, i))
		}
		w.mustPublish(`{"id":"x","structure":"Order","steps":[{"id":"l","kind":"for_each","structure":"Order","filter":"status = \"new\"","do":[
			{"id":"q","kind":"push","to":"*","event":"at","message":"{{ item.number }}"},
			{"id":"c","kind":"condition","if":"item.number == '0'","then":[{"id":"e","kind":"edit_object","structure":"Order","object_id":"o2","set":{"status":"paid"}}]}]}]}`)
		calledAndEnded(t, w, "x")
		if w.pushed() != "* at \"0\"\n* at \"1\"\n* at \"3\"\n" {
			t.Errorf("pushed %s", w.pushed())
		}
	})
}

func TestALoopReadsOnBehindAPageThatIsGone(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		outward(t, w)
		server := newBusy(t)
		id := func(i int) string { return fmt.Sprintf("o%03d", i) }
		for i := range 150 {
			w.mustWrite(engine.WriteCreate, "Order", id(i), fmt.Sprintf(`{"number":"%d"}`, i))
		}
		w.mustPublish(`{"id":"x","structure":"Order","triggers":[{"id":"c","kind":"call"}],"steps":[{"id":"l","kind":"for_each","structure":"Order","do":[
			{"id":"q","kind":"push","to":"*","event":"at","message":"{{ item.number }}"},
			{"id":"c","kind":"condition","if":"item.number == '0'","then":[{"id":"h","kind":"http_request","url":"` + server.URL + `/"}]}]}]}`)
		if _, err := w.e.Call(w.ctx, engine.Call{App: app, Scenario: "x"}); err != nil {
			t.Fatal(err)
		}
		<-server.came
		for i := range 147 {
			if _, err := w.write(engine.Write{Kind: engine.WriteDelete, Structure: "Order", ID: id(i + 1)}); err != nil {
				t.Fatal(err)
			}
		}
		server.release()
		waitUntil(t, "the loop's end", func() bool { return ended(t, w, "x") == 1 })
		if w.pushed() != "* at \"0\"\n* at \"148\"\n* at \"149\"\n" {
			t.Errorf("pushed %s", w.pushed())
		}
	})
}

func TestTheCancelOfACalledRunIsAnAnswerToItsCaller(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		w.mustWrite(engine.WriteCreate, "Order", "o0", `{}`)
		w.mustPublish(`{"id":"child","structure":"Order","steps":[{"id":"d","kind":"delay","for":"1h"}]}`)
		w.mustPublish(`{"id":"x","structure":"Order","steps":[{"id":"c","kind":"call_scenario","scenario":"child","wait":true}],"catch":[{"id":"p","kind":"push","to":"*","event":"e","message":"{{ error.code }} {{ error.message contains 'cancelled' }}"}]}`)
		if _, err := w.e.Call(w.ctx, engine.Call{App: app, Scenario: "x", Object: "o0"}); err != nil {
			t.Fatal(err)
		}
		waitUntil(t, "the called run", func() bool { return w.statuses("child")[engine.RunWaiting] == 1 })
		runs, err := w.store.Runs(w.ctx, engine.RunQuery{App: app, Scenario: "child", Limit: 1})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.e.Cancel(w.ctx, app, runs[0].ID); err != nil {
			t.Fatal(err)
		}
		waitUntil(t, "the caller", func() bool { return w.statuses("x")[engine.RunFailed] == 1 })
		if w.pushed() != "* e \"CALL_FAILED true\"\n" {
			t.Errorf("pushed %s", w.pushed())
		}
	})
}
