package live_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/cuelight/cuelight/engine"
	"github.com/cuelight/cuelight/web/live"
)

// slowed says that the race detector is on; the tests then look for races and losses only.
var slowed bool

// roomy are limits for tests that come from one address; what they raise is logged.
func roomy(t *testing.T) live.Limits {
	t.Helper()
	t.Log("raised: 50,000 handshakes/s, 20,000 sockets and half-open ones per address, 1,000 sockets per user")
	return live.Limits{IPHandshakes: 50_000, IPSockets: 20_000, IPHalfOpen: 20_000, UserSockets: 1_000}
}

// each runs f for 0 … n-1, so many at a time, and gives the errors.
func each(n, atOnce int, f func(i int) error) []error {
	var mu sync.Mutex
	var failed []error
	var next atomic.Int64
	var wg sync.WaitGroup
	for range atOnce {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				if err := f(i); err != nil {
					mu.Lock()
					failed = append(failed, fmt.Errorf("%d: %w", i, err))
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	return failed
}

// TestNoConnectIsLost opens 5,000 sessions and sends the CONNECT as early as the protocol allows, on a websocket even before the open packet.
func TestNoConnectIsLost(t *testing.T) {
	w := newWorld(t, roomy(t))
	const n = 5_000
	failed := each(n, 100, func(i int) error {
		var p *peer
		var err error
		if i%4 == 3 {
			p, err = shake(w.url())
		} else {
			p, err = dial(w.url())
		}
		if err != nil {
			return err
		}
		defer p.close()
		if err := p.connect(auth("demo", []string{"", "token-anna", "token-bob"}[i%3])); err != nil || p.ws != nil {
			return err
		}
		return p.send("1")
	})
	if len(failed) > 0 {
		t.Errorf("%d of %d were lost, the first: %v", len(failed), n, failed[0])
	}
	t.Logf("%d connects, %d lost", n, len(failed))
	waitFor(t, "all sessions to end", func() bool { return w.live.Stats().Sockets == 0 })
	if on := w.live.Connections("demo"); on != 0 {
		t.Errorf("%d ghosts", on)
	}
}

// TestNothingIsLostOrSwappedWhileUpgrading pushes about a thousand a second, to everybody and to single users, while clients connect by polling
// and go over to a websocket.
func TestNothingIsLostOrSwappedWhileUpgrading(t *testing.T) {
	w := newWorld(t, roomy(t))
	const clients, lasting = 200, 4 * time.Second
	for i := range clients {
		w.store.exec(`INSERT INTO sessions(app, token, id, user) VALUES('demo', ?, ?, ?)`, fmt.Sprintf("t%d", i), fmt.Sprintf("s%d", i), fmt.Sprintf("u%d", i))
	}
	rows := map[string][]int64{} // by receiver
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for end := time.Now().Add(lasting); time.Now().Before(end); <-tick.C {
			var batch []engine.Push
			for i := range 10 {
				to := engine.Everybody
				if i > 0 {
					to = fmt.Sprintf("u%d", rand.IntN(clients))
				}
				batch = append(batch, engine.Push{App: "demo", To: to, Event: "n", Message: strings.Repeat("m", rand.IntN(400))})
			}
			for _, p := range w.store.commit(batch...) {
				rows[p.To] = append(rows[p.To], p.Pos)
			}
			w.live.Pushed(batch)
		}
		last := w.store.commit(engine.Push{App: "demo", To: engine.Everybody, Event: "last"})
		rows[engine.Everybody] = append(rows[engine.Everybody], last[0].Pos)
		w.live.Pushed(last)
	}()

	got := make([][]int64, clients)
	connected := make([]int64, clients)
	var stayed atomic.Int64
	failed := each(clients, clients, func(i int) error {
		<-time.After(time.Duration(i) * lasting / clients / 2) // they come one after another during the first half
		p, err := shake(w.url())
		if err != nil {
			return err
		}
		defer p.close()
		a := auth("demo", fmt.Sprintf("t%d", i))
		b := encodeJSON(t, a)
		if i%2 == 0 {
			// As the stock client: the CONNECT is posted while the probe goes on.
			posted := make(chan error, 1)
			go func() { posted <- p.postOnce("40" + b) }()
			if err := p.upgrade(); err != nil {
				return fmt.Errorf("upgrade: %w", err)
			}
			if err := <-posted; err != nil {
				return err
			}
			if err := p.welcomed(); err != nil {
				return err
			}
		} else {
			if err := p.connect(a); err != nil {
				return err
			}
			if i%4 == 1 {
				if err := p.upgrade(); err != nil {
					return fmt.Errorf("late upgrade: %w", err)
				}
			} else {
				stayed.Add(1)
			}
		}
		// Everything committed from here on must come.
		h, err := w.store.PushHead(context.Background(), "demo")
		if err != nil {
			return err
		}
		connected[i] = h.Pos
		for {
			e, err := p.event()
			if err != nil {
				return fmt.Errorf("after %d events: %w", len(got[i]), err)
			}
			got[i] = append(got[i], e.pos)
			if e.name == "last" {
				return nil
			}
		}
	})
	<-done
	for _, err := range failed {
		t.Errorf("client %v", err)
	}
	total := 0
	for i := range clients {
		if len(got[i]) == 0 {
			continue
		}
		want := slices.Concat(rows[engine.Everybody], rows[fmt.Sprintf("u%d", i)])
		slices.Sort(want)
		from := min(got[i][0], connected[i]+1)
		want = slices.DeleteFunc(want, func(pos int64) bool { return pos < from })
		if !slices.Equal(want, got[i]) {
			t.Errorf("client %d got %d pushes, want %d, or not in order", i, len(got[i]), len(want))
		}
		total += len(got[i])
	}
	t.Logf("%d clients (%d of them stayed with polling), %d deliveries; %+v", clients, stayed.Load(), total, w.live.Stats())
}

// TestReadersThatDoNotReadCostNothing pushes 200 MB past 50 websockets that never read and 50 pollers that never poll again.
func TestReadersThatDoNotReadCostNothing(t *testing.T) {
	limits := roomy(t)
	limits.WriteStall = 2 * time.Second
	t.Log("lowered: a stalled write ends after 2 s")
	w := newWorld(t, limits)
	healthy := []*peer{guest(t, w.url()), guest(t, w.url()), poller(t, w.url())}
	small := *dialer
	small.NetDial = func(network, addr string) (net.Conn, error) {
		c, err := net.Dial(network, addr)
		if err == nil {
			err = c.(*net.TCPConn).SetReadBuffer(4 << 10)
		}
		return c, err
	}
	var silent []*peer
	for range 50 {
		ws, _, err := small.Dial(wsURL(query(w.url(), "websocket", "")), nil)
		if err != nil {
			t.Fatal(err)
		}
		p := &peer{base: w.url(), ws: ws}
		t.Cleanup(p.close)
		if err := p.connect(auth("demo", "")); err != nil {
			t.Fatal(err)
		}
		silent = append(silent, p)
		poller(t, w.url())
	}

	const size, perCommit = 64 << 10, 16
	commits := 200
	if slowed {
		commits = 40
	}
	type arrival struct {
		client int
		pos    int64
		at     time.Time
	}
	arrivals := make(chan arrival, 3*perCommit*commits)
	for i, p := range healthy {
		go func() {
			for range perCommit * commits {
				e, err := p.event()
				if err != nil {
					t.Errorf("healthy client %d: %v", i, err)
					close(arrivals)
					return
				}
				arrivals <- arrival{i, e.pos, time.Now()}
			}
		}()
	}
	debug.FreeOSMemory()
	before, peak := rss(t), int64(0)
	message := strings.Repeat("m", size-64)
	sent := make([]time.Time, perCommit*commits+1)
	seen, slowest := make([]int64, len(healthy)), time.Duration(0)
	take := func(a arrival, ok bool) {
		t.Helper()
		if !ok {
			t.Fatalf("a healthy client failed; %+v", w.live.Stats())
		}
		if a.pos != seen[a.client]+1 {
			t.Fatalf("healthy client %d got %d after %d", a.client, a.pos, seen[a.client])
		}
		seen[a.client] = a.pos
		slowest = max(slowest, a.at.Sub(sent[a.pos]))
	}
	began := time.Now()
	for i := range commits {
		batch := make([]engine.Push, perCommit)
		for j := range batch {
			batch[j] = engine.Push{App: "demo", To: engine.Everybody, Event: "big", Message: message}
		}
		w.store.commit(batch...)
		for i, p := range batch {
			sent[p.Pos] = time.Now()
			w.live.Pushed(batch[i : i+1]) // one by one, so that every push wakes every cursor
		}
		peak = max(peak, rss(t))
		for slices.Min(seen) < int64((i-3)*perCommit) { // they may be 4 MB behind
			a, ok := <-arrivals
			take(a, ok)
		}
	}
	for slices.Min(seen) < int64(perCommit*commits) {
		a, ok := <-arrivals
		take(a, ok)
	}
	st := w.live.Stats()
	t.Logf("%d MB in %v: resident memory grew by %d MB at most, a healthy client waited %v at most; %+v", commits*perCommit*size>>20, time.Since(began).Round(time.Millisecond), (peak-before)>>20, slowest, st)
	if !slowed && peak-before > 100<<20 {
		t.Errorf("resident memory grew by %d MB", (peak-before)>>20)
	}
	if !slowed && slowest > 2*time.Second {
		t.Errorf("a healthy client waited %v", slowest)
	}
	waitFor(t, "the silent ones to be closed", func() bool { return w.live.Connections("demo") == len(healthy) })
	for _, p := range silent {
		_ = p.ws.WriteMessage(websocket.TextMessage, []byte("3"))
	}
}
