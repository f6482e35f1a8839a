package live

import (
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	eio "github.com/zishang520/socket.io/servers/engine/v3"
	"github.com/zishang520/socket.io/servers/engine/v3/transports"
	"github.com/zishang520/socket.io/servers/socket/v3"
	"github.com/zishang520/socket.io/v3/pkg/types"

	"github.com/cuelight/cuelight/engine"
)

var errClosed = errors.New("connection closed")

// Options is what a Server needs. Log, Door, Key and Go are needed; the others have defaults.
type Options struct {
	Log  Log
	Door Door
	// Key is the HMAC key of pids, at least 32 bytes, the same on every node and after a restart: it is what lets a client go on.
	Key    []byte
	Limits Limits
	Logger *slog.Logger
	Now    func() time.Time
	// Go starts a goroutine under an owner and recovers its panic. Every goroutine of this package ends at Close.
	Go func(name string, f func())
	// Report gets about once a second what became of the pushes of runs, as sums since it was last called, and once more at Close. Other things
	// wait while it runs, so it should only put them down. Default: nobody wants to know.
	Report func([]engine.Delivery)
	// Feed tells of committed runs and scenarios; nil: those who watch hear of sockets and pushes only.
	Feed Feed
	// Accounts says which logins still stand; nil: there is no namespace /admin.
	Accounts Accounts
	// IP tells the address of a client for its limits; behind a proxy it has to look at a header. Default: the peer, of IPv6 the /64.
	IP func(*http.Request) string
}

// Server is the Socket.IO server of one node. Its methods may be called concurrently.
type Server struct {
	pushLog     Log
	door        Door
	key         []byte
	limits      Limits
	log         *slog.Logger
	now         func() time.Time
	run         func(name string, f func())
	ip          func(*http.Request) string
	report      func([]engine.Delivery)
	io          *socket.Server
	engine      http.Handler
	gate        *gate
	workers     *workers
	admissions  chan struct{}
	revocations revocations
	tallies     *tallies
	stats       counters
	accounts    Accounts
	tickets     tickets
	watchers    *watchers
	refusals    refusals

	ctx  context.Context // ends at Close; no request's context, for a socket outlives the request that opened it
	stop context.CancelFunc

	mu      sync.Mutex
	closed  bool
	running int           // goroutines
	changed chan struct{} // closed when running or conns shrink, while Close waits
	conns   map[string]*conn
	tails   map[engine.AppID]*tail
}

