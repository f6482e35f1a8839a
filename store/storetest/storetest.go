// Package storetest says what a store has to be: Run carries out every rule of the contract on a store, and Postgres starts a server for
// the tests of those that need one.
package storetest

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/cuelight/cuelight/engine"
)

// Run carries out every case on a fresh store, in parallel. open is to close what it opens at the end of the test.
func Run(t *testing.T, open func(*testing.T) engine.Store) {
	for _, cases := range []map[string]func(*testing.T, engine.Store){commitCases, controlCases, laneCases, permitCases, pushCases, readCases, objectCases, pageCases} {
		for name, check := range cases {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				check(t, open(t))
			})
		}
	}
}

const app = engine.AppID("demo")

type decision = func(*engine.Loaded) (engine.Effects, error)

func op(lock []engine.Key, decide decision) engine.Op {
	return engine.Op{ID: engine.OpID(rand.Text()), App: app, Lock: lock, Decide: decide}
}

func keys(list ...engine.Key) []engine.Key { return list }

// commit carries out ops as an engine does: what was left over or needs more is put back.
func commit(ctx context.Context, s engine.Store, ops ...engine.Op) []engine.Result {
	results := make([]engine.Result, len(ops))
	open := make([]int, len(ops))
	for i := range ops {
		open[i] = i
	}
	ops = slices.Clone(ops)
	for len(open) > 0 {
		batch := make([]engine.Op, len(open))
		for i, at := range open {
			batch[i] = ops[at]
		}
		var back []int
		for i, r := range s.Commit(ctx, batch) {
			at := open[i]
			if need, is := errors.AsType[*engine.NeedError](r.Err); is {
				ops[at].Lock = append(slices.Clone(ops[at].Lock), need.Lock...)
				ops[at].Peek = append(slices.Clone(ops[at].Peek), need.Peek...)
				back = append(back, at)
				continue
			}
			if errors.Is(r.Err, engine.ErrLater) {
				back = append(back, at)
				continue
			}
			results[at] = r
		}
		open = back
	}
	return results
}

// must is commit for ops of which none may be refused.
func must(t testing.TB, s engine.Store, ops ...engine.Op) []engine.Result {
	t.Helper()
	results := commit(t.Context(), s, ops...)
	for i, r := range results {
		if r.Err != nil {
			t.Fatalf("op %d: %v", i, r.Err)
		}
	}
	return results
}

// write is an op that writes an object, whatever was there.
func write(o *engine.Object) engine.Op {
	return op(keys(engine.ObjectKey(app, o.Structure, o.ID)), func(l *engine.Loaded) (engine.Effects, error) {
		old, err := l.ObjectForWrite(o.Structure, o.ID)
		if err != nil {
			return engine.Effects{}, err
		}
		own := *o
		own.App, own.Version, own.CreatedAt, own.ChangedAt = app, 1, l.Now, l.Now
		change := &engine.Change{App: app, Structure: o.Structure, Object: o.ID, Kind: engine.Created, Version: 1, After: o.Data, At: l.Now}
		if old != nil {
			own.Version, own.CreatedAt = old.Version+1, old.CreatedAt
			change.Kind, change.Version, change.Before = engine.Changed, own.Version, old.Data
		}
		return engine.Effects{Objects: []*engine.Object{&own}, Changes: []*engine.Change{change}}, nil
	})
}

type counted struct {
	N int64 `json:"n"`
}

// raise is an op that adds one to an object's n.
func raise(id string) engine.Op {
	return op(keys(engine.ObjectKey(app, "Order", id)), func(l *engine.Loaded) (engine.Effects, error) {
		old, err := l.ObjectForWrite("Order", id)
		if err != nil {
			return engine.Effects{}, err
		}
		own := engine.Object{App: app, Structure: "Order", ID: id, CreatedAt: l.Now}
		var c counted
		if old != nil {
			own = *old
			if err := json.Unmarshal(old.Data, &c); err != nil {
				return engine.Effects{}, err
			}
		}
		c.N++
		own.Version++
		own.ChangedAt = l.Now
		own.Data, _ = json.Marshal(c)
		own.Index = []engine.IndexValue{{Field: "n", Num: &c.N}}
		return engine.Effects{
			Objects: []*engine.Object{&own},
			Changes: []*engine.Change{{App: app, Structure: "Order", Object: id, Kind: engine.Changed, Version: own.Version, After: own.Data, At: l.Now}},
			Value:   c.N,
		}, nil
	})
}

// effects is an op that writes what it is given.
func effects(lock []engine.Key, e engine.Effects) engine.Op {
	return op(lock, func(*engine.Loaded) (engine.Effects, error) { return e, nil })
}

func object(t testing.TB, s engine.Store, id string) *engine.Object {
	t.Helper()
	o, err := s.Object(t.Context(), app, "Order", id)
	if err != nil {
		t.Fatalf("object %s: %v", id, err)
	}
	return o
}

func count(t testing.TB, s engine.Store, id string) int64 {
	t.Helper()
	var c counted
	if err := json.Unmarshal(object(t, s, id).Data, &c); err != nil {
		t.Fatal(err)
	}
	return c.N
}

// run is a ready run of the scenario s.
func run(id string) *engine.Run {
	return &engine.Run{
		App: app, ID: engine.RunID(id), Scenario: "s", Version: 1, Format: engine.RunFormat, Status: engine.RunReady, Trigger: "t", Owner: "n1",
		State: json.RawMessage(`{"frames":[]}`), CreatedAt: time.UnixMilli(1_700_000_000_000).UTC(),
	}
}

// changes reads the feed until it has n of them: PostgreSQL shows a change when no older transaction is open any more.
func changes(t testing.TB, s engine.Store, n int) []*engine.Change {
	t.Helper()
	var all []*engine.Change
	var at engine.ChangeCursor
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for len(all) < n {
		list, next, err := s.Changes(ctx, app, at, 7)
		if err != nil {
			t.Fatalf("%d of %d changes seen: %v", len(all), n, err)
		}
		all, at = append(all, list...), next
		if len(list) == 0 {
			time.Sleep(5 * time.Millisecond) // other tests on the same server hold transactions open
		}
	}
	return all
}

// sameJSON compares documents by what they say: PostgreSQL keeps neither order nor spaces.
func sameJSON(a, b []byte) bool {
	var x, y any
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		return false
	}
	return fmt.Sprint(x) == fmt.Sprint(y)
}
