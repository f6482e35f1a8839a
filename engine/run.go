package engine

import (
	"encoding/json"
	"slices"
	"time"
)

// RunStatus is where a run stands.
type RunStatus string

// The statuses of a run. The first four are open.
const (
	// RunReady runs are being advanced by the node that owns them; they hold their lane if they have one.
	RunReady RunStatus = "ready"
	// RunQueued runs wait for their lane.
	RunQueued RunStatus = "queued"
	// RunWaiting runs wait for a time: a delay or a retry.
	RunWaiting RunStatus = "waiting"
	// RunCalling runs wait for runs that they called; they keep their lane.
	RunCalling RunStatus = "calling"
	RunDone    RunStatus = "done"
	RunFailed  RunStatus = "failed"
	// RunCancelled runs were stopped by a person or with their scenario.
	RunCancelled RunStatus = "cancelled"
	// RunNotMatched is a candidate whose deferred condition proved false; it has no history and is kept an hour.
	RunNotMatched RunStatus = "not_matched"
	// RunMerged waited for its object's changes to settle when a later change's run took its place; it is kept an hour.
	RunMerged RunStatus = "merged"
)

// Open says that the run is not final.
func (s RunStatus) Open() bool {
	return s == RunReady || s == RunQueued || s == RunWaiting || s == RunCalling
}

// Run is one execution of one version of a scenario for one cause.
type Run struct {
	App      AppID
	ID       RunID
	Scenario string
	Version  int64
	// Format is the format of State; see RunFormat.
	Format int
	Status RunStatus
	// Candidate is set until the run's first op has judged the deferred part of its trigger's condition.
	Candidate bool
	Trigger   string

	// Lane is the queue in which runs take turns, empty for none; Place is the run's turn, Holds that it is its turn.
	Lane  string
	Place int64
	Holds bool
	// Started is set by the first op: a run that was woken goes before those not started.
	Started bool

	// Owner is the node that advances it; Epoch is raised by every takeover and wake; Cursor counts its committed points.
	Owner  string
	Epoch  int64
	Cursor int64
	// State is the frames, variables and step outputs as JSON; see frame.go.
	State json.RawMessage

	Structure string
	Object    string
	// Change is the number of the change that caused it, 0 for a call. Cause is that change while it is at hand.
	Change int64
	Cause  *Change
	User   string
	Chain  string
	Depth  int

	// Parent is the run that waits for this one; Pending how many a run that called is still waiting for.
	Parent  RunID
	Pending int

	DueAt      time.Time // of a waiting run
	CreatedAt  time.Time
	FinishedAt time.Time
	// ForgetAt is when a run that has ended may be forgotten.
	ForgetAt time.Time
	// hand is what the node that has the run in hand keeps in memory of it.
	hand  *hand
	Error *RunError
}

// RunFormat is the format of Run.State that this program writes.
const RunFormat = 1

// RunError says why a run failed.
type RunError struct {
	Step    string `json:"step"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

// StepRecord is one line of a run's log.
type StepRecord struct {
	App  AppID
	Run  RunID
	Seq  int64
	Step string
	Kind string
	// Status is done, failed, waiting or skipped.
	Status  string
	Attempt int
	At      time.Time
	// Settings are the evaluated settings, Output what the step yielded: JSON, together at most 64 KiB.
	Settings json.RawMessage
	Output   json.RawMessage
	Error    string
}

// RunValue is something too large for a run's state, kept beside it.
type RunValue struct {
	App   AppID
	Run   RunID
	Name  string
	Value json.RawMessage
}

// Lane is the state of a lane as the store loads it.
type Lane struct {
	// Holders are the runs whose turn it is: one at most, unless the lane has several places.
	Holders []Holder
	// Tail is the highest place among its open runs.
	Tail int64
	// Queue are the next runs in turn, at most LaneWindow; More says that there are further ones.
	Queue []*Run
	More  bool
}

// Holder is a run that holds a lane, and its object.
type Holder struct {
	Run    RunID
	Object string
}

// LaneWindow is how many queued runs of a lane a store loads with it.
const LaneWindow = 8

// compareTurn orders the runs of a lane: those that were woken first, then by place.
func compareTurn(a, b *Run) int {
	if a.Started != b.Started {
		if a.Started {
			return -1
		}
		return 1
	}
	return int(a.Place - b.Place)
}

// settle brings the lane up to a run's new state.
func (l *Lane) settle(r *Run) {
	l.Queue = slices.DeleteFunc(slices.Clone(l.Queue), func(q *Run) bool { return q.ID == r.ID })
	l.Holders = slices.DeleteFunc(slices.Clone(l.Holders), func(h Holder) bool { return h.Run == r.ID })
	switch {
	case r.Holds:
		l.Holders = append(l.Holders, Holder{r.ID, r.Object})
		l.Tail = max(l.Tail, r.Place)
	case r.Status == RunQueued:
		l.Tail = max(l.Tail, r.Place)
		at, _ := slices.BinarySearchFunc(l.Queue, r, compareTurn)
		if at == len(l.Queue) && l.More {
			return // it stands behind runs that are not loaded
		}
		l.Queue = slices.Insert(l.Queue, at, r)
	}
}

// nextInTurn is the queued run that may hold the lane now, where it has so many places, nil when none may. With inTurns no two runs of an
// object hold it: a run behind one of its own object is passed over.
func (l *Lane) nextInTurn(places int, inTurns bool) *Run {
	if len(l.Holders) >= places {
		return nil
	}
	if !inTurns {
		if len(l.Queue) == 0 {
			return nil
		}
		return l.Queue[0]
	}
	held := map[string]bool{}
	for _, h := range l.Holders {
		held[h.Object] = h.Object != ""
	}
	for _, r := range l.Queue {
		if !held[r.Object] {
			return r
		}
	}
	return nil
}

// drained says that the window is used up although there are more runs: the lane has to be loaded anew.
func (l *Lane) drained() bool { return len(l.Queue) == 0 && l.More }
