package files

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/cuelight/cuelight/cmd/internal/app"
	"github.com/cuelight/cuelight/engine"
	"github.com/cuelight/cuelight/steps"
	"github.com/cuelight/cuelight/triggers"
)

var allKinds = engine.Kinds{Steps: steps.All(), Triggers: triggers.All()}

// local is a server of this process.
type local struct{ handler http.Handler }

type refusal struct {
	status int
	Detail string
	Fields []engine.FieldError
}

func (r *refusal) Error() string              { return r.Detail }
func (r *refusal) Code() int                  { return r.status }
func (r *refusal) Wrong() []engine.FieldError { return r.Fields }

func (l local) Do(ctx context.Context, method, path, ifMatch string, body, out any) (string, error) {
	doc, err := marshal(body)
	if err != nil {
		return "", err
	}
	req := httptest.NewRequestWithContext(ctx, method, path, bytes.NewReader(doc))
	if body == nil {
		req = httptest.NewRequestWithContext(ctx, method, path, nil)
	} else {
		req.Header.Set("Content-Type", "application/json")
	}
	if ifMatch != "" {
		req.Header.Set("If-Match", ifMatch)
	}
	res := httptest.NewRecorder()
	l.handler.ServeHTTP(res, req)
	if res.Code >= 400 {
		r := &refusal{status: res.Code}
		if err := json.Unmarshal(res.Body.Bytes(), r); err != nil {
			return "", err
		}
		return "", r
	}
	if out != nil {
		err = json.Unmarshal(res.Body.Bytes(), out)
	}
	return res.Header().Get("ETag"), err
}

func newLocal(t *testing.T, demo bool) local {
	t.Helper()
	a, err := app.New(t.Context(), app.Config{Data: t.TempDir(), Demo: demo})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	return local{a.Handler(true)}
}

func export(t *testing.T, s Server, id string) []byte {
	t.Helper()
	all, notes, err := Export(t.Context(), s, allKinds, ExportOptions{App: id})
	if err != nil || len(notes) > 0 {
		t.Fatal(err, notes)
	}
	return Stream(all)
}

