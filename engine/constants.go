package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/cuelight/cuelight/engine/expr"
)

// RecordConstant is the kind of record that keeps a constant.
const RecordConstant RecordKind = "constant"

// Constant is a value of an app that every expression reads as const.<id>.
type Constant struct {
	ID    string          `json:"id"`
	Value json.RawMessage `json:"value"`
	Notes string          `json:"notes,omitempty"`
}

// Bounds of constants (contracts 7).
const (
	MaxConstants      = 1000     // of an app
	MaxConstantBytes  = 16 << 10 // of a value, as JSON
	MaxConstantsBytes = 1 << 20  // of all of them: they lie in memory
	maxNotes          = 2000
)

var itemIDRule = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{0,62}$`)

// errItemID says what the id of a constant or a secret has to be: expressions name it.
var errItemID = FieldError{Path: "id", Code: "NAME", Message: "must start with a letter and hold only letters, digits and _, at most 63"}

// nouns are what the scenarios of an app may name.
type nouns struct {
	structures map[string]*Structure
	constants  map[string]expr.Type
	secrets    map[string]bool
}

// ParseConstant reads the document of a constant.
func ParseConstant(doc []byte) (Constant, error) {
	var in struct {
		Kind  string          `json:"kind"`
		ID    string          `json:"id"`
		Value json.RawMessage `json:"value"`
		Notes string          `json:"notes"`
	}
	if err := decodeStrict(doc, &in); err != nil {
		return Constant{}, err
	}
	if in.Kind != "" && in.Kind != string(RecordConstant) {
		return Constant{}, invalid("kind", "KIND", "must be constant")
	}
	c := Constant{ID: in.ID, Value: in.Value, Notes: in.Notes}
	_, err := c.read()
	return c, err
}

// read checks a constant and gives its value as expressions see it.
func (c Constant) read() (any, error) {
	var errs []FieldError
	if !itemIDRule.MatchString(c.ID) {
		errs = append(errs, errItemID)
	}
	if len(c.Notes) > maxNotes {
		errs = append(errs, overLimit("notes", "notes_bytes", "may be at most %d bytes long", maxNotes))
	}
	if len(c.Value) > MaxConstantBytes {
		errs = append(errs, overLimit("value", "constant_bytes", "may be at most %d bytes long", MaxConstantBytes))
	}
	if len(errs) > 0 {
		return nil, &InvalidError{Fields: errs}
	}
	var raw any
	if len(c.Value) == 0 || unmarshalNumbers(c.Value, &raw) != nil || raw == nil {
		return nil, invalid("value", "REQUIRED", "must be a text, a number, true, false, a list or a map")
	}
	v, err := expr.FromJSON(raw, expr.Any)
	if err != nil {
		return nil, invalid("value", "TYPE", "%s", err)
	}
	return v, nil
}

// constantType is what expressions may do with a constant.
func constantType(v any) expr.Type {
	switch v.(type) {
	case string:
		return expr.Type{Kind: expr.KindString}
	case int64:
		return expr.Type{Kind: expr.KindInt}
	case expr.Decimal:
		return expr.Type{Kind: expr.KindDecimal}
	case bool:
		return expr.Type{Kind: expr.KindBool}
	}
	return expr.Any
}

// PutConstant makes or changes a constant and says whether it is new. rev, when not 0, must be its revision. The type of one that published
// scenarios or runs that go on read stays as it is.
func (e *Engine) PutConstant(ctx context.Context, app AppID, c Constant, rev int64) (saved *Record, created bool, err error) {
	value, err := c.read()
	if err != nil {
		return nil, false, err
	}
	body, err := marshal(c)
	if err != nil {
		return nil, false, err
	}
	err = e.asOf(ctx, app, func(cat *catalogue) (err error) {
		var older olderReaders
		if cat.retypes(c.ID, value) {
			if older, err = e.olderReaders(ctx, cat, "const", c.ID); err != nil {
				return err
			}
		}
		saved, created, err = e.putConstant(ctx, app, constantWrite{Constant: c, value: value, body: body, rev: rev, older: older})
		return err
	})
	return saved, created, err
}

// constantWrite makes or changes a constant.
type constantWrite struct {
	Constant
	value any
	body  []byte
	rev   int64
	// older are found out only for a constant that changes its type.
	older olderReaders
}

// retypes says that a constant has a value of another type.
func (c *catalogue) retypes(id string, value any) bool {
	was, known := c.constants[id]
	return known && constantType(was).Kind != constantType(value).Kind
}

func (e *Engine) putConstant(ctx context.Context, app AppID, c constantWrite) (saved *Record, created bool, err error) {
	return e.putItem(ctx, app, itemWrite{kind: RecordConstant, id: c.ID, rev: c.rev, limit: "constants_per_app", most: MaxConstants, decide: func(cat *catalogue, old *Record) ([]byte, error) {
		if old != nil && cat.retypes(c.ID, c.value) {
			if err := cat.unread("value", "its type can not change while", "const", c.ID, c.older); err != nil {
				return nil, err
			}
		}
		if old == nil || !bytes.Equal(old.Body, c.body) {
			if cat.constantBytes+len(c.body) > MaxConstantsBytes {
				return nil, &InvalidError{Conflict: true, Fields: []FieldError{overLimit("value", "constants_bytes", "the constants of an app may take at most %d bytes together", MaxConstantsBytes)}}
			}
		}
		return c.body, nil
	}})
}

// DeleteConstant takes away a constant that no published scenario and no run that goes on reads. rev, when not 0, must be its revision.
func (e *Engine) DeleteConstant(ctx context.Context, app AppID, id string, rev int64) error {
	return e.deleteItem(ctx, app, itemDeletion{kind: RecordConstant, root: "const", id: id, rev: rev})
}

// itemWrite makes or changes a constant or a secret.
type itemWrite struct {
	kind RecordKind
	id   string
	rev  int64
	// limit is the name of the bound most of items of this kind in an app.
	limit string
	most  int
	// decide gives the record's new body.
	decide func(cat *catalogue, old *Record) ([]byte, error)
}

// savedItem is a record as it was saved.
type savedItem struct {
	record  *Record
	created bool
}

func (e *Engine) putItem(ctx context.Context, app AppID, w itemWrite) (saved *Record, created bool, err error) {
	res, err := e.commit(ctx, Op{App: app, Lock: []Key{RecordKey(app, w.kind, w.id)}, Decide: func(l *Loaded) (Effects, error) {
		cat, err := e.cats.current(l)
		if err != nil {
			return Effects{}, err
		}
		old, err := l.RecordForWrite(w.kind, w.id)
		if err != nil {
			return Effects{}, err
		}
		if err := atRevision(old, w.rev); err != nil {
			return Effects{}, err
		}
		if old == nil && cat.items[w.kind] >= w.most {
			return Effects{}, &CodedError{Kind: ErrConflict, Code: "LIMIT", Limit: w.limit, Message: fmt.Sprintf("an app may have at most %d of them", w.most)}
		}
		body, err := w.decide(cat, old)
		if err != nil {
			return Effects{}, err
		}
		if old != nil && bytes.Equal(old.Body, body) {
			return Effects{Value: savedItem{old, false}}, nil
		}
		next := revised(old, Record{App: app, Kind: w.kind, ID: w.id, Body: body}, l.Now)
		return Effects{Value: savedItem{next, old == nil}, Raise: true, Records: []*Record{next}}, nil
	}})
	if err != nil {
		return nil, false, err
	}
	done := res.Effects.Value.(savedItem)
	return done.record, done.created, nil
}

func atRevision(old *Record, rev int64) error {
	if rev != 0 && (old == nil || old.Rev != rev) {
		return coded(ErrVersion, "VERSION", "it was changed meanwhile")
	}
	return nil
}

// itemDeletion takes away a constant or a secret, which expressions name root.id.
type itemDeletion struct {
	kind     RecordKind
	root, id string
	rev      int64
}

func (e *Engine) deleteItem(ctx context.Context, app AppID, d itemDeletion) error {
	return e.asOf(ctx, app, func(cat *catalogue) error {
		older, err := e.olderReaders(ctx, cat, d.root, d.id)
		if err != nil {
			return err
		}
		return e.deleteUnread(ctx, app, d, older)
	})
}

func (e *Engine) deleteUnread(ctx context.Context, app AppID, d itemDeletion, older olderReaders) error {
	_, err := e.commit(ctx, Op{App: app, Lock: []Key{RecordKey(app, d.kind, d.id)}, Decide: func(l *Loaded) (Effects, error) {
		cat, err := e.cats.current(l)
		if err != nil {
			return Effects{}, err
		}
		old, err := l.RecordForWrite(d.kind, d.id)
		switch {
		case err != nil:
			return Effects{}, err
		case old == nil:
			return Effects{}, coded(ErrNotFound, strings.ToUpper(string(d.kind))+"_NOT_FOUND", "the app has no %s of this id", d.kind)
		}
		if err := atRevision(old, d.rev); err != nil {
			return Effects{}, err
		}
		if err := cat.unread("id", "", d.root, d.id, older); err != nil {
			return Effects{}, err
		}
		gone := revised(old, *old, l.Now)
		gone.Deleted = true
		return Effects{Raise: true, Records: []*Record{gone}}, nil
	}})
	return err
}

// know adds a record of a constant or a secret to the catalogue. What can not be read is left out: scenarios that name it say so.
func (c *catalogue) know(r *Record) {
	switch r.Kind {
	case RecordConstant:
		var k Constant
		if json.Unmarshal(r.Body, &k) != nil {
			return
		}
		if v, err := k.read(); err == nil {
			c.constants[r.ID] = v
		}
		c.constantBytes += len(r.Body)
	case RecordSecret:
		c.knowSecret(r)
	}
	c.items[r.Kind]++
}

// nouns are what the app's scenarios may name.
func (c *catalogue) nouns() nouns {
	n := nouns{structures: c.structures, constants: make(map[string]expr.Type, len(c.constants)), secrets: make(map[string]bool, len(c.secrets))}
	for id, v := range c.constants {
		n.constants[id] = constantType(v)
	}
	for id := range c.secrets {
		n.secrets[id] = true
	}
	return n
}

// fill adds to the names that expressions see what is the same for all of them.
func (c *catalogue) fill(names, vars map[string]any) {
	names["vars"], names["steps"] = vars, map[string]any{}
	names["app"], names["const"] = map[string]any{"id": string(c.app.ID)}, c.constants
}

// Item is a constant or a secret as lists show it.
type Item[T any] struct {
	Value T
	Rev   int64
	At    time.Time
}

// Constants lists an app's constants by id.
func (e *Engine) Constants(ctx context.Context, app AppID) ([]Item[Constant], error) {
	_, records, err := e.store.Catalogue(ctx, app, RecordConstant)
	if err != nil {
		return nil, err
	}
	list := make([]Item[Constant], len(records))
	for i, r := range records {
		if err := json.Unmarshal(r.Body, &list[i].Value); err != nil {
			return nil, fmt.Errorf("read constant %s: %w", r.ID, err)
		}
		list[i].Rev, list[i].At = r.Rev, r.At
	}
	slices.SortFunc(list, func(a, b Item[Constant]) int { return strings.Compare(a.Value.ID, b.Value.ID) })
	return list, nil
}
