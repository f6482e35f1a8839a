package app

import (
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
