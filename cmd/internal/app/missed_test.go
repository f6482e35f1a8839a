package app

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cuelight/cuelight/engine"
	"github.com/cuelight/cuelight/store"
	"github.com/cuelight/cuelight/store/storetest"
)

// overrun publishes the scenario x, of which as many runs may queue as opt says, with its trigger's condition, and writes n orders as anna:
// all but the first few are missed. A run says its order's number and then asks the server that it gives.
func overrun(t *testing.T, w *world, opt engine.Options, condition string, n int) *busy {
	t.Helper()
	outward(t, w)
	w.restart(t, opt)
	server := newBusy(t)
	w.mustPublish(fmt.Sprintf(`{"id":"x","structure":"Order","order":"one_at_a_time","triggers":[{"id":"c","kind":"object","on":["created"],"if":%q}],"steps":[
		{"id":"p","kind":"push","to":"*","event":"e","message":"{{ event.object.number }}"},{"id":"h","kind":"http_request","url":"%s/"}]}`, condition, server.URL))
	for i := range n {
		w.order(fmt.Sprint("n", i))
	}
	m, err := w.e.MissedBy(w.ctx, app, "x")
	if err != nil || m == nil || m.Changes != int64(n-opt.MaxQueued) {
		t.Fatalf("missed %+v (%v), want %d", m, err, n-opt.MaxQueued)
	}
	return server
}

// order has anna create an order.
func (w *world) order(number string) engine.Written {
	w.t.Helper()
	out, err := w.write(engine.Write{Kind: engine.WriteCreate, Structure: "Order", ID: number, Fields: fields(w.t, fmt.Sprintf(`{"number":%q}`, number)), User: "anna"})
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

func (w *world) runMissed() {
	w.t.Helper()
	if err := w.e.RunMissed(w.ctx, app, "x"); err != nil {
		w.t.Fatal(err)
	}
}

// caughtUp waits until x has made up for what it missed and all its runs have ended.
func (w *world) caughtUp() {
	w.t.Helper()
	waitUntil(w.t, "the end of the missed changes", func() bool {
		m, err := w.e.MissedBy(w.ctx, app, "x")
		return err == nil && m == nil
	})
	waitUntil(w.t, "the runs", func() bool { return w.e.Backlog(app, "x") == engine.Backlog{} })
	w.settle() // those too that another node began, of which this one's count does not know yet
}

// said are the orders whose runs said so, in the order in which they did.
func (w *world) said() string {
	w.t.Helper()
	var all []string
	for line := range strings.Lines(w.pushed()) {
		if f := strings.Fields(line); f[0] == "*" {
			all = append(all, strings.Trim(f[2], `"`))
		}
	}
	return strings.Join(all, " ")
}

func TestAScenarioWithTooLongAQueueMissesChangesAndMakesUpForThem(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		server := newBusy(t)
		outward(t, w)
		w.restart(t, engine.Options{MaxQueued: 10})
		w.mustPublish(`{"id":"x","structure":"Order","order":"one_at_a_time","triggers":[{"id":"c","kind":"object","on":["created"]},{"id":"call","kind":"call"}],"steps":[
			{"id":"h","kind":"http_request","url":"` + server.URL + `/"},{"id":"p","kind":"push","to":"*","event":"done","message":"{{ event.object.number }}"}]}`)
		w.mustPublish(`{"id":"other","structure":"Order","triggers":[{"id":"c","kind":"object","on":["created"]}],"steps":[]}`)
		for i := range 25 {
			w.mustWrite(engine.WriteCreate, "Order", fmt.Sprint("o", i), fmt.Sprintf(`{"number":"n%02d"}`, i))
		}
		missed, err := w.e.MissedBy(w.ctx, app, "x")
		if err != nil || missed == nil || missed.Changes != 15 {
			t.Fatalf("missed %+v (%v), want 15", missed, err)
		}
		if n := ended(t, w, "other"); n == 0 {
			waitUntil(t, "the other scenario", func() bool { return ended(t, w, "other") == 25 })
		}
		notices := w.e.Notices(app)
		if len(notices) != 1 || notices[0].Code != engine.NoticeMissed || notices[0].Scenario != "x" {
			t.Errorf("the notices are %+v", notices)
		}
		if _, err := w.e.Call(w.ctx, engine.Call{App: app, Scenario: "x"}); engine.ErrorCode(err) != "OVERLOADED" {
			t.Errorf("a call: %v", err)
		}
		if err := w.e.RunMissed(w.ctx, app, "other"); engine.ErrorCode(err) != "NOTHING_MISSED" {
			t.Errorf("what another scenario missed: %v", err)
		}
		if err := w.e.RunMissed(w.ctx, app, "x"); err != nil {
			t.Fatal(err)
		}
		w.restart(t, engine.Options{MaxQueued: 10}) // it goes on after that
		server.release()
		waitUntil(t, "all runs", func() bool { return ended(t, w, "x") == 25 })
		waitUntil(t, "the end of the missed changes", func() bool { m, err := w.e.MissedBy(w.ctx, app, "x"); return err == nil && m == nil })
		w.mustWrite(engine.WriteCreate, "Order", "last", `{"number":"last"}`)
		waitUntil(t, "a later change", func() bool { return ended(t, w, "x") == 26 })
		want := ""
		for i := range 25 {
			want += fmt.Sprintf("* done \"n%02d\"\n", i)
		}
		if got := w.pushed(); got != want+"* done \"last\"\n" {
			t.Errorf("pushed %s", got)
		}
	})
}

