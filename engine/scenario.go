package engine

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Scenario is the document that the builder edits, files hold, the API stores and the engine runs (contracts 1).
type Scenario struct {
	Kind string `json:"kind"`
	ID   string `json:"id"`
	Name string `json:"name,omitempty"`
	// Structure is what object is, for every trigger and caller; empty for a scenario without an object.
	Structure  string            `json:"structure,omitempty"`
	Parameters map[string]string `json:"parameters,omitempty"`
	Triggers   []json.RawMessage `json:"triggers,omitempty"`
	// Order is per_object (the default), one_at_a_time or parallel.
	Order string `json:"order,omitempty"`
	// Lane is an expression whose value names a lane that scenarios share.
	Lane     string            `json:"lane,omitempty"`
	Settings ScenarioSettings  `json:"settings,omitzero"`
	Steps    []json.RawMessage `json:"steps"`
	// Catch are the steps that run once when a step has failed for good.
	Catch []json.RawMessage `json:"catch,omitempty"`
}

// ScenarioSettings are the limits of a scenario.
type ScenarioSettings struct {
	// Timeout is how long the steps of one run may work outside in all, waiting not counted; unset means 5 minutes.
	Timeout Duration `json:"timeout,omitzero"`
	// KeepRuns is how long finished runs are kept; unset means 14 days.
	KeepRuns Duration `json:"keep_runs,omitzero"`
	// MaxConcurrent is how many runs walk steps at a time, on all nodes together; 0 is no bound.
	MaxConcurrent int `json:"max_concurrent,omitzero"`
	// Debounce has a run wait until its object has not changed for so long, at most ten times that; the last change's run takes the place of
	// those before.
	Debounce Duration `json:"debounce,omitzero"`
	// Rate is how many runs begin in a time, as 10/m; what is more waits for its turn.
	Rate string `json:"rate,omitzero"`
}

// The orders of a scenario's runs.
const (
	OrderPerObject = "per_object"
	OrderOneByOne  = "one_at_a_time"
	OrderParallel  = "parallel"
)

// Limits of scenario documents.
const (
	MaxScenarioBytes = 1 << 20
	MaxSteps         = 1000
	MaxNesting       = 16
	MaxTriggers      = 20
	MaxRetries       = 25
)

var scenarioIDRule = regexp.MustCompile(`^[a-z][a-z0-9-]{0,62}$`)

// ValidScenarioID says whether a text can be the id of a scenario.
func ValidScenarioID(id string) bool { return scenarioIDRule.MatchString(id) }

// Duration is a time span, written as 90s, 5m, 2h or 14d.
type Duration time.Duration

// UnmarshalJSON reads 90s, 5m, 2h, 14d.
func (d *Duration) UnmarshalJSON(doc []byte) error {
	var text string
	if err := json.Unmarshal(doc, &text); err != nil {
		return invalid("", "DURATION", "must be a duration such as 90s, 5m, 2h or 14d")
	}
	span, err := ParseDuration(text)
	*d = Duration(span)
	return err
}

// MarshalJSON writes what UnmarshalJSON reads.
func (d Duration) MarshalJSON() ([]byte, error) {
	span := time.Duration(d)
	if day := 24 * time.Hour; span > 0 && span%day == 0 {
		return fmt.Appendf(nil, `"%dd"`, span/day), nil
	}
	return json.Marshal(span.String())
}

// maxDuration is the longest time a run may live (guarantees 4).
const maxDuration = 366 * 24 * time.Hour

// ParseDuration reads a span of at most 366 days; d stands for 24 hours.
func ParseDuration(text string) (time.Duration, error) {
	wrong := invalid("", "DURATION", "must be a duration such as 90s, 5m, 2h or 14d, at most 366d")
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.Atoi(days)
		if err != nil || n < 0 || n > 366 {
			return 0, wrong
		}
		return time.Duration(n) * 24 * time.Hour, nil
	}
	span, err := time.ParseDuration(text)
	if err != nil || span < 0 || span > maxDuration {
		return 0, wrong
	}
	return span, nil
}

