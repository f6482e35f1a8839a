package live_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
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

// pushRate is what pushes have to reach while clients upgrade (the race detector is spared it).
const pushRate = 900 // per second, of 1,200 that are meant

// stream is the pushes of a load test: 1,200 a second, to everybody and to single users.
type stream struct {
	w       *world
	clients int
	rows    map[string][]int64 // by receiver
	pushes  int
	took    time.Duration // less what others took of the processors
}

const (
	batches, perBatch = 400, 12
	tooManyBatches    = 50 * batches
)

// run calls turn with the number of every batch before it sends it. It ends when all batches are sent and over is closed; last comes "last".
func (s *stream) run(turn func(batch int), over <-chan struct{}) {
	s.rows = map[string][]int64{}
	others := watchOthers(s.w.t)
	began := time.Now()
	isOver := false
	for n := 0; (n < batches || !isOver) && n < tooManyBatches; n++ {
		turn(n)
		var batch []engine.Push
		for i := range perBatch {
			to := engine.Everybody
			if i > 0 {
				to = fmt.Sprintf("u%d", rand.IntN(s.clients))
			}
			batch = append(batch, engine.Push{App: "demo", To: to, Event: "n", Message: strings.Repeat("m", rand.IntN(400))})
		}
		s.send(batch)
		// Each batch has its time of its own: one that was late does not make the next ones late.
		select {
		case <-over:
			isOver, over = true, nil // what is left of this batch's time is not waited for
		case <-time.After(time.Until(began.Add(time.Duration(n+1) * 10 * time.Millisecond))):
		}
	}
	s.took = time.Since(began) - others.took(s.w.t)
	s.send([]engine.Push{{App: "demo", To: engine.Everybody, Event: "last"}})
}

func (s *stream) send(batch []engine.Push) {
	for _, p := range s.w.store.commit(batch...) {
		s.rows[p.To] = append(s.rows[p.To], p.Pos)
	}
	s.w.live.Pushed(batch)
	s.pushes += len(batch)
}

// TestNothingIsLostOrSwappedWhileUpgrading pushes more than a thousand a second, to everybody and to single users, while clients connect by polling and
// go over to a websocket.
func TestNothingIsLostOrSwappedWhileUpgrading(t *testing.T) {
	w := newWorld(t, roomy(t))
	const clients = 200
	for i := range clients {
		w.store.exec(`INSERT INTO sessions(app, token, id, user) VALUES('demo', ?, ?, ?)`, fmt.Sprintf("t%d", i), fmt.Sprintf("s%d", i), fmt.Sprintf("u%d", i))
	}
	turns := make([]chan struct{}, batches) // they come one after another while the pushes go on
	for i := range turns {
		turns[i] = make(chan struct{})
	}
	var upgrading sync.WaitGroup
	upgrading.Add(clients)
	over, done := make(chan struct{}), make(chan struct{})
	s := &stream{w: w, clients: clients}
	go func() {
		defer close(over)
		upgrading.Wait()
	}()
	go func() {
		defer close(done)
		s.run(func(batch int) {
			if batch < batches {
				close(turns[batch])
			}
		}, over)
	}()

	got := make([][]int64, clients)
	connected := make([]int64, clients)
	failed := each(clients, clients, func(i int) error {
		<-turns[i*batches/clients]
		p, err := comeAndUpgrade(w, i)
		upgrading.Done()
		if p != nil {
			defer p.close()
		}
		if err != nil {
			return err
		}
		// Everything committed from here on must come.
		h, err := w.store.PushHead(context.Background(), "demo")
		if err != nil {
			return err
		}
		connected[i] = h.Pos
		got[i], err = untilLast(p)
		return err
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
		want := slices.Concat(s.rows[engine.Everybody], s.rows[fmt.Sprintf("u%d", i)])
		slices.Sort(want)
		from := min(got[i][0], connected[i]+1)
		want = slices.DeleteFunc(want, func(pos int64) bool { return pos < from })
		if !slices.Equal(want, got[i]) {
			t.Errorf("client %d got %d pushes, want %d, or not in order", i, len(got[i]), len(want))
		}
		total += len(got[i])
	}
	rate := float64(s.pushes) / s.took.Seconds()
	t.Logf("%d clients upgraded during %d pushes in %.1f s without what others took of the processors (%.0f/s), %d deliveries; %+v", clients, s.pushes, s.took.Seconds(), rate, total, w.live.Stats())
	if !slowed && rate < pushRate {
		t.Errorf("only %.0f pushes a second", rate)
	}
}

// others measures what other programs take of the processors: on a machine that is shared, a rate is that of the share one has.
type others struct{ since time.Duration }

func watchOthers(t testing.TB) others {
	t.Helper()
	busy, _ := othersBusy(t)
	return others{busy}
}

// took is how long the processors, taken together, were not there for this process since the watch began.
func (o others) took(t testing.TB) time.Duration {
	t.Helper()
	busy, processors := othersBusy(t)
	return max(0, busy-o.since) / time.Duration(processors)
}

func othersBusy(t testing.TB) (busy time.Duration, processors int) {
	t.Helper()
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		t.Fatal(err)
	}
	const tick = 10 * time.Millisecond
	for line := range strings.Lines(string(stat)) {
		if !strings.HasPrefix(line, "cpu") {
			break
		}
		if !strings.HasPrefix(line, "cpu ") {
			processors++
			continue
		}
		var user, nice, system, idle, wait, irq, softirq, steal int64
		if _, err := fmt.Sscan(line[4:], &user, &nice, &system, &idle, &wait, &irq, &softirq, &steal); err != nil {
			t.Fatal(err)
		}
		busy = time.Duration(user+nice+system+irq+softirq+steal) * tick
	}
	var own syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &own); err != nil {
		t.Fatal(err)
	}
	return busy - time.Duration(own.Utime.Nano()) - time.Duration(own.Stime.Nano()), processors
}

// comeAndUpgrade connects a client by polling and brings it to a websocket: early, as the stock client does, or when it is connected.
func comeAndUpgrade(w *world, i int) (*peer, error) {
	p, err := shake(w.url())
	if err != nil {
		return nil, err
	}
	a := auth("demo", fmt.Sprintf("t%d", i))
	if i%2 == 1 {
		if err := p.connect(a); err != nil {
			return p, err
		}
		if err := p.upgrade(); err != nil {
			return p, fmt.Errorf("late upgrade: %w", err)
		}
		return p, nil
	}
	// The CONNECT is posted while the probe goes on.
	b := encodeJSON(w.t, a)
	posted := make(chan error, 1)
	go func() { posted <- p.postOnce("40" + b) }()
	if err := p.upgradeBeside(func() error { return <-posted }); err != nil {
		return p, fmt.Errorf("upgrade: %w", err)
	}
	return p, p.welcomed()
}

// untilLast gives the positions of all events up to the last.
func untilLast(p *peer) ([]int64, error) {
	var got []int64
	for {
		e, err := p.event()
		if err != nil {
			return got, fmt.Errorf("after %d events: %w", len(got), err)
		}
		got = append(got, e.pos)
		if e.name == "last" {
			return got, nil
		}
	}
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
	if !slowed && slowest > 5*time.Second {
		t.Errorf("a healthy client waited %v", slowest)
	}
	waitFor(t, "the silent ones to be closed", func() bool { return w.live.Connections("demo") == len(healthy) })
	for _, p := range silent {
		_ = p.ws.WriteMessage(websocket.TextMessage, []byte("3"))
	}
}
