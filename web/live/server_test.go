package live_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cuelight/cuelight/engine"
	"github.com/cuelight/cuelight/web/live"
)

// gets wants the peer to hear these messages next.
func (p *peer) gets(t *testing.T, messages ...string) (last event) {
	t.Helper()
	for _, want := range messages {
		e, err := p.event()
		if err != nil {
			t.Fatalf("waiting for %s: %v", want, err)
		}
		if e.message != encodeJSON(t, want) {
			t.Fatalf("got %s, want %s", e.message, want)
		}
		last = e
	}
	return last
}

// back connects again with what a stock client would show, and says whether it was resumed.
func back(t *testing.T, w *world, session, pid, at string) (*peer, bool) {
	t.Helper()
	a := auth("demo", session)
	a["pid"] = pid
	if at != "" {
		a["offset"] = at
	}
	p := visitor(t, w.url(), a)
	return p, p.pid == pid
}

func (w *world) commit(to string, messages ...string) []engine.Push {
	w.t.Helper()
	var out []engine.Push
	for _, m := range messages {
		out = append(out, w.store.commit(engine.Push{App: "demo", To: to, Event: "n", Message: m})...)
	}
	return out
}

func (w *world) offset(pos int64) string {
	w.t.Helper()
	h, err := w.store.PushHead(w.t.Context(), "demo")
	if err != nil {
		w.t.Fatal(err)
	}
	return h.Epoch + "." + encodeJSON(w.t, pos)
}

func TestAHoleIsReadFromTheLog(t *testing.T) {
	t.Parallel()
	w := newWorld(t, live.Limits{})
	w.commit("*", "before anybody came")
	p := guest(t, w.url())
	rows := w.commit("*", "1", "2", "3", "4", "5", "6")
	w.live.Pushed(rows[:1])
	w.live.Pushed(rows[2:3]) // 2 is missing
	p.gets(t, "1", "2", "3")
	w.live.Pushed(rows[4:5])
	w.live.Pushed(rows[3:4]) // late and twice
	w.live.Pushed(rows[:4])
	p.gets(t, "4", "5", "6") // the log has 6 too, and it is next
	more := w.commit("*", "7", "8")
	w.store.failing.Store(true)
	asked := w.store.reads.Load()
	w.live.Pushed(more[1:]) // 7 is missing and the log is away
	waitFor(t, "the log to be asked", func() bool { return w.store.reads.Load() > asked })
	w.store.failing.Store(false)
	p.gets(t, "7", "8")
}

func TestAStoreThatIsAwayClosesTheTransportOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t, live.Limits{})
	w.store.failing.Store(true) // the ring can not be filled
	p, err := dial(w.url())
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	if err := p.connect(auth("demo", "")); err == nil || strings.Contains(err.Error(), "44") {
		t.Errorf("got %v; a stock client comes back only after a closed transport", err)
	}
	w.store.failing.Store(false)
	guest(t, w.url())
}

func TestAnotherNodeReadsAsFarAsTheClientHasSeen(t *testing.T) {
	t.Parallel()
	a := newWorld(t, live.Limits{})
	b := newNode(t, a.store, live.Limits{})
	guest(t, b.url()) // b has filled its ring, and hears of nothing from now on
	p := visitor(t, a.url(), auth("demo", "token-anna"))
	a.push("anna", "n", "1")
	a.push("*", "n", "2")
	at := p.gets(t, "1", "2")
	q, resumed := back(t, b, "token-anna", p.pid, a.offset(at.pos))
	if !resumed {
		t.Fatal("not resumed on the other node")
	}
	b.live.Pushed(a.commit("anna", "3"))
	q.gets(t, "3")
	if _, resumed := back(t, b, "token-anna", p.pid, a.offset(99)); resumed {
		t.Error("resumed at a position that the log has not reached")
	}
}

