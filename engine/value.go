package engine

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/cuelight/cuelight/engine/expr"
)

// Values are the fields of an object as expressions see them: nil, string, int64, expr.Decimal, bool, time.Time, or JSON
// as []any and map[string]any. A field that is not set is absent.
type Values map[string]any

// DateFormat is how dates are stored and sent: RFC 3339 in UTC with milliseconds.
const DateFormat = "2006-01-02T15:04:05.000Z"

// Decode reads an object's stored data.
func (s *Structure) Decode(data []byte) (Values, error) {
	if len(data) == 0 {
		return nil, nil
	}
	raw, err := s.raw(data)
	if err != nil {
		return nil, err
	}
	return s.values(raw), nil
}

// raw reads stored data as JSON, with all digits of its numbers.
func (s *Structure) raw(data []byte) (map[string]any, error) {
	var raw map[string]any
	if err := unmarshalNumbers(data, &raw); err != nil {
		return nil, fmt.Errorf("read data of structure %s: %w", s.ID, err)
	}
	return raw, nil
}

// values are the values of the structure's fields; what belongs to none of them is left out.
func (s *Structure) values(raw map[string]any) Values {
	v := make(Values, len(raw))
	for name, value := range raw {
		if f := s.byID[name]; f != nil && value != nil {
			if fitted := f.fromStored(value); fitted != nil {
				v[name] = fitted
			}
		}
	}
	return v
}

// env is Decode with the built-in fields, as `object` in expressions.
func (s *Structure) env(o *Object) (map[string]any, error) {
	if o == nil {
		return nil, nil
	}
	v, err := s.Decode(o.Data)
	if err != nil {
		return nil, err
	}
	return s.withBuiltIns(v, o), nil
}

// withBuiltIns adds the built-in fields of an object to its decoded values.
func (*Structure) withBuiltIns(v Values, o *Object) map[string]any {
	v["id"], v["version"] = o.ID, o.Version
	v["changed_at"], v["changed_by"] = o.ChangedAt, o.ChangedBy
	// The image of a change does not know when the object was made: it has no value then, rather than a wrong one.
	if !o.CreatedAt.IsZero() {
		v["created_at"], v["created_by"] = o.CreatedAt, o.CreatedBy
	}
	return v
}

// Encode is the stored form of values: a JSON object with sorted keys, without unset fields.
func (s *Structure) Encode(v Values) ([]byte, error) {
	out := make(map[string]any, len(v))
	for name, value := range v {
		if f := s.byID[name]; f != nil && value != nil {
			out[name] = toStored(value)
		}
	}
	return marshal(out)
}

// marshal is json.Marshal without HTML escapes, so that text is stored as it was sent.
func marshal(v any) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("encode: %w", err)
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n")), nil
}

// fromStored turns what the field's parse once accepted into its expression value. What was stored while the field had another type is
// converted; it is nil where that is not possible.
func (f *Field) fromStored(value any) any {
	if f.converting {
		v, err := f.convert(value)
		if err != nil {
			return nil
		}
		return v
	}
	switch f.Type {
	case TypeNumber:
		if n, ok := value.(json.Number); ok {
			if i, err := n.Int64(); err == nil {
				return i
			}
		}
	case TypeDecimal:
		if t, ok := value.(string); ok {
			if d, err := expr.ParseDecimal(t); err == nil {
				return d
			}
		}
	case TypeDate:
		if t, ok := value.(string); ok {
			if at, err := time.Parse(time.RFC3339Nano, t); err == nil {
				return at.UTC()
			}
		}
	case TypeJSON:
		v, err := expr.FromJSON(value, expr.Any)
		if err != nil {
			return nil
		}
		return v
	case TypeString, TypeLink:
		if t, ok := value.(string); ok {
			return t
		}
	case TypeBoolean:
		if b, ok := value.(bool); ok {
			return b
		}
	case TypeLinks:
		if list, ok := value.([]any); ok && len(list) > 0 {
			return list
		}
	}
	v, err := f.convert(value)
	if err != nil {
		return nil
	}
	return v
}

func toStored(value any) any {
	switch v := value.(type) {
	case time.Time:
		return v.UTC().Format(DateFormat)
	case expr.Decimal:
		return v.String()
	case []any, map[string]any:
		return expr.ToJSON(v)
	}
	return value
}

