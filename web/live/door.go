package live

import (
	"context"
	"time"

	"github.com/cuelight/cuelight/engine"
)

// Log is the push log as this package reads it. Its methods are called concurrently.
type Log interface {
	// PushHead gives the end of the app's log.
	PushHead(ctx context.Context, app engine.AppID) (engine.PushHead, error)
	// Pushes gives at most limit pushes whose position is greater than after, in position order and without a hole.
	Pushes(ctx context.Context, app engine.AppID, after int64, limit int) ([]engine.Push, error)
	// RecentPushes gives the end of the log with which a ring is filled, read in one snapshot.
	RecentPushes(ctx context.Context, app engine.AppID, w Window) (Recent, error)
}

// Window says how far back a ring reaches: the newest pushes until one of the bounds is passed.
type Window struct {
	Since  time.Time
	Pushes int
	Bytes  int
}

// Recent is the end of an app's push log.
type Recent struct {
	Head engine.PushHead
	// Pushes lie inside the window, in position order, without a hole up to Head.Pos. Empty when the newest push is older than the window.
	Pushes []engine.Push
	// Last holds by receiver (a user id or engine.Everybody) the position of the newest push that is older than Pushes. It may leave out
	// receivers whose position is not greater than Floor.
	Last map[string]int64
	// Floor is the greatest position of which the log no longer knows the receiver; 0 when it still has every push.
	Floor int64
}

// Door says who may come in.
type Door interface {
	// Admit finds the visitor that an app id and a session token stand for; session is empty for a guest. A *Refusal is shown to the client
	// as connect_error; on any other error the transport is closed, so that the client tries again by itself.
	Admit(ctx context.Context, app engine.AppID, session, origin string) (Visitor, error)
}

// Visitor is who opened a socket.
type Visitor struct {
	App engine.AppID
	// User is empty for a guest.
	User engine.UserID
	// Session is the id of the session, by which it is revoked; it is not the token.
	Session string
}

// The codes of a Refusal, which clients find in the data.code of a connect_error.
const (
	CodeAppUnknown     = "app_unknown"
	CodeSessionExpired = "session_expired"
	CodeOriginRefused  = "origin_refused"
	CodeTooMany        = "too_many"
)

// Refusal is the answer to a client that may not come in.
type Refusal struct {
	Code, Message string
	// Limit names the limit that was passed, where Code is CodeTooMany.
	Limit string
}

// Error is the message that the client sees.
func (r *Refusal) Error() string { return r.Message }

// Limits bounds what clients can use. A zero field means its default.
type Limits struct {
	Sockets        int           // of this process, 10,000
	AppSockets     int           // of one app on this node, 5,000
	UserSockets    int           // of one user on this node, 20
	IPSockets      int           // of one address (IPv6: one /64), 2,000
	IPHalfOpen     int           // of one address before CONNECT, 500
	IPHandshakes   int           // of one address per second, 200; ten times as many in a burst
	Messages       int           // from one socket per second, 20; twice as many in a burst
	MessageBytes   int           // of one message or one polling body, 64 KiB
	Admissions     int           // questions to the Door at one time, 64
	AdmitTimeout   time.Duration // for one such question and for the log to answer, 5 s
	ConnectTimeout time.Duration // from the handshake to CONNECT, 10 s
	PingInterval   time.Duration // 25 s
	PingTimeout    time.Duration // 20 s
	WriteStall     time.Duration // after which a reader that does not read is closed, 10 s
	BatchBytes     int           // written to a socket at a time, 64 KiB
	Window         time.Duration // of replay, 2 min
	RingPushes     int           // of one app, 20,000
	RingBytes      int           // of one app, 16 MiB
}

func (l Limits) withDefaults() Limits {
	for _, n := range []struct {
		field *int
		value int
	}{
		{&l.Sockets, 10_000},
		{&l.AppSockets, 5_000},
		{&l.UserSockets, 20},
		{&l.IPSockets, 2_000},
		{&l.IPHalfOpen, 500},
		{&l.IPHandshakes, 200},
		{&l.Messages, 20},
		{&l.MessageBytes, 64 << 10},
		{&l.Admissions, 64},
		{&l.BatchBytes, 64 << 10},
		{&l.RingPushes, 20_000},
		{&l.RingBytes, 16 << 20},
	} {
		if *n.field == 0 {
			*n.field = n.value
		}
	}
	for _, d := range []struct {
		field *time.Duration
		value time.Duration
	}{
		{&l.AdmitTimeout, 5 * time.Second},
		{&l.ConnectTimeout, 10 * time.Second},
		{&l.PingInterval, 25 * time.Second},
		{&l.PingTimeout, 20 * time.Second},
		{&l.WriteStall, 10 * time.Second},
		{&l.Window, 2 * time.Minute},
	} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
	return l
}