func makePlan(t *testing.T, s Server, yaml string, o Options) *Plan {
	t.Helper()
	p, err := tryPlan(t, s, yaml, o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func tryPlan(t *testing.T, s Server, yaml string, o Options) (*Plan, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "docs.yaml")
	if err := os.WriteFile(path, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	docs, err := Read([]string{path})
	if err != nil {
		t.Fatal(err)
	}
	return Make(t.Context(), s, allKinds, docs, o)
}

func apply(t *testing.T, s Server, yaml string, o Options) string {
	t.Helper()
	var out strings.Builder
	if err := makePlan(t, s, yaml, o).Apply(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// comesBack applies documents to an empty server, exports them, applies that to another one, and wants the same bytes from there.
func comesBack(t *testing.T, yaml, id string) []byte {
	t.Helper()
	first, second := newLocal(t, false), newLocal(t, false)
	apply(t, first, yaml, Options{App: id})
	once := export(t, first, id)
	apply(t, second, string(once), Options{})
	if twice := export(t, second, id); !bytes.Equal(once, twice) {
		t.Errorf("exported first:\n%s\nand then:\n%s", once, twice)
	}
	for name, docs := range map[string]string{"its export": string(once), "the documents": yaml} {
		if p := makePlan(t, first, docs, Options{App: id, Prune: true}); p.Diff(t.Output()) {
			t.Errorf("%s differ from what they made", name)
		}
	}
	return once
}

func TestTheDemoComesBack(t *testing.T) {
	t.Parallel()
	demo := newLocal(t, true)
	want := export(t, demo, "demo")
	if got := comesBack(t, string(want), "demo"); !bytes.Equal(got, want) {
		t.Errorf("the demo is\n%s\nwant\n%s", got, want)
	}
}

func TestTheReadmesDocumentsComeBack(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllSubmatch(readme, -1)
	if len(blocks) == 0 {
		t.Fatal("the README has no YAML")
	}
	for i, block := range blocks {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			comesBack(t, string(block[1]), "shop")
		})
	}
}

const orders = `
kind: structure
id: Order
title: "{{ number }}"
fields:
  - { id: number, type: string }
  - { id: status, type: string, options: [new, paid, ready, shipped], default: new }
  - { id: total, type: decimal, default: 1.50 }
  - { id: owner, type: link, structure: User }
  - { id: note, type: string, required: false }
  - { id: count, type: number }
---
kind: structure
id: Message
fields:
  - { id: to, type: link, structure: User }
  - { id: text, type: string }
`

// TestEveryExampleComesBack makes a scenario of each example of each step kind, and one with a trigger of each kind.
func TestEveryExampleComesBack(t *testing.T) {
	t.Parallel()
	var stream strings.Builder
	stream.WriteString(orders)
	n := 0
	for _, k := range steps.All() {
		for _, ex := range k.Examples {
			var settings map[string]any
			if err := json.Unmarshal([]byte(ex.Settings), &settings); err != nil {
				t.Fatal(err)
			}
			settings["id"], settings["kind"] = "example", k.Kind
			settings["on_error"] = map[string]any{"then": "continue", "retry": map[string]any{"times": 2, "backoff": "5s"}}
			placed, err := marshal(settings)
			if err != nil {
				t.Fatal(err)
			}
			if ex.Around != "" {
				placed = []byte(strings.Replace(strings.Replace(ex.Around, `{"kind"`, `{"id": "around", "kind"`, 1), `"EXAMPLE"`, string(placed), 1))
			}
			n++
			fmt.Fprintf(&stream, "---\n"+`{"kind": "scenario", "id": "example-%d", "structure": "Order", "parameters": {"n": "number"}, "triggers": [{"id": "start", "kind": "call"}], "steps": [%s]}`+"\n", n, placed)
		}
	}
	comesBack(t, stream.String(), "shop")
}

func TestEveryTriggerComesBack(t *testing.T) {
	t.Parallel()
	var list []string
	for _, k := range triggers.All() {
		own := shapeOf(t, k.Schema)
		trigger := map[string]any{"id": k.Kind, "kind": k.Kind}
		for _, name := range own.Required {
			if v, known := map[string]any{"on": []string{"changed"}, "cron": "0 9 * * 1-5"}[name]; known {
				trigger[name] = v
			}
		}
		if len(k.Examples) > 0 { // of several ways to say it, none of which is required
			if err := json.Unmarshal([]byte(k.Examples[0].Settings), &trigger); err != nil {
				t.Fatal(err)
			}
		}
		doc, err := marshal(trigger)
		if err != nil {
			t.Fatal(err)
		}
		check := engine.NewChecker(allKinds)
		check.Know("structure", []byte(`{"kind":"structure","id":"Order","fields":[]}`))
		if wrong := check.Check(Scenario, fmt.Appendf(nil, `{"id":"x","structure":"Order","triggers":[%s],"steps":[]}`, doc)); len(wrong) > 0 {
			t.Errorf("trigger %s: %v: this test needs a value for a setting", k.Kind, wrong)
			continue
		}
		list = append(list, string(doc))
	}
	comesBack(t, orders+"---\n"+`{"kind": "scenario", "id": "all", "structure": "Order", "triggers": [`+strings.Join(list, ", ")+`], "steps": []}`, "shop")
}

type required struct {
	Required []string `json:"required"`
}

func shapeOf(t *testing.T, schema json.RawMessage) required {
	t.Helper()
	var s required
	if err := json.Unmarshal(schema, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestAppAndUserComeBack(t *testing.T) {
	t.Parallel()
	comesBack(t, `
kind: app
id: shop
name: "Магазин: №1"
guests: true
origins: ["https://example.com", 'http://localhost:5173']
time_zone: Europe/Riga
---
kind: structure
id: User
name: People
title: "{{ name }}"
fields:
  - { id: name, type: string }
  - { id: email, type: string, indexed: true }
  - { id: role, type: string, indexed: true }
  - { id: disabled, type: boolean }
  - { id: boss, type: link, structure: User }
---
kind: scenario
id: texts
lane: '"x"'
order: parallel
settings: { keep_runs: 14d }
triggers: [{ id: start, kind: call }]
steps:
  - id: tell
    kind: push
    notes: |
      Several lines:
        indented, with a "quote" and a # that is no comment

      and an end.
    disabled: true
    to: "*"
    event: hello
    mode: json
    message: { text: "yes", nothing: null, list: [1, 2.50, [true, { a: {} }], "1e3", 1e3], "": "\u0007\t\u00a0", on: "- x: y" }
catch: [{ id: sorry, kind: push, to: "*", event: sorry, message: "{{ error.message }}" }]
`, "shop")
}
