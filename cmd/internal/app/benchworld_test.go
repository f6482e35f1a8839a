package app

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/cuelight/cuelight/engine"
	"github.com/cuelight/cuelight/steps"
	"github.com/cuelight/cuelight/triggers"
)

func benchWorld(b *testing.B, store engine.Store) *engine.Engine {
	e := engine.New(store, engine.Options{Kinds: engine.Kinds{Steps: steps.All(), Triggers: triggers.All()}})
	ctx := b.Context()
	check := func(err error) {
		if err != nil {
			b.Fatal(err)
		}
	}
	check(e.Start(ctx))
	check(e.SaveApp(ctx, engine.App{ID: app}))
	for _, s := range structures {
		_, err := e.SaveStructure(ctx, app, []byte(s))
		check(err)
	}
	doc := `{"id":"bench","structure":"Order","triggers":[{"id":"c","kind":"object","on":["changed"],"fields":["note"]}],"steps":[
		{"id":"if","kind":"condition","if":"object.status == \"new\"","then":[{"id":"e","kind":"edit_object","set":{"count":"{{ (object.count ?? 0) + 1 }}"}},
		{"id":"p","kind":"push","to":"*","event":"refresh"}]}]}`
	_, _, err := e.SaveDraft(ctx, app, "bench", []byte(doc), 0)
	check(err)
	_, err = e.Publish(ctx, app, "bench", "bench", true)
	check(err)
	for i := range 128 {
		_, err := e.Write(ctx, engine.Write{App: app, Kind: engine.WriteCreate, Structure: "Order", ID: fmt.Sprint(i), Fields: map[string]json.RawMessage{"status": json.RawMessage(`"new"`)}})
		check(err)
	}
	return e
}

func benchFields(i int) map[string]json.RawMessage {
	return map[string]json.RawMessage{"note": fmt.Appendf(nil, `"n%d"`, i)}
}
