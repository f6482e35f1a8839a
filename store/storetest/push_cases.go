package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cuelight/cuelight/engine"
)

var pushCases = map[string]func(*testing.T, engine.Store){
	"Pushes/PositionsAreGaplessInCommitOrder": positions,
	"Pushes/TailIsTheEndOfTheLog":             tail,
	"Deliveries/AddUpOverOpsAndNodes":         deliveries,
	"Deliveries/GoWithTheirRun":               pruneDeliveries,
	"Changes/AreAllSeenOnceInOrder":           changesOnce,
	"Changes/KeepWhatTheySay":                 changeDetails,
}

// positions has four writers at a time, each on apps of its own, as an engine has.
func positions(t *testing.T, s engine.Store) {
	var all sync.WaitGroup
	for w := range max(4, s.Committers()) {
		name := engine.AppID(fmt.Sprint("app", w%s.Committers()))
		if s.Committers() == 1 {
			name = "app0"
		}
		all.Add(1)
		time.AfterFunc(0, func() {
			defer all.Done()
			for i := range 25 {
				var ops []engine.Op
				for j := range i%4 + 1 {
					p := &engine.Push{App: name, To: "*", Event: fmt.Sprint(w, "-", i, "-", j), At: time.UnixMilli(1)}
					ops = append(ops, engine.Op{ID: engine.OpID(p.Event), App: name, Decide: func(*engine.Loaded) (engine.Effects, error) {
						return engine.Effects{Pushes: []*engine.Push{p}}, nil
					}})
				}
				last := int64(0)
				for _, r := range must(t, s, ops...) {
					if pos := r.Effects.Pushes[0].Pos; pos <= last {
						t.Errorf("push at %d after %d", pos, last)
					} else {
						last = pos
					}
				}
			}
		})
	}
	all.Wait()
	for w := range s.Committers() {
		name := engine.AppID(fmt.Sprint("app", w))
		head, err := s.PushHead(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		list, err := s.Pushes(t.Context(), name, 0, time.Time{}, 10000)
		if err != nil || int64(len(list)) != head.Pos {
			t.Fatalf("%d pushes up to %d, %v", len(list), head.Pos, err)
		}
		for i, p := range list {
			if p.Pos != int64(i+1) {
				t.Fatalf("place %d has position %d", i+1, p.Pos)
			}
		}
	}
}

func tail(t *testing.T, s engine.Store) {
	if got, err := s.PushTail(t.Context(), app, time.Time{}, 10, 1<<20); err != nil || got.Head.Pos != 0 || len(got.Pushes) != 0 {
		t.Errorf("tail of nothing: %+v, %v", got, err)
	}
	if _, err := s.PushHead(t.Context(), app); !errors.Is(err, engine.ErrNotFound) {
		t.Errorf("head of nothing: %v", err)
	}
	var e engine.Effects
	for i := range 6 {
		e.Pushes = append(e.Pushes, &engine.Push{App: app, To: []string{"*", "ann", "bob"}[i%3], Event: "e", Message: `{"a":1}`, JSON: i == 5, Run: "r", Seq: int64(i), At: time.UnixMilli(int64(i+1) * 100).UTC()})
	}
	must(t, s, effects(nil, e))
	got, err := s.PushTail(t.Context(), app, time.UnixMilli(300), 3, 1<<20)
	if err != nil || got.Head.Pos != 6 || len(got.Pushes) != 3 || got.Pushes[0].Pos != 4 || !got.Pushes[2].JSON || got.Pushes[0].JSON || got.Floor != 0 ||
		fmt.Sprint(got.Last) != "map[*:1 ann:2 bob:3]" {
		t.Errorf("tail: %+v, %v", got, err)
	}
	if p := got.Pushes[2]; p != *e.Pushes[5] {
		t.Errorf("push came back as %+v, was %+v", p, *e.Pushes[5])
	}
	// Each push has 8 bytes.
	for size, first := range map[int]int64{0: 7, 7: 7, 8: 6, 23: 5, 24: 4, 1 << 20: 1} {
		got, err := s.PushTail(t.Context(), app, time.Time{}, 10, size)
		if err != nil || int64(len(got.Pushes)) != 7-first || len(got.Pushes) > 0 && got.Pushes[0].Pos != first || first > 3 && got.Last["*"] != (first-2)/3*3+1 {
			t.Errorf("tail of at most %d bytes: %+v, %v", size, got, err)
		}
	}
	list, err := s.Pushes(t.Context(), app, 2, time.UnixMilli(400), 2)
	if err != nil || len(list) != 2 || list[0].Pos != 4 {
		t.Errorf("pushes: %+v, %v", list, err)
	}
}

func told(node, run string, seq, online, delivered, received int64) engine.Op {
	return effects(nil, engine.Effects{Deliveries: []*engine.Delivery{
		{App: app, Run: engine.RunID(run), Seq: seq, Node: node, Online: online, Delivered: delivered, Received: received},
	}})
}

func wantDeliveries(t *testing.T, s engine.Store, run, want string) {
	t.Helper()
	list, err := s.DeliveriesOf(t.Context(), app, engine.RunID(run))
	if err != nil {
		t.Fatal(err)
	}
	var told strings.Builder
	for _, d := range list {
		if d.App != app || d.Run != engine.RunID(run) || d.Node != "" {
			t.Errorf("a sum of run %s says %+v", run, d)
		}
		fmt.Fprintf(&told, "%d: %d/%d/%d ", d.Seq, d.Online, d.Delivered, d.Received)
	}
	if got := told.String(); got != want {
		t.Errorf("deliveries of run %s are %q, want %q", run, got, want)
	}
}

// deliveries has one row told three times: twice in one batch, which is one statement on a store that writes in bulk, and once later.
func deliveries(t *testing.T, s engine.Store) {
	must(t, s, told("n1", "r", 3, 2, 0, 0), told("n1", "r", 3, 0, 1, 0), told("n1", "r", 12, 0, 0, 0), told("n2", "r", 3, 5, 0, 0), told("n1", "other", 3, 9, 9, 9))
	wantDeliveries(t, s, "r", "3: 7/1/0 12: 0/0/0 ")
	must(t, s, told("n1", "r", 3, 0, 1, 2), told("n2", "r", 3, 0, 4, 1))
	wantDeliveries(t, s, "r", "3: 7/6/3 12: 0/0/0 ")
	wantDeliveries(t, s, "unknown", "")
	if list, err := s.DeliveriesOf(t.Context(), "other", "r"); err != nil || len(list) != 0 {
		t.Errorf("deliveries of another app: %v, %v", list, err)
	}
}

func pruneDeliveries(t *testing.T, s engine.Store) {
	old, kept := run("old"), run("kept")
	old.Status, old.FinishedAt, old.ForgetAt = engine.RunDone, time.UnixMilli(1000).UTC(), time.UnixMilli(1000).UTC()
	must(t, s, effects(nil, engine.Effects{Runs: []*engine.Run{old, kept}}), told("n1", "old", 1, 1, 1, 1), told("n2", "old", 1, 1, 1, 1), told("n1", "kept", 1, 1, 1, 1))
	forget := func(p engine.Retention, want int) {
		t.Helper()
		p.MaxRows = 10
		if n, err := s.Prune(t.Context(), p); err != nil || n != want {
			t.Errorf("%d rows went, want %d, %v", n, want, err)
		}
	}
	forget(engine.Retention{Runs: time.UnixMilli(5000)}, 1)
	wantDeliveries(t, s, "old", "")
	wantDeliveries(t, s, "kept", "1: 1/1/1 ")
	must(t, s, told("n1", "old", 1, 0, 0, 1)) // a receipt that comes when its run is gone
	forget(engine.Retention{Deliveries: time.Now().Add(-time.Hour)}, 0)
	wantDeliveries(t, s, "old", "1: 0/0/1 ")
	forget(engine.Retention{Deliveries: time.Now().Add(time.Hour)}, 2)
	wantDeliveries(t, s, "old", "")
}

func changesOnce(t *testing.T, s engine.Store) {
	const writers, each = 4, 20
	var all sync.WaitGroup
	for w := range writers {
		all.Add(1)
		time.AfterFunc(0, func() {
			defer all.Done()
			for range each {
				must(t, s, raise(fmt.Sprint("o", w)))
			}
		})
	}
	list := changes(t, s, writers*each) // read while they write
	all.Wait()
	versions := map[string][]int64{}
	for _, c := range list {
		versions[c.Object] = append(versions[c.Object], c.Version)
	}
	for w := range writers {
		got := versions[fmt.Sprint("o", w)]
		if len(got) != each || !slices.IsSorted(got) || got[each-1] != each {
			t.Errorf("versions of object %d in the feed: %v", w, got)
		}
	}
}

func changeDetails(t *testing.T, s engine.Store) {
	c := &engine.Change{
		App: app, Structure: "Order", Object: "1", Kind: engine.Changed, Version: 2, Before: []byte(`{"a":"й"}`), After: []byte(`{"a":"😀"}`),
		Fields: []string{"a"}, Who: "ann", User: "bea", Run: "r", Chain: "c", Depth: 2, Silent: true, At: time.UnixMilli(5).UTC(),
	}
	must(t, s, effects(nil, engine.Effects{Changes: []*engine.Change{c}}))
	seen := changes(t, s, 1)[0]
	one, err := s.Change(t.Context(), app, seen.Seq)
	if err != nil {
		t.Fatal(err)
	}
	for _, got := range []*engine.Change{seen, one} {
		if !sameJSON(got.Before, c.Before) || !sameJSON(got.After, c.After) {
			t.Errorf("images: %s, %s", got.Before, got.After)
		}
		got.Before, got.After = c.Before, c.After
		if fmt.Sprintf("%+v", *got) != fmt.Sprintf("%+v", *c) {
			t.Errorf("change came back as\n%+v, was\n%+v", *got, *c)
		}
	}
	if _, err := s.Change(t.Context(), "other", seen.Seq); !errors.Is(err, engine.ErrNotFound) {
		t.Errorf("change of another app: %v", err)
	}
	if list, next, err := s.Changes(t.Context(), "other", engine.ChangeCursor{}, 10); err != nil || len(list) != 0 || next != (engine.ChangeCursor{}) {
		t.Errorf("feed of another app: %v, %v, %v", list, next, err)
	}
}
