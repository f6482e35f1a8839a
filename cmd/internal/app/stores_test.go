package app

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/cuelight/cuelight/engine"
	"github.com/cuelight/cuelight/store"
	"github.com/cuelight/cuelight/store/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

// stores are the ways to open a fresh store, by name.
func stores(testing.TB) map[string]func(testing.TB) engine.Store {
	open := func(t testing.TB, url string) engine.Store {
		s, err := store.Open(t.Context(), url, store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return s
	}
	return map[string]func(testing.TB) engine.Store{
		"sqlite":   func(t testing.TB) engine.Store { return open(t, filepath.Join(t.TempDir(), "cuelight.db")) },
		"postgres": func(t testing.TB) engine.Store { return open(t, storetest.Postgres(t)) },
	}
}

func writeFile(t *testing.T, path string, data []byte) {
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}
