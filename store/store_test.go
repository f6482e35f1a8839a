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

// A client that kept the number of a change must not get another change under it.
func TestNumbersOfForgottenChangesAreNotGivenAgain(t *testing.T) {
	t.Parallel()
	for name, address := range addresses(t) {
		first, second := twoLives(t, address)
		if second <= first {
			t.Errorf("%s: change %d was forgotten, and the next one has the number %d", name, first, second)
		}
	}
}

// twoLives gives the number of a change that is forgotten, and that of the first change after the store was opened again.
func twoLives(t *testing.T, address string) (first, second int64) {
	t.Helper()
	change := func(s engine.Store, id engine.OpID) int64 {
		c := &engine.Change{App: "demo", Structure: "Order", Object: "1", Kind: engine.Created, Version: 1, After: []byte(`{}`), At: time.Now()}
		r := s.Commit(t.Context(), []engine.Op{{ID: id, App: "demo", Decide: func(*engine.Loaded) (engine.Effects, error) {
			return engine.Effects{Changes: []*engine.Change{c}}, nil
		}}})
		if r[0].Err != nil {
			t.Fatal(r[0].Err)
		}
		return c.Seq
	}
	s, err := Open(t.Context(), address, Options{})
	if err != nil {
		t.Fatal(err)
	}
	first = change(s, "01900000-0000-7000-8000-000000000001")
	if n, err := s.Prune(t.Context(), engine.Retention{Changes: time.Now().Add(48 * time.Hour), MaxRows: 10}); err != nil || n == 0 {
		t.Fatalf("%d rows were forgotten: %v", n, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return first, change(opened(t, address), "01900000-0000-7000-8000-000000000002")
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
