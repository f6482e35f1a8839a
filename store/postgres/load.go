package postgres

import (
	"context"
	"fmt"
	"hash/fnv"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/cuelight/cuelight/engine"
)

// numbers is how many change numbers are reserved when one for each locked object was not enough.
const numbers = 16

// begin locks and loads in one round trip. A statement's snapshot is taken when its turn comes, so what is read is what the holders of
// the locks before us have committed.
func (w *writer) begin(ctx context.Context, b *engine.Batch) error {
	batch := &pgx.Batch{}
	batch.Queue(`BEGIN`)
	lock, peek := b.Keys()
	if len(lock) > 0 {
		batch.Queue(`SELECT pg_advisory_xact_lock(h) FROM unnest($1::bigint[]) AS h`, hashes(lock))
	}
	apps := make([]string, 0, 8)
	for _, app := range b.Apps() {
		apps = append(apps, string(app))
	}
	batch.Queue(`SELECT app, catalogue FROM apps WHERE app = ANY($1)`, apps).Query(func(rows pgx.Rows) error {
		var app engine.AppID
		var n int64
		_, err := pgx.ForEachRow(rows, []any{&app, &n}, func() error { b.SetCatalogue(app, n); return nil })
		return err
	})
	objects := 0
	for _, k := range lock {
		if k.Kind == engine.KeyObject {
			objects++
		}
	}
	if objects > 0 {
		w.queueNumbers(batch, objects)
	}
	w.queueLoad(batch, b, lock, peek)
	return w.conn.SendBatch(ctx, batch).Close()
}

