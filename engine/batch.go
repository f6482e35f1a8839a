package engine

import (
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"
)

// MaxDecide is how long one batch may spend deciding; what is left over goes into the next batch (design 4).
const MaxDecide = 5 * time.Millisecond

// maxLoading is how long one batch may load keys that its ops ask for while they are decided, one after the other. From then on an op that
// asks goes into the next batch with its keys, which are loaded there together with those of all others.
const maxLoading = MaxDecide

// ErrLater is a Result's error for an op that this batch had no room for; it was not decided and is to be put back.
var ErrLater = errors.New("op was left for the next batch")

// ErrFenced is a Result's error for an op whose run has been taken by another worker, woken or ended meanwhile.
var ErrFenced = errors.New("run was taken over")

// ErrStale is Decide's answer when the app's published state in memory is older than the one the transaction sees.
var ErrStale = errors.New("catalogue is older than the store's")

// Batch is the part of a commit that is the same on every store: which keys to lock, the decisions in turn, each seeing
// what its predecessors left, and the merged rows to write. A store makes one, loads its keys with Put, calls Decide, writes
// Writes, and answers Results. It is used by one goroutine.
type Batch struct {
	now   time.Time
	clock func() time.Time
	ops   []Op
	// loading is the time that more has taken; it is not deciding.
	loading time.Duration

	catalogue map[AppID]int64
	rows      map[Key]any // newest state of every key seen; a nil value means absent
	stored    map[Key]bool
	locked    map[Key]bool
	results   []Result
	writes    Writes
	dirty     map[Key]int // index into the list of writes of its kind
}

// Writes are the merged rows of a batch: each object, run, claim, counter and record once, in its last state.
type Writes struct {
	Objects  []Row[*Object]
	Runs     []Row[*Run]
	Claims   []*Claim
	Counters []*Counter
	Records  []Row[*Record]
	Changes  []*Change
	Steps    []*StepRecord
	Values   []*RunValue
	// Pushes are in order per app; the store gives positions by this order.
	Pushes []*Push
	// Deliveries may name the same step of a run more than once.
	Deliveries []*Delivery
	// Raise lists the apps whose catalogue number is to be raised, each once.
	Raise []AppID
}

// Row is a row to write; Stored says that the store already has it, so that it is an update or a deletion.
type Row[T any] struct {
	Value  T
	Stored bool
}

// NewBatch starts a batch at the store's time now. clock measures how long deciding takes; nil means without bound.
func NewBatch(ops []Op, now time.Time, clock func() time.Time) *Batch {
	return &Batch{
		now: now.UTC().Truncate(time.Millisecond), clock: clock, ops: ops,
		catalogue: map[AppID]int64{}, rows: make(map[Key]any, 4*len(ops)), stored: map[Key]bool{}, locked: map[Key]bool{},
		results: make([]Result, len(ops)), dirty: map[Key]int{},
	}
}

// Now is the time of the batch.
func (b *Batch) Now() time.Time { return b.now }

// Apps lists the apps of the ops, sorted, each once; their catalogue numbers are to be set before Decide.
func (b *Batch) Apps() []AppID {
	var apps []AppID
	for _, op := range b.ops {
		if op.App != "" {
			apps = append(apps, op.App)
		}
	}
	slices.Sort(apps)
	return slices.Compact(apps)
}

// Keys lists every key to lock and every key only to read, each once and in key order.
func (b *Batch) Keys() (lock, peek []Key) {
	seen := map[Key]bool{}
	for _, op := range b.ops {
		for _, k := range op.Lock {
			seen[k] = true
		}
		if op.Fence != nil {
			seen[RunKey(op.App, op.Fence.Run)] = true
		}
	}
	for _, op := range b.ops {
		for _, k := range op.Peek {
			if !seen[k] {
				seen[k] = false
			}
		}
	}
	for k, locked := range seen {
		if locked {
			b.locked[k] = true
			lock = append(lock, k)
		} else {
			peek = append(peek, k)
		}
	}
	slices.SortFunc(lock, Key.Compare)
	slices.SortFunc(peek, Key.Compare)
	return lock, peek
}

// SetCatalogue tells the catalogue number of an app; an app that is not told has number 0 and so does not exist.
func (b *Batch) SetCatalogue(app AppID, number int64) { b.catalogue[app] = number }

// Put tells the stored row of a key; row is a *Object, *Run, *Claim, *Counter, *Record, *Lane or *Permits. A key that is not put is absent.
// The queued runs of a lane and of permits are put with it.
func (b *Batch) Put(key Key, row any) {
	b.rows[key] = row
	b.stored[key] = true
	var queue []*Run
	switch turn := row.(type) {
	case *Lane:
		queue = turn.Queue
	case *Permits:
		queue = turn.Queue
	}
	for _, r := range queue {
		k := RunKey(r.App, r.ID)
		if _, known := b.rows[k]; !known {
			b.rows[k] = r
			b.stored[k] = true
		}
	}
}

// Decide decides the ops in turn. more loads keys that an op asks for in the middle of the batch; it answers false where locking
// out of order is not allowed, and then the op's result is its NeedError. more may be nil. seq hands out change numbers.
func (b *Batch) Decide(more func(lock, peek []Key) bool, seq func() int64) {
	started := time.Time{}
	if b.clock != nil {
		started = b.clock()
	}
	for i := range b.ops {
		if b.clock != nil && i > 0 && b.clock().Sub(started)-b.loading > MaxDecide {
			b.results[i].Err = ErrLater
			continue
		}
		b.results[i] = b.decide(&b.ops[i], more)
		if b.results[i].Err == nil {
			b.apply(&b.ops[i], &b.results[i], seq)
		}
	}
}

