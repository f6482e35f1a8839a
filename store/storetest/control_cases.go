package storetest

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/cuelight/cuelight/engine"
)

var controlCases = map[string]func(*testing.T, engine.Store){
	"Claims/InsertIfAbsentAndTellWhoHoldsIt":       claimOnce,
	"Claims/ReleasedAndLapsedOnesAreFree":          claimFree,
	"Counters/GrowAndAreSeen":                      counters,
	"Records/AreWrittenListedAndDeleted":           records,
	"Records/RaiseTheCatalogueThatEveryCommitSees": catalogue,
}

func claimer(owner string, until time.Time, got *string) engine.Op {
	return op(keys(engine.ClaimKey(app, "tick", "k/1")), func(l *engine.Loaded) (engine.Effects, error) {
		held, err := l.Claim("tick", "k/1")
		if err != nil {
			return engine.Effects{}, err
		}
		if held != nil {
			*got = held.Owner
			return engine.Effects{}, nil
		}
		*got = owner
		return engine.Effects{Claims: []*engine.Claim{{App: app, Space: "tick", Key: "k/1", Owner: owner, Until: until}}}, nil
	})
}

func claimOnce(t *testing.T, s engine.Store) {
	owners := make([]string, 20)
	var all sync.WaitGroup
	for i := range owners {
		all.Add(1)
		time.AfterFunc(0, func() {
			defer all.Done()
			must(t, s, claimer(fmt.Sprint("o", i), time.Time{}, &owners[i]))
		})
	}
	all.Wait()
	for _, o := range owners {
		if o != owners[0] || o == "" {
			t.Fatalf("several hold it: %v", owners)
		}
	}
}

func claimFree(t *testing.T, s engine.Store) {
	var got string
	must(t, s, claimer("a", time.Now().Add(-time.Minute), &got))
	must(t, s, claimer("b", time.Now().Add(time.Hour), &got))
	if got != "b" {
		t.Errorf("a lapsed claim was still held by %s", got)
	}
	must(t, s, claimer("c", time.Time{}, &got))
	if got != "b" {
		t.Errorf("the claim of b is held by %s", got)
	}
	must(t, s, effects(keys(engine.ClaimKey(app, "tick", "k/1")), engine.Effects{Claims: []*engine.Claim{{App: app, Space: "tick", Key: "k/1", Release: true}}}),
		claimer("d", time.Time{}, &got))
	if got != "d" {
		t.Errorf("a released claim is held by %s", got)
	}
	must(t, s, claimer("e", time.Time{}, &got))
	if got != "d" {
		t.Errorf("after the batch it is held by %s", got)
	}
}

func counters(t *testing.T, s engine.Store) {
	var all sync.WaitGroup
	for range 30 {
		all.Add(1)
		time.AfterFunc(0, func() {
			defer all.Done()
			must(t, s, op(keys(engine.CounterKey(app, "Order.number")), func(l *engine.Loaded) (engine.Effects, error) {
				n, err := l.Counter("Order.number")
				return engine.Effects{Counters: []*engine.Counter{{App: app, ID: "Order.number", N: n + 1}}}, err
			}))
		})
	}
	all.Wait()
	must(t, s, op(keys(engine.CounterKey(app, "Order.number")), func(l *engine.Loaded) (engine.Effects, error) {
		if n, err := l.Counter("Order.number"); n != 30 {
			t.Errorf("counter %d, %v", n, err)
		}
		return engine.Effects{}, nil
	}))
}

func records(t *testing.T, s engine.Store) {
	var list []*engine.Record
	for i := range 7 {
		list = append(list, &engine.Record{App: app, Kind: "version", ID: fmt.Sprint("v", i), Owner: fmt.Sprint("s", i%2), Rev: 1, Body: []byte(`{"a":1}`), At: time.UnixMilli(5).UTC()})
	}
	global := &engine.Record{Kind: "account", ID: "x", Rev: 1, Body: []byte(`{}`)}
	must(t, s, effects(nil, engine.Effects{Records: append(list, global)}))
	ctx := t.Context()
	if r, err := s.Record(ctx, "", "account", "x"); err != nil || r.Rev != 1 {
		t.Errorf("record of no app: %+v, %v", r, err)
	}
	if _, err := s.Record(ctx, app, "account", "x"); !errors.Is(err, engine.ErrNotFound) {
		t.Errorf("record of another app: %v", err)
	}
	mine, err := s.Records(ctx, app, "version", "s0", "v0", 2)
	if err != nil || len(mine) != 2 || mine[0].ID != "v2" || mine[1].ID != "v4" || string(mine[0].Body) != `{"a":1}` || !mine[0].At.Equal(time.UnixMilli(5)) {
		t.Errorf("records of s0 after v0: %v, %v", mine, err)
	}
	key := keys(engine.RecordKey(app, "version", "v1"))
	must(t, s, op(key, func(l *engine.Loaded) (engine.Effects, error) {
		r, err := l.RecordForWrite("version", "v1")
		if err != nil {
			return engine.Effects{}, err
		}
		own := *r
		own.Rev++
		own.Owner = "s9"
		return engine.Effects{Records: []*engine.Record{&own}}, nil
	}), effects(keys(engine.RecordKey(app, "version", "v2")), engine.Effects{Records: []*engine.Record{{App: app, Kind: "version", ID: "v2", Deleted: true}}}))
	all, err := s.Records(ctx, app, "version", "", "", 10)
	if err != nil || len(all) != 6 || all[1].Rev != 2 || all[1].Owner != "s9" {
		t.Errorf("records: %v, %v", all, err)
	}
}

func catalogue(t *testing.T, s engine.Store) {
	see := func(want int64) engine.Op {
		return op(nil, func(l *engine.Loaded) (engine.Effects, error) {
			if l.Catalogue != want {
				t.Errorf("catalogue %d, want %d", l.Catalogue, want)
			}
			return engine.Effects{Raise: true, Records: []*engine.Record{{App: app, Kind: "structure", ID: fmt.Sprint("S", want), Body: []byte(`{}`)}}}, nil
		})
	}
	must(t, s, see(0), see(1))
	n, list, err := s.Catalogue(t.Context(), app, "structure", "scenario")
	if err != nil || n != 1 || len(list) != 2 {
		t.Errorf("catalogue %d with %d records, %v", n, len(list), err)
	}
	must(t, s, see(1))
	must(t, s, see(2))
	head, err := s.PushHead(t.Context(), app)
	if err != nil || head.Epoch == "" || head.Pos != 0 {
		t.Errorf("the push log of a new app: %+v, %v", head, err)
	}
}
