package app

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cuelight/cuelight/engine"
)

// probe is a step with an effect outside: it notes its idempotency keys, and does what the test says of each try.
type probe struct {
	mu    sync.Mutex
	keys  []string
	fails int // tries that are to fail
	// held, when set, is waited for by each try, which first says so in at.
	held chan struct{}
	at   chan string
}

type probeStep struct {
	Name *engine.Template `json:"say,omitzero" type:"string" title:"Say" doc:"What is told."`
}

func (p *probe) kind() engine.StepKind {
	return engine.StepSpec[probeStep]{
		Kind: "probe", Title: "Probe", Group: "logic", Help: "A test's own.", Effect: true,
		Outside: func(ctx context.Context, o *engine.Outside, c *probeStep) (any, error) {
			name, err := c.Name.Text(o.Scope)
			if err != nil {
				return nil, err
			}
			p.mu.Lock()
			p.keys = append(p.keys, o.Key())
			fails := p.fails > 0
			p.fails--
			held := p.held
			p.mu.Unlock()
			if held != nil {
				p.at <- name
				select {
				case <-held:
				case <-ctx.Done():
					return nil, ctx.Err()
				}
			}
			if fails {
				return nil, engine.StepError("PROBE", "it fails")
			}
			return name, nil
		},
		Describe: func(_ context.Context, o *engine.Outside, c *probeStep) (any, error) { return c.Name.Text(o.Scope) },
		Run: func(s *engine.Scope, _ *probeStep) (engine.Outcome, error) {
			return engine.Outcome{Output: s.Fetched()}, nil
		},
	}.Build()
}

// onEveryStoreWith is onEveryStore with a probe in the catalogue.
func onEveryStoreWith(t *testing.T, test func(t *testing.T, w *world, p *probe)) {
	t.Parallel()
	for name, open := range stores(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := &probe{at: make(chan string, 10)}
			test(t, newWorld(t, open(t), p.kind()), p)
		})
	}
}

func (w *world) call(c engine.Call) engine.RunID {
	w.t.Helper()
	c.App = app
	id, err := w.e.Call(w.ctx, c)
	if err != nil {
		w.t.Fatal(err)
	}
	return id
}

// over waits for a run and checks how it ended.
func (w *world) over(id engine.RunID, want engine.RunStatus) *engine.Run {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.ctx, 20*time.Second)
	defer cancel()
	runs, err := w.e.Await(ctx, app, []engine.RunID{id})
	if err != nil || len(runs) != 1 || runs[0].Status != want {
		w.t.Fatalf("run %s: %+v, %v; want %s", id, runs, err, want)
	}
	run, err := w.store.Run(w.ctx, app, id)
	if err != nil {
		w.t.Fatal(err)
	}
	return run
}

func (w *world) retry(id engine.RunID) {
	w.t.Helper()
	if got, err := w.e.Retry(w.ctx, engine.Rerun{App: app, Run: id}); err != nil || got != id {
		w.t.Fatalf("retried %s: %v", got, err)
	}
}

// refusedAs checks the code and the kind of an error.
func refusedAs(t *testing.T, err error, code string) {
	t.Helper()
	if err == nil || engine.ErrorCode(err) != code {
		t.Errorf("answered %v, want %s", err, code)
	}
}

// log are the lines of a run's log, as step and status.
func (w *world) log(id engine.RunID) string {
	w.t.Helper()
	list, err := w.store.Steps(w.ctx, app, id, 0, 1000)
	if err != nil {
		w.t.Fatal(err)
	}
	var lines []string
	for i, s := range list {
		if s.Seq != int64(i)+1 {
			w.t.Errorf("line %d has the number %d", i+1, s.Seq)
		}
		lines = append(lines, s.Step+" "+s.Status)
	}
	return strings.Join(lines, ", ")
}

