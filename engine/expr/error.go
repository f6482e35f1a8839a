package expr

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Error is what is wrong with an expression, when it is compiled or when it is evaluated.
type Error struct {
	Source     string // the whole expression or template
	Path       string // where in a tree the template stands, such as "lines[0].price"; empty elsewhere
	Pos        int    // rune offset into Source
	Line       int    // counted from 1
	Column     int    // in runes, counted from 1
	Message    string
	Suggestion string // what to write instead; may be empty
	Limit      string // the limit that was passed, if one was, by the name that operators see

	cause error
}

// Error gives the message with its place and the suggestion.
func (e *Error) Error() string {
	var b strings.Builder
	if e.Path != "" {
		b.WriteString(e.Path + ": ")
	}
	fmt.Fprintf(&b, "%d:%d: %s", e.Line, e.Column, e.Message)
	if e.Suggestion != "" {
		b.WriteString(" (" + e.Suggestion + ")")
	}
	return b.String()
}

// Unwrap gives the cause, so that errors.Is finds ErrBudget.
func (e *Error) Unwrap() error { return e.cause }

// Over names the limit that was passed.
func (e *Error) Over(limit string) *Error {
	e.Limit = limit
	return e
}

// origin is where an expression stands: a template's expressions begin somewhere inside its text.
type origin struct {
	source string
	offset int // in runes
}

func (o origin) fail(pos int, message, suggestion string) *Error {
	e := &Error{Source: o.source, Pos: o.offset + pos, Line: 1, Column: 1, Message: message, Suggestion: suggestion}
	at := 0
	for _, r := range o.source {
		if at == e.Pos {
			break
		}
		at++
		e.Column++
		if r == '\n' {
			e.Line++
			e.Column = 1
		}
	}
	return e
}

// place puts a run-time error at a position, unless it already has one.
func (o origin) place(pos int, err error) error {
	if _, ok := errors.AsType[*Error](err); ok {
		return err
	}
	e := o.fail(pos, err.Error(), "")
	e.cause = err
	if spent, ok := errors.AsType[*budgetError](err); ok {
		e.Limit = spent.limit
	}
	if hinted, ok := errors.AsType[*hintError](err); ok {
		e.Message, e.Suggestion, e.Limit = hinted.message, hinted.suggestion, hinted.limit
	}
	return e
}

// hintError is an error without a place yet that knows what to write instead.
type hintError struct{ message, suggestion, limit string }

func (e *hintError) Error() string { return e.message }

func hint(suggestion, format string, args ...any) error {
	return &hintError{message: fmt.Sprintf(format, args...), suggestion: suggestion}
}

// nearest proposes the name that was probably meant, or nothing.
func nearest(name string, names []string) string {
	best, bestDistance := "", max(2, utf8.RuneCountInString(name)/3)+1
	for _, n := range names {
		if strings.EqualFold(n, name) {
			return n
		}
		if d := distance(name, n); d < bestDistance {
			best, bestDistance = n, d
		}
	}
	return best
}

func didYouMean(name string, names []string) string {
	if n := nearest(name, names); n != "" {
		return "did you mean " + n + "?"
	}
	return ""
}

// distance is the number of single-character edits between two names; a swap of neighbours counts as one.
func distance(a, b string) int {
	x, y := []rune(strings.ToLower(a)), []rune(strings.ToLower(b))
	if len(x) > 64 || len(y) > 64 {
		return 64
	}
	var older []int
	old := make([]int, len(y)+1)
	for j := range old {
		old[j] = j
	}
	for i := range x {
		row := make([]int, len(y)+1)
		row[0] = i + 1
		for j := range y {
			cost := 1
			if x[i] == y[j] {
				cost = 0
			}
			row[j+1] = min(old[j+1]+1, row[j]+1, old[j]+cost)
			if i > 0 && j > 0 && x[i] == y[j-1] && x[i-1] == y[j] {
				row[j+1] = min(row[j+1], older[j-1]+1)
			}
		}
		older, old = old, row
	}
	return old[len(y)]
}

// NewError makes an Error at a rune offset of source, for languages that are built around this one.
func NewError(source string, pos int, message, suggestion string) *Error {
	return origin{source: source}.fail(pos, message, suggestion)
}
