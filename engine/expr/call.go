package expr

import (
	"maps"
	"slices"

	"github.com/expr-lang/expr/ast"
)

// callNode compiles f(x) and x.f(), which are the same.
func (c *compiler) callNode(n *ast.CallNode) (node, error) {
	switch callee := n.Callee.(type) {
	case *ast.IdentifierNode:
		return c.call(n, callee.Value, n.Arguments)
	case *ast.MemberNode:
		name, ok := callee.Property.(*ast.StringNode)
		if !ok {
			break
		}
		if fn := functions[name.Value]; fn != nil && fn.each != nil {
			return node{}, c.fail(n, "write "+fn.Signature, "%s is not called with a point", name.Value)
		}
		return c.call(n, name.Value, append([]ast.Node{callee.Node}, n.Arguments...))
	}
	return node{}, c.fail(n, "", "only functions can be called")
}

func (c *compiler) call(n ast.Node, name string, args []ast.Node) (node, error) {
	fn := functions[name]
	if fn == nil {
		return node{}, c.fail(n, didYouMean(name, slices.Sorted(maps.Keys(functions))), "unknown function %s", name)
	}
	if suggestion := fn.wrongCount(len(args)); suggestion != "" {
		return node{}, c.fail(n, suggestion, "%s has the wrong number of arguments", name)
	}
	if fn.each != nil {
		return c.closure(n, fn, args)
	}
	parts := make([]node, len(args))
	for i, a := range args {
		if _, ok := a.(*ast.PredicateNode); ok {
			return node{}, c.fail(a, "write "+fn.Signature, "%s takes no condition", name)
		}
		part, err := c.compile(a)
		if err != nil {
			return node{}, err
		}
		if p := fn.param(i); !part.typ.dynamic() && !p.takes(part.typ.Kind) {
			return node{}, c.fail(a, "write "+fn.Signature, "%s takes %s, got %s", name, p, part.typ)
		}
		parts[i] = part
	}
	if fn.check != nil {
		if err := fn.check(parts); err != nil {
			return node{}, c.at.place(n.Location().From, err)
		}
	}
	c.deferred = c.deferred || fn.defers != nil && fn.defers(parts)
	return node{typ: fn.typ(parts), eval: func(f *frame) (any, error) {
		values := make([]any, len(parts))
		for i := range parts {
			v, err := parts[i].eval(f)
			if err != nil {
				return nil, err
			}
			values[i] = v
		}
		return fn.call(f, values)
	}}, nil
}

// each goes through a list. body is evaluated for one element; it is nil where the function was called without one.
type each func(f *frame, list []any, body func(i int) (any, error)) (any, error)

// closure compiles a call such as filter(list, # > 1).
func (c *compiler) closure(n ast.Node, fn *function, args []ast.Node) (node, error) {
	c.deferred = true
	list, err := c.compile(args[0])
	if err != nil {
		return node{}, err
	}
	if !list.typ.is(KindList) {
		return node{}, c.fail(args[0], "", "%s takes a list, got %s", fn.Name, list.typ)
	}
	parts := []node{list}
	slot := c.slots
	if len(args) > 1 {
		predicate, ok := args[1].(*ast.PredicateNode)
		if !ok {
			return node{}, c.fail(n, "write "+fn.Signature, "%s needs a condition", fn.Name)
		}
		c.slots += 2
		c.closures = append(c.closures, local{typ: list.typ.elem(), slot: slot})
		body, err := c.body(fn, predicate)
		c.closures = c.closures[:len(c.closures)-1]
		if err != nil {
			return node{}, err
		}
		parts = append(parts, body)
	}
	return node{typ: fn.typ(parts), eval: func(f *frame) (any, error) { return evalEach(f, fn, parts, slot) }}, nil
}

func (c *compiler) body(fn *function, predicate *ast.PredicateNode) (node, error) {
	if fn.Name == "map" || fn.Name == "sum" {
		return c.compile(predicate.Node)
	}
	return c.condition(predicate.Node)
}

func evalEach(f *frame, fn *function, parts []node, slot int) (any, error) {
	v, err := parts[0].eval(f)
	if err != nil {
		return nil, err
	}
	list, ok := v.([]any)
	if !ok && v != nil {
		return nil, hint("write "+fn.Signature, "%s takes a list, got %s", fn.Name, describe(v))
	}
	if len(parts) == 1 {
		return fn.each(f, list, nil)
	}
	body := parts[1].eval
	return fn.each(f, list, func(i int) (any, error) {
		if err := f.budget.tick(); err != nil {
			return nil, err
		}
		f.slots[slot], f.slots[slot+1] = list[i], int64(i)
		return body(f)
	})
}

// pointer compiles # and #index, the element of the innermost closure and its place.
func (c *compiler) pointer(n *ast.PointerNode) (node, error) {
	if len(c.closures) == 0 {
		return node{}, c.fail(n, "", "# stands only inside of filter, map, any and the like")
	}
	l := c.closures[len(c.closures)-1]
	switch n.Name {
	case "":
		return l.node(), nil
	case "index":
		return local{typ: Type{Kind: KindInt}, slot: l.slot + 1}.node(), nil
	default:
		return node{}, c.fail(n, "write # or #index", "unknown name #%s", n.Name)
	}
}
