// Package migrations holds the schemas of the stores, the same tables and columns in both, and brings a database up to them.
// Migrations go forward only, each in a transaction; a database of a newer program is refused.
package migrations

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"
)

//go:embed sqlite/*.sql postgres/*.sql
var files embed.FS

// Dialect names the folder of a store's migrations.
type Dialect string

// The dialects.
const (
	SQLite   Dialect = "sqlite"
	Postgres Dialect = "postgres"
)

// Up brings db up to this program's schema and returns how many migrations it ran. It fails without touching anything when the
// database has a newer schema than the program knows.
func Up(ctx context.Context, db *sql.DB, d Dialect) (int, error) {
	dir, err := fs.Sub(files, string(d))
	if err != nil {
		return 0, err
	}
	dialect := database.DialectSQLite3
	if d == Postgres {
		dialect = database.DialectPostgres
	}
	p, err := goose.NewProvider(dialect, db, dir, goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()))
	if err != nil {
		return 0, fmt.Errorf("read migrations: %w", err)
	}
	current, target, err := p.GetVersions(ctx)
	if err != nil {
		return 0, fmt.Errorf("read schema version: %w", err)
	}
	if current > target {
		return 0, fmt.Errorf("the database has schema %d and this program knows %d: start the newer program, or restore a backup made before the upgrade", current, target)
	}
	done, err := p.Up(ctx)
	if err != nil {
		return len(done), fmt.Errorf("migrate: %w", err)
	}
	return len(done), nil
}