// New makes a server that is ready to serve. It panics when a needed option is missing.
func New(o Options) *Server {
	if o.Log == nil || o.Door == nil || o.Go == nil || len(o.Key) < 32 {
		panic("live: Log, Door, Go and a Key of 32 bytes are needed")
	}
	s := &Server{
		pushLog: o.Log, door: o.Door, key: o.Key, limits: o.Limits.withDefaults(), log: o.Logger, now: o.Now, run: o.Go, ip: o.IP,
		report: o.Report, tallies: newTallies(), workers: newWorkers(), conns: map[string]*conn{}, tails: map[engine.AppID]*tail{},
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.report == nil {
		s.report = func([]engine.Delivery) {}
	}
	if s.ip == nil {
		s.ip = remoteIP
	}
	s.accounts, s.watchers = o.Accounts, newWatchers(o.Feed, s.now)
	s.tickets.all, s.refusals.apps = map[[sha256.Size]byte]ticket{}, map[engine.AppID][]engine.Refused{}
	s.gate = &gate{limits: s.limits, ips: map[string]*address{}}
	s.admissions = make(chan struct{}, s.limits.Admissions)
	s.revocations.last = map[revocation]revoked{}
	s.ctx, s.stop = context.WithCancel(context.Background())
	s.bind()
	s.bindAdmin()
	for range runtime.GOMAXPROCS(0) {
		s.goes("live worker", s.workers.work)
	}
	s.goes("live sweeper", s.sweep)
	return s
}

// bind sets the library up: its protocol, our transports, parser and adapter.
func (s *Server) bind() {
	o := socket.DefaultServerOptions()
	o.SetServeClient(false)
	o.SetTransports(types.NewSet[transports.TransportCtor](pollingCtor{s}, websocketCtor{s}))
	o.SetParser(textParser{})
	o.SetAdapter(adapterBuilder{s})
	o.SetAllowEIO3(false)
	o.SetMaxHttpBufferSize(int64(s.limits.MessageBytes))
	o.SetConnectTimeout(s.limits.ConnectTimeout)
	o.SetPingInterval(s.limits.PingInterval)
	o.SetPingTimeout(s.limits.PingTimeout)
	// Authority is a token in the CONNECT packet, never a cookie, so any origin may try; the app's allow-list is judged by the Door.
	o.SetCors(&types.Cors{Origin: "*", Methods: "GET,POST"})
	recovery := socket.DefaultConnectionStateRecovery()
	recovery.SetSkipMiddlewares(false)
	o.SetConnectionStateRecovery(recovery)
	s.io = socket.NewServer(nil, o)
	s.io.Use(s.judge)
	_ = s.io.On("connection", func(args ...any) {
		if so, ok := args[0].(*socket.Socket); ok {
			s.connected(so)
		}
	})
	s.engine = s.io.ServeHandler(nil)
	// After the library's own listener: only now does somebody take what the transport reads.
	_ = s.io.Engine().On("connection", func(args ...any) {
		if eng, ok := args[0].(eio.Socket); ok {
			sl, _ := eng.Request().Request().Context().Value(slotKey{}).(*slot)
			sl.take()
			s.newConn(eng, sl)
		}
	})
}

// judge is the middleware; admit has spoken before it.
func (s *Server) judge(so *socket.Socket, next func(*socket.ExtendedError)) {
	refusal := &Refusal{Code: CodeSessionExpired, Message: "the connection has ended"}
	if c := s.conn(so.Conn().Id()); c != nil {
		refusal = c.verdict()
	}
	if refusal != nil {
		data := map[string]any{"code": refusal.Code}
		if refusal.Limit != "" {
			data["limit"] = refusal.Limit
		}
		next(socket.NewExtendedError(refusal.Message, data))
		return
	}
	next(nil)
}

func (s *Server) connected(so *socket.Socket) {
	if c := s.conn(so.Conn().Id()); c != nil {
		c.connected(so)
		return
	}
	so.Disconnect(false)
}

// Handler serves /socket.io/. Its server needs a ReadHeaderTimeout and must have no WriteTimeout: a poll is held for as long as a ping interval.
func (s *Server) Handler() http.Handler { return http.HandlerFunc(s.serveHTTP) }

// Pushed takes committed pushes of any apps, of each in position order. It does no I/O and never waits for a socket. What it misses, and what
// comes out of turn, is read from the log.
func (s *Server) Pushed(pushes []engine.Push) {
	for len(pushes) > 0 {
		n := 1
		for n < len(pushes) && pushes[n].App == pushes[0].App {
			n++
		}
		s.mu.Lock()
		t := s.tails[pushes[0].App]
		s.mu.Unlock()
		if s.watchers.n.Load() > 0 {
			app := pushes[0].App
			s.watchers.pushed(pushes[:n], func(to string) int { return s.Online(app, engine.UserID(to)) })
		}
		if t != nil {
			t.pushed(pushes[:n])
		} else {
			s.tallies.unheard(pushes[:n])
		}
		pushes = pushes[n:]
	}
}

// Close closes all transports, without a DISCONNECT packet that would keep stock clients from coming back, and waits until all has ended.
func (s *Server) Close(ctx context.Context) error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.io.Close(nil)
	for _, c := range s.all() {
		c.kill(reasonClosing)
	}
	err := s.wait(ctx, func() bool { return len(s.conns) == 0 })
	s.stop()
	s.workers.stop()
	err = errors.Join(err, s.wait(ctx, func() bool { return s.running == 0 }))
	s.tell()
	return err
}

