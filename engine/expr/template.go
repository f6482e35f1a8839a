package expr

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxTemplate is how long a template may be, maxParts how many {{ }} it may hold.
const (
	maxTemplate = 64 << 10
	maxParts    = 200
)

// Template is a compiled text with {{ }}. It is filled once: what a {{ }} yields is never read as a template.
type Template struct {
	at    origin
	parts []piece
	want  Type
	value any // of a template without {{ }}, as want wants it
	class Cost
	reads []string
}

// piece is a stretch of text or, if program is there, one {{ }}.
type piece struct {
	text    string
	program *Program
}

// CompileTemplate compiles a text with {{ }} that must yield a value of type want; the zero Type takes any. A template that is one
// {{ }} and nothing else keeps its type (where want is text, it becomes text as within a text, but null stays null). A text without
// {{ }} is read as the number, decimal, date or boolean that is wanted. Errors are *Error.
func CompileTemplate(source string, scope *Scope, want Type) (*Template, error) {
	t := &Template{at: origin{source: source}, want: want}
	if len(source) > maxTemplate {
		return nil, t.at.fail(0, fmt.Sprintf("a template is at most %d bytes long", maxTemplate), "").Over("template_bytes")
	}
	if err := t.scan(scope); err != nil {
		return nil, err
	}
	if err := t.expect(); err != nil {
		return nil, err
	}
	nodes, deferred := 0, false
	for _, p := range t.parts {
		if p.program != nil {
			nodes += p.program.nodes
			deferred = deferred || p.program.deferred
			t.reads = append(t.reads, p.program.reads...)
		}
	}
	slices.Sort(t.reads)
	t.reads = slices.Compact(t.reads)
	t.class = costOf(deferred, nodes)
	return t, nil
}

// scan cuts the source into its parts.
func (t *Template) scan(scope *Scope) error {
	rest, pos, programs := t.at.source, 0, 0
	for {
		open := strings.Index(rest, "{{")
		if open < 0 {
			t.literal(rest)
			return nil
		}
		t.literal(rest[:open])
		pos += utf8.RuneCountInString(rest[:open])
		inner, ok := Inside(rest[open+2:])
		if !ok {
			return t.at.fail(pos, "{{ is never closed", `write }} at its end; {{ itself is written {{ "{{" }}`)
		}
		if programs++; programs > maxParts {
			return t.at.fail(pos, fmt.Sprintf("a template has at most %d {{ }}", maxParts), "").Over("template_parts")
		}
		p, err := t.compile(inner, pos+2, scope)
		if err != nil {
			return err
		}
		t.parts = append(t.parts, piece{program: p})
		pos += 2 + utf8.RuneCountInString(inner) + 2
		rest = rest[open+2+len(inner)+2:]
	}
}

func (t *Template) literal(text string) {
	if text != "" {
		t.parts = append(t.parts, piece{text: text})
	}
}

func (t *Template) compile(inner string, pos int, scope *Scope) (*Program, error) {
	word := strings.TrimSpace(inner)
	closes := strings.HasPrefix(word, "/") && !strings.HasPrefix(word, "/*") && !strings.HasPrefix(word, "//")
	if strings.HasPrefix(word, "#") || closes {
		suggestion := "write {{ … }} with an expression"
		switch strings.Trim(word, "#/ ") {
		case "escape":
			suggestion = "write {{ json(…) }} around the value"
		case "encodeURIComponent":
			suggestion = "write {{ url(…) }} around the value"
		}
		return nil, t.at.fail(pos, "{{"+clip(word)+"}} is not part of the language", suggestion)
	}
	if word == "" {
		return nil, t.at.fail(pos, "there is nothing between {{ and }}", `{{ itself is written {{ "{{" }}`)
	}
	return compile(inner, origin{source: t.at.source, offset: pos}, scope)
}

