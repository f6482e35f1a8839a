package sqlite

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/cuelight/cuelight/engine"
)

// TestPruningGivesTheDiskBack looks at the file itself: before, when everything is in it, and after.
func TestPruningGivesTheDiskBack(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "cuelight.db")
	size := func(work func(*Store)) int64 {
		t.Helper()
		s, err := Open(t.Context(), path, Options{})
		if err != nil {
			t.Fatal(err)
		}
		work(s)
		if err := s.Close(); err != nil { // which brings everything from the log into the file
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	empty := size(func(*Store) {})
	image := []byte(`{"a":"` + string(bytes.Repeat([]byte("x"), 20_000)) + `"}`)
	full := size(func(s *Store) {
		for range 20 {
			var e engine.Effects
			for range 50 {
				e.Changes = append(e.Changes, &engine.Change{App: "demo", Structure: "S", Object: "1", After: image, At: time.UnixMilli(1)})
			}
			op := engine.Op{ID: "o", App: "demo", Decide: func(*engine.Loaded) (engine.Effects, error) { return e, nil }}
			if r := s.Commit(t.Context(), []engine.Op{op}); r[0].Err != nil {
				t.Fatal(r[0].Err)
			}
		}
	})
	pruned := size(func(s *Store) {
		for {
			n, err := s.Prune(t.Context(), engine.Retention{Changes: time.UnixMilli(2), MaxRows: 100})
			if err != nil {
				t.Fatal(err)
			}
			if n == 0 {
				return
			}
		}
	})
	if full < empty+20_000_000 || pruned > empty+2_000_000 {
		t.Errorf("the file had %d bytes when it was empty, %d when it was full and %d after pruning", empty, full, pruned)
	}
}
