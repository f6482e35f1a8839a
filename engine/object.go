package engine

import (
	"encoding/json"
	"time"
)

// Object is one record of a structure.
type Object struct {
	App       AppID
	Structure string
	ID        string
	// Version is 1 when created and grows by 1 with each write.
	Version int64
	// Data is the fields as a JSON object, keys sorted, without the built-in ones.
	Data      json.RawMessage
	CreatedAt time.Time
	ChangedAt time.Time
	CreatedBy string
	ChangedBy string
	Deleted   bool
	// Index is the whole new set of the object's rows in object_values; nil means that none of them changed.
	Index []IndexValue
}

func (o *Object) reindexed() bool { return o.Index != nil }

// IndexValue is one indexed value of an object (design 9): a number or a date in Num, everything else as sortable text in Text. A list has
// one for each of its elements.
type IndexValue struct {
	Field string
	// Item is the place of an element in its list, 0 for what is no list.
	Item int
	Num  *int64
	Text string
}

// ChangeKind says what a change did.
type ChangeKind string

// The kinds of change.
const (
	Created ChangeKind = "created"
	Changed ChangeKind = "changed"
	Deleted ChangeKind = "deleted"
)

// Change is one committed write, immutable.
type Change struct {
	App AppID
	// Seq is unique and growing but not gapless; see Store.Changes for how a reader stays behind open transactions.
	Seq       int64
	Structure string
	Object    string
	Kind      ChangeKind
	Version   int64
	// Before and After are the object's data; Before is nil when it was created, After when it was deleted.
	Before, After json.RawMessage
	// Fields are the names of the fields that really differ, sorted.
	Fields []string
	// Who wrote it: a user or account id, a token's name, or empty for a step; Run is then the run.
	Who string
	Run RunID
	// User is the end user who caused it, by himself or by what started the run; empty for none.
	User string
	// Chain is the id of the first cause of a chain of runs, Depth how far down this change is.
	Chain  string
	Depth  int
	Silent bool
	Op     OpID
	At     time.Time
}
