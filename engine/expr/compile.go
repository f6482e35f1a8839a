package expr

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"
)

// compiler turns a parsed expression into closures and checks its types on the way.
type compiler struct {
	source   []rune
	at       origin
	scope    *Scope
	slots    int
	nodes    int
	deferred bool
	reads    map[string]bool
	lets     []local
	closures []local // the element that # means, innermost last
	// done keeps what is compiled: the parser shares nodes (`a < b < c`, `a ?: b`), and compiling them again each time would
	// take time exponential in their nesting.
	done map[ast.Node]node
}

// local is a name or element that lives in a slot.
type local struct {
	name string
	typ  Type
	slot int
}

func newCompiler(source string, at origin, scope *Scope) *compiler {
	return &compiler{source: []rune(source), at: at, scope: scope, reads: map[string]bool{}, done: map[ast.Node]node{}}
}

func (c *compiler) fail(n ast.Node, suggestion, format string, args ...any) error {
	return c.at.fail(n.Location().From, fmt.Sprintf(format, args...), suggestion)
}

// paths are the reads without those that a shorter one covers.
func (c *compiler) paths() []string {
	all := slices.Sorted(maps.Keys(c.reads))
	return slices.DeleteFunc(all, func(p string) bool {
		for i := range p {
			if p[i] == '.' && c.reads[p[:i]] {
				return true
			}
		}
		return false
	})
}

// compile compiles a node and makes its evaluation cost a tick and its errors know their place.
func (c *compiler) compile(n ast.Node) (node, error) {
	if done, ok := c.done[n]; ok {
		return done, nil
	}
	c.nodes++
	out, err := c.dispatch(n)
	if err != nil {
		return node{}, err
	}
	if !out.constant {
		inner, at, pos := out.eval, c.at, n.Location().From
		out.eval = func(f *frame) (any, error) {
			err := f.budget.tick()
			if err == nil {
				var v any
				if v, err = inner(f); err == nil {
					return v, nil
				}
			}
			return nil, at.place(pos, err)
		}
	}
	c.done[n] = out
	return out, nil
}

func (c *compiler) dispatch(n ast.Node) (node, error) {
	switch n := n.(type) {
	case *ast.NilNode:
		return literal(Type{Kind: KindNull}, nil), nil
	case *ast.BoolNode:
		return literal(Type{Kind: KindBool}, n.Value), nil
	case *ast.IntegerNode:
		return c.integer(n)
	case *ast.FloatNode:
		return c.decimal(n)
	case *ast.StringNode:
		return literal(Type{Kind: KindString}, n.Value), nil
	case *ast.IdentifierNode:
		return c.identifier(n)
	case *ast.MemberNode:
		return c.member(n)
	case *ast.ChainNode:
		return c.compile(n.Node)
	case *ast.SliceNode:
		return c.slice(n)
	case *ast.UnaryNode:
		return c.unary(n)
	case *ast.BinaryNode:
		return c.binary(n)
	case *ast.ConditionalNode:
		return c.conditional(n)
	case *ast.ArrayNode:
		return c.array(n)
	case *ast.MapNode:
		return c.object(n)
	case *ast.VariableDeclaratorNode:
		return c.let(n)
	case *ast.PointerNode:
		return c.pointer(n)
	case *ast.BuiltinNode:
		return c.call(n, n.Name, n.Arguments)
	case *ast.CallNode:
		return c.callNode(n)
	case *ast.SequenceNode:
		return node{}, c.fail(n, "keep the last one", "an expression yields one value; ; has no use here")
	default:
		return node{}, c.fail(n, "", "this form is not part of the language")
	}
}

func (c *compiler) integer(n *ast.IntegerNode) (node, error) {
	if n.Value > maxInt || n.Value < -maxInt {
		return node{}, c.fail(n, `write decimal("…")`, "a number lies within ±2^53")
	}
	return literal(Type{Kind: KindInt}, int64(n.Value)), nil
}