// wait waits until done holds; done is called under the server's mutex.
func (s *Server) wait(ctx context.Context, done func() bool) error {
	for {
		s.mu.Lock()
		if done() {
			s.mu.Unlock()
			return nil
		}
		if s.changed == nil {
			s.changed = make(chan struct{})
		}
		changed := s.changed
		s.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// signal tells Close that something has ended. The caller holds mu.
func (s *Server) signal() {
	if s.changed != nil {
		close(s.changed)
		s.changed = nil
	}
}

// goes starts a goroutine that Close waits for. While Close still lets connections say goodbye it works on; afterwards it gives false.
func (s *Server) goes(name string, f func()) bool {
	s.mu.Lock()
	if s.closed && s.ctx.Err() != nil {
		s.mu.Unlock()
		return false
	}
	s.running++
	s.mu.Unlock()
	s.run(name, func() {
		defer func() {
			s.mu.Lock()
			s.running--
			s.signal()
			s.mu.Unlock()
		}()
		f()
	})
	return true
}

func (s *Server) closing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

func (s *Server) conn(id string) *conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conns[id]
}

func (s *Server) all() []*conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Values(s.conns))
}

// hold gives the app's tail, which stays until it is released.
func (s *Server) hold(app engine.AppID) *tail {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tails[app]
	if t == nil {
		t = newTail(s, app)
		s.tails[app] = t
	}
	t.refs++
	return t
}

func (s *Server) release(t *tail) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.refs--; t.refs == 0 {
		t.idle = s.now()
	}
}

// sweep looks once a second after what no event tells of.
func (s *Server) sweep() {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-s.ctx.Done():
			return
		}
		now := s.now()
		for _, c := range s.all() {
			c.sweep()
		}
		for _, t := range s.idle(now) {
			t.sweep(now)
		}
		s.tell()
		s.gate.sweep()
		s.revocations.sweep(now.Add(-2 * s.limits.AdmitTimeout))
	}
}

// idle drops the tails that nobody has held for a replay window, and gives the others.
func (s *Server) idle(now time.Time) []*tail {
	s.mu.Lock()
	defer s.mu.Unlock()
	for app, t := range s.tails {
		if t.refs == 0 && now.Sub(t.idle) > s.limits.Window {
			delete(s.tails, app)
		}
	}
	return slices.Collect(maps.Values(s.tails))
}

// Online counts the sockets of a user on this node; with engine.Everybody all of the app's, guests too.
func (s *Server) Online(app engine.AppID, user engine.UserID) int {
	s.mu.Lock()
	t := s.tails[app]
	s.mu.Unlock()
	if t == nil {
		return 0
	}
	return t.online(user)
}

// Connections counts the sockets of an app on this node.
func (s *Server) Connections(app engine.AppID) int { return s.Online(app, engine.Everybody) }

type counters struct {
	delivered, receipts, ignored, resumed, refused, denied, slow atomic.Int64
}

// Stats are counts since New, save Sockets and Apps, which are of now.
type Stats struct {
	Sockets   int   `json:"sockets"`    // engine sockets, those before CONNECT too
	Apps      int   `json:"apps"`       // with a ring
	Delivered int64 `json:"delivered"`  // pushes handed to sockets
	Receipts  int64 `json:"receipts"`   // of clients
	Ignored   int64 `json:"ignored"`    // client events that nobody takes
	Resumed   int64 `json:"resumed"`    // connections that went on where they were
	Refused   int64 `json:"refused"`    // by the Door or a limit, as connect_error
	Denied    int64 `json:"denied"`     // HTTP requests that the guard turned away
	SlowEnded int64 `json:"slow_ended"` // sockets closed because they fell out of the ring
	Untold    int64 `json:"untold"`     // steps whose deliveries were not reported in some second, for there were too many
}

// Stats gives the node's counts.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := &s.stats
	return Stats{
		Sockets: len(s.conns), Apps: len(s.tails), Delivered: n.delivered.Load(), Receipts: n.receipts.Load(), Ignored: n.ignored.Load(),
		Resumed: n.resumed.Load(), Refused: n.refused.Load(), Denied: n.denied.Load(), SlowEnded: n.slow.Load(),
		Untold: s.tallies.dropped.Load(),
	}
}
