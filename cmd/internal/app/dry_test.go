package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cuelight/cuelight/engine"
)

const tried = `{"id":"s","structure":"Order","parameters":{"n":"number"},
	"triggers":[{"id":"c","kind":"object","on":["changed"],"fields":["status"],"if":"object.total > 10"}],"steps":[
	{"id":"big","kind":"condition","if":"object.total > 100","then":[{"id":"edit","kind":"edit_object","set":{"status":"ready","count":"{{ object.count + vars.n }}"},"generate_event":true}],"else":[{"id":"never","kind":"push","to":"*","event":"never"}]},
	{"id":"made","kind":"create_object","structure":"Order","set":{"note":"made for {{ object.number }}","total":"1"}},
	{"id":"list","kind":"search_objects","structure":"Order","filter":"note = \"made for 0001\""},
	{"id":"each","kind":"for_each","structure":"Order","filter":"total > 0","do":[{"id":"seen","kind":"edit_object","object_id":"{{ item.id }}","set":{"note":"{{ item.note }}, seen"}}]},
	{"id":"sleep","kind":"delay","for":"3d"},
	{"id":"guard","kind":"try","do":[{"id":"nobody","kind":"push","to":"{{ object.note }}, nobody","event":"e"}],"catch":[{"id":"sorry","kind":"push","to":"{{ object.owner }}","event":"sorry","message":"{{ error.code }}"}]},
	{"id":"out","kind":"probe","say":"{{ object.number }}"},
	{"id":"child","kind":"call_scenario","scenario":"child","wait":true},
	{"id":"last","kind":"push","to":"*","event":"done","message":"{{ object.status }} {{ object.count }} {{ steps.made.number }}"}]}`

func dryLines(d *engine.DryRun) string {
	var lines []string
	for _, l := range d.Lines {
		text := l.Scenario + "." + l.Step + " " + l.Status
		for _, c := range l.Changes {
			text += fmt.Sprintf(" [%s %v]", c.Kind, c.Fields)
		}
		for _, p := range l.Pushes {
			text += fmt.Sprintf(" →%s %s %q", p.To, p.Event, p.Message)
		}
		for _, r := range l.Starts {
			text += " starts " + r.Scenario
		}
		lines = append(lines, text)
	}
	return strings.Join(lines, "\n")
}

func TestADryRunTellsWhatWouldHappenAndNothingHappens(t *testing.T) {
	onEveryStoreWith(t, func(t *testing.T, w *world, p *probe) {
		w.mustPublish(`{"id":"child","structure":"Order","steps":[{"id":"told","kind":"push","to":"anna","event":"child","message":"{{ object.status }}"}]}`,
			`{"id":"other","structure":"Order","triggers":[{"id":"c","kind":"object","on":["changed"],"fields":["status"]}],"steps":[{"id":"hm","kind":"push","to":"*","event":"other"}]}`)
		w.mustWrite(engine.WriteCreate, "Order", "a", `{"total":"200","count":1,"status":"paid","owner":"bert","note":"x"}`)
		w.settle()
		before := w.objects() + w.pushed() + w.trace()
		test := engine.Test{App: app, Scenario: "s", Document: []byte(tried), Object: "a", Vars: fields(t, `{"n":41}`)}
		began := time.Now()
		d, err := w.e.DryRun(w.ctx, test)
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took > time.Minute {
			t.Errorf("three days took %s", took)
		}
		want := `s.big done
s.edit done [changed [count status]] starts other
s.made done [created [note number total]]
s.list done
s.each done
s.seen done [changed [note]]
s.seen done [changed [note]]
s.sleep waiting
s.guard done
s.nobody failed
s.sorry done →bert sorry "PUSH_TO"
s.out done
child.told done →anna child "ready"
s.child done
s.last done →* done "ready 42 "`
		if got := dryLines(d); got != want || d.Status != engine.RunDone || d.Cut {
			t.Errorf("%s (cut %v, error %+v)\n%s\nwant\n%s", d.Status, d.Cut, d.Error, got, want)
		}
		if len(d.Triggers) != 1 || !d.Triggers[0].Matches {
			t.Errorf("the trigger: %+v", d.Triggers)
		}
		w.settle()
		if after := w.objects() + w.pushed() + w.trace(); after != before || len(p.keys) != 0 {
			t.Errorf("something happened: %v\n%s\nbefore\n%s", p.keys, after, before)
		}
		// And a real one does just this.
		test.Until = "sleep"
		id, err := w.e.TestRun(w.ctx, test)
		if err != nil {
			t.Fatal(err)
		}
		if r := w.over(id, engine.RunDone); r.Version != -1 {
			t.Errorf("the real one: %+v", r)
		}
		real := strings.Split(w.log(id), ", ")
		for i, l := range d.Lines[:len(real)-1] {
			if got := l.Step + " " + l.Status; got != real[i] {
				t.Errorf("line %d: %s when dry, %s when real", i, got, real[i])
			}
		}
		if len(real) != 8 || w.object("a")["status"] != "ready" || fmt.Sprint(w.object("a")["count"]) != "42" || w.object("a")["note"] != "x, seen" {
			t.Errorf("%v left %v", real, w.object("a"))
		}
	})
}

