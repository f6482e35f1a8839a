package steps

import (
	"github.com/cuelight/cuelight/engine"
	"github.com/cuelight/cuelight/engine/expr"
)

var _ = declare(engine.StepSpec[deleteObject]{
	Kind: "delete_object", Title: "Delete object", Group: "data",
	Help: "Deletes the current object, or another one that is named by its id. An object that is gone already is no error: " +
		"steps.<id> is then false, else true.",
	Examples: []engine.Example{
		{
			Name: "the current object", Object: `{"number":"1042","status":"shipped"}`, Settings: `{}`,
			Want: []string{`delete Order silent`},
		},
		{
			Name: "another one, and scenarios see it", Object: `{"number":"1042","status":"shipped","owner":"anna"}`,
			Settings: `{"structure": "User", "object_id": "{{ object.owner }}", "generate_event": true}`,
			Want:     []string{`delete User anna`},
		},
		{
			Name: "one that is not there", Object: `{"number":"1042","status":"shipped"}`,
			Settings: `{"structure": "User", "object_id": "nobody"}`,
		},
	},
	Run: runDeleteObject,
})

type deleteObject struct {
	Structure     string           `json:"structure,omitzero" ui:"structure" title:"Structure" doc:"The structure of the object to delete; left out, it is the current object's."`
	ObjectID      *engine.Template `json:"object_id,omitzero" type:"string" title:"Object" doc:"The id of the object to delete; left out, it is the current object."`
	GenerateEvent bool             `json:"generate_event,omitzero" title:"Generate an event" doc:"Let scenarios see the deletion. Off by default."`
}

// Bind finds the structure of the object.
func (c *deleteObject) Bind(b *engine.Binder) {
	targetStructure(b, &c.Structure, c.ObjectID)
	b.Yields(expr.Type{Kind: expr.KindBool})
}

func runDeleteObject(s *engine.Scope, c *deleteObject) (engine.Outcome, error) {
	t, err := target(s, c.Structure, c.ObjectID)
	if err != nil {
		return engine.Outcome{}, err
	}
	there, err := s.Delete(t, c.GenerateEvent)
	if err != nil {
		return engine.Outcome{}, err
	}
	return engine.Outcome{Output: there, Note: map[string]any{"deleted": there}}, nil
}
