// Package store opens the store that an address names.
package store

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/cuelight/cuelight/engine"
	"github.com/cuelight/cuelight/store/postgres"
	"github.com/cuelight/cuelight/store/sqlite"
)

// Options are what a store is opened with; the zero value is what a server uses.
type Options struct {
	// Clock is the time of batches. Nil means time.Now.
	Clock func() time.Time
}

// ErrLocked says that another process has the store open.
var ErrLocked = errors.New("the store is in use")

// Default is the SQLite file that an empty address names, in the current directory.
const Default = "cuelight.db"

// Open opens the store at an address: postgres://… is a PostgreSQL database, sqlite:PATH or a plain path a SQLite file. An error matches
// ErrLocked while another process has it.
func Open(ctx context.Context, address string, opt Options) (engine.Store, error) {
	if strings.HasPrefix(address, "postgres://") || strings.HasPrefix(address, "postgresql://") {
		s, err := postgres.Open(ctx, address, postgres.Options{Clock: opt.Clock})
		if err != nil {
			return nil, locked(err)
		}
		return s, nil
	}
	path := strings.TrimPrefix(address, "sqlite:")
	if path == "" {
		path = Default
	}
	s, err := sqlite.Open(ctx, path, sqlite.Options{Clock: opt.Clock})
	if err != nil {
		return nil, locked(err)
	}
	return s, nil
}

func locked(err error) error {
	if errors.Is(err, sqlite.ErrLocked) || errors.Is(err, postgres.ErrLocked) {
		return errors.Join(ErrLocked, err)
	}
	return err
}
