package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/cuelight/cuelight/engine"
)

var laneCases = map[string]func(*testing.T, engine.Store){
	"Lanes/HolderTailAndTheNextEight":        laneWindow,
	"Lanes/StartedRunsComeFirst":             laneStarted,
	"Lanes/HandOverInOneTransaction":         laneHandOver,
	"Lanes/OpsOfOneBatchSeeTheLaneChange":    laneInBatch,
	"Runs/TakeOverTakesWhatOthersOwn":        takeOver,
	"Runs/DueAndOwnedAndBacklog":             dueOwned,
	"Runs/AreKeptWithStepsAndValues":         runDetails,
	"Runs/ListNewestFirst":                   runList,
	"Prune/KeepsTheNewestRunsOfEachScenario": pruneCrowded,
	"Prune/InSlicesAndOnlyWhatIsOver":        prune,
}

func queued(id string, place int64) *engine.Run {
	r := run(id)
	r.Lane, r.Place, r.Status, r.Owner = "s/1", place, engine.RunQueued, ""
	return r
}

func holder(id string, place int64) *engine.Run {
	r := queued(id, place)
	r.Status, r.Holds, r.Owner, r.Object = engine.RunReady, true, "n1", "o1"
	return r
}

var laneKey = keys(engine.LaneKey(app, "s/1"))

func lane(t *testing.T, s engine.Store, look func(*engine.Lane)) {
	t.Helper()
	must(t, s, op(laneKey, func(l *engine.Loaded) (engine.Effects, error) {
		state, err := l.Lane("s/1")
		if err == nil {
			look(state)
		}
		return engine.Effects{}, err
	}))
}

func laneWindow(t *testing.T, s engine.Store) {
	runs := []*engine.Run{holder("r0", 1)}
	for i := 1; i <= engine.TurnWindow; i++ {
		runs = append(runs, queued(fmt.Sprintf("r%d", i), int64(i+1)))
	}
	done := queued("x", 99)
	done.Status, done.FinishedAt = engine.RunDone, time.UnixMilli(5)
	other := queued("y", 77)
	other.Lane = "s/2"
	must(t, s, effects(laneKey, engine.Effects{Runs: append(runs, done, other)}))
	lane(t, s, func(l *engine.Lane) {
		if l.Holder != "r0" || l.Tail != 9 || len(l.Queue) != 8 || l.More || l.Queue[0].ID != "r1" || l.Queue[7].ID != "r8" {
			t.Errorf("lane: %+v", l)
		}
	})
	must(t, s, effects(laneKey, engine.Effects{Runs: []*engine.Run{queued("r9", 10), queued("ra", 11)}}))
	lane(t, s, func(l *engine.Lane) {
		if l.Holder != "r0" || l.Tail != 11 || len(l.Queue) != 8 || !l.More || l.Queue[7].ID != "r8" {
			t.Errorf("lane with more: %+v", l)
		}
	})
}

func laneStarted(t *testing.T, s engine.Store) {
	woken := queued("woken", 5)
	woken.Started = true
	waiting := queued("waiting", 9)
	waiting.Status, waiting.DueAt, waiting.Started = engine.RunWaiting, time.UnixMilli(9), true
	must(t, s, effects(laneKey, engine.Effects{Runs: []*engine.Run{queued("a", 1), queued("b", 2), woken, waiting}}))
	defer laneStartedBehindTheWindow(t, s)
	lane(t, s, func(l *engine.Lane) {
		if l.Holder != "" || l.Tail != 9 || len(l.Queue) != 3 || l.Queue[0].ID != "woken" || l.Queue[1].ID != "a" || l.Queue[2].ID != "b" {
			t.Errorf("lane: %+v", l)
		}
	})
}

func laneStartedBehindTheWindow(t *testing.T, s engine.Store) {
	var runs []*engine.Run
	for i := range 2 * engine.TurnWindow {
		runs = append(runs, queued(fmt.Sprintf("q%02d", i), int64(i+10)))
	}
	late := queued("late", 99)
	late.Started = true
	must(t, s, effects(laneKey, engine.Effects{Runs: append(runs, late)}))
	lane(t, s, func(l *engine.Lane) {
		if l.Tail != 99 || !l.More || l.Queue[0].ID != "woken" || l.Queue[1].ID != "late" || l.Queue[2].ID != "a" {
			t.Errorf("lane: %+v", l)
		}
	})
}

