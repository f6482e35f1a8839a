package app

import (
	"fmt"
	"testing"

	"github.com/cuelight/cuelight/engine"
)

func TestAnExplanationJudgesAsTheWriteDid(t *testing.T) {
	onEveryStoreWith(t, func(t *testing.T, w *world, _ *probe) {
		for i, condition := range []string{
			"object.total > before.total", "object.total < before.total", "object.count + 1 > 1", "object.note matches '^a'", "object.note matches '^b'",
			"user.role == 'clerk'", "user == null", "object.created_at < object.changed_at", "len(changed) == 1", "before.created_by == 'test'",
		} {
			w.mustPublish(fmt.Sprintf(`{"id":"s%d","structure":"Order","triggers":[{"id":"t","kind":"object","on":["created","changed"],"if":%q,"once_per_object":true}],"steps":[]}`, i, condition))
		}
		w.mustWrite(engine.WriteCreate, "Order", "1", `{"total":"1.50","note":"abc"}`)
		w.settle()
		if _, err := w.e.Write(w.ctx, engine.Write{App: app, Kind: engine.WritePatch, Structure: "Order", ID: "1", Fields: fields(t, `{"total":"9.25"}`), Who: "anna", User: "anna"}); err != nil {
			t.Fatal(err)
		}
		w.mustWrite(engine.WritePatch, "Order", "1", `{"total":"3.25"}`)
		w.settle()
		feed, _, err := w.store.Changes(w.ctx, app, engine.ChangeCursor{}, 100)
		if err != nil {
			t.Fatal(err)
		}
		for _, ch := range feed {
			x, err := w.e.Explain(w.ctx, app, ch.Seq)
			if err != nil {
				t.Fatal(err)
			}
			started := map[string]bool{}
			for _, r := range x.Runs {
				started[r.Scenario] = r.Status != engine.RunNotMatched
			}
			for _, s := range x.Scenarios {
				if c := s.Triggers[0]; c.Matches != started[s.Scenario] {
					t.Errorf("change %d of %s: %s: %+v %+v, started %v", ch.Seq, ch.Structure, s.Scenario, c, c.Condition, started[s.Scenario])
				}
			}
			if want := 10; ch.Structure == "Order" && len(x.Scenarios) != want || ch.Structure != "Order" && len(x.Scenarios) != 0 {
				t.Errorf("change of %s: %d scenarios", ch.Structure, len(x.Scenarios))
			}
		}
	})
}

func TestAnExplanationKnowsTheUserOfAChangeThatStartedNothing(t *testing.T) {
	t.Parallel()
	onEveryStore(t, func(t *testing.T, w *world) {
		out, err := w.write(engine.Write{Kind: engine.WriteCreate, Structure: "Order", ID: "1", User: "anna"})
		if err != nil {
			t.Fatal(err)
		}
		w.mustPublish(`{"id":"x","structure":"Order","triggers":[{"id":"t","kind":"object","on":["created"],"if":"user.role == 'clerk'"}],"steps":[]}`)
		x, err := w.e.Explain(w.ctx, app, out.Change)
		if err != nil || len(x.Scenarios) != 1 || !x.Scenarios[0].Triggers[0].Matches {
			t.Errorf("the change is explained by %+v, %v", x, err)
		}
	})
}