// parse reads a value from the JSON of a request. null gives nil.
func (f *Field) parse(doc json.RawMessage) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(doc))
	dec.UseNumber()
	var raw any
	if err := dec.Decode(&raw); err != nil {
		return nil, errors.New("is not readable JSON")
	}
	if raw == nil {
		return nil, nil
	}
	switch f.Type {
	case TypeNumber:
		if n, ok := raw.(json.Number); ok {
			i, err := n.Int64()
			if err != nil {
				return nil, errors.New("must be a whole number between -9007199254740991 and 9007199254740991")
			}
			return f.accept(i)
		}
	case TypeDecimal:
		// A float is read as its text, so that no digit is lost on the way.
		if n, ok := raw.(json.Number); ok {
			raw = n.String()
		}
		if t, ok := raw.(string); ok {
			d, err := expr.ParseDecimal(t)
			if err != nil {
				return nil, errors.New(`must be a decimal of at most 34 digits, such as "12.50"`)
			}
			return f.accept(d)
		}
	case TypeDate:
		if t, ok := raw.(string); ok {
			return f.parseDate(t)
		}
	case TypeJSON:
		if depth(raw) > MaxJSON {
			return nil, &CodedError{Kind: ErrInvalid, Code: "TYPE", Limit: "json_value_depth", Message: fmt.Sprintf("may be at most %d levels deep", MaxJSON)}
		}
		return expr.FromJSON(raw, expr.Any)
	case TypeString, TypeBoolean, TypeLink, TypeLinks:
	}
	return f.accept(raw)
}

// parseDate reads a date; one without an offset is in the app's time zone.
func (f *Field) parseDate(t string) (any, error) {
	at, err := expr.ParseTime(t, f.zone)
	if err != nil {
		return nil, errors.New("must be a date of the years 1 to 9999, such as 2026-11-23 or 2026-11-23T16:20:06.123Z")
	}
	return at, nil
}

// accept checks an expression value against the field and gives the value to store; nil stays nil.
func (f *Field) accept(value any) (any, error) {
	if value == nil {
		return nil, nil
	}
	switch f.Type {
	case TypeString, TypeLink:
		t, ok := value.(string)
		if !ok {
			break
		}
		return f.acceptText(t)
	case TypeNumber:
		if i, ok := value.(int64); ok {
			if i > maxSafe || i < -maxSafe {
				return nil, errors.New("must be between -9007199254740991 and 9007199254740991")
			}
			return i, nil
		}
		if d, ok := value.(expr.Decimal); ok {
			if i, whole := d.Int(); whole && i <= maxSafe && i >= -maxSafe {
				return i, nil
			}
			return nil, errors.New("must be a whole number")
		}
	case TypeDecimal:
		if i, ok := value.(int64); ok {
			return expr.NewDecimal(i), nil
		}
		if d, ok := value.(expr.Decimal); ok {
			return d, nil
		}
	case TypeBoolean:
		if b, ok := value.(bool); ok {
			return b, nil
		}
	case TypeDate:
		switch v := value.(type) {
		case time.Time:
			return v.UTC().Truncate(time.Millisecond), nil
		case string:
			return f.parseDate(v)
		}
	case TypeJSON:
		return value, nil
	case TypeLinks:
		if list, ok := value.([]any); ok {
			return acceptLinks(list)
		}
		return nil, fmt.Errorf("must be a list of ids, not a %s", typeName(value))
	}
	return nil, fmt.Errorf("must be a %s, not a %s", f.Type, typeName(value))
}

func (f *Field) acceptText(t string) (any, error) {
	if len(t) > MaxString {
		return nil, &CodedError{Kind: ErrInvalid, Code: "TYPE", Limit: "string_bytes", Message: fmt.Sprintf("may be at most %d bytes long", MaxString)}
	}
	if err := cleanText(t); err != nil {
		return nil, err
	}
	if t == "" && (f.Type == TypeLink || len(f.Options) > 0) {
		return nil, nil
	}
	if f.Type == TypeLink && !objectIDRule.MatchString(t) {
		return nil, errors.New("must be the id of an object")
	}
	if len(f.Options) > 0 && !slices.Contains(f.Options, t) {
		return nil, fmt.Errorf("must be one of %s%s", strings.Join(f.Options, ", "), didYouMean(t, f.Options))
	}
	return t, nil
}

// cleanText refuses what PostgreSQL can not keep, on both stores alike (design 9).
func cleanText(t string) error {
	if !utf8.ValidString(t) {
		return errors.New("must be valid UTF-8")
	}
	if strings.ContainsRune(t, 0) {
		return errors.New("may not hold the character U+0000")
	}
	return nil
}

func typeName(value any) string {
	switch value.(type) {
	case string:
		return "string"
	case int64, json.Number:
		return "number"
	case expr.Decimal:
		return "decimal"
	case bool:
		return "boolean"
	case time.Time:
		return "date"
	case []any:
		return "list"
	}
	return "object"
}

func depth(v any) int {
	deepest := 0
	switch t := v.(type) {
	case []any:
		for _, e := range t {
			deepest = max(deepest, depth(e))
		}
	case map[string]any:
		for _, e := range t {
			deepest = max(deepest, depth(e))
		}
	default:
		return 0
	}
	return deepest + 1
}

// same says whether two values of one field are equal.
func same(a, b any) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	switch x := a.(type) {
	case expr.Decimal:
		y, ok := b.(expr.Decimal)
		return ok && x.String() == y.String() // 1.5 and 1.50 differ: the scale is kept
	case time.Time:
		y, ok := b.(time.Time)
		return ok && x.Equal(y)
	case []any, map[string]any:
		left, _ := marshal(expr.ToJSON(a))
		right, _ := marshal(expr.ToJSON(b))
		return bytes.Equal(left, right)
	}
	return a == b
}
