package app

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cuelight/cuelight/engine"
)

// ran tells by which triggers the runs of a scenario that were carried out were started, in their order.
func (w *world) ran(scenario string) string {
	w.t.Helper()
	runs, err := w.store.Runs(w.ctx, engine.RunQuery{App: app, Scenario: scenario, Limit: 100})
	if err != nil {
		w.t.Fatal(err)
	}
	var out []string
	for _, r := range runs {
		switch r.Status {
		case engine.RunDone:
			out = append([]string{r.Trigger}, out...)
		case engine.RunNotMatched:
		default:
			w.t.Errorf("a run is %s: %+v", r.Status, r.Error)
		}
	}
	return strings.Join(out, " ")
}

func TestATriggerIsNotHiddenByAnotherOfItsScenario(t *testing.T) {
	t.Parallel()
	const (
		once   = `{"id":"%s","kind":"object","on":["created","changed"],"once_per_object":true}`
		plain  = `{"id":"%s","kind":"object","on":["created","changed"],"if":"object.count > 0"}`
		dearA  = `{"id":"%s","kind":"object","on":["created","changed"],"if":"object.note matches \"^a+$\""}`
		dearB  = `{"id":"%s","kind":"object","on":["created","changed"],"if":"object.note matches \"^b+$\""}`
		onceAB = `{"id":"%s","kind":"object","on":["created","changed"],"if":"object.note matches \"^[ab]+$\"","once_per_object":true}`
	)
	for name, c := range map[string]struct {
		triggers []string
		writes   []string
		want     string
	}{
		"one that has had its run of the object":              {[]string{once, plain}, []string{`{"count":0}`, `{"count":1}`}, "t0 t1"},
		"one whose condition proves false later":              {[]string{dearA, plain}, []string{`{"count":1,"note":"b"}`}, "t1"},
		"one that is judged later, though both fit":           {[]string{dearA, plain}, []string{`{"count":1,"note":"a"}`}, "t1"},
		"one that is judged later as well and proves false":   {[]string{dearA, dearB}, []string{`{"note":"b"}`, `{"note":"a"}`, `{"note":"c"}`}, "t1 t0"},
		"one that is judged later and has had its run":        {[]string{onceAB, dearB}, []string{`{"note":"a"}`, `{"note":"b"}`}, "t0 t1"},
		"one that watches something else and is judged later": {[]string{strings.Replace(dearA, `"if"`, `"fields":["count"],"if"`, 1), dearB}, []string{`{"note":"a"}`, `{"note":"b"}`, `{"note":"a"}`, `{"count":2}`}, "t0 t1 t0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onEveryStore(t, func(t *testing.T, w *world) {
				var triggers []string
				for i, doc := range c.triggers {
					triggers = append(triggers, fmt.Sprintf(doc, fmt.Sprint("t", i)))
				}
				w.mustPublish(`{"id":"s","structure":"Order","triggers":[` + strings.Join(triggers, ",") + `],"steps":[{"id":"p","kind":"push","to":"*","event":"e"}]}`)
				for i, doc := range c.writes {
					kind := engine.WritePatch
					if i == 0 {
						kind = engine.WriteCreate
					}
					w.mustWrite(kind, "Order", "1", doc)
					w.settle()
				}
				if got := w.ran("s"); got != c.want {
					t.Errorf("runs were started by %q, want %q", got, c.want)
				}
			})
		})
	}
}

func TestAConditionOnAFieldOfAnyJSONFindsItsTrigger(t *testing.T) {
	t.Parallel()
	onEveryStore(t, func(t *testing.T, w *world) {
		if _, err := w.e.SaveStructure(w.ctx, app, []byte(`{"id":"Event","fields":[{"id":"extra","type":"json"}]}`)); err != nil {
			t.Fatal(err)
		}
		w.mustPublish(`{"id":"s","structure":"Event","triggers":[{"id":"text","kind":"object","on":["created"],"if":"object.extra == \"x\""},
			{"id":"number","kind":"object","on":["created"],"if":"object.extra == 1"}],"steps":[{"id":"p","kind":"push","to":"*","event":"e"}]}`)
		for _, doc := range []string{`{"extra":"x"}`, `{"extra":1}`, `{"extra":["x"]}`, `{"extra":{"x":1}}`, `{}`} {
			w.mustWrite(engine.WriteCreate, "Event", "", doc)
			w.settle()
		}
		if got := w.ran("s"); got != "text number" {
			t.Errorf("runs were started by %q", got)
		}
	})
}
