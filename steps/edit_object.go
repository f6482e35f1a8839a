package steps

import "github.com/cuelight/cuelight/engine"

var _ = declare(engine.StepSpec[editObject]{
	Kind: "edit_object", Title: "Edit object", Group: "data",
	Help: "Changes fields of the current object. All values are computed from the object as it is at that very moment, so that " +
		"{{ object.count + 1 }} counts right even when a hundred runs do it at once.",
	Examples: []engine.Example{
		{
			Name: "mark an order", Object: `{"number":"1042","status":"paid","total":"10.00"}`,
			Settings: `{"set": {"status": "ready", "note": "Packed for {{ object.number }}"}}`,
			Want:     []string{`edit Order {"note":"Packed for 1042","status":"ready"} silent`},
		},
		{
			Name: "only if it still fits", Object: `{"number":"1042","status":"shipped"}`,
			Settings: `{"set": {"status": "ready"}, "only_if": "object.status == 'paid'"}`,
		},
		{
			Name: "tell other scenarios", Object: `{"number":"1042","status":"new"}`,
			Settings: `{"set": {"status": "paid", "note": null}, "generate_event": true}`,
			Want:     []string{`edit Order {"status":"paid"}`},
		},
		{
			Name: "another object, by a link", Object: `{"number":"1042","status":"new","owner":"anna"}`,
			Settings: `{"structure": "User", "object_id": "{{ object.owner }}", "set": {"role": "customer"}}`,
			Want:     []string{`edit User {"role":"customer"} silent`},
		},
		{
			Name: "an object that is not there", Object: `{"number":"1042","status":"new"}`,
			Settings: `{"structure": "User", "object_id": "nobody", "set": {"role": "customer"}}`, WantError: "OBJECT_GONE",
		},
	},
	Run: runEditObject,
})

type editObject struct {
	Structure     string             `json:"structure,omitzero" ui:"structure" title:"Structure" doc:"The structure of the object to change; left out, it is the current object's."`
	ObjectID      *engine.Template   `json:"object_id,omitzero" type:"string" title:"Object" doc:"The id of the object to change, as {{ object.owner }} or {{ item.id }}; left out, it is the current object."`
	Set           engine.FieldValues `json:"set" title:"Fields" doc:"The fields to change and their new values; null clears a field."`
	OnlyIf        *engine.Expr       `json:"only_if,omitzero" type:"bool" title:"Only if" doc:"Change it only if this is true for the object at that moment."`
	GenerateEvent bool               `json:"generate_event,omitzero" title:"Generate an event" doc:"Let other scenarios see this change. Off by default, so that scenarios do not wake each other without end."`
}

// Bind ties the fields to the structure of the object that is changed.
func (c *editObject) Bind(b *engine.Binder) {
	b.Fields("set", c.Set, targetStructure(b, &c.Structure, c.ObjectID))
}

func runEditObject(s *engine.Scope, c *editObject) (engine.Outcome, error) {
	t, err := target(s, c.Structure, c.ObjectID)
	if err != nil {
		return engine.Outcome{}, err
	}
	if err := s.Lock(t); err != nil {
		return engine.Outcome{}, err
	}
	if c.OnlyIf.IsSet() {
		yes, err := c.OnlyIf.Bool(s)
		if err != nil {
			return engine.Outcome{}, err
		}
		if !yes {
			return engine.Next(map[string]any{"only_if": false})
		}
	}
	values, err := s.Values(c.Set)
	if err != nil {
		return engine.Outcome{}, err
	}
	if err := s.Edit(t, values, c.GenerateEvent); err != nil {
		return engine.Outcome{}, err
	}
	note := map[string]any{"set": values}
	if t.ID != "" {
		note["object"] = t.ID
	}
	return engine.Next(note)
}
