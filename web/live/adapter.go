package live

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"github.com/zishang520/socket.io/servers/socket/v3"
	"github.com/zishang520/socket.io/v3/pkg/types"
	"github.com/zishang520/socket.io/v3/pkg/utils"

	"github.com/cuelight/cuelight/engine"
)

// adapter is what is left of the library's: no rooms, no broadcast, no stored sessions, and our answer to RestoreSession.
type adapter struct {
	socket.Adapter
	srv *Server
}

type adapterBuilder struct{ srv *Server }

// New makes the adapter of a namespace: "/" or /admin.
func (b adapterBuilder) New(nsp socket.Namespace) socket.Adapter {
	a := &adapter{Adapter: socket.MakeAdapter(), srv: b.srv}
	a.Prototype(a)
	a.Construct(nsp)
	return a
}

// AddAll does nothing: nobody joins anything.
func (*adapter) AddAll(socket.SocketId, *types.Set[socket.Room]) {}

// Del does nothing.
func (*adapter) Del(socket.SocketId, socket.Room) {}

// DelAll does nothing.
func (*adapter) DelAll(socket.SocketId) {}

// PersistSession does nothing: what a client needs to come back is in its pid.
func (*adapter) PersistSession(*socket.SessionToPersist) {}

// RestoreSession is asked for every CONNECT, because the parser gives every one a pid and an offset. It authorises and sets the cursor. The
// answer is always a session with a fresh socket id (an old one's late death would take the new socket with it): under the old pid the client
// is resumed, under a new one it is fresh. A refusal is kept for the middleware.
func (a *adapter) RestoreSession(old socket.PrivateSessionId, packed string) (*socket.Session, error) {
	if a.Nsp().Name() != "/" {
		return nil, errPacket // nobody goes on in /admin; the parser lets no such CONNECT pass
	}
	var q ask
	if err := json.Unmarshal([]byte(packed), &q); err != nil {
		return nil, errPacket
	}
	c := a.srv.conn(q.Conn)
	if c == nil {
		return nil, errClosed
	}
	given, rendered, err := a.srv.admit(c, string(old), q)
	if refusal, ok := errors.AsType[*Refusal](err); ok {
		a.srv.refused(c, q, refusal)
		c.refuse(refusal)
	} else if err != nil {
		// connect_error would end a stock client's attempts; a closed transport has it try again.
		a.srv.log.Warn("socket not admitted", "app", q.App, "err", err)
		c.kill("not admitted")
	}
	sid := utils.Base64Id().GenerateId()
	if rendered {
		sid = renderedPrefix + sid
	}
	return &socket.Session{SessionToPersist: &socket.SessionToPersist{
		Sid:   socket.SocketId(sid),
		Pid:   socket.PrivateSessionId(given),
		Rooms: types.NewSet[socket.Room](),
	}}, nil
}

// renderedPrefix begins the socket id of a page whose rendered offset (data-cue-at) was honoured: it gets everything since then and need
// not fetch itself anew. The id is the one thing of a CONNECT that is ours to word and that every client can read.
const renderedPrefix = "at-"

// admit asks the door, finds the place from which the client goes on, and gives the pid for the answer.
func (s *Server) admit(c *conn, oldPid string, q ask) (given string, rendered bool, err error) {
	if q.App == "" {
		return "", false, &Refusal{Code: CodeAppUnknown, Message: "auth.app_id is missing"}
	}
	if q.Broken {
		return "", false, &Refusal{Code: CodeSessionExpired, Message: "auth.session_id is not a session"}
	}
	ctx, cancel := context.WithTimeout(s.ctx, s.limits.AdmitTimeout)
	defer cancel()
	select {
	case s.admissions <- struct{}{}:
		defer func() { <-s.admissions }()
	case <-ctx.Done():
		return "", false, ctx.Err()
	}
	began := s.revocations.now()
	v, err := s.door.Admit(ctx, engine.AppID(q.App), q.Session, c.origin)
	if err != nil {
		return "", false, err
	}
	v.App = engine.AppID(q.App) // whatever the door says, nobody gets into another app than the one it was asked about
	if v.User == engine.Everybody {
		return "", false, &Refusal{Code: CodeSessionExpired, Message: "this user can not be addressed"}
	}
	return s.place(ctx, c, v, oldPid, q, began)
}

// place joins the visitor's cursor to the tail of the app.
func (s *Server) place(ctx context.Context, c *conn, v Visitor, oldPid string, q ask, began uint64) (given string, rendered bool, err error) {
	t := s.hold(v.App)
	cur := &cursor{conn: c, tail: t, user: v.User}
	resumed, rendered, err := s.join(ctx, cur, v, oldPid, q)
	if err != nil {
		s.release(t)
		return "", false, err
	}
	if !c.admitted(v, cur) {
		t.leave(cur)
		return "", false, errClosed
	}
	// Behind admitted: a revocation either finds the connection now, or is found here.
	if s.revocations.since(began, v) {
		c.dismiss()
		t.leave(cur)
		return "", false, &Refusal{Code: CodeSessionExpired, Message: "the session was ended"}
	}
	if resumed {
		s.stats.resumed.Add(1)
		return oldPid, false, nil
	}
	return sealPid(s.key, pid{epoch: cur.epoch, app: v.App, user: v.User, pos: cur.pos.Load()}), rendered, nil
}

func (s *Server) join(ctx context.Context, cur *cursor, v Visitor, oldPid string, q ask) (resumed, rendered bool, err error) {
	if err := cur.tail.ready(ctx); err != nil {
		return false, false, err
	}
	if oldPid == noPid {
		from, err := s.reachable(ctx, cur.tail, renderedAt(v, q.At))
		if err != nil {
			return false, false, err
		}
		rendered, err = cur.tail.join(cur, from)
		return false, rendered, err
	}
	old, err := s.reachable(ctx, cur.tail, s.resumable(v, oldPid, q.Offset))
	if err != nil {
		return false, false, err
	}
	resumed, err = cur.tail.join(cur, old)
	return resumed, false, err
}

// renderedAt is the place of a page that was rendered at an offset; nil when it names none.
func renderedAt(v Visitor, at string) *pid {
	epoch, _, _ := strings.Cut(at, ".")
	pos, ok := parseOffset(epoch, at)
	if !ok || epoch == "" {
		return nil
	}
	return &pid{epoch: epoch, app: v.App, user: v.User, pos: pos}
}

// resumable says from where the visitor may go on, if the pid is one of ours for the same app and user; else nil.
func (s *Server) resumable(v Visitor, sealed, at string) *pid {
	old, ok := openPid(s.key, sealed)
	if !ok || old.app != v.App || old.user != v.User {
		return nil
	}
	// An offset may be older than the pid: a client keeps it over a fresh connect.
	if pos, ok := parseOffset(old.epoch, at); ok {
		old.pos = max(old.pos, pos)
	}
	return &old
}

// reachable gives the place back once this node's copy of the log reaches it; nil when the log itself does not.
func (s *Server) reachable(ctx context.Context, t *tail, old *pid) (*pid, error) {
	if old == nil || old.pos <= t.head() {
		return old, nil
	}
	ok, err := t.reachesTo(ctx, old.pos)
	if err != nil || !ok {
		return nil, err
	}
	return old, nil
}
