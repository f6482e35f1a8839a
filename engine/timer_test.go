package engine

import (
	"fmt"
	"testing"
	"time"
)

func TestManyFarSleepersDoNotMakeANearOneLate(t *testing.T) {
	t.Parallel()
	now := time.Now()
	e := &Engine{opt: Options{Clock: func() time.Time { return now }}, due: newTimers()}
	var far []*Run
	for i := range 100 * timerPage {
		far = append(far, &Run{App: "a", ID: RunID(fmt.Sprint("far", i)), Status: RunWaiting, DueAt: now.Add(30 * 24 * time.Hour)})
	}
	e.settle(Result{Effects: Effects{Runs: far}})
	e.settle(Result{Effects: Effects{Runs: []*Run{{App: "a", ID: "near", Status: RunWaiting, DueAt: now.Add(time.Second)}}}})
	if due, _ := e.due.take(now.Add(time.Second)); len(due) != 1 || due[0].id != "near" {
		t.Errorf("%d runs are woken after a second, want the near one", len(due))
	}
}
