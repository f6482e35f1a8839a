package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/cuelight/cuelight/engine/expr"
)

// Bounds of calls (design 6).
const (
	maxCallDepth = 8
	// MaxCalls is how many runs one step calls.
	MaxCalls = 1000
	// maxResult is how much of a called run's variables its caller gets, maxResults of those of all that it calls at once, both in bytes of
	// JSON: the caller's state holds them afterwards.
	maxResult  = 16 << 10
	maxResults = 1 << 20
)

// Link is a wish to call a scenario from a step.
type Link struct {
	Scenario string
	// Objects are the current objects of the runs, "" for none: one run for each.
	Objects []string
	Vars    map[string]any
	// Wait has the run go on when the called ones have ended.
	Wait bool
}

// callResult is how a called run ended. It lies beside the state of the caller, so that an answer costs the same however many there are.
type callResult struct {
	Run    RunID          `json:"run"`
	Status RunStatus      `json:"status"`
	Vars   map[string]any `json:"vars,omitempty"` // tagged
	Cut    bool           `json:"cut,omitempty"`  // Vars were too large
	Error  *RunError      `json:"error,omitempty"`
}

// seat is the place of a called run among those that its caller waits for.
type seat struct {
	Nth int `json:"nth"`
	Of  int `json:"of"`
}

// name is the name of the RunValue that keeps the answer.
func (t seat) name() string { return fmt.Sprintf("result:%d", t.Nth) }

// seatOf is a run's seat as its row says. One whose state can not be read still answers, in no seat: its caller then fails.
func seatOf(row *Run) *seat {
	st, err := decodeState(row.State)
	if err != nil {
		return &seat{Nth: -1}
	}
	return st.Seat
}

// room is how many bytes of variables the answer may hold.
func (t seat) room() int { return min(maxResult, maxResults/max(1, t.Of)) }

// Called says how the runs ended that the step has called before, nil when it has not called yet: one map for each with run, status and
// vars, or cut where the vars were too large. Where one failed, the step's error is its.
func (s *Scope) Called() ([]any, error) {
	if s.state.Called == 0 {
		return nil, nil
	}
	results := s.hand.answers(s.state)
	if results == nil {
		return nil, errPrepare
	}
	list := make([]any, 0, len(results))
	for _, r := range results {
		if r.Status != RunDone {
			failure := r.Error
			if failure == nil {
				failure = &RunError{Message: "it was " + string(r.Status)}
			}
			return nil, StepError("CALL_FAILED", "the called run %s ended as %s: %s", r.Run, r.Status, failure.Message)
		}
		vars, _ := untag(r.Vars).(map[string]any)
		result := map[string]any{"run": string(r.Run), "status": string(r.Status), "vars": orNil(vars)}
		if r.Cut {
			result["cut"] = true
		}
		list = append(list, result)
	}
	return list, nil
}

// answers are what the runs that the coming step called have answered, nil where that has to be read first.
func (h *hand) answers(st *state) []callResult {
	if h == nil || h.answersAt != st.Walked {
		return nil
	}
	return h.results
}

// loadAnswers reads what the called runs have answered.
func (e *Engine) loadAnswers(ctx context.Context, r *Run, st *state) error {
	if st.Called == 0 || r.hand.answers(st) != nil {
		return nil
	}
	values, err := e.store.Values(ctx, r.App, r.ID)
	if err != nil {
		return err
	}
	docs := make(map[string]json.RawMessage, len(values))
	for _, v := range values {
		docs[v.Name] = v.Value
	}
	results := make([]callResult, st.Called)
	for i := range results {
		if err := unmarshalNumbers(docs[seat{Nth: i}.name()], &results[i]); err != nil {
			return coded(ErrInvalid, codeState, "the answer of a called run can not be read: %s", err)
		}
	}
	if r.hand == nil {
		r.hand = &hand{}
	}
	r.hand.results, r.hand.answersAt = results, st.Walked
	return nil
}

// ObjectFor is the id of the current object where a scenario takes objects of its structure, else "".
func (s *Scope) ObjectFor(scenario string) string {
	p := s.a.cat.scenarios[scenario]
	if p == nil || p.version == nil || p.version.structure == nil || p.version.structure.ID != s.run.Structure {
		return ""
	}
	return s.run.Object
}

// Call starts runs of another scenario and returns their ids.
func (s *Scope) Call(l Link) ([]RunID, error) {
	p := s.a.cat.scenarios[l.Scenario]
	switch {
	case p == nil:
		return nil, StepError("CALL_UNKNOWN", "the app has no scenario %q%s", l.Scenario, didYouMean(l.Scenario, keysOf(s.a.cat.scenarios)))
	case p.version == nil || p.state == Stopped:
		return nil, StepError("CALL_STOPPED", "the scenario %q is not published and started", l.Scenario)
	case !l.Wait && s.a.overrun(l.Scenario):
		return nil, errOverrun(ErrInvalid, s.a.cat.queued)
	case len(l.Objects) > MaxCalls:
		return nil, OverLimit("CALL", "calls_per_step", "a step calls at most %d runs", MaxCalls)
	}
	vars, err := p.version.accept(l.Vars, s.a.cat)
	if err != nil {
		return nil, err
	}
	if err := s.needCalled(p.version, l); err != nil {
		return nil, err
	}
	ids := make([]RunID, 0, len(l.Objects))
	for i, object := range l.Objects {
		run, err := s.callOne(p.version, object, vars, l.Wait, seat{i, len(l.Objects)})
		if err != nil {
			return nil, err
		}
		ids = append(ids, run.ID)
	}
	if l.Wait {
		s.state.Called = len(ids)
	}
	return ids, nil
}

