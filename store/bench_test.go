package store

import (
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cuelight/cuelight/engine"
	"github.com/cuelight/cuelight/store/storetest"
)

// BenchmarkCommit writes an object with its change in each op: one at a time, and 128 in flight as a committer would group them. Its own
// server does not fsync; for figures set CUELIGHT_TEST_POSTGRES.
func BenchmarkCommit(b *testing.B) {
	for name, address := range map[string]func() string{
		"sqlite":   func() string { return filepath.Join(b.TempDir(), "cuelight.db") },
		"postgres": func() string { return storetest.Postgres(b) },
	} {
		for _, flight := range []int{1, 128} {
			b.Run(fmt.Sprintf("%s/%d", name, flight), func(b *testing.B) {
				s, err := Open(b.Context(), address(), Options{})
				if err != nil {
					b.Fatal(err)
				}
				defer func() { _ = s.Close() }()
				committers := min(s.Committers(), flight)
				var left atomic.Int64
				left.Store(int64(b.N))
				b.ResetTimer()
				var all sync.WaitGroup
				for c := range committers {
					all.Go(func() {
						for n := int64(0); left.Add(-int64(flight/committers)) > -int64(flight/committers); n++ {
							if err := batch(b, s, c, flight/committers); err != nil {
								b.Error(err)
								return
							}
						}
					})
				}
				all.Wait()
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "ops/s")
			})
		}
	}
}

func batch(b *testing.B, s engine.Store, committer, size int) error {
	app := engine.AppID(fmt.Sprint("app", committer))
	ops := make([]engine.Op, size)
	for i := range ops {
		id := fmt.Sprint(i)
		ops[i] = engine.Op{ID: engine.OpID(id), App: app, Lock: []engine.Key{engine.ObjectKey(app, "Order", id)}, Decide: func(l *engine.Loaded) (engine.Effects, error) {
			o := &engine.Object{App: app, Structure: "Order", ID: id, Data: []byte(`{"n": 1, "status": "paid", "note": "some text of a usual length"}`), ChangedAt: l.Now}
			old, err := l.ObjectForWrite("Order", id)
			if old != nil {
				o.Version = old.Version
			}
			o.Version++
			return engine.Effects{Objects: []*engine.Object{o}, Changes: []*engine.Change{{App: app, Structure: "Order", Object: id, Version: o.Version, After: o.Data, At: l.Now}}}, err
		}}
	}
	for _, r := range s.Commit(b.Context(), ops) {
		if r.Err != nil && !errors.Is(r.Err, engine.ErrLater) {
			return r.Err
		}
	}
	return nil
}
