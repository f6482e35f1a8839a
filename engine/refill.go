package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// progress says how far the system run over the objects of a structure is. It lies in a record without an app, so that a node finds all of
// them when it starts; it is written in the op of each piece, so that a piece is done once, whatever becomes of the node.
type progress struct {
	ID        string `json:"id"`
	App       AppID  `json:"app"`
	Structure string `json:"structure"`
	// After is the last object that is done, by id.
	After string `json:"after,omitempty"`
	Done  int    `json:"done"`
	// Total is how many there were at the start; absent where they were too many to count.
	Total *int `json:"total,omitempty"`
	// Waits is what the run waits for.
	Waits *FillingWait `json:"waits,omitempty"`
	// Node works on it until a time; others leave it alone.
	Node  string    `json:"node,omitempty"`
	Until time.Time `json:"until,omitzero"`
}

// Filling is how far the system run is that a change of a structure has begun.
type Filling struct {
	Fields []string     `json:"fields" doc:"The fields that are filled, converted or removed."`
	Done   int          `json:"done" doc:"Objects that are done."`
	Total  *int         `json:"total,omitempty" doc:"Objects at the start; absent where they were more than 10,000."`
	Waits  *FillingWait `json:"waits,omitempty" doc:"What it waits for: an object that has to be changed before it can go on."`
}

// FillingWait is an object at which the system run waits: it got its value after all had been examined.
type FillingWait struct {
	Object  string `json:"object"`
	Field   string `json:"field"`
	Other   string `json:"other,omitempty" doc:"The object that has the same value."`
	Code    string `json:"code" enum:"DUPLICATES,CONVERT"`
	Message string `json:"message"`
}

// Bounds of a piece, and how long the run rests.
const (
	pieceObjects = 200
	pieceBytes   = 1 << 20
	pieceLease   = 5 * time.Second
	reshapeWait  = time.Second      // where it waits for an object to be changed
	reshapeIdle  = 30 * time.Second // where there is nothing to do
)

func (p *progress) key() Key { return RecordKey("", RecordReshape, p.recordID()) }

func (p *progress) recordID() string { return string(p.App) + "/" + p.Structure }

func (p *progress) record(old *Record, now time.Time) (*Record, error) {
	body, err := marshal(p)
	return revised(old, Record{Kind: RecordReshape, ID: p.recordID(), Body: body}, now), err
}

// progressOf is the beginning of the run that a change of a structure needs.
func (e *Engine) progressOf(ctx context.Context, app AppID, r *reshaping) (*progress, error) {
	p := &progress{App: app, Structure: r.is.ID}
	if r.plan.empty() {
		return p, nil
	}
	page, err := e.store.Objects(ctx, ObjectQuery{App: app, Structure: r.was, Limit: 1, Count: true})
	if err == nil && !page.AtLeast {
		p.Total = &page.Total
	}
	return p, err
}

// Filling says how far the system run over the objects of a structure is; nil when there is none.
func (e *Engine) Filling(ctx context.Context, app AppID, s *Structure) (*Filling, error) {
	if s.plan == nil {
		return nil, nil
	}
	p := &progress{App: app, Structure: s.ID}
	row, err := e.store.Record(ctx, "", RecordReshape, p.recordID())
	switch {
	case errors.Is(err, ErrNotFound):
		// The last piece was just committed, and this structure was read before: whoever asks again reads the new one.
		return &Filling{Fields: s.plan.fields()}, nil
	case err != nil:
		return nil, err
	}
	if err := json.Unmarshal(row.Body, p); err != nil {
		return nil, fmt.Errorf("read progress of %s: %w", row.ID, err)
	}
	return &Filling{Fields: s.plan.fields(), Done: p.Done, Total: p.Total, Waits: p.Waits}, nil
}

func (e *Engine) reshapeNow() {
	select {
	case e.reshaped <- struct{}{}:
	default:
	}
}

