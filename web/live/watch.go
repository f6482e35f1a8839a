package live

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/cuelight/cuelight/engine"
	"github.com/cuelight/cuelight/engine/task"
)

// Bounds of what watchers are told.
const (
	tellEvery  = 100 * time.Millisecond // what happens between is told together
	second     = int(time.Second / tellEvery)
	shownPush  = 50      // pushes of an app in a second; of more these many are shown, and the true count is told
	shownNews  = 200     // other news of an app in a second
	shownConns = 50      // connections that came, went or were refused in a second: strangers make these, and they must not hide the rest
	shownRun   = 8       // messages about one run in a second, besides its start and its end
	maxWaiting = 256     // messages that wait for a slow window; of more the oldest are dropped, with a count
	cutMessage = 2 << 10 // bytes of a push's message that are shown
)

// watchers are the open windows of the web app. While there are none, whoever has something to tell pays one atomic load.
type watchers struct {
	n    atomic.Int32
	feed Feed
	now  func() time.Time

	mu sync.Mutex
	// strangers counts what was told of no app in this second.
	strangers int64
	all       map[*watcher]struct{}
	apps      map[engine.AppID]*watched
}

// watched is an app with at least one watcher.
type watched struct {
	windows map[*watcher]struct{}
	// next is what was told since the last turn.
	next [][]byte
	// Of this second: how much there was and how much of it is shown.
	pushes, shown, news, skipped int64
	conns                        int64
	runs, finished, failed       int64
	told                         map[engine.RunID]int
	opened                       bool // somebody came or looks at something else
}

// watcher is one window: a socket of /admin.
type watcher struct {
	engine.Ticket
	conn *conn

	// stood is when its login was last known to stand; it belongs to checkWatchers.
	stood time.Time

	// These belong to the mutex of the watchers.
	begun   bool
	scene   string // the scenario that is open in the builder
	waiting []*entry
	dropped int64
}

func newWatchers(feed Feed, now func() time.Time) *watchers {
	return &watchers{feed: feed, now: now, all: map[*watcher]struct{}{}, apps: map[engine.AppID]*watched{}}
}

// enter takes a watcher in; false when there are too many.
func (q *watchers) enter(w *watcher) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	own := 0
	for other := range q.all {
		if other.Account == w.Account {
			own++
		}
	}
	if len(q.all) >= maxWatchers || own >= maxAccountWatchers {
		return false
	}
	q.all[w] = struct{}{}
	a := q.apps[w.App]
	if a == nil {
		a = &watched{windows: map[*watcher]struct{}{}, told: map[engine.RunID]int{}}
		q.apps[w.App] = a
	}
	a.windows[w] = struct{}{}
	if q.feed != nil {
		q.feed.Watch(w.App)
	}
	q.n.Add(1)
	return true
}

// begin lets messages go to a watcher: its CONNECT packet is on its way.
func (q *watchers) begin(w *watcher) {
	q.mu.Lock()
	defer q.mu.Unlock()
	w.begun = true
	if a := q.apps[w.App]; a != nil {
		a.opened = true
	}
}

func (q *watchers) look(w *watcher, scenario string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if a := q.apps[w.App]; a != nil && w.scene != scenario {
		w.scene, a.opened = scenario, true
	}
}

func (q *watchers) leave(w *watcher) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if _, in := q.all[w]; !in {
		return
	}
	delete(q.all, w)
	q.n.Add(-1)
	if q.feed != nil {
		q.feed.Unwatch(w.App)
	}
	a := q.apps[w.App]
	delete(a.windows, w)
	a.opened = true
	if len(a.windows) == 0 {
		delete(q.apps, w.App)
	}
}

func (q *watchers) bySession() map[string][]*watcher {
	q.mu.Lock()
	defer q.mu.Unlock()
	out := map[string][]*watcher{}
	for w := range q.all {
		out[w.Session] = append(out[w.Session], w)
	}
	return out
}

