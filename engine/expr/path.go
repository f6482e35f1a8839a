package expr

import (
	"maps"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"
)

// identifier compiles a name that stands alone.
func (c *compiler) identifier(n *ast.IdentifierNode) (node, error) {
	if n.Value == "null" {
		return literal(Type{Kind: KindNull}, nil), nil
	}
	if l, ok := c.local(n.Value); ok {
		return l.node(), nil
	}
	return c.path(n, n, nil)
}

func (c *compiler) local(name string) (local, bool) {
	for _, l := range slices.Backward(c.lets) {
		if l.name == name {
			return l, true
		}
	}
	return local{}, false
}

func (l local) node() node {
	slot := l.slot
	return node{typ: l.typ, eval: func(f *frame) (any, error) { return f.slots[slot], nil }}
}

// member compiles a.b, a["b"] and a[i].
func (c *compiler) member(n *ast.MemberNode) (node, error) {
	if root, keys := flatten(n); root != nil {
		if _, isLocal := c.local(root.Value); !isLocal && root.Value != "null" {
			return c.path(n, root, keys)
		}
	}
	base, err := c.compile(n.Node)
	if err != nil {
		return node{}, err
	}
	if key, ok := n.Property.(*ast.StringNode); ok {
		return c.property(base, key)
	}
	return c.element(base, n.Property)
}

// flatten takes a chain of constant keys apart, down to the name it starts with; root is nil where it starts otherwise.
func flatten(n ast.Node) (root *ast.IdentifierNode, keys []*ast.StringNode) {
	switch n := n.(type) {
	case *ast.IdentifierNode:
		return n, nil
	case *ast.ChainNode:
		return flatten(n.Node)
	case *ast.MemberNode:
		key, ok := n.Property.(*ast.StringNode)
		if !ok {
			return nil, nil
		}
		root, keys := flatten(n.Node)
		return root, append(keys, key)
	default:
		return nil, nil
	}
}

// path compiles a chain of constant keys that starts with a name of the scope.
func (c *compiler) path(at ast.Node, root *ast.IdentifierNode, keys []*ast.StringNode) (node, error) {
	names, typ, keys, err := c.root(at, root, keys)
	if err != nil {
		return node{}, err
	}
	read := len(names)
	for i, key := range keys {
		if typ.Link != "" {
			link := node{typ: typ, eval: func(f *frame) (any, error) { return f.name(names), nil }}
			c.nodes += len(keys)
			c.reads[strings.Join(names, ".")] = true
			return c.follow(link, strings.Join(names, "."), keys[i:])
		}
		inside := typ.Kind != KindTime
		if typ, err = c.typeOf(typ, key, strings.Join(names, ".")); err != nil {
			return node{}, err
		}
		names = append(names, key.Value)
		if inside {
			read = len(names)
		}
	}
	c.nodes += len(keys)
	c.reads[strings.Join(names[:read], ".")] = true
	return node{typ: typ, path: names, eval: func(f *frame) (any, error) { return f.name(names), nil }}, nil
}

// maxHops is how many links one path may follow (contracts 3).
const maxHops = 3

// follow compiles keys behind a link: each link on the way is a read, so the expression can not be judged inside a commit.
func (c *compiler) follow(base node, of string, keys []*ast.StringNode) (node, error) {
	hops := 0
	for _, key := range keys {
		if base.typ.Link != "" {
			if hops++; hops > maxHops {
				return node{}, c.fail(key, "set a variable to the object in between", "a path follows at most %d links", maxHops)
			}
			var err error
			if base, err = c.target(base, key, of); err != nil {
				return node{}, err
			}
		}
		next, err := c.property(base, key)
		if err != nil {
			return node{}, err
		}
		base, of = next, of+"."+key.Value
	}
	return base, nil
}

