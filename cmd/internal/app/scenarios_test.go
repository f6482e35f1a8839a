package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/cuelight/cuelight/engine"
	"github.com/cuelight/cuelight/steps"
	"github.com/cuelight/cuelight/triggers"
)

var update = flag.Bool("update", false, "rewrite what the scenario files want")

// The structures that every scenario file finds in its app.
var structures = []string{
	`{"id":"Order","title":"{{ number }}","fields":[{"id":"number","type":"string","auto":"{0000}","unique":true},
		{"id":"status","type":"string","options":["new","paid","ready","shipped"]},{"id":"total","type":"decimal"},
		{"id":"count","type":"number"},{"id":"due","type":"date"},{"id":"urgent","type":"boolean"},
		{"id":"owner","type":"link","structure":"User"},{"id":"note","type":"string"}]}`,
	`{"id":"Message","fields":[{"id":"to","type":"string"},{"id":"text","type":"string"},{"id":"n","type":"number"}]}`,
}

// TestScenarios runs every file of engine/testdata/scenarios on every store: documents, writes, and what is wanted of them.
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("../../../engine/testdata/scenarios/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenario files: %v", err)
	}
	for name, open := range stores(t) {
		for _, file := range files {
			t.Run(name+"/"+strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
				t.Parallel()
				runScenarioFile(t, open(t), file)
			})
		}
	}
}

func runScenarioFile(t *testing.T, store engine.Store, file string) {
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, store)
	var answers bytes.Buffer
	for _, f := range archive.Files {
		switch {
		case strings.HasPrefix(f.Name, "scenario"):
			w.publish(f.Data, &answers)
		case f.Name == "writes":
			for line := range strings.Lines(string(f.Data)) {
				if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
					w.do(line, &answers)
				}
			}
		}
	}
	got := map[string]string{"answers": answers.String(), "trace": w.trace(), "pushed": w.pushed(), "objects": w.objects()}
	changed := false
	for i, f := range archive.Files {
		want, ok := got[f.Name]
		if !ok || string(f.Data) == want {
			continue
		}
		if *update {
			archive.Files[i].Data, changed = []byte(want), true
			continue
		}
		t.Errorf("%s: %s\n--- want\n%s--- got\n%s", filepath.Base(file), f.Name, f.Data, want)
	}
	if changed {
		writeFile(t, file, txtar.Format(archive))
	}
}

// world is an app in a running engine.
type world struct {
	t     *testing.T
	ctx   context.Context
	store engine.Store
	e     *engine.Engine
	names map[string]string // ids that are different in each run → their stable names
}

const app = engine.AppID("demo")

func newWorld(t *testing.T, store engine.Store, own ...engine.StepKind) *world {
	ctx := t.Context()
	e := newEngine(t, store, own...)
	if err := e.SaveApp(ctx, engine.App{ID: app}); err != nil {
		t.Fatal(err)
	}
	for _, s := range structures {
		if _, err := e.SaveStructure(ctx, app, []byte(s)); err != nil {
			t.Fatal(err)
		}
	}
	w := &world{t: t, ctx: ctx, store: store, e: e, names: map[string]string{}}
	for _, u := range []string{"anna", "bert"} {
		_, _ = w.write(engine.Write{Reuse: true, Kind: engine.WriteCreate, Structure: "User", ID: u, Fields: fields(t, fmt.Sprintf(`{"name":%q,"role":"clerk"}`, strings.ToUpper(u[:1])+u[1:]))})
	}
	return w
}

// restart gives the world another engine over its store; it knows all kinds and, unless opt says otherwise, can make HTTP requests.
func (w *world) restart(t *testing.T, opt engine.Options) {
	t.Helper()
	w.e.Close()
	opt.Kinds = engine.Kinds{Steps: steps.All(), Triggers: triggers.All()}
	if opt.Services == nil {
		opt.Services = steps.NewNetwork(nil)
	}
	w.e = engine.New(w.store, opt)
	if err := w.e.Start(w.ctx); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.e.Close)
}

