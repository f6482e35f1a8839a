package engine

import (
	"context"
	"time"
)

// PageBytes bounds what one list of a Store reads: a page ends with the row that passes it, however many rows were asked for.
const PageBytes = 4 << 20

// Sized rows know about what they weigh in bytes.
type Sized interface{ Size() int }

// Size is about what the object weighs.
func (o *Object) Size() int { return len(o.Data) }

// Size is about what the change weighs.
func (c *Change) Size() int { return len(c.Before) + len(c.After) }

// Size is about what the record weighs.
func (r *Record) Size() int { return len(r.Body) }

// Size is about what the line of the log weighs.
func (s *StepRecord) Size() int { return len(s.Settings) + len(s.Output) + len(s.Error) }

// Full says whether a page ended because of its bounds: there may be more rows behind it.
func Full[T Sized](page []T, limit int) bool {
	bytes := 0
	for _, row := range page {
		bytes += row.Size()
	}
	return len(page) >= limit || bytes >= PageBytes
}

// Store keeps everything, in SQLite or PostgreSQL. It is safe for concurrent use; Commit is called by as many goroutines at a time
// as Committers says. Reads see only what was committed. Errors match ErrNotFound where one thing was asked for and is not there.
type Store interface {
	// Committers is how many batches may be committed at a time, at least 1. Ops of one app always go to the same committer.
	Committers() int
	// Commit carries out ops in one transaction, in order, each seeing what its predecessors left; it answers each op.
	// An op that is refused leaves no trace and does not touch the others. When it returns, what has no error is durable.
	// It never leaves an outcome unknown; it may therefore take as long as the database is away. It fails ops with
	// ErrUnavailable when ctx ends before the outcome of a transaction that was not yet sent is known.
	Commit(ctx context.Context, ops []Op) []Result

	// Catalogue returns the number of an app's published state and the records of the given kinds, read in one snapshot.
	Catalogue(ctx context.Context, app AppID, kinds ...RecordKind) (int64, []*Record, error)
	// Record returns one document of the control plane.
	Record(ctx context.Context, app AppID, kind RecordKind, id string) (*Record, error)
	// Records lists documents of a kind by id after a given one, at most limit and PageBytes (see Full); owner "" means any.
	Records(ctx context.Context, app AppID, kind RecordKind, owner, after string, limit int) ([]*Record, error)

	// Object returns one object.
	Object(ctx context.Context, app AppID, structure, id string) (*Object, error)
	// Objects returns a page of objects, of at most PageBytes.
	Objects(ctx context.Context, q ObjectQuery) (ObjectPage, error)
	// Change returns one change.
	Change(ctx context.Context, app AppID, seq int64) (*Change, error)
	// Changes lists changes after a cursor in an order in which no change can appear behind a cursor that was given out, at most limit
	// and PageBytes.
	Changes(ctx context.Context, app AppID, after ChangeCursor, limit int) ([]*Change, ChangeCursor, error)
	// ObjectChanges lists the changes of one object, newest first, at most limit and PageBytes (see Full). Only those with a number
	// below before; 0 means any.
	ObjectChanges(ctx context.Context, app AppID, structure, object string, before int64, limit int) ([]*Change, error)

	// Run returns one run.
	Run(ctx context.Context, app AppID, id RunID) (*Run, error)
	// Runs lists runs, newest first, without their State.
	Runs(ctx context.Context, q RunQuery) ([]*Run, error)
	// Steps lists the log of a run by seq after a given one, at most limit and PageBytes (see Full).
	Steps(ctx context.Context, app AppID, run RunID, after int64, limit int) ([]*StepRecord, error)
	// Values returns what is kept beside a run's state.
	Values(ctx context.Context, app AppID, run RunID) ([]*RunValue, error)

	// PushHead returns the end of an app's push log and its epoch.
	PushHead(ctx context.Context, app AppID) (PushHead, error)
	// Pushes lists pushes by position after a given one; those before since are left out when since is not zero.
	Pushes(ctx context.Context, app AppID, after int64, since time.Time, limit int) ([]Push, error)

	// PushesOf lists the pushes of a run that are still in the log, by position.
	PushesOf(ctx context.Context, app AppID, run RunID) ([]Push, error)
	// DeliveriesOf sums over all nodes what became of a run's pushes, by seq.
	DeliveriesOf(ctx context.Context, app AppID, run RunID) ([]Delivery, error)
	// PushTail returns the end of an app's push log, read in one snapshot: what a node's ring is filled with at start. Of the newest pushes
	// it gives at most limit, and no more than have size bytes of events and messages together; it holds no more than these in memory.
	PushTail(ctx context.Context, app AppID, since time.Time, limit, size int) (PushTail, error)

	// TakeOver gives every ready run that no living node owns to node, raising its epoch, and returns how many it took.
	TakeOver(ctx context.Context, node string) (int, error)
	// Owned lists the ready runs of a node by app, scenario and id after a given place.
	Owned(ctx context.Context, node string, after OwnedPlace, limit int) ([]*Run, error)
	// Due lists waiting runs that are due before a time, soonest first.
	Due(ctx context.Context, before time.Time, limit int) ([]*Run, error)
	// Backlog counts the open runs of an app's scenarios.
	Backlog(ctx context.Context, app AppID) (map[string]Backlog, error)
	// OpenVersions lists the versions by which open runs of an app go, each once, by scenario and number, at most limit.
	OpenVersions(ctx context.Context, app AppID, limit int) ([]ScenarioVersion, error)
	// Prune deletes a slice of what is older than the policy says and returns how many rows went; 0 means that nothing is left to prune.
	// A store may keep rows longer to drop many at once, which count as one.
	Prune(ctx context.Context, p Retention) (int, error)

	// Ping says whether the store answers.
	Ping(ctx context.Context) error
	// Close ends it; no other call may be running.
	Close() error
}

// Retention says what may be forgotten. Zero times keep everything.
type Retention struct {
	Now     time.Time
	Runs    time.Time // whose ForgetAt lies before
	Changes time.Time
	Claims  time.Time // lapsed before
	Pushes  time.Time
	Commits time.Time // transaction marks
	// Deliveries go with their run; this is for those that came when it was gone already, by when they were first written.
	Deliveries time.Time
	MaxRows    int
	KeepRuns   int // at most this many finished runs of one scenario; 0 means any number
	// KeepChanges and KeepClaims bound, per app, changes that are older than an hour and claims that lapse; 0 means any number. A younger
	// change may still be read by a run that has not copied what it needs.
	KeepChanges, KeepClaims int
}

// ChangeCursor is a place in the feed of changes: by transaction, then by number.
type ChangeCursor struct {
	Tx  int64 `json:"tx"`
	Seq int64 `json:"seq"`
}

// ScenarioVersion names one version of a scenario.
type ScenarioVersion struct {
	Scenario string
	Number   int64
}

// RunQuery asks for runs, newest first.
type RunQuery struct {
	App      AppID
	Scenario string    // "" means any
	Status   RunStatus // "" means any
	Object   string    // "" means any
	Parent   RunID     // "" means any
	Change   int64     // that caused them; 0 means any
	Before   RunID     // "" starts at the newest
	Limit    int
}
