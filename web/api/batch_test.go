package api_test

import "testing"

func TestABatchAnswersEachWriteByItself(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const batch = "/structures/Order/objects:batch"
	w.started("mark", `{"structure":"Order","triggers":[{"id":"new","kind":"object","on":["created"]}],"steps":[{"id":"m","kind":"edit_object","set":{"note":"seen"}}]}`)
	w.do("POST", "/structures/Order/objects?wait=10s", `{"id":"old","number":"9"}`).is(201) // at version 2: no run comes between what follows
	a := w.do("POST", batch+"?wait=10s", `{"ops":[
		{"op":"create","id":"o1","fields":{"status":"new","total":"1.50"}},{"op":"create","fields":{"status":"lost"}},{"op":"patch","id":"old","fields":{"status":"paid"},"if_version":2},
		{"op":"patch","id":"old","fields":{"status":"ready"},"if_version":2},{"op":"create","fields":{"number":"9"}},{"op":"patch","id":"none","fields":{}},
		{"op":"create"},{"op":"delete","id":"old"},{"op":"delete","id":"old"},{"op":"create","id":"o1"},{"op":"patch","id":"o1","fields":{"nothing":1,"count":"x"}}]}`).is(200).
		has("results.0.status", "201", "results.0.id", "o1", "results.0.version", "1", "results.0.error", "absent",
			"results.1.status", "422", "results.1.id", "absent", "results.1.error.fields.0.path", "status", "results.1.error.cure", "Correct the fields and send it again.",
			"results.2.status", "200", "results.2.version", "3", "results.2.runs", "absent", "results.3.status", "412", "results.3.error.code", "VERSION", "results.3.id", "old",
			"results.4.status", "409", "results.4.error.code", "TAKEN", "results.5.status", "404", "results.5.error.code", "OBJECT_NOT_FOUND",
			"results.6.status", "201", "results.7.status", "204", "results.7.id", "old", "results.8.status", "404", "results.9.status", "409", "results.10.status", "422",
			"results.10.error.fields.1.path", "nothing", "results.11", "absent")
	if a.get("results.6.id") == "absent" || a.get("results.0.runs.0") == "absent" || a.get("results.0.runs.1") != "absent" {
		t.Errorf("%s", a.body)
	}
	w.do("GET", "/structures/Order/objects/o1", "").is(200).has("status", "new", "note", "seen", "version", "2", "total", "1.50")
	w.do("GET", "/runs/"+a.get("results.0.runs.0"), "").is(200).has("status", "done", "object", "o1")
	w.do("POST", batch+"?silent=true", `{"ops":[{"op":"create","id":"o2"}]}`).is(200).has("results.0.runs", "absent", "results.0.status", "201")
	w.started("slow", `{"structure":"Order","triggers":[{"id":"new","kind":"object","on":["created"]}],"steps":[{"id":"later","kind":"delay","for":"1h"}]}`)
	w.do("POST", batch+"?wait=1ms", `{"ops":[{"op":"create","id":"o3"}]}`).is(202).has("results.0.status", "201")
}

func TestABatchIsReadAsAWhole(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const batch = "/structures/Order/objects:batch"
	for body, path := range map[string]string{
		`{}`:         "ops",
		`{"ops":[]}`: "ops",
		`{"ops":[{"op":"create","id":"o1"},{"op":"upsert","id":"x"}]}`:                "ops[1].op",
		`{"ops":[{"op":"create","id":"o1"},{"op":"patch"}]}`:                          "ops[1].id",
		`{"ops":[{"op":"create","id":"o1"},{"op":"delete","id":"x","fields":{}}]}`:    "ops[1].fields",
		`{"ops":[{"op":"create","id":"o1","if_version":1}]}`:                          "ops[0].if_version",
		`{"ops":[{"op":"create","id":"o1"},{"op":"patch","id":"x","if_version":-1}]}`: "ops[1].if_version",
		`{"ops":[{"op":"create","id":"o1","field":{}}]}`:                              "ops[0].field",
	} {
		w.do("POST", batch, body).is(422).has("fields.0.path", path)
	}
	w.do("GET", "/structures/Order/objects/o1", "").is(404)
	w.do("POST", "/structures/None/objects:batch", `{"ops":[{"op":"create"}]}`).is(404).has("code", "STRUCTURE_NOT_FOUND")
	w.as("a/objects:write", "POST", "/api/v1/apps/a/structures/User/objects:batch", `{"ops":[{"op":"patch","id":"anna","fields":{"role":"boss"}}]}`).is(403)
	w.as("a/all", "POST", "/api/v1/apps/a/structures/User/objects:batch", `{"ops":[{"op":"patch","id":"anna","fields":{"role":"boss"}}]}`).is(200)
	w.key("user")
	w.as("user", "GET", "/api/v1/apps/a/me", "").is(200)
	w.as("a/all", "POST", "/api/v1/apps/a/structures/User/objects:batch", `{"ops":[{"op":"patch","id":"anna","fields":{"disabled":true}}]}`).is(200)
	w.as("user", "GET", "/api/v1/apps/a/me", "").is(401)
}

func TestABatchWithAKeyIsCarriedOutOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const batch = "/structures/Order/objects:batch"
	const body = `{"ops":[{"op":"create","fields":{"note":"x"}},{"op":"patch","id":"later","fields":{"note":"y"}},{"op":"create","id":"gone"},{"op":"delete","id":"gone"}]}`
	first := w.do("POST", batch, body, "Idempotency-Key", "k").is(200).has("results.0.status", "201", "results.1.status", "404", "results.3.status", "204")
	w.do("POST", "/structures/Order/objects", `{"id":"later"}`).is(201)
	w.do("DELETE", "/structures/Order/objects/"+first.get("results.0.id"), "").is(204)
	// What was done is answered again, what was refused is tried again.
	second := w.do("POST", batch, body, "Idempotency-Key", "k").is(200).has("results.0.status", "201", "results.0.id", first.get("results.0.id"), "results.0.version", "1",
		"results.1.status", "200", "results.2.status", "201", "results.2.id", "gone", "results.3.status", "204")
	if first.header.Get("Idempotency-Replayed") != "" || second.header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("%v then %v", first.header, second.header)
	}
	// Another request with the key does nothing, however long it is.
	w.do("POST", batch, `{"ops":[`+list(9, func(int) string { return `{"op":"create","fields":{"note":"z"}}` })+`]}`, "Idempotency-Key", "k").is(422).has("code", "IDEMPOTENCY_KEY")
	w.do("GET", "/structures/Order/objects?filter=note+%3D+%22z%22", "").is(200).has("items", "[]")
}
