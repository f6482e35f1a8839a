package expr

import (
	"slices"

	"github.com/expr-lang/expr/ast"
)

func (c *compiler) unary(n *ast.UnaryNode) (node, error) {
	if n.Operator == "not" || n.Operator == "!" {
		x, err := c.compile(n.Node)
		if err != nil {
			return node{}, err
		}
		if !x.typ.is(KindBool) {
			return node{}, c.fail(n, "put parentheses around all that it denies: not (…)", "%s takes true or false, got %s", n.Operator, x.typ)
		}
		return node{typ: Type{Kind: KindBool}, eval: func(f *frame) (any, error) {
			v, err := x.eval(f)
			if err != nil {
				return nil, err
			}
			yes, err := truth(v)
			return !yes, err
		}}, nil
	}
	x, err := c.compile(n.Node)
	if err != nil {
		return node{}, err
	}
	if !x.typ.is(KindInt, KindDecimal) {
		return node{}, c.fail(n, "", "%s takes a number, got %s", n.Operator, x.typ)
	}
	negative, name := n.Operator == "-", x.name()
	if x.constant && x.value != nil {
		v, err := signed(x.value, negative)
		return literal(x.typ, v), err
	}
	return node{typ: x.typ, eval: func(f *frame) (any, error) {
		v, err := x.eval(f)
		if err != nil {
			return nil, err
		}
		if v == nil {
			return nil, nullError(name, "0")
		}
		return signed(v, negative)
	}}, nil
}

func signed(v any, negative bool) (any, error) {
	if !negative {
		return arithmetic('+', int64(0), v)
	}
	if d, ok := v.(Decimal); ok {
		return d.Neg(), nil
	}
	return arithmetic('-', int64(0), v)
}

func nullError(name, otherwise string) error {
	if name == "a value" {
		return hint("say what to use instead, as in (… ?? "+otherwise+")", "a value is null")
	}
	return hint("say what to use instead: ("+name+" ?? "+otherwise+")", "%s is null", name)
}

func (c *compiler) binary(n *ast.BinaryNode) (node, error) {
	switch n.Operator {
	case "and", "&&", "or", "||":
		return c.logic(n)
	case "**", "^":
		return node{}, c.fail(n, "multiply, as in x * x", "powers are not part of the language")
	}
	x, err := c.compile(n.Left)
	if err != nil {
		return node{}, err
	}
	y, err := c.compile(n.Right)
	if err != nil {
		return node{}, err
	}
	switch n.Operator {
	case "==", "!=":
		return c.equality(n, x, y)
	case "<", "<=", ">", ">=":
		return c.ordering(n, x, y)
	case "+", "-", "*", "/", "%":
		return c.arithmetic(n, x, y)
	case "in":
		return c.in(n, x, y)
	case "contains", "startsWith", "endsWith":
		return c.textTest(n, x, y)
	case "matches":
		return c.matches(n, x, y)
	case "??":
		return coalesce(x, y), nil
	case "..":
		return c.rangeOf(n, x, y)
	default:
		return node{}, c.fail(n, "", "%s is not part of the language", n.Operator)
	}
}

func (c *compiler) logic(n *ast.BinaryNode) (node, error) {
	x, err := c.condition(n.Left)
	if err != nil {
		return node{}, err
	}
	y, err := c.condition(n.Right)
	if err != nil {
		return node{}, err
	}
	and := n.Operator == "and" || n.Operator == "&&"
	out := node{typ: Type{Kind: KindBool}, eval: func(f *frame) (any, error) {
		v, err := x.eval(f)
		if err != nil {
			return nil, err
		}
		yes, err := truth(v)
		if err != nil || yes != and {
			return yes, err
		}
		if v, err = y.eval(f); err != nil {
			return nil, err
		}
		return truthValue(v)
	}}
	if and {
		out.equal = append(slices.Clone(x.equal), y.equal...)
	}
	return out, nil
}

func truthValue(v any) (any, error) {
	yes, err := truth(v)
	return yes, err
}

func (c *compiler) arithmetic(n *ast.BinaryNode, x, y node) (node, error) {
	typ, err := c.arithmeticType(n, x.typ, y.typ)
	if err != nil {
		return node{}, err
	}
	op, otherwise := n.Operator[0], "0"
	if typ.Kind == KindString {
		otherwise = `""`
	}
	return node{typ: typ, eval: func(f *frame) (any, error) {
		v, err := x.eval(f)
		if err != nil {
			return nil, err
		}
		w, err := y.eval(f)
		if err != nil {
			return nil, err
		}
		switch {
		case v == nil:
			return nil, nullError(x.name(), otherwise)
		case w == nil:
			return nil, nullError(y.name(), otherwise)
		case op == '+':
			return add(v, w, f.budget)
		default:
			return arithmetic(op, v, w)
		}
	}}, nil
}

func (c *compiler) arithmeticType(n *ast.BinaryNode, a, b Type) (Type, error) {
	op := n.Operator
	switch {
	case a.Kind == KindNull || b.Kind == KindNull:
		return Type{}, c.fail(n, "", "%s can not be used with null", op)
	case op == "+" && a.is(KindString) && b.is(KindString) && (a.Kind == KindString || b.Kind == KindString):
		return Type{Kind: KindString}, nil
	case !a.is(KindInt, KindDecimal) || !b.is(KindInt, KindDecimal):
		suggestion := ""
		switch {
		case op == "+" && (a.Kind == KindString || b.Kind == KindString):
			suggestion = "string(…) makes text of a value"
		case a.Kind == KindTime || b.Kind == KindTime:
			suggestion = "use .addDays(…) or .addHours(…)"
		}
		return Type{}, c.fail(n, suggestion, "%s and %s can not be used with %s", a, b, op)
	case op == "%" && (a.Kind == KindDecimal || b.Kind == KindDecimal):
		return Type{}, c.fail(n, "int(…) cuts a decimal", "%% takes whole numbers")
	case op == "%":
		return Type{Kind: KindInt}, nil
	case op == "/":
		return Type{Kind: KindDecimal}, nil
	case a.dynamic() || b.dynamic():
		return Any, nil
	default:
		return unify(a, b), nil
	}
}

func coalesce(x, y node) node {
	return node{typ: unify(x.typ, y.typ), eval: func(f *frame) (any, error) {
		v, err := x.eval(f)
		if err != nil || v != nil {
			return v, err
		}
		return y.eval(f)
	}}
}
