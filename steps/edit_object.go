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
	},
	Run: runEditObject,
})

type editObject struct {
	Set           engine.FieldValues `json:"set" title:"Fields" doc:"The fields to change and their new values; null clears a field."`
	OnlyIf        *engine.Expr       `json:"only_if,omitzero" type:"bool" title:"Only if" doc:"Change it only if this is true for the object at that moment."`
	GenerateEvent bool               `json:"generate_event,omitzero" title:"Generate an event" doc:"Let other scenarios see this change. Off by default, so that scenarios do not wake each other without end."`
}

// Bind ties the fields to the current object's structure.
func (c *editObject) Bind(b *engine.Binder) {
	if b.Structure() == nil {
		b.Fail("", "NO_OBJECT", "the scenario has no structure, so there is no object to edit")
		return
	}
	b.Fields("set", c.Set, b.Structure())
}

func runEditObject(s *engine.Scope, c *editObject) (engine.Outcome, error) {
	if err := s.LockObject(); err != nil {
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
	if err := s.Edit(values, c.GenerateEvent); err != nil {
		return engine.Outcome{}, err
	}
	return engine.Next(map[string]any{"set": values})
}
