package steps

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cuelight/cuelight/engine"
	"github.com/cuelight/cuelight/store/sqlite"
)

var exampleStructures = []string{
	`{"id":"Order","title":"{{ number }}","fields":[{"id":"number","type":"string"},{"id":"status","type":"string","options":["new","paid","ready","shipped"]},
		{"id":"total","type":"decimal"},{"id":"owner","type":"link","structure":"User"},{"id":"note","type":"string"},{"id":"count","type":"number"}]}`,
	`{"id":"Message","fields":[{"id":"to","type":"link","structure":"User"},{"id":"text","type":"string"}]}`,
}

// TestEveryStep holds for every kind: its words are there, its settings refuse what they do not know, and each of its examples does
// in a real engine what it says.
func TestEveryStep(t *testing.T) {
	for _, k := range All() {
		t.Run(k.Kind, func(t *testing.T) {
			t.Parallel()
			if !regexp.MustCompile(`^[a-z][a-z_]*$`).MatchString(k.Kind) {
				t.Errorf("kind %q is not snake_case", k.Kind)
			}
			if k.Group == "" || len(k.Examples) == 0 || !strings.HasSuffix(k.Help, ".") {
				t.Error("group, examples and a help of whole sentences are needed")
			}
			for _, ex := range k.Examples {
				t.Run(ex.Name, func(t *testing.T) {
					t.Parallel()
					got, code := playExample(t, k.Kind, ex)
					if code != ex.WantError {
						t.Errorf("failed with %q, want %q", code, ex.WantError)
					}
					if !slices.Equal(got, ex.Want) {
						t.Errorf("did\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(ex.Want, "\n  "))
					}
				})
			}
			problems := engine.NewChecker(engine.Kinds{Steps: All()}).Check("scenario",
				fmt.Appendf(nil, `{"id":"x","steps":[{"id":"s","kind":%q,"no_such_setting":1}]}`, k.Kind))
			if !slices.ContainsFunc(problems, func(p engine.Problem) bool { return p.Path == "steps[0].no_such_setting" }) {
				t.Errorf("an unknown setting is not refused: %v", problems)
			}
		})
	}
}

// playExample runs an example's step in a scenario of its own and tells what it did, and the code it failed with.
func playExample(t *testing.T, kind string, ex engine.Example) (did []string, code string) {
	store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "x.db"), sqlite.Options{})
	must(t, err)
	t.Cleanup(func() { _ = store.Close() })
	e := engine.New(store, engine.Options{Kinds: engine.Kinds{Steps: All()}, Services: NewNetwork(nil)})
	ctx := t.Context()
	must(t, e.Start(ctx))
	t.Cleanup(e.Close)
	must(t, e.SaveApp(ctx, engine.App{ID: "demo"}))
	for _, s := range exampleStructures {
		_, err := e.SaveStructure(ctx, "demo", []byte(s))
		must(t, err)
	}
	create(t, e, "User", "anna", `{"name":"Anna"}`)
	object := "order"
	if ex.Object == "" {
		ex.Object = `{"number":"1"}`
	}
	create(t, e, "Order", object, ex.Object)
	publish(t, e, "callee", []byte(`{"id":"callee","structure":"Order","parameters":{"greeting":"string","answer":"string"},"steps":[
		{"id":"tell","kind":"push","to":"*","event":"called","message":"{{ vars.greeting }} {{ object.number }}"},{"id":"say","kind":"set_variables","set":{"answer":"yes"}}]}`))
	publish(t, e, "example", exampleScenario(t, kind, ex))
	vars := map[string]json.RawMessage{}
	for name, v := range ex.Vars {
		doc, err := json.Marshal(v)
		must(t, err)
		vars[name] = doc
	}
	id, err := e.Call(ctx, engine.Call{App: "demo", Scenario: "example", Object: object, Vars: vars})
	must(t, err)
	return watch(t, e, store, id)
}

func exampleScenario(t *testing.T, kind string, ex engine.Example) []byte {
	step := map[string]json.RawMessage{}
	must(t, json.Unmarshal([]byte(ex.Settings), &step))
	step["id"], step["kind"] = json.RawMessage(`"example"`), fmt.Appendf(nil, "%q", kind)
	parameters := map[string]string{}
	for name := range ex.Vars {
		parameters[name] = "number"
	}
	placed, err := json.Marshal(step)
	must(t, err)
	if ex.Around != "" {
		placed = []byte(strings.Replace(strings.Replace(ex.Around, `{"kind"`, `{"id": "around", "kind"`, 1), `"EXAMPLE"`, string(placed), 1))
	}
	doc, err := json.Marshal(map[string]any{
		"id": "example", "structure": "Order", "parameters": parameters,
		"steps": []any{json.RawMessage(placed), map[string]any{"id": "after", "kind": "push", "to": "*", "event": "after", "message": ex.After}},
	})
	must(t, err)
	return doc
}

