package expr

import (
	"slices"
	"strings"
	"time"
)

// Cost is the class of work that an expression may do.
type Cost int

// Inline expressions may be judged inside a commit, Deferred ones may not.
const (
	Inline Cost = iota
	Deferred
)

// inlineNodes is how many nodes an Inline expression may have.
const inlineNodes = 100

// Env is what an expression sees when it is evaluated. Values are nil, bool, int64, string, Decimal, time.Time, []any and
// map[string]any, and nothing else.
type Env struct {
	Names map[string]any // by reserved name: object, before, vars, …
	Now   time.Time      // what now() says; one value per step or op
	Zone  *time.Location // the app's time zone; nil is UTC
	// Follow reads the object that a link points at, as a map of its fields, nil where it is gone; a nil Follow follows nothing. It bounds
	// by itself how many objects it reads.
	Follow func(structure, id string) (map[string]any, error)
}

// Equality is a term `object.field == value` that must hold for the whole expression to be true.
type Equality struct {
	Field string
	Value any // nil, bool, int64, string or Decimal, of the field's own kind
}

// Program is a compiled bare expression.
type Program struct {
	at       origin
	root     node
	want     Type
	slots    int
	nodes    int
	deferred bool
	reads    []string
	class    Cost
}

// Compile compiles a bare expression that must yield a value of type want; the zero Type takes any. Errors are *Error.
func Compile(source string, scope *Scope, want Type) (*Program, error) {
	p, err := compile(source, origin{source: source}, scope)
	if err != nil {
		return nil, err
	}
	if err := p.expect(want); err != nil {
		return nil, err
	}
	return p, nil
}

func compile(source string, at origin, scope *Scope) (*Program, error) {
	tree, err := parse(source, at)
	if err != nil {
		return nil, err
	}
	if scope == nil {
		scope = &Scope{}
	}
	c := newCompiler(source, at, scope)
	root, err := c.compile(tree)
	if err != nil {
		return nil, err
	}
	p := &Program{at: at, root: root, slots: c.slots, nodes: c.nodes, deferred: c.deferred, reads: c.paths()}
	p.class = costOf(p.deferred, p.nodes)
	return p, nil
}

func costOf(deferred bool, nodes int) Cost {
	if deferred || nodes > inlineNodes {
		return Deferred
	}
	return Inline
}

// expect checks the static type against what is wanted.
func (p *Program) expect(want Type) error {
	p.want = want
	if suggestion, ok := assignable(p.root.typ, want); !ok {
		return p.at.fail(0, "expected "+want.String()+", got "+p.root.typ.String(), suggestion)
	}
	if text, ok := p.root.value.(string); ok && p.root.constant && len(want.Options) > 0 && !slices.Contains(want.Options, text) {
		return p.at.fail(0, `"`+clip(text)+`" is not `+want.String(), didYouMean(text, want.Options))
	}
	return nil
}

// Cost tells whether the program may be evaluated inside a commit.
func (p *Program) Cost() Cost { return p.class }

// Reads lists the dotted paths that the program looks at, such as "object.status", sorted. "object" alone means all of it.
func (p *Program) Reads() []string { return slices.Clone(p.reads) }

// Type is what the program yields.
func (p *Program) Type() Type {
	if p.root.typ.dynamic() && !p.want.dynamic() || p.root.typ.Kind == KindInt && p.want.Kind == KindDecimal {
		return p.want
	}
	return p.root.typ
}

// Equalities lists the terms `object.f == constant` that are joined by `and` at the top: where one of them does not hold, the
// program is not true.
func (p *Program) Equalities() []Equality { return slices.Clone(p.root.equal) }

// Eval evaluates the program. A nil budget stands for a fresh one: InlineLimits if the program is Inline, else FullLimits without
// a clock. Errors are *Error; those that match ErrBudget name the limit.
func (p *Program) Eval(env Env, b *Budget) (any, error) {
	v, err := p.run(env, p.budget(b))
	if err != nil {
		return nil, p.at.place(0, err)
	}
	return v, nil
}

// True evaluates a condition; null is false, and anything else that is not true or false an error.
func (p *Program) True(env Env, b *Budget) (bool, error) {
	v, err := p.run(env, p.budget(b))
	if err != nil {
		return false, p.at.place(0, err)
	}
	yes, err := truth(v)
	if err != nil {
		return false, p.at.place(0, err)
	}
	return yes, nil
}

func (p *Program) budget(b *Budget) *Budget {
	switch {
	case b != nil:
		return b
	case p.class == Inline:
		return NewBudget(InlineLimits, nil)
	default:
		return NewBudget(FullLimits, nil)
	}
}

func (p *Program) run(env Env, b *Budget) (any, error) {
	f := frame{env: env, budget: b}
	if p.slots > 0 {
		f.slots = make([]any, p.slots)
	}
	b.begin()
	defer b.end()
	v, err := p.root.eval(&f)
	if err != nil {
		return nil, err
	}
	if err := check(v, b); err != nil {
		return nil, err
	}
	if p.want.dynamic() || v == nil {
		return v, nil
	}
	return converter{zone: env.Zone}.convert(v, p.want, 0)
}

// frame is one evaluation. Slots hold what `let` names and the element and index of each closure.
type frame struct {
	env    Env
	budget *Budget
	slots  []any
}

func (f *frame) name(path []string) any {
	v := f.env.Names[path[0]]
	for _, key := range path[1:] {
		v = member(v, key, f.env.Zone)
	}
	return v
}

// node is a compiled part of an expression.
type node struct {
	typ      Type
	eval     func(*frame) (any, error)
	path     []string // where it is a plain path such as object.status
	constant bool
	value    any // of a constant
	equal    []Equality
}

func (n node) name() string {
	if len(n.path) == 0 {
		return "a value"
	}
	return strings.Join(n.path, ".")
}

func literal(typ Type, v any) node {
	return node{typ: typ, constant: true, value: v, eval: func(*frame) (any, error) { return v, nil }}
}

func truth(v any) (bool, error) {
	switch v := v.(type) {
	case bool:
		return v, nil
	case nil:
		return false, nil
	default:
		return false, hint("compare it with something, as in … == …", "expected true or false, got %s", describe(v))
	}
}
