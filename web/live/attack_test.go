package live_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/cuelight/cuelight/web/live"
)

// TestAttacks runs the table of guarantees 3.2 against a server of its own, or against the running program when CUELIGHT_ATTACK_URL names
// one (with an app "demo" that takes guests, as `serve --demo` has) and CUELIGHT_ATTACK_PID its process, of which then all is measured.
func TestAttacks(t *testing.T) {
	v := underAttack(t, live.Limits{})
	before := v.usage(t)
	for _, a := range attacks {
		held := v.usage(t)
		t.Run(a.name, func(t *testing.T) {
			a.run(t, v.base)
			guest(t, v.base) // the server lives
		})
		// What an attack opened it has closed by now, so the server must have let go of it too.
		var now usage
		waitFor(t, "the server to let go of what "+a.name+" used", func() bool {
			now = v.usage(t)
			return now.files <= held.files+spareFiles && now.routines <= held.routines+20
		})
		t.Logf("%s: files %d, then %d; goroutines %d, then %d; memory %d MB, then %d MB, at its highest %d MB",
			a.name, held.files, now.files, held.routines, now.routines, held.memory>>20, now.memory>>20, now.peak>>20)
	}
	if grown := v.usage(t).peak - before.memory; grown > 100<<20 {
		t.Errorf("all attacks together cost %d MB", grown>>20)
	}
}

// spareFiles are what SQLite keeps open for a while: connections that were opened for a rush, and files it may not close while another
// connection of the process holds a lock on them.
const spareFiles = 40

// victim is the server under attack: in this process, or the program that runs as another one.
type victim struct{ base, pid string }

func underAttack(t *testing.T, limits live.Limits) victim {
	t.Helper()
	v := victim{os.Getenv("CUELIGHT_ATTACK_URL"), os.Getenv("CUELIGHT_ATTACK_PID")}
	if v.base == "" {
		return victim{newWorld(t, limits).url(), "self"}
	}
	if v.pid == "" {
		t.Fatal("CUELIGHT_ATTACK_PID must name the process behind CUELIGHT_ATTACK_URL")
	}
	// From here on its highest memory is that of the attacks, not of its start.
	if err := os.WriteFile(filepath.Join("/proc", v.pid, "clear_refs"), []byte("5"), 0o200); err != nil {
		t.Fatal(err)
	}
	return v
}

// usage is what a process holds.
type usage struct {
	memory, peak    int64 // resident, in bytes
	files, routines int   // the goroutines of another process can not be seen: 0
}

func (v victim) usage(t testing.TB) usage {
	t.Helper()
	proc := filepath.Join("/proc", v.pid)
	status, err := os.ReadFile(filepath.Join(proc, "status"))
	if err != nil {
		t.Fatalf("the server is gone, or there is no /proc: %v", err)
	}
	files, err := os.ReadDir(filepath.Join(proc, "fd"))
	if err != nil {
		t.Fatal(err)
	}
	u := usage{files: len(files)}
	for line := range strings.Lines(string(status)) {
		_, _ = fmt.Sscanf(line, "VmRSS: %d kB", &u.memory)
		_, _ = fmt.Sscanf(line, "VmHWM: %d kB", &u.peak)
	}
	u.memory, u.peak = u.memory<<10, u.peak<<10
	if v.pid == "self" {
		u.routines = runtime.NumGoroutine()
	}
	return u
}

// rss is the resident memory of this process.
func rss(t testing.TB) int64 { return victim{pid: "self"}.usage(t).memory }

// TestMessagesStayInOrder sends 20,000 messages one after the other and wants their acknowledgements in the same order.
func TestMessagesStayInOrder(t *testing.T) {
	const n, raised = 20_000, 100_000
	t.Logf("raised: %d messages/s from one socket", raised)
	v := underAttack(t, live.Limits{Messages: raised})
	before := v.usage(t)
	p := guest(t, v.base)
	sent := make(chan error, 1)
	go func() {
		for i := range n {
			if err := p.send(fmt.Sprintf(`42%d["x"]`, i)); err != nil {
				sent <- fmt.Errorf("message %d: %w", i, err)
				return
			}
		}
		sent <- nil
	}()
	for i := range n {
		packet, err := p.raw() // not next, which answers pings and would write beside the sender
		if packet == "2" && err == nil {
			packet, err = p.raw()
		}
		if err != nil || !strings.HasPrefix(packet, fmt.Sprintf("43%d[", i)) {
			t.Fatalf("acknowledgement %d is %q %v", i, packet, err)
		}
	}
	if err := <-sent; err != nil {
		t.Error(err)
	}
	after := v.usage(t)
	t.Logf("%d acknowledged in order; memory %d MB before, at its highest %d MB", n, before.memory>>20, after.peak>>20)
	if grown := after.peak - before.memory; grown > 100<<20 {
		t.Errorf("they cost %d MB", grown>>20)
	}
}