func TestAFailedRunGoesOnFromTheStepThatFailed(t *testing.T) {
	onEveryStoreWith(t, func(t *testing.T, w *world, p *probe) {
		w.mustPublish(`{"id":"s","parameters":{"who":"string"},"steps":[{"id":"first","kind":"push","to":"{{ vars.who }}","event":"first"},
			{"id":"out","kind":"probe"},{"id":"last","kind":"push","to":"*","event":"last"}]}`)
		p.fails = 2
		id := w.call(engine.Call{Scenario: "s", Vars: fields(t, `{"who":"anna"}`)})
		failed := w.over(id, engine.RunFailed)
		w.mustPublish(`{"id":"s","steps":[]}`)
		w.retry(id)
		w.over(id, engine.RunFailed)
		w.retry(id)
		done := w.over(id, engine.RunDone)
		if done.Error != nil || done.Version != 1 || done.Epoch < failed.Epoch+2 || done.ForgetAt.IsZero() || done.ForgetAt.Equal(failed.ForgetAt) {
			t.Errorf("it was %+v and is %+v", failed, done)
		}
		if len(p.keys) != 3 || p.keys[0] != p.keys[1] || p.keys[1] != p.keys[2] || p.keys[0] != string(id)+".2" {
			t.Errorf("the effect had the keys %v", p.keys)
		}
		if got := w.log(id); got != "first done, out failed, out failed, out done, last done" {
			t.Errorf("log: %s", got)
		}
		if got := w.pushed(); got != "anna first \"\"\n* last \"\"\n" {
			t.Errorf("pushed %s", got)
		}
		if n := w.e.Backlog(app, "s"); n != (engine.Backlog{}) {
			t.Errorf("backlog is %+v", n)
		}
		_, err := w.e.Retry(w.ctx, engine.Rerun{App: app, Run: id})
		refusedAs(t, err, "NOT_FAILED")
	})
}

func TestARetriedRunLeavesItsCatchAlone(t *testing.T) {
	onEveryStoreWith(t, func(t *testing.T, w *world, p *probe) {
		// The list is in the state at the place of the failure: its decimals and dates have to come back as what they are.
		w.mustPublish(`{"id":"s","structure":"Order","steps":[{"id":"each","kind":"for_each","items":"[object.total, object.total * 2]","do":[
			{"id":"out","kind":"probe","say":"{{ string(item + 1) }}"},{"id":"tell","kind":"push","to":"*","event":"{{ steps.out }}"}]}],
			"catch":[{"id":"sorry","kind":"push","to":"*","event":"sorry","message":"{{ error.step }}"}]}`)
		w.mustWrite(engine.WriteCreate, "Order", "1", `{"total":"1.50"}`)
		p.fails = 1
		id := w.call(engine.Call{Scenario: "s", Object: "1"})
		failed := w.over(id, engine.RunFailed)
		if failed.Error.Step != "out" {
			t.Fatalf("failed with %+v", failed.Error)
		}
		w.retry(id)
		w.over(id, engine.RunDone)
		if got := w.pushed(); got != "* sorry \"out\"\n* 2.50 \"\"\n* 4.00 \"\"\n" {
			t.Errorf("pushed %s", got)
		}
		if len(p.keys) != 3 || p.keys[0] != p.keys[1] || p.keys[1] == p.keys[2] {
			t.Errorf("the effects had the keys %v", p.keys)
		}
		// Its catch is there for the next failure.
		p.fails = 1
		again := w.call(engine.Call{Scenario: "s", Object: "1"})
		w.over(again, engine.RunFailed)
		p.fails = 1
		w.retry(again)
		w.over(again, engine.RunFailed)
		if got := strings.Count(w.pushed(), "sorry"); got != 3 {
			t.Errorf("the catch ran %d times", got)
		}
	})
}

