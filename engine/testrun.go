package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// RecordTest is a draft as a test run of it goes by; its number is that of a version, negative.
const RecordTest RecordKind = "test"

// keepTests is how many drafts of a scenario's test runs are kept beyond those of runs that are open.
const keepTests = 20

// Test asks to try a draft, from its first step or from a later one.
type Test struct {
	App      AppID
	Scenario string
	// Document is the draft.
	Document []byte
	// Object is the current object, of the draft's structure; empty for none.
	Object string
	// Vars give the draft's parameters.
	Vars map[string]json.RawMessage
	// Change is the number of a change whose images before, changed and event show; 0 has them show the object as it is now.
	Change int64
	// From is the step to begin with and Until the one to end after; empty for the first and the last.
	From, Until string
	// Recorded is an earlier run of the scenario: the steps before From are taken to have yielded what they did there, and the variables are
	// those that it ended with.
	Recorded RunID
	// Who tests.
	Who string
	// Once makes a test run safe to repeat; a dry run needs nothing of the kind.
	Once *Once
}

// trial is a test that is ready to begin.
type trial struct {
	cat     *catalogue
	version *Version
	state   *state
	cause   *Change
	object  *Object
}

// prepareTest compiles the draft for the app as it is now and finds what its run begins with. number is that of the version.
func (e *Engine) prepareTest(ctx context.Context, t Test, number int64) (*trial, error) {
	cat, err := e.fresh(ctx, t.App)
	if err != nil {
		return nil, err
	}
	doc, errs, err := readScenario(t.Document)
	if err != nil {
		return nil, err
	}
	x := &trial{cat: cat}
	var problems []FieldError
	if x.version, problems = compileScenario(doc, number, cat.nouns(), e.opt.Kinds); len(errs)+len(problems) > 0 {
		return nil, &InvalidError{Fields: append(errs, problems...)}
	}
	x.state = newState(t.Scenario)
	x.state.Pace = paceTaken // a test waits for nobody
	if x.state.Vars, err = x.version.arguments(t.Vars, cat.zone); err != nil {
		return nil, err
	}
	x.state.Input = x.state.Vars
	if err := e.findTested(ctx, t, x); err != nil {
		return nil, err
	}
	if t.Recorded != "" {
		if err := e.recall(ctx, t, x); err != nil {
			return nil, err
		}
	}
	if t.From != "" {
		if x.state.Frames, err = x.version.framesAt(t.From); err != nil {
			return nil, err
		}
	}
	if t.Until != "" && x.version.steps[t.Until] == nil {
		return nil, invalid("until", "UNKNOWN_STEP", "the draft has no such step%s", didYouMean(t.Until, keysOf(x.version.steps)))
	}
	x.state.Until = t.Until
	return x, nil
}

// findTested finds the object and the change of a test.
func (e *Engine) findTested(ctx context.Context, t Test, x *trial) error {
	s := x.version.structure
	if t.Object == "" && t.Change != 0 {
		return invalid("change", "CHANGE_NOT_FOUND", "a change is one of an object: name it too")
	}
	if t.Object == "" {
		return nil
	}
	if s == nil {
		return invalid("object", "NO_STRUCTURE", "the scenario has no structure and takes no object")
	}
	var err error
	if x.object, err = e.objectOrNil(ctx, t.App, s.ID, t.Object); err != nil {
		return err
	}
	if t.Change != 0 {
		x.cause, err = e.store.Change(ctx, t.App, t.Change)
		if errors.Is(err, ErrNotFound) || err == nil && (x.cause.Structure != s.ID || x.cause.Object != t.Object) {
			return invalid("change", "CHANGE_NOT_FOUND", "the object has no change of this number")
		}
		return err
	}
	if x.object == nil {
		return invalid("object", "OBJECT_NOT_FOUND", "%s has no object with this id", s.ID)
	}
	now := x.object
	x.cause = &Change{App: t.App, Structure: s.ID, Object: now.ID, Kind: Changed, Version: now.Version, Before: now.Data, After: now.Data, Who: now.ChangedBy, At: now.ChangedAt}
	return nil
}

