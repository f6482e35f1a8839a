package engine

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cuelight/cuelight/engine/expr"
)

// WriteKind says what a write wants.
type WriteKind string

// The kinds of write.
const (
	// WriteCreate makes a new object; an id that is taken is refused, or answered with the object there is if Reuse is set.
	WriteCreate WriteKind = "create"
	// WritePatch changes the named fields of an object (RFC 7396 on top-level fields).
	WritePatch WriteKind = "patch"
	// WriteDelete deletes an object.
	WriteDelete WriteKind = "delete"
)

// Write is a wish to change one object. Engine.Write carries it out together with the runs that it starts.
type Write struct {
	App       AppID
	Kind      WriteKind
	Structure string
	// ID is the object's id; a create may leave it empty for an automatic one.
	ID string
	// Fields are the values to set, by field id; null clears.
	Fields map[string]json.RawMessage
	// IfVersion, when not 0, must be the object's version.
	IfVersion int64
	// Silent writes without an event: no scenario runs for it.
	Silent bool
	// Reuse makes a create of a taken id answer the object there is, unchanged.
	Reuse bool
	// Who writes, for created_by and changed_by; User is set when it is an end user.
	Who  string
	User string
	// Once makes the write safe to repeat.
	Once *Once
}

// Written is what became of a write.
type Written struct {
	// ID is the object's id, also where the object is gone.
	ID     string
	Object *Object
	// Version is the object's version after this write; of a replayed one it may be older than Object, which is how the object is now.
	Version int64
	// Created says that the object is new.
	Created bool
	// Runs are the runs that it started, candidates too.
	Runs []RunID
	// Replayed says that the answer is that of an earlier request with the same key.
	Replayed bool
	// Change is the number of the change, 0 where nothing changed or the answer is a replay.
	Change int64
	// change is where the store puts it.
	change *Change
}

// numbered is the write with the number that its change has got by the commit.
func (w Written) numbered() Written {
	if w.change != nil {
		w.Change = w.change.Seq
	}
	return w
}

// decideWrite is the decision of an API write.
func (a *act) decideWrite(w Write) (Written, error) {
	if ans, err := a.replay(w.Once); err != nil || ans != nil {
		if ans == nil {
			return Written{}, err
		}
		o, err := a.object(w.Structure, ans.ID, false)
		return Written{ID: ans.ID, Object: o, Version: ans.Version, Created: ans.Created, Runs: ans.Runs, Replayed: true}, err
	}
	s := a.cat.structures[w.Structure]
	if s == nil {
		return Written{}, a.cat.noStructure(w.Structure)
	}
	values, err := s.parseFields(w.Fields)
	if err != nil {
		return Written{}, err
	}
	out, err := a.write(change{structure: s, kind: w.Kind, id: w.ID, set: values, ifVersion: w.IfVersion, silent: w.Silent, reuse: w.Reuse})
	if err != nil {
		return Written{}, err
	}
	ans := answer{Created: out.Created, Runs: out.Runs}
	if out.Object != nil {
		ans.ID, ans.Version = out.Object.ID, out.Object.Version
		out.ID, out.Version = ans.ID, ans.Version
	}
	return out, a.remember(w.Once, ans)
}

// parseFields reads the fields of a request; its error lists all that are wrong.
func (s *Structure) parseFields(fields map[string]json.RawMessage) (Values, error) {
	values := make(Values, len(fields))
	var errs []FieldError
	for name, raw := range fields {
		f := s.Field(name)
		if f == nil {
			if slices.Contains(builtIn, name) {
				errs = append(errs, FieldError{Path: name, Code: "READ_ONLY", Message: "is set by the server"})
				continue
			}
			errs = append(errs, FieldError{Path: name, Code: "UNKNOWN_FIELD", Message: fmt.Sprintf("%s has no such field%s", s.ID, s.suggest(name))})
			continue
		}
		v, err := f.parse(raw)
		if err != nil {
			errs = append(errs, fieldError(name, "TYPE", err))
			continue
		}
		values[name] = v
	}
	if len(errs) > 0 {
		slices.SortFunc(errs, func(x, y FieldError) int { return strings.Compare(x.Path, y.Path) })
		return nil, &InvalidError{Fields: errs}
	}
	return values, nil
}

