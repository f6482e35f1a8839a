package app

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/cuelight/cuelight/cmd/internal/files"
	"github.com/cuelight/cuelight/engine"
	"github.com/cuelight/cuelight/store/storetest"
	"github.com/cuelight/cuelight/web/demo"
)

// newDemo makes the demo's server on a data directory, with its apps or with the shop alone.
func newDemo(t *testing.T, data string, apps ...string) *App {
	t.Helper()
	return newDemoOn(t, "", data, apps...)
}

func newDemoOn(t *testing.T, database, data string, apps ...string) *App {
	t.Helper()
	cfg := Config{Data: data, Database: database, Demo: true}
	for _, name := range apps {
		docs, err := files.Documents(demo.Documents(name))
		if err != nil {
			t.Fatal(err)
		}
		cfg.DemoApps = append(cfg.DemoApps, docs)
	}
	a, err := New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	return a
}

// visitor is a browser without scripts: it sends forms and keeps the cookie.
type visitor struct {
	t      *testing.T
	a      *App
	cookie *http.Cookie
}

func (v *visitor) do(method, path string, form url.Values, headers ...string) *httptest.ResponseRecorder {
	v.t.Helper()
	r := httptest.NewRequestWithContext(v.t.Context(), method, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	if v.cookie != nil {
		r.AddCookie(v.cookie)
	}
	w := httptest.NewRecorder()
	v.a.Handler(false).ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		v.cookie = c
	}
	return w
}

func (v *visitor) login(user, password string) *httptest.ResponseRecorder {
	v.t.Helper()
	return v.do("POST", "/demo/messenger/login", url.Values{"user": {user}, "password": {password}})
}

func TestDataOfTheDemoIsSeededOnce(t *testing.T) {
	data := t.TempDir()
	a := newDemo(t, data, demo.Apps...)
	write := func(a *App, w engine.Write) {
		t.Helper()
		w.Who = "test"
		if _, err := a.Engine.Write(t.Context(), w); err != nil {
			t.Fatal(err)
		}
	}
	write(a, engine.Write{App: boardApp, Kind: engine.WriteDelete, Structure: "Service", ID: "mail"})
	write(a, engine.Write{App: boardApp, Kind: engine.WritePatch, Structure: "Service", ID: "shop", Fields: fields(t, `{"name":"Our shop"}`)})
	write(a, engine.Write{App: messengerApp, Kind: engine.WriteDelete, Structure: "Message", ID: "hello-1"})
	if _, err := a.Engine.SetState(t.Context(), boardApp, "count", engine.Stopped); err != nil {
		t.Fatal(err)
	}
	a.Close()

	again := &visitor{t: t, a: newDemo(t, data, demo.Apps...)}
	board := again.do("GET", "/demo/board/", nil).Body.String()
	if strings.Contains(board, "service-mail") || !strings.Contains(board, "Our shop") || !strings.Contains(board, "service-search") {
		t.Errorf("the board is not as it was left:\n%s", board)
	}
	again.login("testUser", "testUser")
	if page := again.do("GET", "/demo/messenger/?with=anna", nil).Body.String(); strings.Contains(page, "hello-1") || !strings.Contains(page, "hello-2") {
		t.Errorf("the chat is not as it was left:\n%s", page)
	}
	var state struct{ State engine.ScenarioState }
	admin := httptest.NewRecorder()
	again.a.Handler(true).ServeHTTP(admin, httptest.NewRequestWithContext(t.Context(), "GET", "/api/v1/apps/board/scenarios/count", nil))
	if err := json.Unmarshal(admin.Body.Bytes(), &state); err != nil || state.State != engine.Stopped {
		t.Errorf("the scenario that was stopped is %s %v", admin.Body, err)
	}
}

func TestDataThatWasSeededWithoutTheAppsStaysWithoutThem(t *testing.T) {
	data := t.TempDir()
	newDemo(t, data).Close()
	v := &visitor{t: t, a: newDemo(t, data, demo.Apps...)}
	for _, path := range []string{"/demo/board/", "/demo/messenger/"} {
		if w := v.do("GET", path, nil); w.Code != http.StatusNotFound || !strings.Contains(w.Body.String(), "filled without") {
			t.Errorf("%s answers %d %s", path, w.Code, w.Body)
		}
	}
	if page := v.do("GET", "/demo/", nil).Body.String(); strings.Contains(page, "/demo/board/") {
		t.Error("the shop links to a board that is not there")
	}
	if lines := strings.Join(v.a.Banner(t.Context()), "\n"); strings.Contains(lines, "Status board") {
		t.Errorf("the start tells of what is not there:\n%s", lines)
	}
}

