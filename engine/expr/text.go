package expr

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"
)

// Text writes a value as it stands in a text: null is empty, dates are RFC 3339 UTC, lists and maps are JSON. It is bounded: a value
// of more than 64 KiB of text is an error.
func Text(v any) (string, error) {
	w := writer{budget: NewBudget(FullLimits, nil), limit: maxText}
	err := w.text(v)
	return string(w.out), err
}

// writer writes values into a text and pays for every byte before it is written.
type writer struct {
	out    []byte
	budget *Budget
	limit  int
}

func (w *writer) add(s string) error {
	if len(w.out)+len(s) > w.limit {
		return fmt.Errorf("the text is longer than %d bytes", w.limit)
	}
	if err := w.budget.make(len(s)); err != nil {
		return err
	}
	w.out = append(w.out, s...)
	return nil
}

func (w *writer) text(v any) error {
	switch v := v.(type) {
	case nil:
		return nil
	case string:
		return w.add(v)
	case Decimal:
		return w.add(v.String())
	case time.Time:
		return w.add(FormatTime(v))
	default:
		return w.json(v, 0)
	}
}

func (w *writer) json(v any, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("the value is nested more than %d deep", maxDepth)
	}
	switch v := v.(type) {
	case nil:
		return w.add("null")
	case bool:
		return w.add(strconv.FormatBool(v))
	case int64:
		return w.add(strconv.FormatInt(v, 10))
	case Decimal:
		if v.number {
			return w.add(v.String())
		}
		return w.add(`"` + v.String() + `"`)
	case time.Time:
		return w.add(`"` + FormatTime(v) + `"`)
	case string:
		return w.quote(v)
	case []any:
		return w.list(v, depth)
	case map[string]any:
		return w.object(v, depth)
	default:
		return fmt.Errorf("a value of the unknown sort %T", v)
	}
}

func (w *writer) list(v []any, depth int) error {
	for i, e := range v {
		if err := w.add(separator(i, "[")); err != nil {
			return err
		}
		if err := w.json(e, depth+1); err != nil {
			return err
		}
	}
	if len(v) == 0 {
		return w.add("[]")
	}
	return w.add("]")
}

func (w *writer) object(v map[string]any, depth int) error {
	if err := w.budget.spend(len(v)); err != nil {
		return err
	}
	for i, k := range slices.Sorted(maps.Keys(v)) {
		if err := w.add(separator(i, "{")); err != nil {
			return err
		}
		if err := w.quote(k); err != nil {
			return err
		}
		if err := w.add(":"); err != nil {
			return err
		}
		if err := w.json(v[k], depth+1); err != nil {
			return err
		}
	}
	if len(v) == 0 {
		return w.add("{}")
	}
	return w.add("}")
}

func separator(i int, first string) string {
	if i == 0 {
		return first
	}
	return ","
}

// quote writes a JSON string. U+2028 and U+2029 are escaped too: the text may end up in a script.
func (w *writer) quote(s string) error {
	if err := w.add(`"`); err != nil {
		return err
	}
	from := 0
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		if escaped := escapeRune(r, size); escaped != "" {
			if err := w.add(s[from:i]); err != nil {
				return err
			}
			if err := w.add(escaped); err != nil {
				return err
			}
			from = i + size
		}
		i += size
	}
	if err := w.add(s[from:]); err != nil {
		return err
	}
	return w.add(`"`)
}

func escapeRune(r rune, size int) string {
	switch {
	case r == '"':
		return `\"`
	case r == '\\':
		return `\\`
	case r == '\n':
		return `\n`
	case r == '\r':
		return `\r`
	case r == '\t':
		return `\t`
	case r < 0x20 || r == 0x2028 || r == 0x2029:
		return fmt.Sprintf(`\u%04x`, r)
	case r == utf8.RuneError && size == 1:
		return "\ufffd"
	default:
		return ""
	}
}
