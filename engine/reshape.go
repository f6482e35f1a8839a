package engine

import (
	"encoding/json"
	"fmt"
	"slices"
)

// reshape is what a system run over all objects of a structure has to do after the structure was changed. While it lies beside the structure,
// writes already follow the new one.
type reshape struct {
	// ID tells this run from an earlier one of the same structure.
	ID string `json:"id"`
	// Index are the fields whose rows in object_values are written anew, Unique those whose values are claimed.
	Index  []string `json:"index,omitempty"`
	Unique []string `json:"unique,omitempty"`
	// Convert are the fields whose values get a new type, Drop those that are gone.
	Convert []string `json:"convert,omitempty"`
	Drop    []string `json:"drop,omitempty"`
	// Release are unique fields as they were, whose claims are given back.
	Release []Field `json:"release,omitempty"`
}

func (p *reshape) empty() bool {
	return len(p.Index)+len(p.Unique)+len(p.Convert)+len(p.Drop)+len(p.Release) == 0
}

// fields are the fields that the run is about, sorted, each once.
func (p *reshape) fields() []string {
	all := slices.Concat(p.Index, p.Unique, p.Convert, p.Drop)
	slices.Sort(all)
	return slices.Compact(all)
}

// attach tells the fields what the system run still has to do with them.
func (s *Structure) attach(plan *reshape) {
	s.plan = plan
	for i := range s.Fields {
		f := &s.Fields[i]
		f.converting = slices.Contains(plan.Convert, f.ID)
		f.filling = f.converting || slices.Contains(plan.Index, f.ID) || slices.Contains(plan.Unique, f.ID)
	}
}

// attach tells the structures of a new catalogue which of them are worked over.
func (c *catalogue) attach(records []*Record) error {
	for _, r := range records {
		s := c.structures[r.ID]
		if r.Kind != RecordReshape || s == nil {
			continue
		}
		plan := &reshape{}
		if err := json.Unmarshal(r.Body, plan); err != nil {
			return fmt.Errorf("read reshaping of structure %s: %w", r.ID, err)
		}
		s.attach(plan)
	}
	return nil
}

// outdate forgets the older versions of an app's scenarios: they are compiled for its structures as they were.
func (c *catalogues) outdate(app AppID) {
	c.versions.Range(func(id, _ any) bool {
		if id.(versionID).app == app {
			c.versions.Delete(id)
		}
		return true
	})
}

// fieldCheck is what the values of a field have to pass before a structure can take the place of the one there is.
type fieldCheck struct {
	field, was *Field
	path       string
	// convert: each can be converted; unique: no two are equal; gone: none is one of these options.
	convert, unique bool
	gone            []string
	// never says why no value at all can be converted.
	never string
}

// reshaping is the comparison of a structure with the one that is to take its place.
type reshaping struct {
	was, is *Structure
	change  StructureChange
	plan    *reshape
	checks  []fieldCheck
	errs    []FieldError
}

func (r *reshaping) fail(path, code, format string, args ...any) {
	r.errs = append(r.errs, FieldError{Path: path, Code: code, Message: fmt.Sprintf(format, args...)})
}

// reshaping says what keeps a structure from taking the place of the one there is, what its objects have to pass first, and what is to be
// done with them afterwards.
func (c *catalogue) reshaping(s *Structure, change StructureChange) *reshaping {
	r := &reshaping{was: c.structures[s.ID], is: s, change: change, plan: &reshape{}}
	for i, f := range s.Fields {
		if f.Structure != "" && f.Structure != s.ID && c.structures[f.Structure] == nil {
			r.fail(fmt.Sprintf("fields[%d].structure", i), "UNKNOWN_STRUCTURE", "there is no structure of this name%s", didYouMean(f.Structure, keysOf(c.structures)))
		}
	}
	r.named()
	if r.was == nil {
		return r
	}
	for i := range r.was.Fields {
		was := &r.was.Fields[i]
		at := slices.IndexFunc(s.Fields, func(f Field) bool { return f.ID == was.ID })
		if at < 0 {
			r.removed(was)
			continue
		}
		r.kept(&s.Fields[at], was, fmt.Sprintf("fields[%d]", at))
	}
	r.oneAtATime()
	return r
}

