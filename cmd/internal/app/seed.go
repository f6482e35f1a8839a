package app

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/cuelight/cuelight/engine"
)

// demoApp is the app of `serve --demo`.
const demoApp = engine.AppID("demo")

// The demo's documents (contracts 8).
var (
	demoStructures = []string{
		`{"kind":"structure","id":"Order","name":"Orders","title":"{{ number }}","fields":[
			{"id":"number","name":"Number","type":"string","auto":"{0000}","unique":true},
			{"id":"status","name":"Status","type":"string","options":["new","paid","ready","shipped"],"indexed":true},
			{"id":"total","name":"Total","type":"decimal"},
			{"id":"owner","name":"Owner","type":"link","structure":"User"},
			{"id":"note","name":"Note","type":"string"}]}`,
		`{"kind":"structure","id":"Message","name":"Messages","title":"{{ text }}","fields":[
			{"id":"from","name":"From","type":"link","structure":"User"},
			{"id":"to","name":"To","type":"link","structure":"User"},
			{"id":"text","name":"Text","type":"string"}]}`,
	}
	demoScenarios = []string{
		`{"kind":"scenario","id":"refresh-orders","name":"Refresh orders","structure":"Order",
			"triggers":[{"id":"any","kind":"object","on":["created","changed","deleted"]}],
			"steps":[{"id":"cue","kind":"push","name":"Refresh every open page","to":"*","event":"refresh-orders"}]}`,
		`{"kind":"scenario","id":"order-ready","name":"Tell the owner that an order is ready","structure":"Order",
			"triggers":[{"id":"ready","kind":"object","on":["created","changed"],"fields":["status"],"if":"object.status == \"ready\""}],
			"steps":[{"id":"owned","kind":"condition","if":"object.owner != null",
				"then":[{"id":"tell","kind":"push","to":"{{ object.owner }}","event":"message","message":"Order {{ object.number }} is ready"}]}]}`,
		`{"kind":"scenario","id":"big-order","name":"Alert on a big order","structure":"Order",
			"triggers":[{"id":"big","kind":"object","on":["created","changed"],"fields":["total"],"if":"object.total > 1000"}],
			"steps":[{"id":"alert","kind":"push","to":"*","event":"alert","message":"Order {{ object.number }} is over 1000: {{ object.total }}"}]}`,
		`{"kind":"scenario","id":"relay","name":"Relay messages","structure":"Message",
			"triggers":[{"id":"new","kind":"object","on":["created"]}],
			"steps":[{"id":"send","kind":"push","to":"{{ object.to }}","event":"message","message":"{{ object.text }}"}]}`,
	}
	demoUsers  = []struct{ id, name string }{{"testUser", "Test User"}, {"anna", "Anna"}}
	demoOrders = []struct{ status, total, owner, note string }{
		{"new", "120.00", "anna", ""},
		{"new", "64.50", "testUser", "gift wrap"},
		{"paid", "310.00", "anna", ""},
		{"paid", "18.90", "testUser", ""},
		{"ready", "75.00", "anna", "will be collected"},
		{"shipped", "42.00", "testUser", ""},
		{"new", "999.00", "testUser", ""},
		{"paid", "250.75", "anna", "call before delivery"},
		{"shipped", "12.30", "anna", ""},
		{"new", "58.00", "testUser", ""},
		{"ready", "640.00", "testUser", ""},
		{"new", "87.20", "anna", ""},
	}
)

// firstOrder is the number of the first order; the others follow.
const firstOrder = 1042

// seed fills an empty store with the demo. An app that exists is left as it is.
func (a *App) seed(ctx context.Context) error {
	if _, err := a.Engine.App(ctx, demoApp); err == nil {
		return nil
	}
	if err := a.Engine.PutApp(ctx, engine.App{ID: demoApp, Name: "Demo shop", Guests: true}, true); err != nil {
		return fmt.Errorf("make demo app: %w", err)
	}
	for _, doc := range demoStructures {
		if _, err := a.Engine.SaveStructure(ctx, demoApp, []byte(doc)); err != nil {
			return fmt.Errorf("make demo structure: %w", err)
		}
	}
	for _, u := range demoUsers {
		if err := a.create(ctx, engine.UserStructure, u.id, map[string]string{"name": u.name}); err != nil {
			return err
		}
		if err := a.Accounts.SetPassword(ctx, demoApp, u.id, u.id); err != nil {
			return fmt.Errorf("set demo password: %w", err)
		}
	}
	for i, o := range demoOrders {
		number := fmt.Sprint(firstOrder + i)
		fields := map[string]string{"number": number, "status": o.status, "total": o.total, "owner": o.owner, "note": o.note}
		if err := a.create(ctx, "Order", number, fields); err != nil {
			return err
		}
	}
	for _, doc := range demoScenarios {
		var head struct {
			ID string `json:"id"`
		}
		if err := json.Unmarshal([]byte(doc), &head); err != nil {
			return err
		}
		if _, _, err := a.Engine.SaveDraft(ctx, demoApp, head.ID, []byte(doc), 0); err != nil {
			return fmt.Errorf("make demo scenario %s: %w", head.ID, err)
		}
		if _, err := a.Engine.Publish(ctx, demoApp, head.ID, "demo", true); err != nil {
			return fmt.Errorf("publish demo scenario %s: %w", head.ID, err)
		}
	}
	return nil
}

func (a *App) create(ctx context.Context, structure, id string, values map[string]string) error {
	fields := map[string]json.RawMessage{}
	for name, v := range values {
		if v == "" {
			continue
		}
		doc, err := json.Marshal(v)
		if err != nil {
			return err
		}
		fields[name] = doc
	}
	_, err := a.Engine.Write(ctx, engine.Write{App: demoApp, Kind: engine.WriteCreate, Structure: structure, ID: id, Fields: fields, Who: "demo"})
	if err != nil {
		return fmt.Errorf("make demo object %s %s: %w", structure, id, err)
	}
	return nil
}