// hashes are the numbers that keys are locked by, in the order in which every transaction locks them. Two keys with one number wait for
// each other needlessly and do no harm.
func hashes(keys []engine.Key) []int64 {
	list := make([]int64, len(keys))
	for i, k := range keys {
		list[i] = hash(k)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func hash(k engine.Key) int64 {
	h := fnv.New64a()
	_, _ = fmt.Fprintf(h, "%s\x00%d\x00%s", k.App, k.Kind, k.ID)
	return int64(h.Sum64())
}

// more loads keys that an op asks for in the middle of the batch. They are out of the order of locks, so that to wait for one could be to
// wait for ever: when one is not free, the op has to come back with it.
func (w *writer) more(ctx context.Context, b *engine.Batch, lock, peek []engine.Key) (bool, error) {
	if len(lock) > 0 {
		var free bool
		err := w.conn.QueryRow(ctx, `SELECT bool_and(pg_try_advisory_xact_lock(h)) FROM unnest($1::bigint[]) AS h`, hashes(lock)).Scan(&free)
		if err != nil || !free {
			return false, err
		}
	}
	batch := &pgx.Batch{}
	w.queueLoad(batch, b, lock, peek)
	return true, w.conn.SendBatch(ctx, batch).Close()
}

// number reserves change numbers. They are not kept for the next batch: a number given late would be lower than those of later changes.
func (w *writer) number(ctx context.Context, n int) error {
	batch := &pgx.Batch{}
	w.queueNumbers(batch, n)
	return w.conn.SendBatch(ctx, batch).Close()
}

func (w *writer) queueNumbers(batch *pgx.Batch, n int) {
	batch.Queue(`SELECT nextval('change_seq') FROM generate_series(1, $1::int)`, n).Query(func(rows pgx.Rows) error {
		seqs, err := pgx.CollectRows(rows, pgx.RowTo[int64])
		w.seqs = seqs
		return err
	})
}

// queueLoad asks for the rows of keys, one statement for each kind.
func (w *writer) queueLoad(batch *pgx.Batch, b *engine.Batch, sets ...[]engine.Key) {
	byKind := map[engine.KeyKind]*table{}
	for _, keys := range sets {
		for _, k := range keys {
			if byKind[k.Kind] == nil {
				byKind[k.Kind] = &table{}
			}
			first, rest := split(k.ID)
			switch k.Kind {
			case engine.KeyObject, engine.KeyClaim, engine.KeyRecord:
				byKind[k.Kind].add(k.App, first, rest)
			case engine.KeyCounter, engine.KeyLane, engine.KeyPermits, engine.KeyRun, engine.KeyApp:
				byKind[k.Kind].add(k.App, k.ID)
			}
		}
	}
	for kind, keys := range byKind {
		switch kind {
		case engine.KeyObject:
			queueRows(batch, b, scanObject, func(o *engine.Object) engine.Key { return engine.ObjectKey(o.App, o.Structure, o.ID) },
				selectObject+` JOIN unnest($1::text[], $2::text[], $3::text[]) AS k(app, structure, id) USING (app, structure, id)`, keys)
		case engine.KeyRun:
			queueRows(batch, b, scanRun, func(r *engine.Run) engine.Key { return engine.RunKey(r.App, r.ID) },
				selectRun+` JOIN unnest($1::text[], $2::text[]) AS k(app, id) USING (app, id)`, keys)
		case engine.KeyClaim:
			queueRows(batch, b, scanClaim, func(c *engine.Claim) engine.Key { return engine.ClaimKey(c.App, c.Space, c.Key) },
				selectClaim+` JOIN unnest($1::text[], $2::text[], $3::text[]) AS k(app, space, key) USING (app, space, key)`, keys)
		case engine.KeyCounter:
			queueRows(batch, b, scanCounter, func(c *engine.Counter) engine.Key { return engine.CounterKey(c.App, c.ID) },
				selectCounter+` JOIN unnest($1::text[], $2::text[]) AS k(app, id) USING (app, id)`, keys)
		case engine.KeyRecord:
			queueRows(batch, b, scanRecord, func(r *engine.Record) engine.Key { return engine.RecordKey(r.App, r.Kind, r.ID) },
				selectRecord+` JOIN unnest($1::text[], $2::text[], $3::text[]) AS k(app, kind, id) USING (app, kind, id)`, keys)
		case engine.KeyLane:
			queueLanes(batch, b, keys)
		case engine.KeyPermits:
			queuePermits(batch, b, keys)
		case engine.KeyApp:
		}
	}
}

func queueRows[T any](batch *pgx.Batch, b *engine.Batch, scan func(scanner) (T, error), key func(T) engine.Key, query string, keys *table) {
	batch.Queue(query, keys.args()...).Query(func(rows pgx.Rows) error {
		list, err := collect(rows, scan)
		for _, row := range list {
			b.Put(key(row), row)
		}
		return err
	})
}

// queueLanes asks who holds each lane, for its last place and for the next runs in turn. The last place is looked for among the started
// and the others apart: so it is the end of a range of the index each time.
func queueLanes(batch *pgx.Batch, b *engine.Batch, keys *table) {
	lanes := map[engine.Key]*engine.Lane{}
	batch.Queue(`SELECT k.app, k.lane, GREATEST(COALESCE(s.place, 0), COALESCE(u.place, 0))
		FROM unnest($1::text[], $2::text[]) AS k(app, lane)
		LEFT JOIN LATERAL (SELECT place FROM runs WHERE app = k.app AND lane = k.lane AND lane <> '' AND finished_at = 0 AND started = 1 ORDER BY place DESC LIMIT 1) AS s ON true
		LEFT JOIN LATERAL (SELECT place FROM runs WHERE app = k.app AND lane = k.lane AND lane <> '' AND finished_at = 0 AND started = 0 ORDER BY place DESC LIMIT 1) AS u ON true`,
		keys.args()...).Query(func(rows pgx.Rows) error {
		for rows.Next() {
			lane := &engine.Lane{}
			var app engine.AppID
			var name string
			if err := rows.Scan(&app, &name, &lane.Tail); err != nil {
				return err
			}
			lanes[engine.LaneKey(app, name)] = lane
		}
		return rows.Err()
	})
	batch.Queue(`SELECT r.app, r.lane, r.id FROM unnest($1::text[], $2::text[]) AS k(app, lane)
		JOIN runs AS r ON r.app = k.app AND r.lane = k.lane AND r.lane <> '' AND r.holds = 1 AND r.finished_at = 0`,
		keys.args()...).Query(func(rows pgx.Rows) error {
		for rows.Next() {
			var app engine.AppID
			var name string
			var holder engine.RunID
			if err := rows.Scan(&app, &name, &holder); err != nil {
				return err
			}
			lanes[engine.LaneKey(app, name)].Holder = holder
		}
		return rows.Err()
	})
	batch.Queue(`SELECT r.* FROM unnest($1::text[], $2::text[]) AS k(app, lane) CROSS JOIN LATERAL (
			`+selectRun+` WHERE app = k.app AND lane = k.lane AND lane <> '' AND finished_at = 0 AND status = 'queued' AND holds = 0 ORDER BY runs.started DESC, runs.place LIMIT `+turnRows+`) AS r
		ORDER BY k.app, k.lane, r.started DESC, r.place`,
		keys.args()...).Query(func(rows pgx.Rows) error {
		err := window(rows, func(r *engine.Run) (*[]*engine.Run, *bool) {
			lane := lanes[engine.LaneKey(r.App, r.Lane)]
			return &lane.Queue, &lane.More
		})
		for key, lane := range lanes {
			b.Put(key, lane)
		}
		return err
	})
}

// queuePermits asks who have permits of each scenario and for the next runs in turn.
func queuePermits(batch *pgx.Batch, b *engine.Batch, keys *table) {
	permits := map[engine.Key]*engine.Permits{}
	of := func(app engine.AppID, scenario string) *engine.Permits {
		key := engine.PermitsKey(app, scenario)
		if permits[key] == nil {
			permits[key] = &engine.Permits{}
		}
		return permits[key]
	}
	batch.Queue(`SELECT r.app, r.scenario, r.id FROM unnest($1::text[], $2::text[]) AS k(app, scenario)
		JOIN runs AS r ON r.app = k.app AND r.scenario = k.scenario AND r.permit > 0 AND r.permit = 2`,
		keys.args()...).Query(func(rows pgx.Rows) error {
		for rows.Next() {
			var app engine.AppID
			var scenario string
			var holder engine.RunID
			if err := rows.Scan(&app, &scenario, &holder); err != nil {
				return err
			}
			p := of(app, scenario)
			p.Holders = append(p.Holders, holder)
		}
		return rows.Err()
	})
	batch.Queue(`SELECT r.* FROM unnest($1::text[], $2::text[]) AS k(app, scenario) CROSS JOIN LATERAL (
			`+selectRun+` WHERE app = k.app AND scenario = k.scenario AND runs.permit > 0 AND runs.permit = 1 ORDER BY runs.started DESC, runs.id LIMIT `+turnRows+`) AS r
		ORDER BY k.app, k.scenario, r.started DESC, r.id`,
		keys.args()...).Query(func(rows pgx.Rows) error {
		err := window(rows, func(r *engine.Run) (*[]*engine.Run, *bool) {
			p := of(r.App, r.Scenario)
			return &p.Queue, &p.More
		})
		for key, p := range permits {
			b.Put(key, p)
		}
		return err
	})
}

// window puts queued runs where they belong, as many as a window holds.
func window(rows pgx.Rows, where func(*engine.Run) (queue *[]*engine.Run, more *bool)) error {
	queued, err := collect(rows, scanRun)
	for _, r := range queued {
		queue, more := where(r)
		if *more = len(*queue) == engine.TurnWindow; !*more {
			*queue = append(*queue, r)
		}
	}
	return err
}

var turnRows = fmt.Sprint(engine.TurnWindow + 1)
