package postgres

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/cuelight/cuelight/engine"
)

// scanner is a row of one or of many.
type scanner interface{ Scan(into ...any) error }

// behind reads columns behind those that it is asked for.
type behind struct {
	scanner
	last []any
}

// Scan reads the row.
func (b behind) Scan(into ...any) error { return b.scanner.Scan(append(into, b.last...)...) }

// collect reads all rows and closes them.
func collect[T any](rows pgx.Rows, scan func(scanner) (T, error)) ([]T, error) {
	defer rows.Close()
	var list []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, rows.Err()
}

// collectPage is collect that ends with the row that passes engine.PageBytes.
func collectPage[T engine.Sized](rows pgx.Rows, scan func(scanner) (T, error)) ([]T, error) {
	defer rows.Close()
	var list []T
	for bytes := 0; bytes < engine.PageBytes && rows.Next(); {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
		bytes += v.Size()
	}
	return list, rows.Err()
}

const objectColumns = `o.app, o.structure, o.id, o.version, o.data::text, o.created_at, o.changed_at, o.created_by, o.changed_by`

const selectObject = `SELECT ` + objectColumns + ` FROM objects AS o`

func scanObject(s scanner) (*engine.Object, error) {
	o := &engine.Object{}
	var data string
	var created, changed int64
	if err := s.Scan(&o.App, &o.Structure, &o.ID, &o.Version, &data, &created, &changed, &o.CreatedBy, &o.ChangedBy); err != nil {
		return nil, err
	}
	o.Data, o.CreatedAt, o.ChangedAt = json.RawMessage(data), timeOf(created), timeOf(changed)
	return o, nil
}

const changeColumns = `seq, app, structure, object, kind, version, before::text, after::text, fields, who, user_id, run, chain, depth, silent = 1, op, at`

const selectChange = `SELECT ` + changeColumns + ` FROM changes`

func scanChange(s scanner) (*engine.Change, error) {
	c := &engine.Change{}
	var before, after *string
	var fields string
	var at int64
	err := s.Scan(&c.Seq, &c.App, &c.Structure, &c.Object, &c.Kind, &c.Version, &before, &after, &fields, &c.Who, &c.User, &c.Run, &c.Chain, &c.Depth, &c.Silent, &c.Op, &at)
	if err != nil {
		return nil, err
	}
	if before != nil {
		c.Before = json.RawMessage(*before)
	}
	if after != nil {
		c.After = json.RawMessage(*after)
	}
	c.At = timeOf(at)
	if err := json.Unmarshal([]byte(fields), &c.Fields); err != nil {
		return nil, fmt.Errorf("read change %d: %w", c.Seq, err)
	}
	return c, nil
}

// listRun is selectRun without the state, which may be large and which nobody lists.
var listRun = strings.Replace(selectRun, ` state,`, ` '' AS state,`, 1)

const selectRun = `SELECT id, app, scenario, version, format, status, candidate = 1 AS candidate, trigger_id, lane, place, holds = 1 AS holds, permit, started = 1 AS started, owner, epoch, cursor, state,
	structure, object, change, user_id, chain, depth, parent, pending, due_at, created_at, finished_at, forget_at, error FROM runs`

func scanRun(s scanner) (*engine.Run, error) {
	r := &engine.Run{}
	var state string
	var due, created, finished, forget int64
	var failure *string
	err := s.Scan(&r.ID, &r.App, &r.Scenario, &r.Version, &r.Format, &r.Status, &r.Candidate, &r.Trigger, &r.Lane, &r.Place, &r.Holds, &r.Permit, &r.Started, &r.Owner,
		&r.Epoch, &r.Cursor, &state, &r.Structure, &r.Object, &r.Change, &r.User, &r.Chain, &r.Depth, &r.Parent, &r.Pending, &due, &created, &finished, &forget, &failure)
	if err != nil {
		return nil, err
	}
	r.State = json.RawMessage(state)
	r.DueAt, r.CreatedAt, r.FinishedAt, r.ForgetAt = timeOf(due), timeOf(created), timeOf(finished), timeOf(forget)
	if failure != nil {
		r.Error = &engine.RunError{}
		if err := json.Unmarshal([]byte(*failure), r.Error); err != nil {
			return nil, fmt.Errorf("read error of run %s: %w", r.ID, err)
		}
	}
	return r, nil
}

const selectRecord = `SELECT app, kind, id, owner, rev, body, until, at FROM records`

func scanRecord(s scanner) (*engine.Record, error) {
	r := &engine.Record{}
	var body string
	var until, at int64
	if err := s.Scan(&r.App, &r.Kind, &r.ID, &r.Owner, &r.Rev, &body, &until, &at); err != nil {
		return nil, err
	}
	r.Body, r.Until, r.At = []byte(body), timeOf(until), timeOf(at)
	return r, nil
}

const selectClaim = `SELECT app, space, key, owner, until FROM claims`

func scanClaim(s scanner) (*engine.Claim, error) {
	c := &engine.Claim{}
	var until int64
	err := s.Scan(&c.App, &c.Space, &c.Key, &c.Owner, &until)
	c.Until = timeOf(until)
	return c, err
}

const selectCounter = `SELECT app, id, n FROM counters`

func scanCounter(s scanner) (*engine.Counter, error) {
	c := &engine.Counter{}
	err := s.Scan(&c.App, &c.ID, &c.N)
	return c, err
}

const selectStep = `SELECT app, run, seq, step, kind, status, attempt, at, settings, output, error FROM run_steps`

func scanStep(s scanner) (*engine.StepRecord, error) {
	r := &engine.StepRecord{}
	var at int64
	var settings, output *string
	if err := s.Scan(&r.App, &r.Run, &r.Seq, &r.Step, &r.Kind, &r.Status, &r.Attempt, &at, &settings, &output, &r.Error); err != nil {
		return nil, err
	}
	r.At = timeOf(at)
	if settings != nil {
		r.Settings = json.RawMessage(*settings)
	}
	if output != nil {
		r.Output = json.RawMessage(*output)
	}
	return r, nil
}

const selectPush = `SELECT app, pos, to_user, event, message, json = 1, run, seq, at FROM pushes`

func scanPush(s scanner) (engine.Push, error) {
	var p engine.Push
	var at int64
	err := s.Scan(&p.App, &p.Pos, &p.To, &p.Event, &p.Message, &p.JSON, &p.Run, &p.Seq, &at)
	p.At = timeOf(at)
	return p, err
}

const selectDelivery = `SELECT app, run, seq, SUM(online)::bigint, SUM(delivered)::bigint, SUM(received)::bigint FROM deliveries`

func scanDelivery(s scanner) (engine.Delivery, error) {
	var d engine.Delivery
	err := s.Scan(&d.App, &d.Run, &d.Seq, &d.Online, &d.Delivered, &d.Received)
	return d, err
}
