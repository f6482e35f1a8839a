package steps

import "github.com/cuelight/cuelight/engine"

var _ = declare(engine.StepSpec[editObject]{
	Kind: "edit_object", Title: "Edit object", Group: "data",
	Help: "Changes fields of the current object. All values are computed from the object as it is at that very moment, so that " +
		"{{ object.count + 1 }} counts right even when a hundred runs do it at once. With object_id another object is changed: that one is " +
		"target, as in {{ target.count + 1 }}, and object is still the current one.",
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
			Name: "count up another object", Object: `{"number":"1042","status":"new","owner":"anna"}`,
			Settings: `{"structure": "User", "object_id": "{{ object.owner }}", "set": {"role": "{{ target.id }} of {{ object.number }}"}, "only_if": "target.role != 'boss'"}`,
			Want:     []string{`edit User {"role":"anna of 1042"} silent`},
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
	Set           engine.FieldValues `json:"set" title:"Fields" doc:"The fields to change and their new values, as {{ target.count + 1 }}; null clears a field."`
	OnlyIf        *engine.Expr       `json:"only_if,omitzero" type:"later" title:"Only if" doc:"A question about the object at that moment, as target.status == 'paid': it is changed only if the answer is yes."`
	GenerateEvent bool               `json:"generate_event,omitzero" title:"Generate an event" doc:"Let other scenarios see this change. Off by default, so that scenarios do not wake each other without end."`
}

// Bind ties the fields to the structure of the object that is changed.
func (c *editObject) Bind(b *engine.Binder) {
	b.Edits(targetStructure(b, &c.Structure, c.ObjectID), "only_if", c.OnlyIf, "set", c.Set)
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
