package api_test

import "testing"

func TestAFailedRunIsRetriedAndRunAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.started("s", `{"structure":"Order","parameters":{"to":"string"},"triggers":[{"id":"hand","kind":"call"}],
		"steps":[{"id":"check","kind":"condition","if":"object.note == null","then":[{"id":"no","kind":"fail","message":"no note","code":"NOTE"}]},
		{"id":"tell","kind":"push","to":"{{ vars.to }}","event":"noted","message":"{{ object.note }}"}]}`)
	w.do("POST", "/structures/Order/objects", `{"id":"o1"}`).is(201)
	run := w.do("POST", "/scenarios/s/call?wait=10s", `{"object":"o1","vars":{"to":"anna"}}`).is(200).has("status", "failed", "error.code", "NOTE").get("run")
	w.do("PATCH", "/structures/Order/objects/o1", `{"note":"x"}`).is(200)
	// The step that failed is asked again, not the condition before it.
	w.do("POST", "/runs/"+run+"/retry?wait=10s", "").is(200).has("run", run, "status", "failed", "error.code", "NOTE")
	one := w.do("POST", "/runs/"+run+"/retry?wait=10s", "", "Idempotency-Key", "k").is(200).has("status", "failed")
	w.do("GET", "/runs/"+run+"/steps", "").is(200).has("items.3.seq", "4", "items.4", "absent")
	w.do("POST", "/runs/"+run+"/retry", "", "Idempotency-Key", "k").is(202).has("run", one.get("run"), "status", "absent")
	w.do("GET", "/runs/"+run+"/steps", "").is(200).has("items.4", "absent")

	again := w.do("POST", "/runs/"+run+"/again?wait=10s", "", "Idempotency-Key", "k").is(200).has("status", "done")
	if again.get("run") == run || again.header.Get("Cuelight-Runs") != again.get("run") || again.get("url") != "/api/v1/apps/a/runs/"+again.get("run") {
		t.Errorf("%s %v", again.body, again.header)
	}
	w.do("POST", "/runs/"+run+"/again", "", "Idempotency-Key", "k").is(202).has("run", again.get("run"))
	w.do("GET", "/runs/"+again.get("run"), "").is(200).has("object", "o1", "status", "done", "depth", "1")
	w.do("POST", "/runs/"+again.get("run")+"/retry", "").is(409).has("code", "NOT_FAILED")

	w.do("POST", "/scenarios/s/stop", "").is(200)
	w.do("POST", "/runs/"+run+"/retry", "").is(409).has("code", "NOT_RUNNING")
	w.do("POST", "/runs/"+run+"/again", "").is(409).has("code", "NOT_RUNNING")
	for _, room := range []string{"/retry", "/again"} {
		w.do("POST", "/runs/none"+room, "").is(404).has("code", "RUN_NOT_FOUND")
		w.as("b/admin", "POST", "/api/v1/apps/b/runs/"+run+room, "").is(404).has("code", "RUN_NOT_FOUND")
		w.do("POST", "/runs/"+run+room+"?wait=2h", "").is(422).has("limit", "wait")
	}
}
