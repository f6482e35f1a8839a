package steps

import (
	"time"

	"github.com/cuelight/cuelight/engine"
)

var _ = declare(engine.StepSpec[delay]{
	Kind: "delay", Title: "Delay", Group: "wait",
	Help: "Waits for a time or until a moment, and then goes on. A waiting run costs nothing and survives a restart; it gives its " +
		"turn to the object's other runs meanwhile.",
	Examples: []engine.Example{
		{Name: "a minute and a half", Settings: `{"for": "90s"}`, Want: []string{`wait 1m30s`}},
		{Name: "until a moment that has passed", Settings: `{"until": "date('2020-01-01')"}`},
	},
	Run: runDelay,
})

type delay struct {
	For   engine.Duration `json:"for,omitzero" title:"For" doc:"How long to wait: 90s, 5m, 2h or 14d, at most 366d."`
	Until *engine.Expr    `json:"until,omitzero" type:"time" title:"Until" doc:"The moment to wait for, an expression that is a date; one that has passed, or no value, does not wait."`
}

// Bind wants one of the two settings.
func (c *delay) Bind(b *engine.Binder) {
	if (c.For == 0) == !c.Until.IsSet() {
		b.Fail("for", "REQUIRED", "give either for or until")
	}
}

func runDelay(s *engine.Scope, c *delay) (engine.Outcome, error) {
	until := s.Now().Add(time.Duration(c.For))
	if c.Until.IsSet() {
		v, err := c.Until.Eval(s)
		if err != nil {
			return engine.Outcome{}, err
		}
		at, ok := v.(time.Time)
		if !ok {
			return engine.Next(map[string]any{"until": nil})
		}
		until = at
	}
	if until.Sub(s.Now()) > 366*24*time.Hour {
		return engine.Outcome{}, engine.OverLimit("DELAY", "delay", "a run may wait at most 366 days at a time")
	}
	return engine.Outcome{Wait: until, Note: map[string]any{"until": until}}, nil
}