func TestARetriedRunTakesItsTurnInItsLane(t *testing.T) {
	onEveryStoreWith(t, func(t *testing.T, w *world, p *probe) {
		w.mustPublish(`{"id":"s","structure":"Order","parameters":{"n":"string"},"steps":[{"id":"out","kind":"probe","say":"{{ vars.n }}"}]}`)
		w.mustWrite(engine.WriteCreate, "Order", "1", `{}`)
		call := func(n string) engine.RunID {
			return w.call(engine.Call{Scenario: "s", Object: "1", Vars: fields(t, fmt.Sprintf(`{"n":%q}`, n))})
		}
		p.fails = 1
		first := call("first")
		w.over(first, engine.RunFailed)
		p.mu.Lock()
		p.held = make(chan struct{})
		p.mu.Unlock()
		second, third := call("second"), call("third")
		order := []string{<-p.at}
		w.retry(first)
		run, err := w.store.Run(w.ctx, app, first)
		if err != nil || run.Status != engine.RunQueued || run.Holds || !run.FinishedAt.IsZero() || !run.ForgetAt.IsZero() || run.Error != nil {
			t.Fatalf("the retried run is %+v, %v", run, err)
		}
		close(p.held)
		order = append(order, <-p.at, <-p.at)
		for _, id := range []engine.RunID{first, second, third} {
			w.over(id, engine.RunDone)
		}
		if !slices.Equal(order, []string{"second", "first", "third"}) {
			t.Errorf("they went %v", order)
		}
	})
}

