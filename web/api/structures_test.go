package api_test

import (
	"strings"
	"testing"
	"time"
)

// filled waits until a structure shows no filling any more.
func (w *world) filled(structure string) answer {
	w.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	end := time.NewTimer(10 * time.Second)
	defer end.Stop()
	for {
		a := w.do("GET", "/structures/"+structure, "").is(200)
		if a.get("filling") == "absent" {
			return a
		}
		select {
		case <-tick.C:
		case <-end.C:
			w.t.Fatalf("%s is not filled: %s", structure, a.body)
		}
	}
}

func TestAFieldIsRemovedByItsName(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const doc, without = `{"fields":[{"id":"a","type":"string"},{"id":"b","type":"string"}]}`, `{"fields":[{"id":"a","type":"string"}]}`
	w.do("PUT", "/structures/Item", doc).is(201)
	w.do("POST", "/structures/Item/objects", `{"id":"i1","a":"1","b":"secret"}`).is(201)
	w.do("PUT", "/scenarios/uses-b/draft", `{"structure":"Item","triggers":[{"id":"c","kind":"object","on":["changed"],"fields":["b"]}],"steps":[]}`).is(201).has("problems", "[]")
	w.do("POST", "/scenarios/uses-b/publish", `{"start":true}`).is(200).has("problems", "absent")
	refused := w.do("PUT", "/structures/Item", without).is(409).has("code", "FIELD_REMOVED", "fields.0.path", "fields")
	if !strings.Contains(refused.get("cure"), "?drop=") {
		t.Errorf("the cure is %s", refused.get("cure"))
	}
	w.do("PUT", "/structures/Item?drop=a,b", without).is(422).has("fields.0.path", "drop", "fields.0.code", "DROP")
	w.do("PUT", "/structures/Item?drop=b", without).is(200).has("warnings.0.scenario", "uses-b", "fields.1", "absent")
	w.do("GET", "/structures/Item/objects/i1", "").is(200).has("a", "1", "b", "absent")
	if a := w.do("GET", "/changes", "").is(200); strings.Contains(a.body, "secret") {
		t.Errorf("the removed value is in %s", a.body)
	}
	if w.do("GET", "/scenarios/uses-b", "").is(200).get("problems.0.code") == "absent" || w.do("GET", "/scenarios", "").is(200).get("items.0.problems.0.code") == "absent" {
		t.Error("the scenario does not show what is wrong with it")
	}
	w.filled("Item").has("warnings", "absent")
}

func TestTypesAreConvertedOnRequest(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.do("PUT", "/structures/Item", `{"fields":[{"id":"v","type":"string"}]}`).is(201)
	w.do("POST", "/structures/Item/objects", `{"id":"i1","v":"12"}`).is(201)
	w.do("POST", "/structures/Item/objects", `{"id":"i2","v":"twelve"}`).is(201)
	const doc = `{"fields":[{"id":"v","type":"number","indexed":true}]}`
	refused := w.do("PUT", "/structures/Item", doc).is(409).has("code", "TYPE_CHANGED", "fields.0.path", "fields[0].type")
	if !strings.Contains(refused.get("cure"), "?convert=") {
		t.Errorf("the cure is %s", refused.get("cure"))
	}
	w.do("PUT", "/structures/Item?convert=w", doc).is(422).has("fields.0.path", "convert")
	report := w.do("PUT", "/structures/Item?convert=v", doc).is(409).has("code", "CONVERT", "fields.0.message", "1 of 2 values of v can not become a number", "fields.1.path", "v", "fields.2", "absent")
	if !strings.Contains(report.get("fields.1.message"), "i2") || strings.Contains(report.body, "twelve") {
		t.Errorf("the report is %s", report.body)
	}
	w.do("GET", "/structures/Item", "").is(200).has("fields.0.type", "string", "filling", "absent")
	w.do("PATCH", "/structures/Item/objects/i2", `{"v":"13"}`).is(200)
	w.do("PUT", "/structures/Item?convert=v", doc).is(200).has("fields.0.type", "number")
	w.do("GET", "/structures/Item/objects/i2", "").is(200).has("v", "13", "version", "2")
	w.filled("Item")
	w.do("GET", "/structures/Item/objects?filter=v%3E12&sort=-v", "").is(200).has("items.0.id", "i2", "items.0.v", "13", "items.1", "absent")
}

func TestDuplicatesAndUsedOptionsAreNamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.do("PUT", "/structures/Item", `{"fields":[{"id":"code","type":"string"},{"id":"state","type":"string","options":["a","b"]}]}`).is(201)
	for _, doc := range []string{`{"id":"i1","code":"x","state":"a"}`, `{"id":"i2","code":"x"}`, `{"id":"i3","code":"y"}`} {
		w.do("POST", "/structures/Item/objects", doc).is(201)
	}
	w.do("PUT", "/structures/Item", `{"fields":[{"id":"code","type":"string","unique":true},{"id":"state","type":"string","options":["a","b"]}]}`).is(409).
		has("code", "DUPLICATES", "fields.0.path", "fields[0].unique", "fields.0.message", "these objects have the same value in code: i1, i2")
	w.do("PUT", "/structures/Item", `{"fields":[{"id":"code","type":"string"},{"id":"state","type":"string","options":["b"]}]}`).is(409).
		has("code", "OPTION_USED", "fields.0.path", "fields[1].options")
	w.do("DELETE", "/structures/Item/objects/i2", "").is(204)
	saved := w.do("PUT", "/structures/Item", `{"fields":[{"id":"code","type":"string","unique":true},{"id":"state","type":"string","options":["a","b"]}]}`).is(200)
	// What the server adds to the document may be sent back with it.
	w.do("PUT", "/structures/Item", strings.TrimSuffix(strings.TrimSpace(saved.body), "}")+`,"warnings":[]}`).is(200)
	w.do("PUT", "/structures/Item", `{"fields":[],"fillings":1}`).is(422)
	w.filled("Item")
	w.do("POST", "/structures/Item/objects", `{"code":"y"}`).is(409).has("fields.0.code", "TAKEN")
}
