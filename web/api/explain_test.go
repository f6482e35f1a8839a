package api_test

import (
	"strconv"
	"testing"
)

// explained is the explanation of the newest change of an object.
func (w *world) explained(object string) answer {
	w.t.Helper()
	for seq := 1000; seq > 0; seq-- {
		if a := w.do("GET", "/changes/"+strconv.Itoa(seq), ""); a.status == 200 && a.get("object") == object {
			return w.do("GET", "/changes/"+strconv.Itoa(seq)+"/explain", "").is(200).has("change.seq", strconv.Itoa(seq))
		}
	}
	w.t.Fatalf("no change of %s", object)
	return answer{}
}

// trigger is a scenario with one object trigger and no steps.
func triggered(settings string) string {
	return `{"structure":"Order","triggers":[{"id":"hand","kind":"call"},{"id":"t","kind":"object",` + settings + `}],"steps":[]}`
}

func TestAChangeIsExplained(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const objects = "/structures/Order/objects"
	w.do("POST", objects, `{"id":"o1","status":"new","total":"12.50","due":"2026-11-23","extra":{"a.b":1.50}}`).is(201)
	w.started("a-true", triggered(`"on":["changed"],"fields":["status","note"],"if":"object.status == 'paid' and before.total != null"`))
	w.started("b-false", triggered(`"on":["created","changed"],"if":"object.status == 'ready' or 'note' in changed or object.due.year < 2000 or object.extra['a.b'] > 2"`))
	w.started("c-error", triggered(`"on":["changed"],"if":"object.count + 1 > 0"`))
	w.started("d-regex", triggered(`"on":["changed"],"if":"object.status matches '^p'"`))
	w.started("e-regex", triggered(`"on":["changed"],"if":"object.status matches '^x'"`))
	w.started("f-event", triggered(`"on":["created"],"if":"object.status == 'paid'"`))
	w.started("g-fields", triggered(`"on":["changed"],"fields":["note","due"]`))
	w.started("h-null", triggered(`"on":["changed"],"if":"object.urgent"`))
	w.started("i-once", triggered(`"on":["changed"],"once_per_object":true`))
	w.started("j-stopped", triggered(`"on":["changed"]`))
	w.started("k-paused", triggered(`"on":["changed"]`))
	w.started("l-other", `{"structure":"User","triggers":[{"id":"t","kind":"object","on":["changed"]}],"steps":[]}`)
	w.do("POST", "/scenarios/j-stopped/stop", "").is(200)
	w.do("POST", "/scenarios/k-paused/pause", "").is(200)
	w.do("PUT", "/scenarios/m-draft/draft", triggered(`"on":["changed"]`)).is(201)
	w.do("PATCH", objects+"/o1", `{"status":"paid"}`).is(200)
	a := w.explained("o1")
	a.has("change.kind", "changed", "change.object", "o1",
		"scenarios.0.scenario", "a-true", "scenarios.0.version", "1", "scenarios.0.state", "running", "scenarios.0.code", "absent",
		"scenarios.0.triggers.0.id", "t", "scenarios.0.triggers.0.kind", "object", "scenarios.0.triggers.0.on", `["changed"]`, "scenarios.0.triggers.0.fields", `["status","note"]`,
		"scenarios.0.triggers.0.matches", "true", "scenarios.0.triggers.0.code", "absent", "scenarios.0.triggers.1", "absent",
		"scenarios.0.triggers.0.condition", `{"deferred":false,"reads":[{"path":"before.total","value":"12.50"},{"path":"object.status","value":"paid"}],`+
			`"result":true,"source":"object.status == 'paid' and before.total != null"}`,
		"scenarios.1.triggers.0.matches", "false", "scenarios.1.triggers.0.code", "CONDITION", "scenarios.1.triggers.0.condition.result", "false",
		"scenarios.1.triggers.0.condition.reads", `[{"path":"changed","value":["status"]},{"path":"object.due","value":"2026-11-23T00:00:00.000Z"},`+
			`{"path":"object.extra.a.b","value":1.50},{"path":"object.status","value":"paid"}]`,
		"scenarios.2.triggers.0.code", "ERROR", "scenarios.2.triggers.0.condition.result", "null", "scenarios.2.triggers.0.condition.reads.0.value", "null",
		"scenarios.3.triggers.0.matches", "true", "scenarios.3.triggers.0.condition.deferred", "true", "scenarios.3.triggers.0.condition.result", "true",
		"scenarios.4.triggers.0.code", "CONDITION", "scenarios.4.triggers.0.condition.deferred", "true", "scenarios.4.triggers.0.condition.result", "false",
		"scenarios.5.triggers.0.code", "EVENT", "scenarios.5.triggers.0.condition.result", "true", "scenarios.5.triggers.0.matches", "false",
		"scenarios.6.triggers.0.code", "FIELDS", "scenarios.6.triggers.0.condition", "absent",
		"scenarios.6.triggers.0.message", "none of the fields that the trigger watches changed: it watches note, due, what changed is status",
		"scenarios.7.triggers.0.code", "CONDITION", "scenarios.7.triggers.0.condition.result", "null", "scenarios.7.triggers.0.condition.error", "absent",
		"scenarios.8.triggers.0.matches", "true", "scenarios.9.code", "STOPPED", "scenarios.9.state", "stopped", "scenarios.9.triggers.0.matches", "true",
		"scenarios.10.code", "PAUSED", "scenarios.11.scenario", "m-draft", "scenarios.11.code", "NO_VERSION", "scenarios.11.version", "0", "scenarios.11.triggers", "[]",
		"scenarios.12", "absent")
	if a.get("scenarios.2.triggers.0.condition.error") == "absent" {
		t.Errorf("no error: %s", a.body)
	}
	// In the order of their scenarios; e-regex was a candidate.
	for i, scenario := range []string{"a-true", "d-regex", "e-regex", "i-once", "k-paused"} {
		a.has("runs."+strconv.Itoa(i)+".scenario", scenario, "runs."+strconv.Itoa(i)+".change", a.get("change.seq"))
	}
	a.has("runs.5", "absent")
	w.do("GET", "/runs?change="+a.get("change.seq")+"&scenario=i-once", "").is(200).has("items.0.id", a.get("runs.3.id"), "items.1", "absent")
	w.do("GET", "/runs?change=0", "").is(422)

	w.do("PATCH", objects+"/o1", `{"status":"ready"}`).is(200)
	w.explained("o1").has("scenarios.8.triggers.0.code", "ONCE", "scenarios.8.triggers.0.matches", "false", "scenarios.1.triggers.0.condition.result", "true")
	w.do("PATCH", objects+"/o1?silent=true", `{"extra":{"long":"`+times(5000, "x")+`"}}`).is(200)
	w.started("n-long", triggered(`"on":["changed"],"if":"object.extra == null"`))
	w.explained("o1").has("scenarios.0.code", "SILENT", "runs", "[]", "scenarios.12.triggers.0.condition.reads", `[{"cut":5011,"path":"object.extra","value":null}]`)
	w.do("DELETE", objects+"/o1", "").is(204)
	w.explained("o1").has("change.kind", "deleted", "scenarios.0.triggers.0.code", "EVENT", "scenarios.0.triggers.0.condition.reads.0.value", "12.50")
}

