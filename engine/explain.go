package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/cuelight/cuelight/engine/expr"
)

// Explanation says what a change did and did not start, by the scenarios as they are published now.
type Explanation struct {
	Change    *Change
	Scenarios []Considered
	// Runs are those that the change really started, oldest first, by whatever version ran then; at most explainRuns.
	Runs []*Run
}

// Considered is what a change means for one scenario.
type Considered struct {
	Scenario string
	State    ScenarioState
	// Version is the published one, 0 for none.
	Version int64
	// Why says why none of its triggers can start it, or with PAUSED why its runs do not advance; empty when nothing stands in the way.
	Why      Why
	Triggers []ConsideredTrigger
}

// Why is a reason: a stable code and words.
type Why struct{ Code, Message string }

// The codes of reasons why a change starts no run, and of PAUSED, with which it does.
const (
	WhyStopped   = "STOPPED"
	WhyPaused    = "PAUSED"
	WhyNoVersion = "NO_VERSION"
	WhyBroken    = "BROKEN"
	WhySilent    = "SILENT"
	WhyEvent     = "EVENT"
	WhyFields    = "FIELDS"
	WhyOnce      = "ONCE"
	WhyCondition = "CONDITION"
	WhyError     = "ERROR"
)

// ConsideredTrigger is what a change means for one object trigger.
type ConsideredTrigger struct {
	Trigger string
	Kind    string
	// On and Fields are what it watches.
	On     []ChangeKind
	Fields []string
	// Matches says that it starts a run, as far as its own settings go; else Why says why not.
	Matches   bool
	Why       Why
	Condition *Judged
}

// Judged is a condition as it looks at a change. It is judged even where the trigger does not get to it.
type Judged struct {
	Source string
	// Deferred ones are too dear for the write and are judged by the run itself.
	Deferred bool
	// Result is true or false, nil when the condition is null or can not be judged; Error then says why it can not.
	Result *bool
	Error  string
	Reads  []Read
}

// Read is a path that a condition looks at, and the value that it sees.
type Read struct {
	Path string
	// Value is JSON; nil when it is left out because it takes Cut bytes.
	Value json.RawMessage
	Cut   int
}

// Bounds of an explanation.
const (
	explainRuns  = 1000
	explainValue = 4 << 10 // bytes of one value
	explainBytes = 1 << 20 // bytes of all values
)

// Explain says why a change started what it started, and why it did not start the rest. Conditions see the change's frozen images, and the
// user who caused it as that object is now.
func (e *Engine) Explain(ctx context.Context, app AppID, seq int64) (*Explanation, error) {
	ctx, cancel := context.WithTimeout(ctx, writeDeadline)
	defer cancel()
	cat, err := e.fresh(ctx, app)
	if err != nil {
		return nil, err
	}
	ch, err := e.store.Change(ctx, app, seq)
	if errors.Is(err, ErrNotFound) {
		return nil, coded(ErrNotFound, "CHANGE_NOT_FOUND", "the app has no change of this number")
	}
	if err != nil {
		return nil, err
	}
	out := &Explanation{Change: ch}
	if out.Runs, err = e.store.Runs(ctx, RunQuery{App: app, Change: seq, Limit: explainRuns}); err != nil {
		return nil, err
	}
	slices.Reverse(out.Runs)
	x := &explainer{e: e, ch: ch, runs: out.Runs, left: explainBytes}
	if s := cat.structures[ch.Structure]; s != nil {
		if x.env, err = e.envOfChange(ctx, cat, s, ch); err != nil {
			return nil, err
		}
	}
	for _, id := range keysOf(cat.scenarios) {
		c, concerns, err := x.scenario(ctx, cat.scenarios[id])
		if err != nil {
			return nil, err
		}
		if concerns {
			out.Scenarios = append(out.Scenarios, c)
		}
	}
	return out, nil
}

// envOfChange is what conditions saw of a change, as far as it is still known.
func (e *Engine) envOfChange(ctx context.Context, cat *catalogue, s *Structure, ch *Change) (expr.Env, error) {
	now, err := e.objectOrNil(ctx, ch.App, ch.Structure, ch.Object)
	if err != nil {
		return expr.Env{}, err
	}
	old, next := wholeImages(ch, now)
	names, err := imagesEnv(s, ch, old, next)
	if err != nil {
		return expr.Env{}, err
	}
	if names["user"], err = e.userOfChange(ctx, cat, ch); err != nil {
		return expr.Env{}, err
	}
	cat.fill(names, map[string]any{})
	return expr.Env{Names: names, Now: ch.At, Zone: cat.zone}, nil
}

// userOfChange is the user who caused a change, as that object is now.
func (e *Engine) userOfChange(ctx context.Context, cat *catalogue, ch *Change) (any, error) {
	s := cat.structures[UserStructure]
	if s == nil || ch.User == "" {
		return nil, nil
	}
	o, err := e.objectOrNil(ctx, ch.App, UserStructure, ch.User)
	if err != nil {
		return nil, err
	}
	user, err := s.env(o)
	return orNil(user), err
}

// explainer looks at scenarios for one change.
type explainer struct {
	e    *Engine
	ch   *Change
	env  expr.Env
	runs []*Run
	left int // bytes that values may still take
}

