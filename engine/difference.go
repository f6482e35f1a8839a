package engine

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// Difference is how one document of a scenario differs from another, step by step.
type Difference struct {
	// Steps are those of the main list, of the branches and of the list that runs after a failure; the unchanged are left out.
	Steps []StepDifference
	// Settings are what belongs to the whole scenario.
	Settings []FieldDifference
	Triggers []StepDifference
}

// How a step differs.
const (
	StepAdded   = "added"
	StepRemoved = "removed"
	StepChanged = "changed"
	StepMoved   = "moved"
)

// StepDifference is one step or trigger that differs.
type StepDifference struct {
	ID, Kind, Name string
	// Change is one of the four words; a step that was changed and moved is changed.
	Change string
	Moved  bool
	// Path is its place in the later document, and in the earlier one where it was removed.
	Path string
	// Fields are the settings that differ; of an added or removed step, all.
	Fields []FieldDifference
}

// FieldDifference is one setting that differs, before or after nil where there was or is none.
type FieldDifference struct {
	Path          string
	Before, After json.RawMessage
}

// Differ compares two documents of a scenario. It fails where one of them is no JSON object.
func (e *Engine) Differ(before, after []byte) (*Difference, error) {
	var was, is map[string]any
	for _, side := range []struct {
		doc  []byte
		into *map[string]any
	}{{before, &was}, {after, &is}} {
		if err := unmarshalNumbers(side.doc, side.into); err != nil {
			return nil, fmt.Errorf("read a scenario: %w", err)
		}
	}
	formats := formatsOf(e.opt.Kinds)
	d := &Difference{
		Steps:    stepsDiffer(flatten(formats, was, "steps", "catch"), flatten(formats, is, "steps", "catch")),
		Triggers: stepsDiffer(flatten(formats, was, "triggers"), flatten(formats, is, "triggers")),
	}
	for _, m := range []map[string]any{was, is} {
		for _, list := range []string{"steps", "catch", "triggers", "id", "kind"} {
			delete(m, list)
		}
	}
	d.Settings = fieldsDiffer("", was, is)
	return d, nil
}

// formatsOf reads the formats of the settings that hold steps, by kind.
func formatsOf(kinds Kinds) map[string]map[string]string {
	all := map[string]map[string]string{}
	for _, k := range kinds.Steps {
		var doc struct {
			Properties map[string]struct{ Format string }
		}
		if json.Unmarshal(k.Schema, &doc) != nil {
			continue
		}
		own := map[string]string{}
		for name, p := range doc.Properties {
			if p.Format == "steps" || p.Format == "cases" {
				own[name] = p.Format
			}
		}
		all[k.Kind] = own
	}
	return all
}

// placed is a step with its place and its own settings, without the steps in it.
type placed struct {
	id, kind, name string
	path, list     string
	own            map[string]any
}

// flatten lists the steps of a document as one reads them.
func flatten(formats map[string]map[string]string, doc map[string]any, lists ...string) []placed {
	var all []placed
	var walk func(list any, path, key string)
	walk = func(list any, path, key string) {
		items, _ := list.([]any)
		for i, item := range items {
			step, ok := item.(map[string]any)
			if !ok {
				continue
			}
			p := placed{path: fmt.Sprintf("%s[%d]", path, i), list: key, own: map[string]any{}}
			p.id, _ = step["id"].(string)
			p.kind, _ = step["kind"].(string)
			p.name, _ = step["name"].(string)
			at := len(all)
			all = append(all, p)
			for _, name := range slices.Sorted(maps.Keys(step)) {
				switch formats[p.kind][name] {
				case "steps":
					walk(step[name], p.path+"."+name, p.id+"."+name)
				case "cases":
					all[at].own[name] = walkCases(step[name], p.path+"."+name, p.id+"."+name, walk)
				default:
					all[at].own[name] = step[name]
				}
			}
			delete(all[at].own, "id")
		}
	}
	for _, list := range lists {
		walk(doc[list], list, list)
	}
	return all
}

// walkCases walks the steps of a switch and gives its cases without them.
func walkCases(list any, path, key string, walk func(list any, path, key string)) any {
	cases, ok := list.([]any)
	if !ok {
		return list
	}
	bare := make([]any, len(cases))
	for i, item := range cases {
		bare[i] = item
		if c, ok := item.(map[string]any); ok {
			walk(c["then"], fmt.Sprintf("%s[%d].then", path, i), fmt.Sprintf("%s[%d]", key, i))
			c = maps.Clone(c)
			delete(c, "then")
			bare[i] = c
		}
	}
	return bare
}

