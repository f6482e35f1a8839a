package steps

import (
	"github.com/cuelight/cuelight/engine"
	"github.com/cuelight/cuelight/engine/expr"
)

var _ = declare(engine.StepSpec[createObject]{
	Kind: "create_object", Title: "Create object", Group: "data",
	Help: "Makes a new object. With an id that is taken already it makes none and leaves the one there is as it is; either way " +
		"steps.<id> is then the object's id.",
	Examples: []engine.Example{
		{
			Name: "a message about an order", Object: `{"number":"1042","status":"ready","owner":"anna"}`,
			Settings: `{"structure": "Message", "set": {"to": "{{ object.owner }}", "text": "Order {{ object.number }} is ready"}}`,
			Want:     []string{`create Message {"text":"Order 1042 is ready","to":"anna"} silent`},
		},
		{
			Name: "at most one per order", Object: `{"number":"1042","status":"ready"}`,
			Settings: `{"structure": "Message", "object_id": "ready-{{ object.number }}", "set": {"text": "Ready"}, "generate_event": true}`,
			Want:     []string{`create Message ready-1042 {"text":"Ready"}`},
		},
	},
	Run: runCreateObject,
})

type createObject struct {
	Structure     string             `json:"structure" ui:"structure" title:"Structure" doc:"The structure of the new object."`
	ObjectID      *engine.Template   `json:"object_id,omitzero" type:"string" title:"ID" doc:"The new object's id; left out, it gets an automatic one."`
	Set           engine.FieldValues `json:"set,omitzero" title:"Fields" doc:"The fields and their values."`
	GenerateEvent bool               `json:"generate_event,omitzero" title:"Generate an event" doc:"Let scenarios see the new object. Off by default."`
}

// Bind ties the fields to the new object's structure.
func (c *createObject) Bind(b *engine.Binder) {
	b.Fields("set", c.Set, b.StructureNamed("structure", c.Structure))
	b.Yields(expr.Type{Kind: expr.KindString, Link: c.Structure})
}

func runCreateObject(s *engine.Scope, c *createObject) (engine.Outcome, error) {
	id, err := c.ObjectID.Text(s)
	if err != nil {
		return engine.Outcome{}, err
	}
	if c.ObjectID != nil && id == "" {
		return engine.Outcome{}, engine.StepError("ID", "the id of the new object is empty")
	}
	values, err := s.Values(c.Set)
	if err != nil {
		return engine.Outcome{}, err
	}
	made, err := s.Create(c.Structure, id, values, c.GenerateEvent)
	if err != nil {
		return engine.Outcome{}, err
	}
	return engine.Outcome{Output: made, Note: map[string]any{"structure": c.Structure, "id": made, "set": values}}, nil
}
