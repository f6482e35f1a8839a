package files

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/cuelight/cuelight/engine"
)

// The order of keys (contracts 1). What comes after the settings of a step or trigger is in its tail.
var (
	appKeys       = []string{"kind", "id", "name", "guests", "origins", "time_zone", "private_hosts"}
	constantKeys  = []string{"kind", "id", "value", "notes"}
	secretKeys    = []string{"kind", "id", "hosts", "notes"}
	structureKeys = []string{"kind", "id", "name", "title", "fields"}
	fieldKeys     = []string{"id", "name", "type", "structure", "required", "unique", "indexed", "options", "auto", "default"}
	scenarioKeys  = []string{"kind", "id", "name", "structure", "parameters", "triggers", "order", "lane", "settings", "steps", "catch"}
	settingsKeys  = []string{"timeout", "keep_runs", "max_concurrent", "debounce", "rate"}
	stepKeys      = []string{"id", "kind", "name", "notes", "disabled", "timeout"}
	stepTail      = []string{"on_error"}
	caseKeys      = []string{"if", "then"}
	onErrorKeys   = []string{"retry", "then"}
	retryKeys     = []string{"times", "backoff"}
)

// Shapes knows the settings of the step and trigger kinds.
type Shapes struct {
	steps, triggers map[string]shape
}

// shape is a kind's settings: their order, and the format of those that have one.
type shape struct {
	Order      []string `json:"x-order"`
	Properties map[string]struct {
		Format string `json:"format"`
	} `json:"properties"`
}

// ShapesOf reads the schemas of the kinds.
func ShapesOf(k engine.Kinds) (*Shapes, error) {
	s := &Shapes{map[string]shape{}, map[string]shape{}}
	for _, kind := range k.Steps {
		var own shape
		if err := json.Unmarshal(kind.Schema, &own); err != nil {
			return nil, err
		}
		s.steps[kind.Kind] = own
	}
	for _, kind := range k.Triggers {
		var own shape
		if err := json.Unmarshal(kind.Schema, &own); err != nil {
			return nil, err
		}
		s.triggers[kind.Kind] = own
	}
	return s, nil
}

// arrange puts the keys of a document into their order.
func (s *Shapes) arrange(kind string, doc map[string]any) object {
	switch kind {
	case App:
		return inOrder(doc, appKeys, nil, nil)
	case Constant:
		return inOrder(doc, constantKeys, nil, nil)
	case Secret:
		return inOrder(doc, secretKeys, nil, nil)
	case Structure:
		return inOrder(doc, structureKeys, nil, map[string]func(any) any{"fields": each(arrangeField)})
	}
	return inOrder(doc, scenarioKeys, nil, map[string]func(any) any{
		"triggers": each(s.arrangeTrigger), "steps": each(s.arrangeStep), "catch": each(s.arrangeStep),
		"settings": only(func(m map[string]any) any { return inOrder(m, settingsKeys, nil, nil) }),
	})
}

func arrangeField(m map[string]any) any { return row{inOrder(m, fieldKeys, nil, nil)} }

func (s *Shapes) arrangeTrigger(m map[string]any) any {
	kind, _ := m["kind"].(string)
	return inOrder(m, append([]string{"id", "kind"}, s.triggers[kind].Order...), nil, nil)
}

func (s *Shapes) arrangeStep(m map[string]any) any {
	kind, _ := m["kind"].(string)
	own := s.steps[kind]
	parts := map[string]func(any) any{"on_error": only(arrangeOnError)}
	for name, p := range own.Properties {
		switch p.Format {
		case "steps":
			parts[name] = each(s.arrangeStep)
		case "cases":
			parts[name] = each(func(c map[string]any) any {
				return inOrder(c, caseKeys, nil, map[string]func(any) any{"then": each(s.arrangeStep)})
			})
		}
	}
	return inOrder(m, slices.Concat(stepKeys, own.Order), stepTail, parts)
}

func arrangeOnError(m map[string]any) any {
	return inOrder(m, onErrorKeys, nil, map[string]func(any) any{
		"retry": only(func(r map[string]any) any { return inOrder(r, retryKeys, nil, nil) }),
	})
}

// inOrder puts the first keys first, the last last, and the others, by name, between them. parts arrange the values of members.
func inOrder(m map[string]any, first, last []string, parts map[string]func(any) any) object {
	others := []string{}
	for _, key := range slices.Sorted(maps.Keys(m)) {
		if !slices.Contains(first, key) && !slices.Contains(last, key) {
			others = append(others, key)
		}
	}
	o := object{}
	for _, key := range slices.Concat(first, others, last) {
		v, given := m[key]
		if !given {
			continue
		}
		if part := parts[key]; part != nil {
			v = part(v)
		} else {
			v = sorted(v)
		}
		o = append(o, member{key, v})
	}
	return o
}

// sorted puts the keys of any value into the order of their names.
func sorted(v any) any {
	switch v := v.(type) {
	case map[string]any:
		return inOrder(v, nil, nil, nil)
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = sorted(v[i])
		}
		return list
	}
	return v
}

// only arranges a value that is an object.
func only(arrange func(map[string]any) any) func(any) any {
	return func(v any) any {
		if m, ok := v.(map[string]any); ok {
			return arrange(m)
		}
		return sorted(v)
	}
}

// each arranges the objects of a list.
func each(arrange func(map[string]any) any) func(any) any {
	return func(v any) any {
		list, ok := v.([]any)
		if !ok {
			return sorted(v)
		}
		out := make([]any, len(list))
		for i, item := range list {
			out[i] = only(arrange)(item)
		}
		return out
	}
}
