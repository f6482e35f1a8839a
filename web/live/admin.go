package live

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/zishang520/socket.io/servers/socket/v3"

	"github.com/cuelight/cuelight/engine"
)

// adminName is the name of the second namespace: the web app's, for accounts. What passes there never passes through "/".
const adminName = "/admin"

// Feed is where committed runs and scenarios are told; *engine.Feed is one.
type Feed interface {
	Watch(app engine.AppID)
	Unwatch(app engine.AppID)
	Take(app engine.AppID) engine.FeedPage
}

// Accounts says whether the login of an account still stands.
type Accounts interface {
	// Standing gives the role that the account of a session has now. An error that is engine.ErrNotFound means that the session has ended.
	Standing(ctx context.Context, session string) (role string, err error)
}

// Bounds of watching sockets on this node, and of one account.
const (
	maxWatchers        = 500
	maxAccountWatchers = 30
)

// maxTicket is more than any ticket of ours; maxLook more than any scenario's id.
const (
	maxTicket = 128
	maxLook   = 64
)

// bindAdmin opens the namespace for accounts.
func (s *Server) bindAdmin() {
	if s.accounts == nil {
		return
	}
	admin := s.io.Of(adminName, nil)
	admin.Use(s.judgeAccount)
	_ = admin.On("connection", func(args ...any) {
		if so, ok := args[0].(*socket.Socket); ok {
			s.watching(so)
		}
	})
	s.goes("live watchers", s.tellWatchers)
	s.goes("live watchers' logins", s.checkWatchers)
}

// translateAdmin rewrites a CONNECT of the namespace /admin: there is a ticket in it and nothing else, above all no pid, so that the library
// never asks RestoreSession.
func translateAdmin(body string) (string, error) {
	auth := map[string]json.RawMessage{}
	if body != "" {
		if body[0] != '{' || json.Unmarshal([]byte(body), &auth) != nil {
			return "", errPacket
		}
	}
	secret, _ := text(auth["ticket"], maxTicket)
	packed, err := json.Marshal(map[string]string{"ticket": secret})
	return "0" + adminName + "," + string(packed), err
}

// judgeAccount is the middleware of /admin: it takes the ticket and asks whether the login behind it still stands.
func (s *Server) judgeAccount(so *socket.Socket, next func(*socket.ExtendedError)) {
	refuse := func(code, message string) {
		s.stats.refused.Add(1)
		next(socket.NewExtendedError(message, map[string]any{"code": code}))
	}
	c := s.conn(so.Conn().Id())
	secret, _ := so.Handshake().Auth["ticket"].(string)
	t, ok := s.tickets.redeem(secret, s.now())
	if c == nil || !ok {
		refuse("ticket", "the ticket was used, has expired or never was")
		return
	}
	role, err := s.standing(t.Session)
	if errors.Is(err, engine.ErrNotFound) || err == nil && role != t.Role {
		refuse(CodeSessionExpired, "the login has ended")
		return
	}
	if err != nil {
		s.log.Warn("watcher not admitted", "err", err)
		refuse("unavailable", "the server can not look the login up just now")
		return
	}
	w := &watcher{conn: c, Ticket: t, stood: s.now()}
	if !s.watchers.enter(w) {
		refuse(CodeTooMany, "too many open windows watch this server")
		return
	}
	if !c.watches(w) {
		s.watchers.leave(w)
		refuse(CodeSessionExpired, "the connection has ended")
		return
	}
	next(nil)
}

// standing asks for the role of a login, within the bounds of all questions that keep a CONNECT waiting.
func (s *Server) standing(session string) (string, error) {
	ctx, cancel := context.WithTimeout(s.ctx, s.limits.AdmitTimeout)
	defer cancel()
	select {
	case s.admissions <- struct{}{}:
		defer func() { <-s.admissions }()
	case <-ctx.Done():
		return "", ctx.Err()
	}
	return s.accounts.Standing(ctx, session)
}

// watching runs when the library has sent the CONNECT packet of /admin.
func (s *Server) watching(so *socket.Socket) {
	c := s.conn(so.Conn().Id())
	if c == nil || c.watcher() == nil || c.eng.ReadyState() != "open" {
		so.Disconnect(false)
		return
	}
	w := c.watcher()
	c.slot.open()
	so.OnAny(func(args ...any) { s.onLook(w, args) })
	_ = so.On("disconnect", func(...any) { c.kill("account's page left") })
	s.watchers.begin(w)
}

// onLook takes the one thing that the web app says: which scenario is open in its builder; "" for none.
func (s *Server) onLook(w *watcher, args []any) {
	if len(args) < 2 || args[0] != "look" {
		s.stats.ignored.Add(1)
		return
	}
	scenario, _ := args[1].(string)
	if len(scenario) <= maxLook {
		s.watchers.look(w, scenario)
	}
}

// How long one question for a login may take, and how long a window stays whose login nobody could be asked for.
const (
	standingFor   = time.Second
	unansweredFor = 5 * time.Second
)

// checkWatchers asks once a second whether the logins of the watchers still stand, on whichever node they were ended: a window is dropped
// within two seconds. Where there is no answer it is dropped after five.
func (s *Server) checkWatchers() {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-s.ctx.Done():
			return
		}
		if s.watchers.n.Load() == 0 {
			continue
		}
		for session, list := range s.watchers.bySession() {
			ctx, cancel := context.WithTimeout(s.ctx, standingFor)
			role, err := s.accounts.Standing(ctx, session)
			cancel()
			for _, w := range list {
				if err == nil && role == w.Role {
					w.stood = s.now()
				} else if err == nil || errors.Is(err, engine.ErrNotFound) || s.now().Sub(w.stood) > unansweredFor {
					w.conn.kill(reasonEnded)
				}
			}
		}
	}
}
