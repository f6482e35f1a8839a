package api

import (
	"net/http"
	"slices"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// scanner reads a JSON document once before anything is made of it: whether it is one, how deep, how many values, each key of an object
// once, and no text that a store can not keep. It makes nothing but the lists of keys of the objects that are open.
type scanner struct {
	doc      []byte
	at       int
	depth    int
	nodes    int
	maxDepth int
	maxNodes int
}

// scan checks a whole document.
func scan(doc []byte, maxDepth, maxNodes int) error {
	s := &scanner{doc: doc, maxDepth: maxDepth, maxNodes: maxNodes}
	if err := s.value(); err != nil {
		return err
	}
	if s.space(); s.at < len(s.doc) {
		return s.fail("there is text behind the document")
	}
	return nil
}

func (s *scanner) fail(message string) error {
	return problem(http.StatusBadRequest, "JSON", "the body is not readable JSON: %s (at byte %d)", message, s.at+1)
}

func (s *scanner) space() {
	for s.at < len(s.doc) {
		switch s.doc[s.at] {
		case ' ', '\t', '\n', '\r':
			s.at++
		default:
			return
		}
	}
}

func (s *scanner) peek() byte {
	if s.at < len(s.doc) {
		return s.doc[s.at]
	}
	return 0
}

func (s *scanner) value() error {
	s.space()
	if s.nodes++; s.nodes > s.maxNodes {
		return limited(http.StatusRequestEntityTooLarge, "json_nodes", "JSON_NODES", "a body may hold at most %d values", s.maxNodes)
	}
	switch b := s.peek(); {
	case b == '{':
		return s.nested(s.object)
	case b == '[':
		return s.nested(s.array)
	case b == '"':
		_, err := s.text()
		return err
	case b == '-' || b >= '0' && b <= '9':
		return s.number()
	case b == 't':
		return s.word("true")
	case b == 'f':
		return s.word("false")
	case b == 'n':
		return s.word("null")
	case s.at >= len(s.doc):
		return s.fail("it ends too soon")
	}
	return s.fail("a value is due here")
}

func (s *scanner) nested(inner func() error) error {
	if s.depth++; s.depth > s.maxDepth {
		return limited(http.StatusRequestEntityTooLarge, "json_depth", "JSON_DEPTH", "a body may be at most %d levels deep", s.maxDepth)
	}
	s.at++
	err := inner()
	s.depth--
	return err
}

// manyKeys is when a map finds a key faster than a list.
const manyKeys = 16

func (s *scanner) object() error {
	var few []string
	var many map[string]bool
	if s.space(); s.peek() == '}' {
		s.at++
		return nil
	}
	for {
		s.space()
		if s.peek() != '"' {
			return s.fail("a key is due here")
		}
		text, err := s.text()
		if err != nil {
			return err
		}
		key := string(text)
		if many[key] || many == nil && slices.Contains(few, key) {
			return s.fail("a key stands twice in one object")
		}
		if few = append(few, key); len(few) == manyKeys {
			many = map[string]bool{}
			for _, k := range few {
				many[k] = true
			}
		}
		if many != nil {
			many[key] = true
		}
		if s.space(); s.peek() != ':' {
			return s.fail("a colon is due here")
		}
		s.at++
		if err := s.value(); err != nil {
			return err
		}
		if end, err := s.next('}'); end || err != nil {
			return err
		}
	}
}

func (s *scanner) array() error {
	if s.space(); s.peek() == ']' {
		s.at++
		return nil
	}
	for {
		if err := s.value(); err != nil {
			return err
		}
		if end, err := s.next(']'); end || err != nil {
			return err
		}
	}
}

// next goes over the comma between two elements, or over the closing bracket.
func (s *scanner) next(closing byte) (end bool, err error) {
	s.space()
	switch s.peek() {
	case ',':
		s.at++
		return false, nil
	case closing:
		s.at++
		return true, nil
	}
	return false, s.fail("a comma or a closing bracket is due here")
}

func (s *scanner) word(w string) error {
	if len(s.doc)-s.at < len(w) || string(s.doc[s.at:s.at+len(w)]) != w {
		return s.fail("a value is due here")
	}
	s.at += len(w)
	return nil
}

func (s *scanner) number() error {
	if s.peek() == '-' {
		s.at++
	}
	if s.peek() == '0' {
		s.at++
	} else if !s.digits() {
		return s.fail("a digit is due here")
	}
	if s.peek() == '.' {
		s.at++
		if !s.digits() {
			return s.fail("a digit is due here")
		}
	}
	if b := s.peek(); b == 'e' || b == 'E' {
		s.at++
		if b := s.peek(); b == '+' || b == '-' {
			s.at++
		}
		if !s.digits() {
			return s.fail("a digit is due here")
		}
	}
	return nil
}

func (s *scanner) digits() bool {
	from := s.at
	for b := s.peek(); b >= '0' && b <= '9'; b = s.peek() {
		s.at++
	}
	return s.at > from
}

// text goes over a string and gives its content, unescaped; it is a part of the document where nothing was escaped.
func (s *scanner) text() ([]byte, error) {
	s.at++
	from, plain := s.at, true
	var out []byte
	for s.at < len(s.doc) {
		b := s.doc[s.at]
		switch {
		case b == '"':
			if plain {
				out = s.doc[from:s.at]
			}
			s.at++
			return out, nil
		case b < ' ':
			return nil, s.fail("a control character in a text")
		case b == '\\':
			if plain {
				out, plain = append([]byte(nil), s.doc[from:s.at]...), false
			}
			r, err := s.escape()
			if err != nil {
				return nil, err
			}
			out = utf8.AppendRune(out, r)
		case b < utf8.RuneSelf:
			if !plain {
				out = append(out, b)
			}
			s.at++
		default:
			r, size := utf8.DecodeRune(s.doc[s.at:])
			if r == utf8.RuneError && size == 1 {
				return nil, s.fail("text that is not UTF-8")
			}
			if !plain {
				out = append(out, s.doc[s.at:s.at+size]...)
			}
			s.at += size
		}
	}
	return nil, s.fail("a text that does not end")
}

var escapes = map[byte]rune{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

func (s *scanner) escape() (rune, error) {
	s.at++
	b := s.peek()
	if r, ok := escapes[b]; ok {
		s.at++
		return r, nil
	}
	if b != 'u' {
		return 0, s.fail("an unknown escape in a text")
	}
	r, ok := s.hex()
	if !ok {
		return 0, s.fail("four hexadecimal digits are due here")
	}
	if r == 0 {
		return 0, s.fail("the character U+0000, which can not be stored")
	}
	if !utf16.IsSurrogate(r) {
		return r, nil
	}
	if s.peek() != '\\' || s.at+1 >= len(s.doc) || s.doc[s.at+1] != 'u' {
		return 0, s.fail("half of a surrogate pair")
	}
	s.at++
	low, ok := s.hex()
	if pair := utf16.DecodeRune(r, low); ok && pair != utf8.RuneError {
		return pair, nil
	}
	return 0, s.fail("half of a surrogate pair")
}

// hex reads the u and four digits.
func (s *scanner) hex() (rune, bool) {
	s.at++
	if len(s.doc)-s.at < 4 {
		return 0, false
	}
	n, err := strconv.ParseUint(string(s.doc[s.at:s.at+4]), 16, 32)
	if err != nil {
		return 0, false
	}
	s.at += 4
	return rune(n), true
}