func TestAnExplanationNeedsTheRightToAllThatItShows(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.do("POST", "/structures/Order/objects", `{"id":"o1"}`).is(201)
	w.explained("o1").has("scenarios", "[]", "runs", "[]")
	w.keys["two"] = w.token("a", "objects:read", "scenarios:read")
	w.as("two", "GET", "/api/v1/apps/a/changes/1/explain", "").is(403).has("code", "SCOPE")
	w.as("viewer", "GET", "/api/v1/apps/a/changes/1/explain", "").is(200)
	w.as("b/admin", "GET", "/api/v1/apps/b/changes/1/explain", "").is(404).has("code", "CHANGE_NOT_FOUND")
}

func TestAWriteTellsTheNumberOfItsChange(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made := w.do("POST", "/structures/Order/objects", `{"note":"a"}`).is(201)
	n := made.header.Get("Cuelight-Change")
	w.do("GET", "/changes/"+n+"/explain", "").is(200).has("change.object", made.get("id"))
	same := w.do("PATCH", "/structures/Order/objects/"+made.get("id"), `{"note":"a"}`).is(200)
	if n == "" || same.header.Get("Cuelight-Change") != "" {
		t.Errorf("the change is %q, and %q where nothing changed", n, same.header.Get("Cuelight-Change"))
	}
}
