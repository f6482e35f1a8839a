package live

import (
	"cmp"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cuelight/cuelight/engine"
)

// Why a connection ended, as the console says.
const (
	reasonLeft    = "left"
	reasonEnded   = "session_ended"
	reasonByHand  = "by_hand"
	reasonSlow    = "too_slow"
	reasonClosing = "closing"
)

// maxConnections is how many connections one answer shows.
const maxConnections = 1000

// ListConnections gives the open connections of an app on this node, the newest first, at most 1,000 of them.
func (s *Server) ListConnections(app engine.AppID) []engine.Connection {
	var list []engine.Connection
	for _, c := range s.all() {
		if shown, open := c.shown(app); open {
			list = append(list, shown)
		}
	}
	slices.SortFunc(list, func(x, y engine.Connection) int {
		return cmp.Or(y.Since.Compare(x.Since), strings.Compare(x.ID, y.ID))
	})
	return list[:min(len(list), maxConnections)]
}

// Disconnect closes a connection of the app by its id; false when there is none. Its client may come back.
func (s *Server) Disconnect(app engine.AppID, id string) bool {
	for _, c := range s.all() {
		if shown, open := c.shown(app); open && shown.ID == id {
			c.kill(reasonByHand)
			return true
		}
	}
	return false
}

// DraftSaved tells those who watch the app that somebody saved a draft.
func (s *Server) DraftSaved(app engine.AppID, scenario string, rev int64, by string) {
	s.watchers.tell(app, "draft.saved", map[string]any{"scenario": scenario, "rev": rev, "by": by})
}

// shown is the connection as the console shows it; false unless it is open in this app.
func (c *conn) shown(app engine.AppID) (engine.Connection, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.visitor.App != app || c.cursor == nil || c.public == "" || c.closed {
		return engine.Connection{}, false
	}
	out := engine.Connection{
		ID: c.public, User: c.visitor.User, Origin: c.origin, Page: c.page, Transport: "polling", Since: c.since, Sent: c.cursor.sent.Load(),
		Client: c.client, Listens: c.listens,
	}
	if c.polling == nil {
		out.Transport = "websocket"
	}
	if rtt := c.rtt.Load(); rtt >= 0 {
		out.RTT = &rtt
	}
	return out, true
}

// pageOf is the address of a page without what may be secret in it: user, query and fragment.
func pageOf(referer string) string {
	u, err := url.Parse(referer)
	if err != nil || u.Host == "" {
		return ""
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	return cutText(strings.ToValidUTF8(u.String(), ""), maxPage)
}

// Bounds of what is kept of a page.
const (
	maxPage    = 300
	maxListens = 50
	maxName    = 128
)

// pageEvent is what cuelight.js says of its page: {version, listens}.
const pageEvent = "cue:page"

// report takes what a client says of its page; false when it is not of that form.
func (c *conn) report(said any) bool {
	m, ok := said.(map[string]any)
	if !ok {
		return false
	}
	version, _ := m["version"].(string)
	names, _ := m["listens"].([]any)
	var listens []string
	for _, n := range names[:min(len(names), maxListens)] {
		if name, is := n.(string); is && name != "" && len(name) <= maxName && !slices.Contains(listens, name) {
			listens = append(listens, name)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.client, c.listens = cmp.Or(cutText(version, 32), "cuelight.js"), listens
	return true
}

// maxRefused is how many refused attempts are kept of an app, and how many of those whose app is not known.
const (
	maxRefused     = 100
	maxRefusedApps = 10_000
)

// refusals are the attempts to connect that were refused lately.
type refusals struct {
	mu      sync.Mutex
	apps    map[engine.AppID][]engine.Refused
	unknown []engine.Refused
}

// refused keeps an attempt and tells the watchers. Known says that the app is there: the door has spoken of it.
func (s *Server) refused(c *conn, q ask, r *Refusal) {
	s.stats.refused.Add(1)
	known := r.Code != CodeAppUnknown && !q.Broken
	n := engine.Refused{
		App: cutText(strings.ToValidUTF8(q.App, ""), maxLook), Code: r.Code, Message: r.Message, Limit: r.Limit,
		Origin: cutText(strings.ToValidUTF8(c.origin, ""), maxPage), Page: c.page, Count: 1, At: s.now().UTC().Truncate(time.Millisecond),
	}
	k := &s.refusals
	k.mu.Lock()
	if !known {
		k.unknown = keepRefused(k.unknown, n)
	} else if _, there := k.apps[engine.AppID(q.App)]; there || len(k.apps) < maxRefusedApps {
		k.apps[engine.AppID(q.App)] = keepRefused(k.apps[engine.AppID(q.App)], n)
	}
	k.mu.Unlock()
	if known {
		s.watchers.tell(engine.AppID(q.App), "conn.refused", n)
	} else {
		s.watchers.tellAdmins("conn.refused", n)
	}
}

// keepRefused puts an attempt first; one like it is counted with it.
func keepRefused(list []engine.Refused, n engine.Refused) []engine.Refused {
	same := slices.IndexFunc(list, func(o engine.Refused) bool {
		return o.App == n.App && o.Code == n.Code && o.Origin == n.Origin && o.Page == n.Page
	})
	if same >= 0 {
		n.Count += list[same].Count
		list = slices.Delete(list, same, same+1)
	}
	list = slices.Insert(list, 0, n)
	return list[:min(len(list), maxRefused)]
}

// Refused gives the refused attempts of an app, the newest first; with unknown those too whose app_id no app has.
func (s *Server) Refused(app engine.AppID, unknown bool) []engine.Refused {
	k := &s.refusals
	k.mu.Lock()
	defer k.mu.Unlock()
	list := slices.Clone(k.apps[app])
	if unknown {
		list = append(list, k.unknown...)
	}
	slices.SortStableFunc(list, func(x, y engine.Refused) int { return y.At.Compare(x.At) })
	return list
}

// opened tells the watchers of a connection that has come, or of which more is known now.
func (c *conn) tellOpened() {
	if c.srv.watchers.n.Load() == 0 {
		return
	}
	c.mu.Lock()
	app := c.visitor.App
	c.mu.Unlock()
	if shown, open := c.shown(app); open {
		c.srv.watchers.tell(app, "conn.opened", shown)
	}
}

// tellClosed tells the watchers of a connection that has gone, and why.
func (c *conn) tellClosed() {
	if c.srv.watchers.n.Load() == 0 {
		return
	}
	c.mu.Lock()
	app, user, id, why := c.visitor.App, c.visitor.User, c.public, c.why
	c.mu.Unlock()
	if id == "" {
		return
	}
	if why == "" {
		why = reasonLeft
	}
	c.srv.watchers.tell(app, "conn.closed", map[string]any{"id": id, "user": user, "origin": c.origin, "page": c.page, "reason": why, "at": c.srv.now().UTC()})
}
