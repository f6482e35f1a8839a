package live_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
	_ "modernc.org/sqlite"

	"github.com/cuelight/cuelight/engine"
	"github.com/cuelight/cuelight/web/live"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// store is a small push log and session table over a real SQLite file: what the tests' servers share and what outlives them.
type store struct {
	t  testing.TB
	db *sql.DB
	// reads counts the questions asked of the log, failing makes them fail.
	reads   atomic.Int64
	failing atomic.Bool
	// admitted, if set, runs when the door has decided but not yet answered.
	admitted atomic.Pointer[func()]
}

func newStore(t testing.TB) *store {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(t.TempDir(), "log.db")+"?_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)&_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	s := &store{t: t, db: db}
	s.exec(`CREATE TABLE heads(app TEXT PRIMARY KEY, epoch TEXT NOT NULL, pos INTEGER NOT NULL)`)
	s.exec(`CREATE TABLE pushes(app TEXT, pos INTEGER, receiver TEXT, event TEXT, message TEXT, json INTEGER, run TEXT, seq INTEGER, at INTEGER, PRIMARY KEY(app, pos)) WITHOUT ROWID`)
	s.exec(`CREATE TABLE sessions(app TEXT, token TEXT, id TEXT, user TEXT, ended INTEGER NOT NULL DEFAULT 0, PRIMARY KEY(app, token))`)
	s.exec(`CREATE TABLE logins(id TEXT PRIMARY KEY, role TEXT NOT NULL)`)
	s.exec(`CREATE TABLE origins(app TEXT, origin TEXT)`)
	for _, app := range []string{"demo", "other", "private"} {
		s.exec(`INSERT INTO heads VALUES(?, ?, 0)`, app, token())
	}
	for _, user := range []string{"anna", "bob", "carl"} {
		s.exec(`INSERT INTO sessions(app, token, id, user) VALUES('demo', ?, ?, ?)`, "token-"+user, "session-"+user, user)
	}
	s.exec(`INSERT INTO sessions(app, token, id, user) VALUES('private', 'token-anna', 'session-anna', 'anna')`)
	s.exec(`INSERT INTO origins VALUES('private', 'https://ours.example')`)
	return s
}

