package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/cuelight/cuelight/store/storetest"
)

// server is `cuelight serve --demo` as a process, which can be killed and started again on the same address and data.
type server struct {
	t        testing.TB
	data     string // empty: the program makes a throw-away directory
	database string
	more     []string // arguments of serve
	address  string
	url      string // without a slash at its end
	token    string // of the demo
	cmd      *exec.Cmd
	exited   chan struct{}
	log      *lines
}

// web is the client of all requests of the tests.
var web = &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 64}}

// stores are the stores that a test may run on; each gives the value of --database.
var stores = map[string]func(t testing.TB) string{
	"sqlite":   func(testing.TB) string { return "" },
	"postgres": storetest.Postgres,
}

// onEachStore runs a test with a demo server on each store.
func onEachStore(t *testing.T, run func(t *testing.T, s *server)) {
	for name, database := range stores {
		t.Run(name, func(t *testing.T) { run(t, newServer(t, database(t))) })
	}
}

// newServer starts a demo server that ends with the test.
func newServer(t testing.TB, database string, more ...string) *server {
	t.Helper()
	s := &server{t: t, data: t.TempDir(), database: database, more: more, address: "127.0.0.1:0", log: &lines{}}
	t.Cleanup(func() {
		s.stop(syscall.SIGKILL)
		if t.Failed() {
			t.Logf("the server's last words:\n%s", s.log.last(40))
		}
	})
	s.start()
	return s
}

// command is the program with arguments and without the caller's settings.
func command(args ...string) *exec.Cmd {
	cmd := exec.Command(binary, args...)
	cmd.Env = append(os.Environ(), "CUELIGHT_URL=", "CUELIGHT_TOKEN=", "CUELIGHT_DATA=")
	return cmd
}

// start runs the server until it says that it is ready.
func (s *server) start() {
	s.t.Helper()
	args := append([]string{"serve", "--demo", "--listen", s.address}, s.more...)
	if s.data != "" {
		args = append(args, "--data", s.data)
	}
	if s.database != "" {
		args = append(args, "--database", s.database)
	}
	s.cmd = command(args...)
	s.cmd.Stderr = s.log
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := start(s.cmd); err != nil {
		s.t.Fatal(err)
	}
	ready, exited := make(chan map[string]string, 1), make(chan struct{})
	s.exited = exited
	go func(cmd *exec.Cmd) {
		defer close(exited)
		said := map[string]string{}
		for scan := bufio.NewScanner(out); scan.Scan(); {
			_, _ = io.WriteString(s.log, scan.Text()+"\n")
			for _, label := range []string{"Demo page   ", "API token   ", "app_id      "} {
				if rest, ok := strings.CutPrefix(scan.Text(), label); ok {
					said[label] = rest
				}
			}
			if strings.HasPrefix(scan.Text(), "Ready") {
				ready <- said
			}
		}
		wait(cmd)
	}(s.cmd)
	select {
	case said := <-ready:
		page, ok := strings.CutSuffix(said["Demo page   "], "/demo/")
		s.url, s.token = page, said["API token   "]
		if !ok || !strings.HasPrefix(s.token, "cue_") || said["app_id      "] != "demo" {
			s.t.Fatalf("the start says %q", said)
		}
		if strings.HasSuffix(s.address, ":0") { // from now on the same one
			s.address = strings.TrimPrefix(s.url, "http://")
		}
	case <-exited:
		s.t.Fatalf("the server did not start:\n%s", s.log.last(20))
	case <-time.After(60 * time.Second):
		s.t.Fatalf("the server is not ready after a minute:\n%s", s.log.last(20))
	}
}

// stop signals the server's process group and waits for the end; it gives the exit code, -1 for a signal.
func (s *server) stop(signal syscall.Signal) int {
	if s.cmd == nil || s.cmd.Process == nil {
		return 0
	}
	_ = syscall.Kill(-s.cmd.Process.Pid, signal)
	select {
	case <-s.exited:
	case <-time.After(40 * time.Second):
		_ = syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL)
		<-s.exited
		s.t.Errorf("the server did not end by %v", signal)
	}
	return s.cmd.ProcessState.ExitCode()
}

// kill ends the server as a power cut would, and starts it again.
func (s *server) kill() {
	s.t.Helper()
	s.stop(syscall.SIGKILL)
	s.start()
}

// answer is what the API said.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// into reads the answer's JSON.
func (a answer) into(t testing.TB, out any) {
	t.Helper()
	if err := json.Unmarshal(a.body, out); err != nil {
		t.Fatalf("answer %d %.300q: %v", a.status, a.body, err)
	}
}

// try sends one request; body is JSON unless it is bytes.
func (s *server) try(method, path, token string, body any) (answer, error) {
	var payload io.Reader
	switch b := body.(type) {
	case nil:
	case []byte:
		payload = bytes.NewReader(b)
	default:
		doc, err := json.Marshal(b)
		if err != nil {
			return answer{}, err
		}
		payload = bytes.NewReader(doc)
	}
	req, err := http.NewRequest(method, s.url+path, payload)
	if err != nil {
		return answer{}, err
	}
	if payload != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := web.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = res.Body.Close() }()
	doc, err := io.ReadAll(io.LimitReader(res.Body, 32<<20))
	return answer{res.StatusCode, res.Header, doc}, err
}

// call sends one request and wants a good answer.
func (s *server) call(method, path, token string, body any) answer {
	s.t.Helper()
	a, err := s.try(method, path, token, body)
	if err != nil {
		s.t.Fatal(err)
	}
	if a.status >= 300 {
		s.t.Fatalf("%s %s: %d %s", method, path, a.status, a.body)
	}
	return a
}

