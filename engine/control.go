package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/cuelight/cuelight/engine/expr"
)

// Write changes one object and starts the runs that the change causes, in one transaction. When it returns without error, the
// change is durable. Errors match ErrInvalid, ErrNotFound, ErrConflict, ErrVersion, ErrBusy or ErrUnavailable.
func (e *Engine) Write(ctx context.Context, w Write) (Written, error) {
	res, err := e.commit(ctx, e.writeOp(w))
	if err != nil {
		return Written{}, err
	}
	return res.Effects.Value.(Written).numbered(), nil
}

// writeOp is the op of a write; its Value is a Written.
func (e *Engine) writeOp(w Write) Op {
	op := Op{App: w.App, Bytes: 256}
	for name, v := range w.Fields {
		op.Bytes += len(name) + 2*len(v)
	}
	if w.ID != "" {
		op.Lock = append(op.Lock, ObjectKey(w.App, w.Structure, w.ID))
	}
	if w.Once != nil {
		op.Lock = append(op.Lock, ClaimKey(w.App, "once", w.Once.claim()))
	}
	op.Lock = append(op.Lock, e.likelyKeys(w)...)
	if w.User != "" {
		op.Peek = append(op.Peek, ObjectKey(w.App, UserStructure, w.User))
	}
	op.Decide = func(l *Loaded) (Effects, error) {
		cat, err := e.cats.current(l)
		if err != nil {
			return Effects{}, err
		}
		a := newAct(l, cat, cause{Who: w.Who, User: w.User})
		out, err := a.decideWrite(w)
		a.eff.Value = out
		return a.eff, err
	}
	return op
}

// likelyKeys are what the write will probably lock for the runs that it starts: naming them saves a round on PostgreSQL.
func (e *Engine) likelyKeys(w Write) []Key {
	cat := e.cats.at(w.App)
	if cat == nil || w.ID == "" || w.Silent || w.Kind == WriteDelete {
		return nil
	}
	on := Changed
	if w.Kind == WriteCreate {
		on = Created
	}
	var keys []Key
	values := Values{}
	if s := cat.structures[w.Structure]; s != nil {
		values, _ = s.parseFields(w.Fields)
	}
	cat.index[w.Structure].find(on, keysOf(w.Fields), values, func(t *Trigger) {
		if len(keys) < 16 {
			keys = append(keys, t.version.likelyTurn(w.App, w.ID)...)
		}
	})
	return keys
}

// Call starts a run of a published scenario by hand: by the API, or by whoever pushes an object in.
type Call struct {
	App      AppID
	Scenario string
	// Object is the id of the current object, of the scenario's structure; empty for none.
	Object string
	// Vars give the scenario's parameters.
	Vars map[string]json.RawMessage
	Who  string
	User string
	Once *Once
}

// Call starts a run and returns its id once it is durable.
func (e *Engine) Call(ctx context.Context, c Call) (RunID, error) {
	op := Op{App: c.App, Bytes: 512}
	if c.Once != nil {
		op.Lock = append(op.Lock, ClaimKey(c.App, "once", c.Once.claim()))
	}
	op.Decide = func(l *Loaded) (Effects, error) {
		cat, err := e.cats.current(l)
		if err != nil {
			return Effects{}, err
		}
		a := newAct(l, cat, cause{Who: c.Who, User: c.User})
		id, err := a.call(c)
		a.eff.Value = id
		return a.eff, err
	}
	res, err := e.commit(ctx, op)
	if err != nil {
		return "", err
	}
	return res.Effects.Value.(RunID), nil
}

func (a *act) call(c Call) (RunID, error) {
	if ans, err := a.replay(c.Once); err != nil || ans != nil {
		if ans == nil {
			return "", err
		}
		return ans.Runs[0], nil
	}
	v, err := a.cat.able(c.Scenario)
	if err != nil {
		return "", err
	}
	if a.overrun(c.Scenario) {
		return "", errOverrun(ErrBusy, a.cat.queued)
	}
	if !slices.ContainsFunc(v.triggers, func(t *Trigger) bool { return len(t.On) == 0 && t.Schedule == nil }) && len(v.triggers) > 0 {
		return "", coded(ErrConflict, "NOT_CALLABLE", "the scenario has no call trigger")
	}
	vars, err := v.arguments(c.Vars, a.cat.zone)
	if err != nil {
		return "", err
	}
	env := expr.Env{Names: map[string]any{}, Now: a.now(), Zone: a.cat.zone}
	a.cat.fill(env.Names, vars)
	if c.Object != "" {
		if v.structure == nil {
			return "", invalid("object", "NO_STRUCTURE", "the scenario has no structure and takes no object")
		}
		o, err := a.object(v.structure.ID, c.Object, false)
		if err != nil {
			return "", err
		}
		if o == nil {
			return "", invalid("object", "OBJECT_NOT_FOUND", "%s has no object with this id", v.structure.ID)
		}
		names, err := v.structure.env(o)
		if err != nil {
			return "", err
		}
		env.Names["object"] = orNil(names)
	}
	run := &Run{
		App: a.app, ID: RunID(a.NewID()), Scenario: v.Scenario, Version: v.Number, Format: RunFormat, Object: c.Object,
		User: c.User, Depth: 1, CreatedAt: a.now(),
	}
	if v.structure != nil {
		run.Structure = v.structure.ID
	}
	if err := a.admitWith(run, v, env, vars); err != nil {
		return "", err
	}
	return run.ID, a.remember(c.Once, answer{Runs: []RunID{run.ID}})
}

