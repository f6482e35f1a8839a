package files

import (
	"context"
	"errors"
	"strings"
	"testing"
)

func TestStructuresComeBehindWhatTheyLinkTo(t *testing.T) {
	t.Parallel()
	s := newLocal(t, false)
	const circle = `
kind: structure
id: A
title: "{{ b }}"
fields: [{ id: b, type: link, structure: B }, { id: self, type: link, structure: A }, { id: name, type: string }]
---
kind: structure
id: B
fields: [{ id: c, type: link, structure: C }]
---
kind: structure
id: C
fields: [{ id: a, type: link, structure: A }]
---
kind: scenario
id: over-all
structure: A
triggers: [{ id: start, kind: call }]
steps: []
`
	want := "+ app shop\n+ structure C\n+ structure B\n+ structure A\n~ structure C (the link a)\n+ scenario over-all\n"
	var dry strings.Builder
	p := makePlan(t, s, circle, Options{App: "shop"})
	p.Tell(&dry)
	if dry.String() != want {
		t.Errorf("the dry run tells\n%s", dry.String())
	}
	if app, err := appOf(s, "shop").app(t.Context()); app != nil || err != nil {
		t.Fatalf("a plan made an app: %v, %v", app, err)
	}
	if got := apply(t, s, circle, Options{App: "shop"}); got != want {
		t.Errorf("applied\n%s\nwant\n%s", got, want)
	}
	if got := apply(t, s, circle, Options{App: "shop"}); got != "= 4 unchanged\n" {
		t.Errorf("applied again\n%s", got)
	}
}

func TestAStructureThatIsThereLinksToNewOnes(t *testing.T) {
	t.Parallel()
	s := newLocal(t, false)
	const people = `
kind: structure
id: User
name: Users
title: "{{ name }}"
fields:
  - { id: name, type: string }
  - { id: email, type: string, indexed: true }
  - { id: role, type: string, indexed: true }
  - { id: disabled, type: boolean }
  - { id: team, type: link, structure: Team }
---
kind: structure
id: Team
fields: [{ id: lead, type: link, structure: User }]
`
	var out strings.Builder
	makePlan(t, s, people, Options{App: "shop"}).Diff(&out)
	if want := "+ app shop\n+ structure Team\n~ structure User: fields[4]: added {\"id\":\"team\",\"type\":\"link\",\"structure\":\"Team\"}\n"; out.String() != want {
		t.Errorf("differs\n%s", out.String())
	}
	if got := apply(t, s, people, Options{App: "shop"}); got != "+ app shop\n+ structure Team\n~ structure User (fields[4])\n" {
		t.Errorf("applied\n%s", got)
	}
}

const shop = `
kind: app
id: shop
---
kind: structure
id: Order
fields: [{ id: status, type: string, options: [new, done] }]
---
kind: scenario
id: first
structure: Order
triggers: [{ id: any, kind: object, on: [changed], if: 'object.status == "done"' }]
steps:
  - { id: a, kind: push, to: "*", event: one }
  - { id: b, kind: push, to: "*", event: two, message: { password: hunter2 }, mode: json }
---
kind: scenario
id: second
triggers: [{ id: start, kind: call }]
steps: [{ id: a, kind: stop }]
`

