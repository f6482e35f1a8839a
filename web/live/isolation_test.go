package live_test

import (
	"strings"
	"testing"

	"github.com/cuelight/cuelight/engine"
	"github.com/cuelight/cuelight/web/live"
)

// twoApps is a world in which demo and other both have a user anna, and push logs that look alike: nothing but the app tells them apart.
func twoApps(t *testing.T) *world {
	t.Helper()
	w := newWorld(t, live.Limits{})
	w.store.exec(`INSERT INTO sessions(app, token, id, user) VALUES('other', 'token-of-other', 'session-of-other', 'anna')`)
	w.store.exec(`UPDATE heads SET epoch = 'same'`)
	return w
}

// send commits a push of an app and hands it over.
func (w *world) send(app engine.AppID, to, message string) engine.Push {
	w.t.Helper()
	rows := w.store.commit(engine.Push{App: app, To: to, Event: "n", Message: message})
	w.live.Pushed(rows)
	return rows[0]
}

func TestASessionOfOneAppOpensNoOther(t *testing.T) {
	t.Parallel()
	w := twoApps(t)
	for _, c := range []struct{ app, session, code string }{
		{"other", "token-anna", live.CodeSessionExpired},
		{"other", "token-bob", live.CodeSessionExpired},
		{"demo", "token-of-other", live.CodeSessionExpired},
		{"private", "token-of-other", live.CodeOriginRefused},
		{"none", "token-anna", live.CodeAppUnknown},
	} {
		p, err := dial(w.url())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(p.close)
		if err := p.connect(auth(c.app, c.session)); err == nil || !strings.Contains(err.Error(), c.code) {
			t.Errorf("%s in %s: %v, want %s", c.session, c.app, err, c.code)
		}
	}
}

func TestAPushOfOneAppReachesNoSocketOfAnother(t *testing.T) {
	t.Parallel()
	w := twoApps(t)
	anna, other := visitor(t, w.url(), auth("demo", "token-anna")), visitor(t, w.url(), auth("other", "token-of-other"))
	polling, err := shake(w.url())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(polling.close)
	if err := polling.connect(auth("other", "token-of-other")); err != nil {
		t.Fatal(err)
	}
	for _, to := range []string{"*", "anna"} {
		w.send("demo", to, "of demo to "+to)
		w.send("other", to, "of other to "+to)
		anna.gets(t, "of demo to "+to)
		other.gets(t, "of other to "+to)
		polling.gets(t, "of other to "+to)
	}
	// One node hands on what another has written, from the log.
	w.store.commit(engine.Push{App: "demo", To: "anna", Event: "n", Message: "hole"}, engine.Push{App: "other", To: "anna", Event: "n", Message: "hole of other"})
	w.send("demo", "anna", "after the hole")
	w.send("other", "anna", "after the hole of other")
	anna.gets(t, "hole", "after the hole")
	other.gets(t, "hole of other", "after the hole of other")
	if got := [...]int{w.live.Online("demo", "anna"), w.live.Online("other", "anna"), w.live.Online("private", "anna")}; got != [...]int{1, 2, 0} {
		t.Errorf("online are %v", got)
	}
}

func TestAPidOfOneAppResumesNothingInAnother(t *testing.T) {
	t.Parallel()
	w := twoApps(t)
	w.send("other", "*", "to have as many positions")
	w.send("demo", "*", "to have as many positions")
	anna := visitor(t, w.url(), auth("demo", "token-anna"))
	at := w.send("demo", "anna", "1")
	anna.gets(t, "1")
	w.send("other", "anna", "0 of other")
	w.send("demo", "anna", "2")
	w.send("other", "anna", "missed of other")
	for _, offset := range []string{"", "same." + encodeJSON(t, at.Pos), "same.0"} {
		a := auth("other", "token-of-other")
		a["pid"], a["offset"] = anna.pid, offset
		p := visitor(t, w.url(), a)
		if p.pid == anna.pid {
			t.Errorf("with the offset %q a pid of demo is resumed in other", offset)
		}
		w.send("demo", "anna", "3")
		w.send("other", "anna", "live of other")
		p.gets(t, "live of other")
	}
	// In its own app it still counts.
	if p, resumed := back(t, w, "token-anna", anna.pid, "same."+encodeJSON(t, at.Pos)); !resumed {
		t.Error("a pid is not resumed in its own app")
	} else {
		p.gets(t, "2", "3", "3", "3")
	}
}

func TestARevocationInOneAppClosesNoSocketOfAnother(t *testing.T) {
	t.Parallel()
	w := twoApps(t)
	anna, other := visitor(t, w.url(), auth("demo", "token-anna")), visitor(t, w.url(), auth("other", "token-of-other"))
	w.live.RevokeUser("other", "anna")
	mustEnd(t, other)
	w.send("demo", "anna", "still here")
	anna.gets(t, "still here")
}
