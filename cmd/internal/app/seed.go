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
		`{"kind":"scenario","id":"clock","name":"Tell the time every minute",
			"triggers":[{"id":"minute","kind":"schedule","every":"1m","missed":"skip"}],
			"steps":[{"id":"tell","kind":"push","to":"*","event":"clock","message":"{{ now() }}"}]}`,
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

// seed fills an empty store with the demo and its apps. If the demo is there, all is left as it is.
func (a *App) seed(ctx context.Context) error {
	if _, err := a.Engine.App(ctx, demoApp); err == nil {
		return nil
	}
	for _, documents := range a.cfg.DemoApps {
		if err := a.seedApp(ctx, documents); err != nil {
			return fmt.Errorf("make demo app: %w", err)
		}
	}
	// The shop comes last: it is what says that there is nothing left to do.
	if err := a.seedShop(ctx); err != nil {
		return fmt.Errorf("make demo shop: %w", err)
	}
	return nil
}

func (a *App) seedShop(ctx context.Context) error {
	if err := a.Engine.PutApp(ctx, engine.App{ID: demoApp, Name: "Demo shop", Guests: true}, true); err != nil {
		return err
	}
	for _, doc := range demoStructures {
		if _, err := a.Engine.SaveStructure(ctx, demoApp, []byte(doc)); err != nil {
			return err
		}
	}
	if err := a.createUsers(ctx, demoApp); err != nil {
		return err
	}
	for i, o := range demoOrders {
		number := fmt.Sprint(firstOrder + i)
		fields := values{"number": number, "status": o.status, "total": o.total, "owner": o.owner, "note": o.note}
		if err := a.create(ctx, demoApp, "Order", number, fields); err != nil {
			return err
		}
	}
	for _, doc := range demoScenarios {
		if err := a.run(ctx, demoApp, []byte(doc)); err != nil {
			return err
		}
	}
	return nil
}

// seedApp makes an app of its documents, with what it begins with. Its scenarios come last, so that they do not run for that.
func (a *App) seedApp(ctx context.Context, documents []json.RawMessage) error {
	var app engine.App
	seeded := false
	for _, doc := range documents {
		var head struct{ Kind, ID string }
		if err := json.Unmarshal(doc, &head); err != nil {
			return err
		}
		var err error
		switch head.Kind {
		case "app":
			if err = json.Unmarshal(doc, &app); err == nil {
				err = a.Engine.PutApp(ctx, app, true)
			}
		case "structure":
			_, err = a.Engine.SaveStructure(ctx, app.ID, doc)
		case "scenario":
			if !seeded {
				seeded, err = true, a.fill(ctx, app.ID)
			}
			if err == nil {
				err = a.run(ctx, app.ID, doc)
			}
		}
		if err != nil {
			return fmt.Errorf("%s %s: %w", head.Kind, head.ID, err)
		}
	}
	return nil
}

// fill makes what the app begins with.
func (a *App) fill(ctx context.Context, app engine.AppID) error {
	switch app {
	case boardApp:
		return a.fillBoard(ctx)
	case messengerApp:
		return a.fillMessenger(ctx)
	}
	return nil
}

// run publishes a scenario and starts it.
func (a *App) run(ctx context.Context, app engine.AppID, doc []byte) error {
	var head struct{ ID string }
	if err := json.Unmarshal(doc, &head); err != nil {
		return err
	}
	if _, _, err := a.Engine.SaveDraft(ctx, app, head.ID, doc, 0); err != nil {
		return fmt.Errorf("scenario %s: %w", head.ID, err)
	}
	if _, err := a.Engine.Publish(ctx, app, head.ID, "demo", true); err != nil {
		return fmt.Errorf("publish %s: %w", head.ID, err)
	}
	return nil
}

// createUsers makes the users, each with the id as the password.
func (a *App) createUsers(ctx context.Context, app engine.AppID) error {
	for _, u := range demoUsers {
		if err := a.create(ctx, app, engine.UserStructure, u.id, values{"name": u.name}); err != nil {
			return err
		}
		if err := a.Accounts.SetPassword(ctx, app, u.id, u.id); err != nil {
			return err
		}
	}
	return nil
}

// values are those of a new object; an empty text is none.
type values map[string]any

func (a *App) create(ctx context.Context, app engine.AppID, structure, id string, v values) error {
	fields, err := v.fields()
	if err != nil {
		return err
	}
	_, err = a.Engine.Write(ctx, engine.Write{App: app, Kind: engine.WriteCreate, Structure: structure, ID: id, Fields: fields, Who: "demo"})
	if err != nil {
		return fmt.Errorf("%s %s: %w", structure, id, err)
	}
	return nil
}

func (v values) fields() (map[string]json.RawMessage, error) {
	fields := map[string]json.RawMessage{}
	for name, value := range v {
		if value == "" {
			continue
		}
		doc, err := json.Marshal(value)
		if err != nil {
			return nil, err
		}
		fields[name] = doc
	}
	return fields, nil
}
