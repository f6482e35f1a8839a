package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cuelight/cuelight/engine/expr"
)

// Calendar says when a schedule ticks. A tick is an instant of whole seconds; it is what tells one start of a schedule from another.
type Calendar interface {
	// Next is the first tick after an instant, false when there is none.
	Next(after time.Time) (time.Time, bool)
	// Missed says which ticks after one instant up to another are to be run after a time away, in order, and how many are not.
	Missed(policy string, after, now time.Time) (run []time.Time, dropped int)
}

// Schedule is what a schedule trigger waits for.
type Schedule struct {
	Calendar
	// Policy is what to do about ticks that nobody could run, Overlap what to do while the run of an earlier tick is open: skip, queue or allow.
	Policy, Overlap string
	// Where has the schedule start once for each object of the scenario's structure that passes this filter.
	Where   string
	PerItem bool
}

// The words for Overlap.
const (
	OverlapSkip  = "skip"
	OverlapQueue = "queue"
	OverlapAllow = "allow"
)

// TickVariable is the variable that tells a run of a schedule for which time it was started.
const TickVariable = "tick"

// placeSchedule makes the list that a tick for each object is walked with: a loop over the objects that starts a run for each.
func (b *binder) placeSchedule(t *Trigger) {
	b.vars[TickVariable] = expr.Type{Kind: expr.KindTime}
	if !t.Schedule.PerItem || b.structure == nil {
		return
	}
	v, name := b.version, "schedule:"+t.ID
	body := &Steps{list: &list{path: name + ".each"}}
	start := &step{head: head{ID: "schedule:start"}, kind: "schedule", run: func(s *Scope) (Outcome, error) { return Outcome{}, s.startForItem(t) }}
	loop := &step{head: head{ID: "schedule:each"}, kind: "schedule", run: func(*Scope) (Outcome, error) {
		return Outcome{Loop: &Loop{Body: body, Structure: b.structure.ID, Where: t.Schedule.Where}, Note: map[string]any{"filter": t.Schedule.Where}}, nil
	}}
	body.list.steps = []*step{start}
	v.lists[name], v.lists[body.list.path] = &list{path: name, steps: []*step{loop}}, body.list
	v.scheduled = map[string]*step{loop.ID: loop, start.ID: start}
}

// startForItem starts a run of the schedule for the object that the loop is at. Each of them begins a chain of its own (design 6).
func (s *Scope) startForItem(t *Trigger) error {
	item := s.state.itemTarget()
	o, err := s.a.object(item.Structure, item.ID, false)
	if err != nil || o == nil {
		return err
	}
	env, err := s.version.structure.env(o)
	if err != nil {
		return err
	}
	vars := map[string]any{TickVariable: s.state.Vars[TickVariable]}
	run := &Run{
		App: s.a.app, ID: RunID(s.a.NewID()), Scenario: s.run.Scenario, Version: s.run.Version, Format: RunFormat, Trigger: t.ID,
		Structure: item.Structure, Object: item.ID, Depth: 1, CreatedAt: s.a.now(),
	}
	was := s.a.cause
	s.a.cause = cause{}
	defer func() { s.a.cause = was }()
	names := map[string]any{"object": orNil(env)}
	s.a.cat.fill(names, vars)
	return s.a.admitWith(run, s.version, expr.Env{Names: names, Now: s.a.now(), Zone: s.a.cat.zone}, vars)
}

// scheduleID names a placed schedule.
type scheduleID struct {
	app               AppID
	scenario, trigger string
}

func (id scheduleID) counter() string { return "tick:" + id.scenario + "." + id.trigger }

// scheduled is a schedule as this node watches it.
type scheduled struct {
	trigger *Trigger
	last    time.Time // the last tick that was settled
	next    time.Time // zero when there is none
	retry   time.Time // not before, after an error
	// watched says that the schedule has come to a tick, or to none, since this node watches it.
	watched bool
}

// beginSchedules has the schedules of a scenario begin now when it is started or published anew: what lies before is not missed.
func (e *Engine) beginSchedules(l *Loaded, eff *Effects, rec, before ScenarioRecord) error {
	if rec.State == Stopped || rec.Version == 0 || rec.Version == before.Version && before.State != Stopped {
		return nil
	}
	var doc struct {
		Triggers []struct {
			ID   string `json:"id"`
			Kind string `json:"kind"`
		} `json:"triggers"`
	}
	if err := json.Unmarshal(rec.Published, &doc); err != nil {
		return fmt.Errorf("read triggers of %s: %w", rec.ID, err)
	}
	for _, t := range doc.Triggers {
		if !slices.ContainsFunc(e.opt.Kinds.Triggers, func(k TriggerKind) bool { return k.Kind == t.Kind && k.schedule != nil }) {
			continue
		}
		id := scheduleID{l.app, rec.ID, t.ID}
		if _, err := l.Counter(id.counter()); err != nil {
			return err
		}
		eff.Counters = append(eff.Counters, &Counter{App: l.app, ID: id.counter(), N: l.Now.Unix()})
	}
	return nil
}

