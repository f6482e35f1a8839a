// Package schema turns a settings struct into the JSON Schema that forms, validation and documentation are made from.
//
// The json tag names a field; omitzero or omitempty makes it optional; the doc tag is its help and is required; enum lists
// its words, separated by commas; default is shown to people and to forms; ui names the widget of a form.
package schema

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
)

// Shaped is implemented by setting types that know their own schema, such as expressions.
type Shaped interface {
	// SettingSchema is the schema of the type; the caller adds title, help and default.
	SettingSchema() map[string]any
}

// Property is one field of a settings struct.
type Property struct {
	Name     string
	Help     string
	Required bool
	Index    []int
}

// Of returns the schema of a struct type. It fails on a field without json name or doc tag.
func Of(t reflect.Type) (json.RawMessage, error) {
	props := map[string]any{}
	required := []string{}
	order := []string{}
	fields, err := Properties(t)
	if err != nil {
		return nil, err
	}
	for _, p := range fields {
		f := t.FieldByIndex(p.Index)
		s := of(f.Type)
		s["description"] = p.Help
		if words := f.Tag.Get("enum"); words != "" {
			s["enum"] = strings.Split(words, ",")
		}
		if d := f.Tag.Get("default"); d != "" {
			s["default"] = d
		}
		if title := f.Tag.Get("title"); title != "" {
			s["title"] = title
		}
		if ui := f.Tag.Get("ui"); ui != "" {
			s["x-ui"] = map[string]any{"widget": ui}
		}
		props[p.Name] = s
		order = append(order, p.Name)
		if p.Required {
			required = append(required, p.Name)
		}
	}
	return json.Marshal(map[string]any{
		"type": "object", "properties": props, "required": required, "x-order": order, "additionalProperties": false,
	})
}

// Properties lists the fields of a settings struct in their order.
func Properties(t reflect.Type) ([]Property, error) {
	var props []Property
	for f := range t.Fields() {
		if !f.IsExported() {
			continue
		}
		name, opts, _ := strings.Cut(f.Tag.Get("json"), ",")
		help := f.Tag.Get("doc")
		if name == "" || name == "-" || help == "" {
			return nil, fmt.Errorf("field %s of %s needs a json name and a doc tag", f.Name, t.Name())
		}
		props = append(props, Property{
			Name: name, Help: help, Index: f.Index,
			Required: !strings.Contains(opts, "omitzero") && !strings.Contains(opts, "omitempty"),
		})
	}
	return props, nil
}

func of(t reflect.Type) map[string]any {
	if shaped, ok := reflect.TypeAssert[Shaped](reflect.New(t)); ok {
		return shaped.SettingSchema()
	}
	switch t.Kind() {
	case reflect.Pointer:
		return of(t.Elem())
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.Int, reflect.Int64:
		return map[string]any{"type": "integer"}
	case reflect.Slice:
		return map[string]any{"type": "array", "items": of(t.Elem())}
	case reflect.Map:
		return map[string]any{"type": "object", "additionalProperties": of(t.Elem())}
	default:
		return map[string]any{"type": "string"}
	}
}
