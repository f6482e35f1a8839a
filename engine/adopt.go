package engine

import (
	"context"
	"fmt"
)

// OwnedPlace is a place in the list of the ready runs of a node: by app, scenario and id.
type OwnedPlace struct {
	App      AppID
	Scenario string
	Run      RunID
}

const (
	adoptPage = 200
	lastRun   = RunID("\uffff") // behind all ids of runs
)

// adopt brings the ready runs that this node owns into hand. Of a scenario that has its share in hand no more is read, so that the work is
// bounded by what one node has in hand, however many runs there are.
func (e *Engine) adopt(ctx context.Context) error { return e.adoptFrom(ctx, OwnedPlace{}, false) }

// adoptScenario does so for the runs of one scenario.
func (e *Engine) adoptScenario(ctx context.Context, id parkID) error {
	e.disp.forget(id)
	return e.adoptFrom(ctx, OwnedPlace{App: id.app, Scenario: id.scenario}, true)
}

func (e *Engine) adoptFrom(ctx context.Context, at OwnedPlace, oneScenario bool) error {
	first := parkID{at.App, at.Scenario}
	for more := true; more; {
		page, err := e.store.Owned(ctx, e.node, at, adoptPage)
		if err != nil {
			return fmt.Errorf("load owned runs: %w", err)
		}
		more = len(page) == adoptPage
		for _, r := range page {
			id := parkID{r.App, r.Scenario}
			if oneScenario && id != first {
				return nil
			}
			e.take(r)
			at = OwnedPlace{r.App, r.Scenario, r.ID}
			// Runs of a paused scenario stay in their rows; whoever lets it go on asks for them.
			if e.disp.leaves(id) || e.stateNow(r) == Paused {
				at.Run, more = lastRun, !oneScenario
				break
			}
		}
	}
	return nil
}

// refill brings runs into hand that were left in their rows and for which there is room now. What can not be read is read with the next
// look for orphans.
func (e *Engine) refill() {
	for _, id := range e.disp.takeWanted() {
		if err := e.adoptScenario(e.ctx, id); err != nil {
			e.disp.missed(id)
			if e.ctx.Err() == nil {
				e.log.Warn("can not load runs that were left in their rows", "app", id.app, "scenario", id.scenario, "err", err)
			}
		}
	}
}