// Bounds of the watch over schedules.
const (
	scheduleScan = time.Second
	// scheduleAway is how late a tick may be before it counts as missed: a suspended machine, a clock that was put forward. After a start all
	// but the latest do, since whoever was away has missed them however short it was.
	scheduleAway = time.Minute
)

// watchSchedules starts the runs of schedules when they are due. The last tick of each lies in a counter, so that on every node and after
// every crash a tick is settled once.
func (e *Engine) watchSchedules() {
	known := map[scheduleID]*scheduled{}
	for {
		now := e.opt.Clock().UTC()
		e.placed(known)
		wake := now.Add(scheduleScan)
		for id, s := range known {
			if s.next.IsZero() {
				continue
			}
			switch {
			case s.next.After(now):
				s.watched = true
			case !s.retry.After(now):
				e.tick(id, s, now)
			}
			if !s.next.IsZero() && s.next.Before(wake) && s.next.After(now) {
				wake = s.next
			}
		}
		timer := time.NewTimer(max(wake.Sub(now), time.Millisecond))
		select {
		case <-timer.C:
		case <-e.ctx.Done():
			timer.Stop()
			return
		}
	}
}

// placed brings what this node watches up to the catalogues: new schedules begin where their counter says, or now.
func (e *Engine) placed(known map[scheduleID]*scheduled) {
	wanted := map[scheduleID]bool{}
	e.cats.byApp.Range(func(key, _ any) bool {
		app := key.(AppID)
		cat, err := e.cats.load(e.ctx, app, 1) // the one in memory, unless this node has committed a newer one
		if err != nil {
			return true
		}
		for _, p := range cat.scenarios {
			if p.version == nil || p.state == Stopped {
				continue
			}
			for _, t := range p.version.triggers {
				if t.Schedule == nil {
					continue
				}
				id := scheduleID{app, p.id, t.ID}
				wanted[id] = true
				if s := known[id]; s != nil && s.trigger.version.Number == t.version.Number {
					if s.trigger != t { // compiled anew, perhaps in another time zone
						s.trigger = t
						s.next, _ = t.Schedule.Next(s.last)
					}
					continue
				}
				if s, err := e.begin(id, t); err == nil {
					known[id] = s
				} else if e.ctx.Err() == nil {
					e.log.Warn("can not begin a schedule", "app", app, "scenario", p.id, "trigger", t.ID, "err", err)
				}
			}
		}
		return true
	})
	for id := range known {
		if !wanted[id] {
			delete(known, id)
		}
	}
}

// begin reads the last tick of a schedule, or notes that it begins now.
func (e *Engine) begin(id scheduleID, t *Trigger) (*scheduled, error) {
	res, err := e.commit(e.ctx, Op{App: id.app, Lock: []Key{CounterKey(id.app, id.counter())}, Decide: func(l *Loaded) (Effects, error) {
		n, err := l.Counter(id.counter())
		if err != nil {
			return Effects{}, err
		}
		if n > 0 {
			return Effects{Value: time.Unix(n, 0).UTC()}, nil
		}
		last := l.Now.Truncate(time.Second)
		return Effects{Value: last, Counters: []*Counter{{App: id.app, ID: id.counter(), N: last.Unix()}}}, nil
	}})
	if err != nil {
		return nil, err
	}
	s := &scheduled{trigger: t, last: res.Effects.Value.(time.Time)}
	s.next, _ = t.Schedule.Next(s.last)
	return s, nil
}

// tick settles what is due of a schedule.
func (e *Engine) tick(id scheduleID, s *scheduled, now time.Time) {
	due, dropped := []time.Time{s.next}, 0
	if !s.watched || now.Sub(s.next) > scheduleAway {
		due, dropped = s.trigger.Schedule.Missed(s.trigger.Schedule.Policy, s.last, now)
		if latest, others := s.trigger.Schedule.Missed("", s.last, now); len(due) == 0 && len(latest) == 1 && now.Sub(latest[0]) <= scheduleAway {
			due, dropped = latest, others // it is late, not missed
		}
	}
	last := now.Truncate(time.Second)
	if len(due) == 1 && due[0].Equal(s.next) {
		last = s.next
	}
	for i, at := range due {
		settled := at
		if i == len(due)-1 && dropped > 0 {
			settled = last
		}
		if err := e.startTick(e.ctx, id, s.trigger.version.Number, at, settled, dropped); err != nil {
			if e.ctx.Err() == nil && !errors.Is(err, errOtherCalendar) {
				e.log.Warn("can not start a schedule", "app", id.app, "scenario", id.scenario, "err", err)
			}
			s.retry = now.Add(scheduleScan)
			return
		}
		s.last = settled
	}
	if len(due) == 0 {
		s.last = last
	}
	s.retry, s.watched = time.Time{}, true
	s.next, _ = s.trigger.Schedule.Next(s.last)
}