func TestMissedChangesBehindAnOpenTransactionAreNotLost(t *testing.T) {
	t.Parallel()
	url := storetest.Postgres(t)
	st, err := store.Open(t.Context(), url, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	s := &troubled{Store: st, ctx: t.Context()}
	w := newWorld(t, s)
	tx, err := storetest.SQL(t, url).Begin()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(`SELECT pg_current_xact_id()`); err != nil {
		t.Fatal(err)
	}
	server := overrun(t, w, engine.Options{MaxQueued: 2}, "true", 6)
	server.release()
	waitUntil(t, "the runs that were not missed", func() bool { return w.e.Backlog(app, "x") == engine.Backlog{} })
	var ends atomic.Int64
	count := func(rows int) error {
		if rows == 0 {
			ends.Add(1)
		}
		return nil
	}
	s.onChanges.Store(&count)
	w.runMissed()
	var m *engine.Missed
	waitUntil(t, "the end of the feed to be met twice", func() bool {
		m, err = w.e.MissedBy(w.ctx, app, "x")
		return ends.Load() >= 2 || m == nil
	})
	if err != nil || m == nil || m.Changes != 4 || !m.Running {
		t.Errorf("while the feed shows none of them missed are %+v, %v", m, err)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	w.caughtUp()
	if got := w.said(); got != "n0 n1 n2 n3 n4 n5" {
		t.Errorf("the runs said %s", got)
	}
}

func TestMissedChangesRunOnceThoughTheirRunsArePrunedBeforeARestart(t *testing.T) {
	t.Parallel()
	onEveryStore(t, func(t *testing.T, w *world) {
		opt := engine.Options{MaxQueued: 2, Retain: engine.Retain{Runs: time.Millisecond}}
		server := overrun(t, w, opt, "true", 8)
		<-server.came
		w.runMissed()
		for range 4 {
			server.hold <- struct{}{}
			<-server.came
		}
		later := engine.New(w.store, engine.Options{Clock: func() time.Time { return time.Now().Add(time.Minute) }})
		if err := later.Prune(w.ctx); err != nil {
			t.Fatal(err)
		}
		if n := ended(t, w, "x"); n != 0 {
			t.Fatalf("%d runs are still there", n)
		}
		w.restart(t, opt)
		server.release()
		w.caughtUp()
		if got := w.said(); got != "n0 n1 n2 n3 n4 n5 n6 n7" {
			t.Errorf("the runs said %s", got)
		}
	})
}

func TestMissedChangesAreMadeUpForThoughTheStoreIsAwayForAMoment(t *testing.T) {
	t.Parallel()
	onEveryTroubledStore(t, func(t *testing.T, w *world, s *troubled) {
		server := overrun(t, w, engine.Options{MaxQueued: 2}, "true", 6)
		var reads, commits atomic.Int64
		read := func(int) error {
			if reads.Add(1) == 1 {
				return engine.ErrUnavailable
			}
			return nil
		}
		commit := func(ops []engine.Op) []engine.Result {
			if slices.ContainsFunc(ops, startsMissed) && commits.Add(1) == 1 {
				return answerAll(ops, engine.ErrUnavailable)
			}
			return nil
		}
		w.runMissed() // the queue is full
		s.onChanges.Store(&read)
		s.onCommit.Store(&commit)
		server.release()
		w.caughtUp()
		if got := w.said(); got != "n0 n1 n2 n3 n4 n5" || reads.Load() < 2 || commits.Load() < 2 {
			t.Errorf("after %d reads and %d commits the runs said %s", reads.Load(), commits.Load(), got)
		}
	})
}

// startsMissed says that an op is a catch-up's.
func startsMissed(op engine.Op) bool {
	return op.Fence == nil && len(op.Peek) > 0 && len(op.Lock) > 0 && op.Lock[0] == engine.RecordKey(app, engine.RecordMissed, "x")
}

// TestMissedChangesRunOnceThoughTheirOpIsCarriedOutAfterItWasGivenUp answers an op of the catch-up with an error, and carries it out before the
// one that takes its place.
func TestMissedChangesRunOnceThoughTheirOpIsCarriedOutAfterItWasGivenUp(t *testing.T) {
	t.Parallel()
	onEveryTroubledStore(t, func(t *testing.T, w *world, s *troubled) {
		opt := engine.Options{MaxQueued: 2}
		server := overrun(t, w, opt, "true", 8)
		var kept *engine.Op
		done := make(chan error, 1)
		commit := func(ops []engine.Op) []engine.Result {
			at := slices.IndexFunc(ops, startsMissed)
			if at < 0 {
				return nil
			}
			if kept == nil {
				kept = &ops[at]
				return answerAll(ops, engine.ErrUnavailable)
			}
			s.onCommit.Store(nil)
			done <- s.carryOut(*kept)
			return nil
		}
		s.onCommit.Store(&commit)
		w.runMissed()
		server.release()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		w.restart(t, opt) // nobody has the runs in hand that began behind the engine's back
		w.caughtUp()
		if got := w.said(); got != "n0 n1 n2 n3 n4 n5 n6 n7" {
			t.Errorf("the runs said %s", got)
		}
	})
}

// carryOut commits an op with the keys that it asks for.
func (s *troubled) carryOut(op engine.Op) error {
	for {
		err := s.Store.Commit(s.ctx, []engine.Op{op})[0].Err
		need, asks := errors.AsType[*engine.NeedError](err)
		if !asks {
			return err
		}
		op.Lock, op.Peek = append(slices.Clone(op.Lock), need.Lock...), append(slices.Clone(op.Peek), need.Peek...)
	}
}

func TestTheConditionOnAMissedChangeSeesWhatItWouldHaveSeen(t *testing.T) {
	t.Parallel()
	onEveryStore(t, func(t *testing.T, w *world) {
		server := overrun(t, w, engine.Options{MaxQueued: 1}, `user.role == "clerk" && object.created_by == "test" && object.created_at == now()`, 4)
		if _, err := w.write(engine.Write{Kind: engine.WriteCreate, Structure: "Order", ID: "nobody"}); err != nil {
			t.Fatal(err)
		}
		w.runMissed()
		server.release()
		w.caughtUp()
		runs, err := w.store.Runs(w.ctx, engine.RunQuery{App: app, Scenario: "x", Limit: 100})
		if err != nil || len(runs) != 4 {
			t.Errorf("4 changes have %d runs, %v", len(runs), err)
		}
		for _, r := range runs {
			if r.User != "anna" {
				t.Errorf("the run of %s is for the user %q", r.Object, r.User)
			}
		}
	})
}

func TestWhatAScenarioMissedStaysWhenItIsStopped(t *testing.T) {
	t.Parallel()
	onEveryStore(t, func(t *testing.T, w *world) {
		server := overrun(t, w, engine.Options{MaxQueued: 2}, "true", 8)
		state := func(s engine.ScenarioState) {
			t.Helper()
			if _, err := w.e.SetState(w.ctx, app, "x", s); err != nil {
				t.Fatal(err)
			}
		}
		<-server.came
		w.runMissed()
		server.hold <- struct{}{} // one more may begin
		<-server.came
		waitUntil(t, "a run of a missed change", func() bool { return w.runs("n2") == 1 })
		state(engine.Stopped)
		w.order("away")
		if err := w.e.RunMissed(w.ctx, app, "x"); engine.ErrorCode(err) != "NOT_RUNNING" {
			t.Errorf("what a stopped scenario missed is asked for: %v", err)
		}
		if m, err := w.e.MissedBy(w.ctx, app, "x"); err != nil || m == nil || m.Changes != 6 || m.Running {
			t.Errorf("while it is stopped missed are %+v, %v", m, err)
		}
		server.release()
		waitUntil(t, "the runs to end", func() bool { return w.e.Backlog(app, "x") == engine.Backlog{} })
		state(engine.Running)
		w.order("again")
		if m, err := w.e.MissedBy(w.ctx, app, "x"); err != nil || m == nil || m.Changes != 7 {
			t.Errorf("after it was started missed are %+v, %v", m, err)
		}
		w.runMissed()
		w.caughtUp()
		got := ""
		for _, id := range []string{"n0", "n1", "n2", "n3", "n4", "n5", "n6", "n7", "away", "again"} {
			got += fmt.Sprint(w.runs(id))
		}
		if got != "1111111101" {
			t.Errorf("the changes have had %s runs", got)
		}
	})
}

// runs counts the runs of an order.
func (w *world) runs(id string) int {
	w.t.Helper()
	runs, err := w.store.Runs(w.ctx, engine.RunQuery{App: app, Scenario: "x", Object: id, Limit: 10})
	if err != nil {
		w.t.Fatal(err)
	}
	return len(runs)
}

func TestAScenarioMadeAnewUnderAnIDHasMissedNothing(t *testing.T) {
	t.Parallel()
	onEveryStore(t, func(t *testing.T, w *world) {
		server := overrun(t, w, engine.Options{MaxQueued: 2}, "true", 5)
		server.release()
		if _, err := w.e.SetState(w.ctx, app, "x", engine.Stopped); err != nil {
			t.Fatal(err)
		}
		if err := w.e.DeleteScenario(w.ctx, app, "x"); err != nil {
			t.Fatal(err)
		}
		if m, err := w.e.MissedBy(w.ctx, app, "x"); m != nil || err != nil {
			t.Errorf("a scenario that is gone has missed %+v, %v", m, err)
		}
		if err := w.e.ForgetMissed(w.ctx, app, "x"); engine.ErrorCode(err) != "SCENARIO_NOT_FOUND" {
			t.Errorf("what it missed is forgotten: %v", err)
		}
		w.mustPublish(`{"id":"x","structure":"Order","triggers":[{"id":"c","kind":"object","on":["created"]}],"steps":[]}`)
		if out := w.order("new"); len(out.Runs) != 1 {
			t.Errorf("a change started %d runs", len(out.Runs))
		}
		if n := w.e.Notices(app); len(n) != 0 {
			t.Errorf("the notices are %+v", n)
		}
	})
}

// TestMissedChangesThatAreAskedForAtTheEndOfACatchUpRun has a catch-up see that it was stopped, and before it is over the scenario is started and
// the runs are asked for again.
func TestMissedChangesThatAreAskedForAtTheEndOfACatchUpRun(t *testing.T) {
	t.Parallel()
	onEveryTroubledStore(t, func(t *testing.T, w *world, s *troubled) {
		server := overrun(t, w, engine.Options{MaxQueued: 2}, "true", 5)
		<-server.came
		w.runMissed() // the queue is full
		if _, err := w.e.SetState(w.ctx, app, "x", engine.Stopped); err != nil {
			t.Fatal(err)
		}
		ending, asked := make(chan struct{}), make(chan struct{})
		hold := func(kind engine.RecordKind) {
			if kind == engine.RecordMissed {
				s.onRecord.Store(nil)
				close(ending)
				<-asked
			}
		}
		s.onRecord.Store(&hold)
		<-ending
		if _, err := w.e.SetState(w.ctx, app, "x", engine.Running); err != nil {
			t.Fatal(err)
		}
		w.runMissed()
		close(asked)
		server.release()
		w.caughtUp()
		if got := fmt.Sprint(w.runs("n2"), w.runs("n3"), w.runs("n4")); got != "1 1 1" {
			t.Errorf("the missed changes have had %s runs", got)
		}
	})
}

func TestMissedChangesOfAScenarioWithARateDoNotAllQueueAtOnce(t *testing.T) {
	t.Parallel()
	onEveryTroubledStore(t, func(t *testing.T, w *world, s *troubled) {
		w.restart(t, engine.Options{MaxQueued: 2})
		w.mustPublish(`{"id":"x","structure":"Order","settings":{"rate":"1/h"},"triggers":[{"id":"c","kind":"object","on":["created"]}],"steps":[]}`)
		w.order("first")
		waitUntil(t, "the first run", func() bool { return ended(t, w, "x") == 1 })
		for i := range 5 {
			w.order(fmt.Sprint("n", i))
		}
		var looks atomic.Int64
		look := func(kind engine.RecordKind) {
			if kind == engine.RecordMissed {
				looks.Add(1)
			}
		}
		s.onRecord.Store(&look)
		w.runMissed()
		waitUntil(t, "the catch-up to look twice", func() bool { return looks.Load() >= 2 })
		if n := w.e.Backlog(app, "x"); n.Open != 2 {
			t.Errorf("%+v queue, at most 2 may", n)
		}
	})
}

// TestMissedChangesThatWerePrunedEndTheirCatchUp is for SQLite, which prunes changes at any age.
func TestMissedChangesThatWerePrunedEndTheirCatchUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t, stores(t)["sqlite"](t))
	server := overrun(t, w, engine.Options{MaxQueued: 2}, "true", 5)
	later := engine.New(w.store, engine.Options{Clock: func() time.Time { return time.Now().Add(31 * 24 * time.Hour) }})
	if err := later.Prune(w.ctx); err != nil {
		t.Fatal(err)
	}
	w.runMissed()
	server.release()
	w.caughtUp()
	if out := w.order("later"); len(out.Runs) != 1 {
		t.Errorf("a later change started %d runs", len(out.Runs))
	}
}
