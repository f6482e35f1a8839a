package engine

import "slices"

// apply brings the batch's rows and writes up to what an op decided.
func (b *Batch) apply(op *Op, res *Result, seq func() int64) {
	e := &res.Effects
	w := &b.writes
	b.applyObjects(op, e, seq)
	b.applyRuns(op, e)
	b.applyControl(op, res)
	w.Steps = append(w.Steps, e.Steps...)
	for _, v := range e.Values {
		w.Values = append(slices.DeleteFunc(w.Values, func(old *RunValue) bool { return old.Run == v.Run && old.Name == v.Name }), v)
	}
	w.Pushes = append(w.Pushes, e.Pushes...)
	w.Deliveries = append(w.Deliveries, e.Deliveries...)
	// Two raises in one batch are one: the store adds one to the number, and what is seen after the batch must not be lower than in it.
	if e.Raise && !slices.Contains(w.Raise, op.App) {
		b.catalogue[op.App]++
		w.Raise = append(w.Raise, op.App)
	}
}

func (b *Batch) applyObjects(op *Op, e *Effects, seq func() int64) {
	w := &b.writes
	for _, o := range e.Objects {
		key := ObjectKey(op.App, o.Structure, o.ID)
		old, merged := b.rows[key].(*Object)
		if at, dirty := b.dirty[key]; dirty {
			if merged && old.reindexed() && !o.reindexed() {
				o.Index = old.Index
			}
			w.Objects[at].Value = o
		} else {
			b.dirty[key] = len(w.Objects)
			w.Objects = append(w.Objects, Row[*Object]{o, b.stored[key]})
		}
		b.rows[key] = o
		if o.Deleted {
			b.rows[key] = nil
		}
	}
	for _, c := range e.Changes {
		c.Seq = seq()
		c.Op = op.ID
		w.Changes = append(w.Changes, c)
	}
}

func (b *Batch) applyRuns(op *Op, e *Effects) {
	w := &b.writes
	for _, r := range e.Runs {
		if r.Cause != nil {
			r.Change = r.Cause.Seq
		}
		key := RunKey(op.App, r.ID)
		turn := b.turnOf(op.App, r)
		w.Runs = put(b, w.Runs, key, r)
		b.rows[key] = r
		for _, key := range turn {
			b.settle(key, r)
			b.dirty[key] = -1 // it differs from what is stored
		}
	}
}

// settle brings a lane or permits up to a run; neither is there while nobody stands in it.
func (b *Batch) settle(key Key, r *Run) {
	if key.Kind == KeyPermits {
		p, _ := b.rows[key].(*Permits)
		if p == nil {
			p = &Permits{}
			b.rows[key] = p
		}
		p.settle(r)
		return
	}
	lane, _ := b.rows[key].(*Lane)
	if lane == nil {
		lane = &Lane{}
		b.rows[key] = lane
	}
	lane.settle(r)
}

func (b *Batch) applyControl(op *Op, res *Result) {
	e, w := &res.Effects, &b.writes
	for _, c := range e.Claims {
		key := ClaimKey(op.App, c.Space, c.Key)
		if at, dirty := b.dirty[key]; dirty {
			w.Claims[at] = c
		} else {
			b.dirty[key] = len(w.Claims)
			w.Claims = append(w.Claims, c)
		}
		b.rows[key] = c
		if c.Release {
			b.rows[key] = nil
		}
		res.Claims = append(res.Claims, ClaimResult{Key: key, Owner: c.Owner})
	}
	for _, c := range e.Counters {
		key := CounterKey(op.App, c.ID)
		if at, dirty := b.dirty[key]; dirty {
			w.Counters[at] = c
		} else {
			b.dirty[key] = len(w.Counters)
			w.Counters = append(w.Counters, c)
		}
		b.rows[key] = c
	}
	for _, r := range e.Records {
		if r.late != nil {
			r.Body, r.late = r.late(), nil
		}
		key := RecordKey(r.App, r.Kind, r.ID)
		w.Records = put(b, w.Records, key, r)
		b.rows[key] = r
		if r.Deleted {
			b.rows[key] = nil
		}
	}
}

func put[T any](b *Batch, rows []Row[T], key Key, value T) []Row[T] {
	if at, dirty := b.dirty[key]; dirty {
		rows[at].Value = value
		return rows
	}
	b.dirty[key] = len(rows)
	return append(rows, Row[T]{value, b.stored[key]})
}
