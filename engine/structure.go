package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/cuelight/cuelight/engine/expr"
)

// FieldType is the type of a field's values (contracts 2).
type FieldType string

// The field types.
const (
	TypeString  FieldType = "string"
	TypeNumber  FieldType = "number"
	TypeDecimal FieldType = "decimal"
	TypeBoolean FieldType = "boolean"
	TypeDate    FieldType = "date"
	TypeJSON    FieldType = "json"
	TypeLink    FieldType = "link"
	TypeLinks   FieldType = "links"
)

// Structure is a named kind of objects with typed fields, as documents, API and files spell it.
type Structure struct {
	Kind   string  `json:"kind"`
	ID     string  `json:"id"`
	Name   string  `json:"name,omitempty"`
	Title  string  `json:"title,omitempty"`
	Fields []Field `json:"fields"`

	byID map[string]*Field
	typ  *expr.Type
	zone *time.Location
	// rev is the revision of its document, plan what the system run over its objects still has to do; nil when there is none.
	rev  int64
	plan *reshape
}

// Field is one field of a structure.
type Field struct {
	ID       string    `json:"id"`
	Name     string    `json:"name,omitempty"`
	Type     FieldType `json:"type"`
	Required bool      `json:"required,omitempty"`
	Unique   bool      `json:"unique,omitempty"`
	// Indexed fields can be filtered and sorted by; unset means the default: on for choices, dates, links, lists of links
	// and unique fields. A list of links can be filtered by, not sorted.
	Indexed *bool `json:"indexed,omitempty"`
	// Default is the value of a new object whose writer named none.
	Default json.RawMessage `json:"default,omitempty"`
	// Options make a string a choice.
	Options []string `json:"options,omitempty"`
	// Structure is what a link, or a list of links, points at.
	Structure string `json:"structure,omitempty"`
	// Auto numbers new objects: a text with one run of zeros in braces, as "ORD-{0000}".
	Auto string `json:"auto,omitempty"`

	zone *time.Location // of dates without an offset; nil is UTC
	// given is Default where that is a template.
	given *expr.Template
	// filling and converting say that the system run that fills the field's index, or changes its values to its new type, is not over.
	filling, converting bool
}

// Limits of structures (contracts 2, guarantees 4).
const (
	MaxStructures = 200
	MaxFields     = 200
	MaxIndexed    = 16
	MaxObject     = 256 << 10 // bytes of an object's data
	MaxString     = 64 << 10  // bytes of a string value
	MaxLinks      = 1000      // ids of a links value
	MaxJSON       = 64        // levels of a json value
	maxSafe       = 1<<53 - 1
)