func TestDifferencesAreToldFieldByField(t *testing.T) {
	t.Parallel()
	s := newLocal(t, false)
	apply(t, s, shop, Options{Start: true})
	changed := strings.NewReplacer("event: one", "event: uno", "{ id: b, kind: push", "{ id: c, kind: stop }\n  - { id: b, name: Second, kind: push", "hunter2", "hunter3",
		"[new, done]", "[new, done, gone]", "id: shop", "id: shop\nguests: true", "id: second", "id: third").Replace(shop)
	var out strings.Builder
	if !makePlan(t, s, changed, Options{Prune: true}).Diff(&out) {
		t.Error("no differences")
	}
	const want = `~ app shop: guests: false -> true
~ structure Order: fields[0].options[2]: added "gone"
~ scenario first: steps[0].event: "one" -> "uno"
~ scenario first: steps[1]: added {"id":"c","kind":"stop"}
~ scenario first: steps[2].name: added "Second"
~ scenario first: steps[2].message.password: "(hidden)" -> "(hidden)"
+ scenario third
- scenario second
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
	moved := strings.Replace(shop, `  - { id: a, kind: push, to: "*", event: one }`+"\n", "", 1)
	moved = strings.Replace(moved, "mode: json }", "mode: json }\n"+`  - { id: a, kind: push, to: "*", event: one }`, 1)
	out.Reset()
	makePlan(t, s, moved, Options{}).Diff(&out)
	if out.String() != "~ scenario first: steps: in another order\n" {
		t.Errorf("moved:\n%s", out.String())
	}
}

func TestPruneStopsAndDeletesWhatWasPublished(t *testing.T) {
	t.Parallel()
	s := newLocal(t, false)
	apply(t, s, shop, Options{Start: true})
	if _, err := s.Do(t.Context(), "PUT", "/api/v1/apps/shop/scenarios/sketch/draft", "", map[string]any{"steps": []any{}}, nil); err != nil {
		t.Fatal(err)
	}
	p := makePlan(t, s, "kind: app\nid: shop\n", Options{Prune: true})
	var out strings.Builder
	if err := p.Apply(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	if out.String() != "- scenario first\n- scenario second\n= 1 unchanged\n" {
		t.Errorf("pruned\n%s", out.String())
	}
	notes := strings.Join(p.AllNotes(), "\n")
	if !strings.Contains(notes, "structure Order is not in the files and stays") || !strings.Contains(notes, "scenario sketch is not in the files and stays: it was never published") {
		t.Errorf("notes are\n%s", notes)
	}
	left, err := appOf(s, "shop").scenarios(t.Context())
	if err != nil || len(left) != 1 || left[0].ID != "sketch" {
		t.Errorf("left are %v, %v", left, err)
	}
}

func TestADraftIsLeftAloneUnlessItsScenarioChanges(t *testing.T) {
	t.Parallel()
	s := newLocal(t, false)
	apply(t, s, shop, Options{})
	draft := map[string]any{"id": "second", "name": "Half done", "steps": []any{}}
	if _, err := s.Do(t.Context(), "PUT", "/api/v1/apps/shop/scenarios/second/draft", "", draft, nil); err != nil {
		t.Fatal(err)
	}
	if out := apply(t, s, shop, Options{}); out != "= 4 unchanged\n" {
		t.Errorf("applied\n%s", out)
	}
	all, _, err := Export(t.Context(), s, allKinds, ExportOptions{App: "shop", Kinds: []string{Scenario}})
	if err != nil || !strings.HasPrefix(string(all[1].Data), draftComment+"kind: scenario\n") {
		t.Errorf("exported\n%s%v", all[1].Data, err)
	}
	all, _, err = Export(t.Context(), s, allKinds, ExportOptions{App: "shop", Kinds: []string{Scenario}, Drafts: true})
	if err != nil || !strings.Contains(string(all[1].Data), "name: Half done\n") {
		t.Errorf("drafts\n%s%v", all[1].Data, err)
	}
	p := makePlan(t, s, strings.Replace(shop, "kind: stop", "kind: stop, name: End", 1), Options{})
	if notes := p.AllNotes(); len(notes) != 1 || notes[0] != "scenario second: its unpublished draft is replaced" {
		t.Errorf("notes are %v", notes)
	}
}

func TestWhatIsWrongIsFoundBeforeAnythingChanges(t *testing.T) {
	t.Parallel()
	s := newLocal(t, false)
	bad := strings.NewReplacer("object.status ==", "object.statuss ==", "kind: stop", "kind: stopp", "id: shop", "id: shop\ntime_zone: Mars").Replace(shop)
	_, err := tryPlan(t, s, bad, Options{})
	wrong, ok := errors.AsType[Troubles](err)
	if !ok || len(wrong) != 3 {
		t.Fatalf("wrong is %v", err)
	}
	for i, want := range []string{":4: app shop: time_zone: ", ":13: scenario first: triggers[0].if: ", ":21: scenario second: steps[0].kind: "} {
		if !strings.Contains(wrong[i].Error(), want) {
			t.Errorf("%v, want %s", wrong[i], want)
		}
	}
	apply(t, s, shop, Options{})
	_, err = tryPlan(t, s, strings.Replace(shop, "type: string, options: [new, done]", "type: number", 1)+"---\nkind: structure\nid: Bill\nfields: [{ id: x, type: link, structure: Nowhere }]\n", Options{})
	for _, want := range []string{"structure Order: fields[0].type: field status would change from choice to number", "structure Bill: fields[0].structure: there is no structure"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if _, err := tryPlan(t, s, "---\n", Options{App: "shop"}); err == nil || !strings.Contains(err.Error(), "no documents") {
		t.Errorf("no documents: %v", err)
	}
	if _, err := tryPlan(t, s, "kind: scenario\nid: x\nsteps: []\n", Options{}); err == nil || !strings.Contains(err.Error(), "--app") {
		t.Errorf("no app: %v", err)
	}
}

// failing refuses what goes to one path.
type failing struct {
	Server
	path string
	err  error
}

func (f failing) Do(ctx context.Context, method, path, ifMatch string, body, out any) (string, error) {
	if method != "GET" && strings.Contains(path, f.path) {
		return "", f.err
	}
	return f.Server.Do(ctx, method, path, ifMatch, body, out)
}

func TestARefusalKeepsWhatWasDoneAndSaysSo(t *testing.T) {
	t.Parallel()
	s := newLocal(t, false)
	var out strings.Builder
	f := failing{s, "scenarios/second", &refusal{status: 503, Detail: "too busy"}}
	err := makePlan(t, f, shop, Options{}).Apply(t.Context(), &out)
	if err == nil || !strings.Contains(err.Error(), ":17: scenario second: too busy") || !strings.Contains(err.Error(), "3 of 4 changes were made") {
		t.Errorf("error is %v", err)
	}
	if out.String() != "+ app shop\n+ structure Order\n+ scenario first\n" {
		t.Errorf("told\n%s", out.String())
	}
	if again := apply(t, s, shop, Options{}); again != "+ scenario second\n= 3 unchanged\n" {
		t.Errorf("applied again\n%s", again)
	}
	// Somebody else changes the scenario between plan and apply.
	p := makePlan(t, s, strings.Replace(shop, "event: one", "event: uno", 1), Options{})
	apply(t, s, strings.Replace(shop, "event: one", "event: eins", 1), Options{})
	if err := p.Apply(t.Context(), &out); err == nil || !strings.Contains(err.Error(), "changed by somebody else") || !strings.Contains(err.Error(), "nothing was changed") {
		t.Errorf("error is %v", err)
	}
	f = failing{s, "/apps", &refusal{status: 403, Detail: "not allowed"}}
	if err := makePlan(t, f, shop, Options{App: "other"}).Apply(t.Context(), &out); err == nil || !strings.Contains(err.Error(), "needs the scope admin") {
		t.Errorf("error is %v", err)
	}
}

func TestStartStartsWhatStandsStill(t *testing.T) {
	t.Parallel()
	s := newLocal(t, false)
	apply(t, s, shop, Options{})
	if out := apply(t, s, shop, Options{Start: true}); out != "~ scenario first (starts)\n~ scenario second (starts)\n= 2 unchanged\n" {
		t.Errorf("started\n%s", out)
	}
	if out := apply(t, s, strings.Replace(shop, "event: one", "event: uno", 1), Options{Start: true}); out != "~ scenario first (steps[0].event)\n= 3 unchanged\n" {
		t.Errorf("changed\n%s", out)
	}
}

func TestUnreadableFilesNameTheirLine(t *testing.T) {
	t.Parallel()
	for yaml, want := range map[string]string{
		"kind: scenario\nid: x\n---\nkind: scenario\nid: y\nname: &a b\n": "x.yaml:6: anchors, aliases",
		"kind: scenario\nname: *a\n":                                      "x.yaml:2: anchors, aliases",
		"kind: scenario\nname: !!str 1\n":                                 "x.yaml:2: anchors, aliases",
		"kind: scenario\n<<: { a: b }\n":                                  "x.yaml:2: anchors, aliases",
		"kind: scenario\nid: x\nid: y\n":                                  "x.yaml:3: mapping key",
		"kind: scenario\n  id: [\n":                                       "x.yaml:",
		"- a\n":                                                           "x.yaml:1: a document is an object",
		"id: x\n\nkind: thing\n":                                          `x.yaml:3: kind is "thing"`,
		"kind: scenario\nx: .inf\n":                                       "x.yaml:2: ",
	} {
		if _, err := parse("x.yaml", []byte(yaml)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q gives %v, want %s", yaml, err, want)
		}
	}
}
