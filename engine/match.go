package engine

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/cuelight/cuelight/engine/expr"
)

// matchIndex finds the triggers that a change of one structure may concern without looking at all of them. A trigger stands in
// exactly one of the three: by a value that its condition demands, by the fields that it watches, or among the rest.
type matchIndex struct {
	byValue map[ChangeKind]map[string]map[any][]*Trigger // field → value
	byField map[ChangeKind]map[string][]*Trigger
	rest    map[ChangeKind][]*Trigger
}

func buildIndex(scenarios map[string]*published) map[string]*matchIndex {
	index := map[string]*matchIndex{}
	for _, id := range keysOf(scenarios) {
		p := scenarios[id]
		if p.version == nil || p.state == Stopped || p.version.structure == nil {
			continue
		}
		ix := index[p.version.structure.ID]
		if ix == nil {
			ix = &matchIndex{
				byValue: map[ChangeKind]map[string]map[any][]*Trigger{},
				byField: map[ChangeKind]map[string][]*Trigger{}, rest: map[ChangeKind][]*Trigger{},
			}
			index[p.version.structure.ID] = ix
		}
		for _, t := range p.version.triggers {
			for _, on := range t.On {
				ix.add(on, t)
			}
		}
	}
	return index
}

func (ix *matchIndex) add(on ChangeKind, t *Trigger) {
	if field, value, ok := t.equality(); ok && on != Deleted {
		if ix.byValue[on] == nil {
			ix.byValue[on] = map[string]map[any][]*Trigger{}
		}
		if ix.byValue[on][field] == nil {
			ix.byValue[on][field] = map[any][]*Trigger{}
		}
		ix.byValue[on][field][value] = append(ix.byValue[on][field][value], t)
		return
	}
	if on == Changed && len(t.Fields) > 0 {
		if ix.byField[on] == nil {
			ix.byField[on] = map[string][]*Trigger{}
		}
		for _, f := range t.Fields {
			ix.byField[on][f] = append(ix.byField[on][f], t)
		}
		return
	}
	ix.rest[on] = append(ix.rest[on], t)
}

// equality is a term of the condition that only one value of one field satisfies, if there is one that a hash can find.
func (t *Trigger) equality() (field string, value any, ok bool) {
	if !t.If.IsSet() || t.If.slot == nil {
		return "", nil, false
	}
	for _, e := range t.If.equalities {
		switch e.Value.(type) {
		case string, int64, bool:
			if f := t.version.structure.Field(e.Field); f != nil && f.Type != TypeDecimal && f.Type != TypeJSON && f.Type != TypeLinks {
				return e.Field, e.Value, true
			}
		}
	}
	return "", nil, false
}

// find calls yield for every trigger whose event, watched fields and demanded value fit, each once.
func (ix *matchIndex) find(on ChangeKind, changed []string, after Values, yield func(*Trigger)) {
	if ix == nil {
		return
	}
	var seen map[*Trigger]bool
	try := func(t *Trigger) {
		if seen[t] || on == Changed && !t.watches(changed) {
			return
		}
		if len(t.Fields) > 1 {
			if seen == nil {
				seen = map[*Trigger]bool{}
			}
			seen[t] = true
		}
		yield(t)
	}
	for field, values := range ix.byValue[on] {
		for _, t := range values[after[field]] {
			try(t)
		}
	}
	for _, field := range changed {
		for _, t := range ix.byField[on][field] {
			try(t)
		}
	}
	for _, t := range ix.rest[on] {
		try(t)
	}
}

// doubt ranks triggers by how sure a match is to start a run.
func (t *Trigger) doubt() int {
	switch {
	case t.candidate():
		return 2
	case t.Once:
		return 1
	}
	return 0
}

func (t *Trigger) watches(changed []string) bool {
	return len(t.Fields) == 0 || slices.ContainsFunc(t.Fields, func(f string) bool { return slices.Contains(changed, f) })
}

// Bounds of a chain of runs that cause each other (design 6).
const (
	maxDepth     = 16
	maxPerChain  = 1000
	countedDepth = 3
	// chainFor is how long a chain is remembered after its last run of a scenario; one that is slower than its bound in that time is no loop
	// that could do harm, and its depth is bounded all the same.
	chainFor = 24 * time.Hour
)

