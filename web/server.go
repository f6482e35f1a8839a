// Package web is everything that a client talks to: it ties the API, the sockets, the original's paths and the pages to one handler,
// and keeps what holds for all of them: limits, headers, the access log and the order of shutting down.
package web

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cuelight/cuelight/engine"
	"github.com/cuelight/cuelight/engine/account"
	"github.com/cuelight/cuelight/web/api"
	"github.com/cuelight/cuelight/web/app"
	"github.com/cuelight/cuelight/web/directual"
	"github.com/cuelight/cuelight/web/help"
)

// Options are what a Server is made of. Engine, Store and Accounts are needed.
type Options struct {
	Engine   *engine.Engine
	Store    engine.Store
	Accounts *account.Service
	Kinds    engine.Kinds
	// Live answers /socket.io/; nil: nothing does. Presence says who is online.
	Live     http.Handler
	Presence api.Presence
	// Console is what accounts see of the sockets; nil: nothing.
	Console api.Console
	// PrivateHosts is handed to the API.
	PrivateHosts func([]string) error
	// Extra are handlers of further paths, such as /demo/.
	Extra map[string]http.Handler
	Log   *slog.Logger
	// AccessLog gets a line for each request, without queries. Nil means none.
	AccessLog *slog.Logger
	Version   string
	// TLS says that clients come by TLS, even if a proxy ends it.
	TLS bool
	// Address tells the address of a client; behind a proxy it has to look at a header that the proxy sets. Nil means the peer.
	Address func(*http.Request) string
	Limits  Limits
	// StoreName is what the store is called, Settings what the server was started with: both for /api/v1/settings.
	StoreName string
	Settings  []api.Setting
	// Shown are rows for /api/v1/limits of parts that are wired from outside, such as sockets.
	Shown []api.Limit
	// Clock is the time of the rate limit. Nil means time.Now.
	Clock func() time.Time
}

// Limits bound what one client can take. A zero field means its default, a negative one no limit.
type Limits struct {
	API api.Limits
	// Requests is how many calls of /api, /good and /setup one address (IPv6: one /64) has per Per: 300 in 10 s.
	Requests int
	Per      time.Duration
	// Batches is how many batches of objects one address has per second, 3.
	Batches int
	// Connections of one address, 2,500: room for its 2,000 sockets and 500 that are not yet open.
	Connections int
}

func (l Limits) withDefaults() Limits {
	if l.Requests == 0 {
		l.Requests = 300
	}
	if l.Per == 0 {
		l.Per = 10 * time.Second
	}
	if l.Batches == 0 {
		l.Batches = 3
	}
	if l.Connections == 0 {
		l.Connections = 2500
	}
	return l
}

// Server answers everything. Its methods may be called concurrently.
type Server struct {
	opt      Options
	log      *slog.Logger
	limits   Limits
	api      *api.API
	mux      *http.ServeMux
	rate     *rates
	batches  *rates
	conns    connections
	draining atomic.Bool
}

