package postgres

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/cuelight/cuelight/engine"
)

// empty says that the batch decided to write nothing.
func (w *writer) empty(writes *engine.Writes) bool {
	return len(writes.Objects)+len(writes.Changes)+len(writes.Runs)+len(writes.Steps)+len(writes.Values)+len(writes.Claims)+len(writes.Counters)+
		len(writes.Records)+len(writes.Raise)+len(writes.Pushes)+len(writes.Deliveries) == 0
}

// finish writes what the batch decided and commits, in one round trip; it answers the ends of the push logs. The push head comes last,
// since its row is locked until COMMIT.
func (w *writer) finish(ctx context.Context, b *engine.Batch) (map[engine.AppID]int64, error) {
	writes := b.Writes()
	batch := &pgx.Batch{}
	for _, put := range []func(*pgx.Batch, *engine.Writes) error{w.putObjects, w.putRuns, w.putControl} {
		if err := put(batch, writes); err != nil {
			return nil, err
		}
	}
	w.putDeliveries(batch, writes, millis(b.Now()))
	heads := map[engine.AppID]int64{}
	w.putPushes(batch, writes, millis(b.Now()), heads)
	batch.Queue(`COMMIT`).Exec(func(tag pgconn.CommandTag) error {
		if tag.String() != "COMMIT" {
			return fmt.Errorf("the server answered COMMIT with %s", tag)
		}
		return nil
	})
	return heads, w.conn.SendBatch(ctx, batch).Close()
}

func (w *writer) putObjects(batch *pgx.Batch, writes *engine.Writes) error {
	var rows, reindexed, values, gone table
	for _, row := range writes.Objects {
		o := row.Value
		if o.Index != nil || o.Deleted {
			reindexed.add(o.App, o.Structure, o.ID)
		}
		if o.Deleted {
			gone.add(o.App, o.Structure, o.ID)
			continue
		}
		for _, v := range o.Index {
			var t *string
			if v.Num == nil {
				t = &v.Text
			}
			values.add(o.App, o.Structure, v.Field, int64(v.Item), v.Num, t, o.ID)
		}
		rows.add(o.App, o.Structure, o.ID, o.Version, string(o.Data), millis(o.CreatedAt), millis(o.ChangedAt), o.CreatedBy, o.ChangedBy)
	}
	reindexed.queue(batch, `DELETE FROM object_values AS v USING unnest($1::text[], $2::text[], $3::text[]) AS k(app, structure, object)
		WHERE v.app = k.app AND v.structure = k.structure AND v.object = k.object`)
	gone.queue(batch, `DELETE FROM objects AS o USING unnest($1::text[], $2::text[], $3::text[]) AS k(app, structure, id)
		WHERE o.app = k.app AND o.structure = k.structure AND o.id = k.id`)
	values.queue(batch, `INSERT INTO object_values (app, structure, field, item, num, text, object)
		SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::text[], $7::text[])`)
	rows.queue(batch, `INSERT INTO objects (app, structure, id, version, data, created_at, changed_at, created_by, changed_by)
		SELECT a, s, i, v, d::jsonb, c, g, cb, gb FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::bigint[], $7::bigint[], $8::text[], $9::text[])
		AS u(a, s, i, v, d, c, g, cb, gb)
		ON CONFLICT (app, structure, id) DO UPDATE SET version = excluded.version, data = excluded.data, changed_at = excluded.changed_at, changed_by = excluded.changed_by,
		created_at = excluded.created_at, created_by = excluded.created_by`)
	return w.putChanges(batch, writes)
}

func (w *writer) putChanges(batch *pgx.Batch, writes *engine.Writes) error {
	var rows table
	for _, c := range writes.Changes {
		fields, err := json.Marshal(c.Fields)
		if err != nil {
			return err
		}
		rows.add(c.Seq, c.App, c.Structure, c.Object, c.Kind, c.Version, text(c.Before), text(c.After), string(fields), c.Who, c.User, c.Run, c.Chain, c.Depth, c.Silent, c.Op, millis(c.At))
	}
	rows.queue(batch, `INSERT INTO changes (seq, app, structure, object, kind, version, before, after, fields, who, user_id, run, chain, depth, silent, op, at)
		SELECT q, a, s, o, k, v, b::jsonb, f::jsonb, fs, w, u, r, c, d, si, op, at FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::text[], $8::text[],
		$9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::bigint[], $15::bigint[], $16::text[], $17::bigint[]) AS n(q, a, s, o, k, v, b, f, fs, w, u, r, c, d, si, op, at)`)
	return nil
}

