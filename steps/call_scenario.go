package steps

import (
	"maps"
	"slices"

	"github.com/cuelight/cuelight/engine"
)

var _ = declare(engine.StepSpec[callScenario]{
	Kind: "call_scenario", Title: "Link scenario", Group: "reuse",
	Help: "Starts another scenario: for the current object, for another one that a link names, or for each of a list. Without wait the " +
		"run goes on at once, and steps.<id> is the list of the new runs' ids. With wait it goes on when they have ended, and steps.<id> " +
		"is a list with run, status and vars of each (cut instead of vars where they take more than 16 KB, or more than its share of 1 MB for " +
		"all); when one of them fails, this step fails too.",
	Examples: []engine.Example{
		{
			Name: "for the current object, and wait", Object: `{"number":"1042","status":"new"}`,
			Settings: `{"scenario": "callee", "parameters": {"greeting": "Hello"}, "wait": true}`, After: "{{ steps.example[0].status }} {{ steps.example[0].vars.answer }}",
			Want: []string{`push * called "Hello 1042"`, `after "done yes"`},
		},
		{
			Name: "for each of a list", Object: `{"number":"1042","status":"new"}`,
			Settings: `{"scenario": "callee", "each": "[object.id, object.id]", "parameters": {"greeting": "Hi"}, "wait": true}`, After: "{{ len(steps.example) }}",
			Want: []string{`push * called "Hi 1042"`, `push * called "Hi 1042"`, `after "2"`},
		},
		{
			Name: "a scenario that is not there", Object: `{"number":"1042","status":"new"}`,
			Settings: `{"scenario": "nobody"}`, WantError: "CALL_UNKNOWN",
		},
		{
			Name: "a parameter that it does not have", Object: `{"number":"1042","status":"new"}`,
			Settings: `{"scenario": "callee", "parameters": {"greting": "Hello"}}`, WantError: "CALL_PARAMETER",
		},
	},
	Run: runCallScenario,
})

type callScenario struct {
	Scenario   string           `json:"scenario" ui:"scenario" title:"Scenario" doc:"The id of the scenario to start; it has to be published and started."`
	Object     *engine.Template `json:"object,omitzero" type:"string" title:"Object" doc:"The id of its current object, as {{ object.owner }}; left out, it is this run's object."`
	Each       *engine.Expr     `json:"each,omitzero" title:"For each of" doc:"Instead of one object: an expression that is a list of ids; one run for each, at most 1000."`
	Parameters engine.Arguments `json:"parameters,omitzero" title:"Parameters" doc:"Values for the scenario's parameters; there they are vars.<name>."`
	Wait       bool             `json:"wait,omitzero" title:"Wait" doc:"Go on only when it has ended (sync). Off by default (async)."`
}

// Bind wants one way of naming objects.
func (c *callScenario) Bind(b *engine.Binder) {
	if c.Object != nil && c.Each.IsSet() {
		b.Fail("each", "REQUIRED", "give object or each, not both")
	}
	if !engine.ValidScenarioID(c.Scenario) {
		b.Fail("scenario", "NAME", "must be the id of a scenario: small letters, digits and -")
	}
}

func runCallScenario(s *engine.Scope, c *callScenario) (engine.Outcome, error) {
	if ended, err := s.Called(); ended != nil || err != nil {
		return engine.Outcome{Output: ended, Note: map[string]any{"scenario": c.Scenario, "runs": len(ended)}}, err
	}
	objects, err := c.objects(s)
	if err != nil {
		return engine.Outcome{}, err
	}
	vars := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(c.Parameters)) {
		if t := c.Parameters[name]; t != nil {
			if vars[name], err = t.Eval(s); err != nil {
				return engine.Outcome{}, err
			}
		}
	}
	runs, err := s.Call(engine.Link{Scenario: c.Scenario, Objects: objects, Vars: vars, Wait: c.Wait})
	if err != nil {
		return engine.Outcome{}, err
	}
	ids := make([]any, len(runs))
	for i, id := range runs {
		ids[i] = string(id)
	}
	out := engine.Outcome{Output: ids, Note: map[string]any{"scenario": c.Scenario, "objects": anyList(objects), "parameters": vars}}
	if c.Wait {
		out.Await = len(runs)
	}
	return out, nil
}

// objects are the ids of the runs' current objects, "" for none.
func (c *callScenario) objects(s *engine.Scope) ([]string, error) {
	switch {
	case c.Each.IsSet():
		v, err := c.Each.Eval(s)
		if err != nil {
			return nil, err
		}
		list, ok := v.([]any)
		if !ok && v != nil {
			return nil, engine.StepError("CALL_OBJECT", "each is no list of ids")
		}
		ids := make([]string, len(list))
		for i, v := range list {
			if ids[i], ok = v.(string); !ok || !engine.ValidID(ids[i]) {
				return nil, engine.StepError("CALL_OBJECT", "each gave something that is no id of an object")
			}
		}
		return ids, nil
	case c.Object != nil:
		id, err := c.Object.Text(s)
		if err != nil {
			return nil, err
		}
		if !engine.ValidID(id) {
			return nil, engine.StepError("CALL_OBJECT", "object gave no id: the link or the field that it reads is empty")
		}
		return []string{id}, nil
	}
	return []string{s.ObjectFor(c.Scenario)}, nil
}
