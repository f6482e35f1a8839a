package live

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/cuelight/cuelight/engine"
)

// tail is one app on this node: the ring at the end of its push log and the cursors of its sockets.
//
// It follows the log without a hole: a push is appended only behind its predecessor, and only then are cursors woken. Whatever else is heard of
// (a push out of turn, a client that has seen more than we have) is fetched from the log.
type tail struct {
	srv *Server
	app engine.AppID

	// refs and idle belong to the server's mutex: a tail that nobody holds is dropped after a replay window.
	refs int
	idle time.Time

	mu        sync.RWMutex
	ring      *ring    // nil until filled
	fill      *filling // under way
	want      int64    // the newest position that we have heard of
	following bool     // the log is being read up to want
	moved     chan struct{}
	cursors   map[*cursor]struct{}
	users     map[engine.UserID]map[*cursor]struct{}
}

// filling is one attempt to fill the ring, for which any number of visitors wait.
type filling struct {
	done chan struct{}
	err  error
}

var errReplaced = errors.New("the push log was replaced")

func newTail(s *Server, app engine.AppID) *tail {
	return &tail{srv: s, app: app, moved: make(chan struct{}), cursors: map[*cursor]struct{}{}, users: map[engine.UserID]map[*cursor]struct{}{}}
}

// ready waits until the ring is filled.
func (t *tail) ready(ctx context.Context) error {
	t.mu.Lock()
	if t.ring != nil {
		t.mu.Unlock()
		return nil
	}
	f := t.fill
	if f == nil {
		f = &filling{done: make(chan struct{})}
		t.fill = f
		if !t.srv.goes("live fill", func() { t.load(f) }) {
			t.fill = nil
			t.mu.Unlock()
			return errClosed
		}
	}
	t.mu.Unlock()
	select {
	case <-f.done:
		return f.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// load fills the ring by one query.
func (t *tail) load(f *filling) {
	defer close(f.done)
	ctx, cancel := context.WithTimeout(t.srv.ctx, t.srv.limits.AdmitTimeout)
	defer cancel()
	l := t.srv.limits
	recent, err := t.srv.pushLog.RecentPushes(ctx, t.app, Window{Since: t.srv.now().Add(-l.Window), Pushes: l.RingPushes, Bytes: l.RingBytes})
	t.mu.Lock()
	defer t.mu.Unlock()
	t.fill = nil
	if err != nil {
		f.err = fmt.Errorf("fill ring of app %s: %w", t.app, err)
		return
	}
	t.ring = newRing(recent, l)
	t.ring.head = max(t.ring.head, recent.Head.Pos)
	t.followLocked()
}

// pushed takes what was committed, from hand-off B or from the tail of the log.
func (t *tail) pushed(pushes []engine.Push) {
	newest := pushes[len(pushes)-1].Pos
	t.mu.RLock()
	filled := t.ring != nil
	epoch := ""
	if filled {
		epoch = t.ring.epoch
	}
	t.mu.RUnlock()
	var entries []*entry
	if filled {
		entries = encode(epoch, pushes, t.srv.now())
	} else {
		t.srv.tallies.unheard(pushes) // no socket joins before the ring is filled
	}
	t.mu.Lock()
	t.want = max(t.want, newest)
	if t.ring == nil || t.ring.epoch != epoch || t.following {
		t.mu.Unlock()
		return // whoever fills or follows will get as far as want
	}
	woken := t.appendLocked(entries)
	t.followLocked()
	t.mu.Unlock()
	t.srv.workers.add(woken...)
}

func encode(epoch string, pushes []engine.Push, now time.Time) []*entry {
	entries := make([]*entry, len(pushes))
	var last *tally
	for i, p := range pushes {
		// Not p.At: a push that comes late is as new to the sockets as any other, and must stay until they have it.
		entries[i] = newEntry(epoch, p, now)
		entries[i].tally = tallyOf(p, last)
		last = entries[i].tally
	}
	return entries
}

// appendLocked appends the entries that follow head and gives the cursors to wake; those after a hole are left for the log.
func (t *tail) appendLocked(entries []*entry) []*cursor {
	everybody, users, moved := false, map[string]struct{}{}, false
	for _, e := range entries {
		if e.pos <= t.ring.head {
			continue
		}
		if e.pos != t.ring.head+1 {
			break
		}
		t.ring.append(e)
		t.handedOver(e)
		moved = true
		if e.to == engine.Everybody {
			everybody = true
		} else {
			users[e.to] = struct{}{}
		}
	}
	if !moved {
		return nil
	}
	close(t.moved)
	t.moved = make(chan struct{})
	var woken []*cursor
	if everybody {
		for c := range t.cursors {
			if c.mark() {
				woken = append(woken, c)
			}
		}
		return woken
	}
	for to := range users {
		for c := range t.users[engine.UserID(to)] {
			if c.mark() {
				woken = append(woken, c)
			}
		}
	}
	return woken
}

// followLocked starts to read the log if we have heard of more than we have.
func (t *tail) followLocked() {
	if t.following || t.ring == nil || t.want <= t.ring.head {
		return
	}
	t.following = t.srv.goes("live follow", t.follow)
}

const (
	followPage    = 200
	followFirst   = 50 * time.Millisecond
	followLast    = 2 * time.Second
	followPatient = 15 // empty answers in a row before the log is taken to be another one
)

// follow reads the log until the ring is as far as want, however long the store is away.
func (t *tail) follow() {
	wait, empty := followFirst, 0
	for {
		t.mu.Lock()
		if t.ring == nil || t.want <= t.ring.head {
			t.following = false
			t.mu.Unlock()
			return
		}
		epoch, after := t.ring.epoch, t.ring.head
		t.mu.Unlock()
		ctx, cancel := context.WithTimeout(t.srv.ctx, t.srv.limits.AdmitTimeout)
		pushes, err := t.srv.pushLog.Pushes(ctx, t.app, after, followPage)
		cancel()
		if err == nil && len(pushes) > 0 && pushes[0].Pos == after+1 {
			entries := encode(epoch, pushes, t.srv.now())
			t.mu.Lock()
			var woken []*cursor
			if t.ring != nil && t.ring.epoch == epoch {
				woken = t.appendLocked(entries)
			}
			t.mu.Unlock()
			t.srv.workers.add(woken...)
			wait, empty = followFirst, 0
			continue
		}
		if err == nil {
			if empty++; empty == followPatient || len(pushes) > 0 {
				t.srv.log.Error("push log has a hole; its sockets start afresh", "app", t.app, "after", after)
				t.reset()
				continue
			}
		} else {
			t.srv.log.Warn("push log not readable", "app", t.app, "err", err)
		}
		select {
		case <-time.After(wait):
			wait = min(2*wait, followLast)
		case <-t.srv.ctx.Done():
			return
		}
	}
}

// reset forgets the ring and closes all sockets: the log is not the one that they were following.
func (t *tail) reset() {
	t.mu.Lock()
	t.ring, t.want = nil, 0
	close(t.moved)
	t.moved = make(chan struct{})
	lost := make([]*cursor, 0, len(t.cursors))
	for c := range t.cursors {
		lost = append(lost, c)
	}
	t.mu.Unlock()
	for _, c := range lost {
		c.conn.kill("log replaced")
	}
}

// reachesTo waits until the ring has got to pos, which a client says it has seen. False when the log itself does not go so far.
func (t *tail) reachesTo(ctx context.Context, pos int64) (bool, error) {
	head, err := t.srv.pushLog.PushHead(ctx, t.app)
	if err != nil {
		return false, fmt.Errorf("read push head of app %s: %w", t.app, err)
	}
	t.mu.Lock()
	if t.ring == nil || t.ring.epoch != head.Epoch {
		t.mu.Unlock()
		t.reset()
		return false, errReplaced
	}
	t.want = max(t.want, head.Pos)
	t.followLocked()
	t.mu.Unlock()
	if head.Pos < pos {
		return false, nil
	}
	for {
		t.mu.RLock()
		done, moved := t.ring == nil || t.ring.head >= pos, t.moved
		t.mu.RUnlock()
		if done {
			return true, nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return false, ctx.Err()
		}
	}
}

// after reads the ring for a cursor that stands at pos.
func (t *tail) after(c *cursor, pos int64) (entries []*entry, next int64, lost bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if t.ring == nil || t.ring.epoch != c.epoch || t.ring.lost(pos, c.user) {
		return nil, pos, true
	}
	entries, next = t.ring.after(pos, c.user, t.srv.limits.BatchBytes)
	return entries, max(next, pos), false
}

func (t *tail) lost(c *cursor) bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.ring == nil || t.ring.epoch != c.epoch || t.ring.lost(c.pos.Load(), c.user)
}

// join adds a cursor: at the place where the client left off if it can be resumed from there, else at the head. It fails when the log was
// replaced meanwhile, or with a *Refusal.
func (t *tail) join(c *cursor, old *pid) (resumed bool, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ring == nil {
		return false, errReplaced
	}
	if len(t.cursors) >= t.srv.limits.AppSockets {
		return false, &Refusal{Code: CodeTooMany, Message: "this app has too many open sockets", Limit: "app_sockets"}
	}
	if c.user != "" && len(t.users[c.user]) >= t.srv.limits.UserSockets {
		return false, &Refusal{Code: CodeTooMany, Message: "this user has too many open sockets", Limit: "user_sockets"}
	}
	c.epoch = t.ring.epoch
	from := t.ring.head
	if resumed = old != nil && old.epoch == c.epoch && t.ring.reaches(old.pos, c.user); resumed {
		from = old.pos
	}
	c.pos.Store(from)
	c.got.Store(from)
	t.cursors[c] = struct{}{}
	if c.user != "" {
		if t.users[c.user] == nil {
			t.users[c.user] = map[*cursor]struct{}{}
		}
		t.users[c.user][c] = struct{}{}
	}
	return resumed, nil
}

// leave removes a cursor and ends its hold on the tail.
func (t *tail) leave(c *cursor) {
	if t.forget(c) {
		t.srv.release(t)
	}
}

// forget removes a cursor; false when it was gone already.
func (t *tail) forget(c *cursor) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, joined := t.cursors[c]
	delete(t.cursors, c)
	if own := t.users[c.user]; own != nil {
		if delete(own, c); len(own) == 0 {
			delete(t.users, c.user)
		}
	}
	return joined
}

// head is the newest position of the ring; 0 when there is none.
func (t *tail) head() int64 {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if t.ring == nil {
		return 0
	}
	return t.ring.head
}

// sweep drops what is older than the replay window.
func (t *tail) sweep(now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ring == nil {
		return
	}
	t.ring.expire(now)
	t.ring.forget(func(to string) bool { return len(t.users[engine.UserID(to)]) > 0 })
}

// online counts the user's sockets; of all users and guests when user is engine.Everybody.
func (t *tail) online(user engine.UserID) int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if user == engine.Everybody {
		return len(t.cursors)
	}
	return len(t.users[user])
}