// head is what every step has, whatever its kind.
type head struct {
	ID       string `json:"id"`
	Kind     string `json:"kind"`
	Name     string `json:"name,omitempty"`
	Notes    string `json:"notes,omitempty"`
	Disabled bool   `json:"disabled,omitempty"`
	// Timeout is how long what the step does outside may take; unset means as long as its kind says.
	Timeout Duration `json:"timeout,omitzero"`
	OnError *onError `json:"on_error,omitempty"`
}

// onError says what happens when a step fails: retries first, then stop (the default) or continue.
type onError struct {
	Retry *retry `json:"retry,omitempty"`
	Then  string `json:"then,omitempty"`
}

// retry is how often and after which pause a failed step is tried again; the pause doubles each time, up to an hour.
type retry struct {
	Times   int      `json:"times"`
	Backoff Duration `json:"backoff"`
}

var stepIDRule = regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`)

// split takes a step's reserved fields apart from the settings of its kind.
func split(doc json.RawMessage, into any, reserved ...string) (json.RawMessage, error) {
	if trimmed := bytes.TrimSpace(doc); len(trimmed) == 0 || trimmed[0] != '{' {
		return nil, invalid("", "TYPE", "must be an object")
	}
	all := map[string]json.RawMessage{}
	twice := ""
	eachMember(doc, func(name string, value json.RawMessage) {
		if _, seen := all[name]; seen {
			twice = name
		}
		all[name] = value
	})
	if twice != "" {
		return nil, invalid(twice, "TWICE", "is given twice")
	}
	own := map[string]json.RawMessage{}
	for _, name := range reserved {
		if v, ok := all[name]; ok {
			own[name] = v
			delete(all, name)
		}
	}
	headDoc, err := marshal(own)
	if err != nil {
		return nil, err
	}
	if err := decodeStrict(headDoc, into); err != nil {
		return nil, err
	}
	return marshal(all)
}

// ParseScenario reads a scenario document and checks what can be checked without the app it belongs to: shape, names and limits.
func ParseScenario(doc []byte) (*Scenario, error) {
	s, errs, err := readScenario(doc)
	if err == nil && len(errs) > 0 {
		err = &InvalidError{Fields: errs}
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

// readScenario is ParseScenario that gives a document of the right shape also where something in it is wrong, so that all of that can be told.
func readScenario(doc []byte) (*Scenario, []FieldError, error) {
	if len(doc) > MaxScenarioBytes {
		return nil, nil, &InvalidError{Fields: []FieldError{overLimit("", "scenario_bytes", "a scenario may be at most %d bytes long", MaxScenarioBytes)}}
	}
	var s Scenario
	if err := decodeStrict(doc, &s); err != nil {
		return nil, nil, err
	}
	var errs []FieldError
	add := func(path, code, message string) {
		errs = append(errs, FieldError{Path: path, Code: code, Message: message})
	}
	if s.Kind != "" && s.Kind != "scenario" {
		add("kind", "KIND", `must be "scenario"`)
	}
	s.Kind = "scenario"
	if !scenarioIDRule.MatchString(s.ID) {
		add("id", "NAME", "must start with a small letter and hold only small letters, digits and -, at most 63")
	}
	if s.Order == "" {
		s.Order = OrderPerObject
	}
	if !slices.Contains([]string{OrderPerObject, OrderOneByOne, OrderParallel}, s.Order) {
		add("order", "OPTION", "must be per_object, one_at_a_time or parallel")
	}
	if len(s.Triggers) > MaxTriggers {
		errs = append(errs, overLimit("triggers", "triggers_per_scenario", "at most %d triggers", MaxTriggers))
	}
	for name, typ := range s.Parameters {
		if !nameRule.MatchString(name) {
			add("parameters."+name, "NAME", "must start with a letter and hold only letters, digits and _")
		}
		if _, ok := parameterTypes[typ]; !ok {
			add("parameters."+name, "TYPE", "must be one of string, number, decimal, boolean, date, json")
		}
	}
	return &s, append(errs, s.Settings.check()...), nil
}
