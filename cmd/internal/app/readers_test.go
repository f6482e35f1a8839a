package app

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/cuelight/cuelight/engine"
)

func (w *world) constant(id, value string) error {
	_, _, err := w.e.PutConstant(w.ctx, app, engine.Constant{ID: id, Value: json.RawMessage(value)}, 0)
	return err
}

// The runs failed when they went on: their version named what was gone or of another type by then.
func TestWhatARunThatGoesOnReadsStays(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		sealed(t, w, newBox(t))
		server := newBusy(t)
		w.setSecret("crm", canary, server.URL)
		for _, id := range []string{"greet", "other"} {
			if err := w.constant(id, `"hi"`); err != nil {
				t.Fatal(err)
			}
		}
		const head = `{"id":"x","structure":"Order","order":"one_at_a_time","triggers":[{"id":"c","kind":"object","on":["created","changed"]}],"steps":[`
		w.mustPublish(head + `{"id":"w","kind":"http_request","url":"` + server.URL + `/wait"},{"id":"h","kind":"http_request","url":"` + server.URL + `/key","headers":{"X-Key":"{{ secret.crm }}"}},
			{"id":"p","kind":"push","to":"*","event":"e","message":"{{ upper(const.greet) }}"}]}`)
		runs := w.mustWrite(engine.WriteCreate, "Order", "o", `{}`).Runs
		<-server.came
		runs = append(runs, w.mustWrite(engine.WritePatch, "Order", "o", `{"count":1}`).Runs...) // it queues
		w.mustPublish(head + `]}`)
		for code, err := range map[string]error{
			"CONSTANT_IN_USE": w.e.DeleteConstant(w.ctx, app, "greet", 0), "SECRET_IN_USE": w.e.DeleteSecret(w.ctx, app, "crm", 0),
		} {
			if engine.ErrorCode(err) != code || !errors.Is(err, engine.ErrConflict) || !strings.Contains(err.Error(), "x (version 1)") {
				t.Errorf("want %s: %v", code, err)
			}
		}
		inv, is := errors.AsType[*engine.InvalidError](w.constant("greet", "7"))
		if !is || inv.Fields[0].Path != "value" || inv.Fields[0].Code != "CONSTANT_IN_USE" || !strings.Contains(inv.Error(), "x (version 1)") {
			t.Errorf("the type changes under a run that goes on: %v", inv)
		}
		if err := w.constant("greet", `"hello"`); err != nil {
			t.Errorf("another value of the same type: %v", err)
		}
		if err := w.e.DeleteConstant(w.ctx, app, "other", 0); err != nil {
			t.Errorf("a constant that nobody reads: %v", err)
		}
		server.release()
		for _, id := range runs {
			w.over(id, engine.RunDone)
		}
		if strings.Count(w.pushed(), "HELLO") != 2 {
			t.Errorf("the runs pushed %s", w.pushed())
		}
		if err := errors.Join(w.constant("greet", "7"), w.e.DeleteConstant(w.ctx, app, "greet", 0), w.e.DeleteSecret(w.ctx, app, "crm", 0)); err != nil {
			t.Errorf("after the runs have ended: %v", err)
		}
	})
}

func TestWhatOnlyAStoppedScenarioReadMayGo(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		if err := w.constant("greet", `"hi"`); err != nil {
			t.Fatal(err)
		}
		const head = `{"id":"x","structure":"Order","triggers":[{"id":"c","kind":"object","on":["created"]}],"steps":[`
		w.mustPublish(head + `{"id":"d","kind":"delay","for":"1h"},{"id":"p","kind":"push","to":"*","event":"{{ const.greet }}"}]}`)
		w.mustWrite(engine.WriteCreate, "Order", "o", `{}`)
		w.mustPublish(head + `]}`)
		refusedAs(t, w.e.DeleteConstant(w.ctx, app, "greet", 0), "CONSTANT_IN_USE")
		if _, err := w.e.SetState(w.ctx, app, "x", engine.Stopped); err != nil {
			t.Fatal(err)
		}
		if err := w.e.DeleteConstant(w.ctx, app, "greet", 0); err != nil {
			t.Error(err)
		}
	})
}

// looked is a store in which something happens after the versions of open runs were looked up, once, or where they are as said.
type looked struct {
	engine.Store
	after    func()
	versions []engine.ScenarioVersion
}

func (l *looked) OpenVersions(ctx context.Context, app engine.AppID, limit int) ([]engine.ScenarioVersion, error) {
	if l.versions != nil {
		return l.versions[:min(limit, len(l.versions))], nil
	}
	found, err := l.Store.OpenVersions(ctx, app, limit)
	if after := l.after; after != nil {
		l.after = nil
		after()
	}
	return found, err
}

func TestAPublicationBetweenLookingAndDeletingIsSeen(t *testing.T) {
	for name, open := range stores(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := &looked{Store: open(t)}
			w := newWorld(t, store)
			w.restart(t, engine.Options{})
			if err := w.constant("greet", `"hi"`); err != nil {
				t.Fatal(err)
			}
			const head = `{"id":"x","structure":"Order","triggers":[{"id":"c","kind":"object","on":["created"]}],"steps":[`
			w.mustPublish(head + `{"id":"d","kind":"delay","for":"1h"},{"id":"p","kind":"push","to":"*","event":"{{ const.greet }}"}]}`)
			w.mustWrite(engine.WriteCreate, "Order", "o", `{}`)
			waitUntil(t, "the run to sleep", func() bool { return w.statuses("x")[engine.RunWaiting] == 1 })
			store.after = func() { w.mustPublish(head + `]}`) }
			if err := w.e.DeleteConstant(w.ctx, app, "greet", 0); engine.ErrorCode(err) != "CONSTANT_IN_USE" || !strings.Contains(err.Error(), "x (version 1)") {
				t.Errorf("the constant is deleted: %v", err)
			}
			store.after = func() { w.mustPublish(head + `{"id":"s","kind":"stop"}]}`) }
			if err := w.constant("greet", "7"); engine.ErrorCode(err) != "CONSTANT_IN_USE" {
				t.Errorf("the constant changes its type: %v", err)
			}
			for n := range int64(2000) {
				store.versions = append(store.versions, engine.ScenarioVersion{Scenario: "x", Number: n + 100})
			}
			if err := w.e.DeleteConstant(w.ctx, app, "greet", 0); engine.ErrorCode(err) != "LIMIT" {
				t.Errorf("with 2,000 older versions to look through: %v", err)
			}
		})
	}
}