// tell has the watchers of an app told something, unless there was too much in this second.
func (q *watchers) tell(app engine.AppID, event string, what any) {
	if q.n.Load() == 0 {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if a := q.apps[app]; a != nil {
		a.add(event, what)
	}
}

// tellAdmins tells the admins among all watchers, whatever app they watch.
func (q *watchers) tellAdmins(event string, what any) {
	if q.n.Load() == 0 {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.strangers++; q.strangers > shownConns {
		return
	}
	e := told(event, what)
	for w := range q.all {
		if w.Role == "admin" {
			w.put(e)
		}
	}
}

func (a *watched) add(event string, what any) {
	n, most := &a.news, int64(shownNews)
	if strings.HasPrefix(event, "conn.") {
		n, most = &a.conns, shownConns
	}
	if *n++; *n > most {
		a.skipped++
		return
	}
	a.next = append(a.next, packed(event, what))
}

// pushed notes pushes of one app. Of a stream it encodes only as many as are shown.
func (q *watchers) pushed(pushes []engine.Push, online func(to string) int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	a := q.apps[pushes[0].App]
	if a == nil {
		return
	}
	for i := range pushes {
		if a.pushes++; a.shown >= shownPush {
			continue
		}
		a.shown++
		p := &pushes[i]
		s := shownPushed{Pos: p.Pos, To: p.To, Event: p.Event, Message: p.Message, JSON: p.JSON, Run: p.Run, Online: online(p.To), At: p.At}
		if len(s.Message) > cutMessage {
			s.Message, s.Cut = cutText(s.Message, cutMessage), len(p.Message)
		}
		a.next = append(a.next, packed("push", s))
	}
}

// cutText is at most so many bytes of a text, without half a character at its end.
func cutText(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit]
}

// tellWatchers gathers and tells ten times a second while somebody watches.
func (s *Server) tellWatchers() {
	tick := time.NewTicker(tellEvery)
	defer tick.Stop()
	for turn := 0; ; turn++ {
		select {
		case <-tick.C:
		case <-s.ctx.Done():
			return
		}
		if s.watchers.n.Load() == 0 {
			continue
		}
		for _, w := range s.watchers.gather(turn%second == 0, s.Connections) {
			s.flushSafely(w)
		}
	}
}

// flushSafely sends a window what waits for it; one that breaks silences no other.
func (s *Server) flushSafely(w *watcher) {
	defer task.Recover(s.log, "watcher")
	w.flush(s)
}

// gather gives each watcher what happened since the last turn. Once a second the true counts are told.
func (q *watchers) gather(whole bool, connections func(engine.AppID) int) []*watcher {
	open := map[engine.AppID]int{}
	if whole {
		q.mu.Lock()
		apps := slices.Collect(maps.Keys(q.apps))
		q.mu.Unlock()
		for _, app := range apps { // takes other locks, so not under ours
			open[app] = connections(app)
		}
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if whole {
		q.strangers = 0
	}
	for id, a := range q.apps {
		if q.feed != nil {
			a.take(q.feed.Take(id))
		}
		if a.opened {
			a.opened = false
			a.next = append(a.next, packed("presence", a.presence()))
		}
		if whole {
			a.next = append(a.next, packed("second", a.counts(open[id], q.now())))
			clear(a.told)
		}
		for _, text := range a.next {
			e := entryOf(text)
			for w := range a.windows {
				w.put(e)
			}
		}
		a.next = nil
	}
	return slices.Collect(maps.Keys(q.all))
}

func (a *watched) take(page engine.FeedPage) {
	a.runs += page.Started
	a.finished += page.Finished
	a.failed += page.Failed
	a.skipped += page.Missed
	for _, n := range page.News {
		out := shownNewsOf{
			Scenario: n.Scenario, Version: n.Version, Status: n.Status, Trigger: n.Trigger, Structure: n.Structure, Object: n.Object, Error: n.Error,
			Seq: n.Seq, Step: n.Step, Rev: n.Rev, Deleted: n.Deleted, At: n.At.UTC(),
		}
		switch n.Kind {
		case engine.NewsRunStep:
			if a.told[n.Run]++; a.told[n.Run] > shownRun {
				a.skipped++
				continue
			}
			ms := n.After.Milliseconds()
			out.Run, out.MS = n.Run, &ms
		case engine.NewsScenario:
			out.ID = engine.RunID(n.Scenario)
			out.Scenario = ""
		default:
			out.ID = n.Run
		}
		a.add(string(n.Kind), out)
	}
}

// presence says who has which scenario open.
func (a *watched) presence() map[string][]string {
	out := map[string][]string{}
	for w := range a.windows {
		if w.scene != "" && !slices.Contains(out[w.scene], w.Account) {
			out[w.scene] = append(out[w.scene], w.Account)
		}
	}
	for _, accounts := range out {
		slices.SortFunc(accounts, cmp.Compare)
	}
	return out
}

func (a *watched) counts(connections int, at time.Time) countedSecond {
	c := countedSecond{connections, a.pushes, a.shown, a.skipped, a.runs, a.finished, a.failed, at.UTC()}
	a.pushes, a.shown, a.skipped, a.runs, a.finished, a.failed, a.news, a.conns = 0, 0, 0, 0, 0, 0, 0, 0
	return c
}

// put queues a message. The caller holds the mutex of the watchers.
func (w *watcher) put(e *entry) {
	if !w.begun {
		return
	}
	if len(w.waiting) == maxWaiting {
		w.waiting[0] = nil
		w.waiting = w.waiting[1:]
		w.dropped++
	}
	w.waiting = append(w.waiting, e)
}

// flush hands to the engine what waits, if the socket can take it.
func (w *watcher) flush(s *Server) {
	eng := w.conn.eng
	if eng.ReadyState() != "open" || eng.Upgrading() || !eng.Transport().Writable() {
		return
	}
	q := s.watchers
	q.mu.Lock()
	var out []*entry
	if w.dropped > 0 {
		out = append(out, told("dropped", map[string]int64{"messages": w.dropped}))
		w.dropped = 0
	}
	size := 0
	for len(w.waiting) > 0 && size < s.limits.BatchBytes {
		size += len(w.waiting[0].wire)
		out = append(out, w.waiting[0])
		w.waiting[0] = nil
		w.waiting = w.waiting[1:]
	}
	q.mu.Unlock()
	if len(out) > 0 {
		eng.Send(&batch{entries: out}, nil, nil)
	}
}