func TestATestRunsWhateverTheStateOfItsScenarioIsAndSurvivesARestart(t *testing.T) {
	onEveryStoreWith(t, func(t *testing.T, w *world, p *probe) {
		doc := `{"id":"s","structure":"Order","steps":[{"id":"a","kind":"push","to":"*","event":"a","message":"{{ before.note }}"},{"id":"out","kind":"probe"},{"id":"b","kind":"push","to":"*","event":"b","message":"{{ before.note }}"}]}`
		w.mustWrite(engine.WriteCreate, "Order", "a", `{"note":"x"}`)
		test := engine.Test{App: app, Scenario: "s", Document: []byte(doc), Object: "a"}
		p.fails = 1
		id, err := w.e.TestRun(w.ctx, test) // of a scenario that was never even saved
		if err != nil {
			t.Fatal(err)
		}
		w.over(id, engine.RunFailed)
		w.e.Close()
		w.e = newEngine(t, w.store, p.kind())
		w.retry(id)
		w.over(id, engine.RunDone)
		if got := w.pushed(); !strings.Contains(got, `b "x"`) {
			t.Errorf("pushed %s", got)
		}
		// From a step with what an earlier run had, and until another.
		test.Document = []byte(`{"id":"s","structure":"Order","steps":[{"id":"v","kind":"set_variables","set":{"v":"new"}},{"id":"out","kind":"probe","say":"y"},
			{"id":"b","kind":"push","to":"*","event":"{{ steps.out }}","message":"{{ vars.v }}"},{"id":"c","kind":"push","to":"*","event":"c"}]}`)
		first, err := w.e.TestRun(w.ctx, test)
		if err != nil {
			t.Fatal(err)
		}
		w.over(first, engine.RunDone)
		test.From, test.Until, test.Recorded = "b", "b", first
		d, err := w.e.DryRun(w.ctx, test)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := dryLines(d), `s.b done →* y "new"`; got != want || d.Status != engine.RunDone {
			t.Errorf("%s\n%s\nwant %s", d.Status, got, want)
		}
		for name, wrong := range map[string]engine.Test{
			"UNKNOWN_STEP":     {From: "nothing"},
			"RUN_NOT_FOUND":    {Recorded: "nothing"},
			"OBJECT_NOT_FOUND": {Object: "nothing"},
			"CHANGE_NOT_FOUND": {Object: "a", Change: 999999},
		} {
			wrong.App, wrong.Scenario, wrong.Document = app, "s", test.Document
			_, err := w.e.DryRun(w.ctx, wrong)
			if err == nil || codeOf(err) != name {
				t.Errorf("%s: answered %v", name, err)
			}
		}
	})
}

func codeOf(err error) string {
	if invalid, ok := errors.AsType[*engine.InvalidError](err); ok && len(invalid.Fields) == 1 {
		return invalid.Fields[0].Code
	}
	return engine.ErrorCode(err)
}

func TestOldTestsAreForgottenAndOpenOnesAreNot(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		test := engine.Test{App: app, Scenario: "s", Document: []byte(`{"id":"s","steps":[{"id":"d","kind":"delay","for":"3d"}]}`)}
		if _, err := w.e.TestRun(w.ctx, test); err != nil {
			t.Fatal(err)
		}
		test.Document = []byte(`{"id":"s","steps":[]}`)
		for range 25 {
			id, err := w.e.TestRun(w.ctx, test)
			if err != nil {
				t.Fatal(err)
			}
			w.over(id, engine.RunDone)
		}
		list, err := w.store.Records(w.ctx, app, engine.RecordTest, "s", "", 1000)
		if err != nil {
			t.Fatal(err)
		}
		numbers := map[int64]bool{}
		for _, r := range list {
			var v engine.VersionRecord
			if err := json.Unmarshal(r.Body, &v); err != nil {
				t.Fatal(err)
			}
			numbers[v.Number] = true
		}
		if len(list) > 22 || !numbers[-1] || !numbers[-26] || numbers[-2] {
			t.Errorf("kept %d: %v", len(list), numbers)
		}
	})
}

func TestADryRunSendsNothingAndShowsNoSecret(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		sealed(t, w, newBox(t))
		var asked atomic.Value
		server := echo(t, &asked)
		w.setSecret("crm", canary, server.URL)
		w.mustWrite(engine.WriteCreate, "Order", "a", `{"note":"x"}`)
		test := engine.Test{App: app, Scenario: "s", Object: "a", Document: []byte(`{"id":"s","structure":"Order","steps":[
			{"id":"h","kind":"http_request","method":"POST","url":"` + server.URL + `/{{ object.note }}?key={{ url(secret.crm) }}","headers":{"Authorization":"Bearer {{ secret.crm }}","X-Up":"{{ upper(secret.crm) }}","X-Plain":"{{ object.note }}"},"body":{"key":["{{ secret.crm }}"]}},
			{"id":"plain","kind":"http_request","method":"PUT","url":"` + server.URL + `/y","body":{"note":"{{ object.note }}"}},
			{"id":"p","kind":"push","to":"*","event":"got","message":"{{ steps.h.status }}"}]}`)}
		d, err := w.e.DryRun(w.ctx, test)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := json.Marshal(d.Lines)
		if err != nil || len(d.Lines) != 3 || d.Status != engine.RunDone {
			t.Fatalf("%s %s, %v", d.Status, doc, err)
		}
		if form := holds(strings.ToLower(string(doc))); form != "" || asked.Load() != nil {
			t.Errorf("the secret is shown as %q, the server was asked %v", form, asked.Load())
		}
		if got := string(d.Lines[0].Settings); !strings.Contains(got, `"X-Plain":"x"`) || !strings.Contains(got, `"sent":false`) {
			t.Errorf("what would be sent: %s", got)
		}
		if got := string(d.Lines[1].Settings); !strings.Contains(got, `{\"note\":\"x\"}`) || !strings.Contains(got, server.URL+"/y") {
			t.Errorf("what would be sent: %s", got)
		}
	})
}
