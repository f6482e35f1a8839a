package steps

import (
	"maps"

	"github.com/cuelight/cuelight/engine"
)

var _ = declare(engine.StepSpec[switchStep]{
	Kind: "switch", Title: "Switch", Group: "logic",
	Help: "Asks several questions one after the other and walks the steps of the first that is true, or those of else. What comes after " +
		"the switch is walked in any case.",
	Examples: []engine.Example{
		{
			Name: "the second question is true", Object: `{"number":"1042","status":"paid"}`,
			Settings: `{"cases": [{"if": "object.status == 'new'", "then": [{"id": "a", "kind": "push", "to": "*", "event": "is-new"}]}, {"if": "object.status == 'paid'", "then": [{"id": "b", "kind": "push", "to": "*", "event": "is-paid"}]}], "else": [{"id": "c", "kind": "push", "to": "*", "event": "is-other"}]}`,
			Want:     []string{`push * is-paid ""`},
		},
		{
			Name: "none is", Object: `{"number":"1042","status":"shipped"}`,
			Settings: `{"cases": [{"if": "object.status == 'new'", "then": []}], "else": [{"id": "c", "kind": "push", "to": "*", "event": "is-other"}]}`,
			Want:     []string{`push * is-other ""`},
		},
	},
	Run: runSwitch,
})

type switchStep struct {
	Cases engine.Cases `json:"cases" title:"Cases" doc:"The questions, each with the steps to walk if it is the first that is true."`
	Else  engine.Steps `json:"else,omitzero" title:"Else" doc:"Steps if no question is true."`
}

func runSwitch(s *engine.Scope, c *switchStep) (engine.Outcome, error) {
	saw := map[string]any{}
	for i := range c.Cases {
		maps.Copy(saw, c.Cases[i].If.Saw(s))
		yes, err := c.Cases[i].If.Bool(s)
		if err != nil {
			return engine.Outcome{}, err
		}
		if yes {
			return engine.Outcome{Enter: &c.Cases[i].Then, Note: map[string]any{"case": i, "saw": saw}}, nil
		}
	}
	return engine.Outcome{Enter: &c.Else, Note: map[string]any{"case": "else", "saw": saw}}, nil
}
