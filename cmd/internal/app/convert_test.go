package app

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/cuelight/cuelight/engine"
)

const (
	typesBefore = `{"id":"Item","fields":[{"id":"count","type":"number"},{"id":"price","type":"decimal","indexed":true},{"id":"open","type":"boolean"},{"id":"due","type":"date"},
		{"id":"owner","type":"link","structure":"User"},{"id":"num","type":"string"},{"id":"dec","type":"string","unique":true},{"id":"flag","type":"string"},{"id":"day","type":"string"},
		{"id":"kind","type":"string"},{"id":"who","type":"string"},{"id":"one","type":"link","structure":"User"},{"id":"n","type":"number","indexed":true}]}`
	typesAfter = `{"id":"Item","fields":[{"id":"count","type":"string"},{"id":"price","type":"string","indexed":true},{"id":"open","type":"string"},{"id":"due","type":"string"},
		{"id":"owner","type":"string"},{"id":"num","type":"number","indexed":true},{"id":"dec","type":"decimal","unique":true},{"id":"flag","type":"boolean"},{"id":"day","type":"date"},
		{"id":"kind","type":"string","options":["a","b"]},{"id":"who","type":"link","structure":"User"},{"id":"one","type":"links","structure":"User"},{"id":"n","type":"decimal","indexed":true}]}`
	valuesBefore = `{"count":-7,"price":"12.50","open":false,"due":"2026-11-23","owner":"anna","num":"42","dec":"%d.50","flag":"true","day":"2026-11-23","kind":"a","who":"bert","one":"anna","n":5}`
	valuesAfter  = `count=-7 day=2026-11-23T00:00:00.000Z dec=%d.50 due=2026-11-23T00:00:00.000Z flag=true kind=a n=5 num=42 one=[anna] open=false owner=anna price=12.50 who=bert`
)

var allTypes = strings.Fields("count price open due owner num dec flag day kind who one n")

// shown is an object as it is read.
func (w *world) shown(structure, id string) string {
	w.t.Helper()
	s, _ := w.now(structure)
	o, err := w.store.Object(w.ctx, app, structure, id)
	if err != nil {
		w.t.Fatal(err)
	}
	doc, err := s.Shown(o)
	if err != nil {
		w.t.Fatal(err)
	}
	read := fields(w.t, string(doc))
	var list []string
	for _, name := range slices.Sorted(maps.Keys(read)) {
		list = append(list, name+"="+strings.ReplaceAll(string(read[name]), `"`, ""))
	}
	return strings.Join(list, " ")
}

