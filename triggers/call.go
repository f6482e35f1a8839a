package triggers

import "github.com/cuelight/cuelight/engine"

var _ = declare(engine.TriggerSpec[call]{
	Kind: "call", Title: "Somebody calls it",
	Help: "Starts when another scenario links to it, when the API calls it, or when an object is pushed in by hand. The caller gives " +
		"the scenario's parameters, which are then read as vars.<name>.",
	Examples: []engine.Example{{
		Name: "the API calls it with a parameter", Settings: `{}`,
		When: []string{`create {"number":"1042"}`, `call {"greeting":"Hello"}`}, Want: []string{`starts for order when called, vars.greeting is "Hello"`},
	}},
	Watch: func(*call) engine.Watch { return engine.Watch{} },
})

type call struct{}
