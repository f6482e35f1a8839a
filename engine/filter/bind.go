package filter

import (
	"fmt"
	"time"

	"github.com/cuelight/cuelight/engine/expr"
)

// MaxList is how many values a bound IN may have.
const MaxList = 1_000

// never is a filter that nothing passes.
func never(n *Node) *Node {
	return &Node{Op: In, Field: n.Field, Kind: n.Kind, List: n.List, Pos: n.Pos}
}

// Bind gives a copy of a checked filter in which every expression is replaced by its value: nil, string, bool, int64, expr.Decimal,
// time.Time, or a list of these for IN. With null, `=` becomes IS NULL and `!=` IS NOT NULL; nothing passes any other comparison
// with null, and IN leaves null out. Values are bound as parameters: they can not change what the filter means.
func Bind(n *Node, zone *time.Location, value func(expression string) (any, error)) (*Node, error) {
	out := *n
	out.Children, out.Values = nil, nil
	for _, c := range n.Children {
		child, err := Bind(c, zone, value)
		if err != nil {
			return nil, err
		}
		out.Children = append(out.Children, child)
	}
	for _, v := range n.Values {
		if v.Expression == "" {
			out.Values = append(out.Values, v)
			continue
		}
		bound, err := value(v.Expression)
		if err != nil {
			return nil, err
		}
		if bound == nil && n.Op != In {
			return withNull(&out), nil
		}
		if err := out.bind(v, bound, zone); err != nil {
			return nil, fmt.Errorf("%s: %w", n.Field, err)
		}
	}
	return &out, nil
}

func withNull(n *Node) *Node {
	switch n.Op {
	case Equal:
		n.Op = IsNull
	case Unequal:
		n.Op = NotNull
	default:
		return never(n)
	}
	return n
}

// bind adds what an expression yielded.
func (n *Node) bind(v Value, bound any, zone *time.Location) error {
	all, isList := bound.([]any)
	switch {
	case !isList:
		all = []any{bound}
	case n.Op != In:
		return fmt.Errorf("a list is compared with IN")
	case len(all)+len(n.Values) > MaxList:
		return fmt.Errorf("IN takes at most %d values (limit: filter_values)", MaxList)
	}
	for _, one := range all {
		if one == nil {
			continue
		}
		fitted, err := fit(one, n.Kind, zone)
		if err != nil {
			return err
		}
		n.Values = append(n.Values, Value{Any: fitted, Pos: v.Pos})
	}
	return nil
}

// Template is an expression of a filter, with what it must yield.
type Template struct {
	Expression string
	Pos        int
	Type       expr.Type
}

// Templates lists the expressions of a checked filter, for compiling them when the filter is saved.
func (n *Node) Templates() []Template {
	var all []Template
	n.walk(func(m *Node) {
		for _, v := range m.Values {
			if v.Expression == "" {
				continue
			}
			t := Template{Expression: v.Expression, Pos: v.Pos, Type: expr.Type{Kind: m.Kind}}
			if m.Op == In {
				// It may be a list or one value, which only its own type can tell.
				t.Type = expr.Any
			}
			all = append(all, t)
		}
	})
	return all
}
