package filter

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/cuelight/cuelight/engine/expr"
)

// The bounds of a filter.
const (
	MaxSource = 4 << 10 // bytes
	MaxDepth  = 8
	MaxTerms  = 50
)

// maxNesting bounds the parser's own recursion; redundant parentheses do not make the tree deeper.
const maxNesting = 64

// Parse parses a filter of constants. An error is an *expr.Error.
func Parse(source string) (*Node, error) { return parse(source, false) }

// ParseTemplate parses a filter in which a value may be one {{ }}, for Bind to fill in. An error is an *expr.Error.
func ParseTemplate(source string) (*Node, error) { return parse(source, true) }

func parse(source string, templates bool) (*Node, error) {
	p := parser{lexer: lexer{source: source, templates: templates}}
	switch {
	case len(source) > MaxSource:
		return nil, expr.NewError(source, 0, fmt.Sprintf("a filter is at most %d bytes long", MaxSource), "").Over("filter_bytes")
	case !utf8.ValidString(source) || strings.ContainsRune(source, 0):
		return nil, expr.NewError(source, 0, "the filter is not valid UTF-8 text", "")
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	if p.current.kind == end {
		return nil, expr.NewError(source, 0, "the filter is empty", "")
	}
	n, err := p.or()
	if err != nil {
		return nil, err
	}
	if p.current.kind != end {
		return nil, p.unexpected("AND or OR")
	}
	if n.depth() > MaxDepth {
		return nil, expr.NewError(source, 0, fmt.Sprintf("the filter is nested more than %d deep", MaxDepth), "").Over("filter_depth")
	}
	return n, nil
}

// parser reads tokens one at a time; current is not used up yet.
type parser struct {
	lexer
	current token
	nesting int
	terms   int
}

func (p *parser) advance() error {
	t, err := p.next()
	p.current = t
	return err
}

func (p *parser) unexpected(want string) error {
	t := p.current
	what := `"` + t.text + `"`
	if t.kind == end {
		what = "the end"
	}
	return p.fail(t.pos, "", "expected %s, got %s", want, what)
}

func (p *parser) or() (*Node, error)  { return p.list(Or, p.and) }
func (p *parser) and() (*Node, error) { return p.list(And, p.unary) }

// list reads parts joined by one operator. Parts that are joined by the same one in parentheses become parts of the whole.
func (p *parser) list(op Op, part func() (*Node, error)) (*Node, error) {
	n, err := part()
	if err != nil || !p.current.keyword(string(op)) {
		return n, err
	}
	all := &Node{Op: op, Pos: n.Pos}
	for {
		if n.Op == op {
			all.Children = append(all.Children, n.Children...)
		} else {
			all.Children = append(all.Children, n)
		}
		if !p.current.keyword(string(op)) {
			return all, nil
		}
		if err := p.advance(); err != nil {
			return nil, err
		}
		if n, err = part(); err != nil {
			return nil, err
		}
	}
}

func (p *parser) unary() (*Node, error) {
	t := p.current
	if !t.keyword("not") && !t.symbol("(") {
		return p.term()
	}
	if p.nesting++; p.nesting > maxNesting {
		return nil, p.fail(t.pos, "", "the filter is nested more than %d deep", maxNesting).Over("filter_depth")
	}
	defer func() { p.nesting-- }()
	if err := p.advance(); err != nil {
		return nil, err
	}
	if t.keyword("not") {
		n, err := p.unary()
		if err != nil {
			return nil, err
		}
		return &Node{Op: Not, Children: []*Node{n}, Pos: t.pos}, nil
	}
	n, err := p.or()
	if err != nil {
		return nil, err
	}
	if !p.current.symbol(")") {
		return nil, p.unexpected(")")
	}
	return n, p.advance()
}

// term reads a field with its operator, or a value that stands alone.
func (p *parser) term() (*Node, error) {
	if p.terms++; p.terms > MaxTerms {
		return nil, p.fail(p.current.pos, "", "the filter has more than %d terms", MaxTerms).Over("filter_terms")
	}
	first := p.current
	switch {
	case first.kind == end || first.kind == symbol:
		return nil, p.unexpected("a field")
	case first.kind == word && keywords[strings.ToLower(first.text)]:
		return nil, p.fail(first.pos, "a field of that name stands in quotes: '"+first.text+"'", "expected a field, got %s", first.text)
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	n := &Node{Field: first.text, Pos: first.pos}
	if p.operator() {
		if first.kind == numeral || first.kind == template {
			return nil, p.fail(first.pos, "the field stands on the left", "expected a field, got a value")
		}
		return p.operation(n)
	}
	if first.kind == word {
		return nil, p.fail(p.current.pos, `write `+first.text+` = "…"; for an object with that id write id = "`+first.text+`"`,
			"%s is compared with nothing", first.text)
	}
	n.Op, n.Field, n.Values = Equal, "id", []Value{{Any: first.text, Pos: first.pos}}
	if first.kind == template {
		n.Values[0] = Value{Expression: first.text, Pos: first.pos}
	}
	return n, nil
}

// operator tells whether the current token continues a term.
func (p *parser) operator() bool {
	t := p.current
	return t.kind == symbol && strings.ContainsAny(t.text, "=<>") || t.keyword("in") || t.keyword("like") || t.keyword("is") || t.keyword("not")
}

func (p *parser) operation(n *Node) (*Node, error) {
	op := p.current
	if err := p.advance(); err != nil {
		return nil, err
	}
	switch {
	case op.keyword("is"):
		return p.isNull(n)
	case op.keyword("not"):
		op = p.current
		if !op.keyword("in") && !op.keyword("like") {
			return nil, p.unexpected("IN or LIKE")
		}
		inner, err := p.operation(n)
		if err != nil {
			return nil, err
		}
		return &Node{Op: Not, Children: []*Node{inner}, Pos: n.Pos}, nil
	case op.keyword("in"):
		n.Op = In
		return n, p.values(n)
	}
	n.Op = Op(strings.ToLower(op.text))
	if p.current.keyword("null") && (n.Op == Equal || n.Op == Unequal) {
		n.Op = map[Op]Op{Equal: IsNull, Unequal: NotNull}[n.Op]
		return n, p.advance()
	}
	return n, p.value(n)
}

func (p *parser) isNull(n *Node) (*Node, error) {
	n.Op = IsNull
	if p.current.keyword("not") {
		n.Op = NotNull
		if err := p.advance(); err != nil {
			return nil, err
		}
	}
	if !p.current.keyword("null") {
		return nil, p.unexpected("NULL")
	}
	return n, p.advance()
}

// value reads one value into the node.
func (p *parser) value(n *Node) error {
	t := p.current
	v := Value{Pos: t.pos}
	switch {
	case t.kind == text:
		v.Any = t.text
	case t.kind == numeral:
		v.Any = Number(t.text)
	case t.kind == template:
		v.Expression = t.text
	case t.keyword("true"), t.keyword("false"):
		v.Any = t.keyword("true")
	case t.keyword("null"):
		return p.fail(t.pos, "write IS NULL", "null has no order and is in no list")
	case t.kind == word:
		return p.fail(t.pos, `text stands in quotes: "`+t.text+`"`, "expected a value, got %s", t.text)
	default:
		return p.unexpected("a value")
	}
	n.Values = append(n.Values, v)
	return p.advance()
}

// values reads the list of IN; one {{ }} may stand for the whole of it.
func (p *parser) values(n *Node) error {
	if p.current.kind == template {
		return p.value(n)
	}
	if !p.current.symbol("(") {
		return p.unexpected(`( as in ("a", "b")`)
	}
	if err := p.advance(); err != nil {
		return err
	}
	for !p.current.symbol(")") {
		if len(n.Values) > 0 {
			if !p.current.symbol(",") {
				return p.unexpected(", or )")
			}
			if err := p.advance(); err != nil {
				return err
			}
		}
		if err := p.value(n); err != nil {
			return err
		}
	}
	n.Values = slices.Clip(n.Values)
	return p.advance()
}