func (w *writer) putRuns(batch *pgx.Batch, writes *engine.Writes) error {
	var rows, stored, steps, values table
	for _, row := range writes.Runs {
		r := row.Value
		failure, err := errorText(r.Error)
		if err != nil {
			return err
		}
		if row.Stored {
			stored.add(r.ID, r.Status, r.Candidate, r.Trigger, r.Place, r.Holds, int(r.Permit), r.Started, r.Owner, r.Epoch, r.Cursor, string(r.State), r.Pending, millis(r.DueAt), millis(r.FinishedAt), millis(r.ForgetAt), failure)
			continue
		}
		rows.add(r.ID, r.App, r.Scenario, r.Version, r.Format, r.Status, r.Candidate, r.Trigger, r.Lane, r.Place, r.Holds, int(r.Permit), r.Started, r.Owner, r.Epoch, r.Cursor, string(r.State),
			r.Structure, r.Object, r.Change, r.User, r.Chain, r.Depth, r.Parent, r.Pending, millis(r.DueAt), millis(r.CreatedAt), millis(r.FinishedAt), millis(r.ForgetAt), failure)
	}
	for _, s := range writes.Steps {
		steps.add(s.Run, s.Seq, s.App, s.Step, s.Kind, s.Status, s.Attempt, millis(s.At), text(s.Settings), text(s.Output), s.Error)
	}
	for _, v := range writes.Values {
		values.add(v.Run, v.Name, v.App, string(v.Value))
	}
	stored.queue(batch, `UPDATE runs AS r SET status = u.status, candidate = u.candidate, trigger_id = u.trigger_id, place = u.place, holds = u.holds, permit = u.permit, started = u.started, owner = u.owner, epoch = u.epoch,
		cursor = u.cursor, state = u.state, pending = u.pending, due_at = u.due_at, finished_at = u.finished_at, forget_at = u.forget_at, error = u.error
		FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[], $9::text[], $10::bigint[], $11::bigint[], $12::text[], $13::bigint[],
		$14::bigint[], $15::bigint[], $16::bigint[], $17::text[]) AS u(id, status, candidate, trigger_id, place, holds, permit, started, owner, epoch, cursor, state, pending, due_at, finished_at, forget_at, error) WHERE r.id = u.id`)
	rows.queue(batch, `INSERT INTO runs (id, app, scenario, version, format, status, candidate, trigger_id, lane, place, holds, permit, started, owner, epoch, cursor, state,
		structure, object, change, user_id, chain, depth, parent, pending, due_at, created_at, finished_at, forget_at, error)
		SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::text[], $7::bigint[], $8::text[], $9::text[], $10::bigint[], $11::bigint[], $12::bigint[],
		$13::bigint[], $14::text[], $15::bigint[], $16::bigint[], $17::text[], $18::text[], $19::text[], $20::bigint[], $21::text[], $22::text[], $23::bigint[], $24::text[], $25::bigint[],
		$26::bigint[], $27::bigint[], $28::bigint[], $29::bigint[], $30::text[])`)
	steps.queue(batch, `INSERT INTO run_steps (run, seq, app, step, kind, status, attempt, at, settings, output, error)
		SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::bigint[], $9::text[], $10::text[], $11::text[])`)
	values.queue(batch, `INSERT INTO run_values (run, name, app, value) SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])
		ON CONFLICT (run, name) DO UPDATE SET value = excluded.value`)
	return nil
}

// putDeliveries adds up first what a batch says more than once of a row, which one statement could write only once.
func (w *writer) putDeliveries(batch *pgx.Batch, writes *engine.Writes, now int64) {
	var rows table
	for _, d := range writes.Deliveries {
		rows.add(d.Run, d.Seq, d.Node, d.App, d.Online, d.Delivered, d.Received, now)
	}
	rows.queue(batch, `INSERT INTO deliveries AS d (run, seq, node, app, online, delivered, received, at)
		SELECT r, s, n, a, SUM(o)::bigint, SUM(w)::bigint, SUM(g)::bigint, MIN(at)
		FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[]) AS u(r, s, n, a, o, w, g, at) GROUP BY r, s, n, a
		ON CONFLICT (run, seq, node) DO UPDATE SET online = d.online + excluded.online, delivered = d.delivered + excluded.delivered, received = d.received + excluded.received`)
}