// match starts the runs that a change causes, inside the change's own decision.
func (a *act) match(s *Structure, ch *Change, old, next image) ([]RunID, error) {
	return a.matchSome(s, ch, old, next, "")
}

// matchSome is match for one scenario only, which has missed the change, or for all of them.
func (a *act) matchSome(s *Structure, ch *Change, old, next image, only string) ([]RunID, error) {
	ix := a.cat.index[s.ID]
	if ix == nil {
		return nil, nil
	}
	a.ticks = 0 // the bound is of each change
	var found []*Trigger
	ix.find(ch.Kind, ch.Fields, next.values, func(t *Trigger) {
		if only == "" || only == t.version.Scenario {
			found = append(found, t)
		}
	})
	if len(found) == 0 {
		return nil, nil
	}
	// Of one scenario's triggers those come first that start a run for certain.
	slices.SortFunc(found, func(x, y *Trigger) int {
		return cmp.Or(strings.Compare(x.version.Scenario, y.version.Scenario), cmp.Compare(x.doubt(), y.doubt()), strings.Compare(x.ID, y.ID))
	})
	env, err := a.matchEnv(s, ch, old, next, found)
	if err != nil {
		return nil, err
	}
	found = a.judge(found, env)
	if err := a.needLanes(found, ch, env); err != nil {
		return nil, err
	}
	var ids []RunID
	var started *Version
	for _, t := range found {
		if t.version == started {
			continue
		}
		if only == "" && a.overrun(t.version.Scenario) {
			if err := a.miss(t.version.Scenario, ch); err != nil {
				return nil, err
			}
			started = t.version
			continue
		}
		id, err := a.start(t, ch, env)
		if err != nil {
			return nil, err
		}
		if id != "" {
			started, ids = t.version, append(ids, id)
		}
	}
	return ids, nil
}

// matchEnv is what the conditions and lanes of triggers see of a change.
func (a *act) matchEnv(s *Structure, ch *Change, old, next image, found []*Trigger) (expr.Env, error) {
	names := imagesOf(s, ch, old, next)
	var err error
	if names["user"], err = a.userFor(found); err != nil {
		return expr.Env{}, err
	}
	a.cat.fill(names, map[string]any{})
	return expr.Env{Names: names, Now: ch.At, Zone: a.cat.zone}, nil
}

// userFor is the user who caused what is decided, as expressions see him, where one of the triggers' versions asks for him.
func (a *act) userFor(found []*Trigger) (any, error) {
	s := a.cat.structures[UserStructure]
	if s == nil || a.cause.User == "" || !slices.ContainsFunc(found, func(t *Trigger) bool { return t.version.readsUser }) {
		return nil, nil
	}
	user, err := a.object(UserStructure, a.cause.User, false)
	if err != nil {
		return nil, err
	}
	env, err := s.env(user)
	return orNil(env), err
}

// judge keeps the triggers whose condition is true or has to be judged later.
func (a *act) judge(found []*Trigger, env expr.Env) []*Trigger {
	kept := found[:0]
	for _, t := range found {
		if t.If.IsSet() && !t.If.deferred {
			v, err := a.inline(t.If.slot, env)
			if err != nil {
				a.cat.problem(t, err)
				continue
			}
			if yes, _ := v.(bool); !yes {
				continue
			}
		}
		kept = append(kept, t)
	}
	return kept
}

// maxChangeTicks bounds the conditions that one change asks for, all together (contracts 7).
const maxChangeTicks = 50_000

// inline evaluates an expression inside the commit, within its own budget and what is left of the change's.
func (a *act) inline(x *slot, env expr.Env) (any, error) {
	if a.ticks >= maxChangeTicks {
		return nil, coded(ErrInvalid, "TICKS", "the conditions on this change take more than %d steps together", maxChangeTicks)
	}
	budget := expr.NewBudget(expr.InlineLimits, nil)
	v, err := x.eval(env, budget)
	used, _ := budget.Used()
	a.ticks += used
	return v, err
}