// reshapeAll carries out the system runs of all apps, a piece of each in turn.
func (e *Engine) reshapeAll() {
	for {
		pause, err := e.reshapeSome(e.ctx)
		if err != nil && e.ctx.Err() == nil {
			e.log.Warn("can not go on with changing objects to their new structure", "err", err)
			pause = reshapeWait
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-e.reshaped:
			timer.Stop()
		case <-e.ctx.Done():
			timer.Stop()
			return
		}
	}
}

// reshapeSome does a piece of each run and says how long to rest.
func (e *Engine) reshapeSome(ctx context.Context) (time.Duration, error) {
	rows, err := e.store.Records(ctx, "", RecordReshape, "", "", 1000)
	if err != nil || len(rows) == 0 {
		return reshapeIdle, err
	}
	pause := reshapeWait
	for _, row := range rows {
		p := &progress{}
		if err := json.Unmarshal(row.Body, p); err != nil {
			return 0, fmt.Errorf("read progress of %s: %w", row.ID, err)
		}
		if p.Node != e.node && p.Until.After(e.opt.Clock()) {
			continue
		}
		moved, err := e.reshapePiece(ctx, p)
		if err != nil {
			return 0, fmt.Errorf("structure %s of app %s: %w", p.Structure, p.App, err)
		}
		if moved {
			pause = time.Millisecond // others come in between
		}
	}
	return pause, nil
}

// reshapePiece does the next piece of a run in one op and says whether it has moved.
func (e *Engine) reshapePiece(ctx context.Context, p *progress) (bool, error) {
	cat, err := e.cats.load(ctx, p.App, 1)
	if err != nil {
		return false, err
	}
	if s := cat.structures[p.Structure]; s == nil || s.plan == nil || s.plan.ID != p.ID {
		// Another node may have begun it: memory is behind, or the run is over.
		if cat, err = e.cats.load(ctx, p.App, e.cats.want(p.App)); err != nil {
			return false, err
		}
	}
	op := Op{App: p.App, Lock: []Key{p.key(), RecordKey(p.App, RecordReshape, p.Structure)}, Bytes: 1024}
	piece := &piece{progress: *p, node: e.node, last: true}
	if s := cat.structures[p.Structure]; s != nil {
		q := ObjectQuery{App: p.App, Structure: s, Limit: pieceObjects}
		if p.After != "" {
			q.After = idCursor(p.After)
		}
		page, err := e.store.Objects(ctx, q)
		if err != nil {
			return false, err
		}
		piece.last = page.Next == ""
		for _, o := range page.Items {
			if op.Bytes > pieceBytes {
				piece.last = false
				break
			}
			piece.ids = append(piece.ids, o.ID)
			op.Bytes += 3 * len(o.Data)
			op.Lock = append(op.Lock, ObjectKey(p.App, p.Structure, o.ID))
			op.Lock = append(op.Lock, s.claimKeys(p.App, o)...)
		}
	}
	op.Decide = func(l *Loaded) (Effects, error) {
		cat, err := e.cats.current(l)
		if err != nil {
			return Effects{}, err
		}
		return piece.decide(newAct(l, cat, cause{}))
	}
	res, err := e.commit(ctx, op)
	if err != nil {
		return false, err
	}
	moved, _ := res.Effects.Value.(bool)
	return moved, nil
}

// claimKeys are the claims that the run will look at for an object: naming them saves a round on PostgreSQL.
func (s *Structure) claimKeys(app AppID, o *Object) []Key {
	if s.plan == nil || len(s.plan.Unique) == 0 {
		return nil
	}
	v, err := s.Decode(o.Data)
	if err != nil {
		return nil
	}
	var keys []Key
	for _, name := range s.plan.Unique {
		if f := s.Field(name); f != nil && v[name] != nil {
			keys = append(keys, ClaimKey(app, s.uniqueSpace(f), uniqueKey(v[name])))
		}
	}
	return keys
}

// piece is a part of a system run: some objects, in the order of their ids, one op.
type piece struct {
	progress

	node string
	ids  []string
	last bool
}