// Inside is what stands before the }} that closes an expression which s begins with: not a }} in a string, nor one that ends two maps.
func Inside(s string) (string, bool) {
	depth := 0
	for i := 0; i < len(s); {
		if depth == 0 && strings.HasPrefix(s[i:], "}}") {
			return s[:i], true
		}
		step := skip(s[i:])
		if strings.HasPrefix(s[i:], "//") {
			step = comment(s[i:], "\n", "}}")
		}
		if step == 1 && s[i] == '{' {
			depth++
		} else if step == 1 && s[i] == '}' && depth > 0 {
			depth--
		}
		i += step
	}
	return "", false
}

// expect checks the template against the type that is wanted.
func (t *Template) expect() error {
	if text, ok := t.Literal(); ok {
		return t.expectLiteral(text)
	}
	if p := t.single(); p != nil {
		if t.want.Kind == KindString && len(t.want.Options) == 0 {
			return nil
		}
		return p.expect(t.want)
	}
	if !t.want.is(KindString) {
		return t.at.fail(0, "expected "+t.want.String()+", got text", "one {{ }} with nothing around it keeps its type")
	}
	return nil
}

func (t *Template) expectLiteral(text string) error {
	t.value = text
	switch {
	case t.want.Kind == KindBool && (text == "true" || text == "false"):
		t.value = text == "true"
	case t.want.Kind == KindString && len(t.want.Options) > 0 && text != "" && !slices.Contains(t.want.Options, text):
		return t.at.fail(0, `"`+clip(text)+`" is not `+t.want.String(), didYouMean(text, t.want.Options))
	case text == "" && !t.want.is(KindString):
		t.value = nil
	case !t.want.dynamic():
		v, err := converter{}.convert(text, t.want, 0)
		if err != nil {
			return t.at.place(0, err)
		}
		t.value = v
	}
	return nil
}

// single is the program of a template that is one {{ }} and nothing else.
func (t *Template) single() *Program {
	if len(t.parts) != 1 {
		return nil
	}
	return t.parts[0].program
}

// Literal is the text of a template that has no {{ }}.
func (t *Template) Literal() (string, bool) {
	switch {
	case len(t.parts) == 0:
		return "", true
	case len(t.parts) == 1 && t.parts[0].program == nil:
		return t.parts[0].text, true
	default:
		return "", false
	}
}

// Cost tells whether the template may be evaluated inside a commit.
func (t *Template) Cost() Cost { return t.class }

// Reads lists the dotted paths that the template looks at, as Program.Reads does.
func (t *Template) Reads() []string { return slices.Clone(t.reads) }

// Type is what the template yields.
func (t *Template) Type() Type {
	if _, ok := t.Literal(); ok && !t.want.dynamic() {
		return t.want
	}
	if p := t.single(); p != nil && t.want.Kind != KindString {
		return p.Type()
	}
	return Type{Kind: KindString}
}

// Eval fills the template. A nil budget stands for a fresh one, as in Program.Eval. Errors are *Error.
func (t *Template) Eval(env Env, b *Budget) (any, error) {
	if _, ok := t.Literal(); ok {
		return t.value, nil
	}
	p := t.single()
	if p == nil {
		return t.Text(env, b)
	}
	if t.want.Kind != KindString || len(t.want.Options) > 0 {
		return p.Eval(env, b)
	}
	b = t.budget(b)
	v, err := p.Eval(env, b)
	if err != nil || v == nil {
		return nil, err
	}
	if s, ok := v.(string); ok {
		return s, nil
	}
	return t.Text(env, b)
}

func (t *Template) budget(b *Budget) *Budget {
	switch {
	case b != nil:
		return b
	case t.class == Inline:
		return NewBudget(InlineLimits, nil)
	default:
		return NewBudget(FullLimits, nil)
	}
}

// Text fills the template as a text of at most 64 KiB, even where it is one {{ }}: null is then empty. Errors are *Error.
func (t *Template) Text(env Env, b *Budget) (string, error) {
	w := writer{budget: t.budget(b), limit: maxText}
	for _, p := range t.parts {
		if p.program == nil {
			if err := w.add(p.text); err != nil {
				return "", t.at.place(0, err)
			}
			continue
		}
		v, err := p.program.Eval(env, w.budget)
		if err == nil {
			err = w.text(v)
		}
		if err != nil {
			return "", p.program.at.place(0, err)
		}
	}
	return string(w.out), nil
}