func (b *Batch) decide(op *Op, more func(lock, peek []Key) bool) Result {
	if f := op.Fence; f != nil {
		run, _ := b.rows[RunKey(op.App, f.Run)].(*Run)
		if run == nil || run.Epoch != f.Epoch || run.Cursor != f.Cursor || !run.Status.Open() {
			return Result{Err: ErrFenced}
		}
	}
	locks := make(map[Key]bool, len(op.Lock)+len(op.Peek))
	for _, k := range op.Peek {
		locks[k] = false
	}
	for _, k := range op.Lock {
		locks[k] = true
	}
	if op.Fence != nil {
		locks[RunKey(op.App, op.Fence.Run)] = true
	}
	hurried := false
	for range maxNeeds + 1 {
		loaded := &Loaded{Now: b.now, Catalogue: b.catalogue[op.App], app: op.App, op: op.ID, batch: b, locks: locks}
		effects, err := decideSafely(op, loaded)
		if err == nil {
			err = b.withoutTurn(op.App, effects.Runs, locks)
		}
		need, asks := errors.AsType[*NeedError](err)
		if !asks {
			return Result{Effects: effects, Err: err}
		}
		for _, k := range need.Peek {
			if _, known := locks[k]; !known {
				locks[k] = false
			}
		}
		for _, k := range need.Lock {
			locks[k] = true
		}
		hurried = b.loading > maxLoading
		if more == nil || hurried || !b.lockMore(need, more) {
			break
		}
	}
	all := gathered(op, locks)
	all.hurried = hurried
	return Result{Err: all}
}

// withoutTurn asks for the keys of lanes and permits whose runs an op writes without having seen them: what the batch knows of a lane has
// to be all of it, or a later op would take it for free.
func (b *Batch) withoutTurn(app AppID, runs []*Run, locks map[Key]bool) error {
	var need NeedError
	for _, r := range runs {
		for _, key := range b.turnOf(app, r) {
			if !locks[key] && !slices.Contains(need.Lock, key) {
				need.Lock = append(need.Lock, key)
			}
		}
	}
	if len(need.Lock) > 0 {
		return &need
	}
	return nil
}

// turnOf are the lane and the permits that a run's new row concerns.
func (b *Batch) turnOf(app AppID, r *Run) []Key {
	was, _ := b.rows[RunKey(app, r.ID)].(*Run)
	if was == nil || r.Permit != PermitNone {
		return turnKeys(r)
	}
	return turnKeys(was)
}

// gathered is all that an op has asked for beyond what it came with: it goes with it into the next batch, so that it gets on however many
// keys it asks for.
func gathered(op *Op, locks map[Key]bool) *NeedError {
	all := &NeedError{}
	for k, locked := range locks {
		switch {
		case locked && !slices.Contains(op.Lock, k):
			all.Lock = append(all.Lock, k)
		case !locked && !slices.Contains(op.Peek, k):
			all.Peek = append(all.Peek, k)
		}
	}
	return all
}

// decideSafely turns a panic of a decision into its refusal: one wrong op must not take the others of its batch along.
func decideSafely(op *Op, l *Loaded) (eff Effects, err error) {
	defer func() {
		if r := recover(); r != nil {
			eff, err = Effects{}, fmt.Errorf("decide op %s: panic: %v\n%s", op.ID, r, debug.Stack())
		}
	}()
	return op.Decide(l)
}

// maxNeeds is how often an op may ask for more keys within one batch of a store that can answer at once. It is far above what a
// fused op of 16 steps asks for, and only there so that a decision that never stops asking is seen.
const maxNeeds = 256

func (b *Batch) unknown(keys []Key) []Key {
	var unknown []Key
	for _, k := range keys {
		if _, ok := b.rows[k]; !ok {
			unknown = append(unknown, k)
		}
	}
	return unknown
}

// lockMore loads the keys that an op asks for. One that was only peeked is read again under its lock, since another transaction may
// have changed it meanwhile; one that this batch has written is not, nobody else can see it.
func (b *Batch) lockMore(need *NeedError, more func(lock, peek []Key) bool) bool {
	var lock []Key
	peeked := map[Key]any{}
	for _, k := range need.Lock {
		if _, dirty := b.dirty[k]; dirty || b.locked[k] {
			continue
		}
		if b.stored[k] {
			peeked[k] = b.rows[k]
		}
		delete(b.rows, k)
		delete(b.stored, k)
		lock = append(lock, k)
	}
	got := b.load(more, lock, b.unknown(need.Peek))
	for _, k := range lock {
		if row, was := peeked[k]; was && !got {
			b.rows[k], b.stored[k] = row, true
		}
		b.locked[k] = b.locked[k] || got
	}
	return got
}

func (b *Batch) load(more func(lock, peek []Key) bool, lock, peek []Key) bool {
	if b.clock == nil {
		return more(lock, peek)
	}
	began := b.clock()
	defer func() { b.loading += b.clock().Sub(began) }()
	return more(lock, peek)
}

// Writes are the rows to write after Decide.
func (b *Batch) Writes() *Writes { return &b.writes }

// Results answers each op, in the order of the ops. Positions of pushes are in them once the store has set them in Writes.
func (b *Batch) Results() []Result { return b.results }

// CatalogueOf is the catalogue number of an app after the batch's own raises.
func (b *Batch) CatalogueOf(app AppID) int64 { return b.catalogue[app] }