// change is one write to one object inside a decision; its values are typed already.
type change struct {
	structure *Structure
	kind      WriteKind
	id        string
	set       Values
	ifVersion int64
	silent    bool
	reuse     bool
}

// write applies a change: the object, its claims, its change row and, unless silent, the runs that it starts.
func (a *act) write(c change) (Written, error) {
	s := c.structure
	if c.id != "" && !objectIDRule.MatchString(c.id) {
		return Written{}, invalid("id", "ID", "must be 1 to 64 of the characters A-Z a-z 0-9 . _ ~ @ : -")
	}
	if c.id == "" && c.kind == WriteCreate {
		c.id = a.NewID()
	}
	old, err := a.object(s.ID, c.id, true)
	if err != nil {
		return Written{}, err
	}
	if err := c.admissible(old); err != nil {
		return Written{}, err
	}
	if old != nil && c.kind == WriteCreate {
		return Written{Object: old}, nil
	}
	if err := c.losesNothing(old); err != nil {
		return Written{}, err
	}
	before, err := s.decodeOf(old)
	if err != nil {
		return Written{}, err
	}
	after, err := a.after(c, before, old == nil)
	if err != nil {
		return Written{}, err
	}
	fields := s.differing(before, after)
	if old != nil && c.kind == WritePatch && len(fields) == 0 {
		return Written{Object: old}, nil
	}
	if err := a.settleUnique(s, c.id, before, after, fields); err != nil {
		return Written{}, err
	}
	next, err := a.next(c, old, after, fields)
	if err != nil {
		return Written{}, err
	}
	ch := a.record(c, old, next, fields)
	out := Written{Object: next, Created: old == nil, change: ch}
	if c.silent {
		return out, nil
	}
	out.Runs, err = a.match(s, ch, image{old, before}, image{next, after})
	return out, err
}

// admissible refuses a change that does not fit the object that is there.
func (c change) admissible(old *Object) error {
	if c.kind == WriteCreate {
		if old != nil && !c.reuse {
			return &InvalidError{Conflict: true, Fields: []FieldError{{Path: "id", Code: "TAKEN", Message: "an object with this id exists"}}}
		}
		return nil
	}
	if old == nil {
		return coded(ErrNotFound, "OBJECT_NOT_FOUND", "%s has no object with this id", c.structure.ID)
	}
	if c.ifVersion != 0 && c.ifVersion != old.Version {
		return coded(ErrVersion, "VERSION", "the object is at version %d", old.Version)
	}
	return nil
}

func (s *Structure) decodeOf(o *Object) (Values, error) {
	if o == nil {
		return nil, nil
	}
	return s.Decode(o.Data)
}

// after computes the object's new values, nil for a deletion.
func (a *act) after(c change, before Values, isNew bool) (Values, error) {
	if c.kind == WriteDelete {
		return nil, nil
	}
	after := make(Values, len(before)+len(c.set))
	maps.Copy(after, before)
	var errs []FieldError
	for name, v := range c.set {
		v, err := c.structure.fitted(name, v)
		if err != nil {
			errs = append(errs, fieldError(name, "TYPE", err))
			continue
		}
		if v == nil {
			delete(after, name)
			continue
		}
		after[name] = v
	}
	for i := range c.structure.Fields {
		f := &c.structure.Fields[i]
		_, named := c.set[f.ID]
		if isNew && !named && f.Default != nil {
			v, err := a.defaultOf(f)
			if isNeed(err) {
				return nil, err
			}
			if err != nil {
				wrong := fieldError(f.ID, "DEFAULT", fmt.Errorf("its default gives no value: %w", err))
				wrong.Code = "DEFAULT"
				errs = append(errs, wrong)
			}
			after[f.ID] = v
		}
		if isNew && f.Auto != "" {
			if err := a.number(c.structure, f, after); err != nil {
				return nil, err
			}
		}
		if v := after[f.ID]; f.Required && (v == nil || v == "") {
			errs = append(errs, FieldError{Path: f.ID, Code: "REQUIRED", Message: "must have a value"})
		}
	}
	missing, err := a.missingLinks(c.structure, before, after)
	if err != nil {
		return nil, err
	}
	if errs = append(errs, missing...); len(errs) > 0 {
		return nil, &InvalidError{Fields: errs}
	}
	return after, nil
}

