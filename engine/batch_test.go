package engine

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

// TestABatchThatLoadsForLongGathersKeysForTheNext has ten ops ask for a key each, where every load takes as long as one to a database does.
func TestABatchThatLoadsForLongGathersKeysForTheNext(t *testing.T) {
	now := time.Unix(0, 0)
	clock := func() time.Time { return now }
	loads := 0
	more := func([]Key, []Key) bool {
		loads++
		now = now.Add(2 * time.Millisecond)
		return true
	}
	var ops []Op
	for i := range 10 {
		id := fmt.Sprint(i)
		ops = append(ops, Op{ID: OpID(id), App: "a", Decide: func(l *Loaded) (Effects, error) {
			_, err := l.Counter(id)
			return Effects{}, err
		}})
	}
	first := NewBatch(ops, now, clock)
	first.Keys()
	first.Decide(more, nil)
	done := 0
	for i, r := range first.Results() {
		need, asks := errors.AsType[*NeedError](r.Err)
		switch {
		case r.Err == nil:
			done++
		case asks && need.hurried && len(need.Lock) == 1 && len(need.Peek) == 0:
			ops[i].Lock = need.Lock
		default:
			t.Errorf("op %d is answered %v", i, r.Err)
		}
	}
	if loads != 3 || done != loads {
		t.Errorf("%d ops are done after %d loads", done, loads)
	}
	second := NewBatch(ops[done:], now, clock)
	second.Keys()
	second.Decide(more, nil)
	for i, r := range second.Results() {
		if r.Err != nil {
			t.Errorf("with its keys op %d is answered %v", done+i, r.Err)
		}
	}
	if loads != 3 {
		t.Errorf("%d loads for keys that were named", loads-3)
	}
}
