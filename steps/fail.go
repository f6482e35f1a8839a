package steps

import "github.com/cuelight/cuelight/engine"

var _ = declare(engine.StepSpec[failStep]{
	Kind: "fail", Title: "Fail", Group: "logic",
	Help: "Fails on purpose: the try around it or the scenario's catch takes over, else the run ends as failed with this message.",
	Examples: []engine.Example{{
		Name: "something is missing", Object: `{"number":"1042","status":"new"}`,
		Settings: `{"message": "Order {{ object.number }} has no owner", "code": "NO_OWNER"}`, WantError: "NO_OWNER",
	}},
	Run: runFail,
})

type failStep struct {
	Message *engine.Template `json:"message" type:"string" title:"Message" doc:"What is wrong, for whoever reads the run or the catch steps."`
	Code    string           `json:"code,omitzero" title:"Code" default:"FAILED" doc:"A word for error.code, capital letters, digits and _; FAILED when left out."`
}

// Bind checks the code.
func (c *failStep) Bind(b *engine.Binder) {
	for _, r := range c.Code {
		if (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_' || len(c.Code) > 64 {
			b.Fail("code", "CODE", "may hold only capital letters, digits and _, at most 64")
			return
		}
	}
}

func runFail(s *engine.Scope, c *failStep) (engine.Outcome, error) {
	message, err := c.Message.Text(s)
	if err != nil {
		return engine.Outcome{}, err
	}
	code := c.Code
	if code == "" {
		code = "FAILED"
	}
	return engine.Outcome{}, engine.FinalError(code, message)
}
