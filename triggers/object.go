package triggers

import "github.com/cuelight/cuelight/engine"

var _ = declare(engine.TriggerSpec[object]{
	Kind: "object", Title: "An object changes",
	Help: "Starts when an object of the scenario's structure is created, changed or deleted: New objects and Changed objects. It " +
		"starts in the same moment in which the change is stored, so none is ever missed.",
	Watch: func(c *object) engine.Watch {
		return engine.Watch{On: c.On, Fields: c.Fields, If: c.If, Once: c.OncePerObject}
	},
})

type object struct {
	On            []engine.ChangeKind `json:"on" title:"When" doc:"What has to happen: created, changed, deleted, one or several."`
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
