package engine

import (
	"encoding/json"
	"time"
)

// RunStatus is where a run stands.
type RunStatus string

// The statuses of a run. The first four are open.
const (
	// RunReady runs are being advanced by the node that owns them; they hold their lane and their permit if they need one.
	RunReady RunStatus = "ready"
	// RunQueued runs wait for their lane, or hold it and wait for a permit.
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
	// Permit is where the run stands among those of its scenario, where it has max_concurrent.
	Permit PermitStatus
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
