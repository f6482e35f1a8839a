package engine

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
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
	// Key is the number of the first try of the step that comes next, once one of its tries has failed: its effect keeps its key.
	Key int64 `json:"key,omitempty"`
	// Path is the chain of scenarios that led here, joined by ">".
	Path string `json:"path,omitempty"`
	// Error is set once the run has gone into its catch steps.
	Error *RunError `json:"error,omitempty"`
	// Walked counts the steps that were executed.
	Walked int64 `json:"walked,omitempty"`
	// Ticks and Made are what the run's deferred expressions have spent; see budget.
	Ticks int `json:"ticks,omitempty"`
	Made  int `json:"made,omitempty"`
	// Pace is which of the stages of pace the run has behind it.
	Pace int `json:"pace,omitempty"`
	// Active is how many milliseconds its steps have worked outside and been evaluated.
	Active int64 `json:"active,omitempty"`
	// Steady counts the steps outside of loops, Passes the passes of all loops: they have bounds of their own.
	Steady int `json:"steady,omitempty"`
	Passes int `json:"passes,omitempty"`
	// FailedAt are the frames at the step that failed, once the run has gone into its catch steps.
	FailedAt []frame `json:"failed_at,omitempty"`
	// Callers are the runs that wait for this one, as scenario/object, outermost first.
	Callers []string `json:"callers,omitempty"`
	// Called is how many runs the step that comes next has called and waited for; 0 while it has not.
	Called int `json:"called,omitempty"`
	// Seat is set on a run whose caller waits for it.
	Seat *seat `json:"seat,omitempty"`
	// Until is the step of a test after which it ends.
	Until string `json:"until,omitempty"`
	// FailedKey is Key of that step.
	FailedKey int64 `json:"failed_key,omitempty"`
	// Input are the variables that the run began with.
	Input map[string]any `json:"input,omitempty"`
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

// walksObjects says that the run only starts others: it is the tick of a schedule for each object.
func (st *state) walksObjects() bool {
	return len(st.Frames) > 0 && strings.HasPrefix(st.Frames[0].List, "schedule:")
}

// frame is one list of a version and the index of the step that comes next in it.
type frame struct {
	List string `json:"list"`
	At   int    `json:"at"`
	// Loop is set on the body of a for_each.
	Loop *loop `json:"loop,omitempty"`
	// Catch is set on the steps that a try guards: the list to walk when one of them fails.
	Catch string `json:"catch,omitempty"`
	// Error is what such a list is walked for.
	Error *RunError `json:"error,omitempty"`
}

// Limits of a run's state (guarantees 4).
const (
	maxState     = 4 << 20
	maxStepsRun  = 10_000   // outside of loops
	maxPasses    = 100_000  // of all loops of a run (contracts 7)
	maxLogLines  = 20_000   // of a run's log; further steps of loops are not logged unless they fail
	maxStepBytes = 64 << 10 // of a step's settings and output in the run log
)

func newState(path string) *state {
	return &state{Frames: []frame{{List: mainList}}, Vars: map[string]any{}, Steps: map[string]any{}, Path: path}
}

func decodeState(doc json.RawMessage) (*state, error) {
	st := &state{}
	if err := unmarshalNumbers(doc, st); err != nil {
		return nil, coded(ErrInvalid, codeState, "the state of the run can not be read: %s", err)
	}
	st.Vars, _ = untag(st.Vars).(map[string]any)
	st.Steps, _ = untag(st.Steps).(map[string]any)
	st.Input, _ = untag(st.Input).(map[string]any)
	for _, frames := range [][]frame{st.Frames, st.FailedAt} {
		for _, f := range frames {
			if f.Loop != nil {
				f.Loop.Items, _ = untag(f.Loop.Items).([]any)
			}
		}
	}
	if st.Vars == nil {
		st.Vars = map[string]any{}
	}
	if st.Steps == nil {
		st.Steps = map[string]any{}
	}
	return st, nil
}

func (st *state) encode() (json.RawMessage, error) {
	doc, err := st.doc()
	if err == nil && len(doc) > maxState {
		err = &CodedError{Kind: ErrInvalid, Code: codeState, Limit: "run_state_bytes", Message: fmt.Sprintf("the run's variables take more than %d bytes", maxState)}
	}
	return doc, err
}

// codeState is the code of a state that is too large or can not be read.
const codeState = "RUN_STATE"

// doc is the state as it is stored, without its bound.
func (st *state) doc() (json.RawMessage, error) {
	out := *st
	out.Vars, _ = tag(st.Vars).(map[string]any)
	out.Steps, _ = tag(st.Steps).(map[string]any)
	out.Input, _ = tag(st.Input).(map[string]any)
	out.Frames, out.FailedAt = tagFrames(st.Frames), tagFrames(st.FailedAt)
	return marshal(&out)
}

// tagFrames are the frames with the lists of their loops in tagged form.
func tagFrames(frames []frame) []frame {
	out := slices.Clone(frames)
	for i, f := range out {
		if f.Loop != nil && f.Loop.Items != nil {
			own := *f.Loop
			own.Items, _ = tag(f.Loop.Items).([]any)
			out[i].Loop = &own
		}
	}
	return out
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

// next is the step that comes next, after leaving lists that are walked; nil when the run is at its end, or when turn says that a loop
// has to go to its next item first.
func (st *state) next(v *Version) (s *step, turn bool) {
	for len(st.Frames) > 0 {
		top := &st.Frames[len(st.Frames)-1]
		l := v.lists[top.List]
		for l != nil && top.At < len(l.steps) && l.steps[top.At].Disabled {
			top.At++
		}
		if l != nil && top.At < len(l.steps) {
			return l.steps[top.At], false
		}
		if l != nil && top.Loop != nil {
			return nil, true
		}
		st.Frames = st.Frames[:len(st.Frames)-1]
	}
	return nil, false
}

// failure is the error that the innermost catch steps are walked for, nil outside of them.
func (st *state) failure() *RunError {
	for _, f := range slices.Backward(st.Frames) {
		if f.Error != nil {
			return f.Error
		}
	}
	return st.Error
}

// advance moves past the step that next gave.
func (st *state) advance() {
	st.Frames[len(st.Frames)-1].At++
	st.Attempt, st.Key, st.Called = 0, 0, 0
}

// clone is deep in what a fused op changes: the frames and the two maps.
func (st *state) clone() *state {
	out := *st
	out.Frames = slices.Clone(st.Frames)
	for i, f := range out.Frames {
		if f.Loop != nil {
			own := *f.Loop
			out.Frames[i].Loop = &own
		}
	}
	out.Vars = make(map[string]any, len(st.Vars))
	maps.Copy(out.Vars, st.Vars)
	out.Steps = make(map[string]any, len(st.Steps))
	maps.Copy(out.Steps, st.Steps)
	return &out
}
