// Package api is /api/v1: one file per resource over a small frame. Every route is a row with the right that it needs; the frame
// authenticates, reads the body strictly, calls the resource, and turns its error into a problem. huma gives parameters and OpenAPI;
// its own reading of bodies and its error texts are not used (contracts 9).
package api

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"golang.org/x/time/rate"

	"github.com/cuelight/cuelight/engine"
	"github.com/cuelight/cuelight/engine/account"
)

// Presence says how many sockets are open.
type Presence interface {
	// Online counts the sockets of a user on this node, or of the whole app for engine.Everybody.
	Online(app engine.AppID, user engine.UserID) int
}

// Options are what the API is made of. Engine, Store and Accounts are needed.
type Options struct {
	Engine   *engine.Engine
	Store    engine.Store
	Accounts *account.Service
	// Kinds are the catalogue of step and trigger kinds.
	Kinds engine.Kinds
	// PrivateHosts says which of an app's private hosts can not be read; nil: any may be saved.
	PrivateHosts func([]string) error
	// Presence may be nil: then nobody is online.
	Presence Presence
	// Console may be nil: then nobody can watch.
	Console Console
	Log     *slog.Logger
	// Version is the program's version.
	Version string
	// Address tells the address of a client, for login limits. Nil means the peer.
	Address func(*http.Request) string
	// Secure says that clients come by TLS; cookies are then bound to it. Nil means where the request itself is TLS.
	Secure func(*http.Request) bool
	Limits Limits
	// StoreName is what the store is called, such as SQLite.
	StoreName string
	// Settings are what the server was started with.
	Settings []Setting
	// Shown are rows for /limits of parts that this package does not know, such as sockets.
	Shown []Limit
}

// API answers /api/v1 and /api/openapi.json.
type API struct {
	opt    Options
	log    *slog.Logger
	limits Limits
	mux    pairs
	huma   huma.API
	routes []Route
	cross  *http.CrossOriginProtection

	inFlight atomic.Int64 // bytes of bodies being worked at
	waiting  waiting
	// pushRates bound what apps send.
	pushRates rates
	stopping  context.Context // ends when nobody shall wait for runs any more
	drain     context.CancelFunc

	document sync.Once
	openAPI  []byte
}

// New makes the API.
func New(o Options) *API {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Console == nil {
		o.Console = nobody{}
	}
	if o.Address == nil {
		o.Address = peer
	}
	if o.Secure == nil {
		o.Secure = func(r *http.Request) bool { return r.TLS != nil }
	}
	a := &API{opt: o, log: o.Log, limits: o.Limits.withDefaults(), mux: pairs{http.NewServeMux()}, cross: http.NewCrossOriginProtection()}
	a.waiting.max = a.limits.WaitPerApp
	a.pushRates = rates{limit: a.limits.Pushes, apps: map[engine.AppID]*rate.Limiter{}}
	a.stopping, a.drain = context.WithCancel(context.Background())
	a.huma = humago.New(a.mux, a.config())
	a.registerAll()
	a.mux.HandleFunc("GET /api/openapi.json", a.serveOpenAPI)
	a.mux.HandleFunc("/api/", a.nothingHere)
	return a
}

func (a *API) config() huma.Config {
	format := huma.Format{Marshal: writeJSON, Unmarshal: func([]byte, any) error { return huma.ErrUnknownContentType }}
	return huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title: "Cuelight", Version: "v1",
				Description: "Objects, durable scenarios and recoverable push. Numbers are exact, keys are case-sensitive, errors are RFC 9457 problems.",
			},
			Components: &huma.Components{
				Schemas: huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer),
				SecuritySchemes: map[string]*huma.SecurityScheme{
					"token":   {Type: "http", Scheme: "bearer", Description: "An API token (cue_…) or, for `me`, a user's session_id."},
					"session": {Type: "apiKey", In: "cookie", Name: cookieName, Description: "The cookie of an account's login; same-origin only."},
				},
			},
		},
		// "json" is for application/problem+json.
		Formats:                      map[string]huma.Format{"application/json": format, "json": format},
		DefaultFormat:                "application/json",
		RejectUnknownQueryParameters: true,
	}
}

// writeJSON writes text as it is: without HTML escapes.
func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// ServeHTTP answers what lies under /api/.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.mux.ServeHTTP(w, r) }

// Drain lets those who wait for runs go with what there is, so that the server can stop soon.
func (a *API) Drain() { a.drain() }

// Routes lists every operation with the right that it needs.
func (a *API) Routes() []Route { return a.routes }

// serveOpenAPI gives the document of all routes.
func (a *API) serveOpenAPI(w http.ResponseWriter, _ *http.Request) {
	a.document.Do(func() {
		doc, err := a.huma.OpenAPI().MarshalJSON()
		if err != nil {
			a.log.Error("make OpenAPI document", "err", err)
			return
		}
		var out bytes.Buffer
		if err := json.Compact(&out, doc); err == nil {
			a.openAPI = out.Bytes()
		}
	})
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(a.openAPI)
}

// nothingHere answers what no route answers: 404, or 405 where the path is there for another method.
func (a *API) nothingHere(w http.ResponseWriter, r *http.Request) {
	var allow []string
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		probe := &http.Request{Method: method, URL: r.URL, Host: r.Host}
		if _, pattern := a.mux.Handler(probe); pattern != "" && pattern != "/api/" {
			allow = append(allow, method)
		}
	}
	if len(allow) > 0 {
		w.Header().Set("Allow", strings.Join(allow, ", "))
		a.refuse(w, r, problem(http.StatusMethodNotAllowed, "METHOD", "this path does not answer %s", r.Method))
		return
	}
	a.refuse(w, r, problem(http.StatusNotFound, "PATH_NOT_FOUND", "there is nothing at this path"))
}

// waiting counts the requests of each app that wait for runs.
type waiting struct {
	max int
	mu  sync.Mutex
	n   map[engine.AppID]int
}

func (w *waiting) enter(app engine.AppID) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.n == nil {
		w.n = map[engine.AppID]int{}
	}
	if w.n[app] >= w.max {
		return false
	}
	w.n[app]++
	return true
}

func (w *waiting) leave(app engine.AppID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.n[app]--; w.n[app] == 0 {
		delete(w.n, app)
	}
}

// runsOf waits for runs to end, at most as long as wait says; it answers whether all of them have.
func (a *API) runsOf(ctx context.Context, app engine.AppID, ids []engine.RunID, wait time.Duration) ([]*engine.Run, bool, error) {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	defer context.AfterFunc(a.stopping, cancel)()
	ended, err := a.opt.Engine.Await(ctx, app, ids)
	if err != nil && ctx.Err() != nil {
		err = nil
	}
	return ended, len(ended) == len(ids), err
}
