package engine

import (
	"cmp"
	"slices"
)

// PermitStatus is where a run stands among those of its scenario, where it has max_concurrent.
type PermitStatus int

// A run wants a permit once it holds its lane, and gives both up at the same points.
const (
	PermitNone PermitStatus = iota
	PermitWanted
	PermitHeld
)

// Lane is the state of a lane as the store loads it.
type Lane struct {
	// Holder is the run whose turn it is.
	Holder RunID
	// Tail is the highest place among its open runs.
	Tail int64
	// Queue are the next runs in turn, at most TurnWindow; More says that there are further ones.
	Queue []*Run
	More  bool
}

// Permits are the runs of a scenario that have a permit or wait for one, as the store loads them.
type Permits struct {
	// Holders have one: at most MaxPermits, or more where the scenario had no bound a moment ago.
	Holders []RunID
	// Queue are the next in turn, at most TurnWindow; More says that there are further ones.
	Queue []*Run
	More  bool
}

// TurnWindow is how many queued runs a store loads with a lane or with permits.
const TurnWindow = 8

// settle brings the lane up to a run's new state.
func (l *Lane) settle(r *Run) {
	if l.Holder == r.ID {
		l.Holder = ""
	}
	if r.Holds {
		l.Holder = r.ID
	}
	queued := r.Status == RunQueued && !r.Holds
	if r.Holds || queued {
		l.Tail = max(l.Tail, r.Place)
	}
	l.Queue = requeue(l.Queue, l.More, r, queued, func(a, b *Run) int {
		return cmp.Or(startedFirst(a, b), cmp.Compare(a.Place, b.Place))
	})
}

// settle brings the permits up to a run's new state.
func (p *Permits) settle(r *Run) {
	p.Holders = slices.DeleteFunc(slices.Clone(p.Holders), func(id RunID) bool { return id == r.ID })
	if r.Permit == PermitHeld {
		p.Holders = append(p.Holders, r.ID)
	}
	p.Queue = requeue(p.Queue, p.More, r, r.Permit == PermitWanted, func(a, b *Run) int {
		return cmp.Or(startedFirst(a, b), cmp.Compare(a.ID, b.ID))
	})
}

// requeue gives a queue without a run, or with it at its place; behind runs that are not loaded it is left out.
func requeue(queue []*Run, more bool, r *Run, in bool, compare func(a, b *Run) int) []*Run {
	queue = slices.DeleteFunc(slices.Clone(queue), func(q *Run) bool { return q.ID == r.ID })
	at, _ := slices.BinarySearchFunc(queue, r, compare)
	if !in || at == len(queue) && more {
		return queue
	}
	return slices.Insert(queue, at, r)
}

// startedFirst has the runs that were woken go before those that have not begun.
func startedFirst(a, b *Run) int {
	switch {
	case a.Started == b.Started:
		return 0
	case a.Started:
		return -1
	}
	return 1
}

// lane returns the act's own copy of a lane. It fails ErrLater where the window is used up although there are more runs.
func (a *act) lane(name string) (*Lane, error) {
	if l, ok := a.lanes[name]; ok {
		return l, nil
	}
	stored, err := a.Lane(name)
	if err != nil {
		return nil, err
	}
	if len(stored.Queue) == 0 && stored.More {
		return nil, ErrLater
	}
	own := *stored
	a.lanes[name] = &own
	return &own, nil
}

// permitsOf is lane for the permits of a scenario.
func (a *act) permitsOf(scenario string) (*Permits, error) {
	if p, ok := a.permits[scenario]; ok {
		return p, nil
	}
	stored, err := a.Permits(scenario)
	if err != nil {
		return nil, err
	}
	if len(stored.Queue) == 0 && stored.More {
		return nil, ErrLater
	}
	own := *stored
	a.permits[scenario] = &own
	return &own, nil
}

// placed brings the act's lanes and permits up to a run that it writes.
func (a *act) placed(r *Run) {
	if lane := a.lanes[r.Lane]; lane != nil {
		own := *lane
		own.settle(r)
		a.lanes[r.Lane] = &own
	}
	if p := a.permits[r.Scenario]; p != nil {
		own := *p
		own.settle(r)
		a.permits[r.Scenario] = &own
	}
}

// turnKeys are what an op has to lock that writes a run whose lane or permit may change hands.
func turnKeys(r *Run) []Key {
	var keys []Key
	if r.Lane != "" {
		keys = append(keys, LaneKey(r.App, r.Lane))
	}
	if r.Permit != PermitNone {
		keys = append(keys, PermitsKey(r.App, r.Scenario))
	}
	return keys
}

// lockTurn locks the lane and the permits of a run that is about to be written.
func (a *act) lockTurn(r *Run) error {
	if r.Lane != "" {
		if _, err := a.lane(r.Lane); err != nil {
			return err
		}
	}
	if r.Permit != PermitNone {
		if _, err := a.permitsOf(r.Scenario); err != nil {
			return err
		}
	}
	return nil
}

