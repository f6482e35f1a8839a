package live

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"github.com/zishang520/socket.io/servers/engine/v3/transports"
	"golang.org/x/time/rate"
)

// wrong is a request that the library is not to see.
type wrong struct {
	status  int
	message string
	limit   string // that was passed, if one was
}

// serveHTTP guards the library: what passes is a request that it handles safely, with a bounded body that was read already, and a handshake
// has a slot.
func (s *Server) serveHTTP(w http.ResponseWriter, r *http.Request) {
	sid, bad := s.check(r)
	if bad != nil {
		s.deny(w, bad)
		return
	}
	switch {
	case r.Method == http.MethodOptions:
		s.engine.ServeHTTP(w, r)
	case sid == "":
		s.handshake(w, r)
	default:
		s.session(w, r, sid)
	}
}

func (s *Server) deny(w http.ResponseWriter, bad *wrong) {
	s.stats.denied.Add(1)
	w.Header().Set("Access-Control-Allow-Origin", "*") // so that a page can see why
	message := bad.message
	if bad.limit != "" {
		message += " (limit: " + bad.limit + ")"
	}
	http.Error(w, message, bad.status)
}

// check judges what can be judged from the request line and headers. The Origin is not judged here: the app, which may have an allow-list, is
// known only from the CONNECT packet.
func (s *Server) check(r *http.Request) (sid string, bad *wrong) {
	if s.closing() {
		return "", &wrong{status: http.StatusServiceUnavailable, message: "shutting down"}
	}
	if !slices.Contains([]string{http.MethodGet, http.MethodPost, http.MethodOptions}, r.Method) {
		return "", &wrong{status: http.StatusMethodNotAllowed, message: "method not allowed"}
	}
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil || len(q["EIO"]) != 1 || q["EIO"][0] != "4" {
		return "", &wrong{status: http.StatusBadRequest, message: "exactly one EIO=4 is needed"}
	}
	if len(q["sid"]) > 1 || q.Has("j") {
		return "", &wrong{status: http.StatusBadRequest, message: "bad engine.io request"}
	}
	upgrade := websocket.IsWebSocketUpgrade(r)
	switch t := q["transport"]; {
	case len(t) != 1 || (t[0] != transports.POLLING && t[0] != transports.WEBSOCKET):
		return "", &wrong{status: http.StatusBadRequest, message: "exactly one transport, polling or websocket, is needed"}
	case r.Method != http.MethodOptions && upgrade != (t[0] == transports.WEBSOCKET):
		return "", &wrong{status: http.StatusBadRequest, message: "the transport does not fit the request"}
	case upgrade && r.Method != http.MethodGet:
		return "", &wrong{status: http.StatusBadRequest, message: "bad websocket request"}
	}
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/octet-stream") {
		return "", &wrong{status: http.StatusUnsupportedMediaType, message: "binary bodies are not accepted"}
	}
	return q.Get("sid"), nil
}

type slotKey struct{}

// handshake lets the library open a session if the address may have one more.
func (s *Server) handshake(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet {
		s.deny(w, &wrong{status: http.StatusBadRequest, message: "a session begins with GET"})
		return
	}
	sl, bad := s.gate.take(s.ip(r))
	if bad != nil {
		s.deny(w, bad)
		return
	}
	defer sl.settle()
	s.engine.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), slotKey{}, sl)))
}