// newEngine starts an engine over a store.
func newEngine(t *testing.T, store engine.Store, own ...engine.StepKind) *engine.Engine {
	e := engine.New(store, engine.Options{
		Kinds: engine.Kinds{Steps: append(steps.All(), own...), Triggers: triggers.All()},
		Log:   slog.New(slog.NewTextHandler(testLog{t}, &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
	if err := e.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

type testLog struct{ t *testing.T }

func (l testLog) Write(p []byte) (int, error) {
	l.t.Log(strings.TrimSpace(string(p)))
	return len(p), nil
}

func fields(t *testing.T, doc string) map[string]json.RawMessage {
	var f map[string]json.RawMessage
	if err := json.Unmarshal([]byte(doc), &f); err != nil {
		t.Fatalf("%s: %v", doc, err)
	}
	return f
}

func (w *world) write(wr engine.Write) (engine.Written, error) {
	wr.App, wr.Who = app, "test"
	return w.e.Write(w.ctx, wr)
}

func (w *world) publish(doc []byte, answers *bytes.Buffer) {
	var head struct {
		ID string `json:"id"`
	}
	_ = json.Unmarshal(doc, &head)
	_, _, err := w.e.SaveDraft(w.ctx, app, head.ID, doc, 0)
	if err == nil {
		_, err = w.e.Publish(w.ctx, app, head.ID, "test", true)
	}
	if err != nil {
		w.refused(answers, "publish "+head.ID, err)
	}
}

// do carries out one line of a file and waits until every run that it caused has ended: create, patch, delete, call, start, stop. SOON
// stands for a moment that is a second away.
func (w *world) do(line string, answers *bytes.Buffer) {
	line = strings.ReplaceAll(line, "SOON", time.Now().Add(time.Second).UTC().Format(engine.DateFormat))
	words := strings.SplitN(line, " ", 4)
	for len(words) < 4 {
		words = append(words, "")
	}
	var err error
	switch words[0] {
	case "create", "patch", "delete", "silent":
		wr := engine.Write{Kind: engine.WriteKind(words[0]), Structure: words[1], ID: words[2]}
		if words[0] == "silent" {
			wr.Kind, wr.Silent = engine.WritePatch, true
		}
		if words[3] != "" {
			wr.Fields = fields(w.t, words[3])
		}
		if wr.ID == "-" {
			wr.ID = ""
		}
		_, err = w.write(wr)
	case "as": // as anna patch Order …: an end user writes
		inner := strings.SplitN(words[3], " ", 3)
		_, err = w.e.Write(w.ctx, engine.Write{App: app, Kind: engine.WriteKind(words[2]), Structure: inner[0], ID: inner[1], Fields: fields(w.t, inner[2]), Who: words[1], User: words[1]})
	case "call":
		c := engine.Call{App: app, Scenario: words[1], Who: "test"}
		if words[2] != "-" {
			c.Object = words[2]
		}
		if words[3] != "" {
			c.Vars = fields(w.t, words[3])
		}
		_, err = w.e.Call(w.ctx, c)
	case "start":
		_, err = w.e.SetState(w.ctx, app, words[1], engine.Running)
	case "stop":
		_, err = w.e.SetState(w.ctx, app, words[1], engine.Stopped)
	default:
		w.t.Fatalf("unknown line %q", line)
	}
	if err != nil {
		w.refused(answers, strings.Join(strings.Fields(line)[:min(3, len(strings.Fields(line)))], " "), err)
	}
	w.settle()
}

func (w *world) refused(answers *bytes.Buffer, what string, err error) {
	if inv, ok := errors.AsType[*engine.InvalidError](err); ok {
		for _, f := range inv.Fields {
			fmt.Fprintf(answers, "%s: %s: %s: %s\n", what, f.Path, f.Code, f.Message)
		}
		return
	}
	fmt.Fprintf(answers, "%s: %s: %s\n", what, engine.ErrorCode(err), err)
}

// settle waits until no run is open.
func (w *world) settle() {
	ctx, cancel := context.WithTimeout(w.ctx, 20*time.Second)
	defer cancel()
	for {
		runs, err := w.store.Runs(ctx, engine.RunQuery{App: app, Limit: 2000})
		if err != nil {
			w.t.Fatal(err)
		}
		var open []engine.RunID
		for _, r := range runs {
			if r.Status.Open() {
				open = append(open, r.ID)
			}
		}
		if len(open) == 0 {
			return
		}
		if _, err := w.e.Await(ctx, app, open); err != nil {
			w.t.Fatal(err)
		}
		if ctx.Err() != nil {
			w.t.Fatalf("%d runs did not end", len(open))
		}
	}
}

// trace tells every run and what its steps did, in the order in which they began.
// withoutIDs is a message with the ids of runs left out, which are others each time.
func withoutIDs(message string) string { return runIDs.ReplaceAllString(message, "<run>") }

var runIDs = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f-]{27}`)

func (w *world) trace() string {
	runs, err := w.store.Runs(w.ctx, engine.RunQuery{App: app, Limit: 2000})
	if err != nil {
		w.t.Fatal(err)
	}
	slices.Reverse(runs)
	var out bytes.Buffer
	for _, r := range runs {
		fmt.Fprintf(&out, "%s %s %s", r.Scenario, w.stable(r.Object), r.Status)
		if r.Error != nil {
			fmt.Fprintf(&out, " %s %s: %s", r.Error.Step, r.Error.Code, withoutIDs(r.Error.Message))
		}
		out.WriteByte('\n')
		list, err := w.store.Steps(w.ctx, app, r.ID, 0, 1000)
		if err != nil {
			w.t.Fatal(err)
		}
		for _, s := range list {
			fmt.Fprintf(&out, "  %s %s", s.Step, s.Status)
			if s.Attempt > 0 {
				fmt.Fprintf(&out, " attempt %d", s.Attempt+1)
			}
			if len(s.Settings) > 0 && s.Kind != "delay" {
				fmt.Fprintf(&out, " %s", w.stable(canonical(s.Settings)))
			}
			if s.Error != "" {
				fmt.Fprintf(&out, " %s", withoutIDs(s.Error))
			}
			out.WriteByte('\n')
		}
	}
	return out.String()
}

var freshID = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}`)

// stable replaces ids that are new in each run by names.
func (w *world) stable(text string) string {
	return freshID.ReplaceAllStringFunc(text, func(id string) string {
		if w.names[id] == "" {
			w.names[id] = fmt.Sprintf("id%d", len(w.names)+1)
		}
		return w.names[id]
	})
}

func canonical(doc []byte) string {
	dec := json.NewDecoder(bytes.NewReader(doc))
	dec.UseNumber()
	var v any
	if dec.Decode(&v) != nil {
		return string(doc)
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v)
	return strings.TrimSpace(out.String())
}

func (w *world) pushed() string {
	pushes, err := w.store.Pushes(w.ctx, app, 0, time.Time{}, 2000)
	if err != nil {
		w.t.Fatal(err)
	}
	var out bytes.Buffer
	for i, p := range pushes {
		if p.Pos != int64(i)+1 {
			w.t.Errorf("push %d has position %d", i+1, p.Pos)
		}
		message := p.Message
		if !p.JSON {
			message = fmt.Sprintf("%q", p.Message)
		}
		fmt.Fprintf(&out, "%s %s %s\n", p.To, p.Event, w.stable(message))
	}
	return out.String()
}

func (w *world) objects() string {
	all, err := w.e.Structures(w.ctx, app)
	if err != nil {
		w.t.Fatal(err)
	}
	var out bytes.Buffer
	for _, structure := range []string{"Order", "Message"} {
		page, err := w.store.Objects(w.ctx, engine.ObjectQuery{App: app, Structure: all[structure], Limit: 1000, Sort: []engine.SortKey{{Field: "created_at"}}})
		if err != nil {
			w.t.Fatal(err)
		}
		for _, o := range page.Items {
			fmt.Fprintf(&out, "%s %s v%d %s\n", o.Structure, w.stable(o.ID), o.Version, w.stable(canonical(o.Data)))
		}
	}
	return out.String()
}
