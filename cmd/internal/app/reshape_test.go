package app

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cuelight/cuelight/engine"
	"github.com/cuelight/cuelight/engine/filter"
)

func (w *world) change(doc string, change engine.StructureChange) (engine.SavedStructure, error) {
	return w.e.ChangeStructure(w.ctx, app, []byte(doc), change)
}

func (w *world) mustChange(doc string, change engine.StructureChange) engine.SavedStructure {
	w.t.Helper()
	saved, err := w.change(doc, change)
	if err != nil {
		w.t.Fatal(err)
	}
	return saved
}

// now is a structure as it is now, filling how far the system run over its objects is.
func (w *world) now(id string) (*engine.Structure, *engine.Filling) {
	w.t.Helper()
	all, err := w.e.Structures(w.ctx, app)
	if err != nil {
		w.t.Fatal(err)
	}
	f, err := w.e.Filling(w.ctx, app, all[id])
	if err != nil {
		w.t.Fatal(err)
	}
	return all[id], f
}

// filled waits until no system run is under way.
func (w *world) filled(id string) *engine.Structure {
	w.t.Helper()
	waitUntil(w.t, "the objects of "+id, func() bool {
		_, f := w.now(id)
		return f == nil
	})
	s, _ := w.now(id)
	return s
}

// fill puts objects straight into the store, as an earlier version of the structure would have left them.
func (w *world) fill(structure string, n int, doc func(i int) string) {
	w.t.Helper()
	all, err := w.e.Structures(w.ctx, app)
	if err != nil {
		w.t.Fatal(err)
	}
	s := all[structure]
	var e engine.Effects
	for i := range n {
		v, err := s.Decode([]byte(doc(i)))
		if err != nil {
			w.t.Fatal(err)
		}
		data, err := s.Encode(v)
		if err != nil {
			w.t.Fatal(err)
		}
		e.Objects = append(e.Objects, &engine.Object{App: app, Structure: structure, ID: fmt.Sprintf("o%04d", i), Version: 1, Data: data, Index: s.Index(v)})
	}
	id := engine.OpID(fmt.Sprintf("01900000-0000-7000-8000-%012d", fillings.Add(1)))
	if res := w.store.Commit(w.ctx, []engine.Op{{ID: id, App: app, Decide: func(*engine.Loaded) (engine.Effects, error) { return e, nil }}}); res[0].Err != nil {
		w.t.Fatal(res[0].Err)
	}
}

var fillings atomic.Int64

