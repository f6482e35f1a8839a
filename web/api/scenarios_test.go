package api_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/cuelight/cuelight/engine"
	"github.com/cuelight/cuelight/web/api"
)

// cueDoc is a scenario that sends a push for every new order.
func cueDoc(id string) string {
	return `{"id":"` + id + `","structure":"Order","triggers":[{"id":"new","kind":"object","on":["created"]}],
		"steps":[{"id":"cue","kind":"push","to":"*","event":"refresh"}]}`
}

func TestAScenarioIsWrittenPublishedStartedAndStopped(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	saved := w.do("PUT", "/scenarios/s/draft", strings.Replace(cueDoc("s"), `"on":["created"]`, `"on":["created"],"if":"object.statuss == null"`, 1)).is(201)
	if saved.get("problems.0.path") == "absent" || saved.header.Get("ETag") != `"1"` {
		t.Errorf("%s %v", saved.body, saved.header)
	}
	w.do("POST", "/scenarios/s/publish", `{}`).is(422).has("fields.0.path", saved.get("problems.0.path"))
	w.do("PUT", "/scenarios/s/draft", cueDoc("s"), "If-Match", `"9"`).is(412)
	w.do("PUT", "/scenarios/none/draft", cueDoc("none"), "If-Match", `"1"`).is(412)
	w.do("PUT", "/scenarios/s/draft", cueDoc("s"), "If-Match", `"1"`).is(200).has("problems", "[]")
	w.do("PUT", "/scenarios/s/draft", cueDoc("other")).is(422).has("fields.0.path", "id")
	w.do("GET", "/scenarios/s/draft", "").is(200).has("id", "s", "steps.0.event", "refresh")
	w.do("GET", "/scenarios/s", "").is(200).has("state", "stopped", "version", "0", "unpublished", "true")
	w.do("POST", "/scenarios/s/start", "").is(409).has("code", "NOT_PUBLISHED")
	w.do("POST", "/scenarios/s/publish", `{"note":"first","start":true}`).is(200).has("state", "running", "version", "1", "unpublished", "false")
	w.do("GET", "/scenarios/s/versions", "").is(200).has("items.0.number", "1", "items.0.note", "first", "items.0.by", w.name("a/all"))
	w.do("GET", "/scenarios/s/versions/1", "").is(200).has("id", "s")
	w.do("GET", "/scenarios/s/versions/2", "").is(404)
	w.do("DELETE", "/scenarios/s", "").is(409).has("code", "RUNNING")
	w.do("POST", "/scenarios/s/stop", "").is(200).has("state", "stopped")
	a := w.do("POST", "/structures/Order/objects", `{}`).is(201)
	if runs := a.header.Get("Cuelight-Runs"); runs != "" {
		t.Errorf("a stopped scenario ran: %s", runs)
	}
	w.do("GET", "/scenarios", "").is(200).has("items.0.id", "s", "items.1", "absent")
	w.do("DELETE", "/scenarios/s", "").is(204)
	w.do("GET", "/scenarios/s", "").is(404).has("code", "SCENARIO_NOT_FOUND")
	w.do("PUT", "/scenarios/s/draft", `{"Steps":[]}`).is(422)
	w.do("PUT", "/scenarios/s/draft", `{"steps":[{"id":"x","kind":"push","to":"*","event":"e","Event":"f"}]}`).is(201)
}

func TestADocumentIsPublishedInOneGoOrNotAtAll(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const publish = "/scenarios/s/publish"
	w.do("POST", publish, `{"document":`+cueDoc("other")+`}`).is(422).has("fields.0.path", "id")
	w.do("POST", publish, `{"document":{"steps":[{"id":"x","kind":"nothing"}]}}`).is(422).has("fields.0.path", "steps[0].kind")
	w.do("GET", "/scenarios/s", "").is(404)
	w.do("POST", publish, `{"document":`+cueDoc("s")+`}`, "If-Match", `"1"`).is(404)
	w.do("POST", publish, `{"document":`+cueDoc("s")+`,"start":true,"note":"made"}`).is(200).has("state", "running", "version", "1", "unpublished", "false")
	w.do("POST", publish, `{"document":{"id":"s","steps":[{"id":"x","kind":"nothing"}]}}`).is(422)
	w.do("GET", "/scenarios/s/draft", "").is(200).has("steps.0.event", "refresh")
	changed := strings.Replace(cueDoc("s"), `"refresh"`, `"renew"`, 1)
	w.do("POST", publish, `{"document":`+changed+`}`, "If-Match", `"9"`).is(412)
	w.do("POST", publish, `{}`, "If-Match", `"9"`).is(412)
	w.do("POST", publish, `{"document":`+changed+`}`, "If-Match", `"1"`).is(200).has("version", "2", "state", "running")
	w.do("GET", "/scenarios/s/versions/2", "").is(200).has("steps.0.event", "renew")
	w.do("POST", publish, `{"document":null}`).is(422)
}

