package engine

import (
	"encoding/json"
	"fmt"
	"reflect"
	"time"

	"github.com/cuelight/cuelight/engine/schema"
)

// StepSpec declares one step kind: its words, its settings as the struct C, and what it does. A step kind is one file in steps.
type StepSpec[C any] struct {
	// Kind is the kind's name in documents, snake_case, for ever.
	Kind string
	// Title and Help are what the builder reads; Group sorts the palette: logic, data, send, wait, reuse.
	Title, Help, Group string
	Examples           []Example
	// Run is the step. It is pure: it reads and acts only through the scope, and may be called again.
	Run func(*Scope, *C) (Outcome, error)
}

// Example shows a step at work; it stands in the documentation and is run by the tests.
type Example struct {
	Name string
	// Settings are the step's settings as JSON, without the reserved fields.
	Settings string
	// Object is the current object's fields as JSON, of the structure that the test's catalogue calls Order.
	Object string
	// Vars are the variables before.
	Vars map[string]any
	// Want is what the step does, one line each: push * refresh "": see exampleLines.
	Want []string
	// WantError is the code of the error that the step fails with, if it is to fail.
	WantError string
}

// StepKind is a StepSpec with its type of settings erased: what the engine and the documentation work with.
type StepKind struct {
	Kind, Title, Help, Group string
	Examples                 []Example
	// Schema is the JSON Schema of the settings.
	Schema json.RawMessage

	bind func(b *binder, settings json.RawMessage, path string) (func(*Scope) (Outcome, error), any)
}

// Build checks the declaration and erases the type of the settings. It panics on a mistake of the programmer, such as a field without a doc tag.
func (s StepSpec[C]) Build() StepKind {
	if s.Kind == "" || s.Title == "" || s.Help == "" || s.Run == nil {
		panic(fmt.Sprintf("step kind %q: kind, title, help and run are needed", s.Kind))
	}
	doc, err := schema.Of(reflect.TypeFor[C]())
	if err != nil {
		panic(fmt.Sprintf("step kind %q: %v", s.Kind, err))
	}
	return StepKind{
		Kind: s.Kind, Title: s.Title, Help: s.Help, Group: s.Group, Examples: s.Examples, Schema: doc,
		bind: func(b *binder, settings json.RawMessage, path string) (func(*Scope) (Outcome, error), any) {
			c := new(C)
			if err := decodeStrict(settings, c); err != nil {
				b.fail(path, err)
				return nil, nil
			}
			b.requireSet(reflect.ValueOf(c).Elem(), path)
			b.walk(reflect.ValueOf(c).Elem(), path)
			if own, ok := any(c).(interface{ Bind(*Binder) }); ok {
				own.Bind(&Binder{b: b, path: path})
			}
			return func(scope *Scope) (Outcome, error) { return s.Run(scope, c) }, c
		},
	}
}

// Outcome says how the run goes on after a step.
type Outcome struct {
	// Enter is a list of the step's own to walk next.
	Enter *Steps
	// Wait, when set, puts the run to sleep until then.
	Wait time.Time
	// Stop ends the run.
	Stop bool
	// Output is what steps.<id> is from now on.
	Output any
	// Note goes into the run log as the evaluated settings.
	Note any
}

// Next goes on with the following step.
func Next(note any) (Outcome, error) { return Outcome{Note: note}, nil }

// OverLimit is what a step fails with that passes a limit of /api/v1/limits.
func OverLimit(code, limit, format string, args ...any) error {
	return &CodedError{Kind: ErrInvalid, Code: code, Limit: limit, Message: fmt.Sprintf(format, args...) + " (limit: " + limit + ")"}
}

// StepError is what a step fails with: a stable code and words for the builder.
func StepError(code, format string, args ...any) error {
	return coded(ErrInvalid, code, format, args...)
}