func TestEveryTypeIsConvertedWithoutALoss(t *testing.T) {
	t.Parallel()
	onEveryTroubledStore(t, func(t *testing.T, w *world, s *troubled) {
		w.structure(typesBefore)
		w.mustPublish(`{"id":"more","structure":"Item","triggers":[{"id":"c","kind":"object","on":["changed"]}],"steps":[
			{"id":"found","kind":"search_objects","structure":"Item","filter":"n = 5","result":"count"},
			{"id":"say","kind":"push","to":"*","event":"found","message":"{{ steps.found }}"}]}`)
		for i := range 3 {
			w.mustWrite(engine.WriteCreate, "Item", fmt.Sprint(i), fmt.Sprintf(valuesBefore, i))
		}
		if _, err := w.change(typesAfter, engine.StructureChange{Convert: allTypes[1:]}); wrong(err) != "fields[0].type TYPE_CHANGED" {
			t.Errorf("a type that nobody asked to convert: %v", err)
		}
		h := hold(s, 0)
		w.mustChange(typesAfter, engine.StructureChange{Convert: allTypes})
		<-h.hit
		for i := range 3 {
			if got, want := w.shown("Item", fmt.Sprint(i)), fmt.Sprintf(valuesAfter, i); got != want {
				t.Errorf("while it is converted:\n%s, want\n%s", got, want)
			}
		}
		if _, err := w.find("Item", `num = 42`); engine.ErrorCode(err) != "CONVERTING" || !errors.Is(err, engine.ErrConflict) {
			t.Errorf("a filter on what is being converted: %v", err)
		}
		if ids, err := w.find("Item", `id = "1"`); err != nil || len(ids) != 1 {
			t.Errorf("a filter on another field: %v, %v", ids, err)
		}
		out := w.mustWrite(engine.WritePatch, "Item", "1", `{"num":43}`)
		if got := w.data("Item", "1"); !strings.Contains(got, `"num":43`) || !strings.Contains(got, `"n":"5"`) || len(out.Runs) != 1 {
			t.Errorf("an object that is written meanwhile: %s, runs %v", got, out.Runs)
		}
		s.onCommit.Store(nil)
		w.filled("Item")
		if got := w.data("Item", "2"); !strings.Contains(got, `"one":["anna"]`) && !strings.Contains(got, `"one": ["anna"]`) {
			t.Errorf("data are %s", got)
		}
		if ids, err := w.find("Item", `num = 42 and dec > 0 and price like "12.5" and one = "anna" and n = 5`, engine.SortKey{Field: "dec", Descending: true}); err != nil || fmt.Sprint(ids) != "[2 0]" {
			t.Errorf("found %v, %v", ids, err)
		}
		if _, err := w.write(engine.Write{Kind: engine.WriteCreate, Structure: "Item", Fields: fields(t, `{"dec":"2.5"}`)}); wrong(err) != "dec TAKEN" {
			t.Errorf("a decimal that is taken: %v", err)
		}
		// The run's search waited until its field could be looked at.
		if r := w.ended(out.Runs[0]); r.Status != engine.RunDone || !strings.Contains(w.pushed(), `found "3"`) {
			t.Errorf("the run is %s %+v, pushed %s", r.Status, r.Error, w.pushed())
		}
	})
}

func TestWhatDoesNotConvertIsReportedAndNothingChanges(t *testing.T) {
	t.Parallel()
	onEveryStore(t, func(t *testing.T, w *world) {
		w.structure(`{"id":"Item","fields":[{"id":"v","type":"string"},{"id":"j","type":"json"},{"id":"l","type":"link","structure":"User"},{"id":"empty","type":"json"}]}`)
		w.fill("Item", 20, func(i int) string {
			return fmt.Sprintf(`{"v":%q,"j":[%d],"l":"anna"}`, []string{"1", "", "x", "007", "1e3"}[i%5], i)
		})
		for _, c := range []struct{ field, want, says string }{
			{`{"id":"v","type":"number"}`, "CONVERT", "12 of 20 values of v can not become a number"},
			{`{"id":"v","type":"boolean"}`, "CONVERT", "16 of 20"},
			{`{"id":"v","type":"date"}`, "CONVERT", "16 of 20"},
			{`{"id":"v","type":"string","options":["1","x"]}`, "CONVERT", "8 of 20 values of v can not become a choice"},
			{`{"id":"v","type":"link","structure":"User"}`, "CONVERT", "16 of 20"},
			{`{"id":"j","type":"string"}`, "CONVERT", "a json can not become a string"},
			{`{"id":"l","type":"link","structure":"Order"}`, "CONVERT", "it points at another structure"},
		} {
			all := map[string]string{"v": `{"id":"v","type":"string"}`, "j": `{"id":"j","type":"json"}`, "l": `{"id":"l","type":"link","structure":"User"}`}
			id := c.field[7:8]
			all[id] = c.field
			_, err := w.change(`{"id":"Item","fields":[`+all["v"]+","+all["j"]+","+all["l"]+`,{"id":"empty","type":"json"}]}`, engine.StructureChange{Convert: []string{id}})
			var inv *engine.InvalidError
			if engine.ErrorCode(err) != c.want || !errors.As(err, &inv) || !inv.Conflict || len(inv.Fields) > 11 || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s: %v", c.field, err)
			}
		}
		if _, f := w.now("Item"); f != nil {
			t.Errorf("something is being changed: %+v", f)
		}
		// What no object has a value of can become anything.
		w.mustChange(`{"id":"Item","fields":[{"id":"v","type":"string"},{"id":"j","type":"json"},{"id":"l","type":"link","structure":"User"},{"id":"empty","type":"date"}]}`, engine.StructureChange{Convert: []string{"empty"}})
		w.filled("Item")
		for _, doc := range []string{`{"id":"User","fields":[{"id":"name","type":"string"}]}`, `{"id":"User","fields":[{"id":"name","type":"string"},{"id":"email","type":"string"},{"id":"role","type":"string"},{"id":"disabled","type":"string"}]}`} {
			if _, err := w.change(doc, engine.StructureChange{Drop: []string{"email", "role", "disabled"}, Convert: []string{"disabled"}}); !strings.Contains(wrong(err), "SYSTEM_FIELD") {
				t.Errorf("a field of users that the program looks at: %v", err)
			}
		}
	})
}

