package help

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// member is one member of a JSON object, in the order in which it was written.
type member struct {
	key   string
	value any
}

// object is a JSON object with its order.
type object []member

// readJSON reads a document of ours, keeping the order of its members: examples are shown as their authors wrote them.
func readJSON(doc []byte) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(doc))
	dec.UseNumber()
	v, err := readValue(dec)
	if err != nil {
		return nil, fmt.Errorf("read %.60s: %w", doc, err)
	}
	return v, nil
}

func readValue(dec *json.Decoder) (any, error) {
	token, err := dec.Token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('{'):
		o := object{}
		for dec.More() {
			key, err := dec.Token()
			if err != nil {
				return nil, err
			}
			v, err := readValue(dec)
			if err != nil {
				return nil, err
			}
			o = append(o, member{fmt.Sprint(key), v})
		}
		_, err = dec.Token()
		return o, err
	case json.Delim('['):
		list := []any{}
		for dec.More() {
			v, err := readValue(dec)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err = dec.Token()
		return list, err
	}
	return token, nil
}

// wide is how long a line of an example may be before it is broken into several.
const wide = 88

// writeYAML writes an object as YAML, two blanks for each level; what fits on a line stands on one.
func writeYAML(b *strings.Builder, o object, indent int) {
	for i, m := range o {
		if i > 0 {
			b.WriteString(strings.Repeat(" ", indent))
		}
		b.WriteString(m.key + ":")
		writeMember(b, m.value, indent, len(m.key)+2)
	}
}

func writeMember(b *strings.Builder, v any, indent, used int) {
	line := flow(v)
	inner, isObject := v.(object)
	list, isList := v.([]any)
	if !isObject && !isList || indent+used+len(line) <= wide && !slices.ContainsFunc(list, holdsSteps) {
		b.WriteString(" " + line + "\n")
		return
	}
	b.WriteByte('\n')
	if isObject {
		b.WriteString(strings.Repeat(" ", indent+2))
		writeYAML(b, inner, indent+2)
		return
	}
	for _, item := range list {
		b.WriteString(strings.Repeat(" ", indent+2) + "-")
		one := flow(item)
		if o, ok := item.(object); ok && (indent+4+len(one) > wide || holdsList(item)) {
			b.WriteByte(' ')
			writeYAML(b, o, indent+4)
			continue
		}
		b.WriteString(" " + one + "\n")
	}
}

// holdsSteps tells whether an item is a step, or holds some: those stand one below the other.
func holdsSteps(v any) bool {
	o, ok := v.(object)
	return ok && slices.ContainsFunc(o, func(m member) bool { return m.key == "kind" || m.key == "then" })
}

func holdsList(v any) bool {
	o, ok := v.(object)
	return ok && slices.ContainsFunc(o, func(m member) bool { list, ok := m.value.([]any); return ok && slices.ContainsFunc(list, holdsSteps) })
}

// flow writes a value on one line.
func flow(v any) string {
	switch v := v.(type) {
	case object:
		parts := make([]string, len(v))
		for i, m := range v {
			parts[i] = m.key + ": " + flow(m.value)
		}
		if len(parts) == 0 {
			return "{}"
		}
		return "{ " + strings.Join(parts, ", ") + " }"
	case []any:
		parts := make([]string, len(v))
		for i, item := range v {
			parts[i] = flow(item)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case string:
		return scalar(v)
	case nil:
		return "null"
	default:
		return fmt.Sprint(v)
	}
}

var (
	plainText = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.-]*( [A-Za-z0-9_.-]+)*$`)
	// words would be read as something else than text, by this program or by another.
	words = regexp.MustCompile(`(?i)^(true|false|null|yes|no|on|off|y|n)$`)
	// span is a time span, which needs no quotes.
	span = regexp.MustCompile(`^[0-9]+[smhd]$`)
)

// scalar writes a text, in quotes where it needs some.
func scalar(text string) string {
	switch {
	case span.MatchString(text), plainText.MatchString(text) && !words.MatchString(text):
		return text
	case strings.ContainsAny(text, `"\`) && !strings.ContainsAny(text, "'\n\t"):
		return "'" + text + "'"
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(text) // a text can always be written
	return strings.TrimSuffix(b.String(), "\n")
}