// defaultOf evaluates a field's default for a new object.
func (a *act) defaultOf(f *Field) (any, error) {
	env := expr.Env{Now: a.now(), Zone: a.cat.zone}
	if f.given != nil {
		env.Names = map[string]any{"app": map[string]any{"id": string(a.app)}, "user": nil}
		if s := a.cat.structures[UserStructure]; s != nil && a.cause.User != "" {
			user, err := a.object(UserStructure, a.cause.User, false)
			if err != nil {
				return nil, err
			}
			names, err := s.env(user)
			if err != nil {
				return nil, err
			}
			env.Names["user"] = orNil(names)
		}
	}
	return f.defaultFor(env)
}

// number gives the next auto number, or raises the counter past a number that the writer named.
func (a *act) number(s *Structure, f *Field, after Values) error {
	id := s.ID + "." + f.ID
	n, err := a.counter(id)
	if err != nil {
		return err
	}
	if given, ok := after[f.ID].(string); ok {
		if k := f.numberIn(given); k > n {
			a.setCounter(id, k, time.Time{})
		}
		return nil
	}
	a.setCounter(id, n+1, time.Time{})
	after[f.ID] = f.numbered(n + 1)
	return nil
}

// numberIn reads the number out of a text of the field's own form, or gives 0.
func (f *Field) numberIn(text string) int64 {
	at := autoRule.FindStringIndex(f.Auto)
	prefix, suffix := f.Auto[:at[0]], f.Auto[at[1]:]
	if !strings.HasPrefix(text, prefix) || !strings.HasSuffix(text, suffix) || len(text) < len(prefix)+len(suffix) {
		return 0
	}
	n, err := strconv.ParseInt(text[len(prefix):len(text)-len(suffix)], 10, 64)
	if err != nil || n > maxSafe {
		return 0
	}
	return n
}

func (s *Structure) differing(before, after Values) []string {
	var fields []string
	for i := range s.Fields {
		if id := s.Fields[i].ID; !same(before[id], after[id]) {
			fields = append(fields, id)
		}
	}
	slices.Sort(fields)
	return fields
}

// next is the object's new row.
func (a *act) next(c change, old *Object, after Values, fields []string) (*Object, error) {
	next := &Object{App: a.app, Structure: c.structure.ID, ID: c.id, Version: 1, CreatedAt: a.now(), CreatedBy: a.cause.Who}
	if old != nil {
		*next = *old
		next.Version++
	}
	next.ChangedAt, next.ChangedBy, next.Index = a.now(), a.cause.Who, nil
	if c.kind == WriteDelete {
		next.Deleted = true
		next.Index = []IndexValue{}
		a.setObject(next)
		return next, nil
	}
	data, err := c.structure.Encode(after)
	if err != nil {
		return nil, err
	}
	if len(data) > MaxObject {
		return nil, &CodedError{Kind: ErrInvalid, Code: "OBJECT_SIZE", Limit: "object_bytes", Message: fmt.Sprintf("an object may hold at most %d bytes", MaxObject)}
	}
	next.Data = data
	if old == nil || slices.ContainsFunc(fields, func(name string) bool { return c.structure.Field(name).keepsIndex() }) {
		next.Index = c.structure.Index(after)
	}
	a.setObject(next)
	return next, nil
}

// record adds the change row.
func (a *act) record(c change, old, next *Object, fields []string) *Change {
	ch := &Change{
		App: a.app, Structure: c.structure.ID, Object: c.id, Kind: Changed, Version: next.Version,
		After: next.Data, Fields: fields, Who: a.cause.Who, User: a.cause.User, Chain: a.cause.Chain, Depth: a.cause.Depth, Silent: c.silent, At: a.now(),
	}
	if a.cause.Run != nil {
		ch.Run = a.cause.Run.ID
	}
	switch {
	case old == nil:
		ch.Kind = Created
	case next.Deleted:
		ch.Kind, ch.Before, ch.After = Deleted, old.Data, nil
	default:
		ch.Before = old.Data
	}
	a.eff.Changes = append(a.eff.Changes, ch)
	return ch
}
