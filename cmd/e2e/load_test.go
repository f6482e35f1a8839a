package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestNothingIsLostWhileClientsUpgrade pushes about a thousand a second, to everybody and to single users, while 200 stock clients come by
// polling and go over to websockets.
func TestNothingIsLostWhileClientsUpgrade(t *testing.T) {
	t.Log("raised: 100,000 requests per 10 s")
	s := newServer(t, "", "--limit", "requests=100000")
	admin := s.admin()
	const users, clients, lasting = 10, 200, 4 * time.Second
	var ids, sessions []string
	for i := range users {
		id := fmt.Sprintf("u%d", i)
		s.call("POST", "/api/v1/apps/demo/users", admin, map[string]any{"id": id})
		s.call("PUT", "/api/v1/apps/demo/users/"+id+"/password", admin, map[string]any{"password": "password of " + id})
		ids, sessions = append(ids, id), append(sessions, s.loginWith(id, "password of "+id))
	}
	sums := make(chan []byte, 2)
	setup := map[string]any{
		"url": s.url, "clients": clientsDir(t), "version": "4.8.4", "sessions": sessions, "count": clients, "lasting": (lasting - time.Second).Milliseconds(),
	}
	in, ended, _ := node(t, "testdata", func(line []byte) { sums <- append([]byte{}, line...) }, "load.cjs", asJSON(t, setup))

	// Everybody's list and the users' own ones are numbered each for itself; the times are those of the clock that the clients see too.
	sent := map[string][]int64{"all": nil, "own": nil}
	var mu sync.Mutex
	var wg sync.WaitGroup
	began := time.Now()
	for list, to := range map[string]any{"all": "*", "own": ids} {
		wg.Go(func() {
			tick := time.NewTicker(10 * time.Millisecond)
			defer tick.Stop()
			for n := 0; time.Since(began) < lasting; n++ {
				at := time.Now().UnixMilli()
				a, err := s.try("POST", "/api/v1/apps/demo/push", s.token, map[string]any{"to": to, "event": list, "mode": "json", "message": n})
				if err != nil || a.status != http.StatusOK {
					t.Errorf("push %d: %d %s %v", n, a.status, a.body, err)
					return
				}
				mu.Lock()
				sent[list] = append(sent[list], at)
				mu.Unlock()
				<-tick.C
			}
		})
	}
	wg.Wait()
	took := time.Since(began)
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
	t.Logf("%d pushes in %.1f s (%.0f/s); %+v; memory at its highest %d MB", pushes, took.Seconds(), float64(pushes)/took.Seconds(), sum, peak>>20)
	if sum.Connected != clients || sum.Upgraded != clients || sum.Cut+sum.Refused+sum.Lost+sum.Doubled+sum.Swapped != 0 {
		t.Errorf("not all came, or something was lost: %+v", sum)
	}
	if rate := float64(pushes) / took.Seconds(); rate < 200 {
		t.Errorf("only %.0f pushes a second: this test says nothing", rate)
	}
}

// TestStalledReadersCostNothing lets sockets stand that never read, while much is pushed to them.
func TestStalledReadersCostNothing(t *testing.T) {
	t.Log("raised: 100,000 requests per 10 s")
	s := newServer(t, "", "--limit", "requests=100000")
	const readers, pushes, size = 50, 1_000, 16 << 10
	for range readers {
		conn, err := net.Dial("tcp", s.address)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		_ = conn.(*net.TCPConn).SetReadBuffer(4 << 10)
		_, err = io.WriteString(conn, "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
			"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
		if err != nil {
			t.Fatal(err)
		}
		if res, err := http.ReadResponse(bufio.NewReader(conn), nil); err != nil || res.StatusCode != http.StatusSwitchingProtocols {
			t.Fatalf("upgrade: %v %v", res, err)
		}
		const connect = `40{"app_id":"demo"}`
		// One text frame, masked with zeros.
		if _, err := conn.Write(append([]byte{0x81, 0x80 | byte(len(connect)), 0, 0, 0, 0}, connect...)); err != nil {
			t.Fatal(err)
		}
	}
	online := func() int {
		var out struct{ Online int }
		s.call("POST", "/api/v1/apps/demo/push", s.token, map[string]any{"to": "*", "event": "x"}).into(t, &out)
		return out.Online
	}
	eventually(t, "all readers to be connected", 10*time.Second, func() bool { return online() == readers })
	before, _ := s.memory()
	message := strings.Repeat("m", size)
	for range pushes {
		s.push("*", "x", message)
	}
	_, peak := s.memory()
	t.Logf("%d MB to each of %d stalled readers; memory %d MB before, %d MB at its highest", pushes*size>>20, readers, before>>20, peak>>20)
	if peak > before+150<<20 {
		t.Errorf("memory rose by %d MB", (peak-before)>>20)
	}
	eventually(t, "those that stall to be closed", 30*time.Second, func() bool { return online() < readers })
}
