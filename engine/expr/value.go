package expr

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// The bounds of every value that an expression yields.
const (
	maxDepth = 64
	maxSize  = 1 << 20
	maxText  = 64 << 10
)

const timeText = "2006-01-02T15:04:05.000Z"

// FormatTime writes a date as it is stored: RFC 3339, UTC, milliseconds.
func FormatTime(t time.Time) string { return t.UTC().Format(timeText) }

var timeLayouts = []string{
	time.RFC3339Nano, "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05.999999999", "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02 15:04", time.DateOnly,
}

// ParseTime reads a date: RFC 3339 with or without an offset, or a plain date, which is midnight. What has no offset is in zone
// (nil: UTC). The result is in UTC, cut to milliseconds.
func ParseTime(text string, zone *time.Location) (time.Time, error) {
	if zone == nil {
		zone = time.UTC
	}
	for _, layout := range timeLayouts {
		if len(text) > 40 {
			break
		}
		if t, err := time.ParseInLocation(layout, text, zone); err == nil {
			return inRange(t)
		}
	}
	return time.Time{}, hint(`write it like "2026-11-23" or "2026-11-23T16:20:06Z"`, "%q is not a date", clip(text))
}

// inRange refuses dates that RFC 3339 can not write.
func inRange(t time.Time) (time.Time, error) {
	t = t.UTC().Truncate(time.Millisecond)
	if y := t.Year(); y < 1 || y > 9999 {
		return time.Time{}, errors.New("the date is outside the years 1 to 9999")
	}
	return t, nil
}

func clip(s string) string {
	if r := []rune(s[:min(len(s), 256)]); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return s
}

// FromJSON turns a stored JSON value, decoded with UseNumber, into the value that expressions see for a field of type t. Values that
// are already expression values pass. An error says that the value does not fit the type.
func FromJSON(raw any, t Type) (any, error) {
	return converter{}.convert(raw, t, 0)
}

// converter makes values fit a type. Text is read as the number, decimal or date that it holds: what was compiled with a known type
// has been checked already, so this meets only values that no structure describes.
type converter struct {
	zone *time.Location
}

func (c converter) convert(v any, t Type, depth int) (any, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("the value is nested more than %d deep", maxDepth)
	}
	switch v := v.(type) {
	case nil:
		return nil, nil
	case json.Number:
		n, err := fromNumber(v)
		if err != nil {
			return nil, err
		}
		return c.convert(n, t, depth)
	case []any:
		return c.list(v, t, depth)
	case map[string]any:
		return c.fields(v, t, depth)
	case bool, int64, string, Decimal, time.Time:
		return c.scalar(v, t)
	default:
		return nil, fmt.Errorf("a value of the unknown sort %T", v)
	}
}

func (c converter) scalar(v any, t Type) (any, error) {
	if d, ok := v.(Decimal); ok && t.Kind == KindDecimal {
		// A decimal field is stored as text, even if its value was given as a JSON number.
		d.number = false
		return d, nil
	}
	if t.dynamic() || t.Kind == kindOf(v) {
		return v, nil
	}
	switch t.Kind {
	case KindInt:
		switch v := v.(type) {
		case Decimal:
			if n, ok := v.Int(); ok {
				return n, nil
			}
		case string:
			return parseInt(v)
		}
	case KindDecimal:
		switch v := v.(type) {
		case int64:
			return NewDecimal(v), nil
		case string:
			return readDecimal(v)
		}
	case KindTime:
		if s, ok := v.(string); ok {
			return readTime(s, c.zone)
		}
	}
	return nil, fmt.Errorf("expected %s, got %s", t, describe(v))
}

func (c converter) list(v []any, t Type, depth int) (any, error) {
	if !t.is(KindList) {
		return nil, fmt.Errorf("expected %s, got a list", t)
	}
	out := make([]any, len(v))
	for i, e := range v {
		n, err := c.convert(e, t.elem(), depth+1)
		if err != nil {
			return nil, err
		}
		out[i] = n
	}
	return out, nil
}

