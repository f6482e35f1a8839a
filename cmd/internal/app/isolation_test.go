package app

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/cuelight/cuelight/engine"
	"github.com/cuelight/cuelight/web/live"
)

// TestTheDoorKnowsASessionInItsAppAlone is about sockets; both apps have a user of the same name.
func TestTheDoorKnowsASessionInItsAppAlone(t *testing.T) {
	t.Parallel()
	a, err := New(t.Context(), Config{Data: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	sessions := map[engine.AppID]string{}
	for _, app := range []engine.AppID{"a", "b"} {
		if err := a.Engine.PutApp(t.Context(), engine.App{ID: app, Guests: app == "b"}, true); err != nil {
			t.Fatal(err)
		}
		if _, err := a.Engine.Write(t.Context(), engine.Write{App: app, Kind: engine.WriteCreate, Structure: "User", ID: "anna", Fields: map[string]json.RawMessage{}}); err != nil {
			t.Fatal(err)
		}
		if err := a.Accounts.SetPassword(t.Context(), app, "anna", "password"); err != nil {
			t.Fatal(err)
		}
		if sessions[app], _, err = a.Accounts.LoginUser(t.Context(), app, "anna", "password", "192.0.2.1"); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		app, of engine.AppID
		code    string
	}{{"a", "a", ""}, {"b", "b", ""}, {"a", "b", live.CodeSessionExpired}, {"b", "a", live.CodeSessionExpired}, {"none", "a", live.CodeAppUnknown}, {"a", "", live.CodeSessionExpired}} {
		v, err := door{a}.Admit(t.Context(), c.app, sessions[c.of], "")
		refusal, _ := errors.AsType[*live.Refusal](err)
		switch {
		case c.code == "" && (err != nil || v.App != c.app || v.User != "anna"):
			t.Errorf("a session of %s in %s: %+v %v", c.of, c.app, v, err)
		case c.code != "" && (refusal == nil || refusal.Code != c.code):
			t.Errorf("a session of %s in %s: %v, want %s", c.of, c.app, err, c.code)
		}
	}
}
