package engine

import "time"

// Everybody is the To of a push that is meant for every device of the app.
const Everybody = "*"

// Push is one row of an app's push log: an event and a message for one user or for everybody of the app.
// Pushes of an app have gapless positions in commit order (design 7).
type Push struct {
	App AppID
	// Pos is the place in the app's push log, from 1; the store gives it inside the transaction.
	Pos int64
	// To is Everybody or the id of one user.
	To string
	// Event is the event name that clients listen for, at most 128 characters.
	Event string
	// Message is the text itself, or a JSON document when JSON is set; at most 64 KiB.
	Message string
	JSON    bool
	// Run and Seq say which step of which run sent it; Run is empty for a push by the API.
	Run RunID
	Seq int64
	// At is the time of the commit's op, in UTC with millisecond precision.
	At time.Time
}

// PushHead is the end of an app's push log.
type PushHead struct {
	// Epoch is random and renewed when a store is restored or copied, so that an offset of another life is never mistaken for one of this.
	Epoch string
	// Pos is the position of the newest push; 0 when there is none.
	Pos int64
}

// PushTail is the end of an app's push log.
type PushTail struct {
	Head PushHead
	// Pushes are the newest ones that are not older than asked for, by position, without a hole up to Head.Pos.
	Pushes []Push
	// Last holds, by receiver, the position of the newest push that is older than Pushes.
	Last map[string]int64
	// Floor is the greatest position of which the log no longer knows the receiver; 0 while it has every push.
	Floor int64
}
