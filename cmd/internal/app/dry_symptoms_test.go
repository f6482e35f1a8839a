package app

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/cuelight/cuelight/engine"
)

func (w *world) dry(t engine.Test) *engine.DryRun {
	w.t.Helper()
	t.App = app
	d, err := w.e.DryRun(w.ctx, t)
	if err != nil {
		w.t.Fatal(err)
	}
	return d
}

func (w *world) tested(t engine.Test) engine.RunID {
	w.t.Helper()
	t.App = app
	id, err := w.e.TestRun(w.ctx, t)
	if err != nil {
		w.t.Fatal(err)
	}
	return id
}

func TestATestEndsAfterItsStepWhateverBecomesOfThat(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		beyond := `,{"id":"beyond","kind":"push","to":"*","event":"beyond"}]}`
		for name, c := range map[string]struct{ steps, until, want string }{
			"fails and goes on":   {`{"id":"u","kind":"fail","message":"no","on_error":{"then":"continue"}}`, "u", "u failed"},
			"branch not taken":    {`{"id":"c","kind":"condition","if":"false","then":[{"id":"u","kind":"log","message":"x"}]}`, "u", "c done"},
			"holds steps":         {`{"id":"c","kind":"condition","if":"true","then":[{"id":"in","kind":"log","message":"x"}]}`, "c", "c done, in done"},
			"a loop":              {`{"id":"l","kind":"for_each","items":"[1,2]","do":[{"id":"in","kind":"log","message":"x"}]}`, "l", "l done, in done, in done"},
			"one step of several": {`{"id":"a","kind":"log","message":"x"},{"id":"u","kind":"log","message":"x"}`, "u", "a done, u done"},
		} {
			test := engine.Test{Scenario: "s", Document: []byte(`{"id":"s","steps":[` + c.steps + beyond), Until: c.until}
			id := w.tested(test)
			w.over(id, engine.RunDone)
			var lines []string
			for _, l := range w.dry(test).Lines {
				lines = append(lines, l.Step+" "+l.Status)
			}
			if got := w.log(id); got != c.want || strings.Join(lines, ", ") != c.want {
				t.Errorf("%s: walked %s, dry %v, want %s", name, got, lines, c.want)
			}
		}
	})
}

func TestATestFromAStepSeesWhatAContainerBeforeItYielded(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		doc := []byte(`{"id":"s","parameters":{"p":"string"},"steps":[{"id":"c","kind":"condition","if":"true","then":[{"id":"made","kind":"create_object","structure":"Order","set":{"note":"x"}}],"else":[{"id":"other","kind":"log","message":"{{ vars.p }}"}]},
			{"id":"p","kind":"log","message":"{{ steps.made }} {{ vars.p }}"},{"id":"q","kind":"log","message":"{{ steps.made }}"}]}`)
		first := w.tested(engine.Test{Scenario: "s", Document: doc, Vars: fields(t, `{"p":"then"}`)})
		w.over(first, engine.RunDone)
		for from, want := range map[string]bool{"p": true, "q": true, "other": false} {
			d := w.dry(engine.Test{Scenario: "s", Document: doc, From: from, Recorded: first, Vars: fields(t, `{"p":"now"}`)})
			text := string(d.Lines[0].Settings)
			if made := strings.Contains(text, "-"); made != want || from != "q" && !strings.Contains(text, "now") {
				t.Errorf("from %s: %s", from, text)
			}
		}
	})
}

func TestADryRunKeepsToItsBounds(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		list := `split(\"` + strings.Repeat("1,", 499) + `1\", \",\")`
		big := strings.Repeat("x", 60_000)
		d := w.dry(engine.Test{Scenario: "s", Document: []byte(`{"id":"s","steps":[{"id":"l","kind":"for_each","items":"` + list + `","do":[{"id":"p","kind":"push","to":"{{ [\"anna\",\"bert\"] }}","event":"e","message":"` + big + `"}]}]}`)})
		size := 0
		for _, l := range d.Lines {
			for _, p := range l.Pushes {
				size += len(p.Message)
			}
		}
		if !d.Cut || size > 5<<20 || size < 1<<20 {
			t.Errorf("cut %v after %d bytes of messages", d.Cut, size)
		}
	})
}

func TestADryRunFindsWhatItHasJustEdited(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		w.mustWrite(engine.WriteCreate, "Order", "a", `{"status":"new"}`)
		w.mustWrite(engine.WriteCreate, "Order", "b", `{"status":"ready"}`)
		w.mustWrite(engine.WriteCreate, "Order", "c", `{"status":"ready"}`)
		d := w.dry(engine.Test{Scenario: "s", Object: "a", Document: []byte(`{"id":"s","structure":"Order","steps":[{"id":"e","kind":"edit_object","set":{"status":"ready"}},
			{"id":"gone","kind":"delete_object","structure":"Order","object_id":"b"},
			{"id":"f","kind":"search_objects","structure":"Order","filter":"status = \"ready\"","result":"values","field":"id"}]}`)})
		if got := string(d.Lines[len(d.Lines)-1].Output); got != `["a","c"]` {
			t.Errorf("found %s (%+v)", got, d.Error)
		}
	})
}

