package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	"github.com/cuelight/cuelight/engine"
)

// PushTail returns the end of an app's push log.
func (s *Store) PushTail(ctx context.Context, app engine.AppID, since time.Time, limit, size int) (engine.PushTail, error) {
	tail := engine.PushTail{Last: map[string]int64{}}
	tx, err := s.read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return tail, classify(err)
	}
	defer func() { _ = tx.Rollback() }()
	err = tx.QueryRowContext(ctx, `SELECT epoch, pos FROM push_head WHERE app = ?`, app).Scan(&tail.Head.Epoch, &tail.Head.Pos)
	if errors.Is(err, sql.ErrNoRows) {
		return tail, nil
	}
	if err != nil {
		return tail, classify(err)
	}
	rows, err := tx.QueryContext(ctx, selectPush+` WHERE app = ? AND at >= ? ORDER BY pos DESC LIMIT ?`, app, millis(since), limit)
	if err != nil {
		return tail, classify(err)
	}
	if tail.Pushes, err = collectNewest(rows, size); err != nil {
		return tail, classify(err)
	}
	first := tail.Head.Pos + 1
	if len(tail.Pushes) > 0 {
		first = tail.Pushes[0].Pos
	}
	var lowest sql.NullInt64
	if err := tx.QueryRowContext(ctx, `SELECT MIN(pos) FROM pushes WHERE app = ?`, app).Scan(&lowest); err != nil {
		return tail, classify(err)
	}
	tail.Floor = tail.Head.Pos
	if lowest.Valid {
		tail.Floor = lowest.Int64 - 1
	}
	older, err := tx.QueryContext(ctx, `SELECT to_user, MAX(pos) FROM pushes WHERE app = ? AND pos < ? GROUP BY to_user`, app, first)
	if err != nil {
		return tail, classify(err)
	}
	defer func() { _ = older.Close() }()
	for older.Next() {
		var to string
		var pos int64
		if err := older.Scan(&to, &pos); err != nil {
			return tail, classify(err)
		}
		tail.Last[to] = pos
	}
	return tail, classify(older.Err())
}

// collectNewest reads pushes from the newest on until they have more than size bytes together, and gives them by position.
func collectNewest(rows *sql.Rows, size int) ([]engine.Push, error) {
	defer func() { _ = rows.Close() }()
	var list []engine.Push
	for rows.Next() {
		p, err := scanPush(rows)
		if err != nil {
			return nil, err
		}
		if size -= len(p.Event) + len(p.Message); size < 0 {
			break
		}
		list = append(list, p)
	}
	slices.Reverse(list)
	return list, rows.Err()
}
