package api_test

import (
	"slices"
	"testing"

	"github.com/cuelight/cuelight/engine"
	"github.com/cuelight/cuelight/web/api"
)

func TestOnlyTheLoginOfAnAccountGetsATicket(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const path = "/api/v1/session/socket"
	for _, who := range []string{"a/all", "a/admin", "*/admin"} {
		w.as(who, "POST", path, `{"app":"a"}`).is(403).has("code", "NO_LOGIN")
	}
	w.as("nobody", "POST", path, `{"app":"a"}`).is(401)
	w.as("user", "POST", path, `{"app":"a"}`).is(401)
	w.as("viewer", "POST", path, `{"app":"none"}`).is(404)
	w.as("viewer", "POST", path, `{}`).is(404)
	w.as("viewer", "POST", path, `{"app":"a"}`, "Sec-Fetch-Site", "cross-site").is(403).has("code", "CROSS_ORIGIN")
	w.as("viewer", "POST", path, `{"app":"a"}`, "Origin", "https://evil.example").is(403)
	if len(w.sockets.tickets) != 0 {
		t.Fatalf("%+v", w.sockets.tickets)
	}
	w.as("viewer", "POST", path, `{"app":"a"}`, "Sec-Fetch-Site", "same-origin").is(200).has("ticket", "ticket")
	got := w.sockets.tickets[0]
	if got.App != "a" || got.Account != "viewer@example.com" || got.Role != "viewer" || len(got.Session) != 64 {
		t.Errorf("%+v", got)
	}
	if acc, err := w.accounts.Standing(t.Context(), got.Session); err != nil || string(acc.Role) != "viewer" {
		t.Errorf("%+v %v", acc, err)
	}
	w.as("admin", "PATCH", "/api/v1/accounts/viewer@example.com", `{"role":"builder"}`).is(200)
	if _, err := w.accounts.Standing(t.Context(), got.Session); err == nil {
		t.Error("the login stands after a change of the role")
	}
	for range 8 {
		w.as("admin", "POST", path, `{"app":"a"}`).is(200)
	}
	w.as("admin", "POST", path, `{"app":"a"}`).is(429).has("limit", "socket_tickets")
}

func TestRefusalsOfUnknownAppsAreForAdminsOfAllApps(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must(w.engine.PutApp(t.Context(), engine.App{ID: "shop"}, true))
	w.sockets.refused = []engine.Refused{{App: "shpo", Code: "app_unknown", Count: 3}, {App: "nothing-like-it", Code: "app_unknown"}}
	for _, who := range []string{"viewer", "builder", "a/admin", "a/runs:read"} {
		w.as(who, "GET", "/api/v1/apps/a/refusals", "").is(200).has("items", "[]")
	}
	for _, who := range []string{"admin", "*/admin"} {
		w.as(who, "GET", "/api/v1/apps/a/refusals", "").is(200).has("items.0.app_id", "shpo", "items.0.meant", "shop", "items.0.count", "3", "items.1.meant", "absent")
	}
}

func TestEventsSayWhoSendsAndWhoListens(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.as("builder", "PUT", "/api/v1/apps/a/scenarios/s/draft", cueDoc("s")).is(201)
	if want := []string{"a/s at 1 by builder@example.com"}; !slices.Equal(w.sockets.saved, want) {
		t.Errorf("%v", w.sockets.saved)
	}
	doc := `{"structure":"Order","triggers":[{"id":"c","kind":"call"}],"steps":[{"id":"if","kind":"condition","if":"object != null","then":[{"id":"p","kind":"push","to":"*","event":"deep"}],"else":[{"id":"q","kind":"push","to":"*","event":"by-{{ object.note }}"}]}]}`
	w.do("POST", "/scenarios/deep/publish", `{"document":`+doc+`}`).is(200)
	w.as("a/all", "POST", "/api/v1/apps/a/push", `{"to":"anna","event":"sent"}`).is(200)
	w.as("a/all", "GET", "/api/v1/apps/a/events", "").is(200).has(
		"items.0.event", mark+"-heard", "items.0.listening", "1",
		"items.1.event", "deep", "items.1.scenarios.0", "deep", "items.1.sent", "0",
		"items.2.event", "sent", "items.2.sent", "1", "items.3", "absent")
	w.as("a/runs:read", "GET", "/api/v1/apps/a/events", "").is(403)
}

func TestAServerWithoutSocketsHasNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *api.Options) { o.Console = nil })
	w.do("GET", "/connections", "").is(200).has("items", "[]")
	w.do("GET", "/refusals", "").is(200).has("items", "[]")
	w.do("DELETE", "/connections/none", "").is(404)
	w.as("admin", "POST", "/api/v1/session/socket", `{"app":"a"}`).is(429)
}
