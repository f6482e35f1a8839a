package engine

import (
	"context"
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
	// Outside, when set, is done by a worker before the step's op: a search, or an effect outside. Run finds what it yields in
	// Scope.Fetched; its error fails the step. After a crash it may be called again, with the same Outside.Key.
	Outside func(context.Context, *Outside, *C) (any, error)
	// Effect says that Outside does something that others can see: its runs take turns in few places.
	Effect bool
	// Describe stands in for Outside in a dry run where there is an Effect: it says what would be done, and does nothing.
	Describe func(context.Context, *Outside, *C) (any, error)
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
	// Around is a step around the example, in whose lists "EXAMPLE" stands for it; After is the message of a push that comes after it.
	Around string
	After  string
	// When is, for a trigger, what happens to an order, one act a line: create {"status":"new"}, change {"status":"paid"}, delete,
	// call {"greeting":"Hello"}, or time: the next time of its schedule comes.
	When []string
	// Want is what the step does, one line each, as push * refresh ""; for a trigger, the runs that start: starts for order.
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

	effect bool
	bind   func(b *binder, settings json.RawMessage, path string) bound
}

// bound is a placed step with its settings.
type bound struct {
	run      func(*Scope) (Outcome, error)
	outside  func(context.Context, *Outside) (any, error)
	describe func(context.Context, *Outside) (any, error)
	settings any
}

// Build checks the declaration and erases the type of the settings. It panics on a mistake of the programmer, such as a field without a doc tag.
func (s StepSpec[C]) Build() StepKind {
	if s.Kind == "" || s.Title == "" || s.Help == "" || s.Run == nil {
		panic(fmt.Sprintf("step kind %q: kind, title, help and run are needed", s.Kind))
	}
	if s.Effect && s.Describe == nil {
		panic(fmt.Sprintf("step kind %q: what has an effect outside has to describe it for a dry run", s.Kind))
	}
	doc, err := schema.Of(reflect.TypeFor[C]())
	if err != nil {
		panic(fmt.Sprintf("step kind %q: %v", s.Kind, err))
	}
	return StepKind{
		Kind: s.Kind, Title: s.Title, Help: s.Help, Group: s.Group, Examples: s.Examples, Schema: doc, effect: s.Effect,
		bind: func(b *binder, settings json.RawMessage, path string) bound {
			c := new(C)
			if err := decodeStrict(settings, c); err != nil {
				b.fail(path, err)
				return bound{}
			}
			b.requireSet(reflect.ValueOf(c).Elem(), path)
			b.walk(reflect.ValueOf(c).Elem(), path)
			if own, ok := any(c).(interface{ Bind(*Binder) }); ok {
				own.Bind(&Binder{b: b, path: path})
			}
			placed := bound{settings: c, run: func(scope *Scope) (Outcome, error) { return s.Run(scope, c) }}
			if s.Outside != nil {
				placed.outside = func(ctx context.Context, o *Outside) (any, error) { return s.Outside(ctx, o, c) }
			}
			if s.Describe != nil {
				placed.describe = func(ctx context.Context, o *Outside) (any, error) { return s.Describe(ctx, o, c) }
			}
			return placed
		},
	}
}

// Outcome says how the run goes on after a step.
type Outcome struct {
	// Enter is a list of the step's own to walk next.
	Enter *Steps
	// Await, when not 0, has the run wait for so many runs that the step has just called; it is then run again and finds how they ended in
	// Scope.Called.
	Await int
	// Wait, when set, puts the run to sleep until then.
	Wait time.Time
	// Stop ends the run.
	Stop bool
	// Try says that the list entered is guarded: when one of its steps fails, Catch is walked instead of what is left of it.
	Try   bool
	Catch *Steps
	// Loop walks a list once for each of many.
	Loop *Loop
	// Break ends the innermost loop, Next its present pass.
	Break, Next bool
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

// finalError is an error that trying again can not help.
type finalError struct{ *CodedError }

// Final says so to the retries.
func (finalError) Final() bool { return true }

// Unwrap gives the coded error.
func (e finalError) Unwrap() error { return e.CodedError }

// FinalError is what a step fails with that is not tried again.
func FinalError(code, message string) error {
	return finalError{coded(ErrInvalid, code, "%s", message)}
}

// StepError is what a step fails with: a stable code and words for the builder.
func StepError(code, format string, args ...any) error {
	return coded(ErrInvalid, code, format, args...)
}
