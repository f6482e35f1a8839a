package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// usePlaces is how many places a FieldUse names at most.
const usePlaces = 5

// FieldUse says that a scenario reads or writes a field: without the field it would have problems that it does not have now.
type FieldUse struct {
	Field    string `json:"field" doc:"The field's id."`
	Scenario string `json:"scenario" doc:"The scenario's id."`
	Name     string `json:"name,omitempty" doc:"The scenario's name."`
	// Published and Draft say which form of the scenario uses it; both may.
	Published bool     `json:"published" doc:"The published version uses it: without the field it starts no run."`
	Draft     bool     `json:"draft" doc:"The draft uses it, and differs from what is published."`
	Places    []string `json:"places" doc:"Where in the document, at most 5 places."`
}

// FieldUses lists which scenarios of an app, published and drafts, use which fields of a structure, by field and scenario. It finds out by
// leaving each field out and compiling what names it, so links that lead to the structure count as well. It fails with ErrNotFound.
func (e *Engine) FieldUses(ctx context.Context, app AppID, structure string) ([]FieldUse, error) {
	cat, err := e.fresh(ctx, app)
	if err != nil {
		return nil, err
	}
	s := cat.structures[structure]
	if s == nil {
		return nil, coded(ErrNotFound, "STRUCTURE_NOT_FOUND", "the app has no structure of this name")
	}
	_, records, err := e.store.Catalogue(ctx, app, RecordScenario)
	if err != nil {
		return nil, fmt.Errorf("read scenarios: %w", err)
	}
	u := userOf{nouns: cat.nouns(), kinds: e.opt.Kinds}
	for _, r := range records {
		if err := u.add(r.Body); err != nil {
			return nil, fmt.Errorf("read scenario %s: %w", r.ID, err)
		}
	}
	all := []FieldUse{}
	for _, f := range s.Fields {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		found, err := u.of(s, f.ID)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// userOf finds the users of fields.
type userOf struct {
	nouns nouns
	kinds Kinds
	forms []*form
}

// form is one form of a scenario: its published version, or a draft that differs from it.
type form struct {
	id, name string
	draft    bool
	doc      []byte
	// problems are those that it has with all fields in place, by path and code; nil as long as nobody asked.
	problems map[string]bool
}

func (u *userOf) add(body []byte) error {
	var rec ScenarioRecord
	if err := json.Unmarshal(body, &rec); err != nil {
		return err
	}
	for draft, doc := range map[bool][]byte{false: rec.Published, true: rec.Draft} {
		if len(doc) == 0 || draft && bytes.Equal(doc, rec.Published) {
			continue
		}
		var named struct {
			Name string `json:"name"`
		}
		_ = json.Unmarshal(doc, &named) // a draft that is not readable has no name
		u.forms = append(u.forms, &form{id: rec.ID, name: named.Name, draft: draft, doc: doc})
	}
	slices.SortFunc(u.forms, func(a, b *form) int { return bytes.Compare([]byte(a.id), []byte(b.id)) })
	return nil
}

// of lists the users of one field.
func (u *userOf) of(s *Structure, field string) ([]FieldUse, error) {
	without, err := s.without(field)
	if err != nil {
		return nil, err
	}
	n := u.nouns
	n.structures = maps.Clone(u.nouns.structures)
	n.structures[s.ID] = without
	uses := map[string]*FieldUse{}
	for _, f := range u.forms {
		if !bytes.Contains(f.doc, []byte(field)) {
			continue // it is far cheaper to see than to compile
		}
		places := f.missing(u.nouns, n, u.kinds)
		if len(places) == 0 {
			continue
		}
		one := uses[f.id]
		if one == nil {
			one = &FieldUse{Field: field, Scenario: f.id, Name: f.name}
			uses[f.id] = one
		}
		one.Published, one.Draft = one.Published || !f.draft, one.Draft || f.draft
		for _, place := range places {
			if !slices.Contains(one.Places, place) && len(one.Places) < usePlaces {
				one.Places = append(one.Places, place)
			}
		}
	}
	list := make([]FieldUse, 0, len(uses))
	for _, id := range keysOf(uses) {
		list = append(list, *uses[id])
	}
	return list, nil
}

// missing are the places of problems that the form has without a field and not with it.
func (f *form) missing(with, without nouns, kinds Kinds) []string {
	if f.problems == nil {
		f.problems = map[string]bool{}
		for _, p := range validate(f.doc, with, kinds) {
			f.problems[p.Path+" "+p.Code] = true
		}
	}
	var places []string
	for _, p := range validate(f.doc, without, kinds) {
		if !f.problems[p.Path+" "+p.Code] && !slices.Contains(places, p.Path) {
			places = append(places, p.Path)
		}
	}
	return places
}

// without is the structure as scenarios would see it if a field were gone.
func (s *Structure) without(field string) (*Structure, error) {
	own := Structure{Kind: s.Kind, ID: s.ID, Name: s.Name}
	for _, f := range s.Fields {
		if f.ID != field {
			// What a default names is no matter of scenarios.
			f.Default, f.given = nil, nil
			own.Fields = append(own.Fields, f)
		}
	}
	doc, err := marshal(&own)
	if err != nil {
		return nil, err
	}
	parsed, err := ParseStructure(doc)
	if err != nil {
		return nil, fmt.Errorf("read structure %s without %s: %w", s.ID, field, err)
	}
	parsed.dateIn(s.Zone())
	return parsed, nil
}