func TestADryRunOfACallToAPausedScenarioSaysThatItWouldWait(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		w.mustPublish(`{"id":"child","steps":[]}`)
		if _, err := w.e.SetState(w.ctx, app, "child", engine.Paused); err != nil {
			t.Fatal(err)
		}
		d := w.dry(engine.Test{Scenario: "s", Document: []byte(`{"id":"s","steps":[{"id":"l","kind":"log","message":"x"},{"id":"c","kind":"call_scenario","scenario":"child","wait":true}]}`)})
		if d.Status != engine.RunCalling || len(d.Lines) != 1 {
			t.Errorf("%s after %d lines", d.Status, len(d.Lines))
		}
	})
}

func TestADryRunOfARealChangeAsksAllThatTheTriggersAsk(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		made := w.mustWrite(engine.WriteCreate, "Order", "a", `{"status":"new"}`)
		doc := []byte(`{"id":"s","structure":"Order","triggers":[{"id":"d","kind":"object","on":["deleted"]},{"id":"f","kind":"object","on":["changed"],"fields":["status"]},{"id":"n","kind":"object","on":["created"]}],"steps":[]}`)
		var matched []string
		for _, g := range w.dry(engine.Test{Scenario: "s", Object: "a", Document: doc, Change: made.Change}).Triggers {
			if g.Matches {
				matched = append(matched, g.Trigger)
			}
		}
		if !slices.Equal(matched, []string{"n"}) {
			t.Errorf("matched %v", matched)
		}
		_, err := w.e.DryRun(w.ctx, engine.Test{App: app, Scenario: "s", Document: doc, Change: made.Change})
		if codeOf(err) != "CHANGE_NOT_FOUND" {
			t.Errorf("a change without its object: %v", err)
		}
	})
}

func TestTestsLiveThroughAStopAndAreBounded(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		w.mustPublish(`{"id":"s","steps":[]}`)
		test := engine.Test{App: app, Scenario: "s", Document: []byte(`{"id":"s","steps":[{"id":"d","kind":"delay","for":"3d"},{"id":"p","kind":"log","message":"{{ const.k }}"}]}`)}
		if _, err := w.e.TestRun(w.ctx, test); err == nil {
			t.Fatal("a draft that names an unknown constant was started")
		}
		if err := w.constant("k", `"v"`); err != nil {
			t.Fatal(err)
		}
		var last engine.RunID
		for range 20 {
			last = w.tested(test)
		}
		if _, err := w.e.TestRun(w.ctx, test); err == nil || engine.ErrorCode(err) != "LIMIT" {
			t.Errorf("one test more: %v", err)
		}
		if _, err := w.e.SetState(w.ctx, app, "s", engine.Stopped); err != nil {
			t.Fatal(err)
		}
		if err := w.e.DeleteConstant(w.ctx, app, "k", 0); err == nil {
			t.Error("the constant that open tests read was deleted")
		}
		if r, err := w.store.Run(w.ctx, app, last); err != nil || !r.Status.Open() {
			t.Errorf("after the stop: %+v, %v", r, err)
		}
		if _, err := w.e.Cancel(w.ctx, app, last); err != nil {
			t.Errorf("cancelled: %v", err)
		}
	})
}

func TestARealTestAskedTwiceWithOneKeyRunsOnce(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		once := &engine.Once{Scope: "ada POST /t", Key: "k", Body: "x"}
		test := engine.Test{Scenario: "s", Document: []byte(`{"id":"s","steps":[{"id":"p","kind":"push","to":"*","event":"once"}]}`), Once: once}
		one, two := w.tested(test), w.tested(test)
		w.over(one, engine.RunDone)
		if one != two || strings.Count(w.pushed(), "once") != 1 {
			t.Errorf("%s and %s: %s", one, two, w.pushed())
		}
	})
}

func TestTheLogOfAConditionShowsNoPartOfALongText(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		w.mustWrite(engine.WriteCreate, "Order", "a", fmt.Sprintf(`{"note":%q,"status":"new"}`, strings.Repeat("x", 190)+canary))
		d := w.dry(engine.Test{Scenario: "s", Object: "a", Document: []byte(`{"id":"s","structure":"Order","steps":[{"id":"c","kind":"condition","if":"object.note != object.status"}]}`)})
		if got := string(d.Lines[0].Settings); strings.Contains(got, "xx") || !strings.Contains(got, `"object.status":"new"`) {
			t.Errorf("the log shows %s", got)
		}
	})
}
