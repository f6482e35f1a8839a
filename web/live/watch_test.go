package live_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cuelight/cuelight/engine"
	"github.com/cuelight/cuelight/web/live"
)

// page is a feed that a test fills.
type page struct {
	next    atomic.Pointer[engine.FeedPage]
	watched atomic.Int32
}

func (p *page) Watch(engine.AppID)   { p.watched.Add(1) }
func (p *page) Unwatch(engine.AppID) { p.watched.Add(-1) }
func (p *page) Take(app engine.AppID) engine.FeedPage {
	if app != "demo" {
		return engine.FeedPage{}
	}
	if n := p.next.Swap(nil); n != nil {
		return *n
	}
	return engine.FeedPage{}
}

func ticketOf(account, role, session string, app engine.AppID) engine.Ticket {
	return engine.Ticket{App: app, Account: account, Role: role, Session: session}
}

// ticket logs an account in and gives a ticket.
func (w *world) ticket(account, role string, app engine.AppID) string {
	w.t.Helper()
	session := "login-" + account
	w.store.exec(`INSERT OR REPLACE INTO logins VALUES(?, ?)`, session, role)
	secret, ok := w.live.Ticket(ticketOf(account, role, session, app))
	if !ok {
		w.t.Fatal("no ticket")
	}
	return secret
}

// admin connects to /admin and gives what the server answers.
func admin(t testing.TB, base, ticket string) (*peer, string) {
	t.Helper()
	p, err := dial(base)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.close)
	if err := p.send("40/admin," + encodeJSON(t, map[string]string{"ticket": ticket})); err != nil {
		t.Fatal(err)
	}
	for {
		packet, err := p.next()
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(packet, "0{") {
			return p, packet
		}
	}
}

// watch is a window that is connected.
func (w *world) watch(account, role string, app engine.AppID) *peer {
	w.t.Helper()
	p, answer := admin(w.t, w.url(), w.ticket(account, role, app))
	if !strings.HasPrefix(answer, "40/admin,{") {
		w.t.Fatalf("CONNECT was answered %.200q", answer)
	}
	return p
}

// told is the next message of the name that fits.
func told[T any](t testing.TB, p *peer, name string, fits func(T) bool) T {
	t.Helper()
	for {
		packet, err := p.next()
		if err != nil {
			t.Fatalf("waiting for %s: %v", name, err)
		}
		var args []json.RawMessage
		body, ok := strings.CutPrefix(packet, "42/admin,")
		if !ok || json.Unmarshal([]byte(body), &args) != nil || len(args) != 2 {
			t.Fatalf("not a message of /admin: %.100q", packet)
		}
		var got string
		var v T
		if json.Unmarshal(args[0], &got) != nil || got != name {
			continue
		}
		if err := json.Unmarshal(args[1], &v); err != nil {
			t.Fatalf("%s: %v", args[1], err)
		}
		if fits == nil || fits(v) {
			return v
		}
	}
}

func TestATicketIsGoodOnceAndForHalfAMinute(t *testing.T) {
	w := newWorld(t, live.Limits{})
	secret := w.ticket("ada", "admin", "demo")
	if _, answer := admin(t, w.url(), secret); !strings.HasPrefix(answer, "40/admin,{") {
		t.Fatalf("first use: %q", answer)
	}
	if _, answer := admin(t, w.url(), secret); !strings.Contains(answer, `"code":"ticket"`) {
		t.Errorf("second use: %q", answer)
	}
	late := w.ticket("ada", "admin", "demo")
	w.skip.Store(int64(live.TicketTime))
	if _, answer := admin(t, w.url(), late); !strings.Contains(answer, `"code":"ticket"`) {
		t.Errorf("after half a minute: %q", answer)
	}
	w.skip.Store(0)
	gone := w.ticket("ada", "admin", "demo")
	w.store.exec(`DELETE FROM logins`)
	if _, answer := admin(t, w.url(), gone); !strings.Contains(answer, `"code":"session_expired"`) {
		t.Errorf("after the login has ended: %q", answer)
	}
	other := w.ticket("ada", "admin", "demo")
	w.store.exec(`UPDATE logins SET role = 'viewer'`)
	if _, answer := admin(t, w.url(), other); !strings.Contains(answer, `"code":"session_expired"`) {
		t.Errorf("after the role has changed: %q", answer)
	}
}

