package app

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/cuelight/cuelight/engine"
)

func TestManyWritesAreCarriedOutInOrderAndEachByItself(t *testing.T) {
	onEveryStoreWith(t, func(t *testing.T, w *world, _ *probe) {
		// Conditions and lanes make the ops ask for keys that nobody names ahead.
		w.mustPublish(`{"id":"s","structure":"Order","lane":"object.note","triggers":[{"id":"c","kind":"object","on":["created","changed"],"fields":["count"]}],"steps":[]}`)
		var writes []engine.Write
		write := func(kind engine.WriteKind, id, doc string) {
			writes = append(writes, engine.Write{App: app, Kind: kind, Structure: "Order", ID: id, Fields: fields(t, doc)})
		}
		for i := range 10 {
			id := fmt.Sprint(i)
			write(engine.WriteCreate, id, fmt.Sprintf(`{"note":"n%d","number":"N%d"}`, i, i))
			for n := range 8 {
				write(engine.WritePatch, id, fmt.Sprintf(`{"count":%d}`, n+1))
			}
			write(engine.WriteCreate, "", fmt.Sprintf(`{"number":"N%d"}`, i)) // taken
		}
		results := w.e.WriteMany(w.ctx, writes)
		var ops []engine.OpID
		for i, r := range results {
			switch n := i % 10; {
			case n == 9:
				refusedAs(t, r.Err, "TAKEN")
			case r.Err != nil || r.Written.Version != int64(n)+1 || r.Written.ID != fmt.Sprint(i/10) || r.Written.Created != (n == 0) || len(r.Written.Runs) != 1:
				t.Fatalf("write %d: %+v, %v", i, r.Written, r.Err)
			}
		}
		w.settle()
		changes, _, err := w.store.Changes(w.ctx, app, engine.ChangeCursor{}, 1000)
		if err != nil {
			t.Fatal(err)
		}
		for _, ch := range changes {
			ops = append(ops, ch.Op)
		}
		slices.Sort(ops)
		if all := len(ops); len(slices.Compact(ops)) != all {
			t.Error("writes share an op")
		}
		for i := range 10 {
			if got := w.object(fmt.Sprint(i)); fmt.Sprint(got["count"]) != "8" {
				t.Errorf("object %d is %v", i, got)
			}
		}
	})
}

func TestAHundredRunsCountUpOneOtherObject(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		w.mustWrite(engine.WriteCreate, "Message", "sum", `{"n":0}`)
		w.mustPublish(`{"id":"x","structure":"Order","order":"parallel","triggers":[{"id":"c","kind":"object","on":["created"]}],"steps":[
			{"id":"up","kind":"edit_object","structure":"Message","object_id":"{{ 'sum' }}","set":{"n":"{{ target.n + 1 }}"}}]}`)
		for i := range 100 {
			w.mustWrite(engine.WriteCreate, "Order", fmt.Sprint("o", i), `{}`)
		}
		w.settle()
		o, err := w.store.Object(w.ctx, app, "Message", "sum")
		if err != nil || !strings.Contains(strings.ReplaceAll(string(o.Data), " ", ""), `"n":100`) {
			t.Errorf("the sum is %s (%v)", o.Data, err)
		}
	})
}
