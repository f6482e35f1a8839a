package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/cuelight/cuelight/engine"
)

// Commit carries out ops in one transaction. Where SQL fails although every op was found good, the ops are tried again in halves,
// so that one of them can not void the others.
func (s *Store) Commit(ctx context.Context, ops []engine.Op) []engine.Result {
	if err := s.floor.check(); err != nil {
		return refused(len(ops), err)
	}
	results, err := s.write.commit(ctx, ops)
	if err == nil {
		return results
	}
	if len(ops) == 1 || ctx.Err() != nil || errors.Is(classify(err), engine.ErrFull) || errors.Is(classify(err), engine.ErrUnavailable) {
		return refused(len(ops), classify(err))
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

// writer is the one write connection with its prepared statements.
type writer struct {
	mu    sync.Mutex // one batch or one slice of pruning at a time
	db    *sql.DB
	conn  *sql.Conn
	clock func() time.Time
	stmts map[string]*sql.Stmt
	seq   int64 // last change number given; safe as a cursor since SQLite has one writer: with several it would not be
}

func (w *writer) begin(ctx context.Context) error {
	var err error
	if w.conn, err = w.db.Conn(ctx); err != nil {
		return fmt.Errorf("open write connection: %w", err)
	}
	w.stmts = map[string]*sql.Stmt{}
	if err := w.conn.QueryRowContext(ctx, `SELECT COALESCE((SELECT seq FROM sqlite_sequence WHERE name = 'changes'), 0)`).Scan(&w.seq); err != nil {
		return fmt.Errorf("read last change: %w", err)
	}
	return nil
}

func (w *writer) close() error {
	for _, s := range w.stmts {
		_ = s.Close()
	}
	if w.conn != nil {
		_ = w.conn.Close()
	}
	return w.db.Close()
}

func (w *writer) stmt(ctx context.Context, query string) (*sql.Stmt, error) {
	if s := w.stmts[query]; s != nil {
		return s, nil
	}
	s, err := w.conn.PrepareContext(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("prepare %q: %w", query, err)
	}
	w.stmts[query] = s
	return s, nil
}

func (w *writer) exec(ctx context.Context, query string, args ...any) error {
	s, err := w.stmt(ctx, query)
	if err != nil {
		return err
	}
	_, err = s.ExecContext(ctx, args...)
	return err
}

func (w *writer) row(ctx context.Context, query string, args []any, into ...any) error {
	s, err := w.stmt(ctx, query)
	if err != nil {
		return err
	}
	return s.QueryRowContext(ctx, args...).Scan(into...)
}

func (w *writer) commit(ctx context.Context, ops []engine.Op) ([]engine.Result, error) {
	// A transaction that has begun is carried through: its end must not depend on who still waits.
	ctx = context.WithoutCancel(ctx)
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.exec(ctx, `BEGIN IMMEDIATE`); err != nil {
		return nil, err
	}
	seq := w.seq
	results, err := w.inside(ctx, ops)
	if err == nil {
		err = w.exec(ctx, `COMMIT`)
	}
	if err != nil {
		w.seq = seq
		_, _ = w.conn.ExecContext(ctx, `ROLLBACK`)
		return nil, err
	}
	return results, nil
}

// inside loads, decides and writes. Keys that an op asks for in the middle are loaded at once: with one writer there is no order of
// locks to keep.
func (w *writer) inside(ctx context.Context, ops []engine.Op) ([]engine.Result, error) {
	b := engine.NewBatch(ops, w.clock(), w.clock)
	for _, app := range b.Apps() {
		n := int64(0)
		if err := w.row(ctx, `SELECT catalogue FROM apps WHERE app = ?`, []any{app}, &n); err != nil && !errors.Is(err, sql.ErrNoRows) {
			return nil, err
		}
		b.SetCatalogue(app, n)
	}
	lock, peek := b.Keys()
	if err := w.load(ctx, b, lock, peek); err != nil {
		return nil, err
	}
	var failed error
	b.Decide(func(lock, peek []engine.Key) bool {
		if err := w.load(ctx, b, lock, peek); err != nil {
			failed = err
		}
		return failed == nil
	}, func() int64 { w.seq++; return w.seq })
	if failed != nil {
		return nil, failed
	}
	if err := w.put(ctx, b); err != nil {
		return nil, err
	}
	return b.Results(), nil
}
