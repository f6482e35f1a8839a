package api_test

import "testing"

func TestVersionsAreComparedStepByStep(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const (
		first = `{"structure":"Order","name":"S","triggers":[{"id":"new","kind":"object","on":["created"]}],"steps":[
			{"id":"a","kind":"push","to":"*","event":"x","message":"one"},
			{"id":"b","kind":"condition","if":"object.total > 1","then":[{"id":"c","kind":"log","message":"yes"}]},
			{"id":"d","kind":"log","message":"d"}]}`
		second = `{"structure":"Order","name":"S","settings":{"timeout":"1m"},"triggers":[{"id":"new","kind":"object","on":["created","changed"]}],"steps":[
			{"id":"d","kind":"log","message":"d"},
			{"id":"a","kind":"push","to":"*","event":"x","message":"two"},
			{"id":"b","kind":"condition","if":"object.total > 1","then":[{"id":"e","kind":"edit_object","set":{"status":"paid","note":"n"}}]}]}`
	)
	w.do("POST", "/scenarios/s/publish", `{"document":`+first+`}`).is(200)
	w.do("GET", "/scenarios/s/versions/1..draft", "").is(200).has("items", "[]", "settings", "[]", "triggers", "[]")
	w.do("PUT", "/scenarios/s/draft", second).is(200)
	d := w.do("GET", "/scenarios/s/versions/1..draft", "").is(200)
	d.has("items.0.step", "d", "items.0.change", "moved", "items.0.path", "steps[0]", "items.0.fields", "[]")
	d.has("items.1.step", "a", "items.1.change", "changed", "items.1.fields", `[{"after":"two","before":"one","path":"message"}]`)
	d.has("items.2.step", "c", "items.2.change", "removed", "items.2.path", "steps[1].then[0]")
	d.has("items.3.step", "e", "items.3.change", "added", "items.3.path", "steps[2].then[0]", "items.3.fields.2.path", "set.status", "items.3.fields.2.before", "absent")
	d.has("items.4", "absent", "settings", `[{"after":"1m","path":"settings.timeout"}]`)
	d.has("triggers", `[{"change":"changed","fields":[{"after":["created","changed"],"before":["created"],"path":"on"}],"kind":"object","path":"triggers[0]","step":"new"}]`)

	w.do("GET", "/scenarios/s/versions/0..1", "").is(200).has("items.3.change", "added", "items.4", "absent")
	w.do("POST", "/scenarios/s/draft/compare", `{"document":`+first+`}`).is(200).has("items.1.change", "removed")
	w.do("POST", "/scenarios/s/draft/compare", `{"from":"1","document":`+first+`}`).is(200).has("items", "[]")
	w.do("GET", "/scenarios/s/versions/1..9", "").is(404)
	w.do("GET", "/scenarios/s/versions/1..x", "").is(422)
	w.do("GET", "/scenarios/none/versions/0..0", "").is(404)
}

func TestTheCasesOfASwitchAreComparedWithoutTheirSteps(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	doc := func(question, message string) string {
		return `{"steps":[{"id":"s","kind":"switch","cases":[{"if":"true","then":[]},{"if":"` + question + `","then":[{"id":"l","kind":"log","message":"` + message + `"}]}]}]}`
	}
	w.do("PUT", "/scenarios/s/draft", doc("false", "a")).is(201)
	one := w.do("POST", "/scenarios/s/draft/compare", `{"document":`+doc("true", "a")+`}`).is(200)
	one.has("items.0.step", "s", "items.0.fields", `[{"after":"true","before":"false","path":"cases[1].if"}]`, "items.1", "absent")
	other := w.do("POST", "/scenarios/s/draft/compare", `{"document":`+doc("false", "b")+`}`).is(200)
	other.has("items.0.step", "l", "items.0.path", "steps[0].cases[1].then[0]", "items.0.fields.0.path", "message", "items.1", "absent")
}
