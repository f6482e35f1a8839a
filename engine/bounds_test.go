package engine

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cuelight/cuelight/engine/expr"
)

// at is a moment that is nothing special.
var at = time.Date(2026, 11, 23, 16, 20, 6, 0, time.UTC)

// decided carries out an op of the app a in a batch of its own, with these rows in the store.
func decided(t *testing.T, rows map[Key]any, op Op) Result {
	t.Helper()
	op.ID, op.App = "01900000-0000-7000-8000-000000000001", "a"
	b := NewBatch([]Op{op}, at, nil)
	b.SetCatalogue("a", 1)
	for k, row := range rows {
		b.Put(k, row)
	}
	b.Decide(func([]Key, []Key) bool { return true }, func() int64 { return 1 })
	return b.Results()[0]
}

// catalogueOfNothing is what memory has of an app with one scenario, as the store's number 1.
func catalogueOfNothing() *catalogues {
	c := &catalogues{notices: &notices{}, backlogs: &backlogs{}}
	var p atomic.Pointer[catalogue]
	p.Store(&catalogue{
		number: 1, app: App{ID: "a"}, zone: time.UTC, structures: map[string]*Structure{}, scenarios: map[string]*published{"s0": {id: "s0", state: Running}},
		notices: c.notices, backlogs: c.backlogs, node: "n",
	})
	c.byApp.Store(AppID("a"), &p)
	return c
}

// actOf is an act in the middle of a decision that has every key.
func actOf(cause cause, counters map[string]int64) *act {
	l := &Loaded{Now: at, app: "a", batch: NewBatch(nil, at, nil), locks: map[Key]bool{}}
	for id, n := range counters {
		k := CounterKey("a", id)
		l.locks[k] = true
		l.batch.Put(k, &Counter{App: "a", ID: id, N: n})
	}
	return newAct(l, catalogueOfNothing().at("a"), cause)
}

func limitOf(err error) string {
	if c, ok := errors.AsType[*CodedError](err); ok {
		return c.Limit
	}
	return ""
}

func TestALoopIsCutByDepthAndByNumber(t *testing.T) {
	t.Parallel()
	counter := chainCounter("c", "s")
	for _, c := range []struct {
		name         string
		depth        int
		before, want int64 // of the counter
		cut          string
	}{
		{"the first run is not counted", 1, maxPerChain, maxPerChain, ""},
		{"nor is one that it caused", countedDepth - 1, maxPerChain, maxPerChain, ""},
		{"from the third on they are", countedDepth, 0, 1, ""},
		{"the last one of the number runs", countedDepth, maxPerChain - 1, maxPerChain, ""},
		{"the next one is cut", countedDepth, maxPerChain, maxPerChain, "the scenario ran 1000 times in one chain: s→x→s"},
		{"the deepest runs", maxDepth, 7, 8, ""},
		{"a deeper one is cut and not counted", maxDepth + 1, 7, 7, "the chain of runs is deeper than 16: s→x→s"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a := actOf(cause{}, map[string]int64{counter: c.before})
			cut, err := a.cutLoop(&Run{App: "a", Scenario: "s", Chain: "c", Depth: c.depth}, "s>x>s")
			if err != nil {
				t.Fatal(err)
			}
			if c.cut == "" && cut != nil || c.cut != "" && (cut == nil || cut.Code != "LOOP_CUT" || cut.Message != c.cut) {
				t.Errorf("cut is %+v, want %q", cut, c.cut)
			}
			if n, err := a.counter(counter); n != c.want || err != nil {
				t.Errorf("the chain counts %d, want %d, %v", n, c.want, err)
			}
			for _, raised := range a.eff.Counters {
				if !raised.Until.Equal(at.Add(chainFor)) {
					t.Errorf("the counter lapses at %s", raised.Until)
				}
			}
		})
	}
}

func TestAChainCountsEachOfItsScenarios(t *testing.T) {
	t.Parallel()
	a := actOf(cause{}, map[string]int64{chainCounter("c", "s"): maxPerChain, chainCounter("c", "other"): 0, chainCounter("c2", "s"): 0})
	for _, c := range []struct {
		chain, scenario string
		cut             bool
	}{{"c", "s", true}, {"c", "other", false}, {"c2", "s", false}} {
		if cut, err := a.cutLoop(&Run{App: "a", Scenario: c.scenario, Chain: c.chain, Depth: countedDepth}, c.scenario); (cut != nil) != c.cut || err != nil {
			t.Errorf("chain %s, scenario %s: %+v, %v", c.chain, c.scenario, cut, err)
		}
	}
}

func TestARunWalksAtMostSoManySteps(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		walked int64
		want   RunStatus
	}{{maxStepsRun - 1, RunDone}, {maxStepsRun, RunFailed}} {
		r, _ := walked(t, 1, c.walked, func(*Scope) (Outcome, error) { return Outcome{}, nil })
		if r.Status != c.want || c.want == RunFailed && (r.Error == nil || r.Error.Code != "STEPS") {
			t.Errorf("after %d steps the run is %s: %+v", c.walked, r.Status, r.Error)
		}
	}
}