// target is the object that a link points at.
func (c *compiler) target(link node, at *ast.StringNode, of string) (node, error) {
	structure := link.typ.Link
	if c.scope.Linked == nil {
		return node{}, c.fail(at, "compare its id", "%s is a link to %s, and links are not followed here", of, structure)
	}
	typ, ok := c.scope.Linked(structure)
	if !ok {
		return node{}, c.fail(at, "", "%s is a link to %s, which does not exist", of, structure)
	}
	c.deferred = true
	return node{typ: typ, eval: func(f *frame) (any, error) {
		v, err := link.eval(f)
		id, _ := v.(string)
		if err != nil || id == "" {
			return nil, err
		}
		if err := f.budget.spend(followCost); err != nil {
			return nil, err
		}
		if f.env.Follow == nil {
			return nil, hint("", "links can not be followed here")
		}
		object, err := f.env.Follow(structure, id)
		if err != nil || object == nil {
			return nil, err
		}
		return object, nil
	}}, nil
}

// followCost are the ticks of one read.
const followCost = 50

// root finds out what the first name of a path means; it gives the path so far and the keys that are left.
func (c *compiler) root(at ast.Node, n *ast.IdentifierNode, keys []*ast.StringNode) ([]string, Type, []*ast.StringNode, error) {
	name := n.Value
	if strings.HasPrefix(name, "__") {
		return nil, Type{}, nil, c.fail(n, "", "names do not start with __")
	}
	if name == "$env" {
		return c.explicit(n, keys)
	}
	if alias, ok := aliases[name]; ok {
		_, own := c.scope.Names[name]
		_, field := c.scope.field(name)
		if !own && !field {
			name = alias
		}
	}
	typ, there := c.scope.lookup(name)
	field, isField := c.scope.field(name)
	_, isReserved := reserved[name]
	switch {
	case isField && (there || isReserved):
		if there && len(keys) > 0 && field.Kind != KindMap && !field.dynamic() && field.Link == "" {
			return []string{name}, typ, keys, nil
		}
		return nil, Type{}, nil, c.fail(n, "write object."+name+" for the field, $env."+name+" for the other",
			"%s is a field of object and a name of the language", name)
	case there:
		return []string{name}, typ, keys, nil
	case isField:
		return []string{"object", name}, field, keys, nil
	case isReserved:
		return nil, Type{}, nil, c.fail(n, reserved[name], "%s is not known here", name)
	case c.scope.openObject():
		return []string{"object", name}, Any, keys, nil
	default:
		return nil, Type{}, nil, c.unknown(at, n)
	}
}

// explicit is $env.name: the name of the language even where a field has the same one.
func (c *compiler) explicit(n *ast.IdentifierNode, keys []*ast.StringNode) ([]string, Type, []*ast.StringNode, error) {
	if len(keys) == 0 {
		return nil, Type{}, nil, c.fail(n, "write $env.name", "$env stands for no value of its own")
	}
	typ, ok := c.scope.lookup(keys[0].Value)
	if !ok {
		return nil, Type{}, nil, c.fail(keys[0], didYouMean(keys[0].Value, c.scope.known()), "%s is not known here", keys[0].Value)
	}
	return []string{keys[0].Value}, typ, keys[1:], nil
}

func (c *compiler) unknown(at ast.Node, n *ast.IdentifierNode) error {
	names := c.scope.known()
	for _, l := range c.lets {
		names = append(names, l.name)
	}
	suggestion := didYouMean(n.Value, names)
	if _, isFunction := functions[n.Value]; isFunction {
		suggestion = "write " + n.Value + "(…)"
	}
	if suggestion == "" && at == n {
		suggestion = "text stands in quotes"
	}
	return c.fail(n, suggestion, "unknown name %s", n.Value)
}

// typeOf is the type of base.key.
func (c *compiler) typeOf(base Type, key *ast.StringNode, of string) (Type, error) {
	switch {
	case base.dynamic() || base.Kind == KindNull:
		return Any, nil
	case base.Kind == KindMap && base.Fields == nil:
		return base.elem(), nil
	case base.Kind == KindMap:
		if t, ok := base.Fields[key.Value]; ok {
			return t, nil
		}
		return Type{}, c.fail(key, didYouMean(key.Value, fieldNames(base)), "unknown field %s of %s", key.Value, of)
	case base.Kind == KindTime:
		if _, ok := timeParts[key.Value]; ok {
			return Type{Kind: KindInt}, nil
		}
		parts := slices.Sorted(maps.Keys(timeParts))
		return Type{}, c.fail(key, "it has "+strings.Join(parts, ", "), "%s is a date and has no %s", of, key.Value)
	case base.Kind == KindList && (key.Value == "length" || key.Value == "size"), base.Kind == KindString && key.Value == "length":
		return Type{}, c.fail(key, "write len("+of+")", "%s has no %s", of, key.Value)
	case base.Kind == KindList:
		return Type{}, c.fail(key, "write "+of+"[0]."+key.Value+" or map("+of+", ."+key.Value+")", "%s is a list and has no field %s", of, key.Value)
	default:
		return Type{}, c.fail(key, "", "%s is %s and has no field %s", of, base, key.Value)
	}
}

