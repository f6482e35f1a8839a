package postgres

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/cuelight/cuelight/engine"
)

// maxLocks bounds the keys that one transaction locks: the server's lock table is shared, by default it holds 6,400.
const maxLocks = 1000

// maxTries is how often a batch is repeated for conflicts with other transactions.
const maxTries = 10

// Commit carries out ops in one transaction. Where SQL fails although every op was found good, the ops are tried again in halves,
// so that one of them can not void the others.
func (s *Store) Commit(ctx context.Context, ops []engine.Op) []engine.Result {
	if n := fewer(ops); n < len(ops) {
		return append(s.Commit(ctx, ops[:n]), refused(len(ops)-n, engine.ErrLater)...)
	}
	results, err := s.commit(ctx, ops)
	if err == nil {
		return results
	}
	if len(ops) == 1 || errors.Is(err, engine.ErrUnavailable) || errors.Is(err, engine.ErrFull) {
		return refused(len(ops), err)
	}
	half := len(ops) / 2
	return append(s.Commit(ctx, ops[:half]), s.Commit(ctx, ops[half:])...)
}

func refused(n int, err error) []engine.Result {
	results := make([]engine.Result, n)
	for i := range results {
		results[i].Err = err
	}
	return results
}

// fewer is how many of the ops lock no more keys than one transaction may; at least one.
func fewer(ops []engine.Op) int {
	keys := 0
	for i := range ops {
		keys += len(ops[i].Lock) + 1
		if keys > maxLocks && i > 0 {
			return i
		}
	}
	return len(ops)
}

// commit repeats the batch until it is through or refused. Its error is classified.
func (s *Store) commit(ctx context.Context, ops []engine.Op) ([]engine.Result, error) {
	for try := 1; ; try++ {
		if err := s.lock.held(ctx); err != nil {
			return nil, err
		}
		results, err := s.attempt(ctx, ops)
		switch {
		case err == nil:
			return results, nil
		case errors.Is(err, errAway):
		case errors.Is(err, errAgain) && try < maxTries:
		default:
			return nil, err
		}
		if !pause(ctx, jitter(try)) {
			return nil, errGone
		}
	}
}

// errGone is the answer when the caller's time ended before anything was sent that could have committed.
var errGone = &engine.CodedError{Kind: engine.ErrUnavailable, Code: "UNAVAILABLE", Message: "the database did not answer in time"}

func jitter(try int) time.Duration {
	var b [1]byte
	_, _ = rand.Read(b[:])
	most := min(time.Millisecond<<min(try, 10), 250*time.Millisecond)
	return most/2 + most/2*time.Duration(b[0])/255
}

// attempt is one transaction in two round trips: lock and load, then write and COMMIT.
func (s *Store) attempt(ctx context.Context, ops []engine.Op) ([]engine.Result, error) {
	conn, err := s.write.Acquire(ctx)
	if err != nil {
		return nil, away(ctx, err)
	}
	defer conn.Release()
	w := &writer{conn: conn.Conn(), id: rand.Text()}
	b := engine.NewBatch(ops, s.clock(), s.clock)
	err = w.inside(ctx, b)
	if err == nil && w.empty(b.Writes()) {
		err = w.rollback()
		return b.Results(), err
	}
	if err != nil {
		return nil, w.failed(ctx, err)
	}
	ctx, done := carry(ctx)
	defer done()
	heads, err := w.finish(ctx, b)
	if err != nil {
		if w.refused() {
			return nil, w.failed(ctx, err)
		}
		if heads, err = s.outcome(ctx, w.id, millis(b.Now())); err != nil {
			return nil, err
		}
	}
	place(b.Writes().Pushes, heads)
	return b.Results(), nil
}

// carryFor is how long a transaction that was sent is waited for when nobody else waits any more.
const carryFor = 10 * time.Second

// carry gives a context for what has to be carried through: its end must not depend on who still waits.
func carry(ctx context.Context) (context.Context, context.CancelFunc) {
	carried, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(carryFor, cancel) })
	return carried, func() { stop(); cancel() }
}

// outcome finds out whether a transaction whose connection was lost has happened. Writing its mark in its stead is what settles it: the
// insert waits while that transaction is still open, and one that finds the mark there can not commit any more. at is the transaction's
// own time: it is a part of the key.
func (s *Store) outcome(ctx context.Context, id string, at int64) (map[engine.AppID]int64, error) {
	for try := 1; ; try++ {
		var heads string
		err := s.write.QueryRow(ctx, `INSERT INTO commits AS c (id, at, heads) VALUES ($1, $2, '') ON CONFLICT (id, at) DO UPDATE SET at = c.at RETURNING heads`,
			id, at).Scan(&heads)
		if err == nil {
			if heads == "" {
				return nil, fmt.Errorf("%w: the transaction has not happened", errAway)
			}
			var places map[engine.AppID]int64
			err := json.Unmarshal([]byte(heads), &places)
			return places, err
		}
		if !pause(ctx, jitter(try)) {
			return nil, &engine.CodedError{Kind: engine.ErrUnavailable, Code: "UNKNOWN", Message: "the database went away during the commit"}
		}
	}
}

// writer is one transaction on a connection of the pool.
type writer struct {
	conn *pgx.Conn
	id   string  // by which it is looked up in commits
	seqs []int64 // change numbers not given yet
}

// inside locks, loads and decides.
func (w *writer) inside(ctx context.Context, b *engine.Batch) error {
	if err := w.begin(ctx, b); err != nil {
		return err
	}
	var broken error
	b.Decide(func(lock, peek []engine.Key) bool {
		if broken != nil {
			return false
		}
		got, err := w.more(ctx, b, lock, peek)
		broken = err
		return got && err == nil
	}, func() int64 {
		if len(w.seqs) == 0 && broken == nil {
			broken = w.number(ctx, numbers)
		}
		if broken != nil {
			return 0
		}
		n := w.seqs[0]
		w.seqs = w.seqs[1:]
		return n
	})
	return broken
}

// refused tells whether the server has said that the transaction did not happen.
func (w *writer) refused() bool {
	status := w.conn.PgConn().TxStatus()
	return !w.conn.IsClosed() && (status == 'E' || status == 'T')
}

// failed gives the connection back in order after an error and classifies it.
func (w *writer) failed(ctx context.Context, err error) error {
	if w.conn.IsClosed() {
		return away(ctx, err)
	}
	_ = w.rollback()
	return classify(err)
}

func (w *writer) rollback() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_, err := w.conn.Exec(ctx, `ROLLBACK`)
	return classify(err)
}

// away is the error of a connection that is gone, or of a caller that is.
func away(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return errGone
	}
	return fmt.Errorf("%w: %w", errAway, err)
}