// scenario says what the change means for a scenario, or that it does not concern it at all: it is of another structure.
func (x *explainer) scenario(ctx context.Context, p *published) (c Considered, concerns bool, err error) {
	c = Considered{Scenario: p.id, State: p.state}
	if p.version == nil {
		structure, err := x.structureOf(ctx, p.id)
		if err != nil || structure != x.ch.Structure {
			return c, false, err
		}
		c.Why = Why{WhyNoVersion, "the scenario has no published version"}
		if len(p.problems) > 0 {
			c.Why = Why{WhyBroken, "the published version does not fit the app's structures: " + p.problems[0].Path + ": " + p.problems[0].Message}
		}
		return c, true, nil
	}
	c.Version = p.version.Number
	if p.version.structure == nil || p.version.structure.ID != x.ch.Structure {
		return c, false, nil
	}
	switch {
	case p.state == Stopped:
		c.Why = Why{WhyStopped, "the scenario is stopped"}
	case x.ch.Silent:
		c.Why = Why{WhySilent, "the change was written without an event"}
	case p.state == Paused:
		c.Why = Why{WhyPaused, "the scenario is paused: its runs queue until it goes on"}
	}
	for _, t := range p.version.triggers {
		if len(t.On) == 0 {
			continue
		}
		shown, err := x.trigger(ctx, t)
		if err != nil {
			return c, false, err
		}
		c.Triggers = append(c.Triggers, shown)
	}
	return c, true, nil
}

// structureOf is the structure that a scenario without a version names.
func (x *explainer) structureOf(ctx context.Context, id string) (string, error) {
	r, err := x.e.store.Record(ctx, x.ch.App, RecordScenario, id)
	if errors.Is(err, ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	var rec ScenarioRecord
	if err := json.Unmarshal(r.Body, &rec); err != nil {
		return "", fmt.Errorf("read scenario %s: %w", id, err)
	}
	var doc struct {
		Structure string `json:"structure"`
	}
	for _, form := range []json.RawMessage{rec.Draft, rec.Published} {
		if len(form) > 0 && json.Unmarshal(form, &doc) != nil {
			return "", nil // a draft of any form may be stored
		}
	}
	return doc.Structure, nil
}

func (x *explainer) trigger(ctx context.Context, t *Trigger) (ConsideredTrigger, error) {
	c := ConsideredTrigger{Trigger: t.ID, Kind: t.Kind, On: t.On, Fields: t.Fields}
	if t.If.IsSet() {
		var err error
		if c.Condition, err = x.judge(ctx, t); err != nil {
			return c, err
		}
	}
	switch {
	case !slices.Contains(t.On, x.ch.Kind):
		c.Why = Why{WhyEvent, fmt.Sprintf("the object was %s, which the trigger does not watch", x.ch.Kind)}
	case x.ch.Kind == Changed && !t.watches(x.ch.Fields):
		c.Why = Why{WhyFields, "none of the fields that the trigger watches changed: it watches " + strings.Join(t.Fields, ", ") + ", what changed is " + strings.Join(x.ch.Fields, ", ")}
	case c.Condition != nil && c.Condition.Error != "":
		c.Why = Why{WhyError, "the condition can not be judged: " + c.Condition.Error}
	case c.Condition != nil && (c.Condition.Result == nil || !*c.Condition.Result):
		c.Why = Why{WhyCondition, "the condition is not true"}
	default:
		used, err := x.used(ctx, t)
		if err != nil {
			return c, err
		}
		if c.Matches = !used; used {
			c.Why = Why{WhyOnce, "the object has had its one run of this trigger"}
		}
	}
	return c, nil
}

// judge evaluates a condition on the change.
func (x *explainer) judge(ctx context.Context, t *Trigger) (*Judged, error) {
	j := &Judged{Source: t.If.Source, Deferred: t.If.deferred}
	budget := expr.NewBudget(expr.InlineLimits, nil)
	if t.If.deferred {
		budget = expr.NewBudget(expr.FullLimits, x.e.opt.Clock)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var v any
	var failure error
	if err := x.e.inTurn(ctx, func() { v, failure = t.If.eval(x.env, budget) }); err != nil {
		return nil, err
	}
	if yes, ok := v.(bool); ok && failure == nil {
		j.Result = &yes
	}
	if failure != nil {
		j.Error = failure.Error()
	}
	for _, path := range t.If.reads {
		r, err := x.read(path)
		if err != nil {
			return nil, err
		}
		j.Reads = append(j.Reads, r)
	}
	return j, nil
}

func (x *explainer) read(path string) (Read, error) {
	doc, err := marshal(expr.ToJSON(valueAt(x.env.Names, strings.Split(path, "."))))
	if err != nil {
		return Read{}, err
	}
	if len(doc) > min(explainValue, x.left) {
		return Read{Path: path, Cut: len(doc)}, nil
	}
	x.left -= len(doc)
	return Read{Path: path, Value: doc}, nil
}

// valueAt follows a path, of which a key may hold dots itself.
func valueAt(v any, path []string) any {
	m, ok := v.(map[string]any)
	if len(path) == 0 || !ok {
		if len(path) > 0 {
			return nil
		}
		return v
	}
	for n := range path {
		if inner, ok := m[strings.Join(path[:n+1], ".")]; ok {
			return valueAt(inner, path[n+1:])
		}
	}
	return nil
}

// used says whether the object has had its one run, of another change than this.
func (x *explainer) used(ctx context.Context, t *Trigger) (bool, error) {
	mine := func(r *Run) bool {
		return r.Scenario == t.version.Scenario && r.Trigger == t.ID && r.Status != RunNotMatched
	}
	if !t.Once || slices.ContainsFunc(x.runs, mine) {
		return false, nil
	}
	// A claim is read under its lock only.
	res, err := x.e.commit(ctx, Op{App: x.ch.App, Lock: []Key{ClaimKey(x.ch.App, t.onceSpace(), x.ch.Object)}, Decide: func(l *Loaded) (Effects, error) {
		c, err := l.Claim(t.onceSpace(), x.ch.Object)
		return Effects{Value: c != nil}, err
	}})
	if err != nil {
		return false, err
	}
	return res.Effects.Value.(bool), nil
}