func TestWhatKeepsARunFromGoingOn(t *testing.T) {
	onEveryStoreWith(t, func(t *testing.T, w *world, p *probe) {
		retry := func(id engine.RunID) error {
			_, err := w.e.Retry(w.ctx, engine.Rerun{App: app, Run: id})
			return err
		}
		w.mustPublish(`{"id":"s","steps":[{"id":"out","kind":"probe"}]}`, `{"id":"lane","structure":"Order","lane":"string(object.count + 1)","steps":[]}`)
		w.mustWrite(engine.WriteCreate, "Order", "1", `{}`)
		p.fails = 1
		id := w.call(engine.Call{Scenario: "s"})
		w.over(id, engine.RunFailed)
		refusedAs(t, retry("none"), "RUN_NOT_FOUND")
		never := w.call(engine.Call{Scenario: "lane", Object: "1"})
		w.over(never, engine.RunFailed)
		refusedAs(t, retry(never), "NEVER_BEGAN")
		if _, err := w.e.SetState(w.ctx, app, "s", engine.Stopped); err != nil {
			t.Fatal(err)
		}
		refusedAs(t, retry(id), "NOT_RUNNING")
		w.mustPublish(`{"id":"s","steps":[]}`)
		_, err := w.e.Update(w.ctx, app, engine.RecordVersion, "s/00000001", false, func(old *engine.Record, _ time.Time) (*engine.Record, error) {
			gone := *old
			gone.Deleted = true
			return &gone, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		refusedAs(t, retry(id), "VERSION_GONE")
		once := engine.Rerun{App: app, Run: id, Once: &engine.Once{Scope: "x", Key: "k", Body: "b"}}
		again, err := w.e.Again(w.ctx, once)
		if err != nil || again == id {
			t.Fatalf("%s, %v", again, err)
		}
		w.over(again, engine.RunDone)
		if same, err := w.e.Again(w.ctx, once); err != nil || same != again {
			t.Errorf("repeated: %s, %v", same, err)
		}
	})
}

func TestARunBeginsAgain(t *testing.T) {
	onEveryStoreWith(t, func(t *testing.T, w *world, _ *probe) {
		const tell = `{"id":"tell","kind":"push","to":"*","event":"%s","message":"{{ before.status }} {{ event.object.status }} {{ object.status }}"}`
		doc := `{"id":"seen","structure":"Order","triggers":[{"id":"c","kind":"object","on":["changed"],"fields":["status"]}],"steps":[` + tell + `]}`
		w.mustPublish(fmt.Sprintf(doc, "one"),
			`{"id":"called","parameters":{"n":"decimal","at":"date"},"steps":[{"id":"x","kind":"set_variables","set":{"n":"{{ vars.n + 1 }}"}},
			{"id":"tell","kind":"push","to":"*","event":"called","message":"{{ vars.n }} {{ vars.at.year }}"}]}`)
		w.mustWrite(engine.WriteCreate, "Order", "1", `{"status":"new"}`)
		old := w.mustWrite(engine.WritePatch, "Order", "1", `{"status":"paid"}`).Runs[0]
		called := w.call(engine.Call{Scenario: "called", Vars: fields(t, `{"n":"1.50","at":"2026-11-23"}`)})
		w.settle()
		w.mustPublish(fmt.Sprintf(doc, "two"))
		w.mustWrite(engine.WritePatch, "Order", "1", `{"note":"x"}`)
		again := func(id engine.RunID) (engine.RunID, error) {
			return w.e.Again(w.ctx, engine.Rerun{App: app, Run: id})
		}
		id, err := again(old)
		if err != nil {
			t.Fatal(err)
		}
		first, run := w.over(old, engine.RunDone), w.over(id, engine.RunDone)
		if run.Trigger != "c" || run.Object != "1" || run.Change != first.Change || run.Version != 2 || run.Chain != string(id) || run.Depth != 1 || run.Lane != first.Lane {
			t.Errorf("it was %+v and is %+v", first, run)
		}
		if id, err = again(called); err != nil {
			t.Fatal(err)
		}
		w.over(id, engine.RunDone)
		if got := w.pushed(); got != "* one \"new paid paid\"\n* called \"2.50 2026\"\n* two \"new paid paid\"\n* called \"2.50 2026\"\n" &&
			got != "* called \"2.50 2026\"\n* one \"new paid paid\"\n* two \"new paid paid\"\n* called \"2.50 2026\"\n" {
			t.Errorf("pushed %s", got)
		}
		w.mustPublish(`{"id":"called","parameters":{"n":"boolean"},"steps":[]}`)
		_, err = again(called)
		refusedAs(t, err, "UNKNOWN_PARAMETER")
		w.mustPublish(`{"id":"called","structure":"Order","parameters":{"n":"decimal","at":"date"},"steps":[]}`, `{"id":"seen","structure":"Message","steps":[]}`)
		_, err = again(old)
		refusedAs(t, err, "STRUCTURE_CHANGED")
		if _, err = again(called); err != nil {
			t.Error(err)
		}
		if n, err := w.store.Prune(w.ctx, engine.Retention{Changes: time.Now().Add(48 * time.Hour), MaxRows: 100}); err != nil || n == 0 {
			t.Fatalf("%d rows were forgotten: %v", n, err)
		}
		_, err = again(old)
		refusedAs(t, err, "CAUSE_GONE")
		_, err = again("none")
		refusedAs(t, err, "RUN_NOT_FOUND")
		if _, err := w.e.SetState(w.ctx, app, "called", engine.Stopped); err != nil {
			t.Fatal(err)
		}
		_, err = again(called)
		refusedAs(t, err, "NOT_RUNNING")
	})
}

func TestACandidateThatWasNotMatchedIsJudgedAgain(t *testing.T) {
	onEveryStoreWith(t, func(t *testing.T, w *world, _ *probe) {
		doc := `{"id":"s","structure":"Order","triggers":[{"id":"c","kind":"object","on":["created"],"if":"object.note matches '%s'"}],"steps":[]}`
		w.mustPublish(fmt.Sprintf(doc, "^a"))
		old := w.mustWrite(engine.WriteCreate, "Order", "1", `{"note":"b"}`).Runs[0]
		w.over(old, engine.RunNotMatched)
		for pattern, want := range map[string]engine.RunStatus{"^c": engine.RunNotMatched, "^b": engine.RunDone} {
			w.mustPublish(fmt.Sprintf(doc, pattern))
			id, err := w.e.Again(w.ctx, engine.Rerun{App: app, Run: old})
			if err != nil {
				t.Fatal(err)
			}
			w.over(id, want)
		}
	})
}