func (c *compiler) property(base node, key *ast.StringNode) (node, error) {
	if base.typ.Link != "" {
		var err error
		if base, err = c.target(base, key, "this value"); err != nil {
			return node{}, err
		}
	}
	typ, err := c.typeOf(base.typ, key, "this value")
	if err != nil {
		return node{}, err
	}
	name := key.Value
	return node{typ: typ, eval: func(f *frame) (any, error) {
		v, err := base.eval(f)
		if err != nil {
			return nil, err
		}
		return member(v, name, f.env.Zone), nil
	}}, nil
}

func (c *compiler) element(base node, at ast.Node) (node, error) {
	key, err := c.compile(at)
	if err != nil {
		return node{}, err
	}
	typ := Any
	switch {
	case base.typ.Kind == KindList:
		if !key.typ.is(KindInt) {
			return node{}, c.fail(at, "", "the element of a list is chosen by a number, got %s", key.typ)
		}
		typ = base.typ.elem()
	case base.typ.Kind == KindMap:
		if !key.typ.is(KindString) {
			return node{}, c.fail(at, "", "the field of a map is chosen by text, got %s", key.typ)
		}
		if base.typ.Fields == nil {
			typ = base.typ.elem()
		}
	case !base.typ.is():
		return node{}, c.fail(at, "", "%s has no elements", base.typ)
	}
	return node{typ: typ, eval: func(f *frame) (any, error) {
		v, err := base.eval(f)
		if err != nil {
			return nil, err
		}
		i, err := key.eval(f)
		if err != nil {
			return nil, err
		}
		return index(v, i)
	}}, nil
}

// slice compiles a[from:to] over lists; what lies outside is left out. It shares the elements, so it builds nothing.
func (c *compiler) slice(n *ast.SliceNode) (node, error) {
	base, err := c.compile(n.Node)
	if err != nil {
		return node{}, err
	}
	if !base.typ.is(KindList) {
		return node{}, c.fail(n, "", "only a list has parts, this is %s", base.typ)
	}
	ends := [2]node{literal(Type{Kind: KindNull}, nil), literal(Type{Kind: KindNull}, nil)}
	for i, e := range []ast.Node{n.From, n.To} {
		if e == nil {
			continue
		}
		if ends[i], err = c.compile(e); err != nil {
			return node{}, err
		}
		if !ends[i].typ.is(KindInt) {
			return node{}, c.fail(e, "", "the part of a list is chosen by numbers, got %s", ends[i].typ)
		}
	}
	return node{typ: base.typ, eval: func(f *frame) (any, error) { return evalSlice(f, base, ends) }}, nil
}

func evalSlice(f *frame, base node, ends [2]node) (any, error) {
	v, err := base.eval(f)
	if err != nil || v == nil {
		return nil, err
	}
	list, ok := v.([]any)
	if !ok {
		return nil, hint("", "only a list has parts, this is %s", describe(v))
	}
	bounds := [2]int64{0, int64(len(list))}
	for i, e := range ends {
		v, err := e.eval(f)
		if err != nil {
			return nil, err
		}
		switch n := v.(type) {
		case nil:
		case int64:
			if n < 0 {
				n += int64(len(list))
			}
			bounds[i] = min(max(n, 0), int64(len(list)))
		default:
			return nil, hint("", "the part of a list is chosen by numbers, got %s", describe(v))
		}
	}
	return list[bounds[0]:max(bounds[0], bounds[1]):max(bounds[0], bounds[1])], nil
}