// needCalled asks for the rows of all called runs at once, not for one after the other.
func (s *Scope) needCalled(v *Version, l Link) error {
	var need NeedError
	for _, object := range l.Objects {
		if object == "" || v.structure == nil {
			continue
		}
		key := ObjectKey(s.a.app, v.structure.ID, object)
		if _, known := s.a.locks[key]; !known {
			need.Peek = append(need.Peek, key)
		}
		if l.Wait {
			continue // inside its caller's turn
		}
		for _, turn := range v.likelyTurn(s.a.app, object) {
			need.want(s.a, turn)
		}
	}
	if len(need.Lock)+len(need.Peek) > 0 {
		return &need
	}
	return nil
}

func (s *Scope) callOne(v *Version, object string, vars map[string]any, wait bool, at seat) (*Run, error) {
	env := expr.Env{Names: map[string]any{}, Now: s.a.now(), Zone: s.a.cat.zone}
	s.a.cat.fill(env.Names, vars)
	run := &Run{
		App: s.a.app, Scenario: v.Scenario, Version: v.Number, Format: RunFormat, Object: object, User: s.run.User,
		Chain: s.a.cause.Chain, Depth: s.a.cause.Depth + 1, CreatedAt: s.a.now(),
	}
	if v.structure != nil {
		run.Structure = v.structure.ID
	}
	if object != "" {
		if v.structure == nil {
			return nil, StepError("CALL_OBJECT", "the scenario %q takes no object", v.Scenario)
		}
		o, err := s.a.object(v.structure.ID, object, false)
		if err != nil {
			return nil, err
		}
		if o == nil {
			return nil, StepError("CALL_OBJECT", "%s has no object %q", v.structure.ID, object)
		}
		names, err := v.structure.env(o)
		if err != nil {
			return nil, err
		}
		env.Names["object"] = orNil(names)
	}
	run.ID = RunID(s.a.NewID())
	if !wait {
		return run, s.a.admitWith(run, v, env, vars)
	}
	callers := append(slices.Clone(s.state.Callers), s.run.Scenario+"/"+s.run.Object)
	if slices.Contains(callers, v.Scenario+"/"+object) {
		return nil, StepError("CALL_LOOP", "the scenario %q would call itself for the same object and wait for ever", v.Scenario)
	}
	if len(callers) > maxCallDepth {
		return nil, OverLimit("CALL_DEPTH", "call_depth", "scenarios that wait for each other are at most %d deep", maxCallDepth)
	}
	run.Parent = s.run.ID
	return run, s.a.admitCalled(run, v, vars, callers, at)
}

// admitCalled starts a run inside its caller's turn, in no lane of its own.
func (a *act) admitCalled(run *Run, v *Version, vars map[string]any, callers []string, at seat) error {
	path := a.cause.Path + ">" + v.Scenario
	st := newState(path)
	st.Vars, st.Input, st.Callers, st.Seat = vars, vars, callers, &at
	cut, err := a.cutLoop(run, path)
	if err != nil {
		return err
	}
	if cut != nil {
		return StepError(cut.Code, "%s", cut.Message)
	}
	if run.State, err = st.encode(); err != nil {
		return err
	}
	run.Status, run.Owner = RunReady, a.cat.node
	a.tally(run, 1, 0)
	a.setRun(run)
	return nil
}

// accept fits variables that a step gives to the parameters of the scenario that it calls.
func (v *Version) accept(given map[string]any, cat *catalogue) (map[string]any, error) {
	vars := map[string]any{}
	for _, name := range keysOf(given) {
		typ, ok := v.doc.Parameters[name]
		if !ok {
			return nil, StepError("CALL_PARAMETER", "the scenario %q has no parameter %q%s", v.Scenario, name, didYouMean(name, keysOf(v.doc.Parameters)))
		}
		f := Field{ID: name, Type: FieldType(typ), zone: cat.zone}
		value, err := f.accept(given[name])
		if err != nil {
			return nil, StepError("CALL_PARAMETER", "the parameter %q %s", name, err)
		}
		vars[name] = value
	}
	return vars, nil
}

// call puts the run to sleep until those that it called have ended.
func (w *walk) call(n int) {
	w.run.Status, w.run.Owner, w.run.Pending = RunCalling, "", n
	w.keepCause()
}

// answer tells the caller of a run that has ended how it ended; the last one lets the caller go on, on this node.
func (a *act) answer(child *Run, st *state) error {
	if child.Parent == "" || child.Status.Open() || st.Seat == nil {
		return nil
	}
	row, err := a.Run(child.Parent)
	if err != nil || row == nil || row.Status != RunCalling {
		return err
	}
	if err := a.keepAnswer(child, *st.Seat, st.Vars); err != nil {
		return err
	}
	parent := *row
	parent.Cause = nil
	if parent.Pending--; parent.Pending <= 0 {
		parent.Status, parent.Owner = RunReady, a.cat.node
		parent.Epoch++
	}
	a.setRun(&parent)
	return nil
}

// keepAnswer writes how a called run ended beside its caller's state.
func (a *act) keepAnswer(child *Run, at seat, vars map[string]any) error {
	result := callResult{Run: child.ID, Status: child.Status, Error: child.Error}
	if tagged, _ := tag(vars).(map[string]any); len(tagged) > 0 {
		doc, err := marshal(tagged)
		if err != nil {
			return err
		}
		if result.Cut = len(doc) > at.room(); !result.Cut {
			result.Vars = tagged
		}
	}
	doc, err := marshal(result)
	if err == nil {
		a.keepValue(child.Parent, at.name(), doc)
	}
	return err
}
