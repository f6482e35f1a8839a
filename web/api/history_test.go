package api_test

import (
	"fmt"
	"testing"

	"github.com/cuelight/cuelight/web/api"
)

func TestTheHistoryOfAnObjectIsItsOwnAndNewestFirst(t *testing.T) {
	t.Parallel()
	onEveryStore(t, func(_ *testing.T, w *world) {
		w.do("POST", "/structures/Order/objects", `{"id":"o","note":"0"}`).is(201)
		w.do("POST", "/structures/Order/objects", `{"id":"other","note":"0"}`).is(201)
		for i := 1; i < 5; i++ {
			w.do("PATCH", "/structures/Order/objects/o", fmt.Sprintf(`{"note":"%d"}`, i)).is(200)
			w.do("PATCH", "/structures/Order/objects/other", fmt.Sprintf(`{"note":"%d"}`, i)).is(200)
		}
		w.do("DELETE", "/structures/Order/objects/o", "").is(204)
		const history = "/changes?structure=Order&object=o&limit=2"
		first := w.do("GET", history, "").is(200).has("items.0.kind", "deleted", "items.1.before.note", "3", "items.1.after.note", "4", "items.1.object", "o", "items.2", "absent")
		second := w.do("GET", history+"&cursor="+first.get("next"), "").is(200).has("items.0.after.note", "3", "items.1.after.note", "2")
		third := w.do("GET", history+"&cursor="+second.get("next"), "").is(200).has("items.0.after.note", "1", "items.1.kind", "created")
		w.do("GET", history+"&cursor="+third.get("next"), "").is(200).has("items", "[]", "next", "absent")
		w.do("GET", "/changes?structure=Order&object=none", "").is(200).has("items", "[]", "next", "absent")
		w.do("GET", "/changes?structure=None&object=o", "").is(404).has("code", "STRUCTURE_NOT_FOUND")
		w.do("GET", "/changes?structure=Order", "").is(422).has("fields.0.path", "object")
		w.do("GET", history+"&cursor=1.1", "").is(422).has("fields.0.path", "cursor")
	})
}

func TestWhoUsesAFieldIsFoundInPublishedScenariosAndDrafts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const reader = `{"id":"reader","name":"Reader","structure":"Order","triggers":[{"id":"c","kind":"object","on":["changed"],"fields":["status"]}],
		"steps":[{"id":"p","kind":"push","to":"{{ object.owner }}","event":"e","message":"{{ number }} of {{ owner.name }}"}]}`
	w.do("POST", "/scenarios/reader/publish", `{"document":`+reader+`}`).is(200)
	w.do("PUT", "/scenarios/writer/draft", `{"structure":"Order","steps":[{"id":"e","kind":"edit_object","set":{"note":"x"}},{"id":"x","kind":"log","message":"{{ nothing }}"}]}`).is(201)
	w.do("PUT", "/scenarios/reader/draft", `{"structure":"Order","steps":[{"id":"e","kind":"edit_object","set":{"note":"y","status":"paid"}}]}`).is(200)
	uses := w.do("GET", "/structures/Order/uses", "").is(200)
	for i, want := range []struct{ field, scenario, published, draft string }{
		{"number", "reader", "true", "false"},
		{"status", "reader", "true", "true"},
		{"owner", "reader", "true", "false"},
		{"note", "reader", "false", "true"},
		{"note", "writer", "false", "true"},
	} {
		at := fmt.Sprintf("items.%d.", i)
		uses.has(at+"field", want.field, at+"scenario", want.scenario, at+"published", want.published, at+"draft", want.draft)
	}
	uses.has("items.5", "absent", "items.0.name", "Reader", "items.0.places.0", "steps[0].message", "items.3.places.0", "steps[0].set.note")
	// A link leads to fields of another structure.
	w.do("GET", "/structures/User/uses", "").is(200).has("items.0.field", "name", "items.0.scenario", "reader", "items.1", "absent")
	w.do("GET", "/structures/None/uses", "").is(404)
}

func TestTheServerSaysWhatItRunsWithToAdminsOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *api.Options) {
		o.StoreName, o.Version = "SQLite", "9.9"
		o.Settings = []api.Setting{{Name: "data", Value: "/data", From: "env", Flag: "--data", Env: "CUELIGHT_DATA"}}
	})
	w.everybody()
	w.as("admin", "GET", "/api/v1/settings", "").is(200).has("store", "SQLite", "version", "9.9", "items.0.name", "data", "items.0.from", "env")
	w.as("builder", "GET", "/api/v1/settings", "").is(403)
	w.as("nobody", "GET", "/api/v1/settings", "").is(401)
}
