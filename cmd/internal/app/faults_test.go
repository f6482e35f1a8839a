package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cuelight/cuelight/engine"
)

// troubled is a real store with which a test can step in between; what a test leaves nil goes straight through.
type troubled struct {
	engine.Store
	ctx context.Context
	// onCommit gives results in place of the store's, or nil to let the batch pass.
	onCommit atomic.Pointer[func(ops []engine.Op) []engine.Result]
	// onChange and onCatalogue are told before a change or a catalogue is read; their error is the answer.
	onChange, onCatalogue atomic.Pointer[func() error]
	// onOwned is told what a read of owned runs gave, and may answer an error instead.
	onOwned atomic.Pointer[func(rows int) error]
	// onChanges is told what a read of the feed gave, and may answer an error instead; onRecord is told what record was read.
	onChanges atomic.Pointer[func(rows int) error]
	onRecord  atomic.Pointer[func(kind engine.RecordKind)]
}

func (s *troubled) Commit(ctx context.Context, ops []engine.Op) []engine.Result {
	if f := s.onCommit.Load(); f != nil {
		if results := (*f)(ops); results != nil {
			return results
		}
	}
	return s.Store.Commit(ctx, ops)
}

func (s *troubled) Change(ctx context.Context, app engine.AppID, seq int64) (*engine.Change, error) {
	if f := s.onChange.Load(); f != nil {
		if err := (*f)(); err != nil {
			return nil, err
		}
	}
	return s.Store.Change(ctx, app, seq)
}

func (s *troubled) Catalogue(ctx context.Context, app engine.AppID, kinds ...engine.RecordKind) (int64, []*engine.Record, error) {
	if f := s.onCatalogue.Load(); f != nil {
		if err := (*f)(); err != nil {
			return 0, nil, err
		}
	}
	return s.Store.Catalogue(ctx, app, kinds...)
}

func (s *troubled) Owned(ctx context.Context, node string, after engine.OwnedPlace, limit int) ([]*engine.Run, error) {
	runs, err := s.Store.Owned(ctx, node, after, limit)
	if f := s.onOwned.Load(); f != nil && err == nil {
		if err := (*f)(len(runs)); err != nil {
			return nil, err
		}
	}
	return runs, err
}

func (s *troubled) Changes(ctx context.Context, app engine.AppID, after engine.ChangeCursor, limit int) ([]*engine.Change, engine.ChangeCursor, error) {
	changes, next, err := s.Store.Changes(ctx, app, after, limit)
	if f := s.onChanges.Load(); f != nil && err == nil {
		if err := (*f)(len(changes)); err != nil {
			return nil, after, err
		}
	}
	return changes, next, err
}

func (s *troubled) Record(ctx context.Context, app engine.AppID, kind engine.RecordKind, id string) (*engine.Record, error) {
	r, err := s.Store.Record(ctx, app, kind, id)
	if f := s.onRecord.Load(); f != nil {
		(*f)(kind)
	}
	return r, err
}

// onEveryTroubledStore is onEveryStore with a store that the test can make trouble in.
func onEveryTroubledStore(t *testing.T, test func(t *testing.T, w *world, s *troubled)) {
	for name, open := range stores(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &troubled{Store: open(t), ctx: t.Context()}
			test(t, newWorld(t, s), s)
		})
	}
}

func answerAll(ops []engine.Op, err error) []engine.Result {
	results := make([]engine.Result, len(ops))
	for i := range results {
		results[i].Err = err
	}
	return results
}

// wakes says that an op wakes a run.
func wakes(op engine.Op, run engine.RunID) bool {
	return op.Fence == nil && len(op.Lock) > 0 && op.Lock[0] == engine.RunKey(app, run)
}

// ended waits until a run has ended and gives it; it is nil when it does not end.
func (w *world) ended(id engine.RunID) *engine.Run {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.ctx, 10*time.Second)
	defer cancel()
	runs, err := w.e.Await(ctx, app, []engine.RunID{id})
	if err != nil || len(runs) != 1 {
		r, _ := w.store.Run(w.ctx, app, id)
		w.t.Fatalf("run did not end: %+v %v", r, err)
	}
	return runs[0]
}