func TestAStartTellsWhereThePagesAre(t *testing.T) {
	a := newDemo(t, t.TempDir(), demo.Apps...)
	a.cfg.PublicURL = "https://cue.example.com"
	lines := strings.Join(a.Banner(t.Context()), "\n") + "\n"
	for _, want := range []string{
		"\nDemo page   https://cue.example.com/demo/\n", "\napp_id      demo\n",
		"\nHelp        https://cue.example.com/help/\n", "\nStatus board  https://cue.example.com/demo/board/\n", "\nMessenger   https://cue.example.com/demo/messenger/\n",
	} {
		if !strings.Contains(lines, want) {
			t.Errorf("%q lacks %q", lines, want)
		}
	}
}

func TestAGuestSeesNoPrivateMessageOfTheMessenger(t *testing.T) {
	a := newDemo(t, t.TempDir(), demo.Apps...)
	// Who is logged in to the shop is nobody here.
	shop, _, err := a.Accounts.LoginUser(t.Context(), demoApp, "anna", "anna", "10.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	for name, cookie := range map[string]*http.Cookie{
		"no cookie": nil, "a made up one": {Name: messengerCookie, Value: strings.Repeat("x", 43)}, "one of the shop": {Name: messengerCookie, Value: shop},
	} {
		v := &visitor{t: t, a: a, cookie: cookie}
		for _, path := range []string{"/demo/messenger/", "/demo/messenger/?with=anna", "/demo/messenger/?with=testUser"} {
			w := v.do("GET", path, nil)
			if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "Log in") || strings.Contains(w.Body.String(), "shop page ready") {
				t.Errorf("%s: %s answers %d\n%s", name, path, w.Code, w.Body)
			}
		}
		if w := v.do("GET", "/demo/messenger/?with=anna", nil, "X-Cuelight-Refresh", "1"); w.Code != http.StatusUnauthorized {
			t.Errorf("%s: a refresh answers %d", name, w.Code)
		}
		if w := v.do("GET", "/demo/messenger/session", nil); w.Code != http.StatusUnauthorized {
			t.Errorf("%s: the session is answered %d %s", name, w.Code, w.Body)
		}
		for _, path := range []string{"send", "seen"} {
			if w := v.do("POST", "/demo/messenger/"+path, url.Values{"with": {"anna"}, "text": {"x"}}); w.Code != http.StatusUnauthorized {
				t.Errorf("%s: %s answers %d", name, path, w.Code)
			}
		}
	}
}

func TestATalkIsOnlyForTheTwo(t *testing.T) {
	a := newDemo(t, t.TempDir(), demo.Apps...)
	if err := a.create(t.Context(), messengerApp, engine.UserStructure, "benjamin", values{"name": "Ben"}); err != nil {
		t.Fatal(err)
	}
	if err := a.Accounts.SetPassword(t.Context(), messengerApp, "benjamin", "benjamin"); err != nil {
		t.Fatal(err)
	}
	ben := &visitor{t: t, a: a}
	ben.login("benjamin", "benjamin")
	for _, with := range []string{"", "anna", "testUser", "benjamin", "nobody", `" OR id != "`} {
		if page := ben.do("GET", "/demo/messenger/?with="+url.QueryEscape(with), nil).Body.String(); !strings.Contains(page, "You are") || strings.Contains(page, "shop page ready") {
			t.Errorf("with %q Ben sees\n%s", with, page)
		}
	}
	anna := &visitor{t: t, a: a}
	anna.login("anna", "anna")
	if page := anna.do("GET", "/demo/messenger/?with=testUser", nil).Body.String(); !strings.Contains(page, "shop page ready") {
		t.Errorf("Anna does not see her own message\n%s", page)
	}
}

func TestTheMessengerWorksWithoutScripts(t *testing.T) {
	for name, database := range map[string]func(testing.TB) string{"sqlite": func(testing.TB) string { return "" }, "postgres": storetest.Postgres} {
		t.Run(name, func(t *testing.T) { writeWithoutScripts(t, newDemoOn(t, database(t), t.TempDir(), demo.Apps...)) })
	}
}

