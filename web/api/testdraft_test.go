package api_test

import (
	"strings"
	"testing"
)

func TestADraftIsTriedDryAndForReal(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.do("POST", "/structures/Order/objects", `{"id":"o1","number":"1042","status":"paid","total":"12.50"}`).is(201)
	draft := `{"structure":"Order","triggers":[{"id":"c","kind":"object","on":["changed"],"if":"object.total > 100"}],"steps":[
		{"id":"e","kind":"edit_object","set":{"status":"ready"}},{"id":"d","kind":"delay","for":"1h"},{"id":"p","kind":"push","to":"*","event":"e","message":"{{ object.status }}"}]}`
	w.do("PUT", "/scenarios/s/draft", draft).is(201)
	const path = "/scenarios/s/draft/test"
	w.do("POST", path, `{"object":"o1"}`).is(200).has("status", "done").has("steps.0.changes.0.after.status", "ready").has("steps.0.changes.0.before.status", "paid").
		has("steps.1.status", "waiting").has("steps.2.pushes.0.message", "ready").has("steps.2.pushes.0.online", "2").has("triggers.0.matches", "false").
		has("triggers.0.condition.reads.0.value", "12.50")
	w.do("GET", "/structures/Order/objects/o1", "").is(200).has("status", "paid")
	if a := w.do("GET", "/runs", "").is(200); a.get("items.0") != "absent" {
		t.Errorf("a dry run left %s", a.body)
	}
	real := w.do("POST", path, `{"object":"o1","mode":"real","until":"e"}`).is(200)
	w.do("GET", "/runs/"+real.get("run"), "").is(200).has("version", "-1")
	w.do("GET", "/scenarios/s/versions/-1", "").is(200).has("steps.0.id", "e")
	w.do("POST", path, `{"document":{"steps":[{"id":"x","kind":"nothing"}]}}`).is(422).has("fields.0.path", "steps[0].kind")
	w.do("POST", path, `{"object":"none"}`).is(422).has("fields.0.path", "object")
	w.keys["one"] = w.token("a", "scenarios:write")
	w.as("one", "POST", "/api/v1/apps/a"+path, `{"object":"o1"}`).is(403).has("code", "SCOPE")
	w.keys["two"] = w.token("a", "scenarios:write", "objects:read")
	w.as("two", "POST", "/api/v1/apps/a"+path, `{"object":"o1"}`).is(200)
	w.as("two", "POST", "/api/v1/apps/a"+path, `{"object":"o1","mode":"real"}`).is(403).has("code", "SCOPE")
}

func TestADryRunOfAnEndlessLoopEndsAndSaysSo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	list := `split(\"` + strings.Repeat("1,", 999) + `1\", \",\")`
	w.do("POST", "/scenarios/s/draft/test", `{"document":{"steps":[{"id":"f","kind":"for_each","items":"`+list+`","do":[{"id":"l","kind":"log","message":"{{ item }}"}]}]}}`).
		is(200).has("cut", "true").has("status", "ready").has("steps.20.item", "19")
}
