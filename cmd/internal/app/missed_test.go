package app

import (
	"fmt"
	"testing"

	"github.com/cuelight/cuelight/engine"
)

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
