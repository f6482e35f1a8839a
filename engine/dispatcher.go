package engine

import (
	"maps"
	"slices"
	"sync"
)

// Bounds of what one node advances at a time.
const (
	maxUnderWay = 512 // runs of one app with an op under way
	maxPrepare  = 64  // deferred evaluations at a time
	maxInHand   = 20000
)

// shares bound the runs in hand, so that runs which can not go on, because a server outside does not answer them, keep no others out.
type shares struct {
	node     int
	app      int // half of the node's
	scenario int // an eighth
	sure     int // what every scenario may have, however many runs others have in hand
}

func newShares(node int) shares {
	if node <= 0 {
		node = maxInHand
	}
	return shares{node: node, app: max(1, node/2), scenario: max(1, node/8), sure: max(1, node/256)}
}

// dispatcher holds the ready runs that this node owns and says which of them goes next: apps bound their share, scenarios take turns.
type dispatcher struct {
	mu     sync.Mutex
	shares shares
	apps   map[AppID]*ready
	owned  map[RunID]bool // in hand: queued here, parked or under way
	// ownedApp and ownedScenario count them.
	ownedApp      map[AppID]int
	ownedScenario map[parkID]int
	// newer are runs that were given anew while an older copy of them was in hand: a copy that is behind its row is fenced and dropped,
	// and the newer one is then all that is left of the run.
	newer map[RunID]*Run
	// parked are the runs of paused scenarios.
	parked map[parkID][]*Run
	// left are the scenarios of which runs were left in their rows because their share was in hand. Each of them has a run in hand, and
	// when enough of those are gone it is wanted: refill is told.
	left   map[parkID]bool
	wanted map[parkID]bool
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

// newDispatcher makes one for so many runs in hand; 0 means maxInHand.
func newDispatcher(inHand int) *dispatcher {
	return &dispatcher{
		shares: newShares(inHand), apps: map[AppID]*ready{}, owned: map[RunID]bool{}, ownedApp: map[AppID]int{}, ownedScenario: map[parkID]int{},
		newer: map[RunID]*Run{}, parked: map[parkID][]*Run{}, left: map[parkID]bool{}, wanted: map[parkID]bool{}, refill: make(chan struct{}, 1),
	}
}

// add queues a run that this node has just been given; one that is in hand already is left alone. Past the shares a run stays in its row
// until there is room.
func (d *dispatcher) add(r *Run) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.owned[r.ID] {
		if n := d.newer[r.ID]; n == nil || n.Epoch < r.Epoch || n.Epoch == r.Epoch && n.Cursor < r.Cursor {
			d.newer[r.ID] = r
		}
		return false
	}
	id := parkID{r.App, r.Scenario}
	if !d.room(id, 1) {
		d.left[id] = true
		return false
	}
	d.owned[r.ID] = true
	d.ownedApp[r.App]++
	d.ownedScenario[id]++
	d.queue(r, false)
	return true
}

// room says whether a further run of the scenario may be in hand, where only this part of the shares counts: 1 for all, 2 for half.
func (d *dispatcher) room(id parkID, part int) bool {
	n := d.ownedScenario[id]
	return n < (d.shares.sure+part-1)/part ||
		n < d.shares.scenario/part && d.ownedApp[id.app] < d.shares.app/part && len(d.owned) < d.shares.node/part
}

// want asks for the runs of a scenario that are in their rows.
func (d *dispatcher) want(id parkID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ask(id)
}

func (d *dispatcher) ask(id parkID) {
	d.wanted[id] = true
	select {
	case d.refill <- struct{}{}:
	default:
	}
}

// takeWanted gives the scenarios whose runs were asked for.
func (d *dispatcher) takeWanted() []parkID {
	d.mu.Lock()
	defer d.mu.Unlock()
	list := slices.Collect(maps.Keys(d.wanted))
	clear(d.wanted)
	return list
}

// missed keeps what could not be read now for a later takeWanted.
func (d *dispatcher) missed(id parkID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.wanted[id] = true
}

// forget begins the reading of a scenario's rows: what is left from now on is left anew.
func (d *dispatcher) forget(id parkID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.left, id)
}

// leaves says that runs of the scenario are left in their rows.
func (d *dispatcher) leaves(id parkID) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.left[id]
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
	d.release(r)
	d.rest(r.App)
}

// release takes a run out of hand. Half a share has to be free before more runs are asked for, so that rows are read in large pieces.
func (d *dispatcher) release(r *Run) {
	if !d.owned[r.ID] {
		return
	}
	id := parkID{r.App, r.Scenario}
	delete(d.owned, r.ID)
	if d.ownedApp[r.App]--; d.ownedApp[r.App] == 0 {
		delete(d.ownedApp, r.App)
	}
	if d.ownedScenario[id]--; d.ownedScenario[id] == 0 {
		delete(d.ownedScenario, id)
	}
	if d.left[id] && d.room(id, 2) {
		delete(d.left, id)
		d.ask(id)
	}
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