func TestAWriteNamesItsRunsAndWaitsForThem(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const objects = "/structures/Order/objects"
	w.do("PUT", "/scenarios/mark/draft", `{"structure":"Order","triggers":[{"id":"new","kind":"object","on":["created"]}],
		"steps":[{"id":"mark","kind":"edit_object","set":{"note":"seen {{ object.id }}"}}]}`).is(201)
	w.do("POST", "/scenarios/mark/publish", `{"start":true}`).is(200)
	a := w.do("POST", objects+"?wait=10s", `{"id":"o1"}`).is(201).has("note", "seen o1", "version", "2")
	if a.header.Get("Cuelight-Runs") == "" || a.header.Get("ETag") != `"2"` {
		t.Errorf("headers are %v", a.header)
	}
	run := w.do("GET", "/runs/"+a.header.Get("Cuelight-Runs"), "").is(200).has("status", "done", "scenario", "mark", "trigger", "new", "object", "o1")
	w.do("GET", "/runs/"+run.get("id")+"/steps", "").is(200).has("items.0.step", "mark", "items.0.status", "done")
	w.do("GET", "/runs?scenario=mark&status=done&object=o1", "").is(200).has("items.0.id", run.get("id"), "items.1", "absent")
	w.do("GET", "/runs?status=failed", "").is(200).has("items", "[]")
	w.do("GET", "/runs?status=wrong", "").is(422)
	w.do("GET", "/changes/"+run.get("change"), "").is(200).has("kind", "created", "object", "o1", "who", w.name("a/all"))
	if a := w.do("POST", objects+"?silent=true", `{"id":"o2"}`).is(201); a.header.Get("Cuelight-Runs") != "" {
		t.Error("a silent write started a run")
	}

	w.do("PUT", "/scenarios/mark/draft", `{"structure":"Order","triggers":[{"id":"new","kind":"object","on":["created"]}],
		"steps":[{"id":"later","kind":"delay","for":"1h"}]}`).is(200)
	w.do("POST", "/scenarios/mark/publish", `{}`).is(200)
	slow := w.do("POST", objects+"?wait=1ms", `{"id":"o3"}`).is(202).has("id", "o3")
	if slow.get("runs.0") != "/api/v1/apps/a/runs/"+slow.header.Get("Cuelight-Runs") {
		t.Errorf("%s %v", slow.body, slow.header)
	}
	w.do("POST", objects+"?wait=2h", `{"id":"o4"}`).is(422).has("limit", "wait")
	w.do("POST", objects+"?wait=soon", `{"id":"o4"}`).is(422).has("fields.0.path", "wait")
	w.do("GET", objects+"/o4", "").is(404)
}

func TestStoppingLetsThoseWhoWaitGo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.do("PUT", "/scenarios/s/draft", `{"structure":"Order","triggers":[{"id":"new","kind":"object","on":["created"]}],"steps":[{"id":"later","kind":"delay","for":"1h"}]}`).is(201)
	w.do("POST", "/scenarios/s/publish", `{"start":true}`).is(200)
	w.api.Drain()
	w.do("POST", "/structures/Order/objects?wait=60s", `{"id":"o1"}`, "Idempotency-Key", "k").is(202)
	w.do("POST", "/structures/Order/objects?wait=1ms", `{"id":"o1"}`, "Idempotency-Key", "k").is(202)
	w.do("PATCH", "/structures/Order/objects/o1", `{"note":"x"}`, "Content-Type", "application/merge-patch+json").is(200)
	w.do("POST", "/structures/Order/objects", `{"note":"x"}`, "Content-Type", "application/merge-patch+json").is(415)
}

