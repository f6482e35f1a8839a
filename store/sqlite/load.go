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
	case engine.KeyPermits:
		return w.permits(ctx, k)
	case engine.KeyApp:
	}
	return nil, fmt.Errorf("unknown kind of key %d", k.Kind)
}

// lane reads who holds a lane, its last place and the next runs in turn. The last place is looked for among the started and the others
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
	err = w.row(ctx, `SELECT id FROM runs WHERE app = ? AND lane = ? AND lane <> '' AND holds = 1 AND finished_at = 0 LIMIT 1`, []any{k.App, k.ID}, &lane.Holder)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, err
	}
	lane.Queue, lane.More, err = w.queue(ctx, k, `lane = ? AND lane <> '' AND finished_at = 0 AND status = 'queued' AND holds = 0 ORDER BY started DESC, place`)
	return lane, err
}

// permits reads who have a permit of a scenario and the next runs in turn.
func (w *writer) permits(ctx context.Context, k engine.Key) (*engine.Permits, error) {
	s, err := w.stmt(ctx, `SELECT id FROM runs WHERE app = ? AND scenario = ? AND permit > 0 AND permit = ?`)
	if err != nil {
		return nil, err
	}
	rows, err := s.QueryContext(ctx, k.App, k.ID, engine.PermitHeld)
	if err != nil {
		return nil, err
	}
	p := &engine.Permits{}
	if p.Holders, err = collect(rows, scanID); err != nil {
		return nil, err
	}
	p.Queue, p.More, err = w.queue(ctx, k, `scenario = ? AND permit > 0 AND permit = `+fmt.Sprint(int(engine.PermitWanted))+` ORDER BY started DESC, id`)
	return p, err
}

// queue reads the next runs of a lane or of permits in turn, and says whether there are more.
func (w *writer) queue(ctx context.Context, k engine.Key, where string) ([]*engine.Run, bool, error) {
	s, err := w.stmt(ctx, selectRun+` WHERE app = ? AND `+where+` LIMIT ?`)
	if err != nil {
		return nil, false, err
	}
	rows, err := s.QueryContext(ctx, k.App, k.ID, engine.TurnWindow+1)
	if err != nil {
		return nil, false, err
	}
	queue, err := collect(rows, scanRun)
	if len(queue) > engine.TurnWindow {
		return queue[:engine.TurnWindow], true, err
	}
	return queue, false, err
}
