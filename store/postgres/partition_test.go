package postgres

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cuelight/cuelight/engine"
	"github.com/cuelight/cuelight/store/storetest"
)

// house is a store with a clock that the test moves, and the same database behind the store's back.
type house struct {
	*Store
	db  *sql.DB
	now *atomic.Int64
}

func newHouse(t *testing.T) house {
	t.Helper()
	url := storetest.Postgres(t)
	h := house{now: &atomic.Int64{}}
	h.now.Store(time.Date(2030, 1, 1, 12, 30, 0, 0, time.UTC).UnixMilli())
	var err error
	if h.Store, err = Open(t.Context(), url, Options{Clock: func() time.Time { return time.UnixMilli(h.now.Load()) }}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.Close() })
	h.db = storetest.SQL(t, url)
	return h
}

func (h house) pass(d time.Duration) { h.now.Add(d.Milliseconds()) }

// partitions lists the partitions of a table without its name.
func (h house) partitions(t *testing.T, table string) string {
	t.Helper()
	var names string
	err := h.db.QueryRow(`SELECT string_agg(substr(c.relname, length($1) + 2), ' ' ORDER BY c.relname) FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
		WHERE i.inhparent = $1::text::regclass`, table).Scan(&names)
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// size is what the parted tables have of the disk.
func (h house) size(t *testing.T) int64 {
	t.Helper()
	var bytes int64
	err := h.db.QueryRow(`SELECT SUM(pg_total_relation_size(inhrelid)) FROM pg_inherits WHERE inhparent IN (SELECT oid FROM pg_class WHERE relkind = 'p')`).Scan(&bytes)
	if err != nil {
		t.Fatal(err)
	}
	return bytes
}

func (h house) write(t *testing.T, e engine.Effects) {
	t.Helper()
	op := engine.Op{ID: "o", App: "demo", Decide: func(*engine.Loaded) (engine.Effects, error) { return e, nil }}
	if r := h.Commit(t.Context(), []engine.Op{op}); r[0].Err != nil {
		t.Fatal(r[0].Err)
	}
}

// prune forgets everything that is older than an age, and answers how many rows and partitions went.
func (h house) prune(t *testing.T, age time.Duration) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	all := 0
	for {
		before := time.UnixMilli(h.now.Load()).Add(-age)
		n, err := h.Prune(ctx, engine.Retention{Runs: before, Changes: before, Pushes: before, Commits: before, MaxRows: 500})
		if err != nil {
			t.Fatal(err)
		}
		if all += n; n == 0 {
			return all
		}
	}
}

// work is what an hour leaves behind: finished runs with their logs, changes and pushes.
func (h house) work(t *testing.T, rows int) {
	t.Helper()
	now := time.UnixMilli(h.now.Load()).UTC()
	var e engine.Effects
	for i := range rows {
		id := runID(now, fmt.Sprint(i))
		e.Runs = append(e.Runs, &engine.Run{App: "demo", ID: id, Scenario: "s", Status: engine.RunDone, FinishedAt: now, ForgetAt: now})
		e.Steps = append(e.Steps, &engine.StepRecord{App: "demo", Run: id, Seq: 1, Error: strings.Repeat("x", 1000)})
		e.Values = append(e.Values, &engine.RunValue{App: "demo", Run: id, Name: "v", Value: []byte(`1`)})
		e.Changes = append(e.Changes, &engine.Change{App: "demo", Structure: "S", Object: "1", Who: strings.Repeat("x", 1000), At: now})
		e.Pushes = append(e.Pushes, &engine.Push{App: "demo", To: "*", Event: "e", Message: strings.Repeat("x", 1000), At: now})
	}
	h.write(t, e)
}

func runID(at time.Time, end string) engine.RunID {
	return engine.RunID(strings.Trim(parted{byRun: true}.bound(at), `'`) + "-7000-8000-" + end)
}

func TestPartitionsAreReadyAfterOpen(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	const days, hours = "default p20300101 p20300102", "default p2030010112 p2030010113 p2030010114"
	for table, want := range map[string]string{"changes": days, "commits": days, "run_steps": days, "run_values": days, "pushes": hours} {
		if got := h.partitions(t, table); got != want {
			t.Errorf("%s has %s", table, got)
		}
	}
	h.work(t, 10)
	for _, table := range []string{"changes", "commits", "run_steps", "run_values", "pushes"} {
		var inDefault int
		if err := h.db.QueryRow(`SELECT COUNT(*) FROM ` + table + `_default`).Scan(&inDefault); err != nil || inDefault != 0 {
			t.Errorf("%d rows of %s are in the default partition, %v", inDefault, table, err)
		}
	}
}

