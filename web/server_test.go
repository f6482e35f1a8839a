package web_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cuelight/cuelight/engine"
	"github.com/cuelight/cuelight/engine/account"
	"github.com/cuelight/cuelight/store/sqlite"
	"github.com/cuelight/cuelight/web"
)

// world is a server as it is wired, but for sockets, which answer their path only.
type world struct {
	t        *testing.T
	server   *web.Server
	http     *httptest.Server
	accounts *account.Service
	engine   *engine.Engine
	store    *sqlite.Store
	log      *buffer

	mu  sync.Mutex
	now time.Time
}

type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func newWorld(t *testing.T, change ...func(*web.Options)) *world {
	t.Helper()
	w := &world{t: t, log: &buffer{}, now: time.Now()}
	store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "cuelight.db"), sqlite.Options{})
	w.must(err)
	w.store, w.engine = store, engine.New(store, engine.Options{})
	w.must(w.engine.Start(t.Context()))
	t.Cleanup(func() {
		w.engine.Close()
		_ = store.Close()
	})
	w.must(w.engine.PutApp(t.Context(), engine.App{ID: "a"}, true))
	w.accounts = account.New(account.Options{Engine: w.engine, Store: store, Clock: w.time})
	log := slog.New(slog.NewJSONHandler(w.log, nil))
	opt := web.Options{
		Engine: w.engine, Store: store, Accounts: w.accounts, Log: log, AccessLog: log, Version: "test", Clock: w.time,
		Live: http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(rw, "sockets") }),
		Extra: map[string]http.Handler{
			"/demo/":  http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(rw, "demo") }),
			"/panic/": http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("SECRET") }),
		},
	}
	for _, f := range change {
		f(&opt)
	}
	w.server = web.New(opt)
	w.http = httptest.NewUnstartedServer(nil)
	w.http.Config = w.server.HTTPServer(w.server.Handler())
	w.http.Start()
	t.Cleanup(w.http.Close)
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) time() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) do(method, path, body string, headers ...string) (int, string, http.Header) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), method, w.http.URL+path, strings.NewReader(body))
	w.must(err)
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	w.must(err)
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	w.must(err)
	return resp.StatusCode, string(text), resp.Header
}

func TestEveryPathHasItsHandler(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for path, want := range map[string]struct {
		status int
		part   string
	}{
		"/":                              {200, `<div id="root">`},
		"/a/shop/scenarios":              {200, `src="/assets/index.js"`},
		"/assets/index.js":               {200, "createRoot"},
		"/assets/nothing.js":             {404, ""},
		"/nothing":                       {404, ""},
		"/demo/":                         {200, "demo"},
		"/healthz":                       {200, "ok"},
		"/readyz":                        {200, "ready"},
		"/cuelight.js":                   {200, "function"},
		"/socket.io/?EIO=4":              {200, "sockets"},
		"/api/v1/version":                {200, `"version":"test"`},
		"/api/openapi.json":              {200, `"openapi":"3.1.0"`},
		"/api/v1/nothing":                {404, "PATH_NOT_FOUND"},
		"/api/v1/session":                {401, "LOGIN_REQUIRED"},
		"/good/api/v5/auth/check":        {200, `"result":false`},
		"/good/nothing":                  {404, `"httpCode":404`},
		"/setup/wrong":                   {404, "This link is dead"},
		"/api/v1/apps/a/structures/User": {401, "TOKEN"},
	} {
		headers := []string{}
		if strings.HasPrefix(path, "/api/v1/apps") {
			headers = []string{"Authorization", "Bearer cue_x"}
		}
		status, body, header := w.do("GET", path, "", headers...)
		if status != want.status || !strings.Contains(body, want.part) {
			t.Errorf("%s answered %d %.200s", path, status, body)
		}
		if !strings.Contains(header.Get("Content-Security-Policy"), "default-src 'self'; script-src 'self'; object-src 'none'") ||
			header.Get("X-Content-Type-Options") != "nosniff" || header.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s has headers %v", path, header)
		}
		if strings.HasPrefix(path, "/api/v1/") && status >= 400 && !strings.Contains(body, `"request_id":"`+header.Get("X-Request-Id")+`"`) {
			t.Errorf("%s: request id %s is not in %s", path, header.Get("X-Request-Id"), body)
		}
		if allow := header.Get("Access-Control-Allow-Origin"); allow != "" && path != "/cuelight.js" && !strings.HasPrefix(path, "/good/") {
			t.Errorf("%s may be read by any page", path)
		}
	}
}

func TestTheHelpIsServed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	status, body, header := w.do("GET", "/help", "")
	if status != 200 || !strings.Contains(body, "What do you want to do?") || !strings.Contains(header.Get("Content-Security-Policy"), "default-src 'none'") {
		t.Errorf("/help answers %d %v", status, header)
	}
	if _, home, _ := w.do("GET", "/", ""); !strings.Contains(home, `href="/help/"`) {
		t.Error("the first page does not lead to the help")
	}
}

