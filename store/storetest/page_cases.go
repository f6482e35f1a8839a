package storetest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cuelight/cuelight/engine"
)

var pageCases = map[string]func(*testing.T, engine.Store){
	"Pages/OfObjectsEndAtTheirBytes":        objectPages,
	"Pages/OfRecordsEndAtTheirBytes":        recordPages,
	"Pages/OfStepsEndAtTheirBytes":          stepPages,
	"Pages/OfChangesEndAtTheirBytes":        changePages,
	"Pages/OfAnObjectsChangesNewestFirst":   objectChanges,
	"Runs/AreListedWithoutTheirState":       runsWithoutState,
	"Runs/BacklogCountsByScenario":          backlogByScenario,
	"Runs/OpenVersionsAreListedOnce":        openVersions,
	"Prune/ForgetsCountersThatLapse":        pruneCounters,
	"Prune/KeepsTheNewestChangesOfEachApp":  pruneChanges,
	"Prune/KeepsTheClaimsThatLapseTheLast":  pruneClaims,
	"Prune/LeavesChangesOfTheLastHourAlone": pruneYoungChanges,
}

// heavy rows are so large that three of them pass the bytes of a page, and two do not.
const (
	heavy     = engine.PageBytes*2/5 + 1
	heavyRows = 7
)

// heavyDoc is a JSON document of about heavy bytes.
func heavyDoc() []byte { return []byte(`{"note":"` + strings.Repeat("x", heavy) + `"}`) }

// wantPages checks that rows that pass the bytes come by three, and that all of them come.
func wantPages(t *testing.T, pages [][]string, all string) {
	t.Helper()
	var got []string
	for i, page := range pages {
		if last := i == len(pages)-1; len(page) != 3 && !last || len(page) > 3 {
			t.Errorf("page %d of %d has %d rows, want 3", i+1, len(pages), len(page))
		}
		got = append(got, page...)
	}
	if strings.Join(got, " ") != all {
		t.Errorf("the pages hold %v, want %s", got, all)
	}
}

func objectPages(t *testing.T, s engine.Store) {
	structure := orders(t)
	var ops []engine.Op
	for i := range heavyRows {
		n := int64(heavyRows - i)
		ops = append(ops, write(&engine.Object{Structure: "Order", ID: fmt.Sprint("o", i), Data: heavyDoc(), Index: []engine.IndexValue{{Field: "n", Num: &n}}}))
	}
	must(t, s, ops...)
	for _, c := range []struct {
		sort []engine.SortKey
		all  string
	}{{nil, "o0 o1 o2 o3 o4 o5 o6"}, {[]engine.SortKey{{Field: "n"}}, "o6 o5 o4 o3 o2 o1 o0"}} {
		var pages [][]string
		for after, more := "", true; more; more = after != "" {
			page, err := s.Objects(t.Context(), engine.ObjectQuery{App: app, Structure: structure, Sort: c.sort, Limit: 100, After: after})
			if err != nil || len(pages) > heavyRows {
				t.Fatalf("page %d: %v", len(pages), err)
			}
			pages, after = append(pages, ids(page)), page.Next
		}
		wantPages(t, pages, c.all)
	}
}

// follow reads a list to its end as a caller does: by what engine.Full says of a page.
func follow[T engine.Sized](t *testing.T, read func(last T, first bool) ([]T, error), name func(T) string) (pages [][]string) {
	t.Helper()
	var last T
	for {
		list, err := read(last, len(pages) == 0)
		if err != nil || len(pages) > heavyRows {
			t.Fatalf("page %d: %v", len(pages), err)
		}
		var names []string
		for _, row := range list {
			names, last = append(names, name(row)), row
		}
		pages = append(pages, names)
		if !engine.Full(list, 100) {
			return pages
		}
	}
}

func recordPages(t *testing.T, s engine.Store) {
	for i := range heavyRows {
		must(t, s, effects(nil, engine.Effects{Records: []*engine.Record{{App: app, Kind: "version", ID: fmt.Sprint("v", i), Owner: "s", Rev: 1, Body: heavyDoc()}}}))
	}
	for _, owner := range []string{"", "s"} {
		wantPages(t, follow(t, func(last *engine.Record, first bool) ([]*engine.Record, error) {
			after := ""
			if !first {
				after = last.ID
			}
			return s.Records(t.Context(), app, "version", owner, after, 100)
		}, func(r *engine.Record) string { return r.ID }), "v0 v1 v2 v3 v4 v5 v6")
	}
}

