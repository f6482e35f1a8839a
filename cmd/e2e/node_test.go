package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"
)

var (
	versions      = []string{"4.5.1", "4.6.2", "4.8.4"}
	transportSets = map[string][]string{"websocket": {"websocket"}, "polling": {"polling"}, "upgrade": {"polling", "websocket"}}
)

// clientsDir holds the installed stock clients.
func clientsDir(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(root(), "web", "live", "testdata", "clients")
	if _, err := os.Stat(filepath.Join(dir, "node_modules", "client-4.8.4")); err != nil {
		missing(t, "stock clients need `npm ci` in web/live/testdata/clients")
	}
	return dir
}

// node runs a script; its standard output is read line by line and its end waited for.
func node(t testing.TB, dir string, line func([]byte), args ...string) (in io.WriteCloser, ended chan struct{}, cmd *exec.Cmd) {
	t.Helper()
	program, err := exec.LookPath("node")
	if err != nil {
		missing(t, "node is not installed")
	}
	cmd = exec.Command(program, args...)
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	in, err = cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := start(cmd); err != nil {
		t.Fatal(err)
	}
	ended = make(chan struct{})
	go func() {
		defer close(ended)
		scan := bufio.NewScanner(out)
		scan.Buffer(nil, 16<<20)
		for scan.Scan() {
			line(scan.Bytes())
		}
		wait(cmd)
	}()
	t.Cleanup(func() {
		_ = in.Close() // the scripts end with their standard input
		select {
		case <-ended:
		case <-time.After(5 * time.Second):
		}
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		<-ended
	})
	return in, ended, cmd
}

// demoClock is the event by which a scenario of the demo tells everybody the time, at each full minute. Tests that want certain events one after
// the other leave it out.
const demoClock = "clock"

// stock is a Node process with stock clients in it.
type stock struct {
	t     testing.TB
	url   string
	in    io.Writer
	ended chan struct{}
	mu    sync.Mutex
	news  map[string]chan happened
}

// happened is one line of the process.
type happened struct {
	Name, What, Event, Reason, Message, Transport, ID string
	Args                                              any
	Data                                              struct{ Code string }
	Recovered                                         bool
}

func newStock(t testing.TB, url string) *stock {
	t.Helper()
	s := &stock{t: t, url: url, news: map[string]chan happened{}}
	s.in, s.ended, _ = node(t, clientsDir(t), func(line []byte) {
		var h happened
		if err := json.Unmarshal(line, &h); err != nil {
			t.Errorf("node says %q: %v", line, err)
			return
		}
		if h.What == "any" && h.Event == demoClock {
			return
		}
		s.of(h.Name) <- h
	}, "client.cjs")
	return s
}

// of is what one client says.
func (s *stock) of(name string) chan happened {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.news[name] == nil {
		s.news[name] = make(chan happened, 10_000)
	}
	return s.news[name]
}

func (s *stock) do(name, what string, more map[string]any) {
	s.t.Helper()
	c := map[string]any{"name": name, "do": what}
	maps.Copy(c, more)
	if _, err := io.WriteString(s.in, asJSON(s.t, c)+"\n"); err != nil {
		s.t.Fatal(err)
	}
}

func (s *stock) open(name, version, transports string, auth any, headers map[string]string) {
	s.t.Helper()
	s.do(name, "open", map[string]any{"version": version, "url": s.url, "transports": transportSets[transports], "auth": auth, "headers": headers})
}

// next waits for what a client says, skipping what is named in skip. An upgrade may come at any time.
func (s *stock) next(name string, skip ...string) happened {
	s.t.Helper()
	timeout := time.After(20 * time.Second)
	for {
		select {
		case h := <-s.of(name):
			if h.What != "upgrade" && !slices.Contains(skip, h.What) {
				return h
			}
		case <-s.ended:
			s.t.Fatal("node ended")
		case <-timeout:
			s.t.Fatalf("%s says nothing", name)
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

// heard wants these events next and in this order; each is its name, a colon and its first argument as JSON.
func (s *stock) heard(name string, events ...string) {
	s.t.Helper()
	for _, want := range events {
		h := s.want(name, "any", "message", "trouble")
		if got := h.Event + ":" + asJSON(s.t, h.Args); got != want {
			s.t.Fatalf("%s heard %s, want %s", name, got, want)
		}
	}
}

func auth(app, session string) map[string]any {
	a := map[string]any{"app_id": app}
	if session != "" {
		a["session_id"] = session
	}
	return a
}

func asJSON(t testing.TB, v any) string {
	t.Helper()
	doc, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(doc)
}

// chromium is the browser's program.
func chromium() string {
	if given := os.Getenv("CHROMIUM"); given != "" {
		return given
	}
	return "/usr/bin/chromium"
}

// playwright gives the folder in which browser scripts find playwright-core.
func playwright(t testing.TB) string {
	t.Helper()
	web := filepath.Join(root(), "web")
	if _, err := os.Stat(filepath.Join(web, "node_modules", "playwright-core")); err != nil {
		missing(t, "the browser tests need `npm ci` in web")
	}
	if _, err := os.Stat(chromium()); err != nil {
		missing(t, fmt.Sprintf("there is no Chromium at %s", chromium()))
	}
	return web
}
