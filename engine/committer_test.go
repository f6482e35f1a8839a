package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"
)

func testCommitter() *committer {
	return newCommitter(nil, nil, time.Now, slog.New(slog.DiscardHandler))
}

func enqueue(t *testing.T, c *committer, app AppID, n, bytes int, run bool) {
	t.Helper()
	for i := range n {
		p := &pending{op: Op{ID: OpID(fmt.Sprintf("%s-%d", app, i)), App: app, Bytes: bytes}, run: run, done: func(Result) {}}
		if err := c.submit(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
}

func count(batch []*pending) (byApp map[AppID]int, runs int) {
	byApp = map[AppID]int{}
	for _, p := range batch {
		byApp[p.op.App]++
		if p.run {
			runs++
		}
	}
	return byApp, runs
}

func TestOneAppHasAtMostHalfOfABatchWhileOthersWait(t *testing.T) {
	c := testCommitter()
	enqueue(t, c, "loud", 900, 100, false)
	enqueue(t, c, "quiet", 10, 100, false)
	batch := c.draw()
	byApp, _ := count(batch)
	if byApp["quiet"] != 10 || byApp["loud"] > maxBatchOps/2 {
		t.Errorf("first batch holds %v", byApp)
	}
	drawn := len(batch)
	for batch = c.draw(); len(batch) > 0; batch = c.draw() {
		drawn += len(batch)
		if len(batch) > maxBatchOps {
			t.Errorf("a batch of %d ops", len(batch))
		}
	}
	if drawn != 910 {
		t.Errorf("%d of 910 ops were drawn", drawn)
	}
}

func TestABatchIsBoundedByBytesAndSharedByBytes(t *testing.T) {
	c := testCommitter()
	enqueue(t, c, "fat", 40, 200<<10, false)
	enqueue(t, c, "thin", 100, 100, false)
	batch := c.draw()
	bytes := 0
	for _, p := range batch {
		bytes += p.op.Bytes
	}
	byApp, _ := count(batch)
	if byApp["thin"] != 100 || bytes > maxBatchBytes+200<<10 {
		t.Errorf("first batch holds %v, %d bytes", byApp, bytes)
	}
}

func TestALargeOpIsDrawnThoughItsAppHasNoCredit(t *testing.T) {
	t.Parallel()
	c := testCommitter()
	enqueue(t, c, "a", 3, maxBatchBytes, false)
	for i := range 3 {
		if batch := c.draw(); len(batch) != 1 {
			t.Fatalf("draw %d gave %d ops", i, len(batch))
		}
	}
	// Once nobody is left to wait for, the debt is forgotten with the queue.
	if batch := c.draw(); len(batch) != 0 || len(c.ring) != 0 || len(c.apps) != 0 {
		t.Errorf("%d ops and %d queues are left", len(batch), len(c.apps))
	}
}

func TestAnAppInDebtDoesNotKeepOthersWaiting(t *testing.T) {
	t.Parallel()
	c := testCommitter()
	enqueue(t, c, "fat", 3, maxBatchBytes, false)
	c.draw()
	enqueue(t, c, "thin", 10, 100, false)
	if byApp, _ := count(c.draw()); byApp["thin"] != 10 {
		t.Errorf("the batch after the large op holds %v", byApp)
	}
}

func TestStepsOfRunsComeBeforeWritesTwoToOne(t *testing.T) {
	c := testCommitter()
	enqueue(t, c, "a", 300, 100, true)
	enqueue(t, c, "a", 300, 100, false)
	batch := c.draw()
	if _, runs := count(batch); runs < maxBatchOps*6/10 || runs > maxBatchOps*7/10 {
		t.Errorf("%d of %d ops are steps of runs", runs, len(batch))
	}
}

func TestAFullQueueRefusesAWriteAfterTwoSecondsAndNeverARun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := testCommitter()
		enqueue(t, c, "a", maxAppOps, 100, false)
		started := time.Now()
		err := c.submit(context.Background(), &pending{op: Op{App: "a", Bytes: 100}})
		if !errors.Is(err, ErrBusy) || time.Since(started) != blockFor {
			t.Errorf("refused after %s with %v", time.Since(started), err)
		}
		enqueue(t, c, "a", 1, 100, true)
		enqueue(t, c, "b", 1, 100, false)
		blocked := make(chan error)
		go func() {
			blocked <- c.submit(context.Background(), &pending{op: Op{App: "a", Bytes: 100}, done: func(Result) {}})
		}()
		synctest.Wait()
		c.draw() // of b, which has few
		c.draw()
		if err := <-blocked; err != nil {
			t.Errorf("a write that found room was refused: %v", err)
		}
	})
}

func TestAWriteThatAsksForEverMoreKeysIsRefusedAfterTwoSecondsAndARunNever(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := testCommitter()
		var refused error
		write, run := &pending{done: func(r Result) { refused = r.Err }}, &pending{run: true, done: func(r Result) { t.Errorf("a run's op was answered %v", r.Err) }}
		round := func(why error) int { return len(c.again(c.again(nil, write, why), run, why)) }
		if round(&NeedError{}) != 2 {
			t.Error("the first time is refused")
		}
		time.Sleep(blockFor)
		if round(&NeedError{}) != 2 {
			t.Error("two seconds are refused")
		}
		time.Sleep(time.Millisecond)
		if round(ErrLater) != 2 {
			t.Error("what a batch had no time for is refused")
		}
		limit, _ := errors.AsType[*CodedError](refused)
		if n := round(&NeedError{}); n != 1 || limit != nil {
			t.Errorf("after two seconds %d ops go on, before that %v", n, limit)
		}
		if limit, _ = errors.AsType[*CodedError](refused); !errors.Is(refused, ErrBusy) || limit == nil || limit.Code != "CONTENDED" || limit.Limit != "commit_retries" {
			t.Errorf("it is refused with %v", refused)
		}
	})
}

