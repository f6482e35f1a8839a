package files

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// wide is how long a line may be that could be broken into several.
const wide = 120

// write gives a document as YAML, and makes sure that reading it gives the document again.
func (s *Shapes) write(kind string, doc map[string]any) ([]byte, error) {
	for _, blocks := range []bool{true, false} {
		w := &writer{blocks: blocks}
		w.object(s.arrange(kind, doc), 0, false)
		if back, err := parse("", w.out.Bytes()); err == nil && len(back) == 1 && reflect.DeepEqual(back[0].value, doc) {
			return w.out.Bytes(), nil
		}
	}
	return nil, errors.New("can not be written as YAML")
}

// writer writes YAML: two blanks for each level, texts of several lines as blocks if those are wanted.
type writer struct {
	out    bytes.Buffer
	blocks bool
}

// object writes the members, one below the other; the first one stands where the writer is if open is set.
func (w *writer) object(o object, indent int, open bool) {
	for i, m := range o {
		if i > 0 || !open {
			w.out.WriteString(strings.Repeat(" ", indent))
		}
		w.out.WriteString(key(m.key))
		w.out.WriteByte(':')
		w.value(m.value, indent)
	}
}

// value writes what comes after a key or a dash, up to the end of the line.
func (w *writer) value(v any, indent int) {
	switch v := v.(type) {
	case object:
		if len(v) > 0 {
			w.out.WriteByte('\n')
			w.object(v, indent+2, false)
			return
		}
	case []any:
		if len(v) > 0 && (slices.ContainsFunc(v, nested) || indent+len(flow(v)) >= wide) {
			w.out.WriteByte('\n')
			for _, item := range v {
				w.item(item, indent+2)
			}
			return
		}
	case string:
		if head, ok := block(v); ok && w.blocks {
			w.out.WriteString(" " + head + "\n")
			for line := range strings.SplitSeq(strings.TrimSuffix(v, "\n"), "\n") {
				if line != "" {
					w.out.WriteString(strings.Repeat(" ", indent+2) + line)
				}
				w.out.WriteByte('\n')
			}
			return
		}
	}
	w.out.WriteString(" " + flow(v) + "\n")
}

// item writes one item of a list.
func (w *writer) item(v any, indent int) {
	w.out.WriteString(strings.Repeat(" ", indent) + "-")
	if r, ok := v.(row); ok {
		if line := flow(r.object); indent+len(line)+2 <= wide {
			w.out.WriteString(" " + line + "\n")
			return
		}
		v = r.object
	}
	if o, ok := v.(object); ok && len(o) > 0 {
		w.out.WriteByte(' ')
		w.object(o, indent+2, true)
		return
	}
	if _, ok := v.([]any); ok { // a list in a list: in one line, however long
		w.out.WriteString(" " + flow(v) + "\n")
		return
	}
	w.value(v, indent)
}

func nested(v any) bool {
	switch v.(type) {
	case object, row, []any:
		return true
	}
	return false
}

// flow writes a value in one line.
func flow(v any) string {
	switch v := v.(type) {
	case row:
		return flow(v.object)
	case object:
		parts := make([]string, len(v))
		for i, m := range v {
			parts[i] = key(m.key) + ": " + flow(m.value)
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
		return text(v)
	case json.Number:
		return v.String()
	case nil:
		return "null"
	}
	return fmt.Sprint(v)
}

var (
	plainKey  = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*$`)
	plainText = regexp.MustCompile(`^[\pL_][\pL\pN_./@-]*( [\pL\pN_./@-]+)*$`)
	duration  = regexp.MustCompile(`^[0-9]+(ms|s|m|h|d)$`)
	// words are read as something else than a text, if not by us then by other readers of YAML.
	words = []string{"true", "false", "null", "yes", "no", "on", "off", "y", "n"}
)

func key(name string) string {
	low := strings.ToLower(name)
	if plainKey.MatchString(name) && low != "true" && low != "false" && low != "null" {
		return name
	}
	return quoted(name)
}

// text writes a text in one line, without quotes where no reader could take it for something else.
func text(s string) string {
	switch {
	case duration.MatchString(s):
		return s
	case plainText.MatchString(s) && !slices.Contains(words, strings.ToLower(s)) && !strings.HasSuffix(s, "-"):
		return s
	case strings.ContainsAny(s, `"\`) && !strings.Contains(s, "'") && printable(s, false):
		return "'" + s + "'"
	}
	return quoted(s)
}

// quoted writes a text as JSON does, whose escapes are also those of YAML.
func quoted(s string) string {
	var b strings.Builder
	doc, err := marshal(s)
	if err != nil {
		return `""`
	}
	for _, r := range string(doc) {
		if r < 0x7f || unicode.IsPrint(r) && r != '\uFEFF' {
			b.WriteRune(r)
		} else if r > 0xFFFF {
			fmt.Fprintf(&b, `\U%08x`, r)
		} else {
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

func printable(s string, lines bool) bool {
	return !strings.ContainsFunc(s, func(r rune) bool {
		if lines && r == '\n' {
			return false
		}
		return !unicode.IsPrint(r) || r == utf8.RuneError || r == '\uFEFF'
	})
}

// longText is from how many characters on a text of one line gets lines of its own.
const longText = 100

// block gives the head of the block that holds a long text, if the text can stand in one as it is.
func block(s string) (head string, ok bool) {
	body, ends := strings.CutSuffix(s, "\n")
	switch {
	case !strings.Contains(s, "\n") && len(s) < longText, !printable(s, true), body == "":
		return "", false
	case strings.HasPrefix(body, " "), strings.HasPrefix(body, "\n"), strings.HasSuffix(body, "\n"):
		return "", false
	case strings.Contains(s, " \n"), strings.HasSuffix(s, " "):
		return "", false
	case ends:
		return "|", true
	}
	return "|-", true
}
