package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cuelight/cuelight/engine/expr"
)

// conversions are the changes of a field's type that keep what its values say: a text is asked whether it says what the new type can hold.
var conversions = map[FieldType][]FieldType{
	TypeNumber: {TypeDecimal, TypeString}, TypeDecimal: {TypeString}, TypeBoolean: {TypeString}, TypeDate: {TypeString},
	TypeString: {TypeString, TypeNumber, TypeDecimal, TypeBoolean, TypeDate, TypeLink}, TypeLink: {TypeString, TypeLinks},
}

// changesType says that the values of a field have to be looked at before it can be as f has it.
func (f *Field) changesType(was *Field) bool {
	return f.Type != was.Type || f.Structure != was.Structure || len(f.Options) > 0 && len(was.Options) == 0
}

// converts says why no value at all can be taken over from what the field was; empty when it depends on the value.
func (f *Field) converts(was *Field) string {
	switch {
	case f.Type == was.Type && f.Structure != was.Structure, was.pointsAt() && f.pointsAt() && f.Structure != was.Structure:
		return "it points at another structure"
	case f.Type != was.Type && !slices.Contains(conversions[was.Type], f.Type):
		return fmt.Sprintf("a %s can not become a %s", was.Type, f.Type)
	}
	return ""
}

// convert turns a value as it is stored, by this type or by one that the field had before, into a value of this type. Empty text is no value
// but for a text. An error says why the value can not be taken over without a loss.
func (f *Field) convert(value any) (any, error) {
	t, isText := value.(string)
	if isText && t == "" && (f.Type != TypeString || len(f.Options) > 0) {
		return nil, nil
	}
	switch {
	case f.Type == TypeJSON:
		return expr.FromJSON(value, expr.Any)
	case f.Type == TypeString && !isText:
		switch v := value.(type) {
		case json.Number:
			return f.accept(v.String())
		case bool:
			return f.accept(fmt.Sprint(v))
		}
	case isText:
		return f.fromText(t)
	case f.Type == TypeNumber, f.Type == TypeDecimal:
		if n, ok := value.(json.Number); ok {
			d, err := expr.ParseDecimal(n.String())
			if err != nil {
				return nil, errors.New("has more digits than a decimal")
			}
			return f.accept(d)
		}
	}
	return f.accept(value)
}

// fromText reads a text that is to become a value of another type. What reads as a number or a decimal has to be written as one is.
func (f *Field) fromText(t string) (any, error) {
	switch f.Type {
	case TypeNumber, TypeDecimal:
		d, err := expr.ParseDecimal(t)
		if err != nil {
			return nil, errors.New("is not a number")
		}
		if d.String() != t {
			return nil, errors.New("would be written in another way as a number")
		}
		return f.accept(d)
	case TypeBoolean:
		if t != "true" && t != "false" {
			return nil, errors.New("is neither true nor false")
		}
		return t == "true", nil
	case TypeDate:
		return f.parseDate(t)
	case TypeLinks:
		return f.accept([]any{t})
	case TypeString, TypeLink, TypeJSON:
	}
	return f.accept(t)
}

// fitted gives a value that is about to be written the type that the field has: a step may have been compiled before the type changed.
func (s *Structure) fitted(name string, v any) (any, error) {
	f := s.Field(name)
	if f == nil || v == nil || f.Type == TypeJSON {
		return v, nil
	}
	fits := false
	switch v.(type) {
	case string:
		fits = f.Type == TypeString || f.Type == TypeLink
	case int64:
		fits = f.Type == TypeNumber
	case expr.Decimal:
		fits = f.Type == TypeDecimal
	case bool:
		fits = f.Type == TypeBoolean
	case time.Time:
		fits = f.Type == TypeDate
	case []any:
		fits = f.Type == TypeLinks
	}
	if fits {
		return v, nil
	}
	stored := toStored(v)
	if n, ok := stored.(int64); ok {
		stored = json.Number(fmt.Sprint(n))
	}
	return f.convert(stored)
}

// stuck finds a value that can not be converted: it was written after all values had been checked and before the field had its new type.
func (s *Structure) stuck(raw map[string]any) (*Field, error) {
	for i := range s.Fields {
		f := &s.Fields[i]
		if !f.converting || raw[f.ID] == nil {
			continue
		}
		if _, err := f.convert(raw[f.ID]); err != nil {
			return f, err
		}
	}
	return nil, nil
}

// losesNothing refuses a change that would write an object without a value that can not be converted. One that gives the field a value is
// what brings the system run on.
func (c change) losesNothing(old *Object) error {
	s := c.structure
	if old == nil || c.kind == WriteDelete || s.plan == nil || len(s.plan.Convert) == 0 {
		return nil
	}
	raw, err := s.raw(old.Data)
	if err != nil {
		return err
	}
	for name := range c.set {
		delete(raw, name)
	}
	if f, why := s.stuck(raw); why != nil {
		return coded(ErrConflict, "CONVERTING", "the value that the object has in %s can not become a %s, it %s: give the field a value too", f.ID, f.Type, why)
	}
	return nil
}

// Shown is an object's data as it is read: values that are not converted to their field's new type yet are.
func (s *Structure) Shown(o *Object) (json.RawMessage, error) {
	if s.plan == nil || len(s.plan.Convert) == 0 {
		return o.Data, nil
	}
	v, err := s.Decode(o.Data)
	if err != nil {
		return nil, err
	}
	return s.Encode(v)
}
