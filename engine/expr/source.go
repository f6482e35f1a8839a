package expr

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
)

// The bounds of an expression's source. They are checked before the parser runs: it recurses as deep as its source nests.
const (
	maxSource  = 4 << 10
	maxNodes   = 1_000
	maxNesting = 64
)

// parse checks the bounds of a source and parses it.
func parse(source string, at origin) (ast.Node, error) {
	if err := guard(source, at); err != nil {
		return nil, err
	}
	tree, err := parser.ParseWithConfig(source, &conf.Config{MaxNodes: maxNodes})
	if err == nil {
		return tree.Node, nil
	}
	if e, ok := errors.AsType[*file.Error](err); ok {
		message, suggestion := plain(e.Message)
		failed := at.fail(min(e.From, utf8.RuneCountInString(source)), message, suggestion)
		if strings.Contains(e.Message, tooManyNodes) {
			failed.Limit = "expression_nodes"
		}
		return nil, failed
	}
	return nil, at.fail(0, err.Error(), "")
}

func guard(source string, at origin) error {
	if len(source) > maxSource {
		return at.fail(0, fmt.Sprintf("an expression is at most %d bytes long", maxSource), "split it with a set_variables step").Over("expression_bytes")
	}
	if !utf8.ValidString(source) || strings.ContainsRune(source, 0) {
		return at.fail(0, "the expression is not valid UTF-8 text", "")
	}
	if strings.TrimSpace(source) == "" {
		return at.fail(0, "the expression is empty", "")
	}
	depth, pos := 0, 0
	for i := 0; i < len(source); {
		step := skip(source[i:])
		if strings.HasPrefix(source[i:], "//") {
			step = comment(source[i:], "\n")
		}
		if step == 1 {
			switch source[i] {
			case '(', '[', '{':
				depth++
			case ')', ']', '}':
				depth--
			}
		}
		if depth > maxNesting {
			return at.fail(pos, fmt.Sprintf("the expression is nested more than %d deep", maxNesting), "").Over("expression_nesting")
		}
		pos += utf8.RuneCountInString(source[i : i+step])
		i += step
	}
	return nil
}

// skip is the length of what stands at the start of s and must be passed over as a whole: a string, a comment, else one character.
func skip(s string) int {
	switch {
	case s[0] == '"' || s[0] == '\'':
		for i := 1; i < len(s); i++ {
			if s[i] == '\\' {
				i++
			} else if s[i] == s[0] {
				return i + 1
			}
		}
		return len(s)
	case s[0] == '`':
		if i := strings.IndexByte(s[1:], '`'); i >= 0 {
			return i + 2
		}
		return len(s)
	case strings.HasPrefix(s, "/*"):
		if i := strings.Index(s[2:], "*/"); i >= 0 {
			return i + 4
		}
		return len(s)
	default:
		_, size := utf8.DecodeRuneInString(s)
		return size
	}
}

// comment is the length of a // comment at the start of s, which ends before the first of the marks.
func comment(s string, marks ...string) int {
	n := len(s)
	for _, m := range marks {
		if i := strings.Index(s, m); i >= 0 {
			n = min(n, i)
		}
	}
	return n
}

// tooManyNodes is how the parser says that an expression has too many parts.
const tooManyNodes = "maximum allowed nodes"

// plain puts the parser's messages into words for builders.
func plain(message string) (text, suggestion string) {
	switch {
	case strings.Contains(message, tooManyNodes):
		return fmt.Sprintf("the expression has more than %d parts", maxNodes), "split it with a set_variables step"
	case strings.HasPrefix(message, `unexpected token Operator("=")`):
		return "a single = compares nothing", "write =="
	case strings.HasPrefix(message, "unexpected token EOF"):
		return "the expression ends too early", ""
	case strings.HasPrefix(message, "Operator ("):
		return "?? can not be mixed with other operators", "put parentheses around it: (a ?? b)"
	default:
		return message, ""
	}
}
