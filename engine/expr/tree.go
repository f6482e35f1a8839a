package expr

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"
)

// maxLeaves is how many values a tree may hold.
const maxLeaves = 10_000

// Tree is a compiled JSON value whose string leaves are templates. Its keys are taken as they are.
type Tree struct {
	root  branch
	typ   Type
	class Cost
	reads []string
}

// branch is one value of a tree: a template, a list, a map or a constant.
type branch struct {
	path     string
	template *Template
	list     []branch
	keys     []string // sorted, beside list: a map
	isMap    bool
	isList   bool
	constant any
}

// CompileTree compiles a JSON value, decoded with UseNumber, whose string leaves are templates. Errors are *Error with their Path.
func CompileTree(value any, scope *Scope) (*Tree, error) {
	b := treeBuilder{scope: scope}
	root, typ, err := b.build(value, "", 0)
	if err != nil {
		return nil, err
	}
	slices.Sort(b.reads)
	return &Tree{root: root, typ: typ, class: costOf(b.deferred, b.nodes), reads: slices.Compact(b.reads)}, nil
}

type treeBuilder struct {
	scope    *Scope
	leaves   int
	nodes    int
	deferred bool
	reads    []string
}

func (b *treeBuilder) build(value any, path string, depth int) (branch, Type, error) {
	if b.leaves++; depth > maxDepth || b.leaves > maxLeaves {
		message := fmt.Sprintf("the value is nested more than %d deep or holds more than %d values", maxDepth, maxLeaves)
		return branch{}, Type{}, &Error{Path: path, Line: 1, Column: 1, Message: message, Limit: "tree_values"}
	}
	switch v := value.(type) {
	case string:
		return b.leaf(v, path)
	case []any:
		return b.list(v, path, depth)
	case map[string]any:
		return b.fields(v, path, depth)
	default:
		constant, err := b.constant(v)
		if err != nil {
			return branch{}, Type{}, &Error{Path: path, Line: 1, Column: 1, Message: err.Error()}
		}
		return branch{path: path, constant: constant}, Type{Kind: kindOf(constant)}, nil
	}
}

func (b *treeBuilder) constant(value any) (any, error) {
	switch v := value.(type) {
	case nil, bool, int64, Decimal, time.Time:
		return v, nil
	case int:
		return boundInt(int64(v))
	case json.Number:
		return fromNumber(v)
	default:
		return nil, fmt.Errorf("a value of the unknown sort %T", value)
	}
}

func (b *treeBuilder) leaf(source, path string) (branch, Type, error) {
	t, err := CompileTemplate(source, b.scope, Any)
	if err != nil {
		return branch{}, Type{}, atPath(path, err)
	}
	for _, p := range t.parts {
		if p.program != nil {
			b.nodes += p.program.nodes
			b.deferred = b.deferred || p.program.deferred
		}
	}
	b.reads = append(b.reads, t.reads...)
	return branch{path: path, template: t}, t.Type(), nil
}

// atPath adds the path to an error of a template.
func atPath(path string, err error) error {
	var e *Error
	if !errors.As(err, &e) || path == "" {
		return err
	}
	named := *e
	named.Path = path
	return &named
}

func (b *treeBuilder) list(v []any, path string, depth int) (branch, Type, error) {
	out, elem := branch{path: path, isList: true}, Type{Kind: KindNull}
	for i, e := range v {
		sub, typ, err := b.build(e, path+"["+strconv.Itoa(i)+"]", depth+1)
		if err != nil {
			return branch{}, Type{}, err
		}
		out.list, elem = append(out.list, sub), unify(elem, typ)
	}
	return out, ListOf(elem), nil
}

func (b *treeBuilder) fields(v map[string]any, path string, depth int) (branch, Type, error) {
	out, types := branch{path: path, isMap: true}, map[string]Type{}
	for _, k := range slices.Sorted(maps.Keys(v)) {
		at := k
		if path != "" {
			at = path + "." + k
		}
		sub, typ, err := b.build(v[k], at, depth+1)
		if err != nil {
			return branch{}, Type{}, err
		}
		out.keys, out.list, types[k] = append(out.keys, k), append(out.list, sub), typ
	}
	return out, MapOf(types), nil
}

// Cost tells whether the tree may be evaluated inside a commit.
func (t *Tree) Cost() Cost { return t.class }

// Reads lists the dotted paths that the tree looks at, as Program.Reads does.
func (t *Tree) Reads() []string { return slices.Clone(t.reads) }

// Type is what the tree yields.
func (t *Tree) Type() Type { return t.typ }

// Eval fills the tree; the value is for ToJSON. A nil budget stands for a fresh one, as in Program.Eval. Errors are *Error.
func (t *Tree) Eval(env Env, b *Budget) (any, error) {
	if b == nil {
		b = NewBudget(InlineLimits, nil)
		if t.class == Deferred {
			b = NewBudget(FullLimits, nil)
		}
	}
	v, err := t.root.eval(env, b)
	if err != nil {
		return nil, err
	}
	if err := check(v, b); err != nil {
		return nil, &Error{Line: 1, Column: 1, Message: err.Error(), cause: err}
	}
	return v, nil
}

func (n *branch) eval(env Env, b *Budget) (any, error) {
	if n.template != nil {
		v, err := n.template.Eval(env, b)
		return v, atPath(n.path, err)
	}
	if !n.isList && !n.isMap {
		return n.constant, nil
	}
	if err := b.list(2 * len(n.list)); err != nil {
		return nil, &Error{Path: n.path, Line: 1, Column: 1, Message: err.Error(), cause: err}
	}
	values := make([]any, len(n.list))
	for i := range n.list {
		v, err := n.list[i].eval(env, b)
		if err != nil {
			return nil, err
		}
		values[i] = v
	}
	if n.isList {
		return values, nil
	}
	out := make(map[string]any, len(values))
	for i, k := range n.keys {
		out[k] = values[i]
	}
	return out, nil
}
