package engine

import (
	"cmp"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// KeyKind says what a Key names.
type KeyKind uint8

// The kinds of key, in the order in which keys of one app are locked.
const (
	// KeyApp is the app's own row: its catalogue number. Every op peeks it without asking.
	KeyApp KeyKind = iota
	// KeyRecord is a document of the control plane: structure, scenario, version, account, token, session.
	KeyRecord
	// KeyClaim is a row of which only one can exist.
	KeyClaim
	// KeyCounter is a number that only grows.
	KeyCounter
	// KeyObject is an object; its ID is structure + "/" + object id.
	KeyObject
	// KeyLane is the queue of a lane: who holds it, who is next.
	KeyLane
	// KeyPermits are the permits of a scenario with max_concurrent: who has one, who is next.
	KeyPermits
	// KeyRun is a run.
	KeyRun
)

// Key names one row, present or absent, that an op locks or peeks.
type Key struct {
	App  AppID
	Kind KeyKind
	ID   string
}

// Compare orders keys; every store locks in this order, so that two batches never wait for each other in a circle.
func (k Key) Compare(o Key) int {
	return cmp.Or(cmp.Compare(k.App, o.App), cmp.Compare(k.Kind, o.Kind), cmp.Compare(k.ID, o.ID))
}

// ObjectKey names an object.
func ObjectKey(app AppID, structure, id string) Key {
	return Key{App: app, Kind: KeyObject, ID: structure + "/" + id}
}

// ClaimKey names a claim in a space; spaces end at the first "/" and so can hold none.
func ClaimKey(app AppID, space, key string) Key {
	return Key{App: app, Kind: KeyClaim, ID: space + "/" + key}
}

// RecordKey names a document of the control plane.
func RecordKey(app AppID, kind RecordKind, id string) Key {
	return Key{App: app, Kind: KeyRecord, ID: string(kind) + "/" + id}
}

// RunKey names a run.
func RunKey(app AppID, id RunID) Key { return Key{App: app, Kind: KeyRun, ID: string(id)} }

// LaneKey names a lane.
func LaneKey(app AppID, lane string) Key { return Key{App: app, Kind: KeyLane, ID: lane} }

// PermitsKey names the permits of a scenario.
func PermitsKey(app AppID, scenario string) Key {
	return Key{App: app, Kind: KeyPermits, ID: scenario}
}

// CounterKey names a counter.
func CounterKey(app AppID, id string) Key { return Key{App: app, Kind: KeyCounter, ID: id} }

// Op is one atomic wish handed to the store: all of its effects happen in one transaction, or none.
type Op struct {
	ID  OpID
	App AppID
	// Lock are the keys that the op may write: locked in key order, present or absent, then read.
	Lock []Key
	// Peek are keys read in the same transaction and not locked.
	Peek []Key
	// Fence, when set, must still hold; else the op is refused with ErrFenced.
	Fence *Fence
	// Decide computes the effects. It must be pure but for Loaded, must not keep or change what Loaded gives it, and may be called again.
	Decide func(*Loaded) (Effects, error)
	// Bytes is about what the op weighs in memory, for the committer's bounds.
	Bytes int
}

// Fence is what a worker knows of the run it advances. A node that lost the run can no longer write for it (design 6).
type Fence struct {
	Run    RunID
	Epoch  int64
	Cursor int64
}

// Result is what became of an op.
type Result struct {
	Effects Effects
	// Claims answers each claim that the op made, in the order of Effects.Claims: who holds it now.
	Claims []ClaimResult
	// Err is nil when the op committed; its effects are then durable. An op with an error left no trace.
	Err error
}

// ClaimResult says who holds a claim after the op.
type ClaimResult struct {
	Key   Key
	Owner string
}

// NeedError is Decide's answer when it has to see keys that it did not name; the op is decided again with the larger set.
type NeedError struct {
	Lock, Peek []Key
	// hurried says that the batch had no time to load them, which is no fault of the op.
	hurried bool
}

// Error lists how many keys are asked for.
func (n *NeedError) Error() string {
	return fmt.Sprintf("op needs %d more locked and %d more peeked keys", len(n.Lock), len(n.Peek))
}

// Loaded is what Decide may look at: the rows of the op's keys as its predecessors in the batch left them.
// It belongs to one call of Decide; what it gives out is read only.
type Loaded struct {
	// Now is the only clock of a decision: UTC, whole milliseconds.
	Now time.Time
	// Catalogue is the number of the app's published state as this transaction sees it.
	Catalogue int64

	app   AppID
	op    OpID
	ids   int
	batch *Batch
	locks map[Key]bool // true: locked, false: peeked
}

// NewID returns the op's next id, the same on every call of Decide: a UUID made of the op's own id and a counter. The op's time
// stays in front and the counter comes next, so that ids sort by time and, within an op, by the order in which they were made.
func (l *Loaded) NewID() string {
	l.ids++
	id, err := uuid.Parse(string(l.op))
	if err != nil {
		id = uuid.NewSHA1(uuid.Nil, []byte(l.op))
	}
	sum := uuid.NewSHA1(id, []byte{byte(l.ids >> 8), byte(l.ids)})
	id[8] = 0x80 | byte(l.ids>>8)&0x3f // the variant's two bits, then the counter
	id[9] = byte(l.ids)
	copy(id[10:], sum[:6])
	return id.String()
}

// Object returns the object of a key, or nil when there is none.
func (l *Loaded) Object(structure, id string) (*Object, error) {
	return loaded[*Object](l, ObjectKey(l.app, structure, id), false)
}

// ObjectForWrite is Object for one that the op will write: the key has to be locked.
func (l *Loaded) ObjectForWrite(structure, id string) (*Object, error) {
	return loaded[*Object](l, ObjectKey(l.app, structure, id), true)
}

// Claim returns who holds a claim, or nil. The key has to be locked, so that the answer still holds when the op writes.
func (l *Loaded) Claim(space, key string) (*Claim, error) {
	c, err := loaded[*Claim](l, ClaimKey(l.app, space, key), true)
	if c != nil && !c.Until.IsZero() && !c.Until.After(l.Now) {
		return nil, err
	}
	return c, err
}

// Counter returns the counter's value, 0 when it was never raised. The key has to be locked.
func (l *Loaded) Counter(id string) (int64, error) {
	c, err := loaded[*Counter](l, CounterKey(l.app, id), true)
	if c == nil {
		return 0, err
	}
	return c.N, err
}

// Run returns a run, or nil. The key has to be locked.
func (l *Loaded) Run(id RunID) (*Run, error) {
	return loaded[*Run](l, RunKey(l.app, id), true)
}

// Lane returns the state of a lane, never nil. The key has to be locked.
func (l *Loaded) Lane(lane string) (*Lane, error) {
	row, err := loaded[*Lane](l, LaneKey(l.app, lane), true)
	if row == nil && err == nil {
		row = &Lane{}
	}
	return row, err
}

// Permits returns the permits of a scenario, never nil. The key has to be locked.
func (l *Loaded) Permits(scenario string) (*Permits, error) {
	row, err := loaded[*Permits](l, PermitsKey(l.app, scenario), true)
	if row == nil && err == nil {
		row = &Permits{}
	}
	return row, err
}

// Record returns a document of the control plane, or nil.
func (l *Loaded) Record(kind RecordKind, id string) (*Record, error) {
	return loaded[*Record](l, RecordKey(l.app, kind, id), false)
}

// RecordForWrite is Record for one that the op will write.
func (l *Loaded) RecordForWrite(kind RecordKind, id string) (*Record, error) {
	return loaded[*Record](l, RecordKey(l.app, kind, id), true)
}

func loaded[T any](l *Loaded, key Key, write bool) (T, error) {
	var none T
	locked, known := l.locks[key]
	if !known || write && !locked {
		if write {
			return none, &NeedError{Lock: []Key{key}}
		}
		return none, &NeedError{Peek: []Key{key}}
	}
	row, ok := l.batch.rows[key].(T)
	if !ok {
		return none, nil
	}
	return row, nil
}

// Effects is all that an op writes.
type Effects struct {
	Objects  []*Object
	Changes  []*Change
	Runs     []*Run
	Steps    []*StepRecord
	Values   []*RunValue
	Pushes   []*Push
	Claims   []*Claim
	Counters []*Counter
	Records  []*Record
	// Tallies are what the op changes of the backlogs in memory; they are not stored.
	Tallies []Tally
	// Deliveries are added to what is counted already.
	Deliveries []*Delivery
	// Raise raises the app's catalogue number: every op that begins later sees what this one published.
	Raise bool
	// Value is what the caller of the op wants to know; it is not stored.
	Value any
}

// Counter is a number that only grows, such as the next auto number of a structure.
type Counter struct {
	App AppID
	ID  string
	N   int64
	// Until is when it lapses and is forgotten; zero means never.
	Until time.Time
}

// Claim is a row of which only one can exist. Release takes it away.
type Claim struct {
	App        AppID
	Space, Key string
	// Owner is who has it: an object id, a run id, or the stored answer of an idempotency key.
	Owner string
	// Until is when it lapses; zero means never.
	Until   time.Time
	Release bool
}

// RecordKind is the kind of a document of the control plane.
type RecordKind string

// Record is one document of the control plane. All of them lie in one table: they are few, read whole, and written by hand.
type Record struct {
	App  AppID // empty for what belongs to no app
	Kind RecordKind
	ID   string
	// Owner groups records of a kind for lists: a version's scenario, a session's user.
	Owner string
	// Rev is raised by each write and is the document's ETag.
	Rev  int64
	Body []byte // JSON
	// late, unless nil, makes the body when the op is applied, which is when its changes have their numbers.
	late func() []byte
	// Until is when the record lapses; zero means never.
	Until   time.Time
	At      time.Time
	Deleted bool
}
