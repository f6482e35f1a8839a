package live_test

import (
	"bufio"
	"encoding/json"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/cuelight/cuelight/engine"
	"github.com/cuelight/cuelight/web/live"
)

var versions = []string{"4.5.1", "4.6.2", "4.8.4"}

var transportSets = map[string][]string{
	"websocket": {"websocket"},
	"polling":   {"polling"},
	"upgrade":   {"polling", "websocket"},
}

// stock is a Node process with stock clients in it.
type stock struct {
	t      *testing.T
	w      *world
	in     io.WriteCloser
	news   map[string]chan happened
	failed chan struct{}
}

// happened is one line of the process.
type happened struct {
	Name, What, Event, Reason, Message, Transport, ID string
	Args                                              any
	Data                                              struct{ Code string }
	Recovered                                         bool
}

// newStock starts Node. Without Node or the installed clients the test is skipped, but never in CI.
func newStock(t *testing.T, w *world, names ...string) *stock {
	t.Helper()
	dir := filepath.Join("testdata", "clients")
	node, err := exec.LookPath("node")
	if _, statErr := os.Stat(filepath.Join(dir, "node_modules", "client-4.8.4")); err != nil || statErr != nil {
		const loud = "STOCK CLIENTS NOT TESTED: needs node and `npm ci` in web/live/testdata/clients"
		if os.Getenv("CI") == "true" {
			t.Fatal(loud)
		}
		t.Skip(loud)
	}
	cmd := exec.Command(node, "client.cjs")
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s := &stock{t: t, w: w, in: in, news: map[string]chan happened{}, failed: make(chan struct{})}
	for _, name := range names {
		s.news[name] = make(chan happened, 10_000)
	}
	go func() {
		defer close(s.failed)
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			var h happened
			if err := json.Unmarshal(lines.Bytes(), &h); err != nil {
				t.Errorf("line %q: %v", lines.Text(), err)
				return
			}
			s.news[h.Name] <- h
		}
	}()
	t.Cleanup(func() {
		_ = in.Close()
		<-s.failed
		_ = cmd.Wait()
	})
	return s
}

func (s *stock) do(name, what string, more map[string]any) {
	s.t.Helper()
	c := map[string]any{"name": name, "do": what}
	maps.Copy(c, more)
	if _, err := io.WriteString(s.in, encodeJSON(s.t, c)+"\n"); err != nil {
		s.t.Fatal(err)
	}
}

func (s *stock) open(name, version string, transports []string, auth any, headers map[string]string) {
	s.do(name, "open", map[string]any{"version": version, "url": s.w.url(), "transports": transports, "auth": auth, "headers": headers})
}

// next waits for what a client says, skipping what is named in skip. An upgrade may come at any time.
func (s *stock) next(name string, skip ...string) happened {
	s.t.Helper()
	timeout := time.After(15 * time.Second)
	for {
		select {
		case h := <-s.news[name]:
			if h.What != "upgrade" && !slices.Contains(skip, h.What) {
				return h
			}
		case <-s.failed:
			s.t.Fatal("node ended")
		case <-timeout:
			s.t.Fatalf("%s says nothing; %+v", name, s.w.live.Stats())
		}
	}
}

func (s *stock) want(name, what string, skip ...string) happened {
	s.t.Helper()
	h := s.next(name, skip...)
	if h.What != what {
		s.t.Fatalf("%s: got %+v, want %s", name, h, what)
	}
	return h
}

// heard wants these events next and in this order; each event is its name, a colon and its first argument as JSON.
func (s *stock) heard(name string, events ...string) {
	s.t.Helper()
	for _, want := range events {
		h := s.want(name, "any", "message", "trouble")
		if got := h.Event + ":" + encodeJSON(s.t, h.Args); got != want {
			s.t.Fatalf("%s heard %s, want %s", name, got, want)
		}
	}
}

// heardNothingBefore pushes a mark to everybody and wants it to be the next thing that the client hears.
func (s *stock) heardNothingBefore(mark string, names ...string) {
	s.t.Helper()
	s.w.push(engine.Everybody, "mark", mark)
	for _, name := range names {
		s.heard(name, "mark:"+encodeJSON(s.t, mark))
	}
}

func auth(app, session string) map[string]any {
	a := map[string]any{"app_id": app}
	if session != "" {
		a["session_id"] = session
	}
	return a
}

func TestStockClients(t *testing.T) {
	t.Parallel()
	for _, version := range versions {
		for kind, transports := range transportSets {
			t.Run(version+"/"+kind, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, live.Limits{})
				talk(t, w, version, transports)
			})
		}
	}
}

