package engine

import (
	"sync"
)

// Bounds of what one node advances at a time.
const (
	maxUnderWay = 512 // runs of one app with an op under way
	maxPrepare  = 64  // deferred evaluations at a time
	maxInHand   = 20000
)

// dispatcher holds the ready runs that this node owns and says which of them goes next: apps bound their share, scenarios take turns.
type dispatcher struct {
	mu    sync.Mutex
	apps  map[AppID]*ready
	owned map[RunID]bool // in hand: queued here, parked or under way
	// newer are runs that were given anew while an older copy of them was in hand: a copy that is behind its row is fenced and dropped,
	// and the newer one is then all that is left of the run.
	newer map[RunID]*Run
	// parked are the runs of paused scenarios.
	parked map[parkID][]*Run
	// left says that runs were left in their rows because there were maxInHand in hand; refill is told when there is room for them.
	left   bool
	refill chan struct{}
}

type parkID struct {
	app      AppID
	scenario string
}

// ready are the runs of one app that wait to be moved on.
type ready struct {
	underWay  int
	scenarios []*scenarioQueue // in turn
	byID      map[string]*scenarioQueue
}

type scenarioQueue struct {
	id   string
	back []*Run // runs that go on, before those that have not begun
	runs []*Run
}

func newDispatcher() *dispatcher {
	return &dispatcher{apps: map[AppID]*ready{}, owned: map[RunID]bool{}, newer: map[RunID]*Run{}, parked: map[parkID][]*Run{}, refill: make(chan struct{}, 1)}
}

// add queues a run that this node has just been given; one that is in hand already is left alone. Past maxInHand a run stays in its
// row until there is room.
func (d *dispatcher) add(r *Run) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.owned[r.ID] {
		if n := d.newer[r.ID]; n == nil || n.Epoch < r.Epoch || n.Epoch == r.Epoch && n.Cursor < r.Cursor {
			d.newer[r.ID] = r
		}
		return false
	}
	if len(d.owned) >= maxInHand {
		d.left = true
		return false
	}
	d.owned[r.ID] = true
	d.queue(r, false)
	return true
}

// again queues a run that is in hand and goes on; it stands before the runs that have not begun.
func (d *dispatcher) again(r *Run) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.app(r.App).underWay--
	d.queue(r, true)
}

// park sets a run that was given out aside.
func (d *dispatcher) park(r *Run) {
	d.mu.Lock()
	defer d.mu.Unlock()
	id := parkID{r.App, r.Scenario}
	d.parked[id] = append(d.parked[id], r)
	d.rest(r.App)
}

// unpark queues the runs of a scenario that were set aside.
func (d *dispatcher) unpark(app AppID, scenario string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	id := parkID{app, scenario}
	for _, r := range d.parked[id] {
		d.queue(r, r.Started)
	}
	delete(d.parked, id)
}

// step counts a run of an app that goes outside, or comes back.
func (d *dispatcher) step(app AppID, by int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.app(app).underWay += by
}

// rest notes that a run of an app is no longer under way.
func (d *dispatcher) rest(app AppID) {
	a := d.app(app)
	a.underWay--
	if a.underWay == 0 && len(a.scenarios) == 0 {
		delete(d.apps, app)
	}
}

// drop ends the node's hold of a run.
func (d *dispatcher) drop(r *Run) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := d.newer[r.ID]
	delete(d.newer, r.ID)
	if n != nil && (n.Epoch > r.Epoch || n.Epoch == r.Epoch && n.Cursor > r.Cursor) {
		d.queue(n, n.Started)
		d.rest(r.App)
		return
	}
	delete(d.owned, r.ID)
	if d.left && len(d.owned) < maxInHand/2 {
		d.left = false
		select {
		case d.refill <- struct{}{}:
		default:
		}
	}
	d.rest(r.App)
}

func (d *dispatcher) app(id AppID) *ready {
	a := d.apps[id]
	if a == nil {
		a = &ready{byID: map[string]*scenarioQueue{}}
		d.apps[id] = a
	}
	return a
}

func (d *dispatcher) queue(r *Run, front bool) {
	a := d.app(r.App)
	q := a.byID[r.Scenario]
	if q == nil {
		q = &scenarioQueue{id: r.Scenario}
		a.byID[r.Scenario] = q
		a.scenarios = append(a.scenarios, q)
	}
	if front {
		q.back = append(q.back, r)
		return
	}
	q.runs = append(q.runs, r)
}

// next takes a run of an app whose turn it is; nil when there is none or the app has its share under way.
func (d *dispatcher) next(app AppID) *Run {
	d.mu.Lock()
	defer d.mu.Unlock()
	a := d.apps[app]
	if a == nil || a.underWay >= maxUnderWay || len(a.scenarios) == 0 {
		return nil
	}
	q := a.scenarios[0]
	list := &q.runs
	if len(q.back) > 0 {
		list = &q.back
	}
	r := (*list)[0]
	(*list)[0] = nil
	*list = (*list)[1:]
	if len(q.runs)+len(q.back) == 0 {
		delete(a.byID, q.id)
		a.scenarios = a.scenarios[1:]
	} else {
		a.scenarios = append(a.scenarios[1:], q)
	}
	a.underWay++
	return r
}
