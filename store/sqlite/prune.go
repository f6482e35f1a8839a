package sqlite

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/cuelight/cuelight/engine"
)

// TakeOver gives every ready run to node: there is one process at a time on a file, so their owners are dead.
func (s *Store) TakeOver(ctx context.Context, node string) (int, error) {
	s.write.mu.Lock()
	defer s.write.mu.Unlock()
	res, err := s.write.conn.ExecContext(ctx, `UPDATE runs SET owner = ?, epoch = epoch + 1 WHERE status = 'ready' AND owner <> ?`, node, node)
	if err != nil {
		return 0, classify(err)
	}
	n, err := res.RowsAffected()
	return int(n), err
}

// Prune deletes one slice of what is over. It runs between two batches on the write connection.
func (s *Store) Prune(ctx context.Context, p engine.Retention) (int, error) {
	total := 0
	for _, q := range []struct {
		table, key, over string
		before           time.Time
	}{
		{"runs", "id", `forget_at > 0 AND forget_at < ?`, p.Runs},
		{"changes", "seq", `at < ?`, p.Changes},
		{"claims", "app, space, key", `until > 0 AND until < ?`, p.Claims},
		{"counters", "app, id", `until > 0 AND until < ?`, p.Claims},
		{"records", "app, kind, id", `until > 0 AND until < ?`, p.Claims},
		{"pushes", "app, pos", `at < ?`, p.Pushes},
		{"commits", "id", `at < ?`, p.Commits},
		{"deliveries", "run, seq, node", `at < ?`, p.Deliveries},
	} {
		if q.before.IsZero() {
			continue
		}
		n, err := s.write.prune(ctx, q.table, q.key, q.over, p.MaxRows, millis(q.before))
		if err != nil {
			return total, fmt.Errorf("prune %s: %w", q.table, classify(err))
		}
		total += n
	}
	n, err := s.pruneMany(ctx, p)
	if total += n; err != nil || total == 0 {
		return total, err
	}
	if err := s.write.vacuum(ctx); err != nil {
		return total, fmt.Errorf("give disk back: %w", classify(err))
	}
	return total, nil
}

// pruneMany deletes a slice of what is over by its number.
func (s *Store) pruneMany(ctx context.Context, p engine.Retention) (int, error) {
	total := 0
	if p.KeepRuns > 0 {
		n, err := s.pruneCrowded(ctx, p.KeepRuns, p.MaxRows)
		if total += n; err != nil {
			return total, err
		}
	}
	hourOld := p.Now.Add(-time.Hour)
	for _, q := range []struct {
		keep                   int
		table, key, last, over string
		args                   []any
	}{
		{p.KeepChanges, "changes", "seq", `SELECT seq FROM changes AS c WHERE c.app = a.app ORDER BY seq DESC`, `app = ? AND seq <= ? AND at < ?`, []any{millis(hourOld)}},
		{p.KeepClaims, "claims", "app, space, key", `SELECT until FROM claims AS c WHERE c.app = a.app AND until > 0 ORDER BY until DESC`, `app = ? AND until > 0 AND until <= ?`, nil},
	} {
		if q.keep == 0 {
			continue
		}
		n, err := s.pruneApps(ctx, q.table, q.key, q.last, q.over, q.keep, p.MaxRows, q.args...)
		if total += n; err != nil {
			return total, fmt.Errorf("prune %s: %w", q.table, classify(err))
		}
	}
	return total, nil
}

// pruneApps deletes, of each app that has more rows of a table than are kept, a slice of those behind the last one kept.
func (s *Store) pruneApps(ctx context.Context, table, key, last, over string, keep, limit int, args ...any) (int, error) {
	type crowd struct {
		app  string
		last int64
	}
	crowds, err := list(ctx, s, func(sc scanner) (crowd, error) {
		var c crowd
		err := sc.Scan(&c.app, &c.last)
		return c, err
	}, `SELECT app, last FROM (SELECT a.app, (`+last+` LIMIT 1 OFFSET ?) AS last FROM apps AS a) AS c WHERE last IS NOT NULL`, keep)
	total := 0
	for _, c := range crowds {
		n, err := s.write.prune(ctx, table, key, over, limit, append([]any{c.app, c.last}, args...)...)
		if total += n; err != nil {
			return total, err
		}
	}
	return total, err
}