// errOtherCalendar says that a tick was of a version that is not published any more.
var errOtherCalendar = errors.New("the schedule was published anew")

// startTick starts the run of one tick of a version's calendar, unless another node has settled it.
func (e *Engine) startTick(ctx context.Context, id scheduleID, version int64, at, settled time.Time, dropped int) error {
	op := Op{App: id.app, Lock: []Key{CounterKey(id.app, id.counter()), ClaimKey(id.app, "schedule", id.scenario+"."+id.trigger)}}
	op.Decide = func(l *Loaded) (Effects, error) {
		cat, err := e.cats.current(l)
		if err != nil {
			return Effects{}, err
		}
		a := newAct(l, cat, cause{})
		n, err := a.counter(id.counter())
		if err != nil || n >= settled.Unix() {
			return Effects{}, err
		}
		a.setCounter(id.counter(), settled.Unix(), time.Time{})
		p := cat.scenarios[id.scenario]
		if p == nil || p.version == nil || p.state == Stopped {
			return a.eff, nil
		}
		if p.version.Number != version {
			return Effects{}, errOtherCalendar
		}
		t := p.version.trigger(id.trigger)
		if t == nil || t.Schedule == nil {
			return a.eff, nil
		}
		err = a.startScheduled(id, t, at)
		return a.eff, err
	}
	_, err := e.commit(ctx, op)
	if err == nil && dropped > 0 {
		e.log.Info("ticks of a schedule were missed", "app", id.app, "scenario", id.scenario, "trigger", id.trigger, "not_run", dropped)
	}
	return err
}

// startScheduled starts a run for a tick, as the schedule's overlap says.
func (a *act) startScheduled(id scheduleID, t *Trigger, at time.Time) error {
	if a.overrun(id.scenario) {
		return nil // this tick is skipped, as one that comes while an earlier one runs
	}
	space, key := "schedule", id.scenario+"."+id.trigger
	run := &Run{
		App: a.app, ID: RunID(a.NewID()), Scenario: id.scenario, Version: t.version.Number, Format: RunFormat, Trigger: t.ID, Depth: 1, CreatedAt: a.now(),
	}
	if t.Schedule.Overlap != OverlapAllow && t.Schedule.Overlap != OverlapQueue {
		held, err := a.claim(space, key)
		if err != nil {
			return err
		}
		if held != nil {
			before, err := a.Run(RunID(held.Owner))
			if err != nil {
				return err
			}
			if before != nil && before.Status.Open() {
				return nil // this tick is skipped
			}
		}
	}
	a.setClaim(&Claim{Space: space, Key: key, Owner: string(run.ID)})
	vars := map[string]any{TickVariable: at}
	st := newState(id.scenario)
	st.Vars, st.Input = vars, vars
	if t.Schedule.PerItem {
		st.Frames = []frame{{List: "schedule:" + t.ID}}
	}
	run.Chain = string(run.ID)
	var err error
	if run.State, err = st.encode(); err != nil {
		return err
	}
	if !t.Schedule.PerItem {
		env := expr.Env{Names: map[string]any{"object": nil}, Now: a.now(), Zone: a.cat.zone}
		a.cat.fill(env.Names, vars)
		if run.Lane, err = a.laneOf(t.version, "", env); err != nil {
			a.refuseLane(run, err)
			return nil
		}
	}
	if t.Schedule.Overlap == OverlapQueue && run.Lane == "" { // where the author has said what takes turns, that holds for ticks too
		run.Lane = "schedule:" + key
	}
	if err := a.enter(run, a.cat.node); err != nil {
		return err
	}
	a.setRun(run)
	a.tally(run, 1, 0)
	return nil
}

// trigger is a placed trigger by id, nil when there is none.
func (v *Version) trigger(id string) *Trigger {
	for _, t := range v.triggers {
		if t.ID == id {
			return t
		}
	}
	return nil
}

// compileSchedule makes the calendar of a schedule trigger in the app's zone.
func (b *binder) compileSchedule(k TriggerKind, settings any, path string) *Schedule {
	if k.schedule == nil || settings == nil {
		return nil
	}
	zone := ""
	if s := b.structures[UserStructure]; s != nil && s.zone != nil {
		zone = s.zone.String()
	}
	s, err := k.schedule(settings, zone)
	if err != nil {
		b.fail(path, fmt.Errorf("schedule: %w", err))
		return nil
	}
	return s
}
