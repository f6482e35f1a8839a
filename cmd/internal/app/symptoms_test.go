package app

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/cuelight/cuelight/engine"
)

func TestUniqueDecimalsCollideWhateverTheirScale(t *testing.T) {
	t.Parallel()
	onEveryStore(t, func(t *testing.T, w *world) {
		if _, err := w.e.SaveStructure(w.ctx, app, []byte(`{"id":"Price","fields":[{"id":"amount","type":"decimal","unique":true}]}`)); err != nil {
			t.Fatal(err)
		}
		write := func(kind engine.WriteKind, id, doc string, taken bool) {
			t.Helper()
			_, err := w.write(engine.Write{Kind: kind, Structure: "Price", ID: id, Fields: fields(t, doc)})
			if taken && (!errors.Is(err, engine.ErrConflict) || engine.ErrorCode(err) != "TAKEN") || !taken && err != nil {
				t.Errorf("%s %s %s: %v", kind, id, doc, err)
			}
		}
		write(engine.WriteCreate, "1", `{"amount":"12.5"}`, false)
		write(engine.WriteCreate, "2", `{"amount":"12.50"}`, true)
		write(engine.WriteCreate, "2", `{"amount":"12.51"}`, false)
		write(engine.WritePatch, "2", `{"amount":12.500}`, true)
		// The same object may write it another way, and holds it still.
		write(engine.WritePatch, "1", `{"amount":"12.50"}`, false)
		if o, err := w.store.Object(w.ctx, app, "Price", "1"); err != nil || canonical(o.Data) != `{"amount":"12.50"}` {
			t.Errorf("the object holds %+v, %v", o, err)
		}
		write(engine.WritePatch, "2", `{"amount":"12.5"}`, true)
		write(engine.WritePatch, "1", `{"amount":"13"}`, false)
		write(engine.WritePatch, "2", `{"amount":"12.5"}`, false)
		write(engine.WriteDelete, "2", `{}`, false)
		write(engine.WritePatch, "1", `{"amount":"12.500"}`, false)
	})
}

func TestADateThatAnOffsetMovesPastItsYearsIsRefused(t *testing.T) {
	t.Parallel()
	onEveryStore(t, func(t *testing.T, w *world) {
		for i, c := range []struct {
			date    string
			refused bool
		}{
			{"9999-12-31T23:59:59.999Z", false},
			{"9999-12-31T23:59:59-01:00", true},
			{"9999-12-31T23:59:59+01:00", false},
			{"0001-01-01T00:00:00Z", false},
			{"0001-01-01T00:00:00+01:00", true},
			{"10000-01-01", true},
		} {
			_, err := w.write(engine.Write{Kind: engine.WriteCreate, Structure: "Order", ID: fmt.Sprint(i), Fields: fields(t, fmt.Sprintf(`{"due":%q}`, c.date))})
			if c.refused != (engine.ErrorCode(err) == "TYPE") || !c.refused && err != nil {
				t.Errorf("%s: %v", c.date, err)
			}
		}
		// A step that computes such a date fails and leaves nothing behind.
		w.mustPublish(`{"id":"later","structure":"Order","steps":[{"id":"e","kind":"edit_object","set":{"due":"{{ object.due.addDays(1) }}","note":"moved"}}]}`)
		id, err := w.e.Call(w.ctx, engine.Call{App: app, Scenario: "later", Object: "0"})
		if err != nil {
			t.Fatal(err)
		}
		if r := w.ended(id); r.Status != engine.RunFailed || w.object("0")["note"] != nil {
			t.Errorf("the run is %s: %+v, the object %v", r.Status, r.Error, w.object("0"))
		}
	})
}

// TestAConditionSeesTheUserWhoCausedTheChange has one condition that is judged inside the write and one that is judged later.
func TestAConditionSeesTheUserWhoCausedTheChange(t *testing.T) {
	t.Parallel()
	onEveryStore(t, func(t *testing.T, w *world) {
		w.mustPublish(`{"id":"inline","structure":"Order","triggers":[{"id":"c","kind":"object","on":["created"],"if":"user.name == \"Anna\""}],
			"steps":[{"id":"say","kind":"push","to":"*","event":"inline","message":"{{ user.name }}"}]}`,
			`{"id":"later","structure":"Order","triggers":[{"id":"c","kind":"object","on":["created"],"if":"user.name matches \"^A\""}],
			"steps":[{"id":"say","kind":"push","to":"*","event":"later","message":"{{ user.name }}"}]}`)
		for id, who := range map[string]string{"1": "anna", "2": "bert", "3": "", "4": "nobody"} {
			if _, err := w.e.Write(w.ctx, engine.Write{App: app, Kind: engine.WriteCreate, Structure: "Order", ID: id, Who: "test", User: who}); err != nil {
				t.Errorf("a write by %q: %v", who, err)
			}
		}
		w.settle()
		runs, err := w.store.Runs(w.ctx, engine.RunQuery{App: app, Limit: 100})
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for _, r := range runs {
			got[r.Scenario] += fmt.Sprintf("%s %s %s,", r.Object, r.User, r.Status)
		}
		if got["inline"] != "1 anna done," {
			t.Errorf("judged inside the write: %s", got["inline"])
		}
		for _, r := range runs {
			if want := map[bool]engine.RunStatus{true: engine.RunDone, false: engine.RunNotMatched}[r.Object == "1"]; r.Scenario == "later" && r.Status != want {
				t.Errorf("judged later: a write by %q left a run that is %s", r.User, r.Status)
			}
		}
		if len(runs) != 5 {
			t.Errorf("%d runs, want one that was judged inside and four that were judged later", len(runs))
		}
	})
}

