// Package postgres keeps everything in a PostgreSQL database, by native pgx: one connection for each committer, a pool of readers, and
// one connection that holds the lock by which a second process is refused.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/cuelight/cuelight/engine"
	"github.com/cuelight/cuelight/migrations"
)

// Store is an engine.Store in a database.
type Store struct {
	write *pgxpool.Pool
	read  *pgxpool.Pool
	lock  *nodeLock
	clock func() time.Time

	tendAt atomic.Int64 // when the partitions may be looked after again, in milliseconds
}

var _ engine.Store = (*Store)(nil)

// Options are what a store is opened with; the zero value is what a server uses.
type Options struct {
	// Clock is the time of batches. Nil means time.Now.
	Clock func() time.Time
	// LockWait is how long Open waits for another process to end; a server may need a moment to see that one is dead. 0 means 10 s.
	LockWait time.Duration
}

// ErrLocked says that another process has the database open.
var ErrLocked = errors.New("another cuelight process uses this database; stop it first")

const minVersion = 14 // pg_current_xact_id, and the planner's habits that the queries here were measured with

// committers is how many batches are committed at a time.
const committers = 4

// Open opens the database at url and brings its schema up to date. It fails with ErrLocked while another process has it.
func Open(ctx context.Context, url string, opt Options) (*Store, error) {
	if opt.Clock == nil {
		opt.Clock = time.Now
	}
	if opt.LockWait == 0 {
		opt.LockWait = 10 * time.Second
	}
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("read the database's address: %w", err)
	}
	config.ConnConfig.ConnectTimeout = 5 * time.Second
	// A machine that vanishes must not keep its locks for the two hours of TCP.
	maps.Copy(config.ConnConfig.RuntimeParams, map[string]string{
		"application_name": "cuelight", "timezone": "UTC", "jit": "off",
		"tcp_keepalives_idle": "10", "tcp_keepalives_interval": "5", "tcp_keepalives_count": "3",
	})
	s := &Store{clock: opt.Clock}
	if err := s.open(ctx, config, opt.LockWait); err != nil {
		_ = s.Close()
		return nil, err
	}
	return s, nil
}

func (s *Store) open(ctx context.Context, config *pgxpool.Config, wait time.Duration) error {
	var err error
	if s.lock, err = takeLock(ctx, config.ConnConfig, wait, fit); err != nil {
		return err
	}
	db := stdlib.OpenDB(*config.ConnConfig)
	_, err = migrations.Up(ctx, db, migrations.Postgres)
	if err := errors.Join(err, db.Close()); err != nil {
		return err
	}
	if s.write, err = pgxpool.NewWithConfig(ctx, writers(config)); err != nil {
		return fmt.Errorf("open database: %w", err)
	}
	if s.read, err = pgxpool.NewWithConfig(ctx, readers(config)); err != nil {
		return fmt.Errorf("open database: %w", err)
	}
	_, err = s.tend(ctx, nil)
	return err
}

// fit refuses a server on which the promises of this program do not hold.
func fit(ctx context.Context, conn *pgx.Conn) error {
	var version int
	var encoding, durable string
	err := conn.QueryRow(ctx, `SELECT current_setting('server_version_num')::int / 10000, current_setting('server_encoding'), current_setting('synchronous_commit')`).
		Scan(&version, &encoding, &durable)
	if err != nil {
		return fmt.Errorf("open database: %w", err)
	}
	switch {
	case version < minVersion:
		return fmt.Errorf("PostgreSQL %d is too old: %d or newer is needed", version, minVersion)
	case encoding != "UTF8":
		return fmt.Errorf("the database has encoding %s: make one with ENCODING 'UTF8'", encoding)
	case durable == "off":
		return fmt.Errorf("synchronous_commit is off for the role %s, so an acknowledged write could be lost: ALTER ROLE %q SET synchronous_commit = on",
			conn.Config().User, conn.Config().User)
	}
	return nil
}

// writers is the pool of the committers, of takeovers and of pruning. Their statements look up rows by key; what the planner might choose
// instead while the tables are small would be kept for them when they are large.
func writers(config *pgxpool.Config) *pgxpool.Config {
	c := config.Copy()
	c.MaxConns = committers + 2
	for _, plan := range []string{"enable_seqscan", "enable_hashjoin", "enable_mergejoin"} {
		c.ConnConfig.RuntimeParams[plan] = "off"
	}
	c.ConnConfig.RuntimeParams["idle_in_transaction_session_timeout"] = "60000"
	return c
}

func readers(config *pgxpool.Config) *pgxpool.Config {
	c := config.Copy()
	c.MaxConns = max(4, int32(runtime.NumCPU())*2)
	c.ConnConfig.RuntimeParams["default_transaction_read_only"] = "on"
	return c
}

// Committers is 4: that many transactions are at work while others wait for the disk.
func (s *Store) Committers() int { return committers }

// Ping says whether the database answers.
func (s *Store) Ping(ctx context.Context) error { return classify(s.read.Ping(ctx)) }

// Close ends the store and gives the database free.
func (s *Store) Close() error {
	if s.read != nil {
		s.read.Close()
	}
	if s.write != nil {
		s.write.Close()
	}
	if s.lock != nil {
		return s.lock.close()
	}
	return nil
}

var (
	// errAgain says that the transaction was rolled back for reasons that a second try may not meet.
	errAgain error = &engine.CodedError{Kind: engine.ErrBusy, Code: "CONTENDED", Limit: "commit_retries", Message: "the rows that the write needs keep changing; try again"}
	// errAway says that there is no connection to the database.
	errAway error = &engine.CodedError{Kind: engine.ErrUnavailable, Code: "UNAVAILABLE", Message: "the database is away"}
)

// classify is the only reader of the driver's errors.
func classify(err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, pgx.ErrNoRows) {
		return engine.ErrNotFound
	}
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch e.Code {
		case "53100": // disk_full
			return &engine.CodedError{Kind: engine.ErrFull, Code: "DISK_FULL", Message: "the disk is full"}
		case "57014": // query_canceled
			return &engine.CodedError{Kind: engine.ErrUnavailable, Code: "INTERRUPTED", Message: "the query took too long"}
		case "40001", "40P01", "55P03", // serialization_failure, deadlock_detected, lock_not_available
			"23514": // check_violation: here only of the default partition, by a row for which a partition was made just then
			return fmt.Errorf("%w: %w", errAgain, err)
		case "25006", "25P03", "53300": // read-only standby, idle_in_transaction_session_timeout, too_many_connections
			return fmt.Errorf("%w: %w", errAway, err)
		}
		switch e.Code[:2] {
		case "08", "57": // connection exceptions, operator intervention
			return fmt.Errorf("%w: %w", errAway, err)
		}
		return err
	}
	_, connect := errors.AsType[*pgconn.ConnectError](err)
	_, network := errors.AsType[net.Error](err)
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return &engine.CodedError{Kind: engine.ErrUnavailable, Code: "INTERRUPTED", Message: "the database did not answer in time"}
	}
	if connect || network || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || pgconn.SafeToRetry(err) {
		return fmt.Errorf("%w: %w", errAway, err)
	}
	return err
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func timeOf(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