// enter gives a run its turn: it holds its lane when nobody else does or waits, and a permit where its scenario has one to give; else it
// queues.
func (a *act) enter(r *Run, node string) error {
	r.Holds, r.Permit = false, PermitNone
	if r.Lane == "" {
		return a.admitNow(r, node)
	}
	lane, err := a.lane(r.Lane)
	if err != nil {
		return err
	}
	if r.Place == 0 {
		r.Place = lane.Tail + 1
	}
	r.Status, r.Owner = RunQueued, ""
	with := *lane
	with.settle(r)
	if with.Holder != "" || len(with.Queue) == 0 || with.Queue[0].ID != r.ID {
		return nil
	}
	r.Holds = true
	return a.admitNow(r, node)
}

// admitNow makes a run that holds its lane ready, or queues it for a permit.
func (a *act) admitNow(r *Run, node string) error {
	most := a.maxConcurrent(r.Scenario)
	if most == 0 || r.Parent != "" { // a called run has its caller's turn
		r.Status, r.Owner, r.Permit = RunReady, node, PermitNone
		return nil
	}
	p, err := a.permitsOf(r.Scenario)
	if err != nil {
		return err
	}
	r.Status, r.Owner, r.Permit = RunQueued, "", PermitWanted
	with := *p
	with.settle(r)
	if len(with.Holders) < most && len(with.Queue) > 0 && with.Queue[0].ID == r.ID {
		r.Status, r.Owner, r.Permit = RunReady, node, PermitHeld
	}
	return nil
}

// leave hands on what a run gives up: its lane to the next in turn, its permit to those who wait for one. r is the run as it will be, was as
// it is.
func (a *act) leave(was, r *Run, node string) error {
	lane, permit := was.Holds && !r.Holds, was.Permit != PermitNone && r.Permit == PermitNone
	if !lane && !permit {
		return nil
	}
	if err := a.lockTurn(was); err != nil {
		return err
	}
	a.placed(r)
	if lane && len(a.lanes[was.Lane].Queue) > 0 {
		next := *a.lanes[was.Lane].Queue[0]
		next.Epoch++
		next.Holds, next.Cause = true, nil
		if err := a.admitNow(&next, node); err != nil {
			return err
		}
		a.setRun(&next)
	}
	if permit && was.Permit == PermitHeld {
		_, err := a.handOut(was.Scenario, node)
		return err
	}
	return nil
}

// handOut gives the free permits of a scenario to those who wait for one, as far as they are loaded, and says to how many. Without a bound it
// gives them too: whoever has one hands on the next when it ends.
func (a *act) handOut(scenario, node string) (int, error) {
	if _, err := a.permitsOf(scenario); err != nil {
		return 0, err
	}
	most := a.maxConcurrent(scenario)
	for n := 0; ; n++ {
		p := a.permits[scenario]
		if len(p.Queue) == 0 || most > 0 && len(p.Holders) >= most {
			return n, nil
		}
		next := *p.Queue[0]
		next.Epoch++
		next.Status, next.Owner, next.Permit, next.Cause = RunReady, node, PermitHeld, nil
		a.setRun(&next)
	}
}

// maxConcurrent is how many runs of a scenario may hold a permit, 0 for no bound.
func (a *act) maxConcurrent(scenario string) int {
	if p := a.cat.scenarios[scenario]; p != nil && p.version != nil {
		return p.version.doc.Settings.MaxConcurrent
	}
	return 0
}

// likelyTurn are the keys that a new run of a version for an object will probably lock: naming them saves a round on PostgreSQL.
func (v *Version) likelyTurn(app AppID, object string) []Key {
	var keys []Key
	if lane := v.ownLane(object); !v.lane.IsSet() && lane != "" {
		keys = append(keys, LaneKey(app, lane))
	}
	if v.doc.Settings.MaxConcurrent > 0 {
		keys = append(keys, PermitsKey(app, v.Scenario))
	}
	return keys
}

// openPermits hands out the permits of a scenario that came free because its bound was raised or taken away. Whoever gets one hands on those
// that are left when it ends; so what this can not do, because the database is away or the server stops, only takes longer.
func (e *Engine) openPermits(app AppID, scenario string) {
	e.group.Go("permits", func() {
		for e.ctx.Err() == nil {
			res, err := e.commit(e.ctx, Op{App: app, Lock: []Key{PermitsKey(app, scenario)}, Decide: func(l *Loaded) (Effects, error) {
				cat, err := e.cats.current(l)
				if err != nil {
					return Effects{}, err
				}
				a := newAct(l, cat, cause{})
				n, err := a.handOut(scenario, e.node)
				a.eff.Value = n
				return a.eff, err
			}})
			if err != nil && e.ctx.Err() == nil {
				e.log.Warn("can not hand out permits; the next run that ends does", "app", app, "scenario", scenario, "err", err)
			}
			if err != nil || res.Effects.Value.(int) == 0 {
				return
			}
		}
	})
}