// find lists the objects that pass a filter, in an order.
func (w *world) find(structure, source string, sort ...engine.SortKey) ([]string, error) {
	w.t.Helper()
	s, _ := w.now(structure)
	n, err := filter.Parse(source)
	if err == nil {
		n, err = filter.Check(n, source, s.FilterFields(), nil)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	page, err := w.store.Objects(w.ctx, engine.ObjectQuery{App: app, Structure: s, Filter: n, Sort: sort, Limit: 1000})
	ids := []string{}
	for _, o := range page.Items {
		ids = append(ids, o.ID)
	}
	return ids, err
}

// data is an object's data as it lies in the store.
func (w *world) data(structure, id string) string {
	w.t.Helper()
	o, err := w.store.Object(w.ctx, app, structure, id)
	if err != nil {
		w.t.Fatal(err)
	}
	return strings.ReplaceAll(string(o.Data), ": ", ":")
}

// held keeps the pieces of system runs from being carried out from the n-th on, until the hold is let go.
type held struct {
	left atomic.Int64
	hit  chan struct{}
}

func hold(s *troubled, n int64) *held {
	h := &held{hit: make(chan struct{}, 1000)}
	h.left.Store(n)
	f := func(ops []engine.Op) []engine.Result {
		if !slices.ContainsFunc(ops, isPiece) || h.left.Add(-1) >= 0 {
			return nil
		}
		select {
		case h.hit <- struct{}{}:
		default:
		}
		results := make([]engine.Result, len(ops))
		for i, op := range ops {
			if isPiece(op) {
				results[i].Err = engine.ErrUnavailable
				continue
			}
			results[i] = s.Store.Commit(s.ctx, ops[i:i+1])[0]
		}
		return results
	}
	s.onCommit.Store(&f)
	return h
}

// isPiece says that an op is a piece of a system run: it looks at the run's progress and not at the structure.
func isPiece(op engine.Op) bool {
	return slices.ContainsFunc(op.Lock, func(k engine.Key) bool { return k.App == "" && strings.HasPrefix(k.ID, "reshape/") }) &&
		!slices.ContainsFunc(op.Lock, func(k engine.Key) bool { return strings.HasPrefix(k.ID, "structure/") })
}

const plainItem = `{"id":"Item","fields":[{"id":"code","type":"string"},{"id":"n","type":"number"},{"id":"old","type":"string","indexed":true}]}`

func item(i int) string {
	return fmt.Sprintf(`{"code":"c%04d","n":%d,"old":"x%d"}`, i, 999-i, i)
}

func TestAFieldIsIndexedWhileItsObjectsAreWritten(t *testing.T) {
	t.Parallel()
	onEveryTroubledStore(t, func(t *testing.T, w *world, s *troubled) {
		w.structure(plainItem)
		w.fill("Item", 500, item)
		h := hold(s, 1)
		saved := w.mustChange(strings.Replace(plainItem, `"type":"number"`, `"type":"number","indexed":true`, 1), engine.StructureChange{})
		<-h.hit
		now, f := w.now("Item")
		if f == nil || f.Done != 200 || f.Total == nil || *f.Total != 500 || fmt.Sprint(f.Fields) != "[n]" || saved.Structure.Field("n").IsIndexed() || now.Field("n").IsIndexed() {
			t.Errorf("filling is %+v", f)
		}
		// Meanwhile a filter does without the index, on what is filled and on what is not; writes fill it.
		w.mustWrite(engine.WriteCreate, "Item", "a", `{"n":-1}`)
		w.mustWrite(engine.WritePatch, "Item", "o0499", `{"n":-2}`)
		w.mustWrite(engine.WriteDelete, "Item", "o0300", `{}`)
		if ids, err := w.find("Item", `n < 1 or n = 999 or n = 499`); err != nil || fmt.Sprint(ids) != "[a o0000 o0499]" && fmt.Sprint(ids) != "[a o0000 o0499 o0500]" {
			t.Errorf("found %v, %v", ids, err)
		}
		if _, err := w.find("Item", `n < 1`, engine.SortKey{Field: "n"}); wrong(err) != "sort FILLING" {
			t.Errorf("sorting by a field that is being filled: %v", err)
		}
		if _, err := w.change(plainItem, engine.StructureChange{}); wrong(err) != "fields FILLING" {
			t.Errorf("another change that needs a run: %v", err)
		}
		w.mustChange(strings.Replace(plainItem, `"type":"number"`, `"type":"number","indexed":true,"name":"Number"`, 1), engine.StructureChange{})
		s.onCommit.Store(nil)
		w.filled("Item")
		if ids, err := w.find("Item", `n < 503`, engine.SortKey{Field: "n"}); err != nil || fmt.Sprint(ids) != "[o0499 a o0498 o0497]" {
			t.Errorf("found %v, %v", ids, err)
		}
	})
}

func TestAFillingGoesOnAfterACrash(t *testing.T) {
	t.Parallel()
	onEveryTroubledStore(t, func(t *testing.T, w *world, s *troubled) {
		w.structure(plainItem)
		w.fill("Item", 700, item)
		h := hold(s, 2)
		doc := `{"id":"Item","fields":[{"id":"code","type":"string","unique":true},{"id":"n","type":"decimal","indexed":true}]}`
		w.mustChange(doc, engine.StructureChange{Drop: []string{"old"}, Convert: []string{"n"}})
		<-h.hit
		w.e.Close() // the pieces that were not carried out are lost with the process
		_, before := w.now("Item")
		if before == nil || before.Done != 400 {
			t.Fatalf("before the crash: %+v", before)
		}
		if got := w.data("Item", "o0399") + w.data("Item", "o0400"); strings.Count(got, "old") != 1 {
			t.Errorf("on both sides of the crash: %s", got)
		}
		s.onCommit.Store(nil)
		w.e = newEngine(t, s)
		st := w.filled("Item")
		if !st.Field("n").IsIndexed() || st.Field("n").IsConverting() {
			t.Error("the field is not indexed")
		}
		if ids, err := w.find("Item", `n <= "301.0"`, engine.SortKey{Field: "n"}); err != nil || fmt.Sprint(ids) != "[o0699 o0698]" {
			t.Errorf("found %v, %v", ids, err)
		}
		if got := w.data("Item", "o0650"); strings.Contains(got, "old") || !strings.Contains(got, `"n":"349"`) {
			t.Errorf("data are %s", got)
		}
		for _, id := range []string{"c0000", "c0350", "c0699"} {
			_, err := w.write(engine.Write{Kind: engine.WriteCreate, Structure: "Item", Fields: fields(t, `{"code":"`+id+`"}`)})
			if wrong(err) != "code TAKEN" {
				t.Errorf("%s again: %v", id, err)
			}
		}
		rows, err := w.store.Records(w.ctx, "", engine.RecordReshape, "", "", 10)
		if err != nil || len(rows) != 0 {
			t.Errorf("%d records are left, %v", len(rows), err)
		}
	})
}

func TestAFieldGoesAwayOnlyWhenItIsNamed(t *testing.T) {
	t.Parallel()
	onEveryTroubledStore(t, func(t *testing.T, w *world, s *troubled) {
		w.structure(plainItem)
		w.fill("Item", 10, item)
		w.mustPublish(`{"id":"old","structure":"Item","triggers":[{"id":"c","kind":"object","on":["created"]}],"steps":[{"id":"p","kind":"push","to":"*","event":"e","message":"{{ object.old }}"}]}`,
			`{"id":"other","structure":"Item","triggers":[{"id":"c","kind":"object","on":["created"]}],"steps":[{"id":"p","kind":"push","to":"*","event":"e","message":"{{ object.n }}"}]}`)
		const without = `{"id":"Item","fields":[{"id":"code","type":"string"},{"id":"n","type":"number"}]}`
		for _, c := range []struct{ drop, want string }{{"", "fields FIELD_REMOVED"}, {"code", "drop DROP fields FIELD_REMOVED"}, {"nothing", "fields FIELD_REMOVED"}} {
			if _, err := w.change(without, engine.StructureChange{Drop: []string{c.drop}}); wrong(err) != c.want {
				t.Errorf("dropping %q: %v, want %s", c.drop, err, c.want)
			}
		}
		h := hold(s, 0)
		saved := w.mustChange(without, engine.StructureChange{Drop: []string{"old"}})
		if len(saved.Warnings) != 1 || saved.Warnings[0].Scenario != "old" || len(saved.Warnings[0].Problems) == 0 {
			t.Errorf("warnings are %+v", saved.Warnings)
		}
		problems, err := w.e.ScenarioProblems(w.ctx, app)
		if err != nil || len(problems) != 1 || len(problems["old"]) == 0 {
			t.Errorf("problems are %v, %v", problems, err)
		}
		if out := w.mustWrite(engine.WriteCreate, "Item", "new", `{}`); len(out.Runs) != 1 {
			t.Errorf("started %v", out.Runs)
		}
		<-h.hit
		// Its values are out of reads at once, and do not come back with a new field of the same id.
		if st, _ := w.now("Item"); st.Field("old") != nil {
			t.Error("the field is still there")
		}
		if _, err := w.change(plainItem, engine.StructureChange{}); wrong(err) != "fields[2].id FILLING" {
			t.Errorf("the field back at once: %v", err)
		}
		s.onCommit.Store(nil)
		w.filled("Item")
		if got := w.data("Item", "o0005"); strings.Contains(got, "old") {
			t.Errorf("data are %s", got)
		}
		w.structure(plainItem)
		w.filled("Item")
		if ids, err := w.find("Item", `old is not null or old like "x"`); err != nil || len(ids) != 0 {
			t.Errorf("the values are back: %v, %v", ids, err)
		}
		if problems, err = w.e.ScenarioProblems(w.ctx, app); err != nil || len(problems) != 0 {
			t.Errorf("problems are %v, %v", problems, err)
		}
	})
}

func TestDuplicatesKeepAFieldFromBecomingUnique(t *testing.T) {
	t.Parallel()
	onEveryTroubledStore(t, func(t *testing.T, w *world, s *troubled) {
		w.structure(plainItem)
		w.fill("Item", 30, func(i int) string { return fmt.Sprintf(`{"code":"c%d"}`, i%14) })
		doc := strings.Replace(plainItem, `"code","type":"string"`, `"code","type":"string","unique":true`, 1)
		_, err := w.change(doc, engine.StructureChange{})
		var inv *engine.InvalidError
		if !errors.As(err, &inv) || len(inv.Fields) != 11 || inv.Fields[0].Code != "DUPLICATES" || !strings.Contains(inv.Fields[0].Message, "o0000, o0014, o0028") || !strings.Contains(inv.Fields[10].Message, "4 more groups") {
			t.Fatalf("refused for %+v", err)
		}
		if st, f := w.now("Item"); f != nil || st.Field("code").Unique {
			t.Error("something was changed")
		}
		w.fill("Item", 30, item)
		h := hold(s, 0)
		w.mustChange(doc, engine.StructureChange{})
		<-h.hit
		// Before the run reaches it, an object that is written claims its value; what it takes from another one holds the run up.
		w.mustWrite(engine.WriteCreate, "Item", "z", `{"code":"c0020"}`)
		if _, err := w.write(engine.Write{Kind: engine.WriteCreate, Structure: "Item", Fields: fields(t, `{"code":"c0020"}`)}); wrong(err) != "code TAKEN" {
			t.Errorf("a value that was claimed while it is filled: %v", err)
		}
		s.onCommit.Store(nil)
		waitUntil(t, "the run to wait", func() bool {
			_, f := w.now("Item")
			return f != nil && f.Waits != nil
		})
		if _, f := w.now("Item"); f.Waits.Object != "o0020" || f.Waits.Other != "z" || f.Waits.Code != "DUPLICATES" || f.Done != 20 {
			t.Errorf("filling is %+v, waits for %+v", f, f.Waits)
		}
		w.mustWrite(engine.WritePatch, "Item", "o0020", `{"code":"other"}`)
		w.filled("Item")
		for _, code := range []string{"c0020", "other", "c0001"} {
			if _, err := w.write(engine.Write{Kind: engine.WriteCreate, Structure: "Item", Fields: fields(t, `{"code":"`+code+`"}`)}); wrong(err) != "code TAKEN" {
				t.Errorf("%s again: %v", code, err)
			}
		}
	})
}

func TestAFieldThatWasUniqueOnceCanBeSoAgain(t *testing.T) {
	t.Parallel()
	onEveryStore(t, func(t *testing.T, w *world) {
		unique := strings.Replace(plainItem, `"code","type":"string"`, `"code","type":"string","unique":true`, 1)
		w.structure(unique)
		w.mustWrite(engine.WriteCreate, "Item", "1", `{"code":"a"}`)
		w.mustWrite(engine.WriteCreate, "Item", "2", `{"code":"b"}`)
		w.mustChange(plainItem, engine.StructureChange{})
		w.mustWrite(engine.WritePatch, "Item", "1", `{"code":"b"}`)
		w.mustWrite(engine.WritePatch, "Item", "2", `{"code":"a"}`)
		w.filled("Item")
		w.mustChange(unique, engine.StructureChange{})
		w.filled("Item")
		if _, err := w.write(engine.Write{Kind: engine.WritePatch, Structure: "Item", ID: "1", Fields: fields(t, `{"code":"a"}`)}); wrong(err) != "code TAKEN" {
			t.Errorf("taken from the other: %v", err)
		}
		w.mustWrite(engine.WriteDelete, "Item", "2", `{}`)
		w.mustWrite(engine.WritePatch, "Item", "1", `{"code":"a"}`)
	})
}

func TestOptionsThatObjectsHaveStay(t *testing.T) {
	t.Parallel()
	onEveryStore(t, func(t *testing.T, w *world) {
		const doc = `{"id":"Item","fields":[{"id":"state","type":"string","options":["a","b","c"]}]}`
		w.structure(doc)
		w.fill("Item", 12, func(i int) string { return fmt.Sprintf(`{"state":%q}`, []string{"a", "b"}[i%2]) })
		_, err := w.change(`{"id":"Item","fields":[{"id":"state","type":"string","options":["d","b"]}]}`, engine.StructureChange{})
		if wrong(err) != "fields[0].options OPTION_USED" || !strings.Contains(err.Error(), "6 objects") || !strings.Contains(err.Error(), "o0000, o0002, o0004") {
			t.Errorf("an option that is used: %v", err)
		}
		w.mustChange(`{"id":"Item","title":"{{ state }}","fields":[{"id":"new","type":"string","required":true},{"id":"state","name":"State","type":"string","options":["d","b","a"],"default":"d"}]}`, engine.StructureChange{})
		if _, f := w.now("Item"); f != nil {
			t.Errorf("words are being filled: %+v", f)
		}
	})
}
