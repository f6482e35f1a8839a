package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/cuelight/cuelight/engine"
	"github.com/cuelight/cuelight/engine/expr"
)

// document is JSON that is handed on as it is.
type document json.RawMessage

// MarshalJSON gives the document itself.
func (d document) MarshalJSON() ([]byte, error) {
	if d == nil {
		return []byte("null"), nil
	}
	return d, nil
}

// UnmarshalJSON keeps the document.
func (d *document) UnmarshalJSON(doc []byte) error {
	*d = append((*d)[:0], doc...)
	return nil
}

// Schema says that the document is an object of a shape of its own.
func (document) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true}
}

// value is any JSON value, handed on as it is.
type value json.RawMessage

// MarshalJSON gives the value itself.
func (v value) MarshalJSON() ([]byte, error) { return document(v).MarshalJSON() }

// UnmarshalJSON keeps the value.
func (v *value) UnmarshalJSON(doc []byte) error { return (*document)(v).UnmarshalJSON(doc) }

// Schema says nothing of the value.
func (value) Schema(huma.Registry) *huma.Schema { return &huma.Schema{} }

// decodeBody reads a scanned body into v. Its error lists every field that is wrong. A free body is any JSON object.
func decodeBody(doc []byte, v any, free bool) error {
	doc = bytes.TrimSpace(doc)
	if free && (len(doc) == 0 || doc[0] != '{') {
		return wrongField("", "TYPE", "must be an object")
	}
	d := &decoder{}
	d.into(doc, reflect.ValueOf(v).Elem(), "")
	if len(d.errs) > 0 {
		return &engine.InvalidError{Fields: d.errs}
	}
	return nil
}

// decoder reads JSON that was scanned before into structs: keys spelled exactly, no unknown key, numbers whole and exact. It goes on
// after a mistake, to find them all.
type decoder struct{ errs []engine.FieldError }

func (d *decoder) fail(path, code, format string, args ...any) {
	d.errs = append(d.errs, engine.FieldError{Path: path, Code: code, Message: fmt.Sprintf(format, args...)})
}

var (
	unmarshaler = reflect.TypeFor[json.Unmarshaler]()
	rawMessage  = reflect.TypeFor[json.RawMessage]()
	timeType    = reflect.TypeFor[time.Time]()
)

func (d *decoder) into(doc []byte, v reflect.Value, path string) {
	if v.Type() == rawMessage {
		v.SetBytes(bytes.Clone(doc))
		return
	}
	if v.Type() == timeType {
		d.instant(doc, v, path)
		return
	}
	if v.Addr().Type().Implements(unmarshaler) {
		d.own(doc, v, path)
		return
	}
	if string(doc) == "null" {
		switch v.Kind() {
		case reflect.Pointer, reflect.Map, reflect.Slice:
		default:
			d.fail(path, "TYPE", "must be a %s, not null", wordFor(v.Kind()))
		}
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		target := reflect.New(v.Type().Elem())
		d.into(doc, target.Elem(), path)
		v.Set(target)
	case reflect.Struct:
		d.object(doc, v, path)
	case reflect.Map:
		d.table(doc, v, path)
	case reflect.Slice:
		d.list(doc, v, path)
	default:
		d.scalar(doc, v, path)
	}
}

func (d *decoder) instant(doc []byte, v reflect.Value, path string) {
	var text string
	if json.Unmarshal(doc, &text) == nil {
		if at, err := time.Parse(time.RFC3339Nano, text); err == nil {
			v.Set(reflect.ValueOf(at.UTC()))
			return
		}
	}
	d.fail(path, "TYPE", "must be an instant such as 2026-11-23T16:20:06Z")
}

// own lets a type read itself.
func (d *decoder) own(doc []byte, v reflect.Value, path string) {
	err := v.Addr().Interface().(json.Unmarshaler).UnmarshalJSON(doc)
	if err == nil {
		return
	}
	if inv, ok := errors.AsType[*engine.InvalidError](err); ok {
		for _, f := range inv.Fields {
			d.fail(join(path, f.Path), f.Code, "%s", f.Message)
		}
		return
	}
	d.fail(path, "TYPE", "is not of the right form")
}

func join(path, name string) string {
	if path == "" || name == "" {
		return path + name
	}
	return path + "." + name
}

func wordFor(k reflect.Kind) string {
	switch k {
	case reflect.Struct, reflect.Map:
		return "object"
	case reflect.Slice:
		return "list"
	case reflect.Bool:
		return "boolean"
	case reflect.String:
		return "string"
	}
	return "whole number"
}

func kindOf(doc []byte) string {
	switch doc[0] {
	case '{':
		return "object"
	case '[':
		return "list"
	case '"':
		return "string"
	case 't', 'f':
		return "boolean"
	case 'n':
		return "null"
	}
	return "number"
}

func (d *decoder) members(doc []byte, path string) map[string]json.RawMessage {
	if doc[0] != '{' {
		d.fail(path, "TYPE", "must be an object, not a %s", kindOf(doc))
		return nil
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(doc, &members); err != nil {
		d.fail(path, "JSON", "is not readable")
	}
	return members
}

func (d *decoder) object(doc []byte, v reflect.Value, path string) {
	members := d.members(doc, path)
	fields, required := map[string]int{}, []string{}
	for i := range v.NumField() {
		name, options, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		if name == "" || name == "-" {
			continue
		}
		fields[name] = i
		if !strings.Contains(options, "omit") {
			required = append(required, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		i, ok := fields[name]
		if !ok {
			message := "there is no such field here"
			if near := expr.Nearest(name, slices.Sorted(maps.Keys(fields))); near != "" {
				message += fmt.Sprintf("; did you mean %q?", near)
			}
			d.fail(join(path, name), "UNKNOWN_FIELD", "%s", message)
			continue
		}
		d.into(members[name], v.Field(i), join(path, name))
	}
	for _, name := range required {
		if _, given := members[name]; !given {
			d.fail(join(path, name), "REQUIRED", "must have a value")
		}
	}
}

func (d *decoder) table(doc []byte, v reflect.Value, path string) {
	members := d.members(doc, path)
	v.Set(reflect.MakeMapWithSize(v.Type(), len(members)))
	for _, name := range slices.Sorted(maps.Keys(members)) {
		element := reflect.New(v.Type().Elem()).Elem()
		d.into(members[name], element, join(path, name))
		v.SetMapIndex(reflect.ValueOf(name).Convert(v.Type().Key()), element)
	}
}

func (d *decoder) list(doc []byte, v reflect.Value, path string) {
	if doc[0] != '[' {
		d.fail(path, "TYPE", "must be a list, not a %s", kindOf(doc))
		return
	}
	var elements []json.RawMessage
	if err := json.Unmarshal(doc, &elements); err != nil {
		d.fail(path, "JSON", "is not readable")
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(elements), len(elements)))
	for i, e := range elements {
		d.into(e, v.Index(i), path+"["+strconv.Itoa(i)+"]")
	}
}

func (d *decoder) scalar(doc []byte, v reflect.Value, path string) {
	switch v.Kind() {
	case reflect.String:
		var text string
		if json.Unmarshal(doc, &text) == nil {
			v.SetString(text)
			return
		}
	case reflect.Bool:
		if s := string(doc); s == "true" || s == "false" {
			v.SetBool(s == "true")
			return
		}
	case reflect.Int, reflect.Int64:
		if n, err := strconv.ParseInt(string(doc), 10, 64); err == nil {
			v.SetInt(n)
			return
		}
	}
	d.fail(path, "TYPE", "must be a %s, not a %s", wordFor(v.Kind()), kindOf(doc))
}
