package live

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/zishang520/socket.io/parsers/engine/v3/packet"
	"github.com/zishang520/socket.io/servers/engine/v3"
	"github.com/zishang520/socket.io/servers/engine/v3/transports"
	"github.com/zishang520/socket.io/servers/socket/v3"
	"github.com/zishang520/socket.io/v3/pkg/types"
	"golang.org/x/time/rate"
)

// conn is what we know of one engine socket, from its handshake to its close.
type conn struct {
	srv      *Server
	id       string // the engine's sid: a secret of the client while it polls, never logged
	eng      engine.Socket
	slot     *slot
	origin   string
	page     string // the address of its page, as far as the browser says
	since    time.Time
	pingedAt atomic.Int64 // Unix nanoseconds of the ping that waits for its answer
	rtt      atomic.Int64 // milliseconds of the last one; -1 before it
	packets  *rate.Limiter
	requests *rate.Limiter
	asked    atomic.Bool // a CONNECT was seen; there is one per connection
	ended    sync.Once

	mu      sync.Mutex
	closed  bool
	visitor Visitor
	cursor  *cursor  // set when admitted
	refusal *Refusal // set when refused
	polling *pollingTransport
	window  *watcher // of an account, in /admin; such a connection has no cursor
	public  string   // the socket's id, set when it is open in "/"
	why     string   // it was closed by us
	// client and listens are what cuelight.js says of its page.
	client  string
	listens []string
}

// newConn takes over an engine socket. The library has subscribed to its data by now, so its transport may start to read.
func (s *Server) newConn(eng engine.Socket, sl *slot) {
	limit := s.limits.Messages
	c := &conn{
		srv: s, id: eng.Id(), eng: eng, slot: sl, origin: eng.Request().Request().Header.Get("Origin"),
		packets: rate.NewLimiter(rate.Limit(limit), 2*limit),
		// A poller makes one request per answer and per post; pushes come one answer at a time.
		requests: rate.NewLimiter(rate.Limit(50*limit), 100*limit),
		page:     pageOf(eng.Request().Request().Header.Get("Referer")), since: s.now().UTC().Truncate(time.Millisecond),
	}
	c.rtt.Store(-1)
	s.mu.Lock()
	s.conns[c.id] = c
	s.mu.Unlock()
	_ = eng.On("packet", c.onPacket)
	_ = eng.On("packetCreate", c.onCreate)
	_ = eng.On("upgrade", c.onUpgrade)
	_ = eng.Once("close", func(...any) { c.end() })
	c.watch(eng.Transport())
	if t, ok := eng.Transport().(*websocketTransport); ok {
		t.start()
	}
	if eng.ReadyState() == "closed" || s.closing() {
		c.kill(reasonClosing)
		c.end()
	}
}

// watch wakes the cursor when the transport can take more.
func (c *conn) watch(t transports.Transport) {
	if p, ok := t.(*pollingTransport); ok {
		p.mu.Lock()
		p.upgraded = c.eng.Upgraded
		p.mu.Unlock()
		c.mu.Lock()
		c.polling = p
		c.mu.Unlock()
	}
	_ = t.On("ready", func(...any) { c.wake() })
}

// onUpgrade runs before the engine flushes to the new transport.
func (c *conn) onUpgrade(args ...any) {
	t, ok := args[0].(*websocketTransport)
	if !ok {
		return
	}
	c.mu.Lock()
	old := c.polling
	c.polling = nil
	c.mu.Unlock()
	if old != nil {
		if left := old.leftover(); len(left) > 0 {
			t.adopt(left)
		}
	}
	c.watch(t)
	c.wake()
}

// onPacket sees every engine packet before the engine acts on it. It counts them, and marks messages with their connection for the decoder.
func (c *conn) onPacket(args ...any) {
	p, ok := args[0].(*packet.Packet)
	if !ok {
		return
	}
	if !c.packets.Allow() {
		p.Type = packet.NOOP
		c.kill("too many packets")
		return
	}
	if at := c.pingedAt.Load(); at != 0 && p.Type == packet.PONG {
		c.pingedAt.Store(0)
		c.rtt.Store(time.Duration(time.Now().UnixNano() - at).Milliseconds())
	}
	if p.Type != packet.MESSAGE {
		return
	}
	data, ok := p.Data.(*types.StringBuffer)
	if !ok {
		p.Type = packet.NOOP
		c.kill("binary packet")
		return
	}
	p.Data = &message{from: c, text: data.String()}
}