func TestPruningGivesTheDiskBack(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	empty := h.size(t)
	h.work(t, 2000)
	h.pass(day)
	if h.prune(t, 2*day) != 0 { // which makes the partitions of today
		t.Error("something went that may still be needed")
	}
	h.work(t, 2000)
	sleeper := runID(time.UnixMilli(h.now.Load()), "sleeps")
	h.write(t, engine.Effects{
		Runs:   []*engine.Run{{App: "demo", ID: sleeper, Scenario: "s", Status: engine.RunWaiting}},
		Values: []*engine.RunValue{{App: "demo", Run: sleeper, Name: "v", Value: []byte(`1`)}},
	})
	full := h.size(t)
	h.pass(2 * day)
	h.prune(t, day/2)
	// Of the second day the logs of runs are kept, since one of the runs is.
	for table, want := range map[string]string{"changes": "default p20300104 p20300105", "run_values": "default p20300102 p20300104 p20300105"} {
		if got := h.partitions(t, table); got != want {
			t.Errorf("%s has %s", table, got)
		}
	}
	if values, err := h.Values(t.Context(), "demo", sleeper); err != nil || len(values) != 1 {
		t.Errorf("the run that sleeps has %d values, %v", len(values), err)
	}
	if _, err := h.db.Exec(`DELETE FROM runs`); err != nil {
		t.Fatal(err)
	}
	h.prune(t, day/2)
	if left := h.size(t); full < empty+10_000_000 || left > empty+500_000 {
		t.Errorf("the tables had %d bytes when they were empty, %d when they were full and %d after pruning", empty, full, left)
	}
}

func TestRowsOfNoPartitionLandInTheDefaultAndAreForgotten(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	now := time.UnixMilli(h.now.Load()).UTC()
	far := now.Add(3 * day) // in two days a partition for it will be due
	h.write(t, engine.Effects{
		Changes: []*engine.Change{{App: "demo", At: far}, {App: "demo", At: time.UnixMilli(1)}},
		Pushes:  []*engine.Push{{App: "demo", At: far}, {App: "demo", At: time.UnixMilli(1)}},
		Runs:    []*engine.Run{{App: "demo", ID: "no-uuid", Status: engine.RunDone, FinishedAt: now, ForgetAt: now}},
		Steps:   []*engine.StepRecord{{App: "demo", Run: "no-uuid", Seq: 1}},
	})
	if n := h.prune(t, time.Hour); n != 2 {
		t.Errorf("%d old rows went", n)
	}
	h.pass(2 * day)
	h.prune(t, time.Hour)
	if got := h.partitions(t, "changes"); !strings.HasSuffix(got, "p20300103") {
		t.Errorf("with a row in the way of the next partition there are %s", got)
	}
	if steps, err := h.Steps(t.Context(), "demo", "no-uuid", 0, 10); err != nil || len(steps) != 0 {
		t.Errorf("steps of a pruned run: %v, %v", steps, err)
	}
	h.pass(day + 2*time.Hour)
	h.prune(t, time.Hour)
	if got := h.partitions(t, "changes"); !strings.HasSuffix(got, "p20300104 p20300105") {
		t.Errorf("there are %s", got)
	}
	var left int
	if err := h.db.QueryRow(`SELECT (SELECT COUNT(*) FROM changes_default) + (SELECT COUNT(*) FROM pushes_default) + (SELECT COUNT(*) FROM run_steps_default)`).Scan(&left); err != nil || left != 0 {
		t.Errorf("%d rows are left in default partitions, %v", left, err)
	}
}

func TestNodesLookAfterPartitionsAtTheSameTime(t *testing.T) {
	t.Parallel()
	url := storetest.Postgres(t)
	var all sync.WaitGroup
	for range 2 {
		all.Go(func() {
			s, err := Open(t.Context(), url, Options{})
			if err != nil {
				t.Errorf("open: %v", err)
				return
			}
			_ = s.Close()
		})
	}
	all.Wait()
	h := newHouse(t)
	h.pass(3 * day)
	for range 8 {
		all.Go(func() {
			if _, err := h.Prune(t.Context(), engine.Retention{MaxRows: 1}); err != nil {
				t.Errorf("prune: %v", err)
			}
		})
	}
	all.Wait()
	h.pass(tendAgain)
	h.prune(t, day)
	if got := h.partitions(t, "changes"); got != "default p20300104 p20300105" {
		t.Errorf("changes has %s", got)
	}
}

func TestHeldLockDoesNotHangPruning(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.work(t, 10)
	for _, mode := range []string{"ACCESS SHARE", "ACCESS EXCLUSIVE"} {
		tx, err := h.db.Begin()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.Exec(`LOCK TABLE pushes, run_steps IN ` + mode + ` MODE`); err != nil {
			t.Fatal(err)
		}
		before := h.partitions(t, "pushes")
		h.pass(day)
		h.prune(t, time.Hour)
		if got := h.partitions(t, "pushes"); !strings.HasPrefix(got, before) {
			t.Errorf("%s: pushes has %s, had %s", mode, got, before)
		}
		if err := tx.Rollback(); err != nil {
			t.Fatal(err)
		}
		h.pass(tendAgain)
		h.prune(t, time.Hour)
		if got := h.partitions(t, "pushes"); slices.ContainsFunc(strings.Fields(before)[1:], func(p string) bool { return strings.Contains(got, p) }) {
			t.Errorf("%s: after it was released pushes has %s", mode, got)
		}
	}
}