func TestAnotherLifeOfTheLogIsAFreshConnect(t *testing.T) {
	t.Parallel()
	w := newWorld(t, live.Limits{})
	p := guest(t, w.url())
	w.push("*", "n", "1")
	at := w.offset(p.gets(t, "1").pos)
	w.stop()
	w.store.exec(`UPDATE heads SET epoch = 'restored'`)
	w.start()
	w.push("*", "n", "2")
	q, resumed := back(t, w, "", p.pid, at)
	if resumed {
		t.Error("resumed over a restore")
	}
	w.push("*", "n", "3")
	q.gets(t, "3")
	// The client still has the old offset when it shows its new pid.
	w.push("*", "n", "4")
	r, resumed := back(t, w, "", q.pid, at)
	if !resumed {
		t.Error("an old offset spoils a new pid")
	}
	r.gets(t, "3", "4")
}

func TestAnOffsetOlderThanThePidCountsForNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, live.Limits{})
	rows := w.commit("*", "1", "2")
	p := guest(t, w.url())
	w.push("*", "n", "3")
	q, resumed := back(t, w, "", p.pid, w.offset(rows[0].Pos))
	if !resumed {
		t.Error("not resumed")
	}
	q.gets(t, "3")
}

func TestOnlyWhatTheRingReachesIsResumed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, live.Limits{RingPushes: 5})
	anna, bob := visitor(t, w.url(), auth("demo", "token-anna")), visitor(t, w.url(), auth("demo", "token-bob"))
	anna.close()
	bob.close()
	for range 10 {
		w.push("bob", "n", "b")
	}
	w.push("anna", "n", "a")
	p, resumed := back(t, w, "token-anna", anna.pid, "")
	if !resumed {
		t.Error("anna lost nothing, but is fresh")
	}
	p.gets(t, "a")
	if _, resumed := back(t, w, "token-bob", bob.pid, ""); resumed {
		t.Error("bob is resumed though pushes are gone")
	}
	if _, resumed := back(t, w, "token-bob", anna.pid, ""); resumed {
		t.Error("bob is resumed as anna")
	}
	if _, resumed := back(t, w, "", anna.pid, ""); resumed {
		t.Error("a guest is resumed as anna")
	}
}

func TestAfterARestartTheWindowCounts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, live.Limits{})
	anna, bob := visitor(t, w.url(), auth("demo", "token-anna")), visitor(t, w.url(), auth("demo", "token-bob"))
	w.stop()
	w.store.commit(
		engine.Push{App: "demo", To: "bob", Event: "n", Message: "old", At: time.Now().Add(-3 * time.Minute)},
		engine.Push{App: "demo", To: "anna", Event: "n", Message: "new", At: time.Now().Add(-time.Minute)},
	)
	w.start()
	p, resumed := back(t, w, "token-anna", anna.pid, "")
	if !resumed {
		t.Error("anna is fresh")
	}
	p.gets(t, "new")
	if _, resumed := back(t, w, "token-bob", bob.pid, ""); resumed {
		t.Error("bob is resumed though his push is older than the window")
	}
}

func TestReturningClientsReadNothingFromTheLog(t *testing.T) {
	t.Parallel()
	w := newWorld(t, live.Limits{UserSockets: 1000, IPHandshakes: 1000})
	p := visitor(t, w.url(), auth("demo", "token-anna"))
	w.push("anna", "n", "1")
	before := w.store.reads.Load()
	for range 100 {
		q, resumed := back(t, w, "token-anna", p.pid, "")
		if !resumed {
			t.Fatal("not resumed")
		}
		q.gets(t, "1")
		q.close()
	}
	if n := w.store.reads.Load() - before; n != 0 {
		t.Errorf("100 returns read the log %d times", n)
	}
	if s := w.live.Stats(); s.Resumed != 100 {
		t.Errorf("%+v", s)
	}
}

func TestARevocationDuringTheAdmissionIsNotMissed(t *testing.T) {
	t.Parallel()
	for name, revoke := range map[string]func(*live.Server){
		"session": func(s *live.Server) { s.Revoke("demo", "session-anna") },
		"user":    func(s *live.Server) { s.RevokeUser("demo", "anna") },
	} {
		w := newWorld(t, live.Limits{})
		first := visitor(t, w.url(), auth("demo", "token-anna"))
		during := func() { revoke(w.live) }
		w.store.admitted.Store(&during)
		p, err := dial(w.url())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(p.close)
		if err := p.connect(auth("demo", "token-anna")); err == nil || !strings.Contains(err.Error(), live.CodeSessionExpired) {
			t.Errorf("%s: %v", name, err)
		}
		mustEnd(t, first)
		waitFor(t, "the sockets to be forgotten", func() bool { return w.live.Connections("demo") == 0 })
		w.store.admitted.Store(nil)
		visitor(t, w.url(), auth("demo", "token-anna")) // the door is asked anew
	}
}