func (c converter) fields(v map[string]any, t Type, depth int) (any, error) {
	if !t.is(KindMap) {
		return nil, fmt.Errorf("expected %s, got a map", t)
	}
	out := make(map[string]any, len(v))
	for k, e := range v {
		ft, ok := t.Fields[k]
		if !ok && t.Fields == nil {
			ft = t.elem()
		}
		n, err := c.convert(e, ft, depth+1)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", clip(k), err)
		}
		out[k] = n
	}
	return out, nil
}

func fromNumber(n json.Number) (any, error) {
	if i, err := strconv.ParseInt(n.String(), 10, 64); err == nil && i >= -maxInt && i <= maxInt {
		return i, nil
	}
	d, err := ParseDecimal(n.String())
	if err != nil {
		return nil, fmt.Errorf("the number %s is out of range", clip(n.String()))
	}
	d.number = true
	return d, nil
}

// The readers of text that comes at run time do not repeat it in their errors: it may be a secret.
func parseInt(s string) (any, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < -maxInt || n > maxInt {
		return nil, errors.New("the text is not a whole number within ±2^53")
	}
	return n, nil
}

func readDecimal(s string) (any, error) {
	d, err := ParseDecimal(s)
	if err != nil {
		return nil, errors.New("the text is not a decimal of at most 34 digits")
	}
	return d, nil
}

func readTime(s string, zone *time.Location) (any, error) {
	t, err := ParseTime(s, zone)
	if err != nil {
		return nil, hint(`write it like "2026-11-23" or "2026-11-23T16:20:06Z"`, "the text is not a date")
	}
	return t, nil
}

// ToJSON turns an expression value into what is stored: decimals and dates become strings, lists and maps are copied. A decimal that
// came from a JSON number becomes that number again.
func ToJSON(v any) any {
	switch v := v.(type) {
	case Decimal:
		if v.number {
			return json.Number(v.String())
		}
		return v.String()
	case time.Time:
		return FormatTime(v)
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = ToJSON(e)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, e := range v {
			out[k] = ToJSON(e)
		}
		return out
	default:
		return v
	}
}

func kindOf(v any) Kind {
	switch v.(type) {
	case nil:
		return KindNull
	case bool:
		return KindBool
	case int64:
		return KindInt
	case Decimal:
		return KindDecimal
	case string:
		return KindString
	case time.Time:
		return KindTime
	case []any:
		return KindList
	case map[string]any:
		return KindMap
	default:
		return ""
	}
}

// describe names the sort of a value without echoing it: it may be a secret or long.
func describe(v any) string {
	if k := kindOf(v); k != "" {
		return Type{Kind: k}.String()
	}
	return fmt.Sprintf("a value of the unknown sort %T", v)
}

// check refuses results that are too deep or too large once written out: a list may hold another list many times at little cost.
func check(v any, b *Budget) error {
	switch s := v.(type) {
	case nil, bool, int64, Decimal, time.Time:
		return nil
	case string:
		if len(s) <= maxText {
			return nil
		}
	}
	left := maxSize
	if err := measure(v, 0, &left); err != nil {
		return err
	}
	return b.read(maxSize - left)
}

func measure(v any, depth int, left *int) error {
	if depth > maxDepth {
		return fmt.Errorf("the value is nested more than %d deep", maxDepth)
	}
	*left -= 8
	switch v := v.(type) {
	case string:
		*left -= len(v)
	case []any:
		for _, e := range v {
			if err := measure(e, depth+1, left); err != nil {
				return err
			}
		}
	case map[string]any:
		for k, e := range v {
			*left -= len(k)
			if err := measure(e, depth+1, left); err != nil {
				return err
			}
		}
	case nil, bool, int64, Decimal, time.Time:
	default:
		return fmt.Errorf("a value of the unknown sort %T", v)
	}
	if *left < 0 {
		return fmt.Errorf("the value is larger than %d bytes", maxSize)
	}
	return nil
}
