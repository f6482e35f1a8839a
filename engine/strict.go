package engine

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
)

// decodeStrict reads one JSON document into v: keys are spelled exactly, none is unknown or comes twice, and nothing stands behind it.
// encoding/json alone would take "ROLE" for "role" and the last of two equal keys.
func decodeStrict(doc []byte, v any) error {
	if !json.Valid(doc) {
		err := json.Unmarshal(doc, new(any))
		if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
			return invalid("", "JSON", "is not readable JSON: %s at byte %d", syntax.Error(), syntax.Offset)
		}
		return invalid("", "JSON", "is not readable JSON")
	}
	if errs := checkKeys(doc, reflect.TypeOf(v), ""); len(errs) > 0 {
		return &InvalidError{Fields: errs}
	}
	dec := json.NewDecoder(bytes.NewReader(doc))
	dec.UseNumber()
	err := dec.Decode(v)
	if typ, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return invalid(typ.Field, "TYPE", "must be a %s, not a %s", jsonName(typ.Type.Kind().String()), typ.Value)
	}
	if _, ok := errors.AsType[*InvalidError](err); ok || err == nil {
		return err
	}
	return invalid("", "JSON", "is not readable JSON: %s", strings.TrimPrefix(err.Error(), "json: "))
}

var unmarshaler = reflect.TypeFor[json.Unmarshaler]()

// checkKeys lists keys that a document may not have where its type says which ones there are.
func checkKeys(doc json.RawMessage, t reflect.Type, path string) []FieldError {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == reflect.TypeFor[Duration]() && len(doc) > 0 {
		if err := new(Duration).UnmarshalJSON(doc); err != nil { // told with its path, beside all else that is wrong
			return []FieldError{{Path: path, Code: "DURATION", Message: strings.TrimPrefix(err.Error(), ": ")}}
		}
	}
	if reflect.PointerTo(t).Implements(unmarshaler) || len(doc) == 0 {
		return nil
	}
	switch t.Kind() {
	case reflect.Slice:
		return checkItems(doc, t.Elem(), path)
	case reflect.Struct:
	default:
		return nil
	}
	fields := map[string]reflect.Type{}
	for field := range t.Fields() {
		if name, _, _ := strings.Cut(field.Tag.Get("json"), ","); name != "" && name != "-" && field.IsExported() {
			fields[name] = field.Type
		}
	}
	var errs []FieldError
	seen := map[string]bool{}
	eachMember(doc, func(name string, value json.RawMessage) {
		at := name
		if path != "" {
			at = path + "." + name
		}
		switch typ, known := fields[name]; {
		case seen[name]:
			errs = append(errs, FieldError{Path: at, Code: "TWICE", Message: "is given twice"})
		case !known:
			errs = append(errs, FieldError{Path: at, Code: "UNKNOWN_FIELD", Message: "there is no such field here" + didYouMean(name, keysOf(fields))})
		default:
			errs = append(errs, checkKeys(value, typ, at)...)
		}
		seen[name] = true
	})
	return errs
}

func checkItems(doc json.RawMessage, t reflect.Type, path string) []FieldError {
	var items []json.RawMessage
	if t.Kind() == reflect.Uint8 || json.Unmarshal(doc, &items) != nil {
		return nil
	}
	var errs []FieldError
	for i, item := range items {
		errs = append(errs, checkKeys(item, t, fmt.Sprintf("%s[%d]", path, i))...)
	}
	return errs
}

// eachMember calls yield for every member of a JSON object in the order of the text; for anything else it calls nothing.
func eachMember(doc []byte, yield func(name string, value json.RawMessage)) {
	dec := json.NewDecoder(bytes.NewReader(doc))
	if open, err := dec.Token(); err != nil || open != json.Delim('{') {
		return
	}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return
		}
		var value json.RawMessage
		if dec.Decode(&value) != nil {
			return
		}
		yield(name.(string), value)
	}
}

func jsonName(kind string) string {
	switch kind {
	case "bool":
		return "boolean"
	case "slice", "array":
		return "list"
	case "struct", "map":
		return "object"
	case "int", "int64", "float64":
		return "number"
	}
	return kind
}
