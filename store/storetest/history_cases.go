package storetest

import (
	"cmp"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cuelight/cuelight/engine"
)

// objectChanges looks also for those of other objects, structures and apps, and for a page of full bytes.
func objectChanges(t *testing.T, s engine.Store) {
	half := append(heavyDoc()[:heavy/2], `"}`...)
	change := func(id engine.AppID, structure, object string, data []byte) engine.Op {
		n := strings.Join([]string{string(id), structure, object, fmt.Sprint(len(data)), rand.Text()}, "-")
		return engine.Op{ID: engine.OpID(n), App: id, Decide: func(*engine.Loaded) (engine.Effects, error) {
			return engine.Effects{Changes: []*engine.Change{{App: id, Structure: structure, Object: object, Kind: engine.Changed, Version: int64(len(data)), Before: data, After: data, At: time.UnixMilli(5)}}}, nil
		}}
	}
	for range 3 {
		must(t, s, change(app, "Order", "o", half), change(app, "Order", "other", half), change(app, "Item", "o", half), change("else", "Order", "o", half))
	}
	for range heavyRows - 3 {
		must(t, s, change(app, "Order", "o", half))
	}
	var all []int64
	before := int64(0)
	for {
		list, err := s.ObjectChanges(t.Context(), app, "Order", "o", before, 100)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range list {
			if c.App != app || c.Structure != "Order" || c.Object != "o" || before > 0 && c.Seq >= before {
				t.Errorf("before %d came %+v", before, c)
			}
			all, before = append(all, c.Seq), c.Seq
		}
		if !engine.Full(list, 100) {
			break
		}
	}
	if len(all) != heavyRows || !slices.IsSortedFunc(all, func(a, b int64) int { return cmp.Compare(b, a) }) {
		t.Errorf("changes %v, want %d, newest first", all, heavyRows)
	}
	if few, err := s.ObjectChanges(t.Context(), app, "Order", "o", all[1], 2); err != nil || len(few) != 2 || few[0].Seq != all[2] {
		t.Errorf("two before %d: %v, %v", all[1], few, err)
	}
	if none, err := s.ObjectChanges(t.Context(), app, "Order", "nothing", 0, 2); err != nil || len(none) != 0 {
		t.Errorf("of no object: %v, %v", none, err)
	}
}
