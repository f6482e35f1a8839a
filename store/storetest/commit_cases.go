package storetest

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/cuelight/cuelight/engine"
)

var errRefused = errors.New("refused")

var commitCases = map[string]func(*testing.T, engine.Store){
	"Commit/AHundredRaisesAtOnceMakeAHundred":   raisesAtOnce,
	"Commit/MergesOpsOnOneObjectIntoOneWrite":   mergesOps,
	"Commit/RefusedOpLeavesNoTrace":             refusedOp,
	"Commit/PoisonedOpFailsAlone":               poisonedOp,
	"Commit/AnAbsentKeyIsNil":                   absentKey,
	"Commit/PeeksAreRead":                       peeks,
	"Commit/MoreKeysCanBeAskedForInTheMiddle":   moreKeys,
	"Commit/PeekedKeyIsReadAgainUnderItsLock":   peekedThenLocked,
	"Commit/FenceHoldsOnlyForItsEpochAndCursor": fence,
	"Commit/LaterOpsSeeRowsOfEarlierOnes":       laterSee,
	"Commit/DeletedObjectIsGoneWithItsIndex":    deletedObject,
	"Commit/TheSameOpTwiceIsSeenByItsClaim":     sameOpTwice,
	"Commit/NoOpsAreNoTrouble":                  noOps,
	"Commit/ABatchOfManyAppsKeepsThemApart":     manyApps,
	"Commit/ManyKeysInOneBatch":                 manyKeys,
}

func raisesAtOnce(t *testing.T, s engine.Store) {
	const n = 100
	var all sync.WaitGroup
	for range n {
		all.Add(1)
		time.AfterFunc(0, func() {
			defer all.Done()
			if r := commit(t.Context(), s, raise("1")); r[0].Err != nil {
				t.Errorf("raise: %v", r[0].Err)
			}
		})
	}
	all.Wait()
	if got := count(t, s, "1"); got != n {
		t.Errorf("%d raises made %d", n, got)
	}
	if v := object(t, s, "1").Version; v != n {
		t.Errorf("version %d", v)
	}
	seen := map[int64]bool{}
	for _, c := range changes(t, s, n) {
		if seen[c.Seq] || seen[-c.Version] {
			t.Errorf("change %d of version %d is there twice", c.Seq, c.Version)
		}
		seen[c.Seq], seen[-c.Version] = true, true
	}
}

func mergesOps(t *testing.T, s engine.Store) {
	var ops []engine.Op
	for range 10 {
		ops = append(ops, raise("1"), raise("2"))
	}
	results := must(t, s, ops...)
	if got := results[19].Effects.Value; got != int64(10) {
		t.Errorf("the last op of object 2 saw %v", got)
	}
	for _, id := range []string{"1", "2"} {
		if o := object(t, s, id); o.Version != 10 || count(t, s, id) != 10 {
			t.Errorf("object %s has version %d and count %d", id, o.Version, count(t, s, id))
		}
	}
	list := changes(t, s, 20)
	for i, c := range list[1:] {
		if c.Seq <= list[i].Seq {
			t.Errorf("change %d after %d", c.Seq, list[i].Seq)
		}
	}
}

func refusedOp(t *testing.T, s engine.Store) {
	bad := op(keys(engine.ObjectKey(app, "Order", "1"), engine.ClaimKey(app, "x", "y")), func(l *engine.Loaded) (engine.Effects, error) {
		return engine.Effects{
			Objects: []*engine.Object{{App: app, Structure: "Order", ID: "1", Version: 99, Data: []byte(`{}`)}},
			Claims:  []*engine.Claim{{App: app, Space: "x", Key: "y", Owner: "bad"}},
			Pushes:  []*engine.Push{{App: app, To: "*", Event: "bad"}},
		}, errRefused
	})
	results := commit(t.Context(), s, raise("1"), bad, raise("1"))
	if !errors.Is(results[1].Err, errRefused) || results[0].Err != nil || results[2].Err != nil {
		t.Fatalf("results: %v, %v, %v", results[0].Err, results[1].Err, results[2].Err)
	}
	if o := object(t, s, "1"); o.Version != 2 {
		t.Errorf("version %d", o.Version)
	}
	if pushes, err := s.Pushes(t.Context(), app, 0, time.Time{}, 10); err != nil || len(pushes) != 0 {
		t.Errorf("pushes: %v, %v", pushes, err)
	}
	if r := commit(t.Context(), s, bad); !errors.Is(r[0].Err, errRefused) {
		t.Errorf("alone it answers %v", r[0].Err)
	}
}

