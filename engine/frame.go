package engine

import (
	"encoding/json"
	"fmt"
	"maps"
	"time"

	"github.com/cuelight/cuelight/engine/expr"
)

// state is what a run keeps between its ops (Run.State): positions, never collections.
type state struct {
	// Frames is the stack of lists being walked, innermost last; each says which step comes next.
	Frames []frame `json:"frames"`
	// Vars and Steps are the variables and what the steps yielded, in tagged form: see tagged.
	Vars  map[string]any `json:"vars,omitempty"`
	Steps map[string]any `json:"steps,omitempty"`
	// Attempt counts the tries of the step that comes next; 0 for the first.
	Attempt int `json:"attempt,omitempty"`
	// Path is the chain of scenarios that led here, joined by ">".
	Path string `json:"path,omitempty"`
	// Error is set once the run has gone into its catch steps.
	Error *RunError `json:"error,omitempty"`
	// Walked counts the steps that were executed.
	Walked int64 `json:"walked,omitempty"`
	// Ticks and Made are what the run's deferred expressions have spent; see budget.
	Ticks int `json:"ticks,omitempty"`
	Made  int `json:"made,omitempty"`
}

// A run's deferred expressions share one budget (guarantees 3.1): what one expression may take, and a little for each step walked, so that
// a loop over many objects can go on while expressions that feed on each other can not.
const (
	ticksPerStep = 1_000
	madePerStep  = 16 << 10
)

// budget is what the run's expressions may still spend at its next step.
func (st *state) budget() expr.Limits {
	l := expr.FullLimits
	l.Ticks = min(l.Ticks, max(0, l.Ticks+ticksPerStep*int(st.Walked)-st.Ticks))
	l.Bytes = min(l.Bytes, max(0, l.Bytes+madePerStep*int(st.Walked)-st.Made))
	return l
}

// frame is one list of a version and the index of the step that comes next in it.
type frame struct {
	List string `json:"list"`
	At   int    `json:"at"`
}

// Limits of a run's state (guarantees 4).
const (
	maxState     = 4 << 20
	maxStepsRun  = 10000
	maxStepBytes = 64 << 10 // of a step's settings and output in the run log
)

func newState(path string) *state {
	return &state{Frames: []frame{{List: mainList}}, Vars: map[string]any{}, Steps: map[string]any{}, Path: path}
}

func decodeState(doc json.RawMessage) (*state, error) {
	st := &state{}
	if err := unmarshalNumbers(doc, st); err != nil {
		return nil, coded(ErrInvalid, "RUN_STATE", "the state of the run can not be read: %s", err)
	}
	st.Vars, _ = untag(st.Vars).(map[string]any)
	st.Steps, _ = untag(st.Steps).(map[string]any)
	if st.Vars == nil {
		st.Vars = map[string]any{}
	}
	if st.Steps == nil {
		st.Steps = map[string]any{}
	}
	return st, nil
}

func (st *state) encode() (json.RawMessage, error) {
	out := *st
	out.Vars, _ = tag(st.Vars).(map[string]any)
	out.Steps, _ = tag(st.Steps).(map[string]any)
	doc, err := marshal(&out)
	if err != nil {
		return nil, err
	}
	if len(doc) > maxState {
		return nil, &CodedError{Kind: ErrInvalid, Code: "RUN_STATE", Limit: "run_state_bytes", Message: fmt.Sprintf("the run's variables take more than %d bytes", maxState)}
	}
	return doc, nil
}

// tag writes values so that untag gives back the same types: JSON alone would make text of decimals and dates.
func tag(v any) any {
	switch t := v.(type) {
	case expr.Decimal:
		return map[string]any{"$decimal": t.String()}
	case time.Time:
		return map[string]any{"$date": t.UTC().Format(DateFormat)}
	case []any:
		out := make([]any, len(t))
		for i, e := range t {
			out[i] = tag(e)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(t))
		for k, e := range t {
			if len(k) > 0 && k[0] == '$' {
				k = "$" + k // a key of the user's own that looks like a tag
			}
			out[k] = tag(e)
		}
		return out
	}
	return v
}

func untag(v any) any {
	switch t := v.(type) {
	case json.Number:
		if n, err := t.Int64(); err == nil {
			return n
		}
		d, _ := expr.ParseDecimal(t.String())
		return d
	case []any:
		for i, e := range t {
			t[i] = untag(e)
		}
		return t
	case map[string]any:
		return untagMap(t)
	}
	return v
}

func untagMap(t map[string]any) any {
	if text, ok := t["$decimal"].(string); ok {
		d, _ := expr.ParseDecimal(text)
		return d
	}
	if text, ok := t["$date"].(string); ok {
		at, _ := time.Parse(DateFormat, text)
		return at
	}
	out := make(map[string]any, len(t))
	for k, e := range t {
		if len(k) > 1 && k[0] == '$' && k[1] == '$' {
			k = k[1:]
		}
		out[k] = untag(e)
	}
	return out
}

// push enters a list.
func (st *state) push(list string) { st.Frames = append(st.Frames, frame{List: list}) }

// next is the step that comes next, after leaving lists that are walked; nil when the run is at its end.
func (st *state) next(v *Version) *step {
	for len(st.Frames) > 0 {
		top := st.Frames[len(st.Frames)-1]
		l := v.lists[top.List]
		if l != nil && top.At < len(l.steps) {
			return l.steps[top.At]
		}
		st.Frames = st.Frames[:len(st.Frames)-1]
	}
	return nil
}

// advance moves past the step that next gave.
func (st *state) advance() {
	st.Frames[len(st.Frames)-1].At++
	st.Attempt = 0
}

// clone is deep in what a fused op changes: the frames and the two maps.
func (st *state) clone() *state {
	out := *st
	out.Frames = append([]frame(nil), st.Frames...)
	out.Vars = make(map[string]any, len(st.Vars))
	maps.Copy(out.Vars, st.Vars)
	out.Steps = make(map[string]any, len(st.Steps))
	maps.Copy(out.Steps, st.Steps)
	return &out
}
