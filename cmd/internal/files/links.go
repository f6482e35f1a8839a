package files

import (
	"maps"
	"slices"
)

// inLinkOrder puts structures behind those that they link to. Where links go in a circle of structures that are all new, late names, by
// structure, the fields that have to come when all are there.
func inLinkOrder(docs []*Document, has map[string]map[string]any) (ordered []*Document, late map[string][]string) {
	late = map[string][]string{}
	byID := map[string]*Document{}
	for _, d := range docs {
		byID[d.ID] = d
	}
	const open, done = 1, 2
	state := map[string]int{}
	var visit func(d *Document)
	visit = func(d *Document) {
		state[d.ID] = open
		for _, l := range linksOf(d.value) {
			to := byID[l.to]
			switch {
			case to == nil || to == d || has[l.to] != nil: // what is there can be linked to at once
			case state[l.to] == 0:
				visit(to)
			case state[l.to] == open:
				late[d.ID] = append(late[d.ID], l.field)
			}
		}
		state[d.ID] = done
		ordered = append(ordered, d)
	}
	for _, d := range docs {
		if state[d.ID] == 0 {
			visit(d)
		}
	}
	return ordered, late
}

type link struct{ field, to string }

func linksOf(structure map[string]any) []link {
	var links []link
	fields, _ := structure["fields"].([]any)
	for _, f := range fields {
		f, _ := f.(map[string]any)
		id, _ := f["id"].(string)
		if to, _ := f["structure"].(string); to != "" {
			links = append(links, link{id, to})
		}
	}
	return links
}

// without is a structure without some of its fields, and then without the title too, which may name them.
func without(structure map[string]any, names []string) map[string]any {
	if len(names) == 0 {
		return structure
	}
	out := maps.Clone(structure)
	delete(out, "title")
	fields, _ := structure["fields"].([]any)
	out["fields"] = slices.DeleteFunc(slices.Clone(fields), func(f any) bool {
		m, _ := f.(map[string]any)
		id, _ := m["id"].(string)
		return slices.Contains(names, id)
	})
	return out
}
