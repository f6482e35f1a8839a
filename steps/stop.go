package steps

import "github.com/cuelight/cuelight/engine"

var _ = declare(engine.StepSpec[stop]{
	Kind: "stop", Title: "Stop", Group: "logic",
	Help:     "Ends the run here; steps that would come after it are not walked. The run counts as done.",
	Examples: []engine.Example{{Name: "nothing left to do", Settings: `{}`, Want: []string{"stop"}}},
	Run:      func(*engine.Scope, *stop) (engine.Outcome, error) { return engine.Outcome{Stop: true}, nil },
})

type stop struct{}
