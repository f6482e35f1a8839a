package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// upgradeRate is the floor of pushes per second while stock clients upgrade. Each of the two lists waits for the answer to one request before it
// sends the next, so the rate is that of 200 durable commits over HTTP a second, on processors that 200 stock clients in one Node process
// share. Of the 1,100 that are meant, two processors carry 1,000 with nothing to spare; web/live, where the clients are cheap, asserts 900.
const upgradeRate = 700

// TestNothingIsLostWhileClientsUpgrade pushes about a thousand a second, to everybody and to single users, while 200 stock clients come by
// polling and go over to websockets. It goes on until all have upgraded.
func TestNothingIsLostWhileClientsUpgrade(t *testing.T) {
	t.Log("raised: 100,000 requests per 10 s")
	s := newServer(t, "", "--limit", "requests=100000")
	admin := s.admin()
	const users, clients, perList, tooMany, coming = 10, 200, 400, 20_000, 3 * time.Second
	var ids, sessions []string
	for i := range users {
		id := fmt.Sprintf("u%d", i)
		s.call("POST", "/api/v1/apps/demo/users", admin, map[string]any{"id": id})
		s.call("PUT", "/api/v1/apps/demo/users/"+id+"/password", admin, map[string]any{"password": "password of " + id})
		ids, sessions = append(ids, id), append(sessions, s.loginWith(id, "password of "+id))
	}
	sums := make(chan []byte, 2)
	setup := map[string]any{
		"url": s.url, "clients": clientsDir(t), "version": "4.8.4", "sessions": sessions, "count": clients, "lasting": coming.Milliseconds(),
	}
	upgraded := make(chan struct{})
	in, ended, stockClients := node(t, "testdata", func(line []byte) {
		if string(line) == `"upgraded"` {
			close(upgraded)
			return
		}
		sums <- append([]byte{}, line...)
	}, "load.cjs", asJSON(t, setup))

	// Everybody's list and the users' own ones are numbered each for itself; the times are those of the clock that the clients see too.
	sent := map[string][]int64{"all": nil, "own": nil}
	var mu sync.Mutex
	var wg sync.WaitGroup
	ours := []int{os.Getpid(), s.cmd.Process.Pid, stockClients.Process.Pid}
	others := othersBusy(t, ours...)
	began := time.Now()
	for list, to := range map[string]any{"all": "*", "own": ids} {
		wg.Go(func() {
			for n := 0; (n < perList || !isClosed(upgraded)) && n < tooMany && !isClosed(ended); n++ {
				// Each push has a time of its own: one that was late does not make the next ones late.
				<-time.After(time.Until(began.Add(time.Duration(n) * 10 * time.Millisecond)))
				at := time.Now().UnixMilli()
				a, err := s.try("POST", "/api/v1/apps/demo/push", s.token, map[string]any{"to": to, "event": list, "mode": "json", "message": n})
				if err != nil || a.status != http.StatusOK {
					t.Errorf("push %d: %d %s %v", n, a.status, a.body, err)
					return
				}
				mu.Lock()
				sent[list] = append(sent[list], at)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	took := time.Since(began) - max(0, othersBusy(t, ours...)-others)
	pushes := len(sent["all"]) + users*len(sent["own"])
	ends := map[string]int{"all": len(sent["all"]), "own": len(sent["own"])}
	if _, err := io.WriteString(in, asJSON(t, map[string]any{"ends": ends, "sent": sent, "within": 30_000})+"\n"); err != nil {
		t.Fatal(err)
	}
	var sum struct{ Connected, Upgraded, Cut, Refused, Events, Lost, Doubled, Swapped int }
	select {
	case line := <-sums:
		if err := json.Unmarshal(line, &sum); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
	case <-ended:
		t.Fatal("node ended")
	case <-time.After(60 * time.Second):
		t.Fatal("the clients say nothing")
	}
	_, peak := s.memory()
	t.Logf("%d pushes in %.1f s without what others took of the processors (%.0f/s); %+v; memory at its highest %d MB", pushes, took.Seconds(), float64(pushes)/took.Seconds(), sum, peak>>20)
	if sum.Connected != clients || sum.Upgraded != clients || sum.Cut+sum.Refused+sum.Lost+sum.Doubled+sum.Swapped != 0 {
		t.Errorf("not all came, or something was lost: %+v", sum)
	}
	if rate := float64(pushes) / took.Seconds(); rate < upgradeRate {
		t.Errorf("only %.0f pushes a second", rate)
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// TestStalledReadersCostNothing pushes 200 MB past 50 websockets that never read and 50 pollers that never poll again, and past a healthy client.
func TestStalledReadersCostNothing(t *testing.T) {
	t.Log("raised: 100,000 requests per 10 s")
	s := newServer(t, "", "--limit", "requests=100000")
	const stalled, rounds, perRound = 50, 200, 16
	for range rounds / 2 {
		bigPushes(t, s, perRound) // they fill SQLite's page cache and the ring, which are of a fixed size and no cost of those who stall
	}
	for range stalled {
		deafReader(t, s)
		deafPoller(t, s)
	}
	heard := healthyReader(t, s)
	before, _ := s.memory()
	slowest := time.Duration(0)
	for round := range rounds {
		bigPushes(t, s, perRound)
		began := time.Now()
		for range perRound {
			select {
			case _, ok := <-heard:
				if !ok {
					t.Fatalf("the healthy client was cut off in round %d", round)
				}
			case <-time.After(30 * time.Second):
				t.Fatalf("the healthy client hears nothing in round %d", round)
			}
		}
		slowest = max(slowest, time.Since(began))
	}
	_, peak := s.memory()
	t.Logf("%d MB past each of %d stalled readers and %d stalled pollers; memory %d MB before, %d MB at its highest; the healthy one waited %v at most",
		rounds*perRound*bigPush>>20, stalled, stalled, before>>20, peak>>20, slowest.Round(time.Millisecond))
	if peak > before+100<<20 {
		t.Errorf("memory rose by %d MB", (peak-before)>>20)
	}
	if slowest > 5*time.Second {
		t.Errorf("the healthy client waited %v", slowest)
	}
	eventually(t, "all but the healthy one to be closed", time.Minute, func() bool {
		var out struct{ Online int }
		s.call("POST", "/api/v1/apps/demo/push", s.token, map[string]any{"to": "*", "event": "x"}).into(t, &out)
		return out.Online == 1
	})
}

// bigPush is the size of the largest message that a push takes, nearly.
const bigPush = 64<<10 - 64

// bigPushes sends so many of them at once to everybody.
func bigPushes(t *testing.T, s *server, n int) {
	t.Helper()
	message := strings.Repeat("m", bigPush)
	var posting sync.WaitGroup
	for range n {
		posting.Go(func() {
			a, err := s.try("POST", "/api/v1/apps/demo/push", s.token, map[string]any{"to": "*", "event": "big", "message": message})
			if err != nil || a.status != http.StatusOK {
				t.Errorf("push: %d %.200s %v", a.status, a.body, err)
			}
		})
	}
	posting.Wait()
}

// deafReader connects by a websocket and reads no more from then on.
func deafReader(t *testing.T, s *server) {
	t.Helper()
	small := websocket.Dialer{NetDial: func(network, addr string) (net.Conn, error) {
		c, err := net.Dial(network, addr)
		if err == nil {
			err = c.(*net.TCPConn).SetReadBuffer(4 << 10)
		}
		return c, err
	}}
	connectGuest(t, s, &small)
}

// healthyReader gives a channel that hears of every big push that a guest gets, in order.
func healthyReader(t *testing.T, s *server) <-chan struct{} {
	t.Helper()
	ws := connectGuest(t, s, websocket.DefaultDialer)
	heard := make(chan struct{}, 10_000)
	go func() {
		defer close(heard)
		for last := int64(0); ; {
			_, data, err := ws.ReadMessage()
			if err != nil {
				return
			}
			if string(data) == "2" {
				if ws.WriteMessage(websocket.TextMessage, []byte("3")) != nil {
					return
				}
				continue
			}
			var args []any
			if json.Unmarshal(bytes.TrimPrefix(data, []byte("42")), &args) != nil || len(args) != 3 || args[0] != "big" && args[0] != demoClock {
				continue
			}
			offset, _ := args[2].(string)
			_, text, _ := strings.Cut(offset, ".")
			pos, _ := strconv.ParseInt(text, 10, 64)
			if last != 0 && pos != last+1 {
				t.Errorf("the healthy client got %d after %d", pos, last)
			}
			last = pos
			if args[0] == "big" {
				heard <- struct{}{}
			}
		}
	}()
	return heard
}

func connectGuest(t *testing.T, s *server, dialer *websocket.Dialer) *websocket.Conn {
	t.Helper()
	ws, res, err := dialer.Dial("ws://"+s.address+"/socket.io/?EIO=4&transport=websocket", nil)
	if err != nil {
		t.Fatalf("%v %v", res, err)
	}
	t.Cleanup(func() { _ = ws.Close() })
	if err := ws.WriteMessage(websocket.TextMessage, []byte(`40{"app_id":"demo"}`)); err != nil {
		t.Fatal(err)
	}
	for {
		_, data, err := ws.ReadMessage()
		if err != nil {
			t.Fatal(err)
		}
		if bytes.HasPrefix(data, []byte("40")) {
			return ws
		}
	}
}

// deafPoller connects by polling, takes the answer to its CONNECT and never polls again.
func deafPoller(t *testing.T, s *server) {
	t.Helper()
	do := func(method, sid, body string) string {
		req, err := http.NewRequest(method, s.url+"/socket.io/?EIO=4&transport=polling"+sid, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "text/plain;charset=UTF-8")
		res, err := web.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = res.Body.Close() }()
		doc, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode != http.StatusOK {
			t.Fatalf("%s: %d %s %v", method, res.StatusCode, doc, err)
		}
		return string(doc)
	}
	var open struct{ Sid string }
	if err := json.Unmarshal([]byte(strings.TrimPrefix(do("GET", "", ""), "0")), &open); err != nil {
		t.Fatal(err)
	}
	sid := "&sid=" + open.Sid
	do("POST", sid, `40{"app_id":"demo"}`)
	if said := do("GET", sid, ""); !strings.HasPrefix(said, "40") {
		t.Fatalf("CONNECT was answered %s", said)
	}
}
