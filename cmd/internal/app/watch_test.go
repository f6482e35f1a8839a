package app

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/cuelight/cuelight/engine/account"
	"github.com/cuelight/cuelight/store/storetest"
	"github.com/cuelight/cuelight/web"
)

// window logs an account in over HTTP, takes a ticket with its cookie, and watches the demo.
func (a *App) window(t *testing.T, url, email string) *page {
	t.Helper()
	login, err := http.Post(url+"/api/v1/session", "application/json", strings.NewReader(`{"email":"`+email+`","password":"password"}`))
	if err != nil || login.StatusCode != http.StatusOK {
		t.Fatal(err, login.Status)
	}
	_ = login.Body.Close()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/api/v1/session/socket", strings.NewReader(`{"app":"demo"}`))
	if err != nil {
		t.Fatal(err)
	}
	req.AddCookie(login.Cookies()[0])
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	var got struct{ Ticket string }
	if err != nil || json.Unmarshal(body, &got) != nil || got.Ticket == "" {
		t.Fatalf("%d %s", resp.StatusCode, body)
	}
	p := &page{t: t, url: url + "/socket.io/?EIO=4&transport=polling"}
	var open struct{ Sid string }
	if err := json.Unmarshal([]byte(p.next("0")), &open); err != nil {
		t.Fatal(err)
	}
	p.url += "&sid=" + open.Sid
	p.send(`40/admin,{"ticket":"` + got.Ticket + `"}`)
	p.next("40/admin,{")
	p.next(`42/admin,["presence"`) // from now on it is told
	return p
}

// told gives the next message of a name that holds all the words.
func (p *page) told(name string, words ...string) string {
	p.t.Helper()
next:
	for {
		rest := p.next(`42/admin,["` + name + `",`)
		for _, w := range words {
			if !strings.Contains(rest, w) {
				continue next
			}
		}
		return rest
	}
}

func TestAWindowIsToldWhatTheServerDoesUntilItsLoginEnds(t *testing.T) {
	t.Parallel()
	for name, database := range map[string]func(testing.TB) string{"sqlite": func(testing.TB) string { return "" }, "postgres": storetest.Postgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, err := New(t.Context(), Config{Data: t.TempDir(), Database: database(t), Demo: true, Web: web.Limits{Requests: 100_000}})
			if err != nil {
				t.Fatal(err)
			}
			defer a.Close()
			server := httptest.NewServer(a.Handler(false))
			defer server.Close()
			for _, who := range []account.Role{account.Admin, account.Viewer} {
				if _, err := a.Accounts.CreateAccount(t.Context(), string(who)+"@example.com", "password", who); err != nil {
					t.Fatal(err)
				}
			}
			boss, viewer := a.window(t, server.URL, "admin@example.com"), a.window(t, server.URL, "viewer@example.com")
			a.page(t, server.URL, "anna")
			for _, p := range []*page{boss, viewer} {
				p.told("conn.opened", `"user":"anna"`)
			}
			run := string(a.ready(t, "1042"))
			for _, p := range []*page{boss, viewer} {
				p.told("run.started", run, `"scenario":"order-ready"`, `"object":"1042"`)
				p.told("run.step", run, `"status":"done"`)
				p.told("run.finished", run, `"status":"done"`)
			}
			token, err := a.Accounts.CreateToken(t.Context(), account.Token{Name: "builder", App: demoApp, Scopes: []string{"scenarios:write", "scenarios:read"}})
			if err != nil {
				t.Fatal(err)
			}
			ask(t, http.MethodPut, server.URL+"/api/v1/apps/demo/scenarios/new/draft", token, `{"steps":[]}`)
			boss.told("draft.saved", `"by":"builder"`, `"scenario":"new"`)
			viewer.told("scenario.changed", `"id":"new"`)

			other := account.Builder
			if _, err := a.Accounts.ChangeAccount(t.Context(), "viewer@example.com", account.Change{Role: &other}); err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			waitUntil(t, "the window to be dropped", func() bool {
				resp, err := http.Get(viewer.url)
				if err != nil {
					t.Fatal(err)
				}
				body, err := io.ReadAll(resp.Body)
				_ = resp.Body.Close()
				return err != nil || resp.StatusCode != http.StatusOK || strings.HasSuffix(string(body), "1") && !strings.HasPrefix(string(body), "4")
			})
			if took := time.Since(began); took > 2*time.Second {
				t.Errorf("dropped after %s", took)
			}
			boss.told("second")
		})
	}
}