func laneHandOver(t *testing.T, s engine.Store) {
	must(t, s, effects(laneKey, engine.Effects{Runs: []*engine.Run{holder("a", 1), queued("b", 2)}}))
	over := op(append(keys(engine.RunKey(app, "a")), laneKey...), func(l *engine.Loaded) (engine.Effects, error) {
		first, err := l.Run("a")
		if err != nil {
			return engine.Effects{}, err
		}
		state, err := l.Lane("s/1")
		if err != nil {
			return engine.Effects{}, err
		}
		a, b := *first, *state.Queue[0]
		a.Status, a.Holds, a.FinishedAt = engine.RunDone, false, l.Now
		b.Status, b.Holds, b.Owner, b.Epoch = engine.RunReady, true, "n2", b.Epoch+1
		return engine.Effects{Runs: []*engine.Run{&a, &b}}, nil
	})
	must(t, s, over)
	lane(t, s, func(l *engine.Lane) {
		if l.Holder != "b" || l.Tail != 2 || len(l.Queue) != 0 {
			t.Errorf("lane: %+v", l)
		}
	})
	b, err := s.Run(t.Context(), app, "b")
	if err != nil || b.Epoch != 1 || b.Owner != "n2" || !b.Holds {
		t.Errorf("b: %+v, %v", b, err)
	}
}

func laneInBatch(t *testing.T, s engine.Store) {
	enter := func(id string) engine.Op {
		return op(laneKey, func(l *engine.Loaded) (engine.Effects, error) {
			state, err := l.Lane("s/1")
			if err != nil {
				return engine.Effects{}, err
			}
			r := queued(id, state.Tail+1)
			if state.Holder == "" {
				r = holder(id, state.Tail+1)
			}
			return engine.Effects{Runs: []*engine.Run{r}}, nil
		})
	}
	must(t, s, enter("a"), enter("b"), enter("c"))
	must(t, s, enter("d"))
	lane(t, s, func(l *engine.Lane) {
		if l.Holder != "a" || l.Tail != 4 || len(l.Queue) != 3 || l.Queue[0].ID != "b" || l.Queue[2].ID != "d" {
			t.Errorf("lane: %+v", l)
		}
	})
}

func takeOver(t *testing.T, s engine.Store) {
	var runs []*engine.Run
	for i := range 1200 {
		r := run(fmt.Sprintf("r%04d", i))
		r.Owner = fmt.Sprint("n", i%2)
		if i >= 1100 {
			r.Status = engine.RunWaiting
		}
		runs = append(runs, r)
	}
	must(t, s, effects(nil, engine.Effects{Runs: runs}))
	n, err := s.TakeOver(t.Context(), "n1")
	if err != nil || n != 550 {
		t.Fatalf("took %d, %v", n, err)
	}
	all := 0
	for after := (engine.OwnedPlace{}); ; {
		list, err := s.Owned(t.Context(), "n1", after, 100)
		if err != nil {
			t.Fatal(err)
		}
		if len(list) == 0 {
			break
		}
		for _, r := range list {
			if taken := r.ID[len(r.ID)-1]%2 == 0; taken != (r.Epoch == 1) {
				t.Errorf("run %s has epoch %d", r.ID, r.Epoch)
			}
		}
		last := list[len(list)-1]
		all, after = all+len(list), engine.OwnedPlace{App: last.App, Scenario: last.Scenario, Run: last.ID}
	}
	if all != 1100 {
		t.Errorf("%d are owned", all)
	}
	if n, err := s.TakeOver(t.Context(), "n1"); n != 0 || err != nil {
		t.Errorf("took %d again, %v", n, err)
	}
}