// decimal reads the literal again from the source: the parser has only kept the nearest float64.
func (c *compiler) decimal(n *ast.FloatNode) (node, error) {
	loc := n.Location()
	if loc.From < 0 || loc.To > len(c.source) || loc.From >= loc.To {
		return node{}, c.fail(n, "", "the decimal can not be read")
	}
	d, err := ParseDecimal(strings.ReplaceAll(string(c.source[loc.From:loc.To]), "_", ""))
	if err != nil {
		return node{}, c.fail(n, "", "%s", err)
	}
	return literal(Type{Kind: KindDecimal}, d), nil
}

func (c *compiler) conditional(n *ast.ConditionalNode) (node, error) {
	cond, err := c.condition(n.Cond)
	if err != nil {
		return node{}, err
	}
	yes, err := c.compile(n.Exp1)
	if err != nil {
		return node{}, err
	}
	no, err := c.compile(n.Exp2)
	if err != nil {
		return node{}, err
	}
	return node{typ: unify(yes.typ, no.typ), eval: func(f *frame) (any, error) {
		v, err := cond.eval(f)
		if err != nil {
			return nil, err
		}
		ok, err := truth(v)
		if err != nil {
			return nil, err
		}
		if ok {
			return yes.eval(f)
		}
		return no.eval(f)
	}}, nil
}

// condition compiles a node that must be true, false or null.
func (c *compiler) condition(n ast.Node) (node, error) {
	out, err := c.compile(n)
	if err == nil && !out.typ.is(KindBool) {
		return node{}, c.fail(n, "compare it with something, as in … == …", "expected true or false, got %s", out.typ)
	}
	return out, err
}

func (c *compiler) array(n *ast.ArrayNode) (node, error) {
	parts := make([]node, len(n.Nodes))
	elem, constant := Type{Kind: KindNull}, true
	values := make([]any, len(n.Nodes))
	for i, e := range n.Nodes {
		part, err := c.compile(e)
		if err != nil {
			return node{}, err
		}
		parts[i], values[i] = part, part.value
		elem, constant = unify(elem, part.typ), constant && part.constant
	}
	if constant {
		return literal(ListOf(elem), values), nil
	}
	return node{typ: ListOf(elem), eval: func(f *frame) (any, error) {
		if err := f.budget.list(len(parts)); err != nil {
			return nil, err
		}
		out := make([]any, len(parts))
		for i := range parts {
			v, err := parts[i].eval(f)
			if err != nil {
				return nil, err
			}
			out[i] = v
		}
		return out, nil
	}}, nil
}

func (c *compiler) object(n *ast.MapNode) (node, error) {
	keys, parts := make([]string, len(n.Pairs)), make([]node, len(n.Pairs))
	fields := map[string]Type{}
	for i, p := range n.Pairs {
		pair := p.(*ast.PairNode)
		key, ok := pair.Key.(*ast.StringNode)
		if !ok {
			return node{}, c.fail(pair.Key, `write {"name": …}`, "the keys of a map are written out")
		}
		part, err := c.compile(pair.Value)
		if err != nil {
			return node{}, err
		}
		keys[i], parts[i], fields[key.Value] = key.Value, part, part.typ
	}
	return node{typ: MapOf(fields), eval: func(f *frame) (any, error) {
		if err := f.budget.list(4 * len(parts)); err != nil {
			return nil, err
		}
		out := make(map[string]any, len(parts))
		for i := range parts {
			v, err := parts[i].eval(f)
			if err != nil {
				return nil, err
			}
			out[keys[i]] = v
		}
		return out, nil
	}}, nil
}

func (c *compiler) let(n *ast.VariableDeclaratorNode) (node, error) {
	if _, taken := reserved[n.Name]; taken || strings.HasPrefix(n.Name, "__") || n.Name == "null" {
		return node{}, c.fail(n, "choose another name", "%s is a name of the language", n.Name)
	}
	value, err := c.compile(n.Value)
	if err != nil {
		return node{}, err
	}
	slot := c.slots
	c.slots++
	c.lets = append(c.lets, local{name: n.Name, typ: value.typ, slot: slot})
	body, err := c.compile(n.Expr)
	c.lets = c.lets[:len(c.lets)-1]
	if err != nil {
		return node{}, err
	}
	return node{typ: body.typ, eval: func(f *frame) (any, error) {
		v, err := value.eval(f)
		if err != nil {
			return nil, err
		}
		f.slots[slot] = v
		return body.eval(f)
	}}, nil
}
