package store

import (
	"path/filepath"
	"testing"

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
