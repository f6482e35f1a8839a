package filter

import (
	"strings"
	"time"

	"github.com/cuelight/cuelight/engine/expr"
)

// Op is what a Node does.
type Op string

// The operators. And, Or and Not have Children; the others have a Field and, but for IsNull and NotNull, Values.
const (
	And     Op = "and"
	Or      Op = "or"
	Not     Op = "not"
	Equal   Op = "="
	Unequal Op = "!="
	Less    Op = "<"
	AtMost  Op = "<="
	Greater Op = ">"
	AtLeast Op = ">="
	In      Op = "in" // one of Values; never true without any
	Like    Op = "like"
	IsNull  Op = "is null"
	NotNull Op = "is not null"
)

// Node is a filter. It is never changed once made; Check and Bind give new ones.
type Node struct {
	Op       Op
	Field    string
	Kind     expr.Kind // of the field, or of the elements where it is a list; set by Check
	List     bool      // the field is a list and is compared by its elements; set by Check
	Values   []Value   // one for a comparison, any number for In
	Children []*Node   // two or more for And and Or, one for Not
	Pos      int       // rune offset into the source
}

// Value is a constant, or an expression that Bind will replace by one.
type Value struct {
	// Any is the constant: a string, bool or Number when parsed; when checked, a string, bool, int64, expr.Decimal or time.Time as
	// the field wants it.
	Any any
	// Expression is the inside of a {{ }}; empty for a constant.
	Expression string
	Pos        int
}

// Number is a number as it was written, with all its digits.
type Number string

// String writes the filter so that it parses to the same tree.
func (n *Node) String() string {
	var b strings.Builder
	n.write(&b)
	return b.String()
}

func (n *Node) write(b *strings.Builder) {
	switch n.Op {
	case And, Or:
		for i, c := range n.Children {
			if i > 0 {
				b.WriteString(" " + strings.ToUpper(string(n.Op)) + " ")
			}
			c.writeInside(b, n.Op == And && c.Op == Or || c.Op == n.Op)
		}
	case Not:
		b.WriteString("NOT ")
		c := n.Children[0]
		c.writeInside(b, c.Op == And || c.Op == Or)
	case IsNull, NotNull:
		b.WriteString(quoteField(n.Field) + " " + strings.ToUpper(string(n.Op)))
	case In:
		b.WriteString(quoteField(n.Field) + " IN (")
		for i, v := range n.Values {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(v.String())
		}
		b.WriteString(")")
	default:
		b.WriteString(quoteField(n.Field) + " " + strings.ToUpper(string(n.Op)) + " " + n.Values[0].String())
	}
}

func (n *Node) writeInside(b *strings.Builder, parentheses bool) {
	if parentheses {
		b.WriteString("(")
	}
	n.write(b)
	if parentheses {
		b.WriteString(")")
	}
}

// String writes the value as it stands in a filter.
func (v Value) String() string {
	if v.Expression != "" {
		return "{{" + v.Expression + "}}"
	}
	switch c := v.Any.(type) {
	case string:
		return quote(c, '"')
	case Number:
		return string(c)
	}
	text, err := expr.Text(v.Any)
	if _, isTime := v.Any.(time.Time); isTime || err != nil {
		return quote(text, '"')
	}
	return text
}

func quoteField(field string) string {
	if keywords[strings.ToLower(field)] || !isName(field) {
		return quote(field, '\'')
	}
	return field
}

var escapes = strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\r", `\r`, "\t", `\t`)

func quote(s string, mark byte) string {
	q := string(mark)
	return q + strings.ReplaceAll(escapes.Replace(s), q, `\`+q) + q
}

// Fields lists the fields that the filter looks at, in the order of their first use.
func (n *Node) Fields() []string {
	var names []string
	seen := map[string]bool{}
	n.walk(func(m *Node) {
		if m.Field != "" && !seen[m.Field] {
			seen[m.Field] = true
			names = append(names, m.Field)
		}
	})
	return names
}

func (n *Node) walk(visit func(*Node)) {
	visit(n)
	for _, c := range n.Children {
		c.walk(visit)
	}
}

func (n *Node) depth() int {
	deepest := 0
	for _, c := range n.Children {
		deepest = max(deepest, c.depth())
	}
	return deepest + 1
}