// pruneCrowded deletes a slice of the runs of scenarios that have more finished ones than are kept. It finds the scenarios by stepping from
// one to the next in their index, not by reading all runs.
func (s *Store) pruneCrowded(ctx context.Context, keep, limit int) (int, error) {
	type crowd struct{ app, scenario, last string }
	crowds, err := list(ctx, s, func(sc scanner) (crowd, error) {
		var c crowd
		err := sc.Scan(&c.app, &c.scenario, &c.last)
		return c, err
	}, `WITH RECURSIVE s(app, scenario) AS (
			SELECT (SELECT app FROM runs ORDER BY app, scenario LIMIT 1), (SELECT scenario FROM runs ORDER BY app, scenario LIMIT 1)
			UNION ALL
			SELECT (SELECT app FROM runs AS r WHERE (r.app, r.scenario) > (s.app, s.scenario) ORDER BY app, scenario LIMIT 1),
				(SELECT scenario FROM runs AS r WHERE (r.app, r.scenario) > (s.app, s.scenario) ORDER BY app, scenario LIMIT 1)
			FROM s WHERE s.app IS NOT NULL
		), c AS (
			SELECT app, scenario, (SELECT id FROM runs AS r WHERE r.app = s.app AND r.scenario = s.scenario AND r.finished_at > 0 ORDER BY id DESC LIMIT 1 OFFSET ?) AS last FROM s
		)
		SELECT app, scenario, last FROM c WHERE last IS NOT NULL`, keep)
	total := 0
	for _, c := range crowds {
		n, err := s.write.prune(ctx, "runs", "id", `app = ? AND scenario = ? AND id <= ? AND finished_at > 0`, limit, c.app, c.scenario, c.last)
		if err != nil {
			return total, fmt.Errorf("prune runs of %s: %w", c.scenario, classify(err))
		}
		total += n
	}
	return total, err
}

// prune deletes at most limit rows of a table that are over, for runs also what hangs on them.
func (w *writer) prune(ctx context.Context, table, key, over string, limit int, args ...any) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	slice := `SELECT ` + key + ` FROM ` + table + ` WHERE ` + over + ` ORDER BY ` + key + ` LIMIT ` + strconv.Itoa(limit)
	queries := []string{`DELETE FROM ` + table + ` WHERE (` + key + `) IN (` + slice + `)`}
	if table == "runs" {
		for _, hanging := range []string{"run_steps", "run_values", "deliveries"} {
			queries = slices.Insert(queries, 0, `DELETE FROM `+hanging+` WHERE run IN (`+slice+`)`)
		}
	}
	tx, err := w.conn.BeginTx(ctx, nil)
	if err != nil {
		return 0, err
	}
	defer func() { _ = tx.Rollback() }()
	n := int64(0)
	for _, q := range queries {
		res, err := tx.ExecContext(ctx, q, args...)
		if err != nil {
			return 0, err
		}
		if n, err = res.RowsAffected(); err != nil {
			return 0, err
		}
	}
	return int(n), tx.Commit()
}

// vacuumSlice is how many free pages are given back at a time, and how many stay in the file for what is written next.
const vacuumSlice = 256

// vacuum gives the pages that pruning has freed back to the disk, a slice between two batches. It ends where the number of free ones does
// not fall: a file that was made with another vacuum mode keeps them.
func (w *writer) vacuum(ctx context.Context) error {
	for last := math.MaxInt; ; {
		free, err := w.vacuumOne(ctx)
		if err != nil || free <= vacuumSlice || free >= last {
			return err
		}
		last = free
	}
}

// vacuumOne answers how many pages were free before its slice.
func (w *writer) vacuumOne(ctx context.Context) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var free int
	if err := w.conn.QueryRowContext(ctx, `PRAGMA freelist_count`).Scan(&free); err != nil || free <= vacuumSlice {
		return free, err
	}
	_, err := w.conn.ExecContext(ctx, `PRAGMA incremental_vacuum(`+strconv.Itoa(vacuumSlice)+`)`)
	return free, err
}
