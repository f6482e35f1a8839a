package sqlite

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/cuelight/cuelight/engine"
)

func TestNothingIsWrittenWhileTheDiskIsNearlyFull(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "x.db"), Options{FreeFloor: 1 << 62})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	op := engine.Op{ID: "op", Decide: func(*engine.Loaded) (engine.Effects, error) {
		return engine.Effects{Records: []*engine.Record{{Kind: "x", ID: "1", Body: []byte("1")}}}, nil
	}}
	r := s.Commit(t.Context(), []engine.Op{op})[0]
	limited, _ := errors.AsType[*engine.CodedError](r.Err)
	if !errors.Is(r.Err, engine.ErrFull) || limited == nil || limited.Limit != "disk_free_bytes" {
		t.Errorf("a write below the floor answered %v", r.Err)
	}
	s.floor.bytes = -1 // there is room again
	if r := s.Commit(t.Context(), []engine.Op{op})[0]; r.Err != nil {
		t.Errorf("with room again a write answered %v", r.Err)
	}
}