func TestLimitsOnSockets(t *testing.T) {
	t.Parallel()
	w := newWorld(t, live.Limits{UserSockets: 2, AppSockets: 3, IPSockets: 6, IPHalfOpen: 2, ConnectTimeout: 300 * time.Millisecond})
	refused := func(session string) {
		t.Helper()
		p, err := dial(w.url())
		if err != nil {
			t.Fatal(err)
		}
		defer p.close()
		if err := p.connect(auth("demo", session)); err == nil || !strings.Contains(err.Error(), live.CodeTooMany) {
			t.Errorf("got %v, want too_many", err)
		}
	}
	for range 2 {
		visitor(t, w.url(), auth("demo", "token-anna"))
	}
	refused("token-anna")
	guest(t, w.url())
	refused("")
	waitFor(t, "the refused to be gone", func() bool { return w.live.Stats().Sockets == 3 })
	var half []*peer
	for range 2 {
		p, err := dial(w.url())
		if err != nil {
			t.Fatal(err)
		}
		defer p.close()
		half = append(half, p)
	}
	if _, err := dial(w.url()); err == nil || !strings.Contains(err.Error(), "429") {
		t.Errorf("a third half-open socket: %v", err)
	}
	for _, p := range half {
		if err := p.ends(5 * time.Second); err != nil {
			t.Errorf("half-open socket: %v", err)
		}
	}
	waitFor(t, "the half-open to be gone", func() bool { return w.live.Stats().Sockets == 3 })
	p, err := dial(w.url())
	if err != nil {
		t.Errorf("the place of a half-open socket is not free again: %v", err)
	} else {
		p.close()
	}
}

func TestABodyThatDoesNotComeEndsTheSession(t *testing.T) {
	t.Parallel()
	w := newWorld(t, live.Limits{WriteStall: 200 * time.Millisecond})
	p := poller(t, w.url())
	stuck := make(chan struct{})
	defer close(stuck)
	status, _, err := p.request(http.MethodPost, "text/plain", readerFunc(func([]byte) (int, error) { <-stuck; return 0, http.ErrAbortHandler }))
	if err == nil && status == http.StatusOK {
		t.Error("a body that never came was taken")
	}
	mustEnd(t, p)
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }

func TestReceiptsAreCumulative(t *testing.T) {
	t.Parallel()
	w := newWorld(t, live.Limits{})
	p := guest(t, w.url())
	w.push("*", "n", "1")
	w.push("*", "n", "2")
	at := p.gets(t, "1", "2")
	for i, c := range []struct {
		at string
		ok bool
	}{{w.offset(at.pos), true}, {w.offset(at.pos - 1), true}, {w.offset(at.pos + 1), false}, {"other.1", false}, {"", false}} {
		if err := p.send("42" + encodeJSON(t, i) + `["cue:got",` + encodeJSON(t, c.at) + `]`); err != nil {
			t.Fatal(err)
		}
		answer, err := p.next()
		if want := "43" + encodeJSON(t, i) + `[{`; err != nil || !strings.HasPrefix(answer, want) || strings.Contains(answer, `"ok":true`) != c.ok {
			t.Errorf("receipt of %q: %q %v", c.at, answer, err)
		}
	}
	if s := w.live.Stats(); s.Receipts != 2 || s.Ignored != 3 {
		t.Errorf("%+v", s)
	}
}

