package postgres

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/cuelight/cuelight/engine"
)

// PushTail returns the end of an app's push log.
func (s *Store) PushTail(ctx context.Context, app engine.AppID, since time.Time, limit, size int) (engine.PushTail, error) {
	tail := engine.PushTail{Last: map[string]int64{}}
	err := s.snapshot(ctx, func(tx pgx.Tx) error { return readTail(ctx, tx, &tail, app, since, limit, size) })
	return tail, classify(err)
}

func readTail(ctx context.Context, tx pgx.Tx, tail *engine.PushTail, app engine.AppID, since time.Time, limit, size int) error {
	err := tx.QueryRow(ctx, `SELECT epoch, pos FROM push_head WHERE app = $1`, app).Scan(&tail.Head.Epoch, &tail.Head.Pos)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	// The sizes are known without reading the texts, so nothing beyond the bound is sent.
	rows, err := tx.Query(ctx, selectPush+` WHERE app = $1 AND pos > (
		SELECT COALESCE(MAX(pos), 0) FROM (
			SELECT pos, SUM(octet_length(event) + octet_length(message)) OVER (ORDER BY pos DESC) AS size FROM (
				SELECT pos, event, message FROM pushes WHERE app = $1 AND at >= $2 ORDER BY pos DESC LIMIT $3) AS newest) AS sized
		WHERE size > $4) AND at >= $2 ORDER BY pos DESC LIMIT $3`, app, millis(since), limit, size)
	if err != nil {
		return err
	}
	if tail.Pushes, err = collect(rows, scanPush); err != nil {
		return err
	}
	slices.Reverse(tail.Pushes)
	first := tail.Head.Pos + 1
	if len(tail.Pushes) > 0 {
		first = tail.Pushes[0].Pos
	}
	var lowest *int64
	if err := tx.QueryRow(ctx, `SELECT MIN(pos) FROM pushes WHERE app = $1`, app).Scan(&lowest); err != nil {
		return err
	}
	tail.Floor = tail.Head.Pos
	if lowest != nil {
		tail.Floor = *lowest - 1
	}
	older, err := tx.Query(ctx, `SELECT to_user, MAX(pos) FROM pushes WHERE app = $1 AND pos < $2 GROUP BY to_user`, app, first)
	if err != nil {
		return err
	}
	var to string
	var pos int64
	_, err = pgx.ForEachRow(older, []any{&to, &pos}, func() error { tail.Last[to] = pos; return nil })
	return err
}
