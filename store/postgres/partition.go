package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/cuelight/cuelight/engine"
)

// parted is a table that is made of partitions, each for a stretch of time, and of a default one for rows of any other time.
type parted struct {
	name  string
	width time.Duration
	ahead int  // how many partitions are ready beyond the present one: all that is left while a long reader keeps new ones from being made
	byRun bool // divided by the ids of runs, which begin with their time, and not by at
}

const day = 24 * time.Hour

var partedTables = []parted{
	{name: "changes", width: day, ahead: 1},
	{name: "run_steps", width: day, ahead: 1, byRun: true},
	{name: "run_values", width: day, ahead: 1, byRun: true},
	{name: "pushes", width: time.Hour, ahead: 2},
	{name: "commits", width: day, ahead: 1},
}

func (t parted) layout() string {
	if t.width < day {
		return t.name + "_p2006010215"
	}
	return t.name + "_p20060102"
}

// partition is the name of the one that begins at start. The name says the time, so nothing has to read the server's bounds.
func (t parted) partition(start time.Time) string { return start.Format(t.layout()) }

func (t parted) column() string {
	if t.byRun {
		return "run"
	}
	return "at"
}

// bound is a time as a constant of the column. A UUIDv7 begins with its milliseconds.
func (t parted) bound(at time.Time) string {
	if !t.byRun {
		return fmt.Sprint(at.UnixMilli())
	}
	hex := fmt.Sprintf("%012x", at.UnixMilli())
	return `'` + hex[:8] + `-` + hex[8:] + `'`
}

// Bounds of what house-keeping may cost others: while a statement waits for the lock of a table, those behind it wait too.
const (
	lockWait  = `SET LOCAL lock_timeout = '100ms'`
	tendTime  = `SET LOCAL statement_timeout = '1s'`
	tendAgain = time.Minute
)

// tend makes the coming partitions and drops those that lie wholly before their table's time in over; it answers how many it dropped.
// What others hold locked is left for later, as is a partition for which the default one has rows already.
func (s *Store) tend(ctx context.Context, over map[string]time.Time) (int, error) {
	now := s.clock().UTC()
	if now.Before(timeOf(s.tendAt.Load())) {
		return 0, nil
	}
	have, err := s.partitions(ctx)
	if err != nil {
		return 0, err
	}
	dropped := 0
	for _, t := range partedTables {
		n, err := s.tendTable(ctx, t, have[t.name], now, over[t.name])
		dropped += n
		if engine.ErrorCode(err) == "INTERRUPTED" && ctx.Err() == nil || errors.Is(err, errAgain) {
			s.tendAt.Store(millis(now.Add(tendAgain)))
		} else if err != nil {
			return dropped, fmt.Errorf("look after partitions of %s: %w", t.name, err)
		}
	}
	return dropped, nil
}

func (s *Store) tendTable(ctx context.Context, t parted, have map[string]time.Time, now, over time.Time) (int, error) {
	var missing []time.Time
	for i := range t.ahead + 1 {
		start := now.Truncate(t.width).Add(time.Duration(i) * t.width)
		if _, there := have[t.partition(start)]; !there && start.Add(t.width).After(over) {
			missing = append(missing, start)
		}
	}
	if len(missing) > 0 {
		if err := s.attach(ctx, t, missing); err != nil {
			return 0, err
		}
	}
	dropped := 0
	for name, start := range have {
		if start.Add(t.width).After(over) {
			continue
		}
		done, err := s.drop(ctx, t, name, start)
		if err != nil {
			return dropped, err
		}
		if done {
			dropped++
		}
	}
	return dropped, nil
}

// partitions lists, for each table, its partitions and when they begin.
func (s *Store) partitions(ctx context.Context) (map[string]map[string]time.Time, error) {
	names, byName, have := []string{}, map[string]parted{}, map[string]map[string]time.Time{}
	for _, t := range partedTables {
		names, byName[t.name], have[t.name] = append(names, t.name), t, map[string]time.Time{}
	}
	_, err := list(ctx, s, func(sc scanner) (string, error) {
		var of, name string
		err := sc.Scan(&of, &name)
		if start, other := time.Parse(byName[of].layout(), name); err == nil && other == nil {
			have[of][name] = start
		}
		return name, err
	}, `SELECT t.name, c.relname FROM unnest($1::text[]) AS t(name) JOIN pg_inherits AS i ON i.inhparent = t.name::regclass JOIN pg_class AS c ON c.oid = i.inhrelid`, names)
	return have, err
}

// alone carries out a transaction that only one node does at a time, within the bounds.
func (s *Store) alone(ctx context.Context, do func(pgx.Tx) error) error {
	return classify(pgx.BeginFunc(ctx, s.write, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, lockWait+`; `+tendTime+`; SELECT pg_advisory_xact_lock(1668637549, hashtext(current_schema()))`); err != nil {
			return err
		}
		return do(tx)
	}))
}

// attach makes partitions. A table that is made apart and attached, unlike one made in its place, keeps no writer waiting: only the
// default partition is locked.
func (s *Store) attach(ctx context.Context, t parted, starts []time.Time) error {
	return s.alone(ctx, func(tx pgx.Tx) error {
		for _, start := range starts {
			name, from, to := t.partition(start), t.bound(start), t.bound(start.Add(t.width))
			var free bool
			err := tx.QueryRow(ctx, fmt.Sprintf(`SELECT to_regclass('%s') IS NULL AND NOT EXISTS (SELECT 1 FROM %s_default WHERE %s >= %s AND %[3]s < %[5]s)`,
				name, t.name, t.column(), from, to)).Scan(&free)
			if err != nil {
				return err
			}
			if !free {
				continue
			}
			_, err = tx.Exec(ctx, fmt.Sprintf(`CREATE TABLE %s (LIKE %s INCLUDING ALL); ALTER TABLE %[2]s ATTACH PARTITION %[1]s FOR VALUES FROM (%[3]s) TO (%[4]s)`,
				name, t.name, from, to))
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// drop drops a partition, and answers whether it did: one that is divided by runs stays while there is a run of its time.
func (s *Store) drop(ctx context.Context, t parted, name string, start time.Time) (bool, error) {
	kept, needed := `SELECT FALSE`, false
	if t.byRun {
		kept = fmt.Sprintf(`SELECT EXISTS (SELECT 1 FROM runs WHERE id >= %s AND id < %s)`, t.bound(start), t.bound(start.Add(t.width)))
	}
	if err := s.read.QueryRow(ctx, kept).Scan(&needed); err != nil || needed {
		return false, classify(err)
	}
	err := s.alone(ctx, func(tx pgx.Tx) error {
		// Whoever had written rows there has ended when the lock is held, so the runs that they belong to are seen.
		if _, err := tx.Exec(ctx, `LOCK TABLE `+t.name+` IN ACCESS EXCLUSIVE MODE`); err != nil {
			return err
		}
		if err := tx.QueryRow(ctx, kept).Scan(&needed); err != nil || needed {
			return err
		}
		_, err := tx.Exec(ctx, `DROP TABLE IF EXISTS `+name)
		return err
	})
	return !needed && err == nil, err
}
