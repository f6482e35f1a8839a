package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/cuelight/cuelight/engine"
)

const teamDoc = `{"id":"Team","fields":[{"id":"name","type":"string"},{"id":"members","type":"links","structure":"User","required":true},{"id":"guests","type":"links","structure":"User"}]}`

func (w *world) structure(doc string) *engine.Structure {
	w.t.Helper()
	s, err := w.e.SaveStructure(w.ctx, app, []byte(doc))
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

func TestListsOfLinksAreCheckedWhenTheyAreWritten(t *testing.T) {
	t.Parallel()
	onEveryStore(t, func(t *testing.T, w *world) {
		w.structure(teamDoc)
		for doc, want := range map[string]string{
			`{"members":["bert","anna"]}`:                             "",
			`{"members":["anna"],"guests":[]}`:                        "",
			`{"members":[]}`:                                          "members REQUIRED",
			`{"members":null}`:                                        "members REQUIRED",
			`{"members":"anna"}`:                                      "members TYPE",
			`{"members":["anna",1]}`:                                  "members TYPE",
			`{"members":["anna",""]}`:                                 "members TYPE",
			`{"members":["anna","bert","anna"]}`:                      "members TWICE",
			`{"members":["anna","nobody"],"guests":["x","anna","y"]}`: "members[1] LINK_MISSING guests[0] LINK_MISSING guests[2] LINK_MISSING",
			`{"members":["` + strings.Repeat(`a","`, engine.MaxLinks) + `anna"]}`: "members LIMIT",
		} {
			_, err := w.write(engine.Write{Kind: engine.WriteCreate, Structure: "Team", Fields: fields(t, doc)})
			if got := wrong(err); got != want {
				t.Errorf("%.60s is refused for %q, want %q (%v)", doc, got, want, err)
			}
		}
	})
}

// wrong lists paths and codes of what was wrong.
func wrong(err error) string {
	var list []string
	if inv, ok := errors.AsType[*engine.InvalidError](err); ok {
		for _, f := range inv.Fields {
			list = append(list, f.Path+" "+f.Code)
		}
	} else if err != nil {
		list = append(list, engine.ErrorCode(err))
	}
	return strings.Join(list, " ")
}

func TestALinkWhoseTargetHasGoneStaysUntilItIsTakenOut(t *testing.T) {
	t.Parallel()
	onEveryStore(t, func(t *testing.T, w *world) {
		w.structure(teamDoc)
		w.mustWrite(engine.WriteCreate, "Team", "t", `{"members":["bert","anna"]}`)
		w.mustWrite(engine.WriteDelete, "User", "bert", `{}`)
		w.mustWrite(engine.WriteCreate, "User", "carl", `{}`)
		w.mustWrite(engine.WritePatch, "Team", "t", `{"members":["carl","bert","anna"]}`)
		if _, err := w.write(engine.Write{Kind: engine.WritePatch, Structure: "Team", ID: "t", Fields: fields(t, `{"guests":["bert"]}`)}); wrong(err) != "guests[0] LINK_MISSING" {
			t.Errorf("a new link to what has gone: %v", err)
		}
		o, err := w.store.Object(w.ctx, app, "Team", "t")
		if err != nil {
			t.Fatal(err)
		}
		var data struct{ Members []string }
		if err := json.Unmarshal(o.Data, &data); err != nil || fmt.Sprint(data.Members) != "[carl bert anna]" {
			t.Errorf("members are %v, %v", data.Members, err)
		}
	})
}

func TestAThousandLinksAreWrittenAtOnce(t *testing.T) {
	t.Parallel()
	onEveryStore(t, func(t *testing.T, w *world) {
		w.structure(`{"id":"Tag","fields":[]}`)
		w.structure(`{"id":"Post","fields":[{"id":"tags","type":"links","structure":"Tag"}]}`)
		ids := make([]string, engine.MaxLinks)
		var e engine.Effects
		for i := range ids {
			ids[i] = fmt.Sprintf("tag%04d", i)
			e.Objects = append(e.Objects, &engine.Object{App: app, Structure: "Tag", ID: ids[i], Version: 1, Data: []byte(`{}`)})
		}
		res := w.store.Commit(w.ctx, []engine.Op{{ID: "01900000-0000-7000-8000-000000000001", App: app, Decide: func(*engine.Loaded) (engine.Effects, error) { return e, nil }}})
		if res[0].Err != nil {
			t.Fatal(res[0].Err)
		}
		doc, _ := json.Marshal(map[string]any{"tags": ids})
		w.mustWrite(engine.WriteCreate, "Post", "p", string(doc))
		doc, _ = json.Marshal(map[string]any{"tags": append(ids[1:], "tag9999")})
		if _, err := w.write(engine.Write{Kind: engine.WritePatch, Structure: "Post", ID: "p", Fields: fields(t, string(doc))}); wrong(err) != "tags[999] LINK_MISSING" {
			t.Errorf("a thousand with one that is missing: %v", err)
		}
	})
}

func TestExpressionsSeeListsOfLinks(t *testing.T) {
	t.Parallel()
	onEveryStore(t, func(t *testing.T, w *world) {
		w.structure(teamDoc)
		w.mustPublish(`{"id":"join","structure":"Team","triggers":[{"id":"c","kind":"object","on":["created"],"if":"\"anna\" in object.members"}],"steps":[
			{"id":"same","kind":"edit_object","set":{"guests":"{{ object.members }}","name":"{{ len(object.members) }} with {{ object.members[0] }}"}},
			{"id":"find","kind":"search_objects","structure":"Team","filter":"guests in {{ object.members }} and members = \"bert\"","result":"count"},
			{"id":"say","kind":"push","to":"*","event":"joined","message":"{{ steps.find }} of {{ object.name }}: {{ object.guests }}"},
			{"id":"none","kind":"edit_object","set":{"guests":[]}}]}`)
		if out := w.mustWrite(engine.WriteCreate, "Team", "other", `{"members":["bert"]}`); len(out.Runs) != 0 {
			t.Errorf("a team without anna started %v", out.Runs)
		}
		out := w.mustWrite(engine.WriteCreate, "Team", "t", `{"members":["bert","anna"]}`)
		if r := w.ended(out.Runs[0]); r.Status != engine.RunDone {
			t.Fatalf("the run is %s: %+v", r.Status, r.Error)
		}
		if got := w.pushed(); !strings.Contains(got, `1 of 2 with bert: [\"bert\",\"anna\"]`) {
			t.Errorf("pushed %s", got)
		}
		o, err := w.store.Object(w.ctx, app, "Team", "t")
		if err != nil || strings.Contains(string(o.Data), "guests") {
			t.Errorf("%s, %v", o.Data, err)
		}
	})
}

func TestStructuresWithWrongListsOfLinksAreRefused(t *testing.T) {
	t.Parallel()
	for field, want := range map[string]string{
		`{"id":"f","type":"links"}`:                                              "fields[0].structure LINK",
		`{"id":"f","type":"links","structure":"User","unique":true}`:             "fields[0].unique TYPE",
		`{"id":"f","type":"links","structure":"User","options":["a"]}`:           "fields[0].options TYPE",
		`{"id":"f","type":"links","structure":"User","default":["a","a"]}`:       "fields[0].default TWICE",
		`{"id":"f","type":"links","structure":"User","default":["a"]}`:           "",
		`{"id":"f","type":"links","structure":"User","indexed":false}`:           "",
		`{"id":"f","type":"links","structure":"User","default":"{{ user.id }}"}`: "fields[0].default TYPE",
	} {
		_, err := engine.ParseStructure([]byte(`{"id":"S","fields":[` + field + `]}`))
		if got := wrong(err); got != want {
			t.Errorf("%s is refused for %q, want %q", field, got, want)
		}
	}
}
