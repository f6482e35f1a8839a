package live

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"sync"
	"time"

	"github.com/cuelight/cuelight/engine"
)

// Bounds of tickets: how long one is good, how many wait on this node, and how many of one account.
const (
	ticketTime        = 30 * time.Second
	maxTickets        = 1000
	maxAccountTickets = 20
)

// tickets are those that were given out and not used yet. Only the SHA-256 of a ticket is kept.
type tickets struct {
	mu  sync.Mutex
	all map[[sha256.Size]byte]ticket
}

type ticket struct {
	engine.Ticket
	until time.Time
}

// Ticket gives the secret with which an account's page may connect to /admin once, within half a minute, on this node. False: too many wait.
func (s *Server) Ticket(t engine.Ticket) (secret string, ok bool) {
	raw := make([]byte, 32)
	_, _ = rand.Read(raw) // never fails (crypto/rand)
	secret = base64.RawURLEncoding.EncodeToString(raw)
	now := s.now()
	q := &s.tickets
	q.mu.Lock()
	defer q.mu.Unlock()
	own := 0
	for key, old := range q.all {
		switch {
		case !now.Before(old.until):
			delete(q.all, key)
		case old.Account == t.Account:
			own++
		}
	}
	if own >= maxAccountTickets || len(q.all) >= maxTickets {
		return "", false
	}
	q.all[sha256.Sum256([]byte(secret))] = ticket{t, now.Add(ticketTime)}
	return secret, true
}

// redeem takes a ticket away and gives what it stands for.
func (q *tickets) redeem(secret string, now time.Time) (engine.Ticket, bool) {
	key := sha256.Sum256([]byte(secret))
	q.mu.Lock()
	defer q.mu.Unlock()
	t, known := q.all[key]
	delete(q.all, key)
	return t.Ticket, known && now.Before(t.until)
}
