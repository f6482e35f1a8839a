package steps

import "github.com/cuelight/cuelight/engine"

var _ = declare(engine.StepSpec[logStep]{
	Kind: "log", Title: "Log", Group: "logic",
	Help: "Writes a message and values into the run's log, for whoever looks at the run later. It changes nothing.",
	Examples: []engine.Example{{
		Name: "what is known here", Object: `{"number":"1042","status":"new"}`,
		Settings: `{"message": "Order {{ object.number }}", "values": {"total": "{{ object.total }}"}}`,
	}},
	Run: runLog,
})

type logStep struct {
	Message *engine.Template `json:"message,omitzero" type:"string" title:"Message" doc:"The words."`
	Values  *engine.Tree     `json:"values,omitzero" title:"Values" doc:"Values to show beside it: JSON whose texts are templates."`
}

func runLog(s *engine.Scope, c *logStep) (engine.Outcome, error) {
	message, err := c.Message.Text(s)
	if err != nil {
		return engine.Outcome{}, err
	}
	note := map[string]any{"message": message}
	if c.Values != nil && c.Values.Value != nil {
		if note["values"], err = c.Values.Eval(s); err != nil {
			return engine.Outcome{}, err
		}
	}
	return engine.Next(note)
}