func stepPages(t *testing.T, s engine.Store) {
	// What counts is all of a line: settings, output and error.
	half := heavyDoc()[:heavy/2]
	half = append(half, `"}`...)
	for i := range heavyRows {
		must(t, s, effects(nil, engine.Effects{Steps: []*engine.StepRecord{{App: app, Run: "r", Seq: int64(i), Step: fmt.Sprint("s", i), Settings: half, Output: half}}}))
	}
	wantPages(t, follow(t, func(last *engine.StepRecord, first bool) ([]*engine.StepRecord, error) {
		after := int64(-1)
		if !first {
			after = last.Seq
		}
		return s.Steps(t.Context(), app, "r", after, 100)
	}, func(r *engine.StepRecord) string { return r.Step }), "s0 s1 s2 s3 s4 s5 s6")
}

func changePages(t *testing.T, s engine.Store) {
	half := append(heavyDoc()[:heavy/2], `"}`...)
	for i := range heavyRows {
		must(t, s, effects(nil, engine.Effects{Changes: []*engine.Change{{App: app, Structure: "Order", Object: fmt.Sprint("o", i), Kind: engine.Changed, Before: half, After: half, At: time.UnixMilli(5)}}}))
	}
	changes(t, s, heavyRows) // PostgreSQL shows the last one when no older transaction is open
	var at engine.ChangeCursor
	wantPages(t, follow(t, func(*engine.Change, bool) ([]*engine.Change, error) {
		list, next, err := s.Changes(t.Context(), app, at, 100)
		at = next
		return list, err
	}, func(c *engine.Change) string { return c.Object }), "o0 o1 o2 o3 o4 o5 o6")
}

func runsWithoutState(t *testing.T, s engine.Store) {
	r := run("r")
	r.Error = &engine.RunError{Step: "s", Code: "X", Message: "m"}
	must(t, s, effects(nil, engine.Effects{Runs: []*engine.Run{r}}))
	list, err := s.Runs(t.Context(), engine.RunQuery{App: app, Limit: 10})
	if err != nil || len(list) != 1 || len(list[0].State) != 0 {
		t.Fatalf("runs: %+v, %v", list, err)
	}
	one, err := s.Run(t.Context(), app, "r")
	if err != nil || len(one.State) == 0 {
		t.Fatalf("run: %+v, %v", one, err)
	}
	// Nothing but the state is left out.
	one.State, list[0].State = nil, nil
	if a, b := fmt.Sprintf("%+v %+v", *list[0], *list[0].Error), fmt.Sprintf("%+v %+v", *one, *one.Error); strings.ReplaceAll(a, fmt.Sprintf("%p", list[0].Error), "") != strings.ReplaceAll(b, fmt.Sprintf("%p", one.Error), "") {
		t.Errorf("listed as\n%s, is\n%s", a, b)
	}
}

func backlogByScenario(t *testing.T, s engine.Store) {
	var runs []*engine.Run
	add := func(scenario string, status engine.RunStatus, n int) {
		for range n {
			r := run(fmt.Sprint(scenario, status, len(runs)))
			r.Scenario, r.Status = scenario, status
			if status == engine.RunQueued || len(runs)%2 == 1 { // a run queues in a lane only
				r.Lane, r.Place = "lane", int64(len(runs))
			}
			if !status.Open() {
				r.FinishedAt = time.UnixMilli(7)
			}
			runs = append(runs, r)
		}
	}
	for status, n := range map[engine.RunStatus]int{
		engine.RunReady: 1, engine.RunQueued: 2, engine.RunWaiting: 4, engine.RunDone: 8, engine.RunFailed: 8, engine.RunCancelled: 8, engine.RunNotMatched: 8,
	} {
		add("a", status, n)
		add("b", status, 2*n)
	}
	add("c", engine.RunDone, 3)
	other := run("other")
	other.App = "other"
	must(t, s, effects(nil, engine.Effects{Runs: runs}))
	must(t, s, engine.Op{ID: "other", App: "other", Decide: func(*engine.Loaded) (engine.Effects, error) {
		return engine.Effects{Runs: []*engine.Run{other}}, nil
	}})
	got, err := s.Backlog(t.Context(), app)
	if err != nil || len(got) != 2 || got["a"] != (engine.Backlog{Open: 7, Waiting: 4}) || got["b"] != (engine.Backlog{Open: 14, Waiting: 8}) {
		t.Errorf("backlog: %v, %v", got, err)
	}
}

