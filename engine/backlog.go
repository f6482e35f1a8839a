package engine

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Backlog is how many runs of a scenario are open, and how many of them wait for a time.
type Backlog struct{ Open, Waiting int }

// Tally is what an op changes of a scenario's backlog.
type Tally struct {
	Scenario string
	Backlog
}

// Bounds of what an app may have open (design 6, contracts 7).
const (
	maxWaiting = 1_000_000 // runs of an app that wait for a time
	// overloaded is how many runs of one scenario may queue before people are told. No write is ever refused for it.
	overloaded = 10_000
)

// backlogs counts the open runs of each scenario in memory: read once at the start, then moved by what every commit of this node did.
type backlogs struct {
	mu   sync.Mutex
	apps map[AppID]map[string]Backlog
}

func (b *backlogs) set(app AppID, counts map[string]Backlog) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.apps == nil {
		b.apps = map[AppID]map[string]Backlog{}
	}
	b.apps[app] = counts
}

func (b *backlogs) add(app AppID, tallies []Tally) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.apps == nil {
		b.apps = map[AppID]map[string]Backlog{}
	}
	if b.apps[app] == nil {
		b.apps[app] = map[string]Backlog{}
	}
	for _, t := range tallies {
		n := b.apps[app][t.Scenario]
		n.Open, n.Waiting = n.Open+t.Open, n.Waiting+t.Waiting
		b.apps[app][t.Scenario] = n
		if n == (Backlog{}) {
			delete(b.apps[app], t.Scenario)
		}
	}
}

// waiting counts the runs of an app that wait for a time.
func (b *backlogs) waiting(app AppID) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := 0
	for _, s := range b.apps[app] {
		n += s.Waiting
	}
	return n
}

// of gives the backlog of a scenario.
func (b *backlogs) of(app AppID, scenario string) Backlog {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.apps[app][scenario]
}

// Backlog counts the open runs of a scenario, as this node knows them.
func (e *Engine) Backlog(app AppID, scenario string) Backlog { return e.backlogs.of(app, scenario) }

// count reads the backlog and the catalogue of every app.
func (e *Engine) count(ctx context.Context) error {
	after := AppID("")
	for {
		apps, next, err := e.Apps(ctx, after, 500)
		if err != nil {
			return err
		}
		for _, app := range apps {
			counts, err := e.store.Backlog(ctx, app.ID)
			if err != nil {
				return fmt.Errorf("count open runs of %s: %w", app.ID, err)
			}
			e.backlogs.set(app.ID, counts)
			cat, err := e.cats.load(ctx, app.ID, 1) // for its schedules
			if err != nil {
				return err
			}
			for scenario, m := range cat.missed {
				if m.Running {
					e.catchUp(app.ID, scenario)
				}
			}
		}
		if after = next; next == "" {
			return nil
		}
	}
}

// overloads are notices for scenarios whose queue is long.
func (e *Engine) overloads(app AppID, now time.Time) []Notice {
	e.backlogs.mu.Lock()
	defer e.backlogs.mu.Unlock()
	var list []Notice
	for scenario, n := range e.backlogs.apps[app] {
		if queued := n.Open - n.Waiting; queued > overloaded {
			list = append(list, Notice{
				App: app, Scenario: scenario, Code: NoticeOverloaded, Count: int64(queued), At: now,
				Message: fmt.Sprintf("%d runs wait for their turn: its steps take longer than changes come in; let runs go in parallel, or condition its trigger more narrowly", queued),
			})
		}
	}
	return list
}
