package steps

import "github.com/cuelight/cuelight/engine"

// targetStructure is the structure of the object that a step writes, with what is wrong about naming it reported. structure is filled in
// where only the object was named.
func targetStructure(b *engine.Binder, structure *string, id *engine.Template) *engine.Structure {
	if *structure == "" && id == nil {
		if b.Structure() == nil {
			b.Fail("", "NO_OBJECT", "the scenario has no structure, so it has no current object: name a structure and an object_id")
		}
		return b.Structure()
	}
	if id == nil {
		b.Fail("object_id", "REQUIRED", "which object of the structure? Such as {{ object.owner }} or {{ item.id }}")
		return nil
	}
	if *structure == "" && b.Structure() != nil {
		*structure = b.Structure().ID
	}
	if *structure == "" {
		b.Fail("structure", "REQUIRED", "the scenario has no structure: name that of the object")
		return nil
	}
	return b.StructureNamed("structure", *structure)
}

// target is the object that a step writes: the one that its settings name, else the current one.
func target(s *engine.Scope, structure string, id *engine.Template) (engine.Target, error) {
	if id == nil {
		return engine.Target{}, nil
	}
	text, err := id.Text(s)
	if err != nil {
		return engine.Target{}, err
	}
	if text == "" {
		return engine.Target{}, engine.StepError("OBJECT_ID", "object_id gave no id: the link or the field that it reads is empty")
	}
	return engine.Target{Structure: structure, ID: text}, nil
}