func TestTicketsAreBounded(t *testing.T) {
	w := newWorld(t, live.Limits{})
	given := 0
	for range 100 {
		if _, ok := w.live.Ticket(ticketOf("ada", "admin", "l", "demo")); ok {
			given++
		}
	}
	if given != live.MaxAccountTickets {
		t.Errorf("%d tickets of one account", given)
	}
	for i := range 3 * live.MaxTickets {
		if _, ok := w.live.Ticket(ticketOf(fmt.Sprint(i), "admin", "l", "demo")); ok {
			given++
		}
	}
	if given != live.MaxTickets {
		t.Errorf("%d tickets in all", given)
	}
	w.skip.Store(int64(live.TicketTime))
	if _, ok := w.live.Ticket(ticketOf("ada", "admin", "l", "demo")); !ok {
		t.Error("tickets that have expired still count")
	}
}

type shownPush struct {
	To, Event, Message, Run string
	Online, Cut             int
}

type shownConn struct {
	ID, User, Reason, Transport, Code string
	App                               string `json:"app_id"`
}

func TestAWindowSeesItsAppAndNoOther(t *testing.T) {
	w := newWorld(t, live.Limits{})
	ours, other := w.watch("ada", "viewer", "demo"), w.watch("bob", "admin", "other")
	anna := visitor(t, w.url(), auth("demo", "token-anna"))
	if c := told[shownConn](t, ours, "conn.opened", nil); c.User != "anna" || c.ID != anna.id || c.Transport != "websocket" {
		t.Errorf("opened: %+v", c)
	}
	w.push("anna", "hello", strings.Repeat("é", 2000))
	if p := told[shownPush](t, ours, "push", nil); p.Event != "hello" || p.Online != 1 || p.Cut != 4000 || len(p.Message) != 2048 {
		t.Errorf("push: %.60v %d", p, len(p.Message))
	}
	if _, err := anna.event(); err != nil {
		t.Fatal(err)
	}
	w.live.Revoke("demo", "session-anna")
	if c := told[shownConn](t, ours, "conn.closed", nil); c.ID != anna.id || c.Reason != "session_ended" {
		t.Errorf("closed: %+v", c)
	}
	_ = admit(t, w.url(), "demo", "wrong")
	if c := told[shownConn](t, ours, "conn.refused", nil); c.Code != "session_expired" {
		t.Errorf("refused: %+v", c)
	}
	w.live.DraftSaved("demo", "tell", 7, "ada")
	told(t, ours, "draft.saved", func(d struct {
		Scenario, By string
		Rev          int64
	},
	) bool {
		return d.Scenario == "tell" && d.By == "ada" && d.Rev == 7
	})
	// Behind all that, the window of the other app has heard of its own push only.
	w.live.Pushed(w.store.commit(engine.Push{App: "other", To: "*", Event: "own", Message: ""}))
	for {
		packet, err := other.next()
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(packet, "anna") || strings.Contains(packet, "hello") || strings.Contains(packet, "draft") {
			t.Fatalf("another app's: %s", packet)
		}
		if strings.Contains(packet, `"own"`) {
			break
		}
	}
}

// admit tries to connect and gives the refusal.
func admit(t testing.TB, base, app, session string) error {
	t.Helper()
	p, err := dial(base)
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	return p.connect(auth(app, session))
}

func TestWhoIsRefusedIsKeptWithTheReason(t *testing.T) {
	w := newWorld(t, live.Limits{})
	boss, viewer := w.watch("ada", "admin", "demo"), w.watch("vic", "viewer", "demo")
	for range 3 {
		_ = admit(t, w.url(), "shpo", "")
	}
	_ = admit(t, w.url(), "demo", "wrong")
	told(t, boss, "conn.refused", func(c shownConn) bool { return c.App == "shpo" && c.Code == "app_unknown" })
	told(t, viewer, "conn.refused", func(c shownConn) bool {
		if c.App != "demo" {
			t.Errorf("a viewer is told of %+v", c)
		}
		return true
	})
	all, own := w.live.Refused("demo", true), w.live.Refused("demo", false)
	if len(own) != 1 || own[0].Code != "session_expired" || len(all) != 2 || all[1].App != "shpo" || all[1].Count != 3 {
		t.Errorf("%+v\n%+v", own, all)
	}
	for i := range 300 {
		_ = admit(t, w.url(), fmt.Sprint("none", i), "")
	}
	if n := len(w.live.Refused("other", true)); n != 100 {
		t.Errorf("%d unknown ones are kept", n)
	}
}