func token() string {
	var b [6]byte
	_, _ = rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

func (s *store) exec(query string, args ...any) {
	s.t.Helper()
	if _, err := s.db.Exec(query, args...); err != nil {
		s.t.Fatalf("%s: %v", query, err)
	}
}

// commit writes pushes in one transaction and gives them with their positions.
func (s *store) commit(pushes ...engine.Push) []engine.Push {
	s.t.Helper()
	tx, err := s.db.Begin()
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	for i := range pushes {
		p := &pushes[i]
		if p.At.IsZero() {
			p.At = time.Now().UTC()
		}
		if err := tx.QueryRow(`UPDATE heads SET pos = pos + 1 WHERE app = ? RETURNING pos`, p.App).Scan(&p.Pos); err != nil {
			s.t.Fatal(err)
		}
		if _, err := tx.Exec(`INSERT INTO pushes VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)`, p.App, p.Pos, p.To, p.Event, p.Message, p.JSON, p.Run, p.Seq, p.At.UnixMilli()); err != nil {
			s.t.Fatal(err)
		}
	}
	if err := tx.Commit(); err != nil {
		s.t.Fatal(err)
	}
	return pushes
}

func (s *store) ask() error {
	s.reads.Add(1)
	if s.failing.Load() {
		return fmt.Errorf("store is away")
	}
	return nil
}

func (s *store) PushHead(ctx context.Context, app engine.AppID) (h engine.PushHead, err error) {
	if err := s.ask(); err != nil {
		return h, err
	}
	err = s.db.QueryRowContext(ctx, `SELECT epoch, pos FROM heads WHERE app = ?`, app).Scan(&h.Epoch, &h.Pos)
	return h, err
}

func (s *store) Pushes(ctx context.Context, app engine.AppID, after int64, limit int) ([]engine.Push, error) {
	if err := s.ask(); err != nil {
		return nil, err
	}
	return s.pushes(ctx, `SELECT app, pos, receiver, event, message, json, run, seq, at FROM pushes WHERE app = ? AND pos > ? ORDER BY pos LIMIT ?`, app, after, limit)
}

func (s *store) pushes(ctx context.Context, query string, args ...any) ([]engine.Push, error) {
	rows, err := s.db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var out []engine.Push
	for rows.Next() {
		var p engine.Push
		var at int64
		if err := rows.Scan(&p.App, &p.Pos, &p.To, &p.Event, &p.Message, &p.JSON, &p.Run, &p.Seq, &at); err != nil {
			return nil, err
		}
		p.At = time.UnixMilli(at).UTC()
		out = append(out, p)
	}
	return out, rows.Err()
}

func (s *store) RecentPushes(ctx context.Context, app engine.AppID, w live.Window) (r live.Recent, err error) {
	if r.Head, err = s.PushHead(ctx, app); err != nil {
		return r, err
	}
	newest, err := s.pushes(ctx, `SELECT app, pos, receiver, event, message, json, run, seq, at FROM pushes WHERE app = ? AND pos <= ? AND at >= ? ORDER BY pos DESC LIMIT ?`,
		app, r.Head.Pos, w.Since.UnixMilli(), w.Pushes)
	if err != nil {
		return r, err
	}
	size := 0
	for i, p := range newest {
		if size += len(p.Message); size > w.Bytes {
			newest = newest[:i]
			break
		}
	}
	slices.Reverse(newest)
	r.Pushes, r.Last = newest, map[string]int64{}
	first := r.Head.Pos + 1
	if len(newest) > 0 {
		first = newest[0].Pos
	}
	rows, err := s.db.QueryContext(ctx, `SELECT receiver, max(pos) FROM pushes WHERE app = ? AND pos < ? GROUP BY receiver`, app, first)
	if err != nil {
		return r, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var to string
		var pos int64
		if err := rows.Scan(&to, &pos); err != nil {
			return r, err
		}
		r.Last[to] = pos
	}
	return r, rows.Err()
}

// Admit is the door: guests only in demo, sessions as the table says.
func (s *store) Admit(ctx context.Context, app engine.AppID, session, origin string) (live.Visitor, error) {
	v, err := s.admit(ctx, app, session, origin)
	if f := s.admitted.Load(); f != nil {
		(*f)()
	}
	return v, err
}

func (s *store) admit(ctx context.Context, app engine.AppID, session, origin string) (live.Visitor, error) {
	var allowed sql.NullString
	if err := s.db.QueryRowContext(ctx, `SELECT group_concat(origin) FROM origins WHERE app = ?`, app).Scan(&allowed); err != nil {
		return live.Visitor{}, err
	}
	if allowed.Valid && !slices.Contains(strings.Split(allowed.String, ","), origin) {
		return live.Visitor{}, &live.Refusal{Code: live.CodeOriginRefused, Message: "this origin may not connect"}
	}
	var known int
	if err := s.db.QueryRowContext(ctx, `SELECT count(*) FROM heads WHERE app = ?`, app).Scan(&known); err != nil {
		return live.Visitor{}, err
	}
	if known == 0 {
		return live.Visitor{}, &live.Refusal{Code: live.CodeAppUnknown, Message: "no such app"}
	}
	if session == "" && app == "demo" {
		return live.Visitor{App: app}, nil
	}
	v := live.Visitor{App: app}
	err := s.db.QueryRowContext(ctx, `SELECT id, user FROM sessions WHERE app = ? AND token = ? AND NOT ended`, app, session).Scan(&v.Session, &v.User)
	if err == sql.ErrNoRows {
		return live.Visitor{}, &live.Refusal{Code: live.CodeSessionExpired, Message: "the session has expired"}
	}
	return v, err
}

// Standing tells the role of an account's login.
func (s *store) Standing(ctx context.Context, session string) (role string, err error) {
	err = s.db.QueryRowContext(ctx, `SELECT role FROM logins WHERE id = ?`, session).Scan(&role)
	if err == sql.ErrNoRows {
		err = engine.ErrNotFound
	}
	return role, err
}

// world is a server on a real port over a store.
type world struct {
	t      testing.TB
	store  *store
	limits live.Limits
	live   *live.Server
	http   *http.Server
	addr   string
	served chan struct{}
	feed   live.Feed    // may be nil
	skip   atomic.Int64 // nanoseconds by which the clock is ahead
	shut   atomic.Bool  // the network is cut
	busy   atomic.Int64 // requests under way, polls that wait among them

	mu    sync.Mutex
	conns map[net.Conn]struct{}
	told  map[string]engine.Delivery // by run and seq, added up
}

var testKey = []byte("0123456789abcdef0123456789abcdef")

func newWorld(t testing.TB, limits live.Limits) *world {
	t.Helper()
	return newNode(t, newStore(t), limits)
}

// newNode is one more server over the same store.
func newNode(t testing.TB, s *store, limits live.Limits, feeds ...live.Feed) *world {
	t.Helper()
	w := &world{t: t, store: s, limits: limits, addr: "127.0.0.1:0", conns: map[net.Conn]struct{}{}, told: map[string]engine.Delivery{}}
	for _, f := range feeds {
		w.feed = f
	}
	w.start()
	t.Cleanup(w.stop)
	return w
}

func (w *world) start() {
	w.t.Helper()
	level := slog.LevelWarn
	if os.Getenv("LIVE_DEBUG") != "" {
		level = slog.LevelDebug
	}
	w.live = live.New(live.Options{
		Log: w.store, Door: w.store, Key: testKey, Limits: w.limits,
		Logger: slog.New(slog.NewTextHandler(w.t.Output(), &slog.HandlerOptions{Level: level})),
		Go:     func(_ string, f func()) { go f() },
		Now:    func() time.Time { return time.Now().Add(time.Duration(w.skip.Load())) },
		Report: w.tell, Accounts: w.store, Feed: w.feed,
	})
	l, err := net.Listen("tcp", w.addr)
	if err != nil {
		w.t.Fatal(err)
	}
	w.addr = l.Addr().String()
	mux := http.NewServeMux()
	handler := w.live.Handler()
	mux.HandleFunc("/socket.io/", func(rw http.ResponseWriter, r *http.Request) {
		w.busy.Add(1)
		defer w.busy.Add(-1)
		handler.ServeHTTP(rw, r)
	})
	w.http = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	w.served = make(chan struct{})
	go func() {
		defer close(w.served)
		_ = w.http.Serve(&tracking{l, w})
	}()
}

func (w *world) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := w.live.Close(ctx); err != nil {
		w.t.Errorf("close: %v; %+v", err, w.live.Stats())
	}
	_ = w.http.Close()
	<-w.served
}

// tracking remembers the connections, so that a test can cut them.
type tracking struct {
	net.Listener
	w *world
}

func (l *tracking) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		l.w.mu.Lock()
		if l.w.shut.Load() {
			l.w.mu.Unlock()
			_ = c.Close()
			continue
		}
		l.w.conns[c] = struct{}{}
		l.w.mu.Unlock()
		return c, nil
	}
}

// cut closes every connection and lets none in until mend.
func (w *world) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.shut.Store(true)
	for c := range w.conns {
		if t, ok := c.(*net.TCPConn); ok {
			_ = t.SetLinger(0)
		}
		_ = c.Close()
	}
	clear(w.conns)
}

func (w *world) mend() { w.shut.Store(false) }

func (w *world) url() string { return "http://" + w.addr }

// push commits and hands over, as the engine does.
func (w *world) push(to, event, message string) int64 {
	w.t.Helper()
	p := w.store.commit(engine.Push{App: "demo", To: to, Event: event, Message: message})
	w.live.Pushed(p)
	return p[0].Pos
}

func encodeJSON(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
