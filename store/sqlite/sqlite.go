// Package sqlite keeps everything in one SQLite file: one write connection, a pool of readers, write-ahead log, and an fsync before
// anything is acknowledged.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"github.com/cuelight/cuelight/engine"
	"github.com/cuelight/cuelight/migrations"
)

// Store is an engine.Store in a file.
type Store struct {
	write *writer
	read  *sql.DB
	lock  *os.File
	clock func() time.Time
	floor floor
}

var _ engine.Store = (*Store)(nil)

// Options are what a store is opened with; the zero value is what a server uses.
type Options struct {
	// Clock is the time of batches. Nil means time.Now.
	Clock func() time.Time
	// FreeFloor is how many bytes of the disk stay free: below it writes fail with ErrFull, while there is still room to tidy up. 0 means
	// 200 MiB (guarantees 4); negative, none.
	FreeFloor int64
}

// ErrLocked says that another process has the file open.
var ErrLocked = errors.New("another cuelight process uses this database; stop it first")

const minVersion = "3.51.3" // older ones can corrupt a write-ahead log (guarantees 1)

// Open opens or makes the file at path and brings its schema up to date. It fails with ErrLocked while another process has it.
func Open(ctx context.Context, path string, opt Options) (*Store, error) {
	if opt.Clock == nil {
		opt.Clock = time.Now
	}
	if opt.FreeFloor == 0 {
		opt.FreeFloor = 200 << 20
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("make data directory: %w", err)
	}
	lock, err := lockFile(path + ".lock")
	if err != nil {
		return nil, err
	}
	s := &Store{lock: lock, clock: opt.Clock, floor: floor{dir: filepath.Dir(path), bytes: opt.FreeFloor}}
	if err := s.open(ctx, path); err != nil {
		_ = s.Close()
		return nil, err
	}
	return s, nil
}

func (s *Store) open(ctx context.Context, path string) error {
	// Only an empty file can change its vacuum mode, and the journal's mode writes its first page; pruned space then really goes back to
	// the disk.
	db, err := sql.Open("sqlite", source(path, "busy_timeout(5000)", "auto_vacuum(INCREMENTAL)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(0)", "cache_size(-65536)",
		"journal_size_limit(67108864)"))
	if err != nil {
		return fmt.Errorf("open %s: %w", path, err)
	}
	db.SetMaxOpenConns(1)
	s.write = &writer{db: db, clock: s.clock}
	var version string
	if err := db.QueryRowContext(ctx, `SELECT sqlite_version()`).Scan(&version); err != nil {
		return fmt.Errorf("open %s: %w", path, err)
	}
	if older(version, minVersion) {
		return fmt.Errorf("SQLite %s is too old: %s or newer is needed", version, minVersion)
	}
	if _, err := migrations.Up(ctx, db, migrations.SQLite); err != nil {
		return err
	}
	if err := s.write.begin(ctx); err != nil {
		return err
	}
	s.read, err = sql.Open("sqlite", source(path, "busy_timeout(5000)", "query_only(1)", "cache_size(-16384)"))
	if err != nil {
		return fmt.Errorf("open %s: %w", path, err)
	}
	s.read.SetMaxOpenConns(max(4, runtime.NumCPU()*2))
	s.read.SetMaxIdleConns(max(4, runtime.NumCPU()*2))
	return nil
}

func source(path string, pragmas ...string) string {
	q := url.Values{"_pragma": pragmas, "_txlock": {"immediate"}}
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + q.Encode()
}

func older(version, than string) bool {
	var a, b [3]int
	_, _ = fmt.Sscanf(version, "%d.%d.%d", &a[0], &a[1], &a[2])
	_, _ = fmt.Sscanf(than, "%d.%d.%d", &b[0], &b[1], &b[2])
	for i := range a {
		if a[i] != b[i] {
			return a[i] < b[i]
		}
	}
	return false
}

func lockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open lock file: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, ErrLocked
	}
	return f, nil
}

// Committers is 1: SQLite has one writer.
func (s *Store) Committers() int { return 1 }

// Ping says whether the file answers.
func (s *Store) Ping(ctx context.Context) error { return s.read.PingContext(ctx) }

// Close ends the store and gives the file free.
func (s *Store) Close() error {
	var errs []error
	if s.read != nil {
		errs = append(errs, s.read.Close())
	}
	if s.write != nil {
		errs = append(errs, s.write.close())
	}
	errs = append(errs, s.lock.Close())
	return errors.Join(errs...)
}

// classify is the only reader of the driver's errors.
func classify(err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, sql.ErrNoRows) {
		return engine.ErrNotFound
	}
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		switch e.Code() & 0xff {
		case lib.SQLITE_FULL:
			return &engine.CodedError{Kind: engine.ErrFull, Code: "DISK_FULL", Message: "the disk is full"}
		case lib.SQLITE_BUSY, lib.SQLITE_LOCKED:
			return &engine.CodedError{Kind: engine.ErrUnavailable, Code: "UNAVAILABLE", Message: "the database is busy"}
		case lib.SQLITE_INTERRUPT:
			return &engine.CodedError{Kind: engine.ErrUnavailable, Code: "INTERRUPTED", Message: "the query took too long"}
		case lib.SQLITE_IOERR, lib.SQLITE_CANTOPEN, lib.SQLITE_NOMEM, lib.SQLITE_PROTOCOL:
			return &engine.CodedError{Kind: engine.ErrUnavailable, Code: "UNAVAILABLE", Message: "the database file can not be read or written now"}
		}
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