// stepsDiffer compares the steps of the same id; what was removed stands where it stood.
func stepsDiffer(before, after []placed) []StepDifference {
	was, is := byID(before), byID(after)
	moved := movedOf(before, after, was, is)
	var out []StepDifference
	for _, p := range merged(before, after, is) {
		d := StepDifference{ID: p.id, Kind: p.kind, Name: p.name, Path: p.path}
		old, there := was[p.id]
		now, stays := is[p.id]
		switch {
		case !there:
			d.Change, d.Fields = StepAdded, fieldsDiffer("", map[string]any{}, now.own)
		case !stays:
			d.Change, d.Fields = StepRemoved, fieldsDiffer("", old.own, map[string]any{})
		default:
			d.Moved = moved[p.id]
			d.Fields = fieldsDiffer("", old.own, now.own)
			switch {
			case len(d.Fields) > 0:
				d.Change = StepChanged
			case d.Moved:
				d.Change = StepMoved
			default:
				continue
			}
		}
		out = append(out, d)
	}
	return out
}

func byID(steps []placed) map[string]placed {
	m := make(map[string]placed, len(steps))
	for _, p := range steps {
		m[p.id] = p
	}
	return m
}

// merged is what is there now, with what was removed behind what it stood behind.
func merged(before, after []placed, is map[string]placed) []placed {
	out := slices.Clone(after)
	last := ""
	for _, p := range before {
		if _, stays := is[p.id]; !stays {
			i := slices.IndexFunc(out, func(o placed) bool { return o.id == last })
			out = slices.Insert(out, i+1, p)
		}
		last = p.id
	}
	return out
}

// movedOf names the steps that are in another list now, and the fewest of each list whose moving explains its order.
func movedOf(before, after []placed, was, is map[string]placed) map[string]bool {
	moved := map[string]bool{}
	lists := map[string][]string{}
	for _, p := range after {
		if old, ok := was[p.id]; ok && old.list == p.list {
			lists[p.list] = append(lists[p.list], p.id)
		} else if ok {
			moved[p.id] = true
		}
	}
	rank := make(map[string]int, len(before))
	for i, p := range before {
		if _, ok := is[p.id]; ok {
			rank[p.id] = i
		}
	}
	for _, ids := range lists {
		stay := longestRising(ids, rank)
		for _, id := range ids {
			if !stay[id] {
				moved[id] = true
			}
		}
	}
	return moved
}

// longestRising gives a longest part of ids whose ranks rise.
func longestRising(ids []string, rank map[string]int) map[string]bool {
	long, prev := make([]int, len(ids)), make([]int, len(ids))
	best := -1
	for i := range ids {
		long[i], prev[i] = 1, -1
		for j := range i {
			if rank[ids[j]] < rank[ids[i]] && long[j]+1 > long[i] {
				long[i], prev[i] = long[j]+1, j
			}
		}
		if best < 0 || long[i] > long[best] {
			best = i
		}
	}
	stay := map[string]bool{}
	for ; best >= 0; best = prev[best] {
		stay[ids[best]] = true
	}
	return stay
}

// fieldsDiffer lists the settings that differ, down to the values within objects, and within lists of objects that are as long as they were.
func fieldsDiffer(path string, before, after map[string]any) []FieldDifference {
	names := map[string]any{}
	maps.Copy(names, before)
	maps.Copy(names, after)
	var out []FieldDifference
	for _, name := range slices.Sorted(maps.Keys(names)) {
		was, had := before[name]
		is, has := after[name]
		at := strings.TrimPrefix(path+"."+name, ".")
		out = append(out, valuesDiffer(at, was, is, had, has)...)
	}
	return out
}

func valuesDiffer(at string, was, is any, had, has bool) []FieldDifference {
	if had && has && reflect.DeepEqual(was, is) {
		return nil
	}
	if a, ok := was.(map[string]any); ok || !had {
		if b, ok := is.(map[string]any); (ok || !has) && len(a)+len(b) > 0 {
			return fieldsDiffer(at, a, b)
		}
	}
	a, lists := was.([]any)
	b, both := is.([]any)
	if lists && both && len(a) == len(b) && allObjects(a) && allObjects(b) {
		var out []FieldDifference
		for i := range a {
			out = append(out, fieldsDiffer(fmt.Sprintf("%s[%d]", at, i), a[i].(map[string]any), b[i].(map[string]any))...)
		}
		return out
	}
	return []FieldDifference{{Path: at, Before: written(was, had), After: written(is, has)}}
}

func allObjects(list []any) bool {
	return !slices.ContainsFunc(list, func(v any) bool { _, ok := v.(map[string]any); return !ok })
}

func written(v any, given bool) json.RawMessage {
	if !given {
		return nil
	}
	doc, err := marshal(v)
	if err != nil {
		return nil // what was read from JSON can be written as JSON
	}
	return doc
}
