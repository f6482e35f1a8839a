package expr

import (
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"
)

func (c *compiler) equality(n *ast.BinaryNode, x, y node) (node, error) {
	if err := c.sameType(n, x, y); err != nil {
		return node{}, err
	}
	for _, side := range [2][2]node{{x, y}, {y, x}} {
		if err := c.option(n, side[0].typ, side[1]); err != nil {
			return node{}, err
		}
	}
	want := n.Operator == "=="
	out := node{typ: Type{Kind: KindBool}, eval: func(f *frame) (any, error) {
		v, err := x.eval(f)
		if err != nil {
			return nil, err
		}
		w, err := y.eval(f)
		if err != nil {
			return nil, err
		}
		same, err := equal(v, w, f.budget)
		return same == want, err
	}}
	if want {
		out.equal = append(equalityOf(x, y), equalityOf(y, x)...)
	}
	return out, nil
}

func equalityOf(field, value node) []Equality {
	if len(field.path) != 2 || field.path[0] != "object" || !value.constant {
		return nil
	}
	v := value.value
	switch v.(type) {
	case nil, bool, int64, string, Decimal:
	default:
		return nil
	}
	if n, ok := v.(int64); ok && field.typ.Kind == KindDecimal {
		v = NewDecimal(n)
	}
	if d, ok := v.(Decimal); ok && field.typ.Kind == KindInt {
		if n, whole := d.Int(); whole {
			v = n
		}
	}
	return []Equality{{Field: field.path[1], Value: v}}
}

func (c *compiler) sameType(n ast.Node, x, y node) error {
	if canEqual(x.typ, y.typ) {
		return nil
	}
	a, b := x.typ, y.typ
	suggestion := ""
	switch {
	case a.Kind == KindTime && y.constant && b.Kind == KindString:
		suggestion = `write date("` + clip(y.value.(string)) + `")`
	case b.Kind == KindTime && x.constant && a.Kind == KindString:
		suggestion = `write date("` + clip(x.value.(string)) + `")`
	case a.numeric() && y.constant && b.Kind == KindString, b.numeric() && x.constant && a.Kind == KindString:
		suggestion = "write the number without quotes"
	case a.Kind == KindBool && b.Kind == KindString || b.Kind == KindBool && a.Kind == KindString:
		suggestion = "write true or false without quotes"
	case a.Kind == KindString && y.constant && b.numeric(), b.Kind == KindString && x.constant && a.numeric():
		suggestion = "put the number in quotes"
	case a.Kind == KindString && b.numeric() || b.Kind == KindString && a.numeric():
		suggestion = "string(…) or int(…) makes them one type"
	}
	return c.fail(n, suggestion, "%s and %s can not be compared", a, b)
}

// option refuses a constant that a choice can never be.
func (c *compiler) option(n ast.Node, choice Type, value node) error {
	text, ok := value.value.(string)
	if !ok || !value.constant || len(choice.Options) == 0 || slices.Contains(choice.Options, text) {
		return nil
	}
	return c.fail(n, didYouMean(text, choice.Options), `"%s" is not %s`, clip(text), choice)
}

func (c *compiler) ordering(n *ast.BinaryNode, x, y node) (node, error) {
	if err := c.sameType(n, x, y); err != nil {
		return node{}, err
	}
	for _, side := range [2]node{x, y} {
		if !side.typ.is(KindInt, KindDecimal, KindString, KindTime) {
			return node{}, c.fail(n, "", "%s has no order", side.typ)
		}
	}
	test := orderTest(n.Operator)
	return node{typ: Type{Kind: KindBool}, eval: func(f *frame) (any, error) {
		v, err := x.eval(f)
		if err != nil {
			return nil, err
		}
		w, err := y.eval(f)
		if err != nil {
			return nil, err
		}
		if v == nil || w == nil {
			return false, nil
		}
		o, err := order(v, w, f.budget)
		return err == nil && test(o), err
	}}, nil
}

func orderTest(op string) func(int) bool {
	switch op {
	case "<":
		return func(o int) bool { return o < 0 }
	case "<=":
		return func(o int) bool { return o <= 0 }
	case ">":
		return func(o int) bool { return o > 0 }
	default:
		return func(o int) bool { return o >= 0 }
	}
}

// in tests for an element of a list or a key of a map.
func (c *compiler) in(n *ast.BinaryNode, x, y node) (node, error) {
	switch {
	case y.typ.Kind == KindString:
		return node{}, c.fail(n, "write … contains …", "in looks into a list, not into text")
	case !y.typ.is(KindList, KindMap):
		return node{}, c.fail(n, "write … in [ … ]", "in looks into a list, got %s", y.typ)
	case y.typ.Kind == KindList && !canEqual(x.typ, y.typ.elem()):
		return node{}, c.fail(n, "", "%s can not be in a list of which each element is %s", x.typ, y.typ.elem())
	case y.typ.Kind == KindMap && !x.typ.is(KindString):
		return node{}, c.fail(n, "", "the keys of a map are text, got %s", x.typ)
	}
	if list, ok := y.value.([]any); ok && y.constant {
		for _, v := range list {
			if err := c.option(n, x.typ, node{constant: true, value: v}); err != nil {
				return node{}, err
			}
		}
	}
	if err := c.option(n, y.typ.elem(), x); err != nil {
		return node{}, err
	}
	return node{typ: Type{Kind: KindBool}, eval: func(f *frame) (any, error) {
		v, err := x.eval(f)
		if err != nil {
			return nil, err
		}
		in, err := y.eval(f)
		if err != nil {
			return nil, err
		}
		return contains(v, in, f.budget)
	}}, nil
}

