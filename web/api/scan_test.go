package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzScan compares the scanner with encoding/json: what it lets through is JSON, and of JSON it refuses only what we refuse on purpose.
func FuzzScan(f *testing.F) {
	for _, seed := range []string{
		`{}`, `[1,2.50,-0,1e9,true,false,null,"a\n\u00e9\ud83d\ude00"]`, `{"a":{"b":[{}]},"a ":1}`, `{"a":1,"\u0061":2}`, `"\ud800"`, `"\u0000"`,
		` [ ] `, `{"a":1,}`, `01`, `-`, `1.`, `1e`, `nul`, `"`, `{"a"}`, `[1 2]`, "\"\x01\"", "\"\xff\"", `[[[[[[[[[[[[]]]]]]]]]]]]`, `{} x`, ``, `"\x"`, `"\u12"`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		err := scan(doc, 10, 100)
		valid := json.Valid(doc)
		if err == nil && !valid {
			t.Fatalf("let through: %q", doc)
		}
		if err == nil {
			twice(t, doc)
			return
		}
		if !valid || !utf8.Valid(doc) {
			return
		}
		text := err.Error()
		for _, ours := range []string{"key stands twice", "half of a surrogate pair", "U+0000", "levels deep", "values", "not UTF-8"} {
			if strings.Contains(text, ours) {
				return
			}
		}
		t.Fatalf("%q is JSON and was refused: %s", doc, text)
	})
}

// twice checks with another reader that no object has a key twice.
func twice(t *testing.T, doc []byte) {
	dec := json.NewDecoder(bytes.NewReader(doc))
	type frame struct {
		keys  map[string]bool
		value bool // a value is due next, not a key
	}
	var open []*frame
	for {
		token, err := dec.Token()
		if err != nil {
			return
		}
		top := (*frame)(nil)
		if len(open) > 0 {
			top = open[len(open)-1]
		}
		switch token {
		case json.Delim('{'):
			open = append(open, &frame{keys: map[string]bool{}})
		case json.Delim('['):
			open = append(open, &frame{})
		case json.Delim('}'), json.Delim(']'):
			open = open[:len(open)-1]
			if len(open) > 0 {
				open[len(open)-1].value = false
			}
			continue
		default:
			if top != nil && top.keys != nil && !top.value {
				key := fmt.Sprint(token)
				if top.keys[key] {
					t.Fatalf("let through with the key %q twice: %q", key, doc)
				}
				top.keys[key], top.value = true, true
				continue
			}
		}
		if top != nil {
			top.value = token == json.Delim('{') || token == json.Delim('[')
		}
	}
}

func BenchmarkScan(b *testing.B) {
	doc := []byte(`{"extra":[` + strings.Repeat(`{"":0},`, 2_000) + `0],"note":"` + strings.Repeat("x", 100_000) + `"}`)
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	for b.Loop() {
		if err := scan(doc, 64, 10_000); err != nil {
			b.Fatal(err)
		}
	}
}
