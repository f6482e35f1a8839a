package account

import (
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/cuelight/cuelight/engine"
)

// Limits bound logins and sessions. A zero field means its default.
type Limits struct {
	LoginsPerAccount int           // tries per minute of one name from one address, 5; who goes on waits twice as long each time
	LoginsPerAddress int           // tries per minute from one address (IPv6: one /64), 20
	SessionIdle      time.Duration // after which an unused session ends, 30 days
	SessionAbsolute  time.Duration // after which every session ends, 90 days
}

func (l Limits) withDefaults() Limits {
	if l.LoginsPerAccount == 0 {
		l.LoginsPerAccount = 5
	}
	if l.LoginsPerAddress == 0 {
		l.LoginsPerAddress = 20
	}
	if l.SessionIdle == 0 {
		l.SessionIdle = 30 * 24 * time.Hour
	}
	if l.SessionAbsolute == 0 {
		l.SessionAbsolute = 90 * 24 * time.Hour
	}
	return l
}

// LimitError is an ErrBusy that says when to come again.
type LimitError struct {
	*engine.CodedError
	After time.Duration
}

// Unwrap gives the coded error.
func (e *LimitError) Unwrap() error { return e.CodedError }

const (
	tryWindow = time.Minute
	maxBlock  = time.Hour
	maxTries  = 100_000 // remembered names and addresses; past it the oldest windows are dropped
)

// tries counts logins: in a window of a minute by address, and by name and address, where going on past the limit blocks for longer each time.
type tries struct {
	now    func() time.Time
	limits Limits
	mu     sync.Mutex
	all    map[string]*try
}

type try struct {
	since time.Time
	n     int
	// blocks is how often the limit was passed without a good login in between; until is the end of the present block.
	blocks int
	until  time.Time
}

func newTries(now func() time.Time, limits Limits) *tries {
	return &tries{now: now, limits: limits, all: map[string]*try{}}
}

func nameKey(app engine.AppID, name, address string) string {
	return "n\x00" + string(app) + "\x00" + name + "\x00" + block(address)
}

// block is the address as limits count it: an IPv6 client has a whole /64.
func block(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	ip = ip.Unmap()
	if ip.Is4() {
		return ip.String()
	}
	net, err := ip.WithZone("").Prefix(64)
	if err != nil {
		return address
	}
	return net.String()
}

// take counts a try before it is made, so that tries at the same time count too.
func (t *tries) take(app engine.AppID, name, address string) error {
	if len(name) > 256 {
		name = name[:256]
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	if len(t.all) > maxTries {
		t.sweep(now)
	}
	if after := t.count("a\x00"+block(address), t.limits.LoginsPerAddress, now, false); after > 0 {
		return limited("login_per_address", fmt.Sprintf("at most %d logins a minute from one address", t.limits.LoginsPerAddress), after)
	}
	if after := t.count(nameKey(app, name, address), t.limits.LoginsPerAccount, now, true); after > 0 {
		return limited("login_per_account", fmt.Sprintf("at most %d logins a minute with one name; each further try makes the wait longer", t.limits.LoginsPerAccount), after)
	}
	return nil
}

func limited(limit, message string, after time.Duration) error {
	return &LimitError{CodedError: &engine.CodedError{Kind: engine.ErrBusy, Code: "LOGIN_LIMIT", Limit: limit, Message: message}, After: after}
}

// count takes one of max tries per window and returns 0, or how long to wait.
func (t *tries) count(key string, limit int, now time.Time, backoff bool) time.Duration {
	one := t.all[key]
	if one == nil {
		one = &try{since: now}
		t.all[key] = one
	}
	if now.Before(one.until) {
		return one.until.Sub(now)
	}
	if now.Sub(one.since) >= tryWindow {
		if now.Sub(one.since) >= maxBlock+tryWindow {
			one.blocks = 0
		}
		one.since, one.n = now, 0
	}
	if one.n++; one.n <= limit {
		return 0
	}
	if !backoff {
		return one.since.Add(tryWindow).Sub(now)
	}
	wait := min(tryWindow<<min(one.blocks, 10), maxBlock)
	one.blocks++
	one.until, one.since, one.n = now.Add(wait), now.Add(wait), 0
	return wait
}

// clear forgets the failures of a name after a good login.
func (t *tries) clear(app engine.AppID, name, address string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.all, nameKey(app, name, address))
}

// sweep drops what no longer counts, and everything when that was not enough: memory is bounded, whoever tries.
func (t *tries) sweep(now time.Time) {
	for key, one := range t.all {
		if now.After(one.until) && now.Sub(one.since) >= tryWindow {
			delete(t.all, key)
		}
	}
	if len(t.all) > maxTries {
		clear(t.all)
	}
}
