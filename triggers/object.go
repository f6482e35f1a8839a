package triggers

import "github.com/cuelight/cuelight/engine"

var _ = declare(engine.TriggerSpec[object]{
	Kind: "object", Title: "An object changes",
	Help: "Starts when an object of the scenario's structure is created, changed or deleted: New objects and Changed objects. It " +
		"starts in the same moment in which the change is stored, so none is ever missed.",
	Examples: []engine.Example{
		{
			Name: "every new order", Settings: `{"on": ["created"]}`,
			When: []string{`create {"number":"1042","status":"new"}`, `change {"status":"paid"}`}, Want: []string{"starts for order when created"},
		},
		{
			Name: "an order becomes ready", Settings: `{"on": ["created", "changed"], "fields": ["status"], "if": "object.status == \"ready\""}`,
			When: []string{`create {"number":"1042","status":"new"}`, `change {"note":"gift wrap"}`, `change {"status":"ready"}`, `change {"status":"ready"}`},
			Want: []string{"starts for order when changed"},
		},
		{
			Name: "a total goes over a thousand", Settings: `{"on": ["changed"], "if": "before.total <= 1000 and object.total > 1000"}`,
			When: []string{`create {"number":"1042","total":"900.00"}`, `change {"total":"1200.00"}`, `change {"total":"1300.00"}`},
			Want: []string{"starts for order when changed"},
		},
		{
			Name: "only the first time", Settings: `{"on": ["changed"], "if": "object.status == \"paid\"", "once_per_object": true}`,
			When: []string{`create {"number":"1042","status":"new"}`, `change {"status":"paid"}`, `change {"status":"new"}`, `change {"status":"paid"}`},
			Want: []string{"starts for order when changed"},
		},
		{
			Name: "an order is deleted", Settings: `{"on": ["deleted"]}`,
			When: []string{`create {"number":"1042"}`, "delete"}, Want: []string{"starts for order when deleted"},
		},
	},
	Watch: func(c *object) engine.Watch {
		return engine.Watch{On: c.On, Fields: c.Fields, If: c.If, Once: c.OncePerObject}
	},
})

type object struct {
	On            []engine.ChangeKind `json:"on" title:"When" doc:"What has to happen: created, changed, deleted, one or several. In the steps that run for a deleted object, object is null: read before."`
	Fields        []string            `json:"fields,omitzero" title:"Only when these fields change" doc:"For changed: at least one of these fields must really differ."`
	If            *engine.Expr        `json:"if,omitzero" type:"bool" title:"Condition" doc:"Only if this is true of the object after the change; before is the object before it, changed the names of the fields that differ."`
	OncePerObject bool                `json:"once_per_object,omitzero" title:"Once per object" doc:"Each object starts it only once, ever."`
}

// Bind checks the events.
func (c *object) Bind(b *engine.Binder) {
	for _, on := range c.On {
		if on != engine.Created && on != engine.Changed && on != engine.Deleted {
			b.Fail("on", "OPTION", "must be created, changed or deleted")
		}
	}
}