// decide fits the objects of the piece into their structure and moves the progress on; behind the last one it ends the run.
func (p *piece) decide(a *act) (Effects, error) {
	row, err := loaded[*Record](a.Loaded, p.key(), true)
	if err != nil || row == nil {
		return Effects{}, err
	}
	next := &progress{}
	if err := json.Unmarshal(row.Body, next); err != nil {
		return Effects{}, fmt.Errorf("read progress of %s: %w", row.ID, err)
	}
	if next.ID != p.ID || next.After != p.After {
		return Effects{}, nil // another node was faster
	}
	s := a.cat.structures[p.Structure]
	if s == nil || s.plan == nil || s.plan.ID != p.ID {
		a.eff.Records = append(a.eff.Records, &Record{Kind: RecordReshape, ID: p.recordID(), Deleted: true})
		return a.eff, nil
	}
	next.Waits = nil
	if err := p.fit(a, s, next); err != nil {
		return Effects{}, err
	}
	if next.Waits == nil && p.last {
		a.eff.Raise = true
		a.eff.Records = append(a.eff.Records, &Record{App: p.App, Kind: RecordReshape, ID: p.Structure, Deleted: true}, &Record{Kind: RecordReshape, ID: p.recordID(), Deleted: true})
		a.eff.Value = true
		return a.eff, nil
	}
	if next.After == p.After && next.Waits != nil && p.Waits != nil && *next.Waits == *p.Waits {
		return Effects{}, nil // it waits still
	}
	next.Node, next.Until = p.node, a.now().Add(pieceLease)
	how, err := next.record(row, a.now())
	if err != nil {
		return Effects{}, err
	}
	a.eff.Records = append(a.eff.Records, how)
	a.eff.Value = next.After != p.After
	return a.eff, nil
}

// fit goes through the objects up to the first at which the run has to wait. All rows that are not loaded yet are asked for at once.
func (p *piece) fit(a *act, s *Structure, next *progress) error {
	var need NeedError
	for _, id := range p.ids {
		wait, err := a.refit(s, id)
		if more, asks := errors.AsType[*NeedError](err); asks {
			need.Lock, need.Peek = append(need.Lock, more.Lock...), append(need.Peek, more.Peek...)
			continue
		}
		if err != nil {
			return err
		}
		if next.Waits = wait; wait != nil {
			break
		}
		next.After, next.Done = id, next.Done+1
	}
	if len(need.Lock)+len(need.Peek) > 0 {
		return &need
	}
	return nil
}

// refit brings one object into the form that its structure has now, without a new version and without a change: it holds the same values.
func (a *act) refit(s *Structure, id string) (*FillingWait, error) {
	o, err := a.object(s.ID, id, true)
	if err != nil || o == nil {
		return nil, err
	}
	raw, err := s.raw(o.Data)
	if err != nil {
		return nil, err
	}
	if f, why := s.stuck(raw); why != nil {
		return &FillingWait{Object: id, Field: f.ID, Code: "CONVERT", Message: fmt.Sprintf("the value can not become a %s: it %s", typeWords(f), why)}, nil
	}
	v := s.values(raw)
	for i := range s.plan.Release {
		was := &s.plan.Release[i]
		old := was.fromStored(raw[was.ID])
		if f := s.Field(was.ID); old == nil || f != nil && f.Unique && v[f.ID] != nil && uniqueKey(v[f.ID]) == uniqueKey(old) {
			continue
		}
		if err := a.release(s, was, id, old); err != nil {
			return nil, err
		}
	}
	for _, name := range s.plan.Unique {
		f := s.Field(name)
		if f == nil || v[name] == nil {
			continue
		}
		other, err := a.claimValue(s, f, id, v[name])
		if err != nil {
			return nil, err
		}
		if other != "" {
			return &FillingWait{Object: id, Other: other, Field: name, Code: "DUPLICATES", Message: "two objects have the same value: change one of them"}, nil
		}
	}
	data, err := s.Encode(v)
	if err != nil {
		return nil, err
	}
	if bytes.Equal(data, o.Data) && len(s.plan.Index) == 0 {
		return nil, nil
	}
	next := *o
	next.Data, next.Index = data, slices.Clip(s.Index(v))
	a.setObject(&next)
	return nil, nil
}