// poison is an op that is found good and that no database takes: data that is no JSON for the one, a second step of the same number for both.
func poison() engine.Op {
	step := func() *engine.StepRecord { return &engine.StepRecord{App: app, Run: "poison", Seq: 1} }
	return effects(nil, engine.Effects{Steps: []*engine.StepRecord{step(), step()}})
}

func poisonedOp(t *testing.T, s engine.Store) {
	ops := make([]engine.Op, 100)
	for i := range ops {
		ops[i] = raise(fmt.Sprint(i % 10))
	}
	ops[37] = poison()
	results := commit(t.Context(), s, ops...)
	for i, r := range results {
		if (r.Err != nil) != (i == 37) {
			t.Errorf("op %d: %v", i, r.Err)
		}
	}
	total := int64(0)
	for i := range 10 {
		total += count(t, s, fmt.Sprint(i))
	}
	if total != 99 {
		t.Errorf("99 raises made %d", total)
	}
}

func absentKey(t *testing.T, s engine.Store) {
	lock := keys(engine.ObjectKey(app, "Order", "1"), engine.ClaimKey(app, "a", "b"), engine.RunKey(app, "r"), engine.LaneKey(app, "l"),
		engine.CounterKey(app, "c"), engine.RecordKey(app, "structure", "x"))
	must(t, s, op(lock, func(l *engine.Loaded) (engine.Effects, error) {
		o, err1 := l.ObjectForWrite("Order", "1")
		c, err2 := l.Claim("a", "b")
		r, err3 := l.Run("r")
		lane, err4 := l.Lane("l")
		n, err5 := l.Counter("c")
		rec, err6 := l.RecordForWrite("structure", "x")
		if o != nil || c != nil || r != nil || lane == nil || lane.Holder != "" || lane.Tail != 0 || n != 0 || rec != nil || l.Catalogue != 0 {
			t.Errorf("absent rows: %v %v %v %v %v %v %v", o, c, r, lane, n, rec, l.Catalogue)
		}
		return engine.Effects{}, errors.Join(err1, err2, err3, err4, err5, err6)
	}))
}

func peeks(t *testing.T, s engine.Store) {
	must(t, s, raise("1"))
	o := op(nil, func(l *engine.Loaded) (engine.Effects, error) {
		o, err := l.Object("Order", "1")
		if err == nil && (o == nil || o.Version != 1) {
			t.Errorf("peeked %+v", o)
		}
		if _, err := l.ObjectForWrite("Order", "1"); err == nil {
			t.Error("a peeked key can be written")
		}
		return engine.Effects{}, err
	})
	o.Peek = keys(engine.ObjectKey(app, "Order", "1"))
	must(t, s, o)
}

func moreKeys(t *testing.T, s engine.Store) {
	must(t, s, raise("1"), raise("2"))
	must(t, s, raise("2"), op(nil, func(l *engine.Loaded) (engine.Effects, error) {
		one, err := l.Object("Order", "1")
		if err != nil {
			return engine.Effects{}, err
		}
		two, err := l.ObjectForWrite("Order", "2")
		if err != nil {
			return engine.Effects{}, err
		}
		own := *two
		own.Version, own.Data = two.Version+1, []byte(fmt.Sprintf(`{"n": %d}`, two.Version*100+one.Version))
		return engine.Effects{Objects: []*engine.Object{&own}}, nil
	}))
	if got := count(t, s, "2"); got != 201 {
		t.Errorf("the op saw %d", got)
	}
}