// arguments reads the parameters that a caller gives.
func (v *Version) arguments(given map[string]json.RawMessage, zone *time.Location) (map[string]any, error) {
	vars := map[string]any{}
	var errs []FieldError
	for _, name := range keysOf(given) {
		typ, ok := v.doc.Parameters[name]
		if !ok {
			errs = append(errs, FieldError{Path: "vars." + name, Code: "UNKNOWN_PARAMETER", Message: "the scenario has no such parameter" + didYouMean(name, keysOf(v.doc.Parameters))})
			continue
		}
		f := Field{ID: name, Type: FieldType(typ), zone: zone}
		value, err := f.parse(given[name])
		if err != nil {
			errs = append(errs, fieldError("vars."+name, "TYPE", err))
			continue
		}
		vars[name] = value
	}
	if len(errs) > 0 {
		return nil, &InvalidError{Fields: errs}
	}
	return vars, nil
}

func (c *catalogue) noScenario(id string) error {
	return coded(ErrNotFound, "SCENARIO_NOT_FOUND", "the app has no scenario of this id%s", didYouMean(id, keysOf(c.scenarios)))
}

// Send is a push by the API, outside of any run.
type Send struct {
	App            AppID
	To             []string
	Event, Message string
	JSON           bool
	Once           *Once
}

// Check says what is wrong with a push, as far as that can be told without the app.
func (s Send) Check() error {
	if len(s.To) == 0 || len(s.To) > MaxReceivers {
		return &InvalidError{Fields: []FieldError{{Path: "to", Code: "PUSH_TO", Message: fmt.Sprintf("must name 1 to %d users, or *", MaxReceivers), Limit: "receivers"}}}
	}
	for _, to := range s.To {
		if to != Everybody && !objectIDRule.MatchString(to) {
			return invalid("to", "PUSH_TO", "must be the id of a user, or *")
		}
	}
	return CheckPushTo(len(s.To), s.Event, s.Message)
}

// Push appends pushes to the app's log, one for each receiver, and returns them with their positions once they are durable.
// A replayed request answers no pushes.
func (e *Engine) Push(ctx context.Context, s Send) ([]*Push, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	op := Op{App: s.App, Bytes: 256 + len(s.To)*(64+len(s.Message))}
	if s.Once != nil {
		op.Lock = append(op.Lock, ClaimKey(s.App, "once", s.Once.claim()))
	}
	op.Decide = func(l *Loaded) (Effects, error) {
		cat, err := e.cats.current(l)
		if err != nil {
			return Effects{}, err
		}
		a := newAct(l, cat, cause{})
		if ans, err := a.replay(s.Once); err != nil || ans != nil {
			return Effects{}, err
		}
		for _, to := range s.To {
			a.eff.Pushes = append(a.eff.Pushes, &Push{App: s.App, To: to, Event: s.Event, Message: s.Message, JSON: s.JSON, At: l.Now})
		}
		return a.eff, a.remember(s.Once, answer{})
	}
	res, err := e.commit(ctx, op)
	return res.Effects.Pushes, err
}

// Await waits until the runs have ended or ctx is done, and returns those that ended.
func (e *Engine) Await(ctx context.Context, app AppID, ids []RunID) (ended []*Run, err error) {
	for _, id := range ids {
		ch := e.wait.add(id)
		run, err := e.store.Run(ctx, app, id)
		switch {
		case err == nil && !run.Status.Open():
			e.wait.remove(id, ch)
			ended = append(ended, run)
			continue
		case err != nil && !errors.Is(err, ErrNotFound):
			e.wait.remove(id, ch)
			return ended, err
		}
		select {
		case run := <-ch:
			ended = append(ended, run)
		case <-ctx.Done():
			e.wait.remove(id, ch)
			return ended, nil
		}
	}
	return ended, nil
}

var appIDRule = regexp.MustCompile(`^[a-z][a-z0-9-]{0,62}$`)

// SaveApp makes or changes an app. A new one gets the system structure User.
func (e *Engine) SaveApp(ctx context.Context, app App) error { return e.PutApp(ctx, app, false) }

// UserDocument is the system structure of every app's end users (contracts 5); an app may add fields of its own.
const UserDocument = `{"kind":"structure","id":"User","name":"Users","title":"{{ name }}","fields":[` +
	`{"id":"name","type":"string"},{"id":"email","type":"string","indexed":true},{"id":"role","type":"string","indexed":true},` +
	`{"id":"disabled","type":"boolean"}]}`

// revised is the next revision of a record.
func revised(old *Record, r Record, now time.Time) *Record {
	r.Rev, r.At = 1, now
	if old != nil {
		r.Rev = old.Rev + 1
	}
	return &r
}

// Update changes one record of the control plane. change gets the record there is, or nil, and gives the new one, or nil to leave
// it; it may be called again. With raise, the app's published state is what changes.
func (e *Engine) Update(ctx context.Context, app AppID, kind RecordKind, id string, raise bool, change func(old *Record, now time.Time) (*Record, error)) (*Record, error) {
	var saved *Record
	_, err := e.commit(ctx, Op{App: app, Lock: []Key{RecordKey(app, kind, id)}, Decide: func(l *Loaded) (Effects, error) {
		old, err := l.RecordForWrite(kind, id)
		if err != nil {
			return Effects{}, err
		}
		next, err := change(old, l.Now)
		if err != nil || next == nil {
			saved = old
			return Effects{}, err
		}
		next.App, next.Kind, next.ID = app, kind, id
		saved = revised(old, *next, l.Now)
		saved.Deleted = next.Deleted
		return Effects{Records: []*Record{saved}, Raise: raise}, nil
	}})
	if err != nil {
		return nil, err // it may be under way still
	}
	return saved, nil
}
