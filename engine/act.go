package engine

import (
	"maps"
	"time"
)

// act is what one decision sees and does: the loaded rows with its own effects on top, so that a later step of a fused op
// sees what an earlier one wrote.
type act struct {
	*Loaded
	cat   *catalogue
	cause cause
	eff   Effects

	objects  map[string]*Object // by structure/id; a nil value means deleted
	lanes    map[string]*Lane
	permits  map[string]*Permits // by scenario
	claims   map[string]*Claim   // by space/key; a nil value means released
	counters map[string]int64
	ticks    int // spent on conditions
	bytes    int // of objects and messages written
}

// cause says who or what a decision acts for; changes and runs carry it on.
type cause struct {
	Who   string
	User  string
	Run   *Run
	Chain string
	Depth int
	// Path are the scenarios of the chain so far, joined by ">", to name the cycle when it is cut.
	Path string
}

func newAct(l *Loaded, cat *catalogue, c cause) *act {
	return &act{
		Loaded: l, cat: cat, cause: c,
		objects: map[string]*Object{}, lanes: map[string]*Lane{}, permits: map[string]*Permits{}, claims: map[string]*Claim{}, counters: map[string]int64{},
	}
}

// mark remembers the act as it is; rollback brings it back, so that a step that fails leaves no trace in a fused op.
func (a *act) mark() act {
	m := *a
	m.objects, m.lanes, m.permits = maps.Clone(a.objects), maps.Clone(a.lanes), maps.Clone(a.permits)
	m.claims, m.counters = maps.Clone(a.claims), maps.Clone(a.counters)
	return m
}

func (a *act) rollback(m act) {
	loaded := a.Loaded
	*a = m
	a.Loaded = loaded
}

// object returns an object as the act has it, nil when there is none. With write it will be written.
func (a *act) object(structure, id string, write bool) (*Object, error) {
	if o, ok := a.objects[structure+"/"+id]; ok {
		return o, nil
	}
	if write {
		return a.ObjectForWrite(structure, id)
	}
	return a.Object(structure, id)
}

func (a *act) setObject(o *Object) {
	key := o.Structure + "/" + o.ID
	a.objects[key] = o
	if o.Deleted {
		a.objects[key] = nil
	}
	a.eff.Objects = append(a.eff.Objects, o)
	a.bytes += 3 * len(o.Data) // the object, and its change's two images
}

func (a *act) claim(space, key string) (*Claim, error) {
	if c, ok := a.claims[space+"/"+key]; ok {
		return c, nil
	}
	return a.Claim(space, key)
}

func (a *act) setClaim(c *Claim) {
	c.App = a.app
	a.claims[c.Space+"/"+c.Key] = c
	if c.Release {
		a.claims[c.Space+"/"+c.Key] = nil
	}
	a.eff.Claims = append(a.eff.Claims, c)
}

func (a *act) counter(id string) (int64, error) {
	if n, ok := a.counters[id]; ok {
		return n, nil
	}
	return a.Counter(id)
}

// setCounter raises a counter; one that lapses is given its time anew.
func (a *act) setCounter(id string, n int64, until time.Time) {
	a.counters[id] = n
	a.eff.Counters = append(a.eff.Counters, &Counter{App: a.app, ID: id, N: n, Until: until})
}

// setRun writes a run and keeps the act's picture of its lane and of the permits true.
func (a *act) setRun(r *Run) {
	if !r.Status.Open() && r.ForgetAt.IsZero() {
		var v *Version
		if p := a.cat.scenarios[r.Scenario]; p != nil {
			v = p.version
		}
		r.ForgetAt = a.cat.retain.forget(r.Status, v, a.now())
	}
	a.placed(r)
	a.eff.Runs = append(a.eff.Runs, r)
}

// tally moves the backlog of a run's scenario.
func (a *act) tally(r *Run, open, waiting int) {
	a.eff.Tallies = append(a.eff.Tallies, Tally{r.Scenario, Backlog{open, waiting}})
}

func (a *act) now() time.Time { return a.Now }