func openVersions(t *testing.T, s engine.Store) {
	var runs []*engine.Run
	add := func(scenario string, version int64, lane string, status engine.RunStatus) {
		r := run(fmt.Sprint("run", len(runs)))
		r.Scenario, r.Version, r.Status, r.Lane, r.Place = scenario, version, status, lane, int64(len(runs))
		if !status.Open() {
			r.FinishedAt = time.UnixMilli(7)
		}
		runs = append(runs, r)
	}
	for range 2 {
		add("b", 1, "", engine.RunReady)
		add("a", 12, "", engine.RunWaiting)
		add("a", 2, "", engine.RunCalling)
		add("a", 3, "lane", engine.RunQueued)
		add("b", 2, "lane", engine.RunWaiting)
		add("b", 3, "", engine.RunDone)
		add("c", 1, "lane", engine.RunCancelled)
	}
	add("b", 4, "", engine.RunQueued)
	runs[len(runs)-1].Permit = engine.PermitWanted
	must(t, s, effects(nil, engine.Effects{Runs: runs}))
	other := run("other")
	other.App, other.Scenario = "other", "d"
	must(t, s, engine.Op{ID: "other", App: "other", Decide: func(*engine.Loaded) (engine.Effects, error) {
		return engine.Effects{Runs: []*engine.Run{other}}, nil
	}})
	for limit, want := range map[int]string{10: "[{a 2} {a 3} {a 12} {b 1} {b 2} {b 4}]", 2: "[{a 2} {a 3}]"} {
		got, err := s.OpenVersions(t.Context(), app, limit)
		if err != nil || fmt.Sprint(got) != want {
			t.Errorf("at most %d: %v, %v; want %s", limit, got, err, want)
		}
	}
}

