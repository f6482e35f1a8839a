package api_test

import (
	"context"
	"testing"
	"time"

	"github.com/cuelight/cuelight/engine"
	"github.com/cuelight/cuelight/web/api"
)

func TestAPausedScenarioQueuesAndGoesOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const objects = "/structures/Order/objects"
	w.started("s", `{"structure":"Order","triggers":[{"id":"new","kind":"object","on":["created"]}],"steps":[{"id":"m","kind":"edit_object","set":{"note":"seen"}}]}`)
	w.do("POST", "/scenarios/s/pause", "").is(200).has("state", "paused")
	w.do("POST", "/scenarios/s/pause", "").is(200).has("state", "paused")
	first := w.do("POST", objects, `{"id":"o1"}`).is(201).header.Get("Cuelight-Runs")
	second := w.do("POST", objects+"?wait=1ms", `{"id":"o2"}`).is(202).header.Get("Cuelight-Runs")
	for _, run := range []string{first, second} {
		w.do("GET", "/runs/"+run, "").is(200).has("status", "ready", "finished_at", "absent")
	}
	w.do("GET", objects+"/o1", "").is(200).has("note", "null")
	w.do("POST", "/runs/"+second+"/cancel", "").is(200).has("status", "cancelled")
	// What is cancelled now has not moved; what is started goes on.
	w.do("POST", "/scenarios/s/start", "").is(200).has("state", "running")
	third := w.do("POST", objects+"?wait=10s", `{"id":"o3"}`).is(201).has("note", "seen").header.Get("Cuelight-Runs")
	if !w.waited(first) {
		t.Error("the queued run did not go on")
	}
	w.do("GET", "/runs/"+first, "").is(200).has("status", "done")
	w.do("GET", objects+"/o1", "").is(200).has("note", "seen")
	w.do("GET", objects+"/o2", "").is(200).has("note", "null")
	w.do("GET", "/runs/"+third, "").is(200).has("status", "done")
	w.do("POST", "/scenarios/none/pause", "").is(404).has("code", "SCENARIO_NOT_FOUND")
	w.do("PUT", "/scenarios/draft/draft", cueDoc("draft")).is(201)
	w.do("POST", "/scenarios/draft/pause", "").is(409).has("code", "NOT_PUBLISHED")
}

func TestARunIsCancelled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.started("s", `{"triggers":[{"id":"hand","kind":"call"}],"steps":[{"id":"later","kind":"delay","for":"1h"}]}`)
	run := w.do("POST", "/scenarios/s/call", `{}`).is(202).get("run")
	w.as("b/admin", "POST", "/api/v1/apps/b/runs/"+run+"/cancel", "").is(404).has("code", "RUN_NOT_FOUND")
	w.as("a/all", "POST", "/api/v1/apps/b/runs/"+run+"/cancel", "").is(403)
	a := w.do("POST", "/runs/"+run+"/cancel", "").is(200).has("status", "cancelled", "id", run)
	if a.get("finished_at") == "absent" {
		t.Errorf("it has not finished: %s", a.body)
	}
	w.do("POST", "/runs/"+run+"/cancel", "").is(409).has("code", "ENDED")
	w.do("POST", "/runs/"+run+"/retry", "").is(409).has("code", "NOT_FAILED")
	w.do("GET", "/runs/"+run, "").is(200).has("status", "cancelled", "error", "absent")
	w.do("POST", "/runs/none/cancel", "").is(404).has("code", "RUN_NOT_FOUND")
}

func TestAnAppSendsOnlySoManyPushes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *api.Options) { o.Limits.Pushes = 1 })
	a := w.do("POST", "/push", `{"to":["anna","bert"],"event":"e"}`).is(200)
	for tries := 0; a.status == 200 && tries < 100; tries++ { // on a slow machine the share may come back in between
		a = w.do("POST", "/push", `{"to":["anna","bert"],"event":"e"}`)
	}
	a.is(429).has("limit", "pushes", "code", "BUSY")
	if after := a.header.Get("Retry-After"); after != "1" && after != "2" {
		t.Errorf("Retry-After is %q", after)
	}
	if row := w.limits()["pushes"]; row.Value != 1 {
		t.Errorf("the table says %+v", row)
	}
	// Another app has a share of its own.
	w.as("b/admin", "POST", "/api/v1/apps/b/push", `{"to":"anna","event":"e"}`).is(200)
}

func TestAStructureIsNotChangedBehindSomebodysBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const at = "/structures/Thing"
	w.do("PUT", at, `{"fields":[]}`, "If-Match", `"1"`).is(412).has("code", "VERSION")
	w.do("GET", at, "").is(404)
	made := w.do("PUT", at, `{"fields":[]}`).is(201).header.Get("ETag")
	changed := w.do("PUT", at, `{"fields":[{"id":"n","type":"number"}]}`, "If-Match", made).is(200).header.Get("ETag")
	w.do("PUT", at, `{"fields":[{"id":"m","type":"number"}]}`, "If-Match", made).is(412).has("code", "VERSION")
	w.do("PUT", at, `{"fields":[]}`, "If-Match", `"nonsense"`).is(412)
	if got := w.do("GET", at, "").is(200).has("fields.0.id", "n").header.Get("ETag"); got != changed || made == changed {
		t.Errorf("ETags %s, %s, %s", made, changed, got)
	}
	w.do("PUT", at, `{"fields":[{"id":"n","type":"number"},{"id":"m","type":"number"}]}`, "If-Match", changed).is(200)
	w.do("PUT", at, `{"fields":[{"id":"n","type":"number"},{"id":"m","type":"number"}]}`, "If-Match", `*`).is(200)
}

// waited waits until a run has ended.
func (w *world) waited(run string) bool {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 20*time.Second)
	defer cancel()
	ended, err := w.engine.Await(ctx, "a", []engine.RunID{engine.RunID(run)})
	w.must(err)
	return len(ended) == 1
}