func TestARunIsNotLeftReadyWhenItsFailureCanNotBeStored(t *testing.T) {
	t.Parallel()
	onEveryTroubledStore(t, func(t *testing.T, w *world, s *troubled) {
		w.mustPublish(`{"id":"tell","structure":"Order","triggers":[{"id":"c","kind":"object","on":["created"]}],"steps":[{"id":"p","kind":"push","to":"*","event":"made"}]}`)
		var refused atomic.Int64
		refuse := func(ops []engine.Op) []engine.Result {
			// The run's step is refused, and so is the op that says that the run has failed.
			if slices.ContainsFunc(ops, func(op engine.Op) bool { return op.Fence != nil }) && refused.Add(1) <= 2 {
				return answerAll(ops, errors.New("the table is damaged"))
			}
			return nil
		}
		s.onCommit.Store(&refuse)
		out := w.mustWrite(engine.WriteCreate, "Order", "1", `{}`)
		if r := w.ended(out.Runs[0]); r.Status != engine.RunDone || refused.Load() < 3 {
			t.Errorf("the run is %s: %+v, after %d ops", r.Status, r.Error, refused.Load())
		}
	})
}

func TestARunThatSleepsNoMoreIsNotWokenAgainAndAgain(t *testing.T) {
	t.Parallel()
	onEveryTroubledStore(t, func(t *testing.T, w *world, s *troubled) {
		w.mustPublish(`{"id":"nap","structure":"Order","triggers":[{"id":"c","kind":"object","on":["created"]}],"steps":[{"id":"nap","kind":"delay","for":"2s"}]}`,
			`{"id":"long","structure":"Message","triggers":[{"id":"c","kind":"object","on":["created"]}],"steps":[{"id":"nap","kind":"delay","for":"5s"}]}`)
		nap := w.mustWrite(engine.WriteCreate, "Order", "1", `{}`).Runs[0]
		long := w.mustWrite(engine.WriteCreate, "Message", "1", `{}`).Runs[0]
		var woken sync.Map // by op: one may come back
		count := func(ops []engine.Op) []engine.Result {
			for _, op := range ops {
				if wakes(op, nap) {
					woken.Store(op.ID, true)
				}
			}
			return nil
		}
		s.onCommit.Store(&count)
		var asleep *engine.Run
		waitUntil(t, "the run to sleep", func() bool {
			asleep, _ = w.store.Run(w.ctx, app, nap)
			return asleep != nil && asleep.Status == engine.RunWaiting
		})
		over := *asleep
		over.Status, over.DueAt, over.FinishedAt = engine.RunDone, time.Time{}, time.Now()
		res := s.Store.Commit(w.ctx, []engine.Op{{ID: "01900000-0000-7000-8000-000000000001", App: app, Lock: []engine.Key{engine.RunKey(app, nap), engine.LaneKey(app, over.Lane)}, Decide: func(*engine.Loaded) (engine.Effects, error) {
			return engine.Effects{Runs: []*engine.Run{&over}}, nil
		}}})
		if res[0].Err != nil {
			t.Fatal(res[0].Err)
		}
		w.ended(long)
		n := 0
		woken.Range(func(any, any) bool { n++; return true })
		if n != 1 {
			t.Errorf("a run that was over was woken %d times in three seconds", n)
		}
	})
}

// TestARunThatIsWokenWithItsLaneKeepsTheOthersInOrder has a write decided in the batch in which the lane's holder goes on after a pause.
func TestARunThatIsWokenWithItsLaneKeepsTheOthersInOrder(t *testing.T) {
	t.Parallel()
	onEveryTroubledStore(t, func(t *testing.T, w *world, s *troubled) {
		w.mustPublish(`{"id":"hold","structure":"Order","lane":"\"all\"","triggers":[{"id":"c","kind":"object","on":["created"]}],
			"steps":[{"id":"say","kind":"push","to":"*","event":"{{ object.id }}"},
			{"id":"bad","kind":"push","to":"{{ object.owner }}","event":"x","on_error":{"retry":{"times":1,"backoff":"1s"},"then":"continue"}}]}`)
		first := w.mustWrite(engine.WriteCreate, "Order", "1", `{}`).Runs[0]
		waitUntil(t, "the first run to pause", func() bool {
			r, err := w.store.Run(w.ctx, app, first)
			return err == nil && r.Status == engine.RunWaiting && r.Holds
		})
		for _, id := range []string{"2", "3"} {
			w.mustWrite(engine.WriteCreate, "Order", id, `{"owner":"anna"}`)
		}
		waking := make(chan struct{})
		var once sync.Once
		order := engine.ObjectKey(app, "Order", "4")
		together := func(ops []engine.Op) []engine.Result {
			wake := slices.ContainsFunc(ops, func(op engine.Op) bool { return wakes(op, first) })
			write := slices.ContainsFunc(ops, func(op engine.Op) bool { return slices.Contains(op.Lock, order) })
			if wake && !write {
				once.Do(func() { close(waking) })
				return answerAll(ops, engine.ErrLater)
			}
			if wake {
				s.onCommit.Store(nil)
			}
			return nil
		}
		s.onCommit.Store(&together)
		<-waking
		w.mustWrite(engine.WriteCreate, "Order", "4", `{"owner":"anna"}`)
		w.settle()
		var told []string
		for line := range strings.Lines(w.pushed()) {
			if f := strings.Fields(line); f[0] == "*" {
				told = append(told, f[1])
			}
		}
		if fmt.Sprint(told) != "[1 2 3 4]" {
			t.Errorf("the runs of the lane began in the order %v", told)
		}
	})
}