// TestAValueThatComesInLateIsNotLost has a text written after all texts were examined and before they were to be numbers.
func TestAValueThatComesInLateIsNotLost(t *testing.T) {
	t.Parallel()
	onEveryTroubledStore(t, func(t *testing.T, w *world, s *troubled) {
		w.structure(`{"id":"Item","fields":[{"id":"v","type":"string"},{"id":"note","type":"string"}]}`)
		w.fill("Item", 5, func(i int) string { return fmt.Sprintf(`{"v":"%d"}`, i) })
		late := func(ops []engine.Op) []engine.Result {
			if !slices.ContainsFunc(ops, func(op engine.Op) bool {
				return slices.ContainsFunc(op.Lock, func(k engine.Key) bool { return k.ID == "structure/Item" })
			}) {
				return nil
			}
			s.onCommit.Store(nil)
			late := &engine.Object{App: app, Structure: "Item", ID: "o0002", Version: 2, Data: []byte(`{"v":"late"}`)}
			return append(s.Store.Commit(s.ctx, []engine.Op{{ID: "01900000-0000-7000-8000-00000000000a", App: app, Lock: []engine.Key{engine.ObjectKey(app, "Item", "o0002")}, Decide: func(*engine.Loaded) (engine.Effects, error) {
				return engine.Effects{Objects: []*engine.Object{late}}, nil
			}}})[:0], s.Store.Commit(s.ctx, ops)...)
		}
		s.onCommit.Store(&late)
		w.mustChange(`{"id":"Item","fields":[{"id":"v","type":"number"},{"id":"note","type":"string"}]}`, engine.StructureChange{Convert: []string{"v"}})
		waitUntil(t, "the run to wait", func() bool {
			_, f := w.now("Item")
			return f != nil && f.Waits != nil
		})
		if _, f := w.now("Item"); f.Waits.Object != "o0002" || f.Waits.Field != "v" || f.Waits.Code != "CONVERT" {
			t.Errorf("waits for %+v", f.Waits)
		}
		if _, err := w.write(engine.Write{Kind: engine.WritePatch, Structure: "Item", ID: "o0002", Fields: fields(t, `{"note":"x"}`)}); wrong(err) != "CONVERTING" {
			t.Errorf("a write that would lose the value: %v", err)
		}
		if got := w.data("Item", "o0002"); !strings.Contains(got, `"late"`) {
			t.Errorf("the value is lost: %s", got)
		}
		w.mustWrite(engine.WritePatch, "Item", "o0002", `{"v":2}`)
		w.filled("Item")
		if ids, err := w.find("Item", `v > 1`); err != nil || fmt.Sprint(ids) != "[o0002 o0003 o0004]" {
			t.Errorf("found %v, %v", ids, err)
		}
	})
}