// peekedThenLocked is about stores with several writers: between the peek and the lock another one can have written.
func peekedThenLocked(t *testing.T, s engine.Store) {
	must(t, s, raise("1"))
	first := true
	o := op(nil, func(l *engine.Loaded) (engine.Effects, error) {
		if _, err := l.Object("Order", "1"); err != nil {
			return engine.Effects{}, err
		}
		if s.Committers() > 1 && first {
			first = false
			must(t, s, raise("1"))
		}
		old, err := l.ObjectForWrite("Order", "1")
		if err != nil {
			return engine.Effects{}, err
		}
		own := *old
		own.Version++
		return engine.Effects{Objects: []*engine.Object{&own}}, nil
	})
	o.Peek = keys(engine.ObjectKey(app, "Order", "1"))
	must(t, s, o)
	want := int64(2)
	if s.Committers() > 1 {
		want = 3
	}
	if v := object(t, s, "1").Version; v != want {
		t.Errorf("version %d, want %d: a write was lost", v, want)
	}
}

func fence(t *testing.T, s engine.Store) {
	r := run("r1")
	r.Epoch, r.Cursor = 3, 5
	must(t, s, effects(nil, engine.Effects{Runs: []*engine.Run{r}}))
	advance := func(epoch, cursor int64) engine.Op {
		o := op(nil, func(l *engine.Loaded) (engine.Effects, error) {
			old, err := l.Run("r1")
			if err != nil {
				return engine.Effects{}, err
			}
			own := *old
			own.Cursor++
			return engine.Effects{Runs: []*engine.Run{&own}}, nil
		})
		o.Fence = &engine.Fence{Run: "r1", Epoch: epoch, Cursor: cursor}
		return o
	}
	results := commit(t.Context(), s, advance(2, 5), advance(3, 4), advance(3, 5), advance(3, 5))
	for i, want := range []error{engine.ErrFenced, engine.ErrFenced, nil, engine.ErrFenced} {
		if !errors.Is(results[i].Err, want) || want == nil && results[i].Err != nil {
			t.Errorf("op %d: %v, want %v", i, results[i].Err, want)
		}
	}
	got, err := s.Run(t.Context(), app, "r1")
	if err != nil || got.Cursor != 6 || got.Epoch != 3 {
		t.Errorf("%+v, %v", got, err)
	}
	absent := advance(0, 0)
	absent.Fence.Run = "r2"
	if r := commit(t.Context(), s, absent); !errors.Is(r[0].Err, engine.ErrFenced) {
		t.Errorf("fence of no run: %v", r[0].Err)
	}
}

func laterSee(t *testing.T, s engine.Store) {
	lock := keys(engine.ClaimKey(app, "u", "k"), engine.CounterKey(app, "c"), engine.RunKey(app, "r"))
	step := func() engine.Op {
		return op(lock, func(l *engine.Loaded) (engine.Effects, error) {
			n, err1 := l.Counter("c")
			c, err2 := l.Claim("u", "k")
			r, err3 := l.Run("r")
			if (n > 0) != (c != nil) || (n > 0) != (r != nil) {
				t.Errorf("at %d: claim %v, run %v", n, c, r)
			}
			return engine.Effects{
				Counters: []*engine.Counter{{App: app, ID: "c", N: n + 1}},
				Claims:   []*engine.Claim{{App: app, Space: "u", Key: "k", Owner: fmt.Sprint(n)}},
				Runs:     []*engine.Run{run("r")},
			}, errors.Join(err1, err2, err3)
		})
	}
	must(t, s, step(), step())
	must(t, s, step())
	must(t, s, op(lock, func(l *engine.Loaded) (engine.Effects, error) {
		if n, err := l.Counter("c"); n != 3 {
			t.Errorf("counter %d, %v", n, err)
		}
		if c, err := l.Claim("u", "k"); c == nil || c.Owner != "2" {
			t.Errorf("claim %+v, %v", c, err)
		}
		return engine.Effects{}, nil
	}))
}