func TestACandidateIsNotLostWhenTheCatalogueIsCompiledAnewMeanwhile(t *testing.T) {
	t.Parallel()
	onEveryTroubledStore(t, func(t *testing.T, w *world, s *troubled) {
		w.mustPublish(`{"id":"dear","structure":"Order","triggers":[{"id":"c","kind":"object","on":["created"],"if":"object.note matches \"^a+$\""}],
			"steps":[{"id":"say","kind":"push","to":"*","event":"dear"}]}`)
		out := w.mustWrite(engine.WriteCreate, "Order", "1", `{"note":"aaa"}`)
		again := *w.ended(out.Runs[0])
		w.e.Close()
		// A crash left the run behind before it was judged: the next node reads its change from the store.
		again.ID, again.Status, again.Owner, again.FinishedAt = "01900000-0000-7000-8000-000000000001", engine.RunReady, "dead", time.Time{}
		again.Candidate, again.Started, again.Lane, again.Holds, again.Cursor, again.State = true, false, "", false, 0, json.RawMessage(`{"frames":[{"list":"steps","at":0}]}`)
		res := s.Commit(w.ctx, []engine.Op{{ID: "01900000-0000-7000-8000-000000000002", App: app, Decide: func(*engine.Loaded) (engine.Effects, error) {
			return engine.Effects{Runs: []*engine.Run{&again}}, nil
		}}})
		if res[0].Err != nil {
			t.Fatal(res[0].Err)
		}
		judging, compiled := make(chan struct{}), make(chan struct{})
		var once sync.Once
		pause := func() error {
			once.Do(func() { close(judging); <-compiled })
			return nil
		}
		s.onChange.Store(&pause)
		w = newWorld(t, s)
		<-judging
		if _, err := w.e.SaveStructure(w.ctx, app, []byte(`{"id":"Extra","fields":[]}`)); err != nil {
			t.Fatal(err)
		}
		if _, err := w.e.Structures(w.ctx, app); err != nil {
			t.Fatal(err)
		}
		close(compiled)
		if r := w.ended(again.ID); r.Status != engine.RunDone {
			t.Errorf("the candidate is %s: %+v", r.Status, r.Error)
		}
	})
}

func TestAStructureIsSeenThoughTheFirstReadOfItFailed(t *testing.T) {
	t.Parallel()
	onEveryTroubledStore(t, func(t *testing.T, w *world, s *troubled) {
		if _, err := w.e.Structures(w.ctx, app); err != nil {
			t.Fatal(err)
		}
		if _, err := w.e.SaveStructure(w.ctx, app, []byte(`{"id":"Extra","fields":[]}`)); err != nil {
			t.Fatal(err)
		}
		away := func() error { return engine.ErrUnavailable }
		s.onCatalogue.Store(&away)
		if _, err := w.e.Structures(w.ctx, app); !errors.Is(err, engine.ErrUnavailable) {
			t.Fatalf("read from a store that is away: %v", err)
		}
		s.onCatalogue.Store(nil)
		if all, err := w.e.Structures(w.ctx, app); err != nil || all["Extra"] == nil {
			t.Errorf("the new structure is not there: %v", err)
		}
	})
}
