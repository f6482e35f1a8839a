package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/cuelight/cuelight/engine"
)

// Catalogue reads an app's published state in one snapshot.
func (s *Store) Catalogue(ctx context.Context, app engine.AppID, kinds ...engine.RecordKind) (int64, []*engine.Record, error) {
	var number int64
	var records []*engine.Record
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = string(k)
	}
	err := s.snapshot(ctx, func(tx pgx.Tx) error {
		if err := tx.QueryRow(ctx, `SELECT catalogue FROM apps WHERE app = $1`, app).Scan(&number); err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		rows, err := tx.Query(ctx, selectRecord+` WHERE app = $1 AND kind = ANY($2) ORDER BY kind, id`, app, names)
		if err != nil {
			return err
		}
		records, err = collect(rows, scanRecord)
		return err
	})
	return number, records, classify(err)
}

// snapshot reads in a transaction in which every statement sees the same.
func (s *Store) snapshot(ctx context.Context, read func(pgx.Tx) error) error {
	return pgx.BeginTxFunc(ctx, s.read, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, read)
}

// Record returns one document of the control plane.
func (s *Store) Record(ctx context.Context, app engine.AppID, kind engine.RecordKind, id string) (*engine.Record, error) {
	r, err := scanRecord(s.read.QueryRow(ctx, selectRecord+` WHERE app = $1 AND kind = $2 AND id = $3`, app, kind, id))
	return r, classify(err)
}

// Records lists documents of a kind.
func (s *Store) Records(ctx context.Context, app engine.AppID, kind engine.RecordKind, owner, after string, limit int) ([]*engine.Record, error) {
	query, args := selectRecord+` WHERE app = $1 AND kind = $2 AND id > $3 ORDER BY id LIMIT $4`, []any{app, kind, after, limit}
	if owner != "" {
		query, args = selectRecord+` WHERE app = $1 AND kind = $2 AND owner = $3 AND id > $4 ORDER BY id LIMIT $5`, []any{app, kind, owner, after, limit}
	}
	return page(ctx, s, scanRecord, query, args...)
}

func list[T any](ctx context.Context, s *Store, scan func(scanner) (T, error), query string, args ...any) ([]T, error) {
	rows, err := s.read.Query(ctx, query, args...)
	if err != nil {
		return nil, classify(err)
	}
	all, err := collect(rows, scan)
	return all, classify(err)
}

// page is list for rows of which a few may be large.
func page[T engine.Sized](ctx context.Context, s *Store, scan func(scanner) (T, error), query string, args ...any) ([]T, error) {
	rows, err := s.read.Query(ctx, query, args...)
	if err != nil {
		return nil, classify(err)
	}
	all, err := collectPage(rows, scan)
	return all, classify(err)
}

// Object returns one object.
func (s *Store) Object(ctx context.Context, app engine.AppID, structure, id string) (*engine.Object, error) {
	o, err := scanObject(s.read.QueryRow(ctx, selectObject+` WHERE app = $1 AND structure = $2 AND id = $3`, app, structure, id))
	return o, classify(err)
}

// Change returns one change.
func (s *Store) Change(ctx context.Context, app engine.AppID, seq int64) (*engine.Change, error) {
	c, err := scanChange(s.read.QueryRow(ctx, selectChange+` WHERE seq = $1 AND app = $2`, seq, app))
	return c, classify(err)
}

// Changes lists changes by transaction and number, and of those only what no open transaction can come before: a number alone would be
// no safe cursor, since a lower one can be committed later.
func (s *Store) Changes(ctx context.Context, app engine.AppID, after engine.ChangeCursor, limit int) ([]*engine.Change, engine.ChangeCursor, error) {
	type numbered struct {
		*engine.Change
		tx int64
	}
	changes, err := page(ctx, s, func(sc scanner) (numbered, error) {
		var n numbered
		var err error
		n.Change, err = scanChange(behind{sc, []any{&n.tx}})
		return n, err
	}, `SELECT `+changeColumns+`, tx FROM changes WHERE app = $1 AND (tx, seq) > ($2, $3) AND tx < pg_snapshot_xmin(pg_current_snapshot())::text::bigint
		ORDER BY tx, seq LIMIT $4`, app, after.Tx, after.Seq, limit)
	plain := make([]*engine.Change, len(changes))
	for i, c := range changes {
		plain[i], after = c.Change, engine.ChangeCursor{Tx: c.tx, Seq: c.Seq}
	}
	return plain, after, err
}

// ObjectChanges lists the changes of one object. Their numbers are in the order of their commits: each was drawn while the object was locked.
func (s *Store) ObjectChanges(ctx context.Context, app engine.AppID, structure, object string, before int64, limit int) ([]*engine.Change, error) {
	return page(ctx, s, scanChange, selectChange+` WHERE app = $1 AND structure = $2 AND object = $3 AND seq < $4 ORDER BY seq DESC LIMIT $5`, app, structure, object, orAny(before), limit)
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
	r, err := scanRun(s.read.QueryRow(ctx, selectRun+` WHERE id = $1 AND app = $2`, id, app))
	return r, classify(err)
}

