package engine

import (
	"fmt"
	"testing"
)

// fillHand adds runs of a scenario and says how many of them are in hand then.
func fillHand(d *dispatcher, app AppID, scenario string, n int) int {
	for i := range n {
		d.add(&Run{App: app, ID: RunID(fmt.Sprint(app, scenario, i)), Scenario: scenario})
	}
	return d.ownedScenario[parkID{app, scenario}]
}

func TestAScenarioHasAnEighthInHandAndAnAppHalf(t *testing.T) {
	d := newDispatcher(0)
	for i := range 4 {
		if n := fillHand(d, "a", fmt.Sprint("s", i), maxInHand); n != maxInHand/8 {
			t.Errorf("scenario %d has %d runs in hand", i, n)
		}
	}
	if n := fillHand(d, "a", "s4", maxInHand); n != d.shares.sure {
		t.Errorf("a scenario of an app that has its half in hand has %d", n)
	}
	if n := fillHand(d, "b", "s", maxInHand); n != maxInHand/8 {
		t.Errorf("a scenario of another app has %d", n)
	}
}

func TestEveryScenarioHasAFewRunsInHandHoweverManyOthersHave(t *testing.T) {
	d := newDispatcher(0)
	for i := range 10 {
		for j := range 8 {
			fillHand(d, AppID(fmt.Sprint("a", i)), fmt.Sprint("s", j), maxInHand)
		}
	}
	if n := fillHand(d, "last", "s", maxInHand); n != d.shares.sure || n < maxOutsideScenario {
		t.Errorf("the last one has %d runs in hand", n)
	}
}

func TestRunsPastTheirShareStayInTheirRowsUntilHalfOfItIsFree(t *testing.T) {
	d := newDispatcher(0)
	id := parkID{"a", "s"}
	share := fillHand(d, "a", "s", maxInHand)
	fillHand(d, "a", "other", 1)
	for range share / 2 {
		r := d.next("a")
		if r.Scenario != "s" {
			r = d.next("a")
		}
		if len(d.takeWanted()) > 0 {
			t.Fatal("more runs were asked for before half of the share was free")
		}
		d.drop(r)
	}
	d.drop(d.next("a"))
	select {
	case <-d.refill:
	default:
		t.Error("nobody was told that there is room")
	}
	if list := d.takeWanted(); len(list) != 1 || list[0] != id || d.leaves(id) {
		t.Errorf("asked for %v", list)
	}
}