func TestACandidateThatDidNotMatchIsForgottenAfterAnHour(t *testing.T) {
	t.Parallel()
	onEveryStore(t, func(t *testing.T, w *world) {
		w.mustPublish(`{"id":"dear","structure":"Order","triggers":[{"id":"c","kind":"object","on":["created"],"if":"object.note matches \"^a+$\""}],
			"steps":[{"id":"say","kind":"push","to":"*","event":"dear"}]}`)
		no := w.mustWrite(engine.WriteCreate, "Order", "1", `{"note":"b"}`).Runs
		yes := w.mustWrite(engine.WriteCreate, "Order", "2", `{"note":"a"}`).Runs
		if len(no) != 1 || len(yes) != 1 {
			t.Fatalf("the writes named %v and %v", no, yes)
		}
		if r := w.ended(no[0]); r.Status != engine.RunNotMatched {
			t.Errorf("the candidate is %s", r.Status)
		}
		if r := w.ended(yes[0]); r.Status != engine.RunDone {
			t.Errorf("the run is %s", r.Status)
		}
		for _, c := range []struct {
			after time.Duration
			kept  bool
		}{{59 * time.Minute, true}, {61 * time.Minute, false}} {
			e := engine.New(w.store, engine.Options{Clock: func() time.Time { return time.Now().Add(c.after) }})
			if err := e.Prune(w.ctx); err != nil {
				t.Fatal(err)
			}
			if _, err := w.store.Run(w.ctx, app, no[0]); (err == nil) != c.kept || err != nil && !errors.Is(err, engine.ErrNotFound) {
				t.Errorf("after %s the candidate is kept: %t, %v", c.after, err == nil, err)
			}
			if _, err := w.store.Run(w.ctx, app, yes[0]); err != nil {
				t.Errorf("after %s the run that matched: %v", c.after, err)
			}
		}
	})
}

// TestTheBacklogOfAScenarioIsCounted compares what memory has moved with what the store counts, and with what the next start reads.
func TestTheBacklogOfAScenarioIsCounted(t *testing.T) {
	t.Parallel()
	onEveryStore(t, func(t *testing.T, w *world) {
		w.mustPublish(`{"id":"nap","structure":"Order","triggers":[{"id":"c","kind":"object","on":["created"]}],"steps":[{"id":"nap","kind":"delay","until":"object.due"},
			{"id":"bad","kind":"push","to":"{{ object.owner }}","event":"x","on_error":{"retry":{"times":1,"backoff":"10ms"}}}]}`,
			`{"id":"quick","structure":"Order","triggers":[{"id":"c","kind":"object","on":["created"]}],"steps":[{"id":"p","kind":"push","to":"*","event":"quick"}]}`,
			`{"id":"dear","structure":"Order","triggers":[{"id":"c","kind":"object","on":["created"],"if":"object.note matches \"^a+$\""}],"steps":[]}`)
		far := time.Now().Add(time.Hour).UTC().Format(engine.DateFormat)
		for i := range 5 {
			w.mustWrite(engine.WriteCreate, "Order", fmt.Sprint("far", i), fmt.Sprintf(`{"due":%q}`, far))
		}
		for i := range 3 { // these end: they fail, after a retry
			w.mustWrite(engine.WriteCreate, "Order", fmt.Sprint("near", i), `{"due":"2020-01-01"}`)
		}
		want := engine.Backlog{Open: 5, Waiting: 5}
		settled := func(e *engine.Engine) func() bool {
			return func() bool {
				return e.Backlog(app, "nap") == want && e.Backlog(app, "quick") == engine.Backlog{} && e.Backlog(app, "dear") == engine.Backlog{}
			}
		}
		waitUntil(t, "the backlog to settle", settled(w.e))
		if stored, err := w.store.Backlog(w.ctx, app); err != nil || len(stored) != 1 || stored["nap"] != want {
			t.Errorf("the store counts %v, %v", stored, err)
		}
		w.e.Close()
		if next := newWorld(t, w.store); !settled(next.e)() {
			t.Errorf("after a start %+v are counted", next.e.Backlog(app, "nap"))
		}
	})
}

func TestTwoChangesOfAnAppAtOnceBothStay(t *testing.T) {
	t.Parallel()
	onEveryStore(t, func(t *testing.T, w *world) {
		for round := range 10 {
			zone, name := []string{"Europe/Riga", "Asia/Tokyo"}[round%2], fmt.Sprint("round ", round)
			begin, ended := make(chan struct{}), make(chan error)
			for _, change := range []func(*engine.App) error{
				func(a *engine.App) error { a.TimeZone = zone; return nil },
				func(a *engine.App) error { a.Name = name; return nil },
				func(a *engine.App) error { a.Guests = round%2 == 0; return nil },
			} {
				time.AfterFunc(0, func() {
					<-begin
					_, err := w.e.ChangeApp(w.ctx, app, change)
					ended <- err
				})
			}
			close(begin)
			for range 3 {
				if err := <-ended; err != nil {
					t.Fatal(err)
				}
			}
			got, err := w.e.App(w.ctx, app)
			if err != nil || got.TimeZone != zone || got.Name != name || got.Guests != (round%2 == 0) {
				t.Fatalf("round %d: the app is %+v, %v", round, got, err)
			}
			if listed, _, err := w.e.Apps(w.ctx, "", 10); err != nil || len(listed) != 1 || fmt.Sprint(listed[0]) != fmt.Sprint(got) {
				t.Fatalf("round %d: the list of apps says %+v, %v", round, listed, err)
			}
		}
	})
}