var (
	nameRule     = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{0,62}$`)
	objectIDRule = regexp.MustCompile(`^[A-Za-z0-9._~@:-]{1,64}$`)
	autoRule     = regexp.MustCompile(`\{(0{1,12})\}`)
	builtIn      = []string{"id", "version", "created_at", "changed_at", "created_by", "changed_by"}
)

// ParseStructure reads and checks a structure document. Its errors are an InvalidError that lists all wrong fields.
func ParseStructure(doc []byte) (*Structure, error) {
	var s Structure
	if err := decodeStrict(doc, &s); err != nil {
		return nil, err
	}
	if errs := s.check(); len(errs) > 0 {
		return nil, &InvalidError{Fields: errs}
	}
	s.prepare()
	return &s, nil
}

func (s *Structure) check() []FieldError {
	var errs []FieldError
	add := func(path, code, message string) {
		errs = append(errs, FieldError{Path: path, Code: code, Message: message})
	}
	if s.Kind != "" && s.Kind != "structure" {
		add("kind", "KIND", `must be "structure"`)
	}
	if !nameRule.MatchString(s.ID) {
		add("id", "NAME", "must start with a letter and hold only letters, digits and _, at most 63")
	}
	if len(s.Fields) > MaxFields {
		errs = append(errs, overLimit("fields", "fields", "at most %d fields", MaxFields))
	}
	seen := map[string]bool{}
	indexed := 0
	for i := range s.Fields {
		f, path := &s.Fields[i], fmt.Sprintf("fields[%d]", i)
		low := strings.ToLower(f.ID)
		switch {
		case !nameRule.MatchString(f.ID):
			add(path+".id", "NAME", "must start with a letter and hold only letters, digits and _, at most 63")
		case slices.Contains(builtIn, low):
			add(path+".id", "BUILT_IN", "every object already has a field of this name")
		case seen[low]:
			add(path+".id", "TAKEN", "another field has this name (upper and lower case do not count)")
		}
		seen[low] = true
		errs = append(errs, f.check(path)...)
		if f.keepsIndex() {
			indexed++
		}
	}
	if indexed > MaxIndexed {
		errs = append(errs, overLimit("fields", "indexed_fields", "at most %d fields can be indexed", MaxIndexed))
	}
	return errs
}

func (f *Field) check(path string) []FieldError {
	var errs []FieldError
	add := func(at, code, message string) {
		errs = append(errs, FieldError{Path: path + at, Code: code, Message: message})
	}
	types := []FieldType{TypeString, TypeNumber, TypeDecimal, TypeBoolean, TypeDate, TypeJSON, TypeLink, TypeLinks}
	if !slices.Contains(types, f.Type) {
		add(".type", "TYPE", "must be one of string, number, decimal, boolean, date, json, link, links")
		return errs
	}
	if f.pointsAt() != (f.Structure != "") {
		add(".structure", "LINK", "a link or a list of links, and nothing else, names the structure that it points at, as structure: User")
	}
	if len(f.Options) > 0 && f.Type != TypeString {
		add(".options", "TYPE", "only a string can have options")
	}
	if f.Auto != "" {
		if f.Type != TypeString {
			add(".auto", "TYPE", "only a string can be numbered")
		}
		if len(autoRule.FindAllString(f.Auto, -1)) != 1 {
			add(".auto", "AUTO", `must hold one run of zeros in braces, as "ORD-{0000}"`)
		}
	}
	if f.Unique && (f.Type == TypeJSON || f.Type == TypeBoolean || f.Type == TypeLinks) {
		add(".unique", "TYPE", "a field of this type can not be unique")
	}
	if f.Indexed != nil && *f.Indexed && f.Type == TypeJSON {
		add(".indexed", "TYPE", "a json field can not be indexed")
	}
	if f.Indexed != nil && !*f.Indexed && f.Unique {
		add(".indexed", "TYPE", "a unique field is always indexed")
	}
	if f.Default != nil {
		if err := f.checkDefault(); err != nil {
			errs = append(errs, fieldError(path+".default", "TYPE", err))
		}
	}
	return errs
}

// defaultScope is what the default of a field may name: it is judged inside the write that makes the object.
var defaultScope = &expr.Scope{Names: map[string]expr.Type{
	"app": expr.MapOf(map[string]expr.Type{"id": {Kind: expr.KindString}}), "user": expr.ObjectOf(nil),
}}

// checkDefault checks a default, and compiles one that is a template.
func (f *Field) checkDefault() error {
	var text string
	if json.Unmarshal(f.Default, &text) != nil || !strings.Contains(text, "{{") {
		_, err := f.parse(f.Default)
		return err
	}
	given, err := expr.CompileTemplate(text, defaultScope, f.exprType())
	if err != nil {
		return err
	}
	if given.Cost() == expr.Deferred {
		return errors.New("is judged inside the write and has to be simpler")
	}
	f.given = given
	return nil
}

// defaultFor is the value of a new object whose writer named none.
func (f *Field) defaultFor(env expr.Env) (any, error) {
	if f.given == nil {
		return f.parse(f.Default)
	}
	v, err := f.given.Eval(env, expr.NewBudget(expr.InlineLimits, nil))
	if err != nil {
		return nil, err
	}
	return f.accept(v)
}

func (s *Structure) prepare() {
	s.Kind = "structure"
	s.byID = make(map[string]*Field, len(s.Fields))
	fields := map[string]expr.Type{
		"id": {Kind: expr.KindString}, "version": {Kind: expr.KindInt},
		"created_at": {Kind: expr.KindTime}, "changed_at": {Kind: expr.KindTime},
		"created_by": {Kind: expr.KindString}, "changed_by": {Kind: expr.KindString},
	}
	for i := range s.Fields {
		f := &s.Fields[i]
		s.byID[f.ID] = f
		fields[f.ID] = f.exprType()
	}
	s.typ = &expr.Type{Kind: expr.KindMap, Fields: fields}
}

// Zone is the app's time zone, in which dates without an offset are read; nil is UTC.
func (s *Structure) Zone() *time.Location { return s.zone }

// dateIn makes dates without an offset begin in a zone.
func (s *Structure) dateIn(zone *time.Location) {
	s.zone = zone
	for i := range s.Fields {
		s.Fields[i].zone = zone
	}
}

// Field returns a field by id, or nil.
func (s *Structure) Field(id string) *Field { return s.byID[id] }

func (s *Structure) suggest(name string) string {
	names := slices.Clone(builtIn)
	for _, f := range s.Fields {
		names = append(names, f.ID)
	}
	return didYouMean(name, names)
}

// pointsAt says that the field's values are ids of objects.
func (f *Field) pointsAt() bool { return f.Type == TypeLink || f.Type == TypeLinks }

// IsIndexed says whether all of the field's values lie in object_values, so that filters and sorts can use them.
func (f *Field) IsIndexed() bool { return f.keepsIndex() && !f.filling }

// IsConverting says that objects still hold values of the type that the field had before: no filter and no sort can look at them.
func (f *Field) IsConverting() bool { return f.converting }

// keepsIndex says whether writes keep the field's rows in object_values.
func (f *Field) keepsIndex() bool {
	if f.Indexed != nil {
		return *f.Indexed
	}
	return f.Unique || len(f.Options) > 0 || f.Type == TypeDate || f.pointsAt()
}

func (f *Field) exprType() expr.Type {
	switch f.Type {
	case TypeString:
		return expr.Type{Kind: expr.KindString, Options: f.Options}
	case TypeNumber:
		return expr.Type{Kind: expr.KindInt}
	case TypeDecimal:
		return expr.Type{Kind: expr.KindDecimal}
	case TypeBoolean:
		return expr.Type{Kind: expr.KindBool}
	case TypeDate:
		return expr.Type{Kind: expr.KindTime}
	case TypeLink:
		return expr.Type{Kind: expr.KindString, Link: f.Structure}
	case TypeLinks:
		return expr.ListOf(expr.Type{Kind: expr.KindString, Link: f.Structure})
	case TypeJSON:
	}
	return expr.Type{Kind: expr.KindAny}
}

// numbered renders the n-th auto number of the field.
func (f *Field) numbered(n int64) string {
	return autoRule.ReplaceAllStringFunc(f.Auto, func(zeros string) string {
		return fmt.Sprintf("%0*d", len(zeros)-2, n)
	})
}

// didYouMean returns `; did you mean "x"?` for the nearest of names, or nothing.
func didYouMean(name string, names []string) string {
	if s := expr.Nearest(name, names); s != "" {
		return fmt.Sprintf("; did you mean %q?", s)
	}
	return ""
}
