package steps

import "github.com/cuelight/cuelight/engine"

var _ = declare(engine.StepSpec[condition]{
	Kind: "condition", Title: "Condition", Group: "logic",
	Help: "Asks a question and walks one of two lists of steps. What comes after the condition is walked in either case.",
	Examples: []engine.Example{
		{
			Name: "a big order", Object: `{"number":"1042","status":"new","total":"1500.00","owner":"anna"}`,
			Settings: `{"if": "object.total > 1000", "then": [{"id": "tell", "kind": "push", "to": "*", "event": "big-order"}]}`,
			Want:     []string{`push * big-order ""`},
		},
		{
			Name: "a small one walks else", Object: `{"number":"1043","status":"new","total":"5.00"}`,
			Settings: `{"if": "object.total > 1000", "then": [], "else": [{"id": "tell", "kind": "push", "to": "*", "event": "small-order"}]}`,
			Want:     []string{`push * small-order ""`},
		},
		{
			Name: "a field without a value is not above anything", Object: `{"number":"1044","status":"new"}`,
			Settings: `{"if": "object.total > 1000", "then": [{"id": "tell", "kind": "push", "to": "*", "event": "big-order"}]}`,
		},
	},
	Run: runCondition,
})

type condition struct {
	If   engine.Expr  `json:"if" type:"bool" title:"Question" doc:"The question, an expression that is true or false; no value counts as false."`
	Then engine.Steps `json:"then,omitzero" title:"Yes" doc:"Steps for yes."`
	Else engine.Steps `json:"else,omitzero" title:"No" doc:"Steps for no."`
}

func runCondition(s *engine.Scope, c *condition) (engine.Outcome, error) {
	yes, err := c.If.Bool(s)
	if err != nil {
		return engine.Outcome{}, err
	}
	out := engine.Outcome{Enter: &c.Else, Note: map[string]any{"if": yes, "saw": c.If.Saw(s)}}
	if yes {
		out.Enter = &c.Then
	}
	return out, nil
}