func TestOnlySoManyWait(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *api.Options) { o.Limits.WaitPerApp = -1 })
	a := w.do("POST", "/structures/Order/objects?wait=1s", `{"id":"o1"}`).is(429).has("limit", "wait_per_app")
	if a.header.Get("Retry-After") == "" {
		t.Error("429 does not say when to come again")
	}
	w.do("GET", "/structures/Order/objects/o1", "").is(404)
}

func TestAScenarioIsCalled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.do("PUT", "/scenarios/c/draft", `{"structure":"Order","parameters":{"who":"string"},"triggers":[{"id":"hand","kind":"call"}],
		"steps":[{"id":"tell","kind":"push","to":"{{ vars.who }}","event":"hello"}]}`).is(201).has("problems", "[]")
	w.do("POST", "/scenarios/c/call", `{}`).is(409).has("code", "NOT_RUNNING")
	w.do("POST", "/scenarios/c/publish", `{"start":true}`).is(200)
	w.do("POST", "/structures/Order/objects", `{"id":"o1"}`).is(201)
	done := w.do("POST", "/scenarios/c/call?wait=10s", `{"object":"o1","vars":{"who":"anna"}}`).is(200).has("status", "done")
	w.do("GET", done.get("url")[len("/api/v1/apps/a"):], "").is(200).has("object", "o1")
	failed := w.do("POST", "/scenarios/c/call?wait=10s", `{"object":"o1"}`).is(200).has("status", "failed", "error.code", "PUSH_TO", "error.step", "tell")
	_ = failed
	w.do("POST", "/scenarios/c/call", `{"object":"none"}`).is(422).has("fields.0.path", "object")
	w.do("POST", "/scenarios/c/call", `{"vars":{"whoo":"anna"}}`).is(422).has("fields.0.path", "vars.whoo")
	w.do("POST", "/scenarios/c/call", `{"vars":{"who":7}}`).is(422).has("fields.0.path", "vars.who")
	w.do("POST", "/scenarios/c/call", `{"objct":"o1"}`).is(422).has("fields.0.path", "objct")
	one := w.do("POST", "/scenarios/c/call", `{"vars":{"who":"anna"}}`, "Idempotency-Key", "k").is(202)
	w.do("POST", "/scenarios/c/call", `{"vars":{"who":"anna"}}`, "Idempotency-Key", "k").is(202).has("run", one.get("run"))
	w.do("POST", "/scenarios/none/call", `{}`).is(404)
}

func TestTheLogOfARunSaysWhereItsPushesStandAndWhoGotThem(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.do("PUT", "/scenarios/c/draft", `{"triggers":[{"id":"hand","kind":"call"}],"steps":[{"id":"all","kind":"push","to":"*","event":"one"},
		{"id":"x","kind":"set_variables","set":{"x":1}},{"id":"anna","kind":"push","to":"anna","event":"two"}]}`).is(201).has("problems", "[]")
	w.do("POST", "/scenarios/c/publish", `{"start":true}`).is(200)
	run := w.do("POST", "/scenarios/c/call?wait=10s", `{}`).is(200).has("status", "done").get("run")
	log := w.do("GET", "/runs/"+run+"/steps", "").is(200).has("items.0.deliveries", "absent", "items.1.offsets", "absent")
	if !strings.HasSuffix(log.get("items.0.offsets.0"), ".1") || !strings.HasSuffix(log.get("items.2.offsets.0"), ".2") {
		t.Errorf("the log says %s", log.body)
	}
	var counted []engine.Delivery
	for _, item := range []string{"items.0.seq", "items.2.seq"} {
		seq, err := strconv.ParseInt(log.get(item), 10, 64)
		w.must(err)
		counted = append(counted, engine.Delivery{App: "a", Run: engine.RunID(run), Seq: seq, Online: seq})
	}
	// The engine writes many at a time, and of several apps; a step that is named again adds up.
	for range 600 {
		counted = append(counted, engine.Delivery{App: "a", Run: engine.RunID(run), Seq: counted[0].Seq, Delivered: 2, Received: 1}, engine.Delivery{App: "b", Run: "other", Seq: 1})
	}
	w.must(w.engine.Deliveries(t.Context(), counted))
	w.do("GET", "/runs/"+run+"/steps", "").is(200).has("items.0.deliveries", `{"delivered":1200,"online":`+log.get("items.0.seq")+`,"received":600}`,
		"items.1.deliveries", "absent", "items.2.deliveries", `{"delivered":0,"online":`+log.get("items.2.seq")+`,"received":0}`)
}

