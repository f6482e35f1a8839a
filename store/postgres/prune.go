package postgres

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/cuelight/cuelight/engine"
)

// takeSlice is how many runs one transaction takes over.
const takeSlice = 500

// TakeOver gives every ready run to node: there is one process at a time on a database, so their owners are dead. What an op is just
// deciding on is left for the next call, since the op would write the epoch that it read.
func (s *Store) TakeOver(ctx context.Context, node string) (int, error) {
	total, after := 0, ""
	for {
		n, last, err := s.takeSlice(ctx, node, after)
		total += n
		if err != nil || last == "" {
			return total, classify(err)
		}
		after = last
	}
}

func (s *Store) takeSlice(ctx context.Context, node, after string) (n int, last string, err error) {
	err = pgx.BeginFunc(ctx, s.write, func(tx pgx.Tx) error {
		runs, err := lockRuns(ctx, tx, `SELECT app, id FROM runs WHERE status = 'ready' AND owner <> $1 AND id > $2 ORDER BY id LIMIT $3`, node, after, takeSlice)
		if err != nil || runs.last == "" {
			return err
		}
		tag, err := tx.Exec(ctx, `UPDATE runs SET owner = $1, epoch = epoch + 1 WHERE id = ANY($2) AND status = 'ready' AND owner <> $1`, node, runs.locked)
		n, last = int(tag.RowsAffected()), runs.last
		return err
	})
	return n, last, err
}

type lockedRuns struct {
	locked []string
	last   string // of those that were found, locked or not
}

// lockRuns locks those of the runs that a query finds that are free.
func lockRuns(ctx context.Context, tx pgx.Tx, query string, args ...any) (lockedRuns, error) {
	var runs lockedRuns
	rows, err := tx.Query(ctx, query, args...)
	if err != nil {
		return runs, err
	}
	var ids []string
	var keys []int64
	var app engine.AppID
	var id engine.RunID
	_, err = pgx.ForEachRow(rows, []any{&app, &id}, func() error {
		ids, keys, runs.last = append(ids, string(id)), append(keys, hash(engine.RunKey(app, id))), string(id)
		return nil
	})
	if err != nil || len(ids) == 0 {
		return runs, err
	}
	rows, err = tx.Query(ctx, `SELECT id FROM unnest($1::text[], $2::bigint[]) AS k(id, h) WHERE pg_try_advisory_xact_lock(h)`, ids, keys)
	if err != nil {
		return runs, err
	}
	runs.locked, err = pgx.CollectRows(rows, pgx.RowTo[string])
	return runs, err
}