func deletedObject(t *testing.T, s engine.Store) {
	must(t, s, raise("1"), raise("2"))
	gone := effects(keys(engine.ObjectKey(app, "Order", "1")), engine.Effects{
		Objects: []*engine.Object{{App: app, Structure: "Order", ID: "1", Version: 2, Deleted: true}},
		Changes: []*engine.Change{{App: app, Structure: "Order", Object: "1", Kind: engine.Deleted, Version: 2, Before: []byte(`{"n": 1}`), Fields: []string{"n"}}},
	})
	must(t, s, gone)
	if _, err := s.Object(t.Context(), app, "Order", "1"); !errors.Is(err, engine.ErrNotFound) {
		t.Errorf("deleted object: %v", err)
	}
	last := changes(t, s, 3)[2]
	if last.After != nil || !sameJSON(last.Before, []byte(`{"n":1}`)) || last.Kind != engine.Deleted || len(last.Fields) != 1 {
		t.Errorf("change: %+v", last)
	}
	page, err := s.Objects(t.Context(), engine.ObjectQuery{App: app, Structure: orders(t), Filter: parsed(t, orders(t), `n = 1`), Limit: 10})
	if err != nil || len(page.Items) != 1 || page.Items[0].ID != "2" {
		t.Errorf("objects with n = 1: %v, %v", ids(page), err)
	}
	must(t, s, write(&engine.Object{Structure: "Order", ID: "1", Data: []byte(`{}`)}))
	if v := object(t, s, "1").Version; v != 1 {
		t.Errorf("made again it has version %d", v)
	}
	page, err = s.Objects(t.Context(), engine.ObjectQuery{App: app, Structure: orders(t), Filter: parsed(t, orders(t), `n = 1`), Limit: 10})
	if err != nil || len(page.Items) != 1 {
		t.Errorf("made again it is found by what it was: %v, %v", ids(page), err)
	}
}

func sameOpTwice(t *testing.T, s engine.Store) {
	once := op(keys(engine.ClaimKey(app, "idem", "k"), engine.CounterKey(app, "c")), func(l *engine.Loaded) (engine.Effects, error) {
		held, err1 := l.Claim("idem", "k")
		n, err2 := l.Counter("c")
		if err := errors.Join(err1, err2); err != nil || held != nil {
			return engine.Effects{}, err
		}
		return engine.Effects{Counters: []*engine.Counter{{App: app, ID: "c", N: n + 1}}, Claims: []*engine.Claim{{App: app, Space: "idem", Key: "k", Owner: l.NewID()}}}, nil
	})
	a := must(t, s, once, once)
	must(t, s, once)
	if len(a[0].Claims) != 1 || len(a[1].Claims) != 0 || a[0].Claims[0].Owner == "" {
		t.Errorf("claims: %v, %v", a[0].Claims, a[1].Claims)
	}
	must(t, s, op(keys(engine.CounterKey(app, "c")), func(l *engine.Loaded) (engine.Effects, error) {
		if n, _ := l.Counter("c"); n != 1 {
			t.Errorf("it happened %d times", n)
		}
		return engine.Effects{}, nil
	}))
}

func noOps(t *testing.T, s engine.Store) {
	if r := s.Commit(t.Context(), nil); len(r) != 0 {
		t.Errorf("results: %v", r)
	}
}

func manyApps(t *testing.T, s engine.Store) {
	var ops []engine.Op
	for i := range 9 {
		name := engine.AppID(fmt.Sprint("app", i%3))
		ops = append(ops, engine.Op{ID: engine.OpID(fmt.Sprint(i)), App: name, Lock: keys(engine.CounterKey(name, "c")), Decide: func(l *engine.Loaded) (engine.Effects, error) {
			n, err := l.Counter("c")
			return engine.Effects{
				Counters: []*engine.Counter{{App: name, ID: "c", N: n + 1}}, Value: n + 1,
				Pushes: []*engine.Push{{App: name, To: "*", Event: fmt.Sprint(n)}},
			}, err
		}})
	}
	for i, r := range must(t, s, ops...) {
		if want := int64(i/3 + 1); r.Effects.Value != want || r.Effects.Pushes[0].Pos != want {
			t.Errorf("op %d: counter %v, push at %d, want %d", i, r.Effects.Value, r.Effects.Pushes[0].Pos, want)
		}
	}
}

func manyKeys(t *testing.T, s engine.Store) {
	ops := make([]engine.Op, 200)
	for i := range ops {
		var lock []engine.Key
		for j := range 20 {
			lock = append(lock, engine.CounterKey(app, fmt.Sprint(i, "-", j)))
		}
		ops[i] = effects(lock, engine.Effects{Counters: []*engine.Counter{{App: app, ID: fmt.Sprint(i, "-0"), N: 1}}})
	}
	must(t, s, ops...)
}
