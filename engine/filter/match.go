package filter

import (
	"strings"
	"time"

	"github.com/cuelight/cuelight/engine/expr"
)

// Match tells whether an object passes a filter that is checked and bound. values gives its fields as expression values: nil, bool,
// int64, string, expr.Decimal, time.Time, []any. It is what every store's SQL is tested against.
func Match(n *Node, values func(field string) any) bool {
	switch n.Op {
	case And:
		for _, c := range n.Children {
			if !Match(c, values) {
				return false
			}
		}
		return true
	case Or:
		for _, c := range n.Children {
			if Match(c, values) {
				return true
			}
		}
		return false
	case Not:
		return !Match(n.Children[0], values)
	}
	v := values(n.Field)
	elements, isList := v.([]any)
	if isList && len(elements) == 0 {
		v = nil
	}
	switch n.Op {
	case IsNull:
		return v == nil
	case NotNull:
		return v != nil
	case Unequal:
		return !anyEqual(v, n.Values)
	case Equal, In:
		return anyEqual(v, n.Values)
	default:
		return v != nil && !isList && ordered(n.Op, v, n.Values[0].Any)
	}
}

// anyEqual tells whether a value, or an element of it, is one of the constants.
func anyEqual(v any, constants []Value) bool {
	elements, isList := v.([]any)
	if !isList {
		elements = []any{v}
	}
	for _, e := range elements {
		for _, c := range constants {
			if e != nil && same(e, c.Any) {
				return true
			}
		}
	}
	return false
}

func same(v, constant any) bool {
	if a, ok := number(v); ok {
		b, ok := number(constant)
		return ok && a.Cmp(b) == 0
	}
	if t, ok := v.(time.Time); ok {
		u, ok := constant.(time.Time)
		return ok && t.Equal(u)
	}
	switch v.(type) {
	case string, bool:
		return v == constant
	default:
		return false
	}
}

func number(v any) (expr.Decimal, bool) {
	switch v := v.(type) {
	case int64:
		return expr.NewDecimal(v), true
	case expr.Decimal:
		return v, true
	default:
		return expr.Decimal{}, false
	}
}

func ordered(op Op, v, constant any) bool {
	if op == Like {
		s, ok1 := v.(string)
		pattern, ok2 := constant.(string)
		return ok1 && ok2 && like(s, pattern)
	}
	order, ok := compare(v, constant)
	switch {
	case !ok:
		return false
	case op == Less:
		return order < 0
	case op == AtMost:
		return order <= 0
	case op == Greater:
		return order > 0
	case op == AtLeast:
		return order >= 0
	default:
		return false
	}
}

func compare(v, constant any) (order int, ok bool) {
	switch v := v.(type) {
	case string:
		s, ok := constant.(string)
		return strings.Compare(Fold(v), Fold(s)), ok
	case time.Time:
		t, ok := constant.(time.Time)
		return v.Compare(t), ok
	}
	a, ok1 := number(v)
	b, ok2 := number(constant)
	return a.Cmp(b), ok1 && ok2
}
