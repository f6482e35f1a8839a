package sqlite

import (
	"context"
	"fmt"
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
		{"runs", "id", `status = 'not_matched' AND finished_at > 0 AND finished_at < ?`, p.Matched},
		{"runs", "id", `status IN ('done', 'cancelled') AND finished_at > 0 AND finished_at < ?`, p.Runs},
		{"runs", "id", `status = 'failed' AND finished_at > 0 AND finished_at < ?`, p.Failed},
		{"changes", "seq", `at < ?`, p.Changes},
		{"claims", "app, space, key", `until > 0 AND until < ?`, p.Claims},
		{"records", "app, kind, id", `until > 0 AND until < ?`, p.Claims},
		{"pushes", "app, pos", `at < ?`, p.Pushes},
		{"commits", "id", `at < ?`, p.Commits},
	} {
		if q.before.IsZero() {
			continue
		}
		n, err := s.write.prune(ctx, q.table, q.key, q.over, millis(q.before), p.MaxRows)
		if err != nil {
			return total, fmt.Errorf("prune %s: %w", q.table, classify(err))
		}
		total += n
	}
	return total, nil
}

// prune deletes at most limit rows of a table that are over, for runs also what hangs on them, and gives freed pages back to the disk.
func (w *writer) prune(ctx context.Context, table, key, over string, before int64, limit int) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	slice := `SELECT ` + key + ` FROM ` + table + ` WHERE ` + over + ` ORDER BY ` + key + ` LIMIT ?`
	queries := []string{`DELETE FROM ` + table + ` WHERE (` + key + `) IN (` + slice + `)`}
	if table == "runs" {
		queries = append([]string{`DELETE FROM run_steps WHERE run IN (` + slice + `)`, `DELETE FROM run_values WHERE run IN (` + slice + `)`}, queries...)
	}
	tx, err := w.conn.BeginTx(ctx, nil)
	if err != nil {
		return 0, err
	}
	defer func() { _ = tx.Rollback() }()
	n := int64(0)
	for _, q := range queries {
		res, err := tx.ExecContext(ctx, q, before, limit)
		if err != nil {
			return 0, err
		}
		if n, err = res.RowsAffected(); err != nil {
			return 0, err
		}
	}
	if err := tx.Commit(); err != nil || n == 0 {
		return 0, err
	}
	_, err = w.conn.ExecContext(ctx, `PRAGMA incremental_vacuum(256)`)
	return int(n), err
}