func talk(t *testing.T, w *world, version string, transports []string) {
	s := newStock(t, w, "anna1", "anna2", "bob", "guest", "foreign", "app", "session", "revoked", "origin", "none")
	w.store.exec(`UPDATE sessions SET ended = 1 WHERE token = 'token-carl'`)
	s.open("anna1", version, transports, auth("demo", "token-anna"), nil)
	s.open("anna2", version, transports, auth("demo", "token-anna"), nil)
	s.open("bob", version, transports, auth("demo", "token-bob"), nil)
	s.open("guest", version, transports, auth("demo", ""), nil)
	s.open("foreign", version, transports, auth("demo", ""), map[string]string{"Origin": "https://elsewhere.example"})
	s.open("app", version, transports, auth("nowhere", "token-anna"), nil)
	s.open("session", version, transports, auth("demo", "wrong"), nil)
	s.open("revoked", version, transports, auth("demo", "token-carl"), nil)
	s.open("origin", version, transports, auth("private", "token-anna"), map[string]string{"Origin": "https://elsewhere.example"})
	s.open("none", version, transports, nil, nil)
	for _, name := range []string{"anna1", "anna2", "bob", "guest", "foreign"} {
		if h := s.want(name, "connect"); h.Recovered {
			t.Errorf("%s: a first connect is not recovered", name)
		}
	}
	for name, code := range map[string]string{
		"app": live.CodeAppUnknown, "session": live.CodeSessionExpired, "revoked": live.CodeSessionExpired, "origin": live.CodeOriginRefused, "none": live.CodeAppUnknown,
	} {
		if h := s.want(name, "refused"); h.Data.Code != code || h.Message == "" {
			t.Errorf("%s: refused with %q %q, want %s", name, h.Data.Code, h.Message, code)
		}
	}
	w.push(engine.Everybody, "refresh-orders", "")
	w.push("anna", "message", "for <anna> \u2028 é\x1e")
	w.live.Pushed(w.store.commit(engine.Push{App: "demo", To: "bob", Event: "message", Message: `{"n":12345678901234567890,"deep":[{"a":null}]}`, JSON: true}))
	w.live.Pushed(w.store.commit(engine.Push{App: "other", To: "anna", Event: "message", Message: "another app"}))
	for _, name := range []string{"anna1", "anna2"} {
		s.heard(name, `refresh-orders:""`, "message:"+encodeJSON(t, "for <anna> \u2028 é\x1e"))
		if h := s.want(name, "message"); h.Args != "for <anna> \u2028 é\x1e" {
			t.Errorf("%s: on('message') got %v", name, h.Args)
		}
	}
	s.heard("bob", `refresh-orders:""`, `message:{"deep":[{"a":null}],"n":12345678901234567000}`)
	s.heard("guest", `refresh-orders:""`)
	s.heardNothingBefore("end", "anna1", "anna2", "bob", "guest")
	s.heard("foreign", `refresh-orders:""`, `mark:"end"`)

	s.do("bob", "emit", map[string]any{"args": []any{"anything", 1}})
	if h := s.want("bob", "ack", "message"); encodeJSON(t, h.Args) != `{"error":"this app takes no such event","ok":false}` {
		t.Errorf("ack of an event that nobody takes: %v", h.Args)
	}
	w.store.exec(`UPDATE sessions SET ended = 1 WHERE token = 'token-bob'`)
	began := time.Now()
	w.live.Revoke("demo", "session-bob")
	s.want("bob", "disconnect")
	if took := time.Since(began); took > time.Second {
		t.Errorf("a revoked socket lived on for %v", took)
	}
	if h := s.want("bob", "refused", "trouble"); h.Data.Code != live.CodeSessionExpired {
		t.Errorf("a revoked session comes back to %q", h.Data.Code)
	}
	if n := w.live.Online("demo", "anna"); n != 2 {
		t.Errorf("anna is online %d times, want 2", n)
	}
	if n := w.live.Online("demo", "bob"); n != 0 {
		t.Errorf("bob is online %d times, want 0", n)
	}
}

func TestStockClientsGoOnWhereTheyWere(t *testing.T) {
	t.Parallel()
	for _, version := range versions[1:] {
		for kind, transports := range transportSets {
			t.Run(version+"/"+kind, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, live.Limits{})
				comeBack(t, w, version, transports)
			})
		}
	}
}

func comeBack(t *testing.T, w *world, version string, transports []string) {
	s := newStock(t, w, "anna", "guest")
	s.open("anna", version, transports, auth("demo", "token-anna"), nil)
	s.open("guest", version, transports, auth("demo", ""), nil)
	s.want("anna", "connect")
	s.want("guest", "connect")
	gone := func() {
		t.Helper()
		for _, name := range []string{"anna", "guest"} {
			s.want(name, "disconnect", "message")
		}
	}
	back := func(when string) {
		t.Helper()
		for _, name := range []string{"anna", "guest"} {
			if h := s.want(name, "connect", "trouble"); !h.Recovered {
				t.Fatalf("%s: %s is not recovered; %+v", when, name, w.live.Stats())
			}
		}
	}

	w.cut()
	gone()
	w.push(engine.Everybody, "news", "1")
	w.push("anna", "own", "2")
	w.push("bob", "own", "not hers")
	w.push(engine.Everybody, "news", "3")
	w.mend()
	back("cut before the first push")
	s.heard("anna", `news:"1"`, `own:"2"`, `news:"3"`)
	s.heard("guest", `news:"1"`, `news:"3"`)

	w.cut()
	gone()
	w.push("anna", "own", "4")
	w.push(engine.Everybody, "news", "5")
	w.mend()
	back("cut after a push")
	s.heard("anna", `own:"4"`, `news:"5"`)
	s.heard("guest", `news:"5"`)

	w.stop()
	gone()
	w.store.commit(
		engine.Push{App: "demo", To: "anna", Event: "own", Message: "6"},
		engine.Push{App: "demo", To: "bob", Event: "own", Message: "not hers"},
		engine.Push{App: "demo", To: engine.Everybody, Event: "news", Message: "7"},
	)
	w.start()
	back("restart of the server")
	s.heard("anna", `own:"6"`, `news:"7"`)
	s.heard("guest", `news:"7"`)
	s.heardNothingBefore("once", "anna", "guest")

	s.do("anna", "auth", map[string]any{"auth": auth("demo", "token-bob")})
	w.cut()
	s.want("anna", "disconnect", "message")
	w.push("anna", "own", "nobody's")
	w.push("bob", "own", "before he came")
	w.mend()
	if h := s.want("anna", "connect", "trouble"); h.Recovered {
		t.Error("another user's session was resumed on anna's pid")
	}
	s.heardNothingBefore("bob's", "anna")
	w.push("bob", "own", "his")
	s.heard("anna", `own:"his"`)
}
