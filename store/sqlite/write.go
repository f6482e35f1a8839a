package sqlite

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"

	"github.com/cuelight/cuelight/engine"
)

// put writes what the batch decided. The push head comes last, since on a store with several writers its row is locked until COMMIT.
func (w *writer) put(ctx context.Context, b *engine.Batch) error {
	writes := b.Writes()
	if err := w.putObjects(ctx, writes); err != nil {
		return fmt.Errorf("write objects: %w", err)
	}
	if err := w.putRuns(ctx, writes); err != nil {
		return fmt.Errorf("write runs: %w", err)
	}
	if err := w.putDeliveries(ctx, writes, millis(b.Now())); err != nil {
		return fmt.Errorf("write deliveries: %w", err)
	}
	if err := w.putControl(ctx, writes); err != nil {
		return fmt.Errorf("write records: %w", err)
	}
	if err := w.putPushes(ctx, writes); err != nil {
		return fmt.Errorf("write pushes: %w", err)
	}
	return nil
}

func (w *writer) putObjects(ctx context.Context, writes *engine.Writes) error {
	for _, row := range writes.Objects {
		if err := w.putObject(ctx, row.Value); err != nil {
			return err
		}
	}
	for _, c := range writes.Changes {
		fields, err := json.Marshal(c.Fields)
		if err != nil {
			return err
		}
		err = w.exec(ctx, `INSERT INTO changes (seq, app, structure, object, kind, version, before, after, fields, who, user_id, run, chain, depth, silent, op, at)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			c.Seq, c.App, c.Structure, c.Object, c.Kind, c.Version, text(c.Before), text(c.After), string(fields), c.Who, c.User, c.Run, c.Chain, c.Depth, c.Silent, c.Op, millis(c.At))
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) putObject(ctx context.Context, o *engine.Object) error {
	if o.Index != nil || o.Deleted {
		if err := w.exec(ctx, `DELETE FROM object_values WHERE app = ? AND structure = ? AND object = ?`, o.App, o.Structure, o.ID); err != nil {
			return err
		}
	}
	if o.Deleted {
		return w.exec(ctx, `DELETE FROM objects WHERE app = ? AND structure = ? AND id = ?`, o.App, o.Structure, o.ID)
	}
	for _, v := range o.Index {
		var t any
		if v.Num == nil {
			t = v.Text
		}
		if err := w.exec(ctx, `INSERT INTO object_values (app, structure, field, item, num, text, object) VALUES (?, ?, ?, ?, ?, ?, ?)`, o.App, o.Structure, v.Field, v.Item, v.Num, t, o.ID); err != nil {
			return err
		}
	}
	return w.exec(ctx, `INSERT INTO objects (app, structure, id, version, data, created_at, changed_at, created_by, changed_by) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (app, structure, id) DO UPDATE SET version = excluded.version, data = excluded.data, changed_at = excluded.changed_at, changed_by = excluded.changed_by,
		created_at = excluded.created_at, created_by = excluded.created_by`,
		o.App, o.Structure, o.ID, o.Version, string(o.Data), millis(o.CreatedAt), millis(o.ChangedAt), o.CreatedBy, o.ChangedBy)
}

func (w *writer) putRuns(ctx context.Context, writes *engine.Writes) error {
	for _, row := range writes.Runs {
		if err := w.putRun(ctx, row.Value, row.Stored); err != nil {
			return err
		}
	}
	for _, s := range writes.Steps {
		err := w.exec(ctx, `INSERT INTO run_steps (run, seq, app, step, kind, status, attempt, at, settings, output, error) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			s.Run, s.Seq, s.App, s.Step, s.Kind, s.Status, s.Attempt, millis(s.At), text(s.Settings), text(s.Output), s.Error)
		if err != nil {
			return err
		}
	}
	for _, v := range writes.Values {
		err := w.exec(ctx, `INSERT INTO run_values (run, name, app, value) VALUES (?, ?, ?, ?) ON CONFLICT (run, name) DO UPDATE SET value = excluded.value`,
			v.Run, v.Name, v.App, string(v.Value))
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) putRun(ctx context.Context, r *engine.Run, stored bool) error {
	failure, err := errorText(r.Error)
	if err != nil {
		return err
	}
	if stored {
		return w.exec(ctx, `UPDATE runs SET status = ?, candidate = ?, trigger_id = ?, place = ?, holds = ?, permit = ?, started = ?, owner = ?, epoch = ?, cursor = ?, state = ?,
			pending = ?, due_at = ?, finished_at = ?, forget_at = ?, error = ? WHERE id = ?`,
			r.Status, r.Candidate, r.Trigger, r.Place, r.Holds, r.Permit, r.Started, r.Owner, r.Epoch, r.Cursor, string(r.State), r.Pending, millis(r.DueAt), millis(r.FinishedAt), millis(r.ForgetAt), failure, r.ID)
	}
	return w.exec(ctx, `INSERT INTO runs (id, app, scenario, version, format, status, candidate, trigger_id, lane, place, holds, permit, started, owner, epoch, cursor, state,
		structure, object, change, user_id, chain, depth, parent, pending, due_at, created_at, finished_at, forget_at, error)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		r.ID, r.App, r.Scenario, r.Version, r.Format, r.Status, r.Candidate, r.Trigger, r.Lane, r.Place, r.Holds, r.Permit, r.Started, r.Owner, r.Epoch, r.Cursor, string(r.State),
		r.Structure, r.Object, r.Change, r.User, r.Chain, r.Depth, r.Parent, r.Pending, millis(r.DueAt), millis(r.CreatedAt), millis(r.FinishedAt), millis(r.ForgetAt), failure)
}

func (w *writer) putDeliveries(ctx context.Context, writes *engine.Writes, now int64) error {
	for _, d := range writes.Deliveries {
		err := w.exec(ctx, `INSERT INTO deliveries AS d (run, seq, node, app, online, delivered, received, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (run, seq, node)
			DO UPDATE SET online = d.online + excluded.online, delivered = d.delivered + excluded.delivered, received = d.received + excluded.received`,
			d.Run, d.Seq, d.Node, d.App, d.Online, d.Delivered, d.Received, now)
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) putControl(ctx context.Context, writes *engine.Writes) error {
	for _, c := range writes.Claims {
		query := `INSERT INTO claims (app, space, key, owner, until) VALUES (?, ?, ?, ?, ?) ON CONFLICT (app, space, key) DO UPDATE SET owner = excluded.owner, until = excluded.until`
		args := []any{c.App, c.Space, c.Key, c.Owner, millis(c.Until)}
		if c.Release {
			query, args = `DELETE FROM claims WHERE app = ? AND space = ? AND key = ?`, args[:3]
		}
		if err := w.exec(ctx, query, args...); err != nil {
			return err
		}
	}
	for _, c := range writes.Counters {
		if err := w.exec(ctx, `INSERT INTO counters (app, id, n, until) VALUES (?, ?, ?, ?) ON CONFLICT (app, id) DO UPDATE SET n = excluded.n, until = excluded.until`,
			c.App, c.ID, c.N, millis(c.Until)); err != nil {
			return err
		}
	}
	for _, row := range writes.Records {
		r := row.Value
		query := `INSERT INTO records (app, kind, id, owner, rev, body, until, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (app, kind, id) DO UPDATE SET owner = excluded.owner, rev = excluded.rev, body = excluded.body, until = excluded.until, at = excluded.at`
		args := []any{r.App, r.Kind, r.ID, r.Owner, r.Rev, string(r.Body), millis(r.Until), millis(r.At)}
		if r.Deleted {
			query, args = `DELETE FROM records WHERE app = ? AND kind = ? AND id = ?`, args[:3]
		}
		if err := w.exec(ctx, query, args...); err != nil {
			return err
		}
	}
	for _, app := range writes.Raise {
		if err := w.exec(ctx, `INSERT INTO apps (app, catalogue) VALUES (?, 1) ON CONFLICT (app) DO UPDATE SET catalogue = catalogue + 1`, app); err != nil {
			return err
		}
		// The push log has its epoch from the app's first day, so that a client cut off before the first push can recover.
		if err := w.exec(ctx, `INSERT INTO push_head (app, epoch, pos) VALUES (?, ?, 0) ON CONFLICT (app) DO NOTHING`, app, newEpoch()); err != nil {
			return err
		}
	}
	return nil
}

// putPushes gives positions: gapless and in commit order per app.
func (w *writer) putPushes(ctx context.Context, writes *engine.Writes) error {
	count := map[engine.AppID]int64{}
	for _, p := range writes.Pushes {
		count[p.App]++
	}
	next := map[engine.AppID]int64{}
	for app, n := range count {
		var pos int64
		err := w.row(ctx, `INSERT INTO push_head (app, epoch, pos) VALUES (?, ?, ?) ON CONFLICT (app) DO UPDATE SET pos = pos + excluded.pos RETURNING pos`,
			[]any{app, newEpoch(), n}, &pos)
		if err != nil {
			return err
		}
		next[app] = pos - n
	}
	for _, p := range writes.Pushes {
		next[p.App]++
		p.Pos = next[p.App]
		err := w.exec(ctx, `INSERT INTO pushes (app, pos, to_user, event, message, json, run, seq, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			p.App, p.Pos, p.To, p.Event, p.Message, p.JSON, p.Run, p.Seq, millis(p.At))
		if err != nil {
			return err
		}
	}
	return nil
}

// newEpoch names a life of an app's push log.
func newEpoch() string { return rand.Text()[:8] }

func text(doc json.RawMessage) any {
	if doc == nil {
		return nil
	}
	return string(doc)
}

func errorText(e *engine.RunError) (any, error) {
	if e == nil {
		return nil, nil
	}
	doc, err := json.Marshal(e)
	return string(doc), err
}

func split(id string) (first, rest string) {
	for i := range len(id) {
		if id[i] == '/' {
			return id[:i], id[i+1:]
		}
	}
	return id, ""
}
