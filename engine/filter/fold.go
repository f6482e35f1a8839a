package filter

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Fold gives a text the form in which it is indexed, ordered and searched: every letter small, character by character, by Unicode's
// simple mappings. Both stores get folded text from here, since neither folds all letters, nor alike. It changes no accents.
func Fold(s string) string {
	for i := range len(s) {
		if c := s[i]; c >= utf8.RuneSelf || c >= 'A' && c <= 'Z' {
			return strings.Map(foldRune, s)
		}
	}
	return s
}

// foldRune goes over the capital letter, so that letters with two small forms, such as σ and ς, become one.
func foldRune(r rune) rune {
	if r < utf8.RuneSelf {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}
	return unicode.ToLower(unicode.ToUpper(r))
}

// Pattern turns the value of LIKE into a SQL pattern for folded text, with \ as its escape character.
func Pattern(value string) string {
	parts, wild := patternParts(value)
	var b strings.Builder
	if !wild {
		b.WriteByte('%')
	}
	for _, p := range parts {
		if p.wildcard {
			b.WriteRune(p.r)
			continue
		}
		if p.r == '%' || p.r == '_' || p.r == '\\' {
			b.WriteByte('\\')
		}
		b.WriteRune(p.r)
	}
	if !wild {
		b.WriteByte('%')
	}
	return b.String()
}

// patternPart is one character of a pattern.
type patternPart struct {
	r        rune
	wildcard bool
}

// patternParts takes a LIKE value apart. Without a % that is no escape, it has no wildcards at all.
func patternParts(value string) (parts []patternPart, wild bool) {
	escaped := false
	for _, r := range Fold(value) {
		switch {
		case escaped:
			if r != '%' && r != '_' && r != '\\' {
				parts = append(parts, patternPart{r: '\\'})
			}
			parts = append(parts, patternPart{r: r})
			escaped = false
		case r == '\\':
			escaped = true
		default:
			parts = append(parts, patternPart{r: r, wildcard: r == '%' || r == '_'})
			wild = wild || r == '%'
		}
	}
	if escaped {
		parts = append(parts, patternPart{r: '\\'})
	}
	if !wild {
		for i := range parts {
			parts[i].wildcard = false
		}
	}
	return parts, wild
}

// like tells whether a text fits a LIKE value.
func like(text, value string) bool {
	parts, wild := patternParts(value)
	if !wild {
		var b strings.Builder
		for _, p := range parts {
			b.WriteRune(p.r)
		}
		return strings.Contains(Fold(text), b.String())
	}
	s := []rune(Fold(text))
	// Going back to the last % only is enough: an earlier one can not take less than it has without the same text left over.
	i, j, star, from := 0, 0, -1, 0
	for i < len(s) {
		switch {
		case j < len(parts) && parts[j].wildcard && parts[j].r == '%':
			star, from = j, i
			j++
		case j < len(parts) && (parts[j].r == s[i] || parts[j].wildcard):
			i, j = i+1, j+1
		case star >= 0:
			from++
			i, j = from, star+1
		default:
			return false
		}
	}
	for j < len(parts) && parts[j].wildcard && parts[j].r == '%' {
		j++
	}
	return j == len(parts)
}
