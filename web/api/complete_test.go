package api_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestNamesAreCompletedBeforeAnyRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.do("POST", "/structures/Order/objects", `{"id":"o1","number":"1042","status":"paid","total":"12.50"}`).is(201)
	w.do("PUT", "/constants/rate", `{"value":"low"}`).is(201)
	w.do("PUT", "/secrets/crm", `{"value":"a long secret","hosts":["crm.example.com"]}`).is(201)
	draft := `{"structure":"Order","parameters":{"urgent":"boolean"},"triggers":[{"id":"c","kind":"object","on":["changed"]}],"steps":[
		{"id":"found","kind":"search_objects","structure":"Order"},
		{"id":"big","kind":"condition","if":"","then":[{"id":"mark","kind":"edit_object","set":{"status":""}}],"else":[{"id":"tell","kind":"push"}]},
		{"id":"each","kind":"for_each","structure":"Order","do":[{"id":"one","kind":"push","to":"*","event":"e"}]},
		{"id":"call","kind":"http_request","url":"broken {{ ","method":"GET"},
		{"id":"last","kind":"log"}],
		"catch":[{"id":"sorry","kind":"log"}]}`
	w.do("PUT", "/scenarios/s/draft", draft).is(201)
	const path = "/scenarios/s/draft/complete"
	for _, c := range []struct{ path, text, want string }{
		{"triggers[0].if", "|", "object.number=1042 before.status=paid const.rate=low vars.urgent !steps !secret.crm !item upper"},
		{"steps[0].filter", "sta|", "status"},
		{"steps[0].filter", "number = {{ object.num|", "number=1042"},
		{"steps[1].if", "steps.|", "found !mark !big !tell"},
		{"steps[1].if", "steps.found[0].sta|", "status"},
		{"steps[1].then[0].set.status", "|", "new paid object.status=paid"},
		{"steps[1].then[0].set.total", "{{ target.| }}", "number !nothing"},
		{"steps[1].else[0].message", "{{ steps.|", "found big !mark !tell"},
		{"steps[1].else[0].to", "/|", "object.number=1042"},
		{"steps[2].do[0].message", "Item {{ item.| }} and {{ what", "number total"},
		{"steps[3].url", "{{ sec|", "secret.crm"},
		{"steps[3].headers.X-Key.old", "{{ obj|", "object"},
		{"steps[4].message", "{{ steps.call.|", "status body"},
		{"steps[4].message", "{{ secret.|", "!crm"},
		{"steps[4].name", "{{ obj|", "!object"},
		{"catch[0].message", "{{ error.| }}", "code message step"},
		{"catch[0].message", "{{ steps.| }}", "found last mark"},
		{"steps[9].message", "|", "!object"},
	} {
		text := strings.Replace(c.text, "|", "", 1)
		body, _ := json.Marshal(map[string]any{"path": c.path, "text": text, "pos": utf8.RuneCountInString(c.text[:strings.Index(c.text, "|")]), "object": "o1"})
		a := w.do("POST", path, string(body)).is(200)
		var got struct {
			Items []struct {
				Label   string
				Type    string
				Example any
			}
		}
		if err := json.Unmarshal([]byte(a.body), &got); err != nil {
			t.Fatal(err)
		}
		var labels []string
		examples := map[string]any{}
		for _, item := range got.Items {
			labels = append(labels, item.Label)
			examples[item.Label] = item.Example
			if item.Type == "" {
				t.Errorf("%s has no type", item.Label)
			}
		}
		for want := range strings.FieldsSeq(c.want) {
			want, not := strings.CutPrefix(want, "!")
			name, example, valued := strings.Cut(want, "=")
			if slices.Contains(labels, name) == not || valued && examples[name] != example {
				t.Errorf("at %s in %q: %s (%v) in %v", c.path, c.text, want, examples[name], labels)
			}
		}
	}
	// A document that is not saved, of no structure that there is, without an object.
	w.do("POST", path, `{"document":{"structure":"Nothing","steps":[{"id":"l","kind":"log"}]},"path":"steps[0].message","text":"{{ now","pos":6}`).is(200).has("items.0.insert", "now()")
	w.do("POST", path, `{"path":"steps[0].filter","text":"","pos":0,"object":"none"}`).is(404).has("code", "OBJECT_NOT_FOUND")
	w.keys["one"] = w.token("a", "scenarios:read")
	w.as("one", "POST", "/api/v1/apps/a"+path, `{"path":"x","text":"","pos":0}`).is(403).has("code", "SCOPE")
}
