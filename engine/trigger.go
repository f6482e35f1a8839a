package engine

import "encoding/json"

// Trigger is one placed trigger, compiled.
type Trigger struct {
	ID   string
	Kind string
	Watch

	version *Version
	// path is where it stands in the document, as triggers[0].
	path string
}

// Watch says which changes of a structure a trigger waits for.
type Watch struct {
	// On are the kinds of change; none means that no change starts it.
	On []ChangeKind
	// Fields, when given, are those of which at least one must differ.
	Fields []string
	// If is the condition, if there is one.
	If *Expr
	// Once lets each object start it only once.
	Once bool
	// Schedule is set for a trigger that the clock starts.
	Schedule *Schedule
}

// TriggerSpec declares one trigger kind with the struct C as its settings. A trigger kind is one file in triggers.
type TriggerSpec[C any] struct {
	Kind, Title, Help string
	Examples          []Example
	// Watch says what the placed trigger waits for.
	Watch func(*C) Watch
	// Schedule, when set, gives the calendar of a placed trigger; zone is the name of the app's time zone.
	Schedule func(c *C, zone string) (*Schedule, error)
}

// TriggerKind is a TriggerSpec with its type of settings erased.
type TriggerKind struct {
	Kind, Title, Help string
	Examples          []Example
	Schema            json.RawMessage

	bind     func(b *binder, settings json.RawMessage, path string) (Watch, any)
	schedule func(settings any, zone string) (*Schedule, error)
}

// Build checks the declaration and erases the type of the settings. It panics on a mistake of the programmer.
func (s TriggerSpec[C]) Build() TriggerKind {
	step := StepSpec[C]{Kind: s.Kind, Title: s.Title, Help: s.Help, Run: func(*Scope, *C) (Outcome, error) { return Outcome{}, nil }}.Build()
	kind := TriggerKind{
		Kind: s.Kind, Title: s.Title, Help: s.Help, Examples: s.Examples, Schema: step.Schema,
		bind: func(b *binder, settings json.RawMessage, path string) (Watch, any) {
			if placed := step.bind(b, settings, path); placed.settings != nil {
				return s.Watch(placed.settings.(*C)), placed.settings
			}
			return Watch{}, nil
		},
	}
	if s.Schedule != nil {
		kind.schedule = func(settings any, zone string) (*Schedule, error) { return s.Schedule(settings.(*C), zone) }
	}
	return kind
}