func dueOwned(t *testing.T, s engine.Store) {
	var runs []*engine.Run
	for i := range 5 {
		r := run(fmt.Sprint("w", i))
		r.Status, r.Owner, r.DueAt = engine.RunWaiting, "", time.UnixMilli(int64(1000-i*100)).UTC()
		runs = append(runs, r)
	}
	done := run("d")
	done.Status, done.FinishedAt = engine.RunDone, time.UnixMilli(7)
	must(t, s, effects(nil, engine.Effects{Runs: append(runs, run("r"), done)}))
	due, err := s.Due(t.Context(), time.UnixMilli(800), 10)
	if err != nil || len(due) != 3 || due[0].ID != "w4" || due[2].ID != "w2" || !due[2].DueAt.Equal(time.UnixMilli(800)) {
		t.Errorf("due: %v, %v", due, err)
	}
	backlog, err := s.Backlog(t.Context(), app)
	if err != nil || len(backlog) != 1 || backlog["s"] != (engine.Backlog{Open: 6, Waiting: 5}) {
		t.Errorf("backlog: %v, %v", backlog, err)
	}
}

func runDetails(t *testing.T, s engine.Store) {
	r := run("r")
	r.Candidate, r.Started, r.Depth, r.Chain, r.User, r.Structure, r.Object, r.Change = true, true, 3, "c", "u", "Order", "1", 1<<53
	r.Error = &engine.RunError{Step: "s", Code: "X", Message: "м😀"}
	must(t, s, effects(nil, engine.Effects{
		Runs:   []*engine.Run{r},
		Steps:  []*engine.StepRecord{{App: app, Run: "r", Seq: 2, Step: "b", Status: "done", At: time.UnixMilli(3).UTC()}, {App: app, Run: "r", Seq: 1, Step: "a", Kind: "k", Attempt: 2, Settings: []byte(`{"a":1}`), Output: []byte(`[1]`), Error: "e"}},
		Values: []*engine.RunValue{{App: app, Run: "r", Name: "list", Value: []byte(`[1,2]`)}},
	}))
	must(t, s, effects(nil, engine.Effects{Values: []*engine.RunValue{{App: app, Run: "r", Name: "list", Value: []byte(`[3]`)}}}))
	got, err := s.Run(t.Context(), app, "r")
	if err != nil || fmt.Sprintf("%+v", *got.Error) != fmt.Sprintf("%+v", *r.Error) {
		t.Fatalf("%+v, %v", got, err)
	}
	got.Error = r.Error
	if fmt.Sprintf("%+v", *got) != fmt.Sprintf("%+v", *r) {
		t.Errorf("run came back as\n%+v, was\n%+v", *got, *r)
	}
	steps, err := s.Steps(t.Context(), app, "r", 0, 10)
	if err != nil || len(steps) != 2 || steps[0].Step != "a" || string(steps[0].Output) != `[1]` || steps[0].Attempt != 2 || steps[1].Output != nil {
		t.Errorf("steps: %+v, %v", steps, err)
	}
	if steps, err = s.Steps(t.Context(), app, "r", 1, 10); err != nil || len(steps) != 1 {
		t.Errorf("steps after 1: %v, %v", steps, err)
	}
	values, err := s.Values(t.Context(), app, "r")
	if err != nil || len(values) != 1 || string(values[0].Value) != `[3]` {
		t.Errorf("values: %v, %v", values, err)
	}
}

func runList(t *testing.T, s engine.Store) {
	var runs []*engine.Run
	for i := range 6 {
		r := run(fmt.Sprint("r", i))
		r.Scenario, r.Object, r.Change = fmt.Sprint("s", i%2), fmt.Sprint("o", i%3), int64(i/2)
		runs = append(runs, r)
	}
	must(t, s, effects(nil, engine.Effects{Runs: runs}))
	for _, c := range []struct {
		q    engine.RunQuery
		want string
	}{
		{engine.RunQuery{Limit: 2}, "[r5 r4]"},
		{engine.RunQuery{Limit: 9, Before: "r2"}, "[r1 r0]"},
		{engine.RunQuery{Limit: 9, Scenario: "s1"}, "[r5 r3 r1]"},
		{engine.RunQuery{Limit: 9, Scenario: "s1", Object: "o0"}, "[r3]"},
		{engine.RunQuery{Limit: 9, Status: engine.RunDone}, "[]"},
		{engine.RunQuery{Limit: 9, Change: 1}, "[r3 r2]"},
		{engine.RunQuery{Limit: 9, Change: 2, Scenario: "s0", Before: "r5"}, "[r4]"},
		{engine.RunQuery{Limit: 9, Change: 7}, "[]"},
	} {
		c.q.App = app
		list, err := s.Runs(t.Context(), c.q)
		names := []engine.RunID{}
		for _, r := range list {
			names = append(names, r.ID)
		}
		if err != nil || fmt.Sprint(names) != c.want {
			t.Errorf("%+v: %v, %v; want %s", c.q, names, err, c.want)
		}
	}
}