// recall takes over what the steps of an earlier run yielded before the step that the test begins with.
func (e *Engine) recall(ctx context.Context, t Test, x *trial) error {
	row, err := e.store.Run(ctx, t.App, t.Recorded)
	if errors.Is(err, ErrNotFound) || err == nil && row.Scenario != t.Scenario {
		return invalid("recorded", "RUN_NOT_FOUND", "the scenario has no run of this id")
	}
	if err != nil {
		return err
	}
	old, err := decodeState(row.State)
	if err != nil {
		return err
	}
	given := x.state.Vars
	x.state.Vars, x.state.Input = old.Vars, old.Input
	maps.Copy(x.state.Vars, given)
	from := x.version.addressOf(t.From)
	for id, output := range old.Steps {
		if at := x.version.addressOf(id); at != "" && walkedBefore(at, from+".id") {
			x.state.Steps[id] = output
		}
	}
	return nil
}

// addressOf is where a step stands in the document, as steps[0].then[1]; "" where there is none of this id.
func (v *Version) addressOf(id string) string {
	for _, l := range v.lists {
		if at := slices.IndexFunc(l.steps, func(s *step) bool { return s.ID == id }); at >= 0 {
			return fmt.Sprintf("%s[%d]", l.path, at)
		}
	}
	return ""
}

// passed says that a test is behind the step after which it ends: that stood in a branch that was not taken, or holds steps of its own.
func (st *state) passed(v *Version) bool {
	if st.Until == "" || len(st.Frames) != 1 || st.Frames[0].List != mainList {
		return false
	}
	var top int
	_, err := fmt.Sscanf(v.addressOf(st.Until), mainList+"[%d]", &top)
	return err == nil && st.Frames[0].At > top
}

// framesAt are the frames of a run that is about to walk a step. A step of a loop has no place of its own: which pass would it be?
func (v *Version) framesAt(id string) ([]frame, error) {
	for _, l := range v.lists {
		at := slices.IndexFunc(l.steps, func(s *step) bool { return s.ID == id })
		if at < 0 {
			continue
		}
		frames := []frame{{List: l.path, At: at}}
		for path := l.path; path != mainList && path != catchList; {
			parent, index, setting := v.parentList(path)
			if parent == nil {
				return nil, invalid("from", "UNKNOWN_STEP", "the place of the step can not be told")
			}
			s := parent.steps[index]
			if s.kind == "for_each" {
				return nil, invalid("from", "IN_LOOP", "the step stands in the loop %s: begin with the loop itself", s.ID)
			}
			if s.kind == "try" && setting == "do" {
				frames[0].Catch = fmt.Sprintf("%s[%d].catch", parent.path, index)
			}
			frames = append([]frame{{List: parent.path, At: index + 1}}, frames...)
			path = parent.path
		}
		return frames, nil
	}
	return nil, invalid("from", "UNKNOWN_STEP", "the draft has no such step%s", didYouMean(id, keysOf(v.steps)))
}

// parentList is the list, and the place in it, of the step whose setting a list is: steps[0].then belongs to the first of steps.
func (v *Version) parentList(path string) (parent *list, index int, setting string) {
	for end := len(path); end > 0; {
		end = strings.LastIndex(path[:end], "[")
		if end < 0 {
			return nil, 0, ""
		}
		l := v.lists[path[:end]]
		if l == nil {
			continue
		}
		if _, err := fmt.Sscanf(path[end:], "[%d].%s", &index, &setting); err != nil || index >= len(l.steps) {
			return nil, 0, ""
		}
		return l, index, setting
	}
	return nil, 0, ""
}

// tested is a new run of a test.
func (x *trial) tested(id RunID, t Test) (*Run, error) {
	run := &Run{App: t.App, ID: id, Scenario: t.Scenario, Version: x.version.Number, Format: RunFormat, Object: t.Object, Depth: 1, Chain: string(id)}
	if x.version.structure != nil {
		run.Structure = x.version.structure.ID
	}
	if t.Change != 0 {
		run.Cause, run.Change, run.User = x.cause, x.cause.Seq, x.cause.User
	} else if x.version.readsImages {
		run.Cause = x.cause
	}
	var err error
	run.State, err = x.state.encode()
	return run, err
}

