package directual_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/cuelight/cuelight/engine"
	"github.com/cuelight/cuelight/engine/account"
	"github.com/cuelight/cuelight/store/sqlite"
	"github.com/cuelight/cuelight/web/directual"
)

type world struct {
	t        *testing.T
	url      string
	engine   *engine.Engine
	accounts *account.Service
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t}
	store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "cuelight.db"), sqlite.Options{})
	w.must(err)
	w.engine = engine.New(store, engine.Options{})
	w.must(w.engine.Start(t.Context()))
	t.Cleanup(func() {
		w.engine.Close()
		_ = store.Close()
	})
	now := time.Now() // stands still, so that no limit per minute is waited out on a slow machine
	w.accounts = account.New(account.Options{Engine: w.engine, Store: store, Clock: func() time.Time { return now }})
	for _, app := range []engine.App{{ID: "shop"}, {ID: "other", Origins: []string{"https://good.example"}}} {
		w.must(w.engine.PutApp(t.Context(), app, true))
		_, err := w.engine.Write(t.Context(), engine.Write{App: app.ID, Kind: engine.WriteCreate, Structure: "User", ID: "anna", Fields: map[string]json.RawMessage{"role": json.RawMessage(`"cook"`)}})
		w.must(err)
		w.must(w.accounts.SetPassword(t.Context(), app.ID, "anna", "secret of "+string(app.ID)))
	}
	server := httptest.NewServer(directual.New(directual.Options{Engine: w.engine, Accounts: w.accounts}))
	t.Cleanup(server.Close)
	w.url = server.URL
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) do(method, path, body string, headers ...string) (int, string, http.Header) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), method, w.url+path, strings.NewReader(body))
	w.must(err)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	w.must(err)
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	w.must(err)
	return resp.StatusCode, strings.TrimSpace(string(text)), resp.Header
}

var token = regexp.MustCompile(`[A-Za-z0-9_-]{43}`)

const wrong = `{"msg":"User or password incorrect","code":108,"httpCode":400,"typeError":"ERROR","errorVariables":{},"payload":null,"status":"ERROR"}`

func TestLoginCheckAndLogoutAsTheOriginal(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, c := range []struct{ version, path, body string }{
		// As @directual/api sends it: its whole configuration in the query, the app in the body too.
		{"v4", "?apiHost=https%3A%2F%2Fexample.com&appID=shop", `{"appID":"shop","provider":"rest","username":"anna","password":"secret of shop"}`},
		{"v5", "?appID=shop", `{"provider":"rest","username":"anna","password":"secret of shop"}`},
		{"v5", "", `{"appID":"shop","username":"anna","password":"secret of shop"}`},
	} {
		base := "/good/api/" + c.version + "/auth"
		status, body, header := w.do("POST", base+c.path, c.body)
		secret := token.FindString(body)
		if want := `{"result":{"token":"` + secret + `","username":"anna","role":"cook"},"status":"ok"}`; status != 200 || body != want || secret == "" {
			t.Fatalf("%s login answered %d %s", c.version, status, body)
		}
		if header.Get("Access-Control-Allow-Origin") != "*" || header.Get("Access-Control-Allow-Credentials") != "" || header.Get("Set-Cookie") != "" {
			t.Errorf("headers are %v", header)
		}
		want := `{"result":{"result":true,"token":"` + secret + `","username":"anna","role":"cook"},"status":"ok"}`
		if c.version == "v4" {
			want = `{"result":{"result":true,"token":{"token":"` + secret + `","username":"anna","role":"cook"},"username":"anna","role":"cook"},"status":"ok"}`
		}
		if status, body, _ := w.do("GET", base+"/check?appID=shop&sessionID="+secret, ""); status != 200 || body != want {
			t.Errorf("check answered %d %s", status, body)
		}
		no := `{"result":{"result":false,"role":""},"status":"ok"}`
		for _, app := range []string{"other", "none", ""} {
			if status, body, _ := w.do("GET", base+"/check?appID="+app+"&sessionID="+secret, ""); status != 200 || body != no {
				t.Errorf("check in %q answered %d %s", app, status, body)
			}
		}
		for range 2 { // logging out twice is no mistake
			if status, body, _ := w.do("GET", base+"/logout?appID=shop&sessionID="+secret, ""); status != 200 || body != `{"result":true,"status":"ok"}` {
				t.Errorf("logout answered %d %s", status, body)
			}
		}
		if _, body, _ := w.do("GET", base+"/check?appID=shop&sessionID="+secret, ""); body != no {
			t.Errorf("check after logout answered %s", body)
		}
	}
}

func TestAWrongLoginIsTheOriginalsError(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, body := range []string{
		`{"appID":"shop","username":"anna","password":"secret of other"}`, `{"appID":"shop","username":"nobody","password":"x"}`,
		`{"appID":"none","username":"anna","password":"secret of shop"}`, `{"username":"anna","password":"secret of shop"}`, `{}`,
	} {
		if status, got, _ := w.do("POST", "/good/api/v5/auth", body); status != 400 || got != wrong {
			t.Errorf("%s answered %d %s", body, status, got)
		}
	}
	for _, c := range []struct {
		body   string
		status int
		kind   string
	}{
		{`{"appID":`, 400, "application/json"},
		{`{}`, 415, "text/plain"},
		{`{"username":"` + strings.Repeat("x", 65<<10) + `"}`, 413, "application/json"},
		{`{"provider":"google"}`, 400, "application/json"},
	} {
		status, got, _ := w.do("POST", "/good/api/v4/auth", c.body, "Content-Type", c.kind)
		if status != c.status || !strings.Contains(got, `"status":"ERROR"`) || strings.Contains(got, "xxx") {
			t.Errorf("%.20s answered %d %s", c.body, status, got)
		}
	}
	if status, got, _ := w.do("GET", "/good/api/v5/data/x/y", ""); status != 404 || !strings.Contains(got, `"httpCode":404`) {
		t.Errorf("an unknown path answered %d %s", status, got)
	}
	for range 5 {
		if status, got, _ := w.do("POST", "/good/api/v5/auth?appID=other", `{"username":"anna","password":"wrong"}`); status != 400 {
			t.Errorf("a wrong password answered %d %s", status, got)
		}
	}
	http.DefaultClient.CloseIdleConnections() // a new connection is no other client
	status, got, header := w.do("POST", "/good/api/v5/auth?appID=other", `{"username":"anna","password":"secret of other"}`)
	if status != 429 || header.Get("Retry-After") == "" || !strings.Contains(got, `"httpCode":429`) {
		t.Errorf("the sixth try answered %d %s", status, got)
	}
}

func TestPagesOfAnyOriginMayAsk(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	status, _, header := w.do("OPTIONS", "/good/api/v5/auth?appID=shop", "", "Origin", "https://page.example",
		"Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "access-control-allow-origin,content-type")
	if status != 204 || header.Get("Access-Control-Allow-Origin") != "*" || header.Get("Access-Control-Allow-Headers") != "access-control-allow-origin,content-type" ||
		header.Get("Access-Control-Allow-Methods") == "" || header.Get("Access-Control-Allow-Credentials") != "" {
		t.Errorf("preflight answered %d %v", status, header)
	}
	login := `{"appID":"other","username":"anna","password":"secret of other"}`
	if status, _, _ := w.do("POST", "/good/api/v5/auth", login, "Origin", "https://page.example"); status != 403 {
		t.Errorf("a page that is not in the app's list got %d", status)
	}
	if status, _, _ := w.do("POST", "/good/api/v5/auth", login, "Origin", "https://good.example"); status != 200 {
		t.Errorf("a page in the app's list got %d", status)
	}
}
