package steps

import "github.com/cuelight/cuelight/engine"

var _ = declare(engine.StepSpec[tryStep]{
	Kind: "try", Title: "Try", Group: "logic",
	Help: "Walks its steps; when one of them fails, after its own retries, the steps under catch are walked instead of the rest. There " +
		"error.step, error.code and error.message say what happened. Either way the run then goes on after the try.",
	Examples: []engine.Example{
		{
			Name: "an order without an owner", Object: `{"number":"1042","status":"new"}`,
			Settings: `{"do": [{"id": "tell", "kind": "push", "to": "{{ object.owner }}", "event": "hello"}, {"id": "never", "kind": "push", "to": "*", "event": "never"}], "catch": [{"id": "sorry", "kind": "push", "to": "*", "event": "sorry", "message": "{{ error.step }}: {{ error.code }}"}]}`,
			Want:     []string{`push * sorry "tell: PUSH_TO"`},
		},
		{
			Name: "all is well", Object: `{"number":"1042","status":"new","owner":"anna"}`,
			Settings: `{"do": [{"id": "tell", "kind": "push", "to": "{{ object.owner }}", "event": "hello"}], "catch": [{"id": "sorry", "kind": "push", "to": "*", "event": "sorry"}]}`,
			Want:     []string{`push anna hello ""`},
		},
		{
			Name: "it does not matter", Object: `{"number":"1042","status":"new"}`,
			Settings: `{"do": [{"id": "tell", "kind": "push", "to": "{{ object.owner }}", "event": "hello"}]}`,
		},
	},
	Run: func(_ *engine.Scope, c *tryStep) (engine.Outcome, error) {
		return engine.Outcome{Enter: &c.Do, Try: true, Catch: &c.Catch}, nil
	},
})

type tryStep struct {
	Do    engine.Steps `json:"do" title:"Try" doc:"The steps that may fail."`
	Catch engine.Steps `json:"catch,omitzero" type:"later" title:"Catch" doc:"Steps if one of them fails; none: the failure is passed over."`
}

// Bind lets the steps under catch see the error.
func (c *tryStep) Bind(b *engine.Binder) { b.CatchSteps("catch", &c.Catch) }
