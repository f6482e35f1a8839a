package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cuelight/cuelight/engine"
	"github.com/cuelight/cuelight/engine/account"
	"github.com/cuelight/cuelight/engine/secret"
	"github.com/cuelight/cuelight/steps"
	"github.com/cuelight/cuelight/store/postgres"
	"github.com/cuelight/cuelight/store/sqlite"
	"github.com/cuelight/cuelight/store/storetest"
	"github.com/cuelight/cuelight/triggers"
	"github.com/cuelight/cuelight/web/api"
)

// clock is a time that only tests move. The engine keeps its own: its timers are real.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Now()} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// online says that everybody has two sockets.
type online struct{}

func (online) Online(engine.AppID, engine.UserID) int { return 2 }

// sockets are the sockets of a node: app a has a connection, and whatever is told is kept.
type sockets struct {
	mu      sync.Mutex
	conns   map[engine.AppID][]engine.Connection
	refused []engine.Refused
	tickets []engine.Ticket
	saved   []string
}

func newSockets() *sockets {
	return &sockets{conns: map[engine.AppID][]engine.Connection{"a": {{ID: mark + "-connection", User: "anna", Transport: "websocket", Listens: []string{mark + "-heard"}}}}}
}

func (s *sockets) Ticket(t engine.Ticket) (string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tickets = append(s.tickets, t)
	return "ticket", len(s.tickets) < 10
}

func (s *sockets) ListConnections(app engine.AppID) []engine.Connection {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.conns[app])
}

func (s *sockets) Disconnect(app engine.AppID, id string) bool {
	return slices.ContainsFunc(s.ListConnections(app), func(c engine.Connection) bool { return c.ID == id })
}

func (s *sockets) Refused(_ engine.AppID, unknown bool) []engine.Refused {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !unknown {
		return nil
	}
	return slices.Clone(s.refused)
}

func (s *sockets) DraftSaved(app engine.AppID, scenario string, rev int64, by string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.saved = append(s.saved, fmt.Sprintf("%s/%s at %d by %s", app, scenario, rev, by))
}

// world is a server with two apps, a and b, and somebody of every kind.
type world struct {
	t        *testing.T
	engine   *engine.Engine
	store    engine.Store
	accounts *account.Service
	api      *api.API
	url      string
	sockets  *sockets
	path     string // of the SQLite file
	database string // the address of the PostgreSQL database, if it is one
	clock    *clock
	log      *bytes.Buffer

	change []func(*api.Options)
	close  func()

	rows int // times that a test wrote to the store itself

	mu    sync.Mutex
	ended []engine.Revocation
	keys  map[string]string // principal → Authorization, or "cookie:…"
}

const orderDoc = `{"id":"Order","title":"{{ number }}","fields":[{"id":"number","type":"string","auto":"{0000}","unique":true},
	{"id":"status","type":"string","options":["new","paid","ready"],"indexed":true},{"id":"total","type":"decimal"},{"id":"count","type":"number"},
	{"id":"due","type":"date"},{"id":"urgent","type":"boolean"},{"id":"owner","type":"link","structure":"User"},{"id":"note","type":"string"},{"id":"extra","type":"json"}]}`

func TestMain(m *testing.M) { storetest.Main(m) }

func newWorld(t *testing.T, change ...func(*api.Options)) *world {
	t.Helper()
	w := emptyWorld(t, change...)
	w.open(sqlite.Options{})
	w.people()
	return w
}

func emptyWorld(t *testing.T, change ...func(*api.Options)) *world {
	w := &world{t: t, path: filepath.Join(t.TempDir(), "cuelight.db"), clock: newClock(), log: &bytes.Buffer{}, keys: map[string]string{}, change: change, sockets: newSockets()}
	t.Cleanup(func() { w.close() })
	return w
}

// onEveryStore carries a test out on a file and on PostgreSQL.
func onEveryStore(t *testing.T, test func(t *testing.T, w *world)) {
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, newWorld(t))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		w := emptyWorld(t)
		url := storetest.Postgres(t)
		store, err := postgres.Open(t.Context(), url, postgres.Options{})
		w.must(err)
		w.database = url
		w.serve(store)
		w.people()
		test(t, w)
	})
}

// open starts a server on the file.
func (w *world) open(opt sqlite.Options) {
	w.t.Helper()
	store, err := sqlite.Open(w.t.Context(), w.path, opt)
	w.must(err)
	w.serve(store)
}

func (w *world) serve(store interface {
	engine.Store
	Close() error
},
) {
	w.t.Helper()
	kinds := engine.Kinds{Steps: steps.All(), Triggers: triggers.All()}
	box, err := secret.NewBox(make([]byte, secret.KeyBytes))
	w.must(err)
	w.store, w.engine = store, engine.New(store, engine.Options{Kinds: kinds, Secrets: box})
	w.must(w.engine.Start(w.t.Context()))
	w.accounts = account.New(account.Options{Engine: w.engine, Store: store, Clock: w.clock.Now, Ended: w.end})
	o := api.Options{
		Engine: w.engine, Store: store, Accounts: w.accounts, Kinds: kinds, Presence: online{}, Console: w.sockets, Version: "test",
		Log: slog.New(slog.NewTextHandler(&locked{w: w.log}, nil)), Shown: []api.Limit{{Name: "sockets", Value: 1, Unit: "sockets", Help: "shown"}},
	}
	for _, f := range w.change {
		f(&o)
	}
	w.api = api.New(o)
	server := httptest.NewServer(w.api)
	w.url = server.URL
	w.close = func() {
		server.Close()
		w.engine.Close()
		_ = store.Close()
	}
}