// TestRun starts a run of a draft that does all that a published one would do: it writes, sends and calls. The draft is kept for it under a
// negative number of its own. It starts whatever the scenario's state is, waits for no debounce and no rate, but takes turns with the
// scenario's other runs. It fails ErrInvalid for a draft with problems.
func (e *Engine) TestRun(ctx context.Context, t Test) (RunID, error) {
	old, err := e.oldTests(ctx, t.App, t.Scenario)
	if err != nil {
		return "", err
	}
	doc, err := compact(t.Document)
	if err != nil {
		return "", err
	}
	var id RunID
	err = e.asOf(ctx, t.App, func(*catalogue) error {
		x, err := e.prepareTest(ctx, t, 0)
		if err != nil {
			return err
		}
		lock := append(Rerun{App: t.App, Once: t.Once}.lock(), CounterKey(t.App, "test:"+t.Scenario))
		for _, r := range old {
			lock = append(lock, RecordKey(t.App, RecordTest, r.ID))
		}
		res, err := e.commit(ctx, Op{App: t.App, Bytes: 512 + len(doc), Lock: lock, Decide: func(l *Loaded) (Effects, error) {
			return e.startTest(l, t, x, doc, old)
		}})
		if err == nil {
			id = res.Effects.Value.(RunID)
		}
		return err
	})
	return id, err
}

func (e *Engine) startTest(l *Loaded, t Test, x *trial, doc []byte, old []*Record) (Effects, error) {
	cat, err := e.cats.current(l)
	if err != nil {
		return Effects{}, err
	}
	if cat.number != x.cat.number {
		return Effects{}, errCatalogue
	}
	a := newAct(l, cat, cause{Who: t.Who})
	if ans, err := a.replay(t.Once); err != nil || ans != nil {
		if ans == nil {
			return Effects{}, err
		}
		return Effects{Value: ans.Runs[0]}, nil
	}
	n, err := a.counter("test:" + t.Scenario)
	if err != nil {
		return Effects{}, err
	}
	a.setCounter("test:"+t.Scenario, n+1, time.Time{})
	number := -(n + 1)
	body, err := marshal(VersionRecord{Scenario: t.Scenario, Number: number, By: t.Who, Document: doc})
	if err != nil {
		return Effects{}, err
	}
	a.eff.Records = append(a.eff.Records, revised(nil, Record{App: t.App, Kind: RecordTest, ID: versionKey(t.Scenario, number), Owner: t.Scenario, Body: body}, l.Now))
	for _, r := range old {
		if now, err := l.RecordForWrite(RecordTest, r.ID); err == nil && now != nil {
			a.eff.Records = append(a.eff.Records, removed(now, l.Now))
		}
	}
	run, err := x.tested(RunID(l.NewID()), t)
	if err != nil {
		return Effects{}, err
	}
	run.Version, run.CreatedAt = number, a.now()
	env, err := runEnv(cat, run, x.version, x.state, x.object, nil, a.now())
	if err != nil {
		return Effects{}, err
	}
	if run.Lane, err = a.laneOf(x.version, run.Object, env); err != nil {
		return Effects{}, err
	}
	if err := a.enter(run, cat.node); err != nil {
		return Effects{}, err
	}
	if run.Cause != nil && run.Change == 0 { // no change that could be read again
		image, err := marshal(run.Cause)
		if err != nil {
			return Effects{}, err
		}
		a.keepValue(run.ID, causeValue, image)
	}
	a.setRun(run)
	a.tally(run, 1, 0)
	a.eff.Value = run.ID
	err = a.remember(t.Once, answer{Runs: []RunID{run.ID}})
	return a.eff, err
}

// oldTests are the kept drafts of a scenario that a further test may take away.
func (e *Engine) oldTests(ctx context.Context, app AppID, scenario string) ([]*Record, error) {
	list, err := e.store.Records(ctx, app, RecordTest, scenario, "", 10*keepTests)
	if err != nil || len(list) < keepTests {
		return nil, err
	}
	open, err := e.store.OpenVersions(ctx, app, maxOldVersions)
	if err != nil {
		return nil, err
	}
	if len(open) >= maxOldVersions {
		return nil, nil // which of them are in use can not be told
	}
	inUse, tests := map[string]bool{}, 0
	for _, v := range open {
		inUse[versionKey(v.Scenario, v.Number)] = true
		if v.Scenario == scenario && v.Number < 0 {
			tests++
		}
	}
	if tests >= keepTests {
		return nil, &CodedError{Kind: ErrConflict, Code: "LIMIT", Limit: "open_tests", Message: fmt.Sprintf("%d test runs of the scenario are open: cancel some of them first", tests)}
	}
	slices.SortFunc(list, func(x, y *Record) int { return x.At.Compare(y.At) })
	return slices.DeleteFunc(list[:len(list)-keepTests+1], func(r *Record) bool { return inUse[r.ID] }), nil
}

// VersionKind is the kind of the record of a version: the drafts of test runs have numbers below zero.
func VersionKind(number int64) RecordKind {
	if number < 0 {
		return RecordTest
	}
	return RecordVersion
}