func TestTheOnlyOpOfAnAppIsDecidedBeforeTheManyOfAnother(t *testing.T) {
	c := testCommitter()
	enqueue(t, c, "loud", 300, 512, true)
	enqueue(t, c, "quiet", 1, 512, false)
	for at, p := range c.draw() {
		if p.op.App == "quiet" && at > 1 {
			t.Errorf("it comes after %d others", at)
		}
	}
	c = testCommitter()
	enqueue(t, c, "a", 3, 512, true)
	enqueue(t, c, "b", 2, 512, true)
	order := ""
	for _, p := range c.draw() {
		order += string(p.op.App)
	}
	if order != "ababa" {
		t.Errorf("the apps take turns as %s", order)
	}
}

func TestABatchHoldsAboutWhatTheLastOneHadTimeFor(t *testing.T) {
	c := testCommitter()
	enqueue(t, c, "a", 1000, 512, true)
	for _, last := range []struct{ later, next int }{{200, 70}, {0, 140}, {0, 256}, {255, minBatchOps}} {
		n := len(c.draw())
		if c.resize(n, last.later, 0); c.size != last.next {
			t.Errorf("after a batch of %d, of which %d were left, there are %d", n, last.later, c.size)
		}
	}
	if n := len(c.draw()); n != minBatchOps {
		t.Errorf("the batch holds %d ops", n)
	}
}

func TestBatchesAreShortWhileASecondAppIsAtWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := testCommitter()
		enqueue(t, c, "loud", 900, 100, true)
		c.resize(len(c.draw()), 0, 20*companyTime)
		if n := len(c.draw()); n != maxBatchOps {
			t.Errorf("alone, a batch after a long one holds %d ops", n)
		}
		enqueue(t, c, "quiet", 1, 100, false)
		c.resize(100, 0, 4*companyTime)
		batch := c.draw()
		if byApp, _ := count(batch); len(batch) > 25 || byApp["quiet"] != 1 {
			t.Errorf("after 100 ops in four times its time a batch holds %v", byApp)
		}
		c.resize(len(batch), 0, companyTime/2)
		if n := len(c.draw()); n <= 20 || n > 40 {
			t.Errorf("after a batch in half its time the next one holds %d", n)
		}
		time.Sleep(companyFor)
		c.resize(20, 0, 4*companyTime)
		enqueue(t, c, "loud", 500, 100, true)
		if n := len(c.draw()); n != maxBatchOps {
			t.Errorf("alone again, a batch holds %d", n)
		}
	})
}

// What each commit takes, however few ops are in it, is saved by no shorter batch: on a slow disk they shrank to two ops for nothing.
func TestBatchesStayLongWhereEveryCommitIsSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := testCommitter()
		enqueue(t, c, "loud", 900, 100, true)
		for range 8 {
			enqueue(t, c, "quiet", 1, 100, false)
			c.resize(len(c.draw()), 0, 5*companyTime) // a few ops, or as many as fit: it takes as long
		}
		if c.short < maxBatchOps/2 {
			t.Errorf("a batch holds %d ops, though it takes no longer than one of a single op", c.short)
		}
		c.resize(200, 0, 50*companyTime)
		if c.short > 100 {
			t.Errorf("a batch that takes ten times as long is followed by one of %d", c.short)
		}
	})
}

// Whoever has few ops waits for no batch of one with many, and the one with many for three of those at most.
func TestAppsWithFewOpsGoBeforeOneWithMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := testCommitter()
		enqueue(t, c, "loud", 900, 100, true)
		got := ""
		for range 2 * (maxFew + 1) {
			enqueue(t, c, "quiet", 2, 100, false)
			enqueue(t, c, "calm", 1, 100, true)
			byApp, _ := count(c.draw())
			switch {
			case byApp["quiet"] > 0 && byApp["calm"] > 0 && byApp["loud"] == 0:
				got += "few "
			case byApp["quiet"] > 0 && byApp["calm"] > 0 && byApp["loud"] > 20:
				got += "all "
			default:
				t.Errorf("a batch holds %v", byApp)
			}
		}
		if got != "few few few all few few few all " {
			t.Errorf("the batches were of %s", got)
		}
	})
}

// Where many apps are at work, short batches would only make all of them wait.
func TestBatchesAreNotShortWhereManyAppsFillThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := testCommitter()
		for i := range 20 {
			enqueue(t, c, AppID(fmt.Sprint("app", i)), 40, 100, true)
		}
		c.short = 2
		for n := 2; n < maxBatchOps; n *= 2 {
			batch := c.draw()
			if len(batch) != n {
				t.Errorf("a batch holds %d, want %d", len(batch), n)
			}
			c.resize(len(batch), 0, 4*companyTime)
		}
	})
}

func TestScenariosTakeTurns(t *testing.T) {
	d := newDispatcher(0)
	for i := range 50 {
		d.add(&Run{App: "a", ID: RunID(fmt.Sprint("loud", i)), Scenario: "loud"})
	}
	d.add(&Run{App: "a", ID: "quiet", Scenario: "quiet"})
	first, second := d.next("a"), d.next("a")
	if first.Scenario == second.Scenario {
		t.Errorf("%s went twice while quiet waited", first.Scenario)
	}
}
