package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/cuelight/cuelight/engine"
)

func (w *writer) load(ctx context.Context, b *engine.Batch, sets ...[]engine.Key) error {
	for _, keys := range sets {
		for _, k := range keys {
			row, err := w.loadKey(ctx, k)
			if errors.Is(err, sql.ErrNoRows) {
				continue
			}
			if err != nil {
				return err
			}
			b.Put(k, row)
		}
	}
	return nil
}

func (w *writer) loadKey(ctx context.Context, k engine.Key) (any, error) {
	first, rest := split(k.ID)
	switch k.Kind {
	case engine.KeyObject:
		return scanObject(w.query(ctx, selectObject+` WHERE app = ? AND structure = ? AND id = ?`, k.App, first, rest))
	case engine.KeyRun:
		return scanRun(w.query(ctx, selectRun+` WHERE id = ? AND app = ?`, k.ID, k.App))
	case engine.KeyClaim:
		return scanClaim(w.query(ctx, selectClaim+` WHERE app = ? AND space = ? AND key = ?`, k.App, first, rest))
	case engine.KeyCounter:
		return scanCounter(w.query(ctx, selectCounter+` WHERE app = ? AND id = ?`, k.App, k.ID))
	case engine.KeyRecord:
		return scanRecord(w.query(ctx, selectRecord+` WHERE app = ? AND kind = ? AND id = ?`, k.App, first, rest))
	case engine.KeyLane:
		return w.lane(ctx, k)
	case engine.KeyApp:
	}
	return nil, fmt.Errorf("unknown kind of key %d", k.Kind)
}

// lane reads who hold a lane, its last place and the next runs in turn. The last place is looked for among the started and the others
// apart: so it is the end of a range of the index each time.
func (w *writer) lane(ctx context.Context, k engine.Key) (*engine.Lane, error) {
	lane := &engine.Lane{}
	err := w.row(ctx, `SELECT MAX(
		COALESCE((SELECT place FROM runs WHERE app = ?1 AND lane = ?2 AND lane <> '' AND finished_at = 0 AND started = 1 ORDER BY place DESC LIMIT 1), 0),
		COALESCE((SELECT place FROM runs WHERE app = ?1 AND lane = ?2 AND lane <> '' AND finished_at = 0 AND started = 0 ORDER BY place DESC LIMIT 1), 0))`,
		[]any{k.App, k.ID}, &lane.Tail)
	if err != nil {
		return nil, err
	}
	h, err := w.stmt(ctx, `SELECT id, object FROM runs WHERE app = ? AND lane = ? AND lane <> '' AND holds = 1 AND finished_at = 0 ORDER BY place, id`)
	if err != nil {
		return nil, err
	}
	holders, err := h.QueryContext(ctx, k.App, k.ID)
	if err != nil {
		return nil, err
	}
	if lane.Holders, err = collect(holders, scanHolder); err != nil {
		return nil, err
	}
	s, err := w.stmt(ctx, selectRun+` WHERE app = ? AND lane = ? AND lane <> '' AND finished_at = 0 AND status = 'queued' ORDER BY started DESC, place LIMIT ?`)
	if err != nil {
		return nil, err
	}
	rows, err := s.QueryContext(ctx, k.App, k.ID, engine.LaneWindow+1)
	if err != nil {
		return nil, err
	}
	if lane.Queue, err = collect(rows, scanRun); err != nil {
		return nil, err
	}
	if len(lane.Queue) > engine.LaneWindow {
		lane.Queue, lane.More = lane.Queue[:engine.LaneWindow], true
	}
	return lane, nil
}