// needLanes asks for all keys that the new runs will lock at once, so that an op has to come back at most once for them.
func (a *act) needLanes(found []*Trigger, ch *Change, env expr.Env) error {
	var need NeedError
	for _, t := range found {
		lane, err := a.laneOf(t.version, ch.Object, env)
		if err != nil {
			continue
		}
		if lane != "" {
			need.want(a, LaneKey(a.app, lane))
		}
		if t.version.doc.Settings.MaxConcurrent > 0 {
			need.want(a, PermitsKey(a.app, t.version.Scenario))
		}
		if t.Once && !t.candidate() {
			need.want(a, ClaimKey(a.app, t.onceSpace(), ch.Object))
		}
		if depth := a.cause.Depth + 1; depth >= countedDepth && depth <= maxDepth {
			need.want(a, CounterKey(a.app, chainCounter(a.cause.Chain, t.version.Scenario)))
		}
	}
	if len(need.Lock) > 0 {
		return &need
	}
	return nil
}

func (n *NeedError) want(a *act, key Key) {
	if !a.locks[key] && !slices.Contains(n.Lock, key) {
		n.Lock = append(n.Lock, key)
	}
}

func (t *Trigger) onceSpace() string { return "once-per-object:" + t.version.Scenario + "." + t.ID }

// candidate says that the condition is too dear to be judged inside a commit.
func (t *Trigger) candidate() bool { return t.If.IsSet() && t.If.deferred }

func chainCounter(chain, scenario string) string { return "chain:" + chain + ":" + scenario }

// laneOf names the lane of a run, empty for none.
func (a *act) laneOf(v *Version, object string, env expr.Env) (string, error) {
	if v.lane.IsSet() {
		value, err := a.inline(v.lane.slot, env)
		if err != nil || value == nil {
			return "", err
		}
		text, err := expr.Text(value)
		return "shared:" + hashText(text), err
	}
	return v.ownLane(object), nil
}

// start commits one run for a change; it gives no id when the object has had its one run.
func (a *act) start(t *Trigger, ch *Change, env expr.Env) (RunID, error) {
	if t.Once && !t.candidate() {
		if done, err := a.once(t, ch.Object); err != nil || done {
			return "", err
		}
	}
	run := &Run{
		App: a.app, ID: RunID(a.NewID()), Scenario: t.version.Scenario, Version: t.version.Number, Format: RunFormat,
		Candidate: t.candidate(), Trigger: t.ID, Structure: ch.Structure, Object: ch.Object, Cause: ch,
		User: a.cause.User, Chain: a.cause.Chain, Depth: a.cause.Depth + 1, CreatedAt: a.now(),
	}
	return run.ID, a.admit(run, t.version, env)
}

// once claims the object's one run of a trigger and says whether it was claimed before.
func (a *act) once(t *Trigger, object string) (done bool, err error) {
	c, err := a.claim(t.onceSpace(), object)
	if err != nil || c != nil {
		return c != nil, err
	}
	a.setClaim(&Claim{Space: t.onceSpace(), Key: object, Owner: t.version.Scenario})
	return false, nil
}

// admit gives a new run its place, or cuts it where its chain is too long.
func (a *act) admit(run *Run, v *Version, env expr.Env) error {
	return a.admitWith(run, v, env, nil)
}

func (a *act) admitWith(run *Run, v *Version, env expr.Env, vars map[string]any) error {
	path := v.Scenario
	if a.cause.Path != "" {
		path = a.cause.Path + ">" + v.Scenario
	}
	st := newState(path)
	if vars != nil {
		st.Vars, st.Input = vars, vars
	}
	if run.Chain == "" {
		run.Chain = string(run.ID)
	}
	cut, err := a.cutLoop(run, path)
	if err != nil {
		return err
	}
	if run.State, err = st.encode(); err != nil {
		return err
	}
	if cut != nil {
		run.Status, run.Error, run.FinishedAt = RunFailed, cut, a.now()
		a.setRun(run)
		return nil
	}
	if run.Lane, err = a.laneOf(v, run.Object, env); err != nil {
		a.refuseLane(run, err)
		return nil
	}
	if err := a.enter(run, a.cat.node); err != nil {
		return err
	}
	a.setRun(run)
	a.tally(run, 1, 0)
	return nil
}

// refuseLane keeps a new run as failed whose lane can not be told.
func (a *act) refuseLane(run *Run, cause error) {
	run.Status, run.FinishedAt = RunFailed, a.now()
	run.Error = &RunError{Step: "lane", Code: "EXPRESSION", Message: cause.Error()}
	a.setRun(run)
}

// orNil keeps a nil map from becoming a value that is not null.
func orNil(m map[string]any) any {
	if m == nil {
		return nil
	}
	return m
}