// Prune drops the partitions that are over, each of which counts as one row, and deletes one slice of what else is over. Of a partition
// that lies only partly before its time all rows stay until the rest is over too.
func (s *Store) Prune(ctx context.Context, p engine.Retention) (int, error) {
	hourOld := s.clock().Add(-time.Hour) // an op may begin runs with ids that are somewhat older than its transaction
	total, err := s.tend(ctx, map[string]time.Time{"changes": p.Changes, "pushes": p.Pushes, "commits": p.Commits, "run_steps": hourOld, "run_values": hourOld})
	if err != nil {
		return total, err
	}
	for _, q := range []struct {
		table, key, over string
		before           time.Time
	}{
		{"runs", "id", `forget_at > 0 AND forget_at < $1`, p.Runs},
		{"changes_default", "seq, at", `at < $1`, p.Changes},
		{"claims", "app, space, key", `until > 0 AND until < $1`, p.Claims},
		{"counters", "app, id", `until > 0 AND until < $1`, p.Claims},
		{"records", "app, kind, id", `until > 0 AND until < $1`, p.Claims},
		{"pushes_default", "app, pos, at", `at < $1`, p.Pushes},
		{"commits_default", "id, at", `at < $1`, p.Commits},
		{"deliveries", "run, seq, node", `at < $1`, p.Deliveries},
	} {
		if q.before.IsZero() {
			continue
		}
		n, err := s.prune(ctx, q.table, q.key, q.over, p.MaxRows, millis(q.before))
		if err != nil {
			return total, fmt.Errorf("prune %s: %w", q.table, classify(err))
		}
		total += n
	}
	n, err := s.pruneMany(ctx, p)
	return total + n, err
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
		{p.KeepChanges, "changes", "seq, at", `SELECT seq FROM changes AS c WHERE c.app = a.app ORDER BY seq DESC`, `app = $1 AND seq <= $2 AND at < $3`, []any{millis(hourOld)}},
		{p.KeepClaims, "claims", "app, space, key", `SELECT until FROM claims AS c WHERE c.app = a.app AND until > 0 ORDER BY until DESC`, `app = $1 AND until > 0 AND until <= $2`, nil},
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
	}, `SELECT app, last FROM (SELECT a.app, (`+last+` LIMIT 1 OFFSET $1) AS last FROM apps AS a) AS c WHERE last IS NOT NULL`, keep)
	total := 0
	for _, c := range crowds {
		n, err := s.prune(ctx, table, key, over, limit, append([]any{c.app, c.last}, args...)...)
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
			SELECT app, scenario, (SELECT id FROM runs AS r WHERE r.app = s.app AND r.scenario = s.scenario AND r.finished_at > 0 ORDER BY id DESC LIMIT 1 OFFSET $1) AS last FROM s
		)
		SELECT app, scenario, last FROM c WHERE last IS NOT NULL`, keep)
	total := 0
	for _, c := range crowds {
		n, err := s.prune(ctx, "runs", "id", `app = $1 AND scenario = $2 AND id <= $3 AND finished_at > 0`, limit, c.app, c.scenario, c.last)
		if err != nil {
			return total, fmt.Errorf("prune runs of %s: %w", c.scenario, classify(err))
		}
		total += n
	}
	return total, err
}

// prune deletes at most limit rows of a table that are over, for runs also what hangs on them. Rows that somebody has at hand are left
// for the next slice, and so is a table that somebody has locked.
func (s *Store) prune(ctx context.Context, table, key, over string, limit int, args ...any) (int, error) {
	n := int64(0)
	err := pgx.BeginFunc(ctx, s.write, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, lockWait); err != nil {
			return err
		}
		if table == "runs" {
			var err error
			n, err = pruneRuns(ctx, tx, over, limit, args...)
			return err
		}
		slice := `SELECT ` + key + ` FROM ` + table + ` WHERE ` + over + ` ORDER BY ` + key + ` LIMIT ` + strconv.Itoa(limit) + ` FOR UPDATE SKIP LOCKED`
		tag, err := tx.Exec(ctx, `WITH slice AS MATERIALIZED (`+slice+`) DELETE FROM `+table+` WHERE (`+key+`) IN (SELECT * FROM slice)`, args...)
		n = tag.RowsAffected()
		return err
	})
	if errors.Is(classify(err), errAgain) {
		return 0, nil
	}
	return int(n), err
}

func pruneRuns(ctx context.Context, tx pgx.Tx, over string, limit int, args ...any) (int64, error) {
	runs, err := lockRuns(ctx, tx, `SELECT app, id FROM runs WHERE `+over+` ORDER BY id LIMIT `+strconv.Itoa(limit), args...)
	if err != nil || len(runs.locked) == 0 {
		return 0, err
	}
	for _, query := range []string{
		`DELETE FROM run_steps WHERE run = ANY($1)`, `DELETE FROM run_values WHERE run = ANY($1)`,
		// Whoever counts does not lock the run: what is being written now is left to its own retention, so that neither waits for the other.
		`DELETE FROM deliveries WHERE (run, seq, node) IN (SELECT run, seq, node FROM deliveries WHERE run = ANY($1) FOR UPDATE SKIP LOCKED)`,
	} {
		if _, err := tx.Exec(ctx, query, runs.locked); err != nil {
			return 0, err
		}
	}
	tag, err := tx.Exec(ctx, `DELETE FROM runs WHERE id = ANY($1)`, runs.locked)
	return tag.RowsAffected(), err
}