// watch tells what a run did, one line for each effect.
func watch(t *testing.T, e *engine.Engine, store engine.Store, id engine.RunID) (did []string, code string) {
	run := standing(t, e, store, id)
	if run.Status == engine.RunWaiting {
		did = append(did, "wait "+run.DueAt.Sub(run.CreatedAt).Round(time.Second).String())
	}
	if run.Error != nil {
		code = run.Error.Code
	}
	changes, _, err := store.Changes(t.Context(), "demo", engine.ChangeCursor{}, 100)
	must(t, err)
	for _, c := range changes {
		if c.Run == id {
			did = append(did, changeLine(t, c))
		}
	}
	log, err := store.Steps(t.Context(), "demo", id, 0, 100)
	must(t, err)
	after := false
	for _, s := range log {
		after = after || s.Step == "after"
		if s.Kind == "set_variables" {
			did = append(did, variableLines(t, s.Settings)...)
		}
	}
	pushes, err := store.Pushes(t.Context(), "demo", 0, time.Time{}, 100)
	must(t, err)
	for _, p := range pushes {
		message := p.Message
		if !p.JSON {
			message = fmt.Sprintf("%q", p.Message)
		}
		switch {
		case p.Event != "after":
			did = append(did, fmt.Sprintf("push %s %s %s", p.To, p.Event, message))
		case p.Message != "":
			did = append(did, "after "+message)
		}
	}
	if run.Status == engine.RunDone && !after {
		did = append(did, "stop")
	}
	return did, code
}

// standing is the run once it has ended or sleeps.
func standing(t *testing.T, e *engine.Engine, store engine.Store, id engine.RunID) *engine.Run {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for {
		wait, stop := context.WithTimeout(ctx, 20*time.Millisecond)
		ended, err := e.Await(wait, "demo", []engine.RunID{id})
		stop()
		if len(ended) == 1 {
			return ended[0]
		}
		if err != nil && !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		run, err := store.Run(ctx, "demo", id)
		must(t, err)
		if run.Status == engine.RunWaiting {
			return run
		}
	}
}

func changeLine(t *testing.T, c *engine.Change) string {
	if c.Kind == engine.Deleted {
		line := "delete " + c.Structure
		if c.Object != "order" {
			line += " " + c.Object
		}
		if c.Silent {
			line += " silent"
		}
		return line
	}
	var after map[string]any
	must(t, json.Unmarshal(c.After, &after))
	line := "edit " + c.Structure
	shown := map[string]any{}
	for _, f := range c.Fields {
		if v, ok := after[f]; ok {
			shown[f] = v
		}
	}
	if c.Kind == engine.Created {
		line = "create " + c.Structure
		if len(c.Object) != 36 {
			line += " " + c.Object
		}
	}
	doc, err := json.Marshal(shown)
	must(t, err)
	line += " " + string(doc)
	if c.Silent {
		line += " silent"
	}
	return line
}

func variableLines(t *testing.T, settings json.RawMessage) []string {
	var s struct{ Set map[string]json.RawMessage }
	must(t, json.Unmarshal(settings, &s))
	var lines []string
	for name, v := range s.Set {
		lines = append(lines, fmt.Sprintf("set %s %s", name, bytes.TrimSpace(v)))
	}
	slices.Sort(lines)
	return lines
}

func create(t *testing.T, e *engine.Engine, structure, id, doc string) {
	var fields map[string]json.RawMessage
	must(t, json.Unmarshal([]byte(doc), &fields))
	_, err := e.Write(t.Context(), engine.Write{App: "demo", Kind: engine.WriteCreate, Structure: structure, ID: id, Fields: fields})
	must(t, err)
}

func publish(t *testing.T, e *engine.Engine, id string, doc []byte) {
	_, _, err := e.SaveDraft(t.Context(), "demo", id, doc, 0)
	must(t, err)
	_, err = e.Publish(t.Context(), "demo", id, "test", true)
	must(t, err)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
