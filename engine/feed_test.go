package engine

import (
	"sync"
	"testing"
	"time"
)

func kinds(page FeedPage) (out []NewsKind) {
	for _, n := range page.News {
		out = append(out, n.Kind)
	}
	return out
}

func TestAFeedTellsOfARunOnceAndInOrder(t *testing.T) {
	t.Parallel()
	var f Feed
	at := time.Now()
	run := &Run{App: "a", ID: "r", Scenario: "s", Version: 2, Status: RunReady, CreatedAt: at}
	f.put(&Effects{Runs: []*Run{run}}) // nobody watches yet
	f.Watch("a")
	f.put(&Effects{Runs: []*Run{run, {App: "b", ID: "other"}}})
	done := *run
	done.Cursor, done.Status, done.Error, done.FinishedAt = 1, RunFailed, &RunError{Code: "X"}, at.Add(time.Second)
	f.put(&Effects{Runs: []*Run{&done}, Steps: []*StepRecord{{App: "a", Run: "r", Seq: 1, Step: "x", Status: "failed", At: at.Add(40 * time.Millisecond)}}})
	f.put(&Effects{Records: []*Record{{App: "a", Kind: RecordScenario, ID: "s", Rev: 3}, {App: "a", Kind: RecordVersion, ID: "s/1"}, {Kind: RecordScenario, ID: "none"}}})
	page := f.Take("a")
	if got := kinds(page); len(got) != 4 || got[0] != NewsRunStarted || got[1] != NewsRunStep || got[2] != NewsRunFinished || got[3] != NewsScenario {
		t.Fatalf("%v", got)
	}
	if n := page.News[1]; n.After != 40*time.Millisecond || n.Step != "x" || n.Scenario != "s" {
		t.Errorf("%+v", n)
	}
	if page.Started != 1 || page.Finished != 1 || page.Failed != 1 || page.Missed != 0 || page.News[2].Error.Code != "X" || page.News[3].Rev != 3 {
		t.Errorf("%+v", page)
	}
	if next := f.Take("a"); len(next.News) != 0 || next.Started != 0 {
		t.Errorf("told twice: %+v", next)
	}
	if b := f.Take("b"); len(b.News) != 0 {
		t.Errorf("an app that nobody watches: %+v", b)
	}
	f.Unwatch("a")
	f.put(&Effects{Runs: []*Run{run}})
	if f.watched.Load() != 0 || len(f.apps) != 0 {
		t.Error("the last one left and something is kept")
	}
}

func TestARunThatGetsItsTurnIsNoOtherRun(t *testing.T) {
	t.Parallel()
	var f Feed
	f.Watch("a")
	queued := &Run{App: "a", ID: "r", Status: RunQueued}
	turn := *queued
	turn.Status, turn.Epoch = RunReady, 1
	f.put(&Effects{Runs: []*Run{queued}})
	f.put(&Effects{Runs: []*Run{&turn}})
	if page := f.Take("a"); page.Started != 1 || len(page.News) != 1 {
		t.Errorf("%+v", page)
	}
}

func TestACandidateIsNewsWhenItProvesTrue(t *testing.T) {
	t.Parallel()
	var f Feed
	f.Watch("a")
	for _, id := range []RunID{"yes", "no"} {
		f.put(&Effects{Runs: []*Run{{App: "a", ID: id, Candidate: true, Status: RunReady}}})
	}
	f.put(&Effects{Runs: []*Run{{App: "a", ID: "yes", Cursor: 1, Status: RunWaiting}, {App: "a", ID: "no", Cursor: 1, Candidate: true, Status: RunNotMatched}}})
	f.put(&Effects{Runs: []*Run{{App: "a", ID: "yes", Cursor: 2, Status: RunDone}}})
	page := f.Take("a")
	if got := kinds(page); len(got) != 2 || got[0] != NewsRunStarted || got[1] != NewsRunFinished || page.News[0].Run != "yes" || page.Started != 1 {
		t.Errorf("%+v", page)
	}
}

func TestAFeedIsBoundedAndCounts(t *testing.T) {
	t.Parallel()
	var f Feed
	f.Watch("a")
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range maxNews {
				f.put(&Effects{Runs: []*Run{{App: "a", ID: "r", Status: RunReady}}})
			}
		})
	}
	all.Wait()
	page := f.Take("a")
	if len(page.News) != maxNews || page.Missed != 3*maxNews || page.Started != 4*maxNews {
		t.Errorf("%d news, %d missed, %d started", len(page.News), page.Missed, page.Started)
	}
}

// BenchmarkFeedUnwatched is what a commit pays for the feed while nobody watches.
func BenchmarkFeedUnwatched(b *testing.B) {
	var f Feed
	eff := &Effects{Runs: []*Run{{App: "a", ID: "r"}}}
	b.ReportAllocs()
	for b.Loop() {
		f.put(eff)
	}
}
