package triggers

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cuelight/cuelight/engine"
	"github.com/cuelight/cuelight/steps"
	"github.com/cuelight/cuelight/store/sqlite"
)

const orders = `{"id":"Order","title":"{{ number }}","fields":[{"id":"number","type":"string"},{"id":"status","type":"string","options":["new","paid","ready","shipped"]},
	{"id":"total","type":"decimal"},{"id":"note","type":"string"}]}`

// TestEveryTrigger holds for every kind: its words are there, its settings refuse what they do not know, and with each of its examples a real
// engine starts the runs that it says, and no other.
func TestEveryTrigger(t *testing.T) {
	for _, k := range All() {
		t.Run(k.Kind, func(t *testing.T) {
			t.Parallel()
			if !regexp.MustCompile(`^[a-z][a-z_]*$`).MatchString(k.Kind) {
				t.Errorf("kind %q is not snake_case", k.Kind)
			}
			if len(k.Examples) == 0 || !strings.HasSuffix(k.Help, ".") {
				t.Error("examples and a help of whole sentences are needed")
			}
			for _, ex := range k.Examples {
				t.Run(ex.Name, func(t *testing.T) {
					t.Parallel()
					if got := newStage(t, k.Kind, ex).play(ex.When); !slices.Equal(got, ex.Want) {
						t.Errorf("did\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(ex.Want, "\n  "))
					}
				})
			}
			problems := engine.NewChecker(engine.Kinds{Triggers: All()}).Check("scenario",
				fmt.Appendf(nil, `{"id":"x","triggers":[{"id":"t","kind":%q,"no_such_setting":1}],"steps":[]}`, k.Kind))
			if !slices.ContainsFunc(problems, func(p engine.Problem) bool { return p.Path == "triggers[0].no_such_setting" }) {
				t.Errorf("an unknown setting is not refused: %v", problems)
			}
		})
	}
}

// stage is an engine with a scenario that has the example's trigger and sends a push, and a clock that is put forward by hand.
type stage struct {
	*testing.T
	e        *engine.Engine
	store    engine.Store
	settings string
	ahead    atomic.Int64
	seen     map[engine.RunID]bool
	// pushed gets the push of each run of a schedule, so that nobody has to look for the run time and again.
	pushed chan struct{}
}

func newStage(t *testing.T, kind string, ex engine.Example) *stage {
	s := &stage{T: t, settings: ex.Settings, seen: map[engine.RunID]bool{}, pushed: make(chan struct{}, 100)}
	store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "x.db"), sqlite.Options{})
	s.must(err)
	t.Cleanup(func() { _ = store.Close() })
	s.store = store
	s.e = engine.New(store, engine.Options{
		Kinds: engine.Kinds{Steps: steps.All(), Triggers: All()}, Clock: s.now, Outlet: func([]*engine.Push) { s.pushed <- struct{}{} },
	})
	s.must(s.e.Start(t.Context()))
	t.Cleanup(s.e.Close)
	s.must(s.e.SaveApp(t.Context(), engine.App{ID: "demo"}))
	_, err = s.e.SaveStructure(t.Context(), "demo", []byte(orders))
	s.must(err)
	trigger := map[string]any{}
	s.must(json.Unmarshal([]byte(ex.Settings), &trigger))
	trigger["id"], trigger["kind"] = "example", kind
	doc, err := json.Marshal(map[string]any{
		"id": "example", "structure": "Order", "parameters": map[string]string{"greeting": "string"}, "triggers": []any{trigger},
		"steps": []any{map[string]string{"id": "tell", "kind": "push", "to": "*", "event": "started"}},
	})
	s.must(err)
	_, _, err = s.e.SaveDraft(t.Context(), "demo", "example", doc, 0)
	s.must(err)
	_, err = s.e.Publish(t.Context(), "demo", "example", "test", true)
	s.must(err)
	return s
}

func (s *stage) now() time.Time { return time.Now().Add(time.Duration(s.ahead.Load())) }

// play carries out the acts one after the other and tells which runs each of them started.
func (s *stage) play(acts []string) (did []string) {
	for _, act := range acts {
		verb, doc, _ := strings.Cut(act, " ")
		var fields map[string]json.RawMessage
		if doc != "" {
			s.must(json.Unmarshal([]byte(doc), &fields))
		}
		switch verb {
		case "create":
			did = append(did, s.write(engine.WriteCreate, fields, "when created")...)
		case "change":
			did = append(did, s.write(engine.WritePatch, fields, "when changed")...)
		case "delete":
			did = append(did, s.write(engine.WriteDelete, fields, "when deleted")...)
		case "call":
			id, err := s.e.Call(s.Context(), engine.Call{App: "demo", Scenario: "example", Object: "order", Vars: fields})
			s.must(err)
			when := "when called"
			for _, name := range slices.Sorted(maps.Keys(fields)) {
				when += fmt.Sprintf(", vars.%s is %s", name, fields[name])
			}
			did = append(did, s.started([]engine.RunID{id}, when)...)
		case "time":
			did = append(did, s.tick()...)
		default:
			s.Fatalf("there is no act %q", act)
		}
	}
	return did
}

func (s *stage) write(kind engine.WriteKind, fields map[string]json.RawMessage, when string) []string {
	written, err := s.e.Write(s.Context(), engine.Write{App: "demo", Kind: kind, Structure: "Order", ID: "order", Fields: fields})
	s.must(err)
	return s.started(written.Runs, when)
}

// started tells of the runs once they have ended. A candidate that proved false is no run.
func (s *stage) started(ids []engine.RunID, when string) (did []string) {
	if len(ids) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(s.Context(), 10*time.Second)
	defer cancel()
	ended, err := s.e.Await(ctx, "demo", ids)
	s.must(err)
	for _, run := range ended {
		s.seen[run.ID] = true
		switch {
		case run.Status != engine.RunDone:
		case run.Object != "":
			did = append(did, "starts for "+run.Object+" "+when)
		default:
			did = append(did, "starts "+when)
		}
	}
	return did
}

// tick puts the clock to the schedule's next time and tells of the runs that it started.
func (s *stage) tick() []string {
	var c schedule
	s.must(json.Unmarshal([]byte(s.settings), &c))
	calendar, err := c.calendar("")
	s.must(err)
	next, ok := calendar.Next(s.now())
	if !ok {
		s.Fatal("the schedule has no next time")
	}
	s.ahead.Add(int64(next.Sub(s.now())))
	select {
	case <-s.pushed:
	case <-time.After(20 * time.Second):
		return nil
	}
	runs, err := s.store.Runs(s.Context(), engine.RunQuery{App: "demo", Scenario: "example", Limit: 100})
	s.must(err)
	var ids []engine.RunID
	for _, r := range runs {
		// The run that walks the objects for which a schedule starts is the engine's own: it has no object.
		if !s.seen[r.ID] && (c.Filter == "" || r.Object != "") {
			ids = append(ids, r.ID)
		}
	}
	return s.started(ids, "at the time")
}

func (s *stage) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}
