package steps

import "github.com/cuelight/cuelight/engine"

var _ = declare(engine.StepSpec[nextStep]{
	Kind: "next", Title: "Next", Group: "logic",
	Help:     "Goes to the next item of the loop that it stands in; what is left of this pass is not walked.",
	Examples: []engine.Example{{Name: "skip the rest", Settings: `{}`, Around: loopOver, Want: []string{`push * seen "1"`, `push * seen "2"`, `push * seen "3"`}}},
	Run:      func(*engine.Scope, *nextStep) (engine.Outcome, error) { return engine.Outcome{Next: true}, nil },
})

type nextStep struct{}

// Bind wants a loop around it.
func (*nextStep) Bind(b *engine.Binder) { needLoop(b) }