func TestStrangersDoNotDrownTheNewsOfAnAdmin(t *testing.T) {
	w := newWorld(t, live.Limits{})
	boss := w.watch("ada", "admin", "demo")
	for i := range 200 {
		_ = admit(t, w.url(), fmt.Sprint("none", i), "")
	}
	w.live.Pushed(w.store.commit(engine.Push{App: "demo", To: "*", Event: "last"}))
	refused, seconds := 0, 0
	for last := false; !last; {
		packet, err := boss.next()
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case strings.Contains(packet, `"conn.refused"`):
			refused++
		case strings.Contains(packet, `"second"`):
			seconds++
		case strings.Contains(packet, `"dropped"`):
			t.Errorf("news were lost: %s", packet)
		case strings.Contains(packet, `"last"`):
			last = true
		}
	}
	if refused == 0 || refused > 50*(seconds+1) {
		t.Errorf("told of %d refusals in %d seconds", refused, seconds)
	}
}

func TestALoginThatEndsOrChangesDropsItsWindows(t *testing.T) {
	for name, change := range map[string]string{"ended": `DELETE FROM logins WHERE id = 'login-ada'`, "other role": `UPDATE logins SET role = 'viewer' WHERE id = 'login-ada'`} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, live.Limits{})
			gone, stays := w.watch("ada", "admin", "demo"), w.watch("bob", "admin", "demo")
			w.store.exec(change)
			if err := gone.ends(2 * time.Second); err != nil {
				t.Error(err)
			}
			told[json.RawMessage](t, stays, "second", nil)
		})
	}
}

func TestAWindowSaysWhatItLooksAt(t *testing.T) {
	w := newWorld(t, live.Limits{})
	ada, bob := w.watch("ada", "admin", "demo"), w.watch("bob", "viewer", "demo")
	type presence map[string][]string
	if err := errs(ada.send(`42/admin,["look","tell"]`), bob.send(`42/admin,["look","tell"]`)); err != nil {
		t.Fatal(err)
	}
	told(t, ada, "presence", func(p presence) bool { return slices.Equal(p["tell"], []string{"ada", "bob"}) })
	if err := bob.send(`42/admin,["look",""]`); err != nil {
		t.Fatal(err)
	}
	told(t, ada, "presence", func(p presence) bool { return slices.Equal(p["tell"], []string{"ada"}) })
	ada.close()
	told(t, bob, "presence", func(p presence) bool { return len(p) == 0 })
}

func errs(all ...error) error {
	for _, err := range all {
		if err != nil {
			return err
		}
	}
	return nil
}

type counted struct{ Connections, Pushes, Shown, Skipped, Runs, Finished, Failed int64 }

func TestAStreamIsSampledAndItsTrueCountTold(t *testing.T) {
	w := newWorld(t, live.Limits{})
	p := w.watch("ada", "admin", "demo")
	told[counted](t, p, "second", nil)
	const n = 5000
	many := make([]engine.Push, n)
	for i := range many {
		many[i] = engine.Push{App: "demo", To: "*", Event: "e", Message: fmt.Sprint(i)}
	}
	w.live.Pushed(w.store.commit(many...))
	for range live.ShownPush {
		told[shownPush](t, p, "push", nil)
	}
	c := told(t, p, "second", func(c counted) bool { return c.Pushes > 0 })
	if c.Pushes != n || c.Shown != live.ShownPush {
		t.Errorf("%+v", c)
	}
}