// named checks the fields that the writer named.
func (r *reshaping) named() {
	for _, name := range r.change.Drop {
		if r.is.Field(name) != nil {
			r.fail("drop", "DROP", "field %s is still in the document", name)
		}
	}
	for _, name := range r.change.Convert {
		if r.is.Field(name) == nil {
			r.fail("convert", "UNKNOWN_FIELD", "there is no field %s in the document%s", name, r.is.suggest(name))
		}
	}
}

// systemFields are those fields of users that the program itself looks at.
var systemFields = []string{"name", "email", "role", "disabled"}

func (r *reshaping) system(f *Field) bool {
	return r.is.ID == UserStructure && slices.Contains(systemFields, f.ID)
}

func (r *reshaping) removed(was *Field) {
	switch {
	case r.system(was):
		r.fail("fields", "SYSTEM_FIELD", "every app's users have the field %s", was.ID)
		return
	case !slices.Contains(r.change.Drop, was.ID):
		r.fail("fields", "FIELD_REMOVED", "field %s is not in the document: its values would be lost; a field with another id is another field, only its name can change", was.ID)
		return
	}
	r.plan.Drop = append(r.plan.Drop, was.ID)
	if was.keepsIndex() {
		r.plan.Index = append(r.plan.Index, was.ID)
	}
	if was.Unique {
		r.plan.Release = append(r.plan.Release, *was)
	}
}

func (r *reshaping) kept(f, was *Field, path string) {
	check := fieldCheck{field: f, was: was, path: path}
	switch changed := f.changesType(was); {
	case changed && r.system(f):
		r.fail(path+".type", "SYSTEM_FIELD", "the program looks at this field of users: its type can not change")
		return
	case changed && !slices.Contains(r.change.Convert, f.ID):
		r.fail(path+".type", "TYPE_CHANGED", "field %s would change from %s to %s", f.ID, typeWords(was), typeWords(f))
		return
	case changed:
		check.convert, check.never = true, f.converts(was)
		r.plan.Convert = append(r.plan.Convert, f.ID)
	case len(f.Options) > 0:
		check.gone = slices.DeleteFunc(slices.Clone(was.Options), func(o string) bool { return slices.Contains(f.Options, o) })
	}
	if f.keepsIndex() != was.keepsIndex() || check.convert && f.keepsIndex() {
		r.plan.Index = append(r.plan.Index, f.ID)
	}
	if was.Unique && (!f.Unique || check.convert) {
		r.plan.Release = append(r.plan.Release, *was)
	}
	if f.Unique && (!was.Unique || check.convert) {
		check.unique = true
		r.plan.Unique = append(r.plan.Unique, f.ID)
	}
	if check.convert || check.unique || len(check.gone) > 0 {
		r.checks = append(r.checks, check)
	}
}

func typeWords(f *Field) string {
	switch {
	case f.Structure != "":
		return fmt.Sprintf("%s to %s", f.Type, f.Structure)
	case len(f.Options) > 0:
		return "choice"
	}
	return string(f.Type)
}

// oneAtATime lets a structure have one system run: what needs another has to wait.
func (r *reshaping) oneAtATime() {
	under := r.was.plan
	if under == nil {
		return
	}
	for i := range r.is.Fields {
		if id := r.is.Fields[i].ID; slices.Contains(under.Drop, id) {
			r.fail(fmt.Sprintf("fields[%d].id", i), "FILLING", "the values of an earlier field %s are still being removed", id)
		}
	}
	if !r.plan.empty() {
		r.fail("fields", "FILLING", "the objects are still being worked over for an earlier change of this structure")
	}
}
