package store

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cuelight/cuelight/engine"
	"github.com/cuelight/cuelight/store/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

// stores are the ways to open a fresh store.
var stores = map[string]func(*testing.T) engine.Store{
	"sqlite":   func(t *testing.T) engine.Store { return opened(t, filepath.Join(t.TempDir(), "cuelight.db")) },
	"postgres": func(t *testing.T) engine.Store { return opened(t, storetest.Postgres(t)) },
}

func opened(t *testing.T, address string) engine.Store {
	t.Helper()
	s, err := Open(t.Context(), address, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestStores(t *testing.T) {
	t.Parallel()
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storetest.Run(t, open)
		})
	}
}

func TestReopenedStoreHasEverything(t *testing.T) {
	t.Parallel()
	for name, address := range addresses(t) {
		s, err := Open(t.Context(), address, Options{})
		if err != nil {
			t.Fatal(err)
		}
		storetest.Put(t, s, `{"id": "1", "n": 1}`)
		if err := s.Close(); err != nil {
			t.Errorf("%s: close: %v", name, err)
		}
		s = opened(t, address)
		storetest.Put(t, s, `{"id": "1", "n": 2}`)
		o, err := s.Object(t.Context(), "demo", "Order", "1")
		if err != nil || o.Version != 2 {
			t.Errorf("%s: %+v, %v", name, o, err)
		}
	}
}

func TestSecondProcessIsRefused(t *testing.T) {
	t.Parallel()
	for name, address := range addresses(t) {
		opened(t, address)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := Open(ctx, address, Options{}); err == nil {
			t.Errorf("%s: opened twice", name)
		} else if name == "sqlite" && !errors.Is(err, ErrLocked) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNewerSchemaIsRefused(t *testing.T) {
	t.Parallel()
	for name, address := range addresses(t) {
		s, err := Open(t.Context(), address, Options{})
		if err != nil {
			t.Fatal(err)
		}
		_ = s.Close()
		db := storetest.SQL(t, address)
		if name == "sqlite" {
			if db, err = sql.Open("sqlite", address); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := db.Exec(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, TRUE)`); err != nil {
			t.Fatal(err)
		}
		_ = db.Close()
		if _, err := Open(t.Context(), address, Options{}); err == nil || !strings.Contains(err.Error(), "newer program") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestTwinsHaveTheSameTables reads both databases: columns that only one of them has are named here.
func TestTwinsHaveTheSameTables(t *testing.T) {
	t.Parallel()
	found := map[string][]string{}
	for name, address := range addresses(t) {
		opened(t, address)
		query, db := `SELECT table_name || '.' || column_name FROM information_schema.columns
			WHERE table_schema = 'public' AND NOT EXISTS (SELECT 1 FROM pg_inherits WHERE inhrelid = table_name::regclass)`, storetest.SQL(t, address)
		if name == "sqlite" {
			var err error
			query = `SELECT m.name || '.' || c.name FROM sqlite_master AS m JOIN pragma_table_info(m.name) AS c WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%'`
			if db, err = sql.Open("sqlite", address); err != nil {
				t.Fatal(err)
			}
			defer func() { _ = db.Close() }()
		}
		rows, err := db.Query(query)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			var column string
			if err := rows.Scan(&column); err != nil {
				t.Fatal(err)
			}
			if column != "changes.tx" {
				found[name] = append(found[name], column)
			}
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		slices.Sort(found[name])
	}
	if !slices.Equal(found["sqlite"], found["postgres"]) || len(found["sqlite"]) < 80 {
		t.Errorf("sqlite\n%v\npostgres\n%v", found["sqlite"], found["postgres"])
	}
}

func TestTwinMigrationsHaveTheSameNames(t *testing.T) {
	t.Parallel()
	names := map[string][]string{}
	for name := range stores {
		entries, err := os.ReadDir(filepath.Join("..", "migrations", name))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			names[name] = append(names[name], e.Name())
		}
	}
	if !slices.Equal(names["sqlite"], names["postgres"]) || len(names["sqlite"]) == 0 {
		t.Errorf("%v", names)
	}
}

func addresses(t *testing.T) map[string]string {
	t.Helper()
	return map[string]string{"sqlite": filepath.Join(t.TempDir(), "cuelight.db"), "postgres": storetest.Postgres(t)}
}