// push sends one event of the demo, as text.
func (s *server) push(to, event, message string) {
	s.t.Helper()
	s.call("POST", "/api/v1/apps/demo/push", s.token, map[string]any{"to": to, "event": event, "message": message})
}

// login gives a session of a user whose password is the id, as that of the demo's users.
func (s *server) login(user string) string {
	s.t.Helper()
	return s.loginWith(user, user)
}

// loginWith logs in to the demo through the original's own route.
func (s *server) loginWith(user, password string) string {
	s.t.Helper()
	var out struct {
		Status string
		Result struct{ Token, Username string }
	}
	s.call("POST", "/good/api/v5/auth?appID=demo", "", map[string]any{"provider": "rest", "username": user, "password": password}).into(s.t, &out)
	if out.Status != "ok" || out.Result.Username != user || out.Result.Token == "" {
		s.t.Fatalf("login of %s: %+v", user, out)
	}
	return out.Result.Token
}

// logout ends a session of the demo.
func (s *server) logout(session string) {
	s.t.Helper()
	s.call("GET", "/good/api/v4/auth/logout?appID=demo&sessionID="+session, "", nil)
}

// admin makes a token for everything, through the socket in the data directory.
func (s *server) admin() string {
	s.t.Helper()
	return strings.TrimSpace(tool(s.t, "token", "create", "--scope", "admin", "--data", s.data))
}

// memory is the resident memory of the process, now and at its highest, in bytes.
func (s *server) memory() (now, peak int64) {
	s.t.Helper()
	status, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(s.cmd.Process.Pid), "status"))
	if err != nil {
		s.t.Skip("needs /proc")
	}
	for line := range strings.Lines(string(status)) {
		_, _ = fmt.Sscanf(line, "VmRSS: %d kB", &now)
		_, _ = fmt.Sscanf(line, "VmHWM: %d kB", &peak)
	}
	return now << 10, peak << 10
}

// cpu is the time that the server has spent on processors, to a hundredth of a second.
func (s *server) cpu() time.Duration { return cpuOf(s.t, s.cmd.Process.Pid) }

// clockTick is the unit of /proc.
const clockTick = 10 * time.Millisecond

func cpuOf(t testing.TB, pid int) time.Duration {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	// The fields behind the program's name, which stands in parentheses: user and system time are the 12th and 13th of them.
	_, rest, _ := strings.Cut(string(stat), ") ")
	var ticks time.Duration
	for _, f := range strings.Fields(rest)[11:13] {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		ticks += time.Duration(n)
	}
	return ticks * clockTick
}

// othersBusy is how long each processor has worked for other processes than these, on the average. On a machine that is shared, a rate is that
// of the share one has.
func othersBusy(t testing.TB, pids ...int) time.Duration {
	t.Helper()
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		t.Fatal(err)
	}
	var busy time.Duration
	processors := strings.Count(string(stat), "\ncpu")
	var user, nice, system, idle, wait, irq, softirq, steal int64
	if _, err := fmt.Sscanf(string(stat), "cpu %d %d %d %d %d %d %d %d", &user, &nice, &system, &idle, &wait, &irq, &softirq, &steal); err != nil {
		t.Fatal(err)
	}
	busy = time.Duration(user+nice+system+irq+softirq+steal) * clockTick
	for _, pid := range pids {
		busy -= cpuOf(t, pid)
	}
	return busy / time.Duration(processors)
}

// lines keeps what a process says.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) last(n int) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := strings.Split(strings.TrimSpace(l.text.String()), "\n")
	return strings.Join(all[max(0, len(all)-n):], "\n")
}

// gate stands between clients and the server, so that a test can cut them off.
type gate struct {
	t      testing.TB
	target func() string
	mu     sync.Mutex
	open   bool
	conns  map[net.Conn]bool
	held   sync.RWMutex // locked: what the server says waits here
	url    string
}

// newGate opens a gate that ends with the test.
func newGate(t testing.TB, s *server) *gate {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{t: t, target: func() string { return s.address }, open: true, conns: map[net.Conn]bool{}, url: "http://" + l.Addr().String()}
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			go g.pass(in)
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		g.cut()
	})
	return g
}

func (g *gate) pass(in net.Conn) {
	out, err := net.Dial("tcp", g.target())
	if err != nil {
		_ = in.Close()
		return
	}
	g.mu.Lock()
	if !g.open {
		g.mu.Unlock()
		_, _ = in.Close(), out.Close()
		return
	}
	g.conns[in], g.conns[out] = true, true
	g.mu.Unlock()
	done := make(chan struct{}, 2)
	go func() {
		_, _ = io.Copy(out, in)
		done <- struct{}{}
	}()
	go func() {
		_, _ = io.Copy(held{in, &g.held}, out)
		done <- struct{}{}
	}()
	<-done
	_, _ = in.Close(), out.Close()
	<-done
	g.mu.Lock()
	delete(g.conns, in)
	delete(g.conns, out)
	g.mu.Unlock()
}

// cut breaks all connections, hard, and lets nobody in until mend.
func (g *gate) cut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open = false
	for c := range g.conns {
		if tcp, ok := c.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		_ = c.Close()
	}
}

// held is a writer that waits while the gate holds.
type held struct {
	io.Writer
	by *sync.RWMutex
}

func (h held) Write(p []byte) (int, error) {
	h.by.RLock()
	defer h.by.RUnlock()
	return h.Writer.Write(p)
}

func (g *gate) mend() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open = true
}
