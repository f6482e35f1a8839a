package steps

import (
	"maps"
	"slices"

	"github.com/cuelight/cuelight/engine"
)

var _ = declare(engine.StepSpec[setVariables]{
	Kind: "set_variables", Title: "Set variables", Group: "data",
	Help: "Keeps values for the rest of the run; later steps read them as vars.<name>. All of them are computed before any is set.",
	Examples: []engine.Example{{
		Name: "a greeting", Object: `{"number":"1042","status":"new","owner":"anna"}`, Vars: map[string]any{"n": int64(1)},
		Settings: `{"set": {"greeting": "Hello {{ object.owner }}", "n": "{{ vars.n + 1 }}", "urgent": true}}`,
		Want:     []string{`set greeting "Hello anna"`, `set n 2`, `set urgent true`},
	}},
	Run: runSetVariables,
})

type setVariables struct {
	Set engine.Variables `json:"set" title:"Variables" doc:"The variables and their values; a single {{ }} keeps its type."`
}

func runSetVariables(s *engine.Scope, c *setVariables) (engine.Outcome, error) {
	values := make(map[string]any, len(c.Set))
	for _, name := range slices.Sorted(maps.Keys(c.Set)) {
		if c.Set[name] == nil {
			values[name] = nil
			continue
		}
		v, err := c.Set[name].Eval(s)
		if err != nil {
			return engine.Outcome{}, err
		}
		values[name] = v
	}
	for name, v := range values {
		s.SetVariable(name, v)
	}
	return engine.Next(map[string]any{"set": values})
}
