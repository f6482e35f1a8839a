package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/cuelight/cuelight/engine"
	"github.com/cuelight/cuelight/engine/task"
)

// nodeLock is the lock of the one process that uses the database: a session lock on a connection of its own, so that the server itself
// gives it free when the process dies.
type nodeLock struct {
	config *pgx.ConnConfig
	conn   *pgx.Conn
	state  atomic.Int32
	tasks  *task.Group
	stop   context.CancelFunc
}

const (
	lockHeld int32 = iota
	lockLost
	lockTaken
)

// lockQuery locks by two small numbers, which never meet the large ones that keys are locked by. The schema counts, since two of them
// in one database are two stores.
const lockQuery = `SELECT pg_try_advisory_lock(1668637548, hashtext(current_schema()))`

// takeLock connects, lets check judge the server, and takes the lock; it tries for as long as wait.
func takeLock(ctx context.Context, config *pgx.ConnConfig, wait time.Duration, check func(context.Context, *pgx.Conn) error) (*nodeLock, error) {
	l := &nodeLock{config: config, tasks: task.New(slog.Default())}
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	if err := check(ctx, conn); err != nil {
		_ = conn.Close(ctx)
		return nil, err
	}
	for until := time.Now().Add(wait); ; {
		var got bool
		if err := conn.QueryRow(ctx, lockQuery).Scan(&got); err != nil {
			_ = conn.Close(ctx)
			return nil, fmt.Errorf("lock database: %w", err)
		}
		if got {
			break
		}
		if time.Now().After(until) {
			_ = conn.Close(ctx)
			return nil, ErrLocked
		}
		pause(ctx, 100*time.Millisecond)
	}
	l.conn = conn
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	l.stop = stop
	l.tasks.Go("database lock", func() { l.watch(background) })
	return l, nil
}

// watch notices that the connection is gone and takes the lock again. Nothing is ever sent on this connection: that a wait for a
// notification ends is the news.
func (l *nodeLock) watch(ctx context.Context) {
	for ctx.Err() == nil {
		if _, err := l.conn.WaitForNotification(ctx); err == nil || ctx.Err() != nil {
			continue
		}
		l.state.Store(lockLost)
		_ = l.conn.Close(ctx)
		for !l.again(ctx) && ctx.Err() == nil {
			pause(ctx, 100*time.Millisecond)
		}
	}
}

func (l *nodeLock) again(ctx context.Context) bool {
	conn, err := pgx.ConnectConfig(ctx, l.config)
	if err != nil {
		return false
	}
	var got bool
	err = conn.QueryRow(ctx, lockQuery).Scan(&got)
	if err != nil || !got {
		_ = conn.Close(ctx)
		if err == nil {
			l.state.Store(lockTaken)
		}
		return false
	}
	l.conn = conn
	l.state.Store(lockHeld)
	return true
}

// held waits until the lock is held; it fails at once while another process has it.
func (l *nodeLock) held(ctx context.Context) error {
	for {
		switch l.state.Load() {
		case lockHeld:
			return nil
		case lockTaken:
			return &engine.CodedError{Kind: engine.ErrUnavailable, Code: "LOCKED", Message: "another cuelight process has taken the database over"}
		}
		if !pause(ctx, 10*time.Millisecond) {
			return &engine.CodedError{Kind: engine.ErrUnavailable, Code: "UNAVAILABLE", Message: "the database is away"}
		}
	}
}

func (l *nodeLock) close() error {
	l.stop()
	l.tasks.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := l.conn.Close(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("close database: %w", err)
	}
	return nil
}

// pause waits; it answers false when ctx has ended.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