func writeWithoutScripts(t *testing.T, a *App) {
	v := &visitor{t: t, a: a}
	if w := v.login("anna", "wrong"); !strings.Contains(w.Body.String(), "User or password is wrong.") || v.cookie != nil {
		t.Errorf("a wrong password is answered %s, cookie %v", w.Body, v.cookie)
	}
	if w := v.login("anna", "anna"); w.Code != http.StatusSeeOther || v.cookie == nil || !v.cookie.HttpOnly || v.cookie.SameSite != http.SameSiteLaxMode {
		t.Fatalf("the login is answered %d, cookie %v", w.Code, v.cookie)
	}
	if w := v.do("POST", "/demo/messenger/send", url.Values{"with": {"testUser"}, "text": {" Hello\n"}}); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/demo/messenger/?with=testUser" {
		t.Errorf("a message is answered %d %s", w.Code, w.Body)
	}
	if page := v.do("GET", "/demo/messenger/?with=testUser", nil).Body.String(); !strings.Contains(page, "<p>Hello</p>") {
		t.Errorf("the message is not there\n%s", page)
	}
	for name, form := range map[string]url.Values{
		"to nobody": {"with": {"nobody"}, "text": {"x"}}, "to oneself": {"with": {"anna"}, "text": {"x"}}, "without a text": {"with": {"testUser"}, "text": {"  "}},
	} {
		if w := v.do("POST", "/demo/messenger/send", form); w.Code != http.StatusUnprocessableEntity {
			t.Errorf("a message %s is answered %d %s", name, w.Code, w.Body)
		}
	}
	v.do("POST", "/demo/messenger/logout", nil)
	if page := v.do("GET", "/demo/messenger/", nil).Body.String(); !strings.Contains(page, `id="login"`) {
		t.Errorf("after the logout there is\n%s", page)
	}
}

func TestTheBoardsFormWorksWithoutScripts(t *testing.T) {
	v := &visitor{t: t, a: newDemo(t, t.TempDir(), demo.Apps...)}
	if w := v.do("POST", "/demo/board/report", url.Values{"service": {"mail"}, "state": {"degraded"}, "note": {"Slow"}}); w.Code != http.StatusSeeOther {
		t.Errorf("a report is answered %d %s", w.Code, w.Body)
	}
	page := v.do("GET", "/demo/board/?state=degraded", nil).Body.String()
	if !strings.Contains(page, `id="service-mail"`) || !strings.Contains(page, "Slow") || strings.Contains(page, `id="service-shop"`) {
		t.Errorf("the board is\n%s", page)
	}
	if w := v.do("POST", "/demo/board/report", url.Values{"service": {"mail"}, "state": {"gone"}}, "Accept", "application/json"); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("a state that there is not is answered %d %s", w.Code, w.Body)
	}
}

func TestFormsOfOtherSitesAreRefused(t *testing.T) {
	v := &visitor{t: t, a: newDemo(t, t.TempDir(), demo.Apps...)}
	v.login("anna", "anna")
	for _, path := range []string{"board/report", "messenger/login", "messenger/logout", "messenger/send", "messenger/seen"} {
		if w := v.do("POST", "/demo/"+path, url.Values{"with": {"testUser"}, "text": {"x"}}, "Sec-Fetch-Site", "cross-site"); w.Code != http.StatusForbidden {
			t.Errorf("%s answers %d to another site", path, w.Code)
		}
	}
}

func TestTheClockOfTheDemoTellsTheTimeEachMinute(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		clock := scheduler(t, w)
		for _, doc := range demoScenarios {
			if strings.Contains(doc, `"id":"clock"`) {
				w.mustPublish(doc)
			}
		}
		clock.forward(time.Minute)
		waitUntil(t, "the clock", func() bool { return ended(t, w, "clock") == 1 })
		pushes, err := w.store.Pushes(w.ctx, app, 0, time.Time{}, 10)
		if err != nil || len(pushes) != 1 || pushes[0].To != engine.Everybody || pushes[0].Event != "clock" {
			t.Errorf("the clock pushes %+v %v", pushes, err)
		}
		if _, err := time.Parse(time.RFC3339, pushes[0].Message); err != nil {
			t.Errorf("the time is %q", pushes[0].Message)
		}
	})
}