// forget prunes until nothing is left to prune and tells how many rows went.
func forget(t *testing.T, s engine.Store, p engine.Retention) int {
	t.Helper()
	all := 0
	for {
		n, err := s.Prune(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		if all += n; n == 0 {
			return all
		}
	}
}

func pruneCounters(t *testing.T, s engine.Store) {
	at := func(ms int64) time.Time { return time.UnixMilli(ms).UTC() }
	raise := func(id string, until time.Time) engine.Op {
		return op(keys(engine.CounterKey(app, id)), func(l *engine.Loaded) (engine.Effects, error) {
			n, err := l.Counter(id)
			return engine.Effects{Counters: []*engine.Counter{{App: app, ID: id, N: n + 1, Until: until}}}, err
		})
	}
	wants := func(want map[string]int64) {
		t.Helper()
		for id, n := range want {
			must(t, s, op(keys(engine.CounterKey(app, id)), func(l *engine.Loaded) (engine.Effects, error) {
				if got, err := l.Counter(id); got != n || err != nil {
					t.Errorf("counter %s is %d, want %d, %v", id, got, n, err)
				}
				return engine.Effects{}, nil
			}))
		}
	}
	must(t, s, raise("chain", at(1000)), raise("renewed", at(1000)), raise("number", time.Time{}))
	must(t, s, raise("renewed", at(9000)))
	for now, want := range map[int64]int{999: 0, 1000: 0} {
		if n := forget(t, s, engine.Retention{Claims: at(now), MaxRows: 10}); n != want {
			t.Errorf("%d counters went at %d, want %d", n, now, want)
		}
	}
	wants(map[string]int64{"chain": 1, "renewed": 2, "number": 1})
	if n := forget(t, s, engine.Retention{Claims: at(1001), MaxRows: 10}); n != 1 {
		t.Errorf("%d counters went, want 1", n)
	}
	wants(map[string]int64{"chain": 0, "renewed": 2, "number": 1})
	if n := forget(t, s, engine.Retention{Claims: at(9001), MaxRows: 10}); n != 1 {
		t.Errorf("%d counters went, want 1", n)
	}
	wants(map[string]int64{"renewed": 0, "number": 1})
}

// appRow makes an app known to the store, as every app that an engine writes for is.
func appRow(id engine.AppID) engine.Op {
	return engine.Op{ID: engine.OpID("app-" + id), App: id, Decide: func(*engine.Loaded) (engine.Effects, error) {
		return engine.Effects{Raise: true, Records: []*engine.Record{{App: id, Kind: "app", ID: string(id), Rev: 1, Body: []byte(`{}`)}}}, nil
	}}
}

// changesOf writes n changes of an app.
func changesOf(id engine.AppID, n int, at time.Time) engine.Op {
	var e engine.Effects
	for i := range n {
		e.Changes = append(e.Changes, &engine.Change{App: id, Structure: "Order", Object: fmt.Sprint(i), Kind: engine.Created, At: at})
	}
	return engine.Op{ID: engine.OpID(fmt.Sprint("changes-", id, at.UnixMilli())), App: id, Decide: func(*engine.Loaded) (engine.Effects, error) { return e, nil }}
}

func objectsChanged(t *testing.T, s engine.Store, id engine.AppID, n int) string {
	t.Helper()
	var got []string
	var at engine.ChangeCursor
	for len(got) < n {
		list, next, err := s.Changes(t.Context(), id, at, 100)
		if err != nil {
			t.Fatalf("%d of %d changes seen: %v", len(got), n, err)
		}
		for _, c := range list {
			got = append(got, c.Object)
		}
		at = next
	}
	return strings.Join(got, " ")
}

func pruneChanges(t *testing.T, s engine.Store) {
	must(t, s, appRow(app))
	must(t, s, appRow("few"))
	old := time.UnixMilli(1000).UTC()
	must(t, s, changesOf(app, 9, old))
	must(t, s, changesOf("few", 4, old))
	n := forget(t, s, engine.Retention{Now: old.Add(2 * time.Hour), KeepChanges: 4, MaxRows: 2})
	if many, few := objectsChanged(t, s, app, 4), objectsChanged(t, s, "few", 4); n != 5 || many != "5 6 7 8" || few != "0 1 2 3" {
		t.Errorf("%d changes went, left are %s and %s", n, many, few)
	}
}

func pruneYoungChanges(t *testing.T, s engine.Store) {
	must(t, s, appRow(app))
	now := time.UnixMilli(10_000_000).UTC()
	must(t, s, changesOf(app, 3, now.Add(-time.Hour-time.Millisecond)))
	must(t, s, changesOf(app, 5, now.Add(-time.Hour)))
	if n := forget(t, s, engine.Retention{Now: now, KeepChanges: 2, MaxRows: 100}); n != 3 {
		t.Errorf("%d changes went, want those 3 that are older than an hour", n)
	}
}

func pruneClaims(t *testing.T, s engine.Store) {
	must(t, s, appRow(app))
	var e engine.Effects
	var lock []engine.Key
	for i := range 9 {
		e.Claims = append(e.Claims, &engine.Claim{App: app, Space: "once", Key: fmt.Sprint(i), Owner: "o", Until: time.UnixMilli(int64(1000 + i)).UTC()})
	}
	for i := range 5 { // a claim that lapses never is one that holds: of a unique value
		e.Claims = append(e.Claims, &engine.Claim{App: app, Space: "unique", Key: fmt.Sprint(i), Owner: "o"})
	}
	for _, c := range e.Claims {
		lock = append(lock, engine.ClaimKey(app, c.Space, c.Key))
	}
	must(t, s, effects(lock, e))
	if n := forget(t, s, engine.Retention{Now: time.UnixMilli(1).UTC(), KeepClaims: 4, MaxRows: 2}); n != 5 {
		t.Errorf("%d claims went, want 5", n)
	}
	must(t, s, op(lock, func(l *engine.Loaded) (engine.Effects, error) {
		// Claims that lapsed count as absent, whether they are stored or not: what is left shows when one is made anew.
		for i := range 5 {
			if c, err := l.Claim("unique", fmt.Sprint(i)); c == nil || err != nil {
				t.Errorf("the claim of a unique value is gone: %v", err)
			}
		}
		return engine.Effects{}, nil
	}))
	if n := forget(t, s, engine.Retention{Claims: time.UnixMilli(1006).UTC(), MaxRows: 100}); n != 1 {
		t.Errorf("%d claims lapse before the 7th, want 1: the last four are kept", n)
	}
}
