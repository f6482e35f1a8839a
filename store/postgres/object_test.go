package postgres

import (
	"errors"
	"testing"
	"time"

	"github.com/cuelight/cuelight/engine"
	"github.com/cuelight/cuelight/store/storetest"
)

func TestSlowFilterWithoutAnIndexNamesTheCure(t *testing.T) {
	s, err := Open(t.Context(), storetest.Postgres(t), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	unindexedFor = time.Nanosecond
	defer func() { unindexedFor = 2 * time.Second }()
	structure := storetest.Orders(t)
	for source, slow := range map[string]bool{`note like "a"`: true, `pn = 1 or n = 1`: true, `not n = 1`: true, `n = 1`: false, `note like "a" and n > 1`: false, `id = "a"`: false} {
		n, err := storetest.Filter(structure, source)
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.Objects(t.Context(), engine.ObjectQuery{App: "demo", Structure: structure, Filter: n})
		if slow && (!errors.Is(err, engine.ErrInvalid) || engine.ErrorCode(err) != "UNINDEXED_FILTER") || !slow && err != nil {
			t.Errorf("%s: %v", source, err)
		}
	}
}
