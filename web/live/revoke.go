package live

import (
	"sync"
	"time"

	"github.com/cuelight/cuelight/engine"
)

// revocations remembers the last ones for as long as an admission can take, so that none slips in between the door's answer and the moment at
// which its socket can be found.
type revocations struct {
	mu   sync.Mutex
	tick uint64
	last map[revocation]revoked
}

// revocation names a session, or all of a user.
type revocation struct {
	app     engine.AppID
	session string
	user    engine.UserID
}

type revoked struct {
	tick uint64
	at   time.Time
}

func (r *revocations) now() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.tick
}

func (r *revocations) add(v revocation, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tick++
	r.last[v] = revoked{r.tick, at}
}

// since says whether the visitor was revoked after the tick.
func (r *revocations) since(tick uint64, v Visitor) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last[revocation{app: v.App, session: v.Session}].tick > tick || r.last[revocation{app: v.App, user: v.User}].tick > tick
}

func (r *revocations) sweep(before time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for v, x := range r.last {
		if x.at.Before(before) {
			delete(r.last, v)
		}
	}
}

// Revoke closes the sockets of a session. Its clients come back by themselves, ask the Door, and see its refusal as connect_error.
func (s *Server) Revoke(app engine.AppID, session string) {
	if session != "" {
		s.revoke(revocation{app: app, session: session})
	}
}

// RevokeUser closes all sockets of a user, as when the user is disabled or deleted.
func (s *Server) RevokeUser(app engine.AppID, user engine.UserID) {
	if user != "" {
		s.revoke(revocation{app: app, user: user})
	}
}

func (s *Server) revoke(r revocation) {
	s.revocations.add(r, s.now())
	for _, c := range s.all() {
		c.mu.Lock()
		v := c.visitor
		c.mu.Unlock()
		if v.App == r.app && ((r.session != "" && v.Session == r.session) || (r.user != "" && v.User == r.user)) {
			c.kill(reasonEnded)
		}
	}
}