var attacks = []struct {
	name string
	run  func(t *testing.T, base string)
}{
	{"UpgradeWithoutEIO", func(t *testing.T, base string) {
		p := poller(t, base)
		for _, q := range []string{"transport=websocket&sid=" + p.sid, "EIO=3&transport=websocket&sid=" + p.sid, "EIO=4&EIO=3&transport=websocket&sid=" + p.sid} {
			_, res, err := dialer.Dial(wsURL(base+"/socket.io/?"+q), nil)
			if err == nil || res == nil || res.StatusCode != http.StatusBadRequest {
				t.Errorf("%s: %v, want 400", q, err)
			}
		}
	}},
	{"BadQueries", func(t *testing.T, base string) {
		p := poller(t, base)
		for q, status := range map[string]int{
			"": 400, "EIO=4": 400, "EIO=4&transport=webtransport": 400, "EIO=4&transport=polling&transport=websocket": 400, "EIO=4&transport=websocket": 400,
			"EIO=4&transport=polling&sid=a&sid=b": 400, "EIO=4&transport=polling&sid=unknown": 400, "EIO=4&transport=polling&j=1": 400, "EIO=4&transport=polling&%zz": 400,
			"EIO=4&transport=websocket&sid=" + p.sid: 400, "EIO=4&transport=polling&sid=" + strings.Repeat("x", 3000): 400,
		} {
			if got := status1(t, http.MethodGet, base+"/socket.io/?"+q, "", nil); got != status {
				t.Errorf("GET %.60s: %d, want %d", q, got, status)
			}
		}
		for _, method := range []string{http.MethodPut, http.MethodDelete, http.MethodHead, "BREW"} {
			if got := status1(t, method, query(base, "polling", p.sid), "", nil); got != http.StatusMethodNotAllowed {
				t.Errorf("%s: %d, want 405", method, got)
			}
		}
		if got := status1(t, http.MethodPost, query(base, "polling", ""), "text/plain", strings.NewReader("40{}")); got != http.StatusBadRequest {
			t.Errorf("POST without a session: %d, want 400", got)
		}
	}},
	{"TooManyAttachments", func(t *testing.T, base string) {
		binaryEvent(t, base, `459999999999-["x",{"_placeholder":true,"num":0}]`)
	}},
	{"NoAttachments", func(t *testing.T, base string) { binaryEvent(t, base, `450-["any"]`) }},
	{"BinaryAck", func(t *testing.T, base string) { binaryEvent(t, base, `461-1["any"]`) }},
	{"BinaryInPolling", func(t *testing.T, base string) {
		p := poller(t, base)
		_ = p.send("bAAAA")
		mustEnd(t, p)
	}},
	{"ChunkedBody", func(t *testing.T, base string) {
		p := poller(t, base)
		sent := &endless{limit: 64 << 20}
		status, _, err := p.request(http.MethodPost, "text/plain", sent)
		if err == nil && status != http.StatusRequestEntityTooLarge {
			t.Errorf("answered %d, want 413", status)
		}
		if n := sent.n.Load(); n > 8<<20 {
			t.Errorf("%d MB were taken", n>>20)
		}
	}},
	{"OctetStream", func(t *testing.T, base string) {
		p := poller(t, base)
		began := time.Now()
		status, _, err := p.request(http.MethodPost, "application/octet-stream", strings.NewReader("x"))
		if err != nil || status != http.StatusUnsupportedMediaType || time.Since(began) > 2*time.Second {
			t.Errorf("%d %v after %v, want 415 at once", status, err, time.Since(began))
		}
	}},
	{"ForeignOriginConnectsWithoutCredentials", func(t *testing.T, base string) {
		ws, res, err := dialer.Dial(wsURL(query(base, "websocket", "")), http.Header{"Origin": {"https://evil.example"}})
		if err != nil {
			t.Fatal(err)
		}
		p := &peer{base: base, ws: ws}
		defer p.close()
		if err := p.connect(auth("demo", "")); err != nil {
			t.Error(err)
		}
		if c := res.Header.Get("Access-Control-Allow-Credentials"); c != "" {
			t.Errorf("credentials %q are allowed", c)
		}
	}},
	{"WrongTypes", func(t *testing.T, base string) {
		for _, packet := range []string{
			`42[1]`, `42["cue:got"]`, `42["cue:got",{}]`, `42["cue:got",null]`, `42["cue:got","."]`, `42["cue:got","x.9223372036854775808"]`, `421["cue:got",[]]`,
			`42["x",{"a":[1,2,{"b":null}]}]`, `43[]`, `431[1]`, `4399999999999999999999[]`, `42[]`, `42{}`, `42"x"`, `42null`, `42["connect"]`, `42[{}]`, `42[null]`,
			`41`, `41{}`, `44{}`, `44"x"`, `4`, `40`, `40{}`, `4012{}`, `40/,`, `47`, `4-`, `42/x,["a"]`, `42/,["a"]`, `429[`, "42[\"\xff\xfe\"]", `420x`,
			`3`, `3probe`, `2`, `2probe`, `5`, `6`, `1`, `0`, `0{}`, `7`, `b`, `bAAAA`, ``, "\x1e", "\x00",
		} {
			p := guest(t, base)
			_ = p.send(packet)
			_ = p.send(`420["after"]`)
			p.close()
			q := poller(t, base)
			_ = q.send(packet)
			q.close()
			if r, err := dial(base); err != nil {
				t.Fatal(err)
			} else { // the same before CONNECT
				_ = r.send(packet)
				r.close()
			}
		}
	}},
	{"Flood", func(t *testing.T, base string) {
		p := guest(t, base)
		for range 50_000 {
			if p.send(`42["x"]`) != nil {
				break
			}
		}
		mustEnd(t, p)
	}},
	{"ControlFlood", func(t *testing.T, base string) {
		p := guest(t, base)
		for range 20_000 {
			if p.ws.WriteControl(websocket.PingMessage, []byte("x"), time.Now().Add(time.Second)) != nil {
				break
			}
		}
		mustEnd(t, p)
	}},
	{"BurstInOrder", func(t *testing.T, base string) {
		p := guest(t, base)
		for i := range 30 {
			if err := p.send(fmt.Sprintf(`42%d["x"]`, i)); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 30 {
			packet, err := p.next()
			if err != nil || !strings.HasPrefix(packet, fmt.Sprintf("43%d[", i)) {
				t.Fatalf("ack %d is %q %v", i, packet, err)
			}
		}
	}},
	{"DeepJSON", func(t *testing.T, base string) {
		for _, depth := range []int{30_000, 400_000} {
			p := guest(t, base)
			_ = p.send(`42["x",` + strings.Repeat("[", depth))
			mustEnd(t, p)
			q, err := dial(base)
			if err != nil {
				t.Fatal(err)
			}
			_ = q.send(`40{"app_id":` + strings.Repeat("[", depth))
			mustEnd(t, q)
			q.close()
		}
	}},
	{"ConnectTwice", func(t *testing.T, base string) {
		p := guest(t, base)
		_ = p.send(`40{"app_id":"demo"}`)
		mustEnd(t, p)
		q, err := shake(base)
		if err != nil {
			t.Fatal(err)
		}
		defer q.close()
		_ = q.send("40{\"app_id\":\"demo\"}\x1e40{\"app_id\":\"demo\"}")
		mustEnd(t, q)
	}},
	{"OtherNamespaces", func(t *testing.T, base string) {
		for _, nsp := range []string{"/admin?a=b", "/admin/", "/Admin", "/" + strings.Repeat("n", 500), "/?a=b"} {
			p, err := dial(base)
			if err != nil {
				t.Fatal(err)
			}
			_ = p.send("40" + nsp + `,{"app_id":"demo"}`)
			_, _ = p.next() // the open packet
			if packet, err := p.next(); err != nil || !strings.HasPrefix(packet, "44/") || !strings.Contains(packet, "Invalid namespace") {
				t.Errorf("CONNECT of %.20s: %.80q %v", nsp, packet, err)
			}
			p.close()
		}
	}},
	{"AdminWithoutTicket", func(t *testing.T, base string) {
		other := guest(t, base)
		for _, ask := range []string{
			"", ",", `,{}`, `,{"ticket":""}`, `,{"ticket":1}`, `,{"ticket":"` + strings.Repeat("t", 43) + `"}`, `,{"ticket":"` + strings.Repeat("t", 10_000) + `"}`,
			`,{"app_id":"demo"}`, `,{"app_id":"demo","session_id":"token-anna"}`, `,{"pid":"` + other.pid + `","offset":"x.1"}`,
		} {
			p, err := dial(base)
			if err != nil {
				t.Fatal(err)
			}
			_ = p.send("40/admin" + ask)
			_, _ = p.next() // the open packet
			if packet, err := p.next(); err != nil || !strings.HasPrefix(packet, "44/admin,") || !strings.Contains(packet, `"code":"ticket"`) {
				t.Errorf("CONNECT /admin%.60s: %.80q %v", ask, packet, err)
			}
			_ = p.send(`42/admin,["look","x"]`)
			mustEnd(t, p) // nobody is connected there
			p.close()
		}
	}},
	{"ForgedRecovery", func(t *testing.T, base string) {
		other := guest(t, base)
		for _, forged := range []map[string]any{
			{"pid": other.pid[:len(other.pid)-2] + "AA", "offset": "x.1"},
			{"pid": "-", "offset": `{"conn":"` + other.sid + `","app":"demo"}`},
			{"pid": strings.Repeat("p", 10_000), "offset": strings.Repeat("o", 10_000)},
			{"pid": 1, "offset": []int{}},
			{"pid": nil, "offset": nil},
		} {
			forged["app_id"] = "demo"
			p := visitor(t, base, forged)
			if p.pid == other.pid || p.pid == forged["pid"] {
				t.Errorf("%.60v was resumed", forged)
			}
		}
	}},
	{"PollsOverlap", func(t *testing.T, base string) {
		p := poller(t, base)
		done := make(chan int, 2)
		for range 2 {
			go func() {
				status, _, _ := p.request(http.MethodGet, "", nil)
				done <- status
			}()
		}
		for range 2 {
			select {
			case <-done:
			case <-time.After(10 * time.Second):
				t.Fatal("a poll hangs")
			}
		}
	}},
	{"ProbeNonsense", func(t *testing.T, base string) {
		for _, says := range []string{"x", "2", "5", "3probe", "40{}", "2probe 2probe", "2probe 40{}", "2probe 5 2"} {
			p := poller(t, base)
			ws, _, err := dialer.Dial(wsURL(query(base, "websocket", p.sid)), nil)
			if err != nil {
				t.Fatal(err)
			}
			for packet := range strings.FieldsSeq(says) {
				_ = ws.WriteMessage(websocket.TextMessage, []byte(packet))
			}
			_ = ws.Close()
		}
	}},
	{"ComeAndGo", func(t *testing.T, base string) {
		for range 500 {
			p, err := dial(base)
			if err != nil {
				t.Fatal(err)
			}
			_ = p.send(`40{"app_id":"demo"}`)
			p.close()
		}
	}},
}

// waitFor polls a count that nothing signals; it gives the scheduler its turn instead of sleeping.
func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	end := time.After(30 * time.Second)
	for !done() {
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

func mustEnd(t *testing.T, p *peer) {
	t.Helper()
	if err := p.ends(5 * time.Second); err != nil {
		t.Error(err)
	}
}

// binaryEvent announces attachments and sends them, before and after CONNECT; the session must end at the announcement.
func binaryEvent(t *testing.T, base, packet string) {
	t.Helper()
	before, err := dial(base)
	if err != nil {
		t.Fatal(err)
	}
	defer before.close()
	for _, p := range []*peer{guest(t, base), before} {
		_ = p.send(packet)
		for range 400 {
			if p.ws.WriteMessage(websocket.BinaryMessage, make([]byte, 60<<10)) != nil {
				break
			}
		}
		mustEnd(t, p)
	}
	binary := guest(t, base)
	_ = binary.ws.WriteMessage(websocket.BinaryMessage, []byte("x"))
	mustEnd(t, binary)
}

func status1(t *testing.T, method, url, contentType string, body io.Reader) int {
	t.Helper()
	req, err := http.NewRequest(method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	res, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	return res.StatusCode
}

// endless is a body without a length.
type endless struct {
	n     atomic.Int64 // the transport may still read when the answer is there
	limit int64
}

func (e *endless) Read(b []byte) (int, error) {
	if e.n.Load() >= e.limit {
		return 0, io.EOF
	}
	n := copy(b, bytes.Repeat([]byte("4"), min(len(b), 32<<10)))
	e.n.Add(int64(n))
	return n, nil
}