func contains(v, in any, b *Budget) (any, error) {
	switch in := in.(type) {
	case nil:
		return false, nil
	case map[string]any:
		key, ok := v.(string)
		_, there := in[key]
		return ok && there, nil
	case []any:
		if err := b.spend(len(in) / 8); err != nil {
			return nil, err
		}
		for _, e := range in {
			if same, err := equal(v, e, b); same || err != nil {
				return same, err
			}
		}
		return false, nil
	default:
		return nil, hint("", "in looks into a list, got %s", describe(in))
	}
}

func (c *compiler) textTest(n *ast.BinaryNode, x, y node) (node, error) {
	if x.typ.Kind == KindList {
		return node{}, c.fail(n, "write value in list", "%s looks into text, not into a list", n.Operator)
	}
	for _, side := range [2]node{x, y} {
		if !side.typ.is(KindString) {
			return node{}, c.fail(n, "string(…) makes text of a value", "%s takes text, got %s", n.Operator, side.typ)
		}
	}
	test := map[string]func(s, part string) bool{"contains": strings.Contains, "startsWith": strings.HasPrefix, "endsWith": strings.HasSuffix}[n.Operator]
	return c.onTexts(n.Operator, x, y, func(f *frame, s, part string) (bool, error) {
		if err := f.budget.read(len(s) + len(part)); err != nil {
			return false, err
		}
		return test(s, part), nil
	}), nil
}

// onTexts evaluates a test of two texts; it is false where one is null.
func (c *compiler) onTexts(op string, x, y node, test func(f *frame, s, t string) (bool, error)) node {
	return node{typ: Type{Kind: KindBool}, eval: func(f *frame) (any, error) {
		v, err := x.eval(f)
		if err != nil {
			return nil, err
		}
		w, err := y.eval(f)
		if err != nil {
			return nil, err
		}
		if v == nil || w == nil {
			return false, nil
		}
		s, ok1 := v.(string)
		t, ok2 := w.(string)
		if !ok1 || !ok2 {
			return nil, hint("string(…) makes text of a value", "%s takes text, got %s and %s", op, describe(v), describe(w))
		}
		return test(f, s, t)
	}}
}

func (c *compiler) matches(n *ast.BinaryNode, x, y node) (node, error) {
	c.deferred = true
	for _, side := range [2]node{x, y} {
		if !side.typ.is(KindString) {
			return node{}, c.fail(n, "string(…) makes text of a value", "matches takes text, got %s", side.typ)
		}
	}
	var ready *pattern
	if text, ok := y.value.(string); ok && y.constant {
		p, err := compilePattern(text)
		if err != nil {
			return node{}, c.at.place(n.Location().From, err)
		}
		ready = p
	}
	return c.onTexts("matches", x, y, func(f *frame, s, text string) (bool, error) {
		p, err := ready, error(nil)
		if p == nil {
			// Compiling is paid for by what the largest allowed pattern costs.
			if err := f.budget.spend(checkEvery); err != nil {
				return false, err
			}
			if p, err = compilePattern(text); err != nil {
				return false, err
			}
		}
		return p.match(s, f.budget)
	}), nil
}

// rangeOf builds the list of whole numbers from x to y, both included.
func (c *compiler) rangeOf(n *ast.BinaryNode, x, y node) (node, error) {
	c.deferred = true
	for _, side := range [2]node{x, y} {
		if !side.typ.is(KindInt) {
			return node{}, c.fail(n, "", ".. takes whole numbers, got %s", side.typ)
		}
	}
	return node{typ: ListOf(Type{Kind: KindInt}), eval: func(f *frame) (any, error) {
		v, err := x.eval(f)
		if err != nil {
			return nil, err
		}
		w, err := y.eval(f)
		if err != nil {
			return nil, err
		}
		from, ok1 := v.(int64)
		to, ok2 := w.(int64)
		switch {
		case !ok1 || !ok2:
			return nil, hint("", ".. takes whole numbers, got %s and %s", describe(v), describe(w))
		case to < from:
			return []any{}, nil
		case to-from >= 1_000_000:
			return nil, hint("", "a range has at most 1,000,000 numbers")
		}
		// 16 bytes for the element and 8 for the number it points to.
		if err := f.budget.make(24 * int(to-from+1)); err != nil {
			return nil, err
		}
		out := make([]any, 0, to-from+1)
		for i := from; i <= to; i++ {
			out = append(out, i)
		}
		return out, nil
	}}, nil
}