func prune(t *testing.T, s engine.Store) {
	old, young := time.UnixMilli(1000).UTC(), time.UnixMilli(9000).UTC()
	var e engine.Effects
	for i := range 10 {
		at := old
		if i%2 == 1 {
			at = young
		}
		r := run(fmt.Sprint("r", i))
		r.Status, r.FinishedAt = []engine.RunStatus{engine.RunDone, engine.RunDone, engine.RunFailed, engine.RunFailed, engine.RunNotMatched}[i%5], at
		r.ForgetAt = at
		e.Runs = append(e.Runs, r)
		e.Steps = append(e.Steps, &engine.StepRecord{App: app, Run: r.ID, Seq: 1})
		e.Values = append(e.Values, &engine.RunValue{App: app, Run: r.ID, Name: "v", Value: []byte(`1`)})
		e.Changes = append(e.Changes, &engine.Change{App: app, Structure: "Order", Object: "1", At: at})
		e.Claims = append(e.Claims, &engine.Claim{App: app, Space: "x", Key: fmt.Sprint(i), Owner: "o", Until: at})
		e.Pushes = append(e.Pushes, &engine.Push{App: app, To: "*", Event: "e", At: at})
	}
	e.Runs = append(e.Runs, run("open"))
	must(t, s, effects(nil, e))
	if n, err := s.Prune(t.Context(), engine.Retention{MaxRows: 100}); n != 0 || err != nil {
		t.Errorf("without a policy %d rows went, %v", n, err)
	}
	limit := time.UnixMilli(5000)
	all, most := 0, 0
	for {
		n, err := s.Prune(t.Context(), engine.Retention{Runs: limit, Changes: limit, Claims: limit, Pushes: limit, MaxRows: 2})
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			break
		}
		all, most = all+n, max(most, n)
	}
	if all != 20 || most > 12 {
		t.Errorf("%d rows went, at most %d at a time", all, most)
	}
	left, err := s.Runs(t.Context(), engine.RunQuery{App: app, Limit: 100})
	if err != nil || len(left) != 6 {
		t.Errorf("%d runs are left, %v", len(left), err)
	}
	if steps, err := s.Steps(t.Context(), app, "r0", 0, 10); err != nil || len(steps) != 0 {
		t.Errorf("steps of a pruned run: %v, %v", steps, err)
	}
	if steps, err := s.Steps(t.Context(), app, "r1", 0, 10); err != nil || len(steps) != 1 {
		t.Errorf("steps of a kept run: %v, %v", steps, err)
	}
	tail, err := s.PushTail(t.Context(), app, time.Time{}, 100, 1<<20)
	if err != nil || len(tail.Pushes) != 5 || tail.Head.Pos != 10 || tail.Floor != 1 {
		t.Errorf("tail after pruning: %+v, %v", tail, err)
	}
}

func pruneCrowded(t *testing.T, s engine.Store) {
	var runs []*engine.Run
	for i := range 20 {
		r := run(fmt.Sprintf("r%02d", i))
		r.Scenario, r.Status, r.FinishedAt = fmt.Sprint("s", i%2), engine.RunDone, time.UnixMilli(1)
		if i == 0 {
			r.Status, r.FinishedAt = engine.RunWaiting, time.Time{}
		}
		runs = append(runs, r)
	}
	must(t, s, effects(nil, engine.Effects{Runs: runs}))
	all := 0
	for {
		n, err := s.Prune(t.Context(), engine.Retention{MaxRows: 3, KeepRuns: 4})
		if err != nil || n > 6 {
			t.Fatalf("%d rows went, %v", n, err)
		}
		if n == 0 {
			break
		}
		all += n
	}
	left, err := s.Runs(t.Context(), engine.RunQuery{App: app, Limit: 100})
	if err != nil || all != 11 || len(left) != 9 || left[8].ID != "r00" || left[7].ID != "r12" {
		t.Errorf("%d rows went, %d runs are left, %v", all, len(left), err)
	}
}