func TestRunsAreToldWithABound(t *testing.T) {
	feed := &page{}
	w := newNode(t, newStore(t), live.Limits{}, feed)
	p := w.watch("ada", "admin", "demo")
	if feed.watched.Load() != 1 {
		t.Fatalf("%d watch the feed", feed.watched.Load())
	}
	told[counted](t, p, "second", nil)
	news := []engine.News{{Kind: engine.NewsRunStarted, Run: "r", Scenario: "tell"}}
	for i := range 100 {
		news = append(news, engine.News{Kind: engine.NewsRunStep, Run: "r", Seq: int64(i + 1), Status: "done", After: 12 * time.Millisecond})
	}
	news = append(news, engine.News{Kind: engine.NewsRunFinished, Run: "r", Status: "failed", Error: &engine.RunError{Code: "X"}}, engine.News{Kind: engine.NewsScenario, Scenario: "tell", Rev: 3})
	feed.next.Store(&engine.FeedPage{News: news, Started: 10_000, Finished: 9_000, Failed: 1})
	type run struct {
		ID, Run, Status string
		MS              int64
		Rev             int64
		Error           struct{ Code string }
	}
	told(t, p, "run.started", func(r run) bool { return r.ID == "r" })
	steps := 0
	for range 8 {
		if s := told[run](t, p, "run.step", nil); s.Run == "r" && s.MS == 12 {
			steps++
		}
	}
	if end := told[run](t, p, "run.finished", nil); end.ID != "r" || end.Status != "failed" || end.Error.Code != "X" || steps != 8 {
		t.Errorf("%+v after %d steps", end, steps)
	}
	told(t, p, "scenario.changed", func(r run) bool { return r.ID == "tell" && r.Rev == 3 })
	told(t, p, "second", func(c counted) bool {
		return c.Runs == 10_000 && c.Finished == 9_000 && c.Failed == 1 && c.Skipped == 92
	})
	p.close()
	waitFor(t, "nobody to watch", func() bool { return feed.watched.Load() == 0 })
}

func TestASlowWindowLosesWithACountAndHoldsNobodyUp(t *testing.T) {
	w := newWorld(t, live.Limits{})
	slow, err := shake(w.url())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(slow.close)
	if err := slow.send(`40/admin,` + encodeJSON(t, map[string]string{"ticket": w.ticket("ada", "admin", "demo")})); err != nil {
		t.Fatal(err)
	}
	if answer, err := slow.next(); err != nil || !strings.HasPrefix(answer, "40/admin,{") {
		t.Fatalf("%q %v", answer, err)
	}
	// From now on it does not poll.
	quick := w.watch("bob", "admin", "demo")
	for range 20 {
		for i := range 300 {
			w.live.DraftSaved("demo", "tell", int64(i), "bob")
		}
		told[counted](t, quick, "second", nil)
		if w.live.Dropped("ada") > 0 {
			break
		}
	}
	if w.live.Dropped("ada") == 0 || w.live.Dropped("bob") != 0 {
		t.Fatalf("dropped: %d of the slow one, %d of the other", w.live.Dropped("ada"), w.live.Dropped("bob"))
	}
	if n := told[map[string]int64](t, slow, "dropped", nil)["messages"]; n == 0 {
		t.Error("the window does not know")
	}
}

func TestAPageSaysWhatItListensFor(t *testing.T) {
	w := newWorld(t, live.Limits{})
	p := guest(t, w.url())
	if err := p.send(`420["cue:page",{"version":"1.2.3","listens":["a","b","a",1,"` + strings.Repeat("n", 200) + `"]}]`); err != nil {
		t.Fatal(err)
	}
	if answer, err := p.next(); err != nil || answer != `430[{"ok":true}]` {
		t.Errorf("%q %v", answer, err)
	}
	list := w.live.ListConnections("demo")
	if len(list) != 1 || list[0].Client != "1.2.3" || !slices.Equal(list[0].Listens, []string{"a", "b"}) || list[0].ID != p.id {
		t.Errorf("%+v", list)
	}
	if got := w.live.ListConnections("other"); len(got) != 0 {
		t.Errorf("another app has %+v", got)
	}
	if w.live.Disconnect("other", p.id) || !w.live.Disconnect("demo", p.id) {
		t.Error("disconnected from another app, or not at all")
	}
	if err := p.ends(5 * time.Second); err != nil {
		t.Error(err)
	}
}

// BenchmarkPushedUnwatched is what a push costs when nobody is connected and nobody watches: compare with a tree without watchers.
func BenchmarkPushedUnwatched(b *testing.B) {
	w := newWorld(b, live.Limits{})
	p := []engine.Push{{App: "demo", To: "*", Event: "e", Message: "m", Pos: 1}}
	b.ReportAllocs()
	for b.Loop() {
		w.live.Pushed(p)
	}
}
