package expr

import (
	"fmt"
	"regexp"
	"regexp/syntax"
)

// The bounds of a regular expression. Go's run in time linear in the text, but with a factor of the pattern's size, and a small
// pattern such as (x{0,30}){0,30} is large once its repeats are written out.
const (
	maxPattern        = 256
	maxPatternSize    = 5_000 // instructions
	maxPatternSubject = 64 << 10
)

type pattern struct {
	regexp *regexp.Regexp
	size   int
}

func compilePattern(text string) (*pattern, error) {
	if len(text) > maxPattern {
		return nil, &hintError{message: fmt.Sprintf("a pattern is at most %d bytes long", maxPattern), limit: "pattern_bytes"}
	}
	tree, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return nil, fmt.Errorf("the pattern is wrong: %w", err)
	}
	if n := repeats(tree); n > maxPatternSize {
		return nil, fmt.Errorf("the pattern repeats too much")
	}
	prog, err := syntax.Compile(tree.Simplify())
	if err != nil {
		return nil, fmt.Errorf("the pattern is wrong: %w", err)
	}
	re, err := regexp.Compile(text)
	if err != nil {
		return nil, fmt.Errorf("the pattern is wrong: %w", err)
	}
	return &pattern{regexp: re, size: len(prog.Inst)}, nil
}

// repeats estimates how large a pattern becomes when its repeats are written out, so that it need not be done to find out.
func repeats(tree *syntax.Regexp) int {
	n := 1
	for _, sub := range tree.Sub {
		n += repeats(sub)
	}
	n += len(tree.Rune) / 16
	if tree.Op == syntax.OpRepeat {
		n *= max(tree.Min, tree.Max, 1)
	}
	return min(n, 1<<20)
}

func (p *pattern) match(s string, b *Budget) (bool, error) {
	if len(s) > maxPatternSubject {
		return false, &hintError{message: fmt.Sprintf("a pattern looks at no more than %d bytes of text", maxPatternSubject), limit: "pattern_subject"}
	}
	if err := b.spend(1 + len(s)*p.size/256); err != nil {
		return false, err
	}
	return p.regexp.MatchString(s), nil
}