// Runs lists runs, newest first.
func (s *Store) Runs(ctx context.Context, q engine.RunQuery) ([]*engine.Run, error) {
	query, args := listRun+` WHERE app = $1`, []any{q.App}
	if q.Change > 0 {
		query, args = query+` AND change > 0 AND change = $2`, append(args, q.Change)
	}
	for _, term := range []struct{ sql, value string }{
		{` AND scenario = $%d`, q.Scenario}, {` AND status = $%d`, string(q.Status)}, {` AND object = $%d`, q.Object}, {` AND parent = $%d`, string(q.Parent)}, {` AND id < $%d`, string(q.Before)},
	} {
		if term.value != "" {
			args = append(args, term.value)
			query += fmt.Sprintf(term.sql, len(args))
		}
	}
	return list(ctx, s, scanRun, query+fmt.Sprintf(` ORDER BY id DESC LIMIT $%d`, len(args)+1), append(args, q.Limit)...)
}

// Steps lists the log of a run.
func (s *Store) Steps(ctx context.Context, app engine.AppID, run engine.RunID, after int64, limit int) ([]*engine.StepRecord, error) {
	return page(ctx, s, scanStep, selectStep+` WHERE run = $1 AND app = $2 AND seq > $3 ORDER BY seq LIMIT $4`, run, app, after, limit)
}

// Values returns what is kept beside a run's state.
func (s *Store) Values(ctx context.Context, app engine.AppID, run engine.RunID) ([]*engine.RunValue, error) {
	return list(ctx, s, func(sc scanner) (*engine.RunValue, error) {
		v := &engine.RunValue{App: app, Run: run}
		var value string
		err := sc.Scan(&v.Name, &value)
		v.Value = json.RawMessage(value)
		return v, err
	}, `SELECT name, value FROM run_values WHERE run = $1 AND app = $2 ORDER BY name`, run, app)
}

// PushHead returns the end of an app's push log.
func (s *Store) PushHead(ctx context.Context, app engine.AppID) (engine.PushHead, error) {
	var h engine.PushHead
	err := s.read.QueryRow(ctx, `SELECT epoch, pos FROM push_head WHERE app = $1`, app).Scan(&h.Epoch, &h.Pos)
	return h, classify(err)
}

// Pushes lists pushes by position.
func (s *Store) Pushes(ctx context.Context, app engine.AppID, after int64, since time.Time, limit int) ([]engine.Push, error) {
	return list(ctx, s, scanPush, selectPush+` WHERE app = $1 AND pos > $2 AND at >= $3 ORDER BY pos LIMIT $4`, app, after, millis(since), limit)
}

// PushesOf lists the pushes of a run.
func (s *Store) PushesOf(ctx context.Context, app engine.AppID, run engine.RunID) ([]engine.Push, error) {
	return list(ctx, s, scanPush, selectPush+` WHERE run = $1 AND run <> '' AND app = $2 ORDER BY pos`, run, app)
}

// DeliveriesOf sums what became of a run's pushes.
func (s *Store) DeliveriesOf(ctx context.Context, app engine.AppID, run engine.RunID) ([]engine.Delivery, error) {
	return list(ctx, s, scanDelivery, selectDelivery+` WHERE run = $1 AND app = $2 GROUP BY app, run, seq ORDER BY seq`, run, app)
}

// Owned lists the ready runs of a node.
func (s *Store) Owned(ctx context.Context, node string, after engine.OwnedPlace, limit int) ([]*engine.Run, error) {
	return list(ctx, s, scanRun, selectRun+` WHERE owner = $1 AND (app, scenario, id) > ($2, $3, $4) AND status = 'ready' ORDER BY app, scenario, id LIMIT $5`,
		node, after.App, after.Scenario, after.Run, limit)
}

// Due lists waiting runs, soonest first.
func (s *Store) Due(ctx context.Context, before time.Time, limit int) ([]*engine.Run, error) {
	return list(ctx, s, scanRun, selectRun+` WHERE status = 'waiting' AND due_at <= $1 ORDER BY due_at LIMIT $2`, millis(before), limit)
}

// openRuns are the runs of an app that have not ended, found by the partial indexes of those: the finished ones are far more.
const openRuns = `SELECT scenario, version, status FROM runs WHERE app = $1 AND lane <> '' AND finished_at = 0
	UNION ALL SELECT scenario, version, status FROM runs WHERE app = $1 AND lane = '' AND status = 'ready'
	UNION ALL SELECT scenario, version, status FROM runs WHERE app = $1 AND lane = '' AND status = 'waiting'
	UNION ALL SELECT scenario, version, status FROM runs WHERE app = $1 AND lane = '' AND status = 'calling'
	UNION ALL SELECT scenario, version, status FROM runs WHERE app = $1 AND lane = '' AND status = 'queued' AND permit > 0`

// Backlog counts the open runs of an app's scenarios.
func (s *Store) Backlog(ctx context.Context, app engine.AppID) (map[string]engine.Backlog, error) {
	counts := map[string]engine.Backlog{}
	_, err := list(ctx, s, func(sc scanner) (string, error) {
		var scenario string
		var n engine.Backlog
		err := sc.Scan(&scenario, &n.Open, &n.Waiting)
		counts[scenario] = n
		return scenario, err
	}, `SELECT scenario, COUNT(*), COUNT(CASE WHEN status = 'waiting' THEN 1 END) FROM (`+openRuns+`) AS r GROUP BY scenario`, app)
	return counts, err
}

// OpenVersions lists the versions of open runs.
func (s *Store) OpenVersions(ctx context.Context, app engine.AppID, limit int) ([]engine.ScenarioVersion, error) {
	return list(ctx, s, func(sc scanner) (engine.ScenarioVersion, error) {
		var v engine.ScenarioVersion
		err := sc.Scan(&v.Scenario, &v.Number)
		return v, err
	}, `SELECT DISTINCT scenario, version FROM (`+openRuns+`) AS r ORDER BY scenario, version LIMIT $2`, app, limit)
}