func TestTheScriptIsCached(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, _, header := w.do("GET", "/cuelight.js", "")
	if header.Get("Access-Control-Allow-Origin") != "*" || !strings.HasPrefix(header.Get("Content-Type"), "text/javascript") || !strings.Contains(header.Get("Cache-Control"), "max-age=3600") {
		t.Errorf("headers are %v", header)
	}
	if status, body, _ := w.do("GET", "/cuelight.js", "", "If-None-Match", header.Get("ETag")); status != 304 || body != "" {
		t.Errorf("answered %d", status)
	}
}

func TestAnAddressHasItsShareOfRequests(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *web.Options) {
		o.Limits = web.Limits{Requests: 3}
		o.Address = func(r *http.Request) string { return r.Header.Get("From") }
	})
	get := func(from string) (int, string, http.Header) { return w.do("GET", "/api/v1/version", "", "From", from) }
	for range 3 {
		if status, _, _ := get("192.0.2.1"); status != 200 {
			t.Fatalf("answered %d", status)
		}
	}
	status, body, header := get("192.0.2.1")
	if status != 429 || !strings.Contains(body, `"limit":"requests"`) || header.Get("Retry-After") == "" || !strings.Contains(body, header.Get("X-Request-Id")) {
		t.Errorf("the fourth answered %d %s", status, body)
	}
	if status, _, _ := get("192.0.2.2"); status != 200 {
		t.Error("another address is limited too")
	}
	if status, _, _ := w.do("GET", "/healthz", "", "From", "192.0.2.1"); status != 200 {
		t.Error("health is limited")
	}
	w.mu.Lock()
	w.now = w.now.Add(10 * time.Second)
	w.mu.Unlock()
	if status, _, _ := get("192.0.2.1"); status != 200 {
		t.Error("the share does not come back")
	}
}

func TestAnAddressHasItsShareOfBatches(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *web.Options) {
		o.Address = func(r *http.Request) string { return r.Header.Get("From") }
	})
	const path = "/api/v1/apps/a/structures/Order/objects"
	post := func(path, from string) (int, string, http.Header) {
		return w.do("POST", path, `{}`, "From", from, "Content-Type", "application/json")
	}
	for range 3 {
		if status, body, _ := post(path+":batch", "192.0.2.1"); status != 401 {
			t.Fatalf("answered %d %s", status, body)
		}
	}
	status, body, header := post(path+":batch", "192.0.2.1")
	if status != 429 || !strings.Contains(body, `"limit":"batches"`) || header.Get("Retry-After") != "1" || !strings.Contains(body, `"code":"RATE"`) {
		t.Errorf("the fourth answered %d %s", status, body)
	}
	for name, answered := range map[string]func() (int, string, http.Header){
		"another address": func() (int, string, http.Header) { return post(path+":batch", "192.0.2.2") },
		"a single write":  func() (int, string, http.Header) { return post(path, "192.0.2.1") },
	} {
		if status, body, _ := answered(); status != 401 {
			t.Errorf("%s answered %d %s", name, status, body)
		}
	}
	w.mu.Lock()
	w.now = w.now.Add(time.Second)
	w.mu.Unlock()
	if status, _, _ := post(path+":batch", "192.0.2.1"); status != 401 {
		t.Errorf("a second later a batch answered %d", status)
	}
}

func TestAnAddressHasSoManyConnections(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *web.Options) { o.Limits.Connections = 2 })
	dial := func() net.Conn {
		c, err := net.Dial("tcp", w.http.Listener.Addr().String())
		w.must(err)
		t.Cleanup(func() { _ = c.Close() })
		_, _ = io.WriteString(c, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
		return c
	}
	answers := func(c net.Conn) bool {
		w.must(c.SetReadDeadline(time.Now().Add(10 * time.Second)))
		n, err := c.Read(make([]byte, 12))
		return err == nil && n == 12
	}
	first, second := dial(), dial()
	if !answers(first) || !answers(second) {
		t.Fatal("two connections were not answered")
	}
	if answers(dial()) {
		t.Error("the third connection was answered")
	}
	w.must(first.Close())
	// The server learns of the end of a connection when it reads; a new one is let in as soon as it has.
	deadline := time.Now().Add(10 * time.Second)
	for !answers(dial()) {
		if time.Now().After(deadline) {
			t.Fatal("a place that was given up is not given again")
		}
	}
}

func TestHalfRequestsDoNotStopOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for range 500 {
		c, err := net.Dial("tcp", w.http.Listener.Addr().String())
		w.must(err)
		t.Cleanup(func() { _ = c.Close() })
		_, _ = io.WriteString(c, "GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ")
	}
	if status, _, _ := w.do("GET", "/healthz", ""); status != 200 {
		t.Errorf("answered %d", status)
	}
}