// New makes a server that is ready to answer.
func New(o Options) *Server {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.AccessLog == nil {
		o.AccessLog = slog.New(slog.DiscardHandler)
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Address == nil {
		o.Address = peer
	}
	s := &Server{opt: o, log: o.Log, limits: o.Limits.withDefaults(), mux: http.NewServeMux()}
	s.rate, s.batches = newRates(s.limits.Requests, s.limits.Per, o.Clock), newRates(s.limits.Batches, time.Second, o.Clock)
	s.conns.max = s.limits.Connections
	s.api = api.New(api.Options{
		Engine: o.Engine, Store: o.Store, Accounts: o.Accounts, Kinds: o.Kinds, Presence: o.Presence, Console: o.Console, PrivateHosts: o.PrivateHosts, Log: o.Log, Version: o.Version,
		Address: o.Address, Secure: s.secure, Limits: s.limits.API, Shown: s.shown(), StoreName: o.StoreName, Settings: o.Settings,
	})
	s.routes()
	return s
}

// Routes lists the operations of the API with the right that each needs.
func (s *Server) Routes() []api.Route { return s.api.Routes() }

func (s *Server) shown() []api.Limit {
	rows := []api.Limit{
		{Name: "requests", Value: int64(s.limits.Requests), Unit: "per " + s.limits.Per.String(), Help: "requests of one address"},
		{Name: "batches", Value: int64(s.limits.Batches), Unit: "per second", Help: "batches of objects of one address"},
		{Name: "connections", Value: int64(s.limits.Connections), Unit: "connections", Help: "connections of one address"},
	}
	return append(rows, s.opt.Shown...)
}

func (s *Server) secure(r *http.Request) bool { return s.opt.TLS || r.TLS != nil }

func (s *Server) routes() {
	s.mux.Handle("/api/", s.api)
	s.mux.Handle("/good/", directual.New(directual.Options{Engine: s.opt.Engine, Accounts: s.opt.Accounts, Log: s.log, Address: s.opt.Address}))
	s.mux.Handle("/help/", help.New(s.opt.Kinds))
	s.mux.HandleFunc("GET /cuelight.js", s.script)
	s.mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusOK, "ok") })
	s.mux.HandleFunc("GET /readyz", s.ready)
	s.mux.HandleFunc("GET /setup/{token}", s.setupForm)
	s.mux.HandleFunc("POST /setup/{token}", s.setup)
	s.mux.Handle("GET /assets/", app.Files())
	s.mux.HandleFunc("GET /{$}", s.webApp)
	s.mux.HandleFunc("GET /a/", s.webApp)
	s.mux.HandleFunc("GET /api/docs", s.webApp)
	for path, h := range s.opt.Extra {
		s.mux.Handle(path, h)
	}
}

func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text + "\n"))
}

// ready says whether requests should be sent here: not while stopping, nor while the store is away.
func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	if s.draining.Load() {
		plain(w, http.StatusServiceUnavailable, "stopping")
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	if err := s.opt.Store.Ping(ctx); err != nil {
		s.log.WarnContext(r.Context(), "store does not answer", "err", err)
		plain(w, http.StatusServiceUnavailable, "the store does not answer")
		return
	}
	plain(w, http.StatusOK, "ready")
}

// Drain makes /readyz say 503, lets clients leave after their next answer, and ends waiting for runs; everything is still answered.
func (s *Server) Drain() {
	s.draining.Store(true)
	s.api.Drain()
}

// Handler answers everybody.
func (s *Server) Handler() http.Handler {
	inner := s.logged(s.bounded(s.mux))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.headers(w)
		// Sockets take over the connection and are bounded and logged by themselves; nothing may stand around their writer.
		if s.opt.Live != nil && strings.HasPrefix(r.URL.Path, "/socket.io/") {
			s.opt.Live.ServeHTTP(w, r)
			return
		}
		inner.ServeHTTP(w, r)
	})
}

// AdminHandler answers this machine's administrator without asking for a token or counting requests. It must be reachable only through
// the socket in the data directory.
func (s *Server) AdminHandler() http.Handler {
	inner := s.logged(s.mux)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.headers(w)
		inner.ServeHTTP(w, r.WithContext(api.AsLocal(r.Context())))
	})
}

// HTTPServer is an http.Server for a handler with the bounds that keep slow and greedy clients harmless. There is no write timeout and no
// read timeout over a whole request, since polls and waits take long; those who read a body give it a deadline of its own.
func (s *Server) HTTPServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 32 << 10,
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug), ConnState: s.conns.state,
	}
}

// headers are what every answer has.
func (s *Server) headers(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Security-Policy", policy(""))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	if s.draining.Load() {
		h.Set("Connection", "close")
	}
}

// policy is the content security policy (guarantees 3.8); nonce lets the one style sheet inside a page of ours count.
func policy(nonce string) string {
	style := "style-src 'self'"
	if nonce != "" {
		style += " 'nonce-" + nonce + "'"
	}
	return "default-src 'self'; script-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; connect-src 'self'; " +
		style + "; img-src 'self' data:; form-action 'self'"
}

// scriptOnce makes cuelight.js and its ETag when they are first asked for.
var scriptOnce = sync.OnceValues(makeScript)
