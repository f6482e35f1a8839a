package expr

import (
	"maps"
	"slices"
)

// Scope is what an expression may name, known when it is compiled.
type Scope struct {
	// Object is the type of object; nil where there is none. A bare name that is not reserved is one of its fields.
	Object *Type
	// Names are the other names that are there: before, changed, event, user, vars, steps, item, index, error, webhook, message,
	// secret, const, app, or names of the caller's own.
	Names map[string]Type
	// Linked is the type of the objects of a structure that a link points at; nil where links can not be followed.
	Linked func(structure string) (Type, bool)
}

// reserved are the names that never mean a field, with where they can be used.
var reserved = map[string]string{
	"object":  "only where the scenario has a structure",
	"before":  "only in a scenario started by a change of an object",
	"changed": "only in a scenario started by a change of an object",
	"event":   "only in a scenario started by a trigger",
	"user":    "",
	"vars":    "",
	"steps":   "only in steps",
	"item":    "only in the steps of a loop",
	"index":   "only in the steps of a loop",
	"error":   "only in catch",
	"target":  "only in the fields and only_if of Edit object",
	"webhook": "only in a scenario started by a webhook",
	"message": "only in a scenario started by a client message",
	"secret":  "only in fields that are sent: URL, headers and body of an HTTP request",
	"const":   "",
	"app":     "",
	"now":     "write now()",
}

// Reserved lists the names that never mean a field of object when they stand alone, in order.
func Reserved() []string { return slices.Sorted(maps.Keys(reserved)) }

// aliases are the original's words for our names.
var aliases = map[string]string{"ContextVar": "vars", "WebUser": "user", "GlobalVar": "const"}

func (s *Scope) lookup(name string) (Type, bool) {
	if name == "object" {
		if s.Object == nil {
			return Type{}, false
		}
		return *s.Object, true
	}
	t, ok := s.Names[name]
	return t, ok
}

func (s *Scope) field(name string) (Type, bool) {
	if s.Object == nil {
		return Type{}, false
	}
	t, ok := s.Object.Fields[name]
	return t, ok
}

// openObject tells whether object may have any field: then a bare name can not be checked.
func (s *Scope) openObject() bool { return s.Object != nil && s.Object.Fields == nil }

// known lists every bare name that would be understood.
func (s *Scope) known() []string {
	names := slices.Collect(maps.Keys(s.Names))
	if s.Object != nil {
		names = append(names, "object")
		names = slices.AppendSeq(names, maps.Keys(s.Object.Fields))
	}
	slices.Sort(names)
	return names
}

func fieldNames(t Type) []string { return slices.Sorted(maps.Keys(t.Fields)) }
