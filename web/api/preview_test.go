package api_test

import (
	"strconv"
	"testing"
)

func TestAPreviewShowsWhatTheSettingsComeToOnAnObject(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.do("POST", "/structures/Order/objects", `{"id":"o1","number":"1042","status":"paid","total":"12.50"}`).is(201)
	draft := `{"structure":"Order","triggers":[{"id":"c","kind":"object","on":["changed"],"if":"object.total > 10"}],"steps":[
		{"id":"p","kind":"push","to":"*","event":"e","message":"Order {{ object.number }}: {{ object.total * 2 }}"},
		{"id":"s","kind":"set_variables","set":{"a":"{{ steps.p }}","b":"{{ vars.a }}","d":"{{ 1 + object.count }}"}}]}`
	w.do("PUT", "/scenarios/s/draft", draft).is(201)
	const path = "/scenarios/s/draft/preview"
	find := func(a answer, want string) string {
		t.Helper()
		for i := 0; a.get("values."+strconv.Itoa(i)) != "absent"; i++ {
			at := "values." + strconv.Itoa(i)
			if a.get(at+".path") == want {
				return a.get(at+".value") + "|" + a.get(at+".error") + "|" + a.get(at+".unknown")
			}
		}
		return "absent"
	}
	a := w.do("POST", path, `{"object":"o1"}`).is(200)
	for setting, want := range map[string]string{
		"triggers[0].if": "true|absent|absent", "steps[0].message": "Order 1042: 25.00|absent|absent", "steps[0].to": "*|absent|absent",
		"steps[1].set.a": "null|absent|true", "steps[1].set.b": "null|absent|true",
	} {
		if got := find(a, setting); got != want {
			t.Errorf("%s comes to %s, want %s in %s", setting, got, want, a.body)
		}
	}
	// A condition says what it looked at, a schedule what it means and when it comes.
	a.has("values.0.path", "triggers[0].if").has("values.0.saw.0.path", "object.total").has("values.0.saw.0.value", "12.50")
	w.do("POST", path, `{"document":{"triggers":[{"id":"d","kind":"schedule","daily":"09:00"}],"steps":[]}}`).is(200).
		has("values.0.path", "triggers[0]").has("values.0.says", "every day at 09:00 (UTC)")
	w.do("POST", path, `{"object":"none"}`).is(404).has("code", "OBJECT_NOT_FOUND")
	// A document that is not saved is shown too, as far as it can be compiled.
	b := w.do("POST", path, `{"object":"o1","document":{"structure":"Order","steps":[{"id":"p","kind":"push","to":"{{ object.nothing }}","event":"{{ object.status }}"}]}}`).is(200)
	if got := find(b, "steps[0].event"); got != "paid|absent|absent" {
		t.Errorf("beside a mistake the event is %s in %s", got, b.body)
	}
	if got := find(w.do("POST", path, `{}`).is(200), "triggers[0].if"); got == "true|absent|absent" || got == "absent" {
		t.Errorf("without an object the condition is %s", got)
	}
	w.keys["one"] = w.token("a", "scenarios:read")
	w.as("one", "POST", "/api/v1/apps/a"+path, `{"object":"o1"}`).is(403).has("code", "SCOPE")
}