func (w *writer) putControl(batch *pgx.Batch, writes *engine.Writes) error {
	var claims, released, counters, records, gone, raised table
	for _, c := range writes.Claims {
		if c.Release {
			released.add(c.App, c.Space, c.Key)
			continue
		}
		claims.add(c.App, c.Space, c.Key, c.Owner, millis(c.Until))
	}
	for _, c := range writes.Counters {
		counters.add(c.App, c.ID, c.N, millis(c.Until))
	}
	for _, row := range writes.Records {
		r := row.Value
		if r.Deleted {
			gone.add(r.App, r.Kind, r.ID)
			continue
		}
		records.add(r.App, r.Kind, r.ID, r.Owner, r.Rev, string(r.Body), millis(r.Until), millis(r.At))
	}
	for _, app := range writes.Raise {
		raised.add(app, newEpoch())
	}
	claims.queue(batch, `INSERT INTO claims (app, space, key, owner, until) SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[])
		ON CONFLICT (app, space, key) DO UPDATE SET owner = excluded.owner, until = excluded.until`)
	released.queue(batch, `DELETE FROM claims AS c USING unnest($1::text[], $2::text[], $3::text[]) AS k(app, space, key) WHERE c.app = k.app AND c.space = k.space AND c.key = k.key`)
	counters.queue(batch, `INSERT INTO counters (app, id, n, until) SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[])
		ON CONFLICT (app, id) DO UPDATE SET n = excluded.n, until = excluded.until`)
	records.queue(batch, `INSERT INTO records (app, kind, id, owner, rev, body, until, at)
		SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::bigint[], $8::bigint[])
		ON CONFLICT (app, kind, id) DO UPDATE SET owner = excluded.owner, rev = excluded.rev, body = excluded.body, until = excluded.until, at = excluded.at`)
	gone.queue(batch, `DELETE FROM records AS r USING unnest($1::text[], $2::text[], $3::text[]) AS k(app, kind, id) WHERE r.app = k.app AND r.kind = k.kind AND r.id = k.id`)
	raised.queue(batch, `INSERT INTO apps AS a (app, catalogue) SELECT u.app, 1 FROM unnest($1::text[], $2::text[]) AS u(app, epoch) ON CONFLICT (app) DO UPDATE SET catalogue = a.catalogue + 1`)
	// The push log has its epoch from the app's first day, so that a client cut off before the first push can recover.
	raised.queue(batch, `INSERT INTO push_head (app, epoch, pos) SELECT u.app, u.epoch, 0 FROM unnest($1::text[], $2::text[]) AS u(app, epoch) ON CONFLICT (app) DO NOTHING`)
	return nil
}

// putPushes gives positions, gapless and in commit order per app, and marks the transaction as done; the mark keeps the positions, for
// when the answer is lost on the way.
func (w *writer) putPushes(batch *pgx.Batch, writes *engine.Writes, now int64, into map[engine.AppID]int64) {
	if len(writes.Pushes) == 0 {
		batch.Queue(`INSERT INTO commits (id, at, heads) VALUES ($1, $2, '{}')`, w.id, now)
		return
	}
	count, rows, heads := map[engine.AppID]int64{}, table{}, table{}
	for _, p := range writes.Pushes {
		count[p.App]++
	}
	left := map[engine.AppID]int64{}
	for app, n := range count {
		heads.add(app, newEpoch(), n)
		left[app] = n
	}
	for _, p := range writes.Pushes {
		left[p.App]--
		rows.add(p.App, left[p.App], p.To, p.Event, p.Message, p.JSON, p.Run, p.Seq, millis(p.At))
	}
	args := append(append([]any{w.id, now}, heads.args()...), rows.args()...)
	batch.Queue(`WITH heads AS (
			INSERT INTO push_head AS h (app, epoch, pos) SELECT app, epoch, n FROM unnest($3::text[], $4::text[], $5::bigint[]) AS u(app, epoch, n) ORDER BY app
			ON CONFLICT (app) DO UPDATE SET pos = h.pos + excluded.pos RETURNING app, pos
		), rows AS (
			INSERT INTO pushes (app, pos, to_user, event, message, json, run, seq, at)
			SELECT p.app, heads.pos - p.back, p.to_user, p.event, p.message, p.json, p.run, p.seq, p.at
			FROM unnest($6::text[], $7::bigint[], $8::text[], $9::text[], $10::text[], $11::bigint[], $12::text[], $13::bigint[], $14::bigint[])
			AS p(app, back, to_user, event, message, json, run, seq, at) JOIN heads ON heads.app = p.app
		), mark AS (
			INSERT INTO commits (id, at, heads) SELECT $1::text, $2::bigint, json_object_agg(app, pos)::text FROM heads
		)
		SELECT app, pos FROM heads`, args...).Query(func(rows pgx.Rows) error {
		var app engine.AppID
		var pos int64
		_, err := pgx.ForEachRow(rows, []any{&app, &pos}, func() error { into[app] = pos; return nil })
		return err
	})
}

// place tells the pushes their positions, given the ends of their logs.
func place(pushes []*engine.Push, heads map[engine.AppID]int64) {
	left := map[engine.AppID]int64{}
	for _, p := range pushes {
		left[p.App]++
	}
	for _, p := range pushes {
		left[p.App]--
		p.Pos = heads[p.App] - left[p.App]
	}
}

// newEpoch names a life of an app's push log.
func newEpoch() string { return rand.Text()[:8] }

func text(doc json.RawMessage) *string {
	if doc == nil {
		return nil
	}
	t := string(doc)
	return &t
}

func errorText(e *engine.RunError) (*string, error) {
	if e == nil {
		return nil, nil
	}
	doc, err := json.Marshal(e)
	return text(doc), err
}

func split(id string) (first, rest string) {
	for i := range len(id) {
		if id[i] == '/' {
			return id[:i], id[i+1:]
		}
	}
	return id, ""
}
