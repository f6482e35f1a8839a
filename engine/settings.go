package engine

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
)

// UnmarshalJSON reads the expression's source.
func (x *Expr) UnmarshalJSON(doc []byte) error {
	if json.Unmarshal(doc, &x.Source) != nil {
		return &json.UnmarshalTypeError{Value: jsonKind(doc), Type: reflect.TypeFor[string]()}
	}
	return nil
}

// MarshalJSON writes the source.
func (x Expr) MarshalJSON() ([]byte, error) { return marshal(x.Source) }

// UnmarshalJSON reads the template's source, or keeps a literal.
func (x *Template) UnmarshalJSON(doc []byte) error {
	if json.Unmarshal(doc, &x.Source) != nil {
		x.literal = slices.Clone(doc)
	}
	return nil
}

// MarshalJSON writes what was read.
func (x Template) MarshalJSON() ([]byte, error) {
	if x.literal != nil {
		return x.literal, nil
	}
	return marshal(x.Source)
}

// UnmarshalJSON keeps the tree.
func (x *Tree) UnmarshalJSON(doc []byte) error { return unmarshalNumbers(doc, &x.Value) }

// MarshalJSON writes what was read.
func (x Tree) MarshalJSON() ([]byte, error) { return marshal(x.Value) }

// UnmarshalJSON keeps the steps as they are until they are bound.
func (x *Steps) UnmarshalJSON(doc []byte) error {
	if json.Unmarshal(doc, &x.docs) != nil {
		return &json.UnmarshalTypeError{Value: jsonKind(doc), Type: reflect.TypeFor[[]any]()}
	}
	return nil
}

// MarshalJSON writes what was read.
func (x Steps) MarshalJSON() ([]byte, error) { return marshal(x.docs) }

// UnmarshalJSON reads the cases; keys that a case does not have are refused.
func (x *Cases) UnmarshalJSON(doc []byte) error {
	var items []json.RawMessage
	if json.Unmarshal(doc, &items) != nil {
		return &json.UnmarshalTypeError{Value: jsonKind(doc), Type: reflect.TypeFor[[]any]()}
	}
	for i, item := range items {
		var c Case
		if err := decodeStrict(item, &c); err != nil {
			b := &binder{}
			b.fail(fmt.Sprintf("[%d]", i), err)
			return &InvalidError{Fields: b.errs}
		}
		*x = append(*x, c)
	}
	return nil
}

// IsZero lets an empty list be left out.
func (x Steps) IsZero() bool { return len(x.docs) == 0 }

// SettingSchema says how the setting looks in a form.
func (*Expr) SettingSchema() map[string]any {
	return map[string]any{"type": "string", "format": "expression"}
}

// SettingSchema says how the setting looks in a form.
func (*Template) SettingSchema() map[string]any {
	return map[string]any{"type": "string", "format": "template"}
}

// SettingSchema says how the setting looks in a form.
func (*Tree) SettingSchema() map[string]any { return map[string]any{"format": "tree"} }

// SettingSchema says how the setting looks in a form.
func (*Steps) SettingSchema() map[string]any {
	return map[string]any{"type": "array", "items": map[string]any{"type": "object"}, "format": "steps"}
}

// SettingSchema says how the setting looks in a form.
func (*Cases) SettingSchema() map[string]any {
	return map[string]any{"type": "array", "format": "cases", "items": map[string]any{
		"type": "object", "required": []string{"if"}, "additionalProperties": false,
		"properties": map[string]any{"if": (*Expr)(nil).SettingSchema(), "then": (*Steps)(nil).SettingSchema()},
	}}
}

// SettingSchema says how the setting looks in a form.
func (*FieldValues) SettingSchema() map[string]any {
	return map[string]any{"type": "object", "additionalProperties": true, "format": "fields"}
}

// SettingSchema says how the setting looks in a form.
func (*Arguments) SettingSchema() map[string]any {
	return map[string]any{"type": "object", "additionalProperties": true, "format": "arguments"}
}

// SettingSchema says how the setting looks in a form.
func (*Variables) SettingSchema() map[string]any {
	return map[string]any{"type": "object", "additionalProperties": true, "format": "variables"}
}

// SettingSchema says how the setting looks in a form.
func (*Duration) SettingSchema() map[string]any {
	return map[string]any{"type": "string", "format": "duration"}
}

func jsonKind(doc []byte) string {
	switch doc[0] {
	case '{':
		return "object"
	case '[':
		return "array"
	case '"':
		return "string"
	case 't', 'f':
		return "boolean"
	case 'n':
		return "null"
	}
	return "number"
}
