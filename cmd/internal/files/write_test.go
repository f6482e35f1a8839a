package files

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestWhatIsWrittenIsReadAgain makes steps and triggers of all kinds with settings of any value, and structures and apps with texts of any kind.
func TestWhatIsWrittenIsReadAgain(t *testing.T) {
	t.Parallel()
	shapes, err := ShapesOf(allKinds)
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom(kinds).Draw(t, "kind")
		doc := map[string]any{"kind": kind, "id": text0(t), "name": text0(t)}
		switch kind {
		case Structure:
			doc["fields"] = values(t, func() any { return settings(t, fieldKeys, 1) })
		case Scenario:
			doc["steps"] = values(t, func() any { return randomStep(t, shapes, 0) })
			doc["triggers"] = values(t, func() any {
				name := rapid.SampledFrom(slices.Sorted(maps.Keys(shapes.triggers))).Draw(t, "trigger")
				return settings(t, shapes.triggers[name].Order, 1)
			})
		}
		data, err := shapes.write(kind, doc)
		if err != nil {
			t.Fatalf("%v: %v", doc, err)
		}
		again, err := shapes.write(kind, doc)
		if err != nil || string(again) != string(data) {
			t.Fatalf("written twice:\n%s\n%s", data, again)
		}
		docs, err := parse("x.yaml", data)
		if err != nil || len(docs) != 1 {
			t.Fatal(docs, err)
		}
		if changes := compare("", shapes.arrange(kind, doc), shapes.arrange(kind, docs[0].value)); len(changes) > 0 {
			t.Fatal(changes)
		}
	})
}

func randomStep(t *rapid.T, s *Shapes, depth int) any {
	name := rapid.SampledFrom(slices.Sorted(maps.Keys(s.steps))).Draw(t, "step")
	step := settings(t, s.steps[name].Order, 2)
	step["kind"], step["id"], step["notes"] = name, "x", text0(t)
	for setting, p := range s.steps[name].Properties {
		if depth < 2 && p.Format == "steps" {
			step[setting] = values(t, func() any { return randomStep(t, s, depth+1) })
		}
	}
	return step
}

func settings(t *rapid.T, names []string, depth int) map[string]any {
	m := map[string]any{}
	for _, name := range names {
		if rapid.Bool().Draw(t, "given") {
			m[name] = anything(t, depth)
		}
	}
	return m
}

func values(t *rapid.T, make func() any) []any {
	list := []any{}
	for range rapid.IntRange(0, 3).Draw(t, "n") {
		list = append(list, make())
	}
	return list
}

func text0(t *rapid.T) string {
	return rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{
		"", " ", "~", "null", "True", "no", "1.50", "1_000", "0x1F", "0o7", "12:30", "2026-01-01", "- a", "a: b", "a #b", "#a", "*", "&a", "!t", "a\n", "a\nb", "a\n b\n\nc\n",
		"\n", " a\nb", "a \nb", "a\n\n", "---", "a\n---\nb", "...", "{{ object.a }}", "'", `"`, `\`, "a'b\"c", "<<", "=", "%x", "@x", "`", "a\tb", "\ta\nb", "a\r\nb", ".inf", "-.5",
		"\u2028", "\ufeffa", "\u0085", "😀", "приказ № 5", strings.Repeat("long text ", 20) + "end", strings.Repeat("x", 150) + "\n", "-", "a-", "a -", "?", "? a", "|", ">-",
	}), rapid.StringMatching(`[a-z:#\-{}\[\], '"\n\\]{0,12}`)).Draw(t, "text")
}

func anything(t *rapid.T, depth int) any {
	switch n := rapid.IntRange(0, 9).Draw(t, "type"); {
	case n < 4 || depth == 0 && n > 7:
		return text0(t)
	case n == 4:
		return rapid.Bool().Draw(t, "bool")
	case n == 5:
		return nil
	case n < 8:
		return json.Number(rapid.SampledFrom([]string{"0", "-0", "1", "1.50", "1e3", "-1.5E+10", "123456789012345678901234567890", "0.1"}).Draw(t, "number"))
	case n == 8:
		return values(t, func() any { return anything(t, depth-1) })
	}
	m := map[string]any{}
	for range rapid.IntRange(0, 3).Draw(t, "members") {
		m[text0(t)] = anything(t, depth-1)
	}
	return m
}

func TestADocumentIsWrittenForPeople(t *testing.T) {
	t.Parallel()
	shapes, err := ShapesOf(allKinds)
	if err != nil {
		t.Fatal(err)
	}
	docs, err := parse("x.yaml", []byte(`{"steps":[{"on_error":{"then":"continue","retry":{"backoff":"5s","times":2}},"message":"first\nsecond\n","event":"e","to":"*","kind":"push","id":"a","name":"Tell all"},
		{"else":[],"then":[{"id":"c","kind":"stop"}],"if":"object.status == \"new\"","kind":"condition","id":"b"}],
		"triggers":[{"kind":"object","fields":["status"],"on":["changed"],"id":"any"}],"structure":"Order","settings":{"keep_runs":"14d"},"parameters":{"z":"string","a":"number"},
		"name":"Wörter","id":"s","kind":"scenario"}`))
	if err != nil {
		t.Fatal(err)
	}
	got, err := shapes.write(Scenario, docs[0].value)
	if err != nil {
		t.Fatal(err)
	}
	const want = `kind: scenario
id: s
name: Wörter
structure: Order
parameters:
  a: number
  z: string
triggers:
  - id: any
    kind: object
    on: [changed]
    fields: [status]
settings:
  keep_runs: 14d
steps:
  - id: a
    kind: push
    name: Tell all
    to: "*"
    event: e
    message: |
      first
      second
    on_error:
      retry:
        times: 2
        backoff: 5s
      then: continue
  - id: b
    kind: condition
    if: 'object.status == "new"'
    then:
      - id: c
        kind: stop
    else: []
`
	if string(got) != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
