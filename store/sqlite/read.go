package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"math"
	"time"

	"github.com/cuelight/cuelight/engine"
)

// Catalogue reads an app's published state in one snapshot.
func (s *Store) Catalogue(ctx context.Context, app engine.AppID, kinds ...engine.RecordKind) (int64, []*engine.Record, error) {
	tx, err := s.read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return 0, nil, classify(err)
	}
	defer func() { _ = tx.Rollback() }()
	var number int64
	if err := tx.QueryRowContext(ctx, `SELECT catalogue FROM apps WHERE app = ?`, app).Scan(&number); err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, nil, classify(err)
	}
	list, err := json.Marshal(kinds)
	if err != nil {
		return 0, nil, err
	}
	rows, err := tx.QueryContext(ctx, selectRecord+` WHERE app = ? AND kind IN (SELECT value FROM json_each(?)) ORDER BY kind, id`, app, string(list))
	if err != nil {
		return 0, nil, classify(err)
	}
	records, err := collect(rows, scanRecord)
	return number, records, classify(err)
}

// Record returns one document of the control plane.
func (s *Store) Record(ctx context.Context, app engine.AppID, kind engine.RecordKind, id string) (*engine.Record, error) {
	r, err := scanRecord(s.read.QueryRowContext(ctx, selectRecord+` WHERE app = ? AND kind = ? AND id = ?`, app, kind, id))
	return r, classify(err)
}

// Records lists documents of a kind.
func (s *Store) Records(ctx context.Context, app engine.AppID, kind engine.RecordKind, owner, after string, limit int) ([]*engine.Record, error) {
	query, args := selectRecord+` WHERE app = ? AND kind = ? AND id > ? ORDER BY id LIMIT ?`, []any{app, kind, after, limit}
	if owner != "" {
		query, args = selectRecord+` WHERE app = ? AND kind = ? AND owner = ? AND id > ? ORDER BY id LIMIT ?`, []any{app, kind, owner, after, limit}
	}
	return page(ctx, s, scanRecord, query, args...)
}

func list[T any](ctx context.Context, s *Store, scan func(scanner) (T, error), query string, args ...any) ([]T, error) {
	rows, err := s.read.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, classify(err)
	}
	all, err := collect(rows, scan)
	return all, classify(err)
}

// page is list for rows of which a few may be large.
func page[T engine.Sized](ctx context.Context, s *Store, scan func(scanner) (T, error), query string, args ...any) ([]T, error) {
	rows, err := s.read.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, classify(err)
	}
	all, err := collectPage(rows, scan)
	return all, classify(err)
}

// Object returns one object.
func (s *Store) Object(ctx context.Context, app engine.AppID, structure, id string) (*engine.Object, error) {
	o, err := scanObject(s.read.QueryRowContext(ctx, selectObject+` WHERE app = ? AND structure = ? AND id = ?`, app, structure, id))
	return o, classify(err)
}

// Change returns one change.
func (s *Store) Change(ctx context.Context, app engine.AppID, seq int64) (*engine.Change, error) {
	c, err := scanChange(s.read.QueryRowContext(ctx, selectChange+` WHERE seq = ? AND app = ?`, seq, app))
	return c, classify(err)
}

// Changes lists changes by number. A number is a safe cursor here because SQLite has one writer: no lower one can appear later.
func (s *Store) Changes(ctx context.Context, app engine.AppID, after engine.ChangeCursor, limit int) ([]*engine.Change, engine.ChangeCursor, error) {
	changes, err := page(ctx, s, scanChange, selectChange+` WHERE app = ? AND seq > ? ORDER BY seq LIMIT ?`, app, after.Seq, limit)
	if n := len(changes); n > 0 {
		after = engine.ChangeCursor{Seq: changes[n-1].Seq}
	}
	return changes, after, err
}

// ObjectChanges lists the changes of one object.
func (s *Store) ObjectChanges(ctx context.Context, app engine.AppID, structure, object string, before int64, limit int) ([]*engine.Change, error) {
	return page(ctx, s, scanChange, selectChange+` WHERE app = ? AND structure = ? AND object = ? AND seq < ? ORDER BY seq DESC LIMIT ?`, app, structure, object, orAny(before), limit)
}

// orAny is a bound that nothing reaches where none is given.
func orAny(before int64) int64 {
	if before == 0 {
		return math.MaxInt64
	}
	return before
}

// Run returns one run.
func (s *Store) Run(ctx context.Context, app engine.AppID, id engine.RunID) (*engine.Run, error) {
	r, err := scanRun(s.read.QueryRowContext(ctx, selectRun+` WHERE id = ? AND app = ?`, id, app))
	return r, classify(err)
}

// Runs lists runs, newest first.
func (s *Store) Runs(ctx context.Context, q engine.RunQuery) ([]*engine.Run, error) {
	query, args := listRun+` WHERE app = ?`, []any{q.App}
	if q.Change > 0 {
		// Without the + the planner may take the index of the app's scenarios, which is far longer.
		query, args = listRun+` WHERE +app = ? AND change > 0 AND change = ?`, append(args, q.Change)
	}
	for _, term := range []struct{ sql, value string }{
		{` AND scenario = ?`, q.Scenario}, {` AND status = ?`, string(q.Status)}, {` AND object = ?`, q.Object}, {` AND parent = ?`, string(q.Parent)}, {` AND id < ?`, string(q.Before)},
	} {
		if term.value != "" {
			query, args = query+term.sql, append(args, term.value)
		}
	}
	return list(ctx, s, scanRun, query+` ORDER BY id DESC LIMIT ?`, append(args, q.Limit)...)
}