// onCreate sees every engine packet that the engine itself makes; pings are timed.
func (c *conn) onCreate(args ...any) {
	if p, ok := args[0].(*packet.Packet); ok && p.Type == packet.PING {
		c.pingedAt.Store(time.Now().UnixNano())
	}
}

// kill closes the transport, not the socket: a stock client comes back by itself after that.
func (c *conn) kill(reason string) {
	c.mu.Lock()
	cur, visitor := c.cursor, c.visitor
	if c.why == "" {
		c.why = reason
	}
	c.mu.Unlock()
	if cur != nil {
		cur.close()
	}
	c.srv.log.Debug("socket closed by us", "reason", reason, "app", visitor.App, "user", visitor.User)
	c.eng.Close(true)
}

// end gives back all that the connection held. The engine may say more than once that a socket closed.
func (c *conn) end() {
	c.ended.Do(func() {
		c.srv.mu.Lock()
		delete(c.srv.conns, c.id)
		c.srv.signal()
		c.srv.mu.Unlock()
		c.mu.Lock()
		c.closed = true
		cur, w := c.cursor, c.window
		c.mu.Unlock()
		c.slot.release()
		if cur != nil {
			cur.tail.leave(cur)
			c.tellClosed()
		}
		if w != nil {
			c.srv.watchers.leave(w)
		}
	})
}

// admitted records the outcome of a CONNECT; false when the connection has ended meanwhile.
func (c *conn) admitted(v Visitor, cur *cursor) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.visitor, c.cursor = v, cur
	return true
}

// watches records the watcher that the connection is; false when it has ended meanwhile.
func (c *conn) watches(w *watcher) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.window = w
	return true
}

func (c *conn) watcher() *watcher {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.window
}

// dismiss takes the admission back.
func (c *conn) dismiss() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.visitor, c.cursor = Visitor{}, nil
}

func (c *conn) refuse(r *Refusal) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refusal = r
}

// verdict is nil when the connection was admitted.
func (c *conn) verdict() *Refusal {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.refusal != nil:
		return c.refusal
	case c.cursor == nil:
		return &Refusal{Code: CodeSessionExpired, Message: "the connection was not authorised"}
	}
	return nil
}

// connected runs when the library has sent the CONNECT packet: only now may pushes follow it.
func (c *conn) connected(s *socket.Socket) {
	c.mu.Lock()
	cur, closed := c.cursor, c.closed
	c.mu.Unlock()
	if closed || cur == nil || c.eng.ReadyState() != "open" {
		// The library runs this late; a connection that closed before would leave a ghost in its namespace.
		s.Disconnect(false)
		return
	}
	c.slot.open()
	s.OnAny(func(args ...any) { c.onEvent(cur, args) })
	_ = s.On("disconnect", func(...any) { c.kill(reasonLeft) })
	c.mu.Lock()
	c.public = string(s.Id())
	c.mu.Unlock()
	cur.open.Store(true)
	c.wake()
	c.tellOpened()
}

func (c *conn) wake() {
	c.mu.Lock()
	cur := c.cursor
	c.mu.Unlock()
	if cur != nil {
		cur.wake()
	}
}

// gotEvent is the receipt of our own client: everything up to the offset has arrived.
const gotEvent = "cue:got"

// onEvent takes what the client emits: receipts and what it says of its page, and nothing else yet.
func (c *conn) onEvent(cur *cursor, args []any) {
	ack := func([]any, error) {}
	if n := len(args); n > 0 {
		if f, ok := args[n-1].(socket.Ack); ok {
			ack, args = f, args[:n-1]
		}
	}
	if len(args) > 1 && args[0] == gotEvent {
		if at, ok := args[1].(string); ok && cur.receipt(at) {
			c.srv.stats.receipts.Add(1)
			ack([]any{map[string]any{"ok": true}}, nil)
			return
		}
	}
	if len(args) > 1 && args[0] == pageEvent && c.report(args[1]) {
		c.tellOpened()
		ack([]any{map[string]any{"ok": true}}, nil)
		return
	}
	c.srv.stats.ignored.Add(1)
	ack([]any{map[string]any{"ok": false, "error": "this app takes no such event"}}, nil)
}

// sweep looks after what no event tells: an upgrade that failed silently, a poller that fell out of the ring without polling.
func (c *conn) sweep() {
	c.mu.Lock()
	cur := c.cursor
	c.mu.Unlock()
	if cur == nil || !cur.open.Load() {
		return
	}
	if cur.lost() {
		c.srv.stats.slow.Add(1)
		c.kill(reasonSlow)
		return
	}
	cur.wake()
}
