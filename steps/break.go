package steps

import "github.com/cuelight/cuelight/engine"

var _ = declare(engine.StepSpec[breakStep]{
	Kind: "break", Title: "Break", Group: "logic",
	Help:     "Ends the loop that it stands in; what comes after the loop is walked next.",
	Examples: []engine.Example{{Name: "the first is enough", Settings: `{}`, Around: loopOver, Want: []string{`push * seen "1"`}}},
	Run:      func(*engine.Scope, *breakStep) (engine.Outcome, error) { return engine.Outcome{Break: true}, nil },
})

// loopOver is a loop over 1, 2 and 3 that tells each number, then walks the example's step.
const loopOver = `{"kind": "for_each", "items": "[1, 2, 3]", "do": [{"id": "seen", "kind": "push", "to": "*", "event": "seen", "message": "{{ item }}"}, "EXAMPLE", {"id": "more", "kind": "push", "to": "*", "event": "more"}]}`

type breakStep struct{}

// Bind wants a loop around it.
func (*breakStep) Bind(b *engine.Binder) { needLoop(b) }

func needLoop(b *engine.Binder) {
	if !b.InLoop() {
		b.Fail("", "NO_LOOP", "stands in no for_each")
	}
}