// reopen stops the server and starts it anew on the same file.
func (w *world) reopen(opt sqlite.Options) {
	w.t.Helper()
	w.close()
	w.open(opt)
}

type locked struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

func (w *world) end(r engine.Revocation) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended = append(w.ended, r)
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) people() {
	ctx := w.t.Context()
	for _, app := range []engine.AppID{"a", "b"} {
		w.must(w.engine.PutApp(ctx, engine.App{ID: app}, true))
		_, err := w.engine.SaveStructure(ctx, app, []byte(orderDoc))
		w.must(err)
	}
	_, err := w.engine.Write(ctx, engine.Write{App: "a", Kind: engine.WriteCreate, Structure: "User", ID: "anna", Who: "test", Fields: fields(w.t, `{"name":"Anna","role":"clerk"}`)})
	w.must(err)
	w.keys["nobody"] = ""
	for _, scope := range account.Scopes() {
		w.keys["a/"+string(scope)] = w.token("a", string(scope))
	}
	w.keys["a/all"] = w.token("a", "objects:read", "objects:write", "push", "push:all", "runs:read", "runs:write", "scenarios:read", "scenarios:write", "users:write")
	w.keys["b/admin"] = w.token("b", "admin")
	w.keys["*/admin"] = w.token("*", "admin")
}

// everybody makes the principals that cost a hash of a password, which as else does when they are first asked for.
func (w *world) everybody() {
	for _, who := range []string{"user", "admin", "builder", "viewer"} {
		w.key(who)
	}
}

// key is how a principal shows who it is.
func (w *world) key(who string) string {
	w.t.Helper()
	if key, known := w.keys[who]; known {
		return key
	}
	ctx := w.t.Context()
	switch who {
	case "user":
		w.must(w.accounts.SetPassword(ctx, "a", "anna", "password"))
		secret, _, err := w.accounts.LoginUser(ctx, "a", "anna", "password", "10.0.0.1")
		w.must(err)
		w.keys[who] = "Bearer " + secret
	case "admin", "builder", "viewer":
		_, err := w.accounts.CreateAccount(ctx, who+"@example.com", "password", account.Role(who))
		w.must(err)
		secret, _, err := w.accounts.Login(ctx, who+"@example.com", "password", "10.0.0.1")
		w.must(err)
		w.keys[who] = "cookie:" + secret
	default:
		w.t.Fatalf("nobody is called %s", who)
	}
	return w.keys[who]
}

func (w *world) token(app engine.AppID, scopes ...string) string {
	w.t.Helper()
	secret, err := w.accounts.CreateToken(w.t.Context(), account.Token{Name: "with " + scopes[0], App: app, Scopes: scopes})
	w.must(err)
	return "Bearer " + secret
}

func fields(t *testing.T, doc string) map[string]json.RawMessage {
	t.Helper()
	var f map[string]json.RawMessage
	if err := json.Unmarshal([]byte(doc), &f); err != nil {
		t.Fatal(err)
	}
	return f
}

// answer is what came back.
type answer struct {
	t      *testing.T
	status int
	header http.Header
	body   string
}

// as sends a request as somebody. extra are headers, name and value in turn.
func (w *world) as(who, method, path, body string, extra ...string) answer {
	w.t.Helper()
	key := w.key(who)
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(context.Background(), method, w.url+path, reader)
	w.must(err)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if cookie, ok := strings.CutPrefix(key, "cookie:"); ok {
		req.AddCookie(&http.Cookie{Name: "cuelight", Value: cookie})
	} else if key != "" {
		req.Header.Set("Authorization", key)
	}
	for i := 0; i+1 < len(extra); i += 2 {
		if extra[i+1] == "" {
			req.Header.Del(extra[i])
			continue
		}
		req.Header.Set(extra[i], extra[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	w.must(err)
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	w.must(err)
	a := answer{w.t, resp.StatusCode, resp.Header, string(text)}
	for _, wrong := range contractOf(w.t, w.api).unfit(req, a) {
		w.t.Errorf("%s %s: %s", method, path, wrong)
	}
	return a
}

// do is as with a token that may do everything in a.
func (w *world) do(method, path, body string, extra ...string) answer {
	w.t.Helper()
	return w.as("a/all", method, "/api/v1/apps/a"+path, body, extra...)
}

// is checks the status.
func (a answer) is(status int) answer {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("answered %d, want %d: %s", a.status, status, a.body)
	}
	return a
}

// get reads a value of the body by its path, such as fields.0.code.
func (a answer) get(path string) string {
	a.t.Helper()
	dec := json.NewDecoder(strings.NewReader(a.body))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		a.t.Fatalf("body is not JSON: %v: %s", err, a.body)
	}
	for part := range strings.SplitSeq(path, ".") {
		switch x := v.(type) {
		case map[string]any:
			var ok bool
			if v, ok = x[part]; !ok {
				return "absent"
			}
		case []any:
			var i int
			if _, err := fmt.Sscan(part, &i); err != nil || i >= len(x) {
				return "absent"
			}
			v = x[i]
		default:
			return "absent"
		}
	}
	switch x := v.(type) {
	case string:
		return x
	case nil:
		return "null"
	case []any, map[string]any:
		doc, _ := json.Marshal(x)
		return string(doc)
	}
	return fmt.Sprint(v)
}

// has checks values of the body: path and value in turn.
func (a answer) has(pairs ...string) answer {
	a.t.Helper()
	for i := 0; i+1 < len(pairs); i += 2 {
		if got := a.get(pairs[i]); got != pairs[i+1] {
			a.t.Errorf("%s is %q, want %q: %s", pairs[i], got, pairs[i+1], a.body)
		}
	}
	return a
}
