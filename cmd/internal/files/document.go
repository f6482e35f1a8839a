// Package files holds an app's documents as files: it reads and writes them as YAML, says how they differ from what a server has, and
// brings them in.
package files

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// The kinds of documents, in the order in which they are applied.
const (
	App       = "app"
	Constant  = "constant"
	Secret    = "secret"
	Structure = "structure"
	Scenario  = "scenario"
)

var kinds = []string{App, Constant, Secret, Structure, Scenario}

// Document is one document of a file.
type Document struct {
	File     string
	Kind, ID string
	// line is where it begins; lines are those of its parts, by path.
	line  int
	lines map[string]int
	value map[string]any
}

// JSON is the document as the server takes it.
func (d *Document) JSON() (json.RawMessage, error) { return marshal(d.value) }

// trouble is something wrong with a document, with its place.
func (d *Document) trouble(path, message string) Trouble {
	text := d.Kind + " " + d.ID
	if path != "" {
		text += ": " + path
	}
	return Trouble{d.File, d.lineOf(path), text + ": " + message}
}

// lineOf is the line of a path, or of the nearest part of the document that stands around it.
func (d *Document) lineOf(path string) int {
	for path != "" {
		if n, ok := d.lines[path]; ok {
			return n
		}
		path = path[:max(0, strings.LastIndexAny(path, ".["))]
	}
	return d.line
}

// Trouble is an error with its place in a file.
type Trouble struct {
	File string
	Line int
	Text string
}

// Error tells it as file:line: text.
func (t Trouble) Error() string {
	if t.Line == 0 {
		return t.File + ": " + t.Text
	}
	return fmt.Sprintf("%s:%d: %s", t.File, t.Line, t.Text)
}

// Troubles is all that is wrong with some documents.
type Troubles []Trouble

// Error tells them one a line.
func (t Troubles) Error() string {
	lines := make([]string, len(t))
	for i, one := range t {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "\n")
}

// object is a JSON object whose members have an order.
type object []member

type member struct {
	key   string
	value any
}

// row is an object that stands in one line of a file if it is short.
type row struct{ object }

// at gives the value of a member, nil where there is none.
func (o object) at(key string) any {
	for _, m := range o {
		if m.key == key {
			return m.value
		}
	}
	return nil
}

// MarshalJSON keeps the order.
func (o object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		for j, part := range []any{m.key, m.value} {
			doc, err := marshal(part)
			if err != nil {
				return nil, err
			}
			if j > 0 {
				b.WriteByte(':')
			}
			b.Write(doc)
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// marshal is json.Marshal that leaves < > & as they are.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSpace(b.Bytes()), nil
}

// unmarshal reads a JSON object and keeps its numbers as they are written.
func unmarshal(doc []byte) (map[string]any, error) {
	dec := json.NewDecoder(bytes.NewReader(doc))
	dec.UseNumber()
	var value map[string]any
	err := dec.Decode(&value)
	return value, err
}