func TestCloseLetsWaitingPollsGo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, live.Limits{})
	ended := make(chan error, 20)
	for i := range 20 {
		p := guest(t, w.url())
		if i%2 == 0 {
			p = poller(t, w.url())
		}
		go func() {
			for {
				if packet, err := p.next(); err != nil || packet == "1" {
					ended <- err
					return
				}
			}
		}()
	}
	w.push("*", "n", "1")
	waitFor(t, "the polls to wait", func() bool { return w.busy.Load() == 10 })
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if err := w.live.Close(ctx); err != nil {
		t.Error(err)
	}
	// The HTTP server still runs: whoever waits must be told by us.
	for range 20 {
		select {
		case err := <-ended:
			if err != nil && !strings.Contains(err.Error(), "503") && !strings.Contains(err.Error(), "400") && !strings.Contains(err.Error(), "1001") {
				t.Error(err)
			}
		case <-ctx.Done():
			t.Fatal("a client was left waiting")
		}
	}
	w.stop()
	w.start()
	guest(t, w.url())
}

func TestASocketThatIsNotDrainedGetsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, live.Limits{})
	away, here := poller(t, w.url()), guest(t, w.url())
	const n = 200
	for range n {
		w.push("*", "n", "m")
		here.gets(t, "m")
	}
	w.push("*", "n", "last")
	here.gets(t, "last")
	if d := w.live.Stats().Delivered; d != n+1 {
		t.Errorf("%d pushes were handed over for a client that does not poll", d-n-1)
	}
	for range n {
		away.gets(t, "m")
	}
	away.gets(t, "last")
}

func TestPings(t *testing.T) {
	t.Parallel()
	w := newWorld(t, live.Limits{PingInterval: 50 * time.Millisecond, PingTimeout: time.Second, Messages: 1000})
	for name, open := range map[string]func(testing.TB, string) *peer{"websocket": guest, "polling": poller} {
		p := open(t, w.url())
		for range 5 {
			packet, err := p.raw()
			if err != nil || packet != "2" {
				t.Fatalf("%s: %q %v", name, packet, err)
			}
			if err := p.send("3"); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		if _, err := p.raw(); err != nil { // a ping that gets no answer
			t.Fatalf("%s: %v", name, err)
		}
		mustEnd(t, p)
	}
	waitFor(t, "the silent to be forgotten", func() bool { return w.live.Stats().Sockets == 0 })
}

func TestCrossOriginAnswers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, live.Limits{})
	for _, method := range []string{http.MethodOptions, http.MethodGet} {
		req, err := http.NewRequest(method, query(w.url(), "polling", ""), nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Origin", "https://elsewhere.example")
		req.Header.Set("Access-Control-Request-Headers", "x-custom")
		res, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode/100 != 2 || res.Header.Get("Access-Control-Allow-Origin") != "*" || res.Header.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s: %d %v", method, res.StatusCode, res.Header)
		}
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
}

func TestPushesOfManyAppsInOneBatch(t *testing.T) {
	t.Parallel()
	w := newWorld(t, live.Limits{})
	p := guest(t, w.url())
	rows := w.store.commit(
		engine.Push{App: "demo", To: "*", Event: "n", Message: "1"}, engine.Push{App: "other", To: "*", Event: "n", Message: "x"},
		engine.Push{App: "demo", To: "*", Event: "n", Message: "2"}, engine.Push{App: "demo", To: "*", Event: "disconnect", Message: "never"},
		engine.Push{App: "demo", To: "*", Event: "n", Message: "3"},
	)
	w.live.Pushed(slices.Clone(rows))
	p.gets(t, "1", "2", "3")
}

func TestAPageIsServedFromTheOffsetItWasRenderedAt(t *testing.T) {
	t.Parallel()
	w := newWorld(t, live.Limits{RingPushes: 3})
	rows := w.commit("*", "1", "2", "3", "4", "5")
	from := func(at, session string) *peer {
		a := auth("demo", session)
		a["at"] = at
		return visitor(t, w.url(), a)
	}
	p := from(w.offset(rows[3].Pos), "")
	if !strings.HasPrefix(p.id, "at-") {
		t.Errorf("socket id %q does not say that the offset counts", p.id)
	}
	p.gets(t, "5")
	for name, at := range map[string]string{
		"out of the ring": w.offset(rows[0].Pos), "of another life": "elsewhere.4", "beyond the log": w.offset(99), "no offset": "x", "empty epoch": ".4",
	} {
		if q := from(at, ""); strings.HasPrefix(q.id, "at-") {
			t.Errorf("an offset %s counts", name)
		}
	}
}