// Steps lists the log of a run.
func (s *Store) Steps(ctx context.Context, app engine.AppID, run engine.RunID, after int64, limit int) ([]*engine.StepRecord, error) {
	return page(ctx, s, scanStep, selectStep+` WHERE run = ? AND app = ? AND seq > ? ORDER BY seq LIMIT ?`, run, app, after, limit)
}

// Values returns what is kept beside a run's state.
func (s *Store) Values(ctx context.Context, app engine.AppID, run engine.RunID) ([]*engine.RunValue, error) {
	return list(ctx, s, func(sc scanner) (*engine.RunValue, error) {
		v := &engine.RunValue{App: app, Run: run}
		var value string
		err := sc.Scan(&v.Name, &value)
		v.Value = json.RawMessage(value)
		return v, err
	}, `SELECT name, value FROM run_values WHERE run = ? AND app = ? ORDER BY name`, run, app)
}

// PushHead returns the end of an app's push log.
func (s *Store) PushHead(ctx context.Context, app engine.AppID) (engine.PushHead, error) {
	var h engine.PushHead
	err := s.read.QueryRowContext(ctx, `SELECT epoch, pos FROM push_head WHERE app = ?`, app).Scan(&h.Epoch, &h.Pos)
	return h, classify(err)
}

// Pushes lists pushes by position.
func (s *Store) Pushes(ctx context.Context, app engine.AppID, after int64, since time.Time, limit int) ([]engine.Push, error) {
	return list(ctx, s, scanPush, selectPush+` WHERE app = ? AND pos > ? AND at >= ? ORDER BY pos LIMIT ?`, app, after, millis(since), limit)
}

// PushesOf lists the pushes of a run.
func (s *Store) PushesOf(ctx context.Context, app engine.AppID, run engine.RunID) ([]engine.Push, error) {
	return list(ctx, s, scanPush, selectPush+` WHERE run = ? AND run <> '' AND app = ? ORDER BY pos`, run, app)
}

// DeliveriesOf sums what became of a run's pushes.
func (s *Store) DeliveriesOf(ctx context.Context, app engine.AppID, run engine.RunID) ([]engine.Delivery, error) {
	return list(ctx, s, scanDelivery, selectDelivery+` WHERE run = ? AND app = ? GROUP BY app, run, seq ORDER BY seq`, run, app)
}

// Owned lists the ready runs of a node.
func (s *Store) Owned(ctx context.Context, node string, after engine.OwnedPlace, limit int) ([]*engine.Run, error) {
	return list(ctx, s, scanRun, selectRun+` WHERE owner = ? AND (app, scenario, id) > (?, ?, ?) AND status = 'ready' ORDER BY app, scenario, id LIMIT ?`,
		node, after.App, after.Scenario, after.Run, limit)
}

// Due lists waiting runs, soonest first.
func (s *Store) Due(ctx context.Context, before time.Time, limit int) ([]*engine.Run, error) {
	return list(ctx, s, scanRun, selectRun+` WHERE status = 'waiting' AND due_at <= ? ORDER BY due_at LIMIT ?`, millis(before), limit)
}

// openRuns are the runs of an app that have not ended, found by the partial indexes of those: the finished ones are far more.
const openRuns = `SELECT scenario, version, status FROM runs WHERE app = ?1 AND lane <> '' AND finished_at = 0
	UNION ALL SELECT scenario, version, status FROM runs WHERE app = ?1 AND lane = '' AND status = 'ready'
	UNION ALL SELECT scenario, version, status FROM runs WHERE app = ?1 AND lane = '' AND status = 'waiting'
	UNION ALL SELECT scenario, version, status FROM runs WHERE app = ?1 AND lane = '' AND status = 'calling'
	UNION ALL SELECT scenario, version, status FROM runs WHERE app = ?1 AND lane = '' AND status = 'queued' AND permit > 0`

// Backlog counts the open runs of an app's scenarios.
func (s *Store) Backlog(ctx context.Context, app engine.AppID) (map[string]engine.Backlog, error) {
	rows, err := s.read.QueryContext(ctx, `SELECT scenario, COUNT(*), COUNT(CASE WHEN status = 'waiting' THEN 1 END) FROM (`+openRuns+`) AS r GROUP BY scenario`, app)
	if err != nil {
		return nil, classify(err)
	}
	defer func() { _ = rows.Close() }()
	counts := map[string]engine.Backlog{}
	for rows.Next() {
		var scenario string
		var n engine.Backlog
		if err := rows.Scan(&scenario, &n.Open, &n.Waiting); err != nil {
			return nil, err
		}
		counts[scenario] = n
	}
	return counts, rows.Err()
}

// OpenVersions lists the versions of open runs.
func (s *Store) OpenVersions(ctx context.Context, app engine.AppID, limit int) ([]engine.ScenarioVersion, error) {
	return list(ctx, s, func(sc scanner) (engine.ScenarioVersion, error) {
		var v engine.ScenarioVersion
		err := sc.Scan(&v.Scenario, &v.Number)
		return v, err
	}, `SELECT DISTINCT scenario, version FROM (`+openRuns+`) AS r ORDER BY scenario, version LIMIT ?2`, app, limit)
}
