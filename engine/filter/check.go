package filter

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/cuelight/cuelight/engine/expr"
)

// Field is what Check needs to know of a field.
type Field struct {
	Kind    expr.Kind // expr.KindList is compared by its elements, which are text; KindJSON and KindMap have only IS NULL
	Options []string  // of a choice
}

// Builtin are the fields that every object has.
func Builtin() map[string]Field {
	return map[string]Field{
		"id": {Kind: expr.KindString}, "version": {Kind: expr.KindInt},
		"created_at": {Kind: expr.KindTime}, "changed_at": {Kind: expr.KindTime},
		"created_by": {Kind: expr.KindString}, "changed_by": {Kind: expr.KindString},
	}
}

// Errors are all that is wrong with a filter, in the order of the source.
type Errors []*expr.Error

// Error gives the errors in lines.
func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, one := range e {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap gives the single errors.
func (e Errors) Unwrap() []error {
	all := make([]error, len(e))
	for i, one := range e {
		all[i] = one
	}
	return all
}

// Check checks a parsed filter against the fields of a structure, to which the built-in ones are added, and gives a copy in which
// every node knows its kind and every constant is of it. Dates without an offset are in zone (nil: UTC). An error is Errors. source
// is what was parsed; it stands in the errors.
func Check(n *Node, source string, fields map[string]Field, zone *time.Location) (*Node, error) {
	all := Builtin()
	maps.Copy(all, fields)
	c := checker{source: source, fields: all, zone: zone}
	out := c.node(n)
	if len(c.errors) > 0 {
		return nil, c.errors
	}
	return out, nil
}

type checker struct {
	source string
	fields map[string]Field
	zone   *time.Location
	errors Errors
}

func (c *checker) fail(pos int, suggestion, format string, args ...any) {
	c.errors = append(c.errors, expr.NewError(c.source, pos, fmt.Sprintf(format, args...), suggestion))
}

func (c *checker) node(n *Node) *Node {
	out := *n
	out.Children, out.Values = nil, nil
	for _, child := range n.Children {
		out.Children = append(out.Children, c.node(child))
	}
	if n.Op == And || n.Op == Or || n.Op == Not {
		return &out
	}
	field, ok := c.fields[n.Field]
	if !ok {
		c.unknown(n)
		return &out
	}
	out.Kind, out.List = field.Kind, field.Kind == expr.KindList
	if out.List {
		out.Kind = expr.KindString
	}
	if message := allowed(n, field); message != "" {
		c.fail(n.Pos, message, "%s is %s and can not be used with %s", n.Field, expr.Type{Kind: field.Kind}, strings.ToUpper(string(n.Op)))
		return &out
	}
	for _, v := range n.Values {
		out.Values = append(out.Values, c.value(v, &out, field))
	}
	return &out
}

func (c *checker) unknown(n *Node) {
	names := slices.Sorted(maps.Keys(c.fields))
	if first, _, dotted := strings.Cut(n.Field, "."); dotted && slices.Contains(names, first) {
		c.fail(n.Pos, "compare "+first+" itself", "a filter looks at the fields of the object only, not at %s", n.Field)
		return
	}
	suggestion := ""
	if near := expr.Nearest(n.Field, names); near != "" {
		suggestion = "did you mean " + near + "?"
	}
	c.fail(n.Pos, suggestion, "unknown field %s", n.Field)
}

// allowed tells what to write instead of an operator that the field does not have; empty if it has it.
func allowed(n *Node, field Field) string {
	if n.Op == IsNull || n.Op == NotNull {
		return ""
	}
	switch field.Kind {
	case expr.KindString:
		return ""
	case expr.KindInt, expr.KindDecimal, expr.KindTime:
		if n.Op == Like {
			return "compare it with = < >"
		}
		return ""
	case expr.KindBool:
		if n.Op == Equal || n.Op == Unequal || n.Op == In {
			return ""
		}
		return "compare it with = true or = false"
	case expr.KindList:
		if n.Op == Equal || n.Op == Unequal || n.Op == In {
			return ""
		}
		return "compare its elements with = or IN"
	default:
		return "only IS NULL and IS NOT NULL"
	}
}

func (c *checker) value(v Value, n *Node, field Field) Value {
	if v.Expression != "" {
		return v
	}
	fitted, err := fit(v.Any, n.Kind, c.zone)
	if err != nil {
		c.fail(v.Pos, "", "%s: %s", n.Field, err)
		return v
	}
	text, isText := fitted.(string)
	exact := n.Op == Equal || n.Op == Unequal || n.Op == In
	if isText && exact && len(field.Options) > 0 && !slices.Contains(field.Options, text) {
		suggestion := ""
		if near := expr.Nearest(text, field.Options); near != "" {
			suggestion = "did you mean " + near + "?"
		}
		c.fail(v.Pos, suggestion, "%q is not %s", text, expr.Type{Kind: expr.KindString, Options: field.Options})
	}
	v.Any = fitted
	return v
}

// fit makes a constant one of the kind, or says why it can not be.
func fit(v any, kind expr.Kind, zone *time.Location) (any, error) {
	switch kind {
	case expr.KindString:
		switch v := v.(type) {
		case string:
			return v, nil
		case Number:
			return string(v), nil
		case int64, expr.Decimal, time.Time:
			return expr.Text(v)
		}
	case expr.KindBool:
		switch v {
		case true, "true":
			return true, nil
		case false, "false":
			return false, nil
		}
	case expr.KindInt, expr.KindDecimal:
		return fitNumber(v, kind)
	case expr.KindTime:
		return fitTime(v, zone)
	}
	return nil, mismatch(v, kind)
}

func mismatch(v any, kind expr.Kind) error {
	got := "text"
	switch v.(type) {
	case bool:
		got = "true or false"
	case Number, int64, expr.Decimal:
		got = "a number"
	case time.Time:
		got = "a date"
	case []any:
		got = "a list"
	case map[string]any:
		got = "a map"
	}
	return fmt.Errorf("expected %s, got %s", expr.Type{Kind: kind}, got)
}

// fitNumber keeps a decimal that a field of whole numbers is compared with: count > 1.5 has a meaning.
func fitNumber(v any, kind expr.Kind) (any, error) {
	var d expr.Decimal
	var err error
	switch v := v.(type) {
	case string:
		d, err = expr.ParseDecimal(v)
	case Number:
		d, err = expr.ParseDecimal(string(v))
	case int64:
		d = expr.NewDecimal(v)
	case expr.Decimal:
		d = v
	default:
		return nil, mismatch(v, kind)
	}
	if err != nil {
		return nil, err
	}
	if n, whole := d.Int(); whole && kind == expr.KindInt {
		return n, nil
	}
	return d, nil
}

// fitTime reads a date; a number is milliseconds since 1970, as the original has it.
func fitTime(v any, zone *time.Location) (any, error) {
	switch v := v.(type) {
	case string:
		t, err := expr.ParseTime(v, zone)
		if err != nil {
			return nil, err
		}
		return t, nil
	case time.Time:
		return v, nil
	case Number, int64:
		n, err := fitNumber(v, expr.KindInt)
		if ms, ok := n.(int64); ok && err == nil {
			if t := time.UnixMilli(ms).UTC(); t.Year() > 0 && t.Year() <= 9999 {
				return t, nil
			}
		}
	}
	return nil, mismatch(v, expr.KindTime)
}