func TestAPushIsAnsweredWithItsPlace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.do("POST", "/push", `{"to":"*","event":"refresh"}`).is(200).has("online", "2", "pushes.0.to", "*")
	epoch, pos, ok := strings.Cut(first.get("offset"), ".")
	if !ok || epoch == "" || pos != "1" {
		t.Errorf("offset is %s", first.get("offset"))
	}
	w.do("POST", "/push", `{"to":["anna","bert"],"event":"e","mode":"json","message":{"b":[1, 2],"n":9007199254740993}}`).is(200).
		has("offset", epoch+".3", "online", "4", "pushes.1.offset", epoch+".3")
	for name, body := range map[string]string{
		"nobody":             `{"to":[],"event":"e"}`,
		"no event":           `{"to":"anna"}`,
		"a number":           `{"to":7,"event":"e"}`,
		"reserved":           `{"to":"anna","event":"connect"}`,
		"long":               `{"to":"anna","event":"` + strings.Repeat("e", 129) + `"}`,
		"a text that is not": `{"to":"anna","event":"e","message":{"a":1}}`,
		"an unknown mode":    `{"to":"anna","event":"e","mode":"xml"}`,
		"large":              `{"to":"anna","event":"e","message":"` + strings.Repeat("m", 65<<10) + `"}`,
	} {
		if a := w.do("POST", "/push", body); a.status != 422 {
			t.Errorf("%s: answered %d %s", name, a.status, a.body)
		}
	}
	pushes, err := w.store.Pushes(t.Context(), "a", 0, w.clock.Now().AddDate(-1, 0, 0), 10)
	w.must(err)
	if len(pushes) != 3 || pushes[1].Message != `{"b":[1,2],"n":9007199254740993}` || !pushes[1].JSON || pushes[0].Message != "" {
		t.Errorf("pushes are %+v", pushes)
	}
}

func TestListsAreFilteredSortedAndPaged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const objects = "/structures/Order/objects"
	for _, doc := range []string{
		`{"id":"o1","status":"new","total":"9.50"}`, `{"id":"o2","status":"paid","total":"12.50"}`, `{"id":"o3","status":"paid","owner":"anna"}`,
		`{"id":"o4","status":"ready"}`, `{"id":"o5","status":"paid"}`,
	} {
		w.do("POST", objects, doc).is(201)
	}
	w.do("GET", objects+"?filter=status+%3D+%22paid%22&sort=-id&limit=2&count=true", "").is(200).
		has("items.0.id", "o5", "items.1.id", "o3", "items.2", "absent", "total", "3")
	first := w.do("GET", objects+"?filter=status+%3D+%22paid%22&sort=-id&limit=2", "").is(200).has("total", "absent")
	w.do("GET", objects+"?filter=status+%3D+%22paid%22&sort=-id&limit=2&cursor="+first.get("next"), "").is(200).has("items.0.id", "o2", "items.1", "absent", "next", "absent")
	w.do("GET", objects+"?filter=total+%3E+10", "").is(200).has("items.0.id", "o2", "items.1", "absent")
	w.do("GET", objects+"?sort=-status,id&limit=1", "").is(200).has("items.0.id", "o4")
	w.do("GET", objects+"?cursor=nonsense", "").is(422)
	w.do("GET", objects+"?sort=nothing", "").is(422).has("fields.0.path", "sort")
	a := w.do("GET", objects+"?filter=statuss+%3D+%22paid%22", "").is(422)
	if !strings.Contains(a.get("fields.0.message"), "did you mean status?") {
		t.Errorf("no suggestion: %s", a.body)
	}
	if a := w.do("GET", objects+"?filter=status+%3D+%22SECRET%22", "").is(422); strings.Contains(a.body, "SECRET") {
		t.Errorf("a value was sent back: %s", a.body)
	}
	w.do("GET", objects+"?filter=((((", "").is(422).has("fields.0.path", "filter")
	w.do("GET", "/users?filter=name+%3D+%22Anna%22", "").is(200).has("items.0.id", "anna")
	changes := w.do("GET", "/changes?limit=3", "").is(200).has("items.0.object", "anna", "items.2.object", "o2")
	w.do("GET", "/changes?cursor="+changes.get("next"), "").is(200).has("items.0.object", "o3", "items.2.object", "o5", "items.3", "absent")
	w.do("GET", "/changes?cursor=x", "").is(422)
}
