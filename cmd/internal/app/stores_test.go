package app

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/cuelight/cuelight/engine"
	"github.com/cuelight/cuelight/store/sqlite"
)

// stores are the ways to open a fresh store, by name.
func stores(*testing.T) map[string]func(*testing.T) engine.Store {
	return map[string]func(*testing.T) engine.Store{
		"sqlite": func(t *testing.T) engine.Store {
			s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "cuelight.db"), sqlite.Options{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.Close() })
			return s
		},
	}
}

func writeFile(t *testing.T, path string, data []byte) {
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}