// session hands on a request of a session that is ours. A stranger's body is not even read.
func (s *Server) session(w http.ResponseWriter, r *http.Request, sid string) {
	c := s.conn(sid)
	if c == nil {
		s.stats.denied.Add(1)
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"code":1,"message":"Session ID unknown"}`)
		return
	}
	if !c.requests.Allow() {
		s.deny(w, &wrong{status: http.StatusTooManyRequests, message: "too many requests", limit: "messages"})
		c.kill("too many requests")
		return
	}
	if r.Method == http.MethodPost {
		body, bad := s.body(w, r)
		if bad != nil {
			s.deny(w, bad)
			c.kill("bad body")
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		r.ContentLength = int64(len(body))
	}
	s.engine.ServeHTTP(w, r)
}

// body reads a polling body, which must come within the write deadline.
func (s *Server) body(w http.ResponseWriter, r *http.Request) ([]byte, *wrong) {
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(s.limits.WriteStall)) // a ResponseWriter that can not has its server's own timeout
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, int64(s.limits.MessageBytes)))
	_ = control.SetReadDeadline(time.Time{})
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return nil, &wrong{status: http.StatusRequestEntityTooLarge, message: "the body is too large", limit: "message_bytes"}
	}
	if err != nil {
		return nil, &wrong{status: http.StatusBadRequest, message: "body not readable"}
	}
	return body, nil
}

// gate counts sessions by address, from the handshake on.
type gate struct {
	limits Limits
	mu     sync.Mutex
	total  int
	ips    map[string]*address
}

type address struct {
	sockets, half int
	rate          *rate.Limiter
}

// take gives a slot, half open at first.
func (g *gate) take(ip string) (*slot, *wrong) {
	g.mu.Lock()
	defer g.mu.Unlock()
	a := g.ips[ip]
	if a == nil {
		a = &address{rate: rate.NewLimiter(rate.Limit(g.limits.IPHandshakes), 10*g.limits.IPHandshakes)}
		g.ips[ip] = a
	}
	switch {
	case g.total >= g.limits.Sockets:
		return nil, &wrong{status: http.StatusServiceUnavailable, message: "too many sockets", limit: "sockets"}
	case a.sockets >= g.limits.IPSockets:
		return nil, &wrong{status: http.StatusTooManyRequests, message: "too many sockets from this address", limit: "ip_sockets"}
	case a.half >= g.limits.IPHalfOpen:
		return nil, &wrong{status: http.StatusTooManyRequests, message: "too many half-open sockets from this address", limit: "ip_half_open"}
	case !a.rate.Allow():
		return nil, &wrong{status: http.StatusTooManyRequests, message: "too many connects from this address", limit: "ip_handshakes"}
	}
	g.total++
	a.sockets++
	a.half++
	return &slot{gate: g, of: a, half: true, held: true}, nil
}

// sweep forgets addresses that have nothing open and have not come for so long that their rate is whole again.
func (g *gate) sweep() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for ip, a := range g.ips {
		if a.sockets == 0 && a.rate.Tokens() >= float64(a.rate.Burst()) {
			delete(g.ips, ip)
		}
	}
}

// slot is one session's place in the counts.
type slot struct {
	gate       *gate
	of         *address
	half, held bool
	taken      bool // by a conn, which releases it
}

// take makes a conn the owner.
func (sl *slot) take() {
	sl.gate.mu.Lock()
	defer sl.gate.mu.Unlock()
	sl.taken = true
}

// settle releases the slot of a handshake that made no session.
func (sl *slot) settle() {
	sl.gate.mu.Lock()
	taken := sl.taken
	sl.gate.mu.Unlock()
	if !taken {
		sl.release()
	}
}

// open says that the session is no longer half open.
func (sl *slot) open() {
	sl.gate.mu.Lock()
	defer sl.gate.mu.Unlock()
	if sl.half {
		sl.half = false
		sl.of.half--
	}
}

func (sl *slot) release() {
	sl.open()
	sl.gate.mu.Lock()
	defer sl.gate.mu.Unlock()
	if sl.held {
		sl.held = false
		sl.of.sockets--
		sl.gate.total--
	}
}

// remoteIP is the address of the peer; of IPv6 the /64, because that is what one host gets.
func remoteIP(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	ip, err := netip.ParseAddr(host)
	if err != nil || ip.Unmap().Is4() {
		return host
	}
	net64, err := ip.WithZone("").Prefix(64)
	if err != nil {
		return host
	}
	return net64.String()
}
