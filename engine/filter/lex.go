package filter

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/cuelight/cuelight/engine/expr"
)

type tokenKind int

const (
	end tokenKind = iota
	word
	text
	numeral
	template
	symbol
)

// token is a piece of the source; text is what it means, without quotes and escapes.
type token struct {
	kind tokenKind
	text string
	pos  int
}

var keywords = map[string]bool{"and": true, "or": true, "not": true, "in": true, "like": true, "is": true, "null": true, "true": true, "false": true}

// keyword tells whether the token is this keyword.
func (t token) keyword(k string) bool { return t.kind == word && strings.EqualFold(t.text, k) }

func (t token) symbol(s string) bool { return t.kind == symbol && t.text == s }

func letter(c byte) bool { return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }
func digit(c byte) bool  { return c >= '0' && c <= '9' }

func isName(s string) bool {
	if s == "" || !letter(s[0]) {
		return false
	}
	for i := range len(s) {
		if !letter(s[i]) && !digit(s[i]) && s[i] != '.' {
			return false
		}
	}
	return true
}

// lexer cuts a source into tokens.
type lexer struct {
	source    string
	at, pos   int // the same place in bytes and in runes
	templates bool
}

func (l *lexer) fail(pos int, suggestion, format string, args ...any) *expr.Error {
	return expr.NewError(l.source, pos, fmt.Sprintf(format, args...), suggestion)
}

func (l *lexer) take(n int) string {
	s := l.source[l.at : l.at+n]
	l.at += n
	l.pos += utf8.RuneCountInString(s)
	return s
}

// next is the next token; at the end it is one of kind end.
func (l *lexer) next() (token, error) {
	for l.at < len(l.source) && strings.IndexByte(" \t\r\n", l.source[l.at]) >= 0 {
		l.take(1)
	}
	t, rest := token{pos: l.pos}, l.source[l.at:]
	if rest == "" {
		return t, nil
	}
	switch c := rest[0]; {
	case strings.HasPrefix(rest, "{{"):
		return l.template(t, rest)
	case c == '"' || c == '\'':
		return l.quoted(t, rest)
	case letter(c):
		n := 1
		for n < len(rest) && (letter(rest[n]) || digit(rest[n]) || rest[n] == '.') {
			n++
		}
		t.kind, t.text = word, l.take(n)
		return t, nil
	case digit(c), c == '.' && len(rest) > 1 && digit(rest[1]), c == '-' && len(rest) > 1 && (digit(rest[1]) || rest[1] == '.'):
		return l.number(t, rest)
	}
	for _, s := range []string{"==", "!=", "<>", "<=", ">=", "=", "<", ">", "(", ")", ","} {
		if strings.HasPrefix(rest, s) {
			l.take(len(s))
			t.kind, t.text = symbol, map[string]string{"==": "=", "<>": "!="}[s]
			if t.text == "" {
				t.text = s
			}
			return t, nil
		}
	}
	return t, l.unknown(rest)
}

func (l *lexer) unknown(rest string) error {
	suggestion := ""
	switch rest[0] {
	case '&':
		suggestion = "write AND"
	case '|':
		suggestion = "write OR"
	case '!':
		suggestion = "write NOT or !="
	}
	r, _ := utf8.DecodeRuneInString(rest)
	return l.fail(l.pos, suggestion, "%q has no meaning here", string(r))
}

func (l *lexer) number(t token, rest string) (token, error) {
	n := 1
	for n < len(rest) {
		c := rest[n]
		sign := (c == '+' || c == '-') && (rest[n-1] == 'e' || rest[n-1] == 'E')
		if !digit(c) && !letter(c) && c != '.' && c != '-' && !sign {
			break
		}
		n++
	}
	t.kind, t.text = numeral, l.take(n)
	if _, err := expr.ParseDecimal(t.text); err != nil {
		return t, l.fail(t.pos, `text stands in quotes: "`+t.text+`"`, "%s is not a number of at most 34 digits", t.text)
	}
	return t, nil
}

// quoted reads a text in quotes. In a step, a text that is one {{ }} and nothing else is an expression, as the original's users write it.
func (l *lexer) quoted(t token, rest string) (token, error) {
	var b strings.Builder
	for i := 1; i < len(rest); i++ {
		switch c := rest[i]; c {
		case rest[0]:
			l.take(i + 1)
			t.kind, t.text = text, b.String()
			return l.filled(t)
		case '\\':
			i++
			if i == len(rest) {
				break
			}
			s, ok := unescape(rest[i])
			if !ok {
				return t, l.fail(l.pos+utf8.RuneCountInString(rest[:i-1]), `a backslash is written \\`, `\%c is no escape`, rest[i])
			}
			b.WriteString(s)
		default:
			b.WriteByte(c)
		}
	}
	return t, l.fail(t.pos, "", "the text that begins here never ends")
}

func unescape(c byte) (string, bool) {
	switch c {
	case '\\', '"', '\'':
		return string(c), true
	case 'n':
		return "\n", true
	case 'r':
		return "\r", true
	case 't':
		return "\t", true
	case '%', '_':
		return `\` + string(c), true
	default:
		return "", false
	}
}

func (l *lexer) filled(t token) (token, error) {
	if !l.templates || !strings.Contains(t.text, "{{") {
		return t, nil
	}
	inner, ok := strings.CutPrefix(strings.TrimSpace(t.text), "{{")
	if ok {
		source, closed := expr.Inside(inner)
		if closed && len(source)+2 == len(inner) && strings.TrimSpace(source) != "" {
			t.kind, t.text = template, source
			return t, nil
		}
	}
	return t, l.fail(t.pos, `join text in the expression: {{ "a" + object.b }}`, "a value is either text or one {{ }}")
}

func (l *lexer) template(t token, rest string) (token, error) {
	if !l.templates {
		return t, l.fail(t.pos, "write the value itself", "{{ }} stands only in the filters of steps")
	}
	inner, ok := expr.Inside(rest[2:])
	if !ok {
		return t, l.fail(t.pos, "write }} at its end", "{{ is never closed")
	}
	if strings.TrimSpace(inner) == "" {
		return t, l.fail(t.pos, "", "there is nothing between {{ and }}")
	}
	l.take(len(inner) + 4)
	t.kind, t.text = template, inner
	return t, nil
}