// walked lets one op walk a run through n steps that do the same, of which it has walked some before, and gives the run and the op's effects.
func walked(t *testing.T, n int, before int64, do func(*Scope) (Outcome, error)) (*Run, Effects) {
	t.Helper()
	cats := catalogueOfNothing()
	v := &Version{Scenario: "s0", doc: &Scenario{ID: "s0"}, lists: map[string]*list{mainList: {path: mainList}, catchList: {path: catchList}}}
	for i := range n {
		v.lists[mainList].steps = append(v.lists[mainList].steps, &step{head: head{ID: fmt.Sprint("p", i)}, kind: "test", run: do})
	}
	st := newState("s0")
	st.Walked, st.Steady = before, int(before)
	doc, err := st.encode()
	if err != nil {
		t.Fatal(err)
	}
	r := &Run{App: "a", ID: "r", Scenario: "s0", Status: RunReady, Owner: "n", State: doc, Depth: 1, Chain: "r", Started: true}
	op := &advanceOp{run: r, version: v}
	key := RunKey("a", "r")
	res := decided(t, map[Key]any{key: r}, Op{Lock: []Key{key}, Decide: func(l *Loaded) (Effects, error) { return op.decide(l, cats) }})
	if res.Err != nil {
		t.Fatal(res.Err)
	}
	return ownRun(res.Effects.Runs, "r"), res.Effects
}

func TestAnOpEndsAtItsBounds(t *testing.T) {
	t.Parallel()
	push := func(receivers, bytes int) func(*Scope) (Outcome, error) {
		return func(s *Scope) (Outcome, error) {
			to := make([]string, receivers)
			for i := range to {
				to[i] = fmt.Sprint("u", i)
			}
			return Outcome{}, s.Push(to, "e", strings.Repeat("x", bytes), false)
		}
	}
	for _, c := range []struct {
		name  string
		do    func(*Scope) (Outcome, error)
		steps int // that the op walks
	}{
		{"16 steps", push(1, 0), maxFused},
		{"64 effects by many", push(16, 0), 4},
		{"64 effects passed by one", push(15, 0), 5},
		{"one step's effects stay together", push(1000, 0), 1},
		{"1 MiB by many", push(4, MaxPush), 4},
		{"1 MiB passed by one", push(5, MaxPush), 4},
		{"1 MiB at once", push(16, MaxPush), 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r, eff := walked(t, 40, 0, c.do)
			if len(eff.Steps) != c.steps || r.Status != RunReady || r.Cursor != 1 {
				t.Errorf("the op walked %d steps, want %d; the run is %s at %d", len(eff.Steps), c.steps, r.Status, r.Cursor)
			}
		})
	}
}

func TestAStateThatIsTooLargeIsRefused(t *testing.T) {
	t.Parallel()
	st := newState("s")
	st.Vars["x"] = strings.Repeat("x", maxState-100)
	if _, err := st.encode(); err != nil {
		t.Errorf("a state of nearly the limit: %v", err)
	}
	st.Vars["y"] = strings.Repeat("y", 100)
	if _, err := st.encode(); ErrorCode(err) != "RUN_STATE" || limitOf(err) != "run_state_bytes" {
		t.Errorf("a state past the limit: %v", err)
	}
}

func TestTheRunLogCutsWhatIsLarge(t *testing.T) {
	t.Parallel()
	text := func(n int) string { return strings.Repeat("x", n-2) } // with its quotes n bytes
	for _, c := range []struct {
		value any
		want  string
	}{
		{nil, ""},
		{"<a>", `"<a>"`},
		{text(maxStepBytes / 2), `"` + text(maxStepBytes/2) + `"`},
		{text(maxStepBytes/2 + 1), `{"cut":32769}`},
		{map[string]any{"a": []any{text(maxStepBytes)}}, `{"cut":65544}`},
	} {
		if doc, err := logged(nil, c.value); err != nil || string(doc) != c.want {
			t.Errorf("%.20v is logged as %.40s, want %.40s, %v", c.value, doc, c.want, err)
		}
	}
	half := text(maxStepBytes / 2)
	_, eff := walked(t, 1, 0, func(*Scope) (Outcome, error) { return Outcome{Note: half, Output: half}, nil })
	if rec := eff.Steps[0]; len(rec.Settings)+len(rec.Output) != maxStepBytes {
		t.Errorf("settings and output that just fit take %d bytes in the log", len(rec.Settings)+len(rec.Output))
	}
	_, eff = walked(t, 1, 0, func(*Scope) (Outcome, error) { return Outcome{Note: half + "x", Output: half + "xx"}, nil })
	if rec := eff.Steps[0]; string(rec.Settings) != `{"cut":32769}` || string(rec.Output) != `{"cut":32770}` {
		t.Errorf("the log says %.40s and %.40s", rec.Settings, rec.Output)
	}
}

func TestAPushToManyIsBoundedAsAWhole(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		receivers, bytes int
		limit            string
	}{{1, MaxPush, ""}, {1, MaxPush + 1, "push_bytes"}, {16, MaxPush, ""}, {17, MaxPush, "push_total_bytes"}, {1000, 1048, ""}, {1000, 1049, "push_total_bytes"}, {1000, 2 << 10, "push_total_bytes"}} {
		err := CheckPushTo(c.receivers, "e", strings.Repeat("x", c.bytes))
		if limitOf(err) != c.limit || c.limit != "" && ErrorCode(err) != "PUSH_SIZE" {
			t.Errorf("%d bytes to %d receivers: %v", c.bytes, c.receivers, err)
		}
	}
}

func TestEqualDecimalsHaveOneClaim(t *testing.T) {
	t.Parallel()
	decimal := func(text string) expr.Decimal {
		d, err := expr.ParseDecimal(text)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	for _, c := range []struct {
		a, b string
		same bool
	}{{"12.5", "12.50", true}, {"12.5", "12.500000", true}, {"0", "-0.00", true}, {"1e2", "100", true}, {"-3.10", "-3.1", true}, {"12.5", "12.51", false}, {"12.5", "-12.5", false}, {"125", "12.5", false}} {
		if got := uniqueKey(decimal(c.a)) == uniqueKey(decimal(c.b)); got != c.same {
			t.Errorf("%s and %s have one key: %t", c.a, c.b, got)
		}
	}
}