func TestTheLogHoldsNoSecret(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.do("GET", "/good/api/v4/auth/check?appID=a&sessionID=SECRET1", "")
	w.do("GET", "/setup/SECRET2", "")
	w.do("POST", "/api/v1/session?x=SECRET3", `{"email":"a@example.com","password":"SECRET4"}`, "Content-Type", "application/json")
	w.do("GET", "/api/v1/session", "", "Authorization", "Bearer SECRET5")
	if text := w.log.String(); strings.Contains(text, "SECRET") || !strings.Contains(text, `"path":"/good/api/v4/auth/check"`) || !strings.Contains(text, `"request_id"`) {
		t.Errorf("log is %s", text)
	}
}

func TestAPanicIsA500ThatSaysNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	status, body, header := w.do("GET", "/panic/", "")
	if status != 500 || strings.Contains(body, "SECRET") || !strings.Contains(body, header.Get("X-Request-Id")) {
		t.Errorf("answered %d %s", status, body)
	}
	if !strings.Contains(w.log.String(), "SECRET") || !strings.Contains(w.log.String(), "stack") {
		t.Error("the panic is not in the log")
	}
}

func TestStoppingIsNotReadyButAnswers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.server.Drain()
	if status, _, _ := w.do("GET", "/readyz", ""); status != 503 {
		t.Errorf("readyz answered %d", status)
	}
	if status, _, _ := w.do("GET", "/healthz", ""); status != 200 {
		t.Errorf("healthz answered %d", status)
	}
	if status, _, _ := w.do("GET", "/api/v1/version", ""); status != 200 {
		t.Errorf("the API answered %d", status)
	}
}

// away is a store that does not answer.
type away struct{ engine.Store }

func (away) Ping(context.Context) error { return errors.New("away") }

func TestWithoutAStoreTheServerIsNotReady(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *web.Options) { o.Store = away{o.Store} })
	if status, _, _ := w.do("GET", "/readyz", ""); status != 503 {
		t.Errorf("readyz answered %d", status)
	}
	if status, _, _ := w.do("GET", "/healthz", ""); status != 200 {
		t.Errorf("healthz answered %d", status)
	}
}

func TestTheFirstAccountIsMadeInAForm(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	link, err := w.accounts.SetupLink(t.Context())
	w.must(err)
	status, page, header := w.do("GET", "/setup/"+link, "")
	nonce := regexp.MustCompile(`<style nonce="([^"]+)"`).FindStringSubmatch(page)
	if status != 200 || !strings.Contains(page, `<label for="email">`) || nonce == nil || !strings.Contains(header.Get("Content-Security-Policy"), "'nonce-"+nonce[1]+"'") || header.Get("Cache-Control") != "no-store" {
		t.Errorf("answered %d %v %s", status, header, page)
	}
	post := func(email, password string, headers ...string) (int, string) {
		form := url.Values{"email": {email}, "password": {password}}.Encode()
		status, page, _ := w.do("POST", "/setup/"+link, form, append([]string{"Content-Type", "application/x-www-form-urlencoded"}, headers...)...)
		return status, page
	}
	if status, _ := post("ada@example.com", "long enough", "Sec-Fetch-Site", "cross-site"); status != 403 {
		t.Errorf("another site's form answered %d", status)
	}
	if status, page := post("ada@example.com", "short"); status != 422 || !strings.Contains(page, "too short") || !strings.Contains(page, `value="ada@example.com"`) {
		t.Errorf("a short password answered %d", status)
	}
	if status, page := post(`"><script>x</script>`, "long enough"); status != 422 || strings.Contains(page, "<script>") || !strings.Contains(page, "must be an e-mail address") {
		t.Errorf("a wrong address answered %d %s", status, page)
	}
	form := url.Values{"email": {"Ada@example.com"}, "password": {"long enough"}}.Encode()
	r := httptest.NewRequestWithContext(t.Context(), "POST", "/setup/"+link, strings.NewReader(form))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer := httptest.NewRecorder()
	w.server.Handler().ServeHTTP(answer, r)
	if answer.Code != 303 || answer.Header().Get("Location") != "/" || !strings.HasPrefix(answer.Header().Get("Set-Cookie"), "cuelight=") {
		t.Errorf("the form answered %d %v: whoever made the account is not logged in", answer.Code, answer.Header())
	}
	if status, _ := post("eve@example.com", "long enough"); status != 404 {
		t.Errorf("the second use answered %d", status)
	}
	if status, _, _ := w.do("POST", "/api/v1/session", `{"email":"ada@example.com","password":"long enough"}`, "Content-Type", "application/json"); status != 200 {
		t.Errorf("the new account's login answered %d", status)
	}
}

func TestTheAdministratorOfThisMachineNeedsNoToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	get := func(h http.Handler) int {
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), "GET", "/api/v1/accounts", nil))
		return rec.Code
	}
	if status := get(w.server.AdminHandler()); status != 200 {
		t.Errorf("the admin handler answered %d", status)
	}
	if status := get(w.server.Handler()); status != 401 {
		t.Errorf("the public handler answered %d", status)
	}
}
