package expr

import (
	"maps"
	"slices"
	"strings"
)

// Kind is the broad sort of a type. The words are those that builders see.
type Kind string

// The kinds. KindAny and KindJSON are known only when evaluated; an empty Kind is KindAny.
const (
	KindAny     Kind = "any"
	KindNull    Kind = "null"
	KindBool    Kind = "boolean"
	KindInt     Kind = "number"
	KindDecimal Kind = "decimal"
	KindString  Kind = "string"
	KindTime    Kind = "date"
	KindJSON    Kind = "json"
	KindList    Kind = "list"
	KindMap     Kind = "map"
)

// Type is what is known of a value before it is evaluated. Every value may be null. The zero Type is anything.
type Type struct {
	Kind    Kind
	Fields  map[string]Type // of a map; nil means that any key may be there
	Elem    *Type           // of a list, or of every value of a map without Fields
	Link    string          // of a string: the structure whose id it is
	Options []string        // of a string: the only values it may have
}

// Any is the type of a value of which nothing is known.
var Any = Type{Kind: KindAny}

// ListOf is the type of a list of elem.
func ListOf(elem Type) Type { return Type{Kind: KindList, Elem: &elem} }

// MapOf is the type of a map with exactly these fields.
func MapOf(fields map[string]Type) Type {
	if fields == nil {
		fields = map[string]Type{}
	}
	return Type{Kind: KindMap, Fields: fields}
}

// ObjectOf is the type of an object with these fields and the built-in ones (id, version, created_at, changed_at, created_by,
// changed_by).
func ObjectOf(fields map[string]Type) Type {
	all := map[string]Type{
		"id": {Kind: KindString}, "version": {Kind: KindInt},
		"created_at": {Kind: KindTime}, "changed_at": {Kind: KindTime},
		"created_by": {Kind: KindString}, "changed_by": {Kind: KindString},
	}
	maps.Copy(all, fields)
	return MapOf(all)
}

func (t Type) dynamic() bool { return t.Kind == "" || t.Kind == KindAny || t.Kind == KindJSON }

func (t Type) numeric() bool { return t.Kind == KindInt || t.Kind == KindDecimal }

func (t Type) is(kinds ...Kind) bool {
	return t.dynamic() || t.Kind == KindNull || slices.Contains(kinds, t.Kind)
}

func (t Type) elem() Type {
	if t.Elem == nil {
		return Any
	}
	return *t.Elem
}

// String names the type as builders know it.
func (t Type) String() string {
	switch {
	case t.Link != "":
		return "a link to " + t.Link
	case len(t.Options) > 0:
		return "a choice of " + strings.Join(quoteAll(t.Options, 6), ", ")
	}
	switch t.Kind {
	case KindNull:
		return "null"
	case KindBool:
		return "true or false"
	case KindInt:
		return "a number"
	case KindDecimal:
		return "a decimal"
	case KindString:
		return "text"
	case KindTime:
		return "a date"
	case KindList:
		return "a list"
	case KindMap:
		return "a map"
	default:
		return "any value"
	}
}

func quoteAll(words []string, most int) []string {
	var out []string
	for i, w := range words {
		if i == most {
			return append(out, "…")
		}
		out = append(out, `"`+w+`"`)
	}
	return out
}

// canEqual tells whether == between the two can ever be true.
func canEqual(a, b Type) bool {
	if a.dynamic() || b.dynamic() || a.Kind == KindNull || b.Kind == KindNull {
		return true
	}
	return a.Kind == b.Kind || a.numeric() && b.numeric()
}

// unify is the type of a value that is either a or b.
func unify(a, b Type) Type {
	switch {
	case a.Kind == KindNull:
		return b
	case b.Kind == KindNull:
		return a
	case a.dynamic() || b.dynamic():
		return Any
	case a.numeric() && b.numeric() && a.Kind != b.Kind:
		return Type{Kind: KindDecimal}
	case a.Kind != b.Kind:
		return Any
	}
	switch a.Kind {
	case KindList:
		return ListOf(unify(a.elem(), b.elem()))
	case KindMap:
		if sameFields(a, b) {
			return a
		}
		return Type{Kind: KindMap}
	case KindString:
		if a.Link == b.Link && slices.Equal(a.Options, b.Options) {
			return a
		}
		return Type{Kind: KindString}
	default:
		return a
	}
}

func sameFields(a, b Type) bool {
	if a.Fields == nil || b.Fields == nil || len(a.Fields) != len(b.Fields) {
		return false
	}
	for name, t := range a.Fields {
		if other, ok := b.Fields[name]; !ok || other.Kind != t.Kind {
			return false
		}
	}
	return true
}

// assignable tells whether a value of type have may go where want is expected, and what to write if not.
func assignable(have, want Type) (suggestion string, ok bool) {
	if want.dynamic() || have.dynamic() || have.Kind == KindNull {
		return "", true
	}
	if have.Kind == KindInt && want.Kind == KindDecimal {
		return "", true
	}
	if have.Kind == want.Kind {
		if have.Kind == KindList {
			return assignable(have.elem(), want.elem())
		}
		return "", true
	}
	switch {
	case want.Kind == KindInt && have.Kind == KindDecimal:
		return "round(…) or int(…) makes a number of it", false
	case want.Kind == KindInt && have.Kind == KindString:
		return "int(…) reads a number from text", false
	case want.Kind == KindDecimal && have.Kind == KindString:
		return "decimal(…) reads a decimal from text", false
	case want.Kind == KindTime && (have.Kind == KindString || have.Kind == KindInt):
		return "date(…) reads a date", false
	case want.Kind == KindString:
		return "string(…) makes text of it", false
	default:
		return "", false
	}
}
