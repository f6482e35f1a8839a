package api_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/cuelight/cuelight/web/api"
)

func TestAUserLogsInAndLosesTheSession(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const login = "/api/v1/apps/a/sessions"
	w.do("POST", "/users", `{"id":"bert","name":"Bert","role":"cook"}`).is(201).has("id", "bert", "disabled", "null")
	w.as("nobody", "POST", login, `{"user":"bert","password":"password"}`).is(401).has("code", "LOGIN")
	w.do("PUT", "/users/bert/password", `{"password":"short"}`).is(422).has("fields.0.path", "password", "limit", "password_chars")
	w.do("PUT", "/users/none/password", `{"password":"password"}`).is(404).has("code", "USER_NOT_FOUND")
	w.do("PUT", "/users/bert/password", `{"password":"password"}`).is(204)
	in := w.as("nobody", "POST", login, `{"user":"bert","password":"password"}`).is(201).has("user", "bert", "name", "Bert", "role", "cook")
	w.keys["bert"] = "Bearer " + in.get("session_id")
	w.as("bert", "GET", "/api/v1/apps/a/me", "").is(200).has("id", "bert", "user.role", "cook")
	w.as("bert", "GET", "/api/v1/apps/a/users/bert", "").is(403).has("code", "SESSION_ONLY_ME")
	session := w.do("GET", "/sessions?user=bert", "").is(200).has("items.0.user", "bert", "items.1", "absent")
	if strings.Contains(session.body, in.get("session_id")) {
		t.Error("the list shows the secret of a session")
	}
	w.do("DELETE", "/sessions/"+session.get("items.0.id"), "").is(204)
	w.as("bert", "GET", "/api/v1/apps/a/me", "").is(401)

	again := func() {
		t.Helper()
		w.keys["bert"] = "Bearer " + w.as("nobody", "POST", login, `{"user":"bert","password":"password"}`).is(201).get("session_id")
		w.as("bert", "GET", "/api/v1/apps/a/me", "").is(200)
	}
	again()
	w.do("PATCH", "/users/bert", `{"disabled":true}`).is(200)
	w.as("bert", "GET", "/api/v1/apps/a/me", "").is(401)
	w.as("nobody", "POST", login, `{"user":"bert","password":"password"}`).is(401)
	w.do("PATCH", "/users/bert", `{"disabled":false}`).is(200)
	w.as("bert", "GET", "/api/v1/apps/a/me", "").is(401)
	again()
	w.do("DELETE", "/users/bert", "").is(204)
	w.as("bert", "GET", "/api/v1/apps/a/me", "").is(401)
	w.mu.Lock()
	ended := len(w.ended)
	w.mu.Unlock()
	if ended < 3 {
		t.Errorf("sockets were told of %d ends", ended)
	}
}

func TestASessionIsOverAfterItsTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.as("user", "GET", "/api/v1/apps/a/me", "").is(200)
	w.as("admin", "GET", "/api/v1/session", "").is(200)
	w.clock.Add(31 * 24 * time.Hour)
	w.as("user", "GET", "/api/v1/apps/a/me", "").is(401)
	w.as("admin", "GET", "/api/v1/session", "").is(401).has("code", "LOGIN_REQUIRED")
}

func TestLoginsAreLimitedByTheAPI(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.key("user") // anna has a password
	for range 5 {
		w.as("nobody", "POST", "/api/v1/apps/a/sessions", `{"user":"anna","password":"wrong pass"}`).is(401)
	}
	a := w.as("nobody", "POST", "/api/v1/apps/a/sessions", `{"user":"anna","password":"password"}`).is(429).has("limit", "login_per_account", "code", "LOGIN_LIMIT")
	if a.header.Get("Retry-After") != "60" {
		t.Errorf("Retry-After is %q", a.header.Get("Retry-After"))
	}
	w.clock.Add(time.Minute)
	w.as("nobody", "POST", "/api/v1/apps/a/sessions", `{"user":"anna","password":"password"}`).is(201)
	w.as("nobody", "POST", "/api/v1/apps/none/sessions", `{"user":"anna","password":"password"}`).is(404)
}

func TestAnAccountLogsInWithACookie(t *testing.T) {
	t.Parallel()
	for _, tls := range []bool{false, true} {
		w := newWorld(t, func(o *api.Options) { o.Secure = func(*http.Request) bool { return tls } })
		w.key("admin")
		a := w.as("nobody", "POST", "/api/v1/session", `{"email":"Admin@example.com","password":"password"}`).is(200).has("role", "admin")
		cookie, name := a.header.Get("Set-Cookie"), "cuelight="
		want := []string{"HttpOnly", "SameSite=Strict", "Path=/"}
		if tls {
			name = "__Host-cuelight="
			want = append(want, "Secure")
		}
		if !strings.HasPrefix(cookie, name) || strings.Contains(cookie, "Domain") {
			t.Errorf("cookie is %s", cookie)
		}
		for _, part := range want {
			if !strings.Contains(cookie, part) {
				t.Errorf("cookie without %s: %s", part, cookie)
			}
		}
		value, _, _ := strings.Cut(cookie, ";")
		w.as("nobody", "GET", "/api/v1/session", "", "Cookie", value).is(200).has("id", "admin@example.com")
		w.as("nobody", "DELETE", "/api/v1/session", "", "Cookie", value).is(204)
		w.as("nobody", "GET", "/api/v1/session", "", "Cookie", value).is(401)
		w.as("nobody", "POST", "/api/v1/session", `{"email":"admin@example.com","password":"wrong one"}`).is(401).has("code", "LOGIN")
		if tls {
			w.as("admin", "GET", "/api/v1/session", "").is(401) // its cookie is not bound to TLS
		}
	}
}

func TestAccountsTokensAndApps(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.everybody()
	const accounts = "/api/v1/accounts"
	w.as("admin", "POST", accounts, `{"email":"Eve@Example.com","password":"password","role":"viewer"}`).is(201).has("email", "eve@example.com")
	w.as("admin", "POST", accounts, `{"email":"eve@example.com","password":"password","role":"viewer"}`).is(409).has("code", "TAKEN")
	w.as("admin", "POST", accounts, `{"email":"x","password":"short","role":"viewer"}`).is(422)
	w.as("admin", "POST", accounts, `{"email":"x@example.com","role":"root"}`).is(422).has("fields.0.path", "password", "fields.0.code", "REQUIRED")
	w.as("admin", "PATCH", accounts+"/eve@example.com", `{"role":"builder","disabled":true}`).is(200).has("role", "builder", "disabled", "true")
	w.as("admin", "DELETE", accounts+"/admin@example.com", "").is(409).has("code", "LAST_ADMIN")
	w.as("admin", "DELETE", accounts+"/eve@example.com", "").is(204)
	w.as("admin", "GET", accounts, "").is(200).has("items.0.email", "admin@example.com", "items.3", "absent")

	made := w.as("admin", "POST", "/api/v1/tokens", `{"name":"ci","app":"a","scopes":["objects:read"]}`).is(201)
	w.keys["ci"] = "Bearer " + made.get("token")
	w.as("ci", "GET", "/api/v1/apps/a/me", "").is(200).has("kind", "token", "id", "ci", "app", "a", "scopes.0", "objects:read")
	list := w.as("admin", "GET", "/api/v1/tokens?app=a", "").is(200)
	if strings.Contains(list.body, made.get("token")) || !strings.Contains(list.body, made.get("id")) {
		t.Error("the list of tokens is wrong")
	}
	w.as("admin", "DELETE", "/api/v1/tokens/"+made.get("id"), "").is(204)
	w.as("ci", "GET", "/api/v1/apps/a/me", "").is(401)
	w.as("admin", "POST", "/api/v1/tokens", `{"name":"x","app":"none","scopes":["push"]}`).is(422).has("fields.0.path", "app")
	w.as("admin", "POST", "/api/v1/tokens", `{"name":"x","app":"a","scopes":["pushes"]}`).is(422).has("fields.0.path", "scopes[0]")
	w.as("admin", "POST", "/api/v1/tokens", `{"name":"x","app":"a","scopes":["push"],"expires_at":"2001-01-01T00:00:00Z"}`).is(422).has("fields.0.path", "expires_at")

	w.as("admin", "POST", "/api/v1/apps", `{"id":"c","name":"C","guests":true}`).is(201).has("id", "c")
	w.as("admin", "POST", "/api/v1/apps", `{"id":"c"}`).is(409).has("fields.0.path", "id")
	w.as("admin", "POST", "/api/v1/apps", `{"id":"C"}`).is(422).has("fields.0.path", "id")
	w.as("admin", "PATCH", "/api/v1/apps/c", `{"origins":["https://example.com"]}`).is(200).has("guests", "true", "origins.0", "https://example.com")
	w.as("admin", "GET", "/api/v1/apps?limit=2", "").is(200).has("items.1.id", "b", "next", "b")
	w.as("admin", "GET", "/api/v1/apps?limit=2&cursor=b", "").is(200).has("items.0.id", "c", "next", "absent")
	w.as("admin", "GET", "/api/v1/apps/c/structures", "").is(200).has("items.0.id", "User")
}

func TestADeletionThatIsSentAgainLeavesTheNextUserOfTheNameAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, at := range []string{"/users", "/structures/User/objects"} {
		w.do("POST", at, `{"id":"bert","name":"Bert"}`).is(201)
		w.do("DELETE", at+"/bert", "", "Idempotency-Key", "gone").is(204)
		w.do("POST", at, `{"id":"bert","name":"Another Bert"}`).is(201)
		w.do("PUT", "/users/bert/password", `{"password":"password"}`).is(204)
		login := func() answer {
			return w.as("nobody", "POST", "/api/v1/apps/a/sessions", `{"user":"bert","password":"password"}`).is(201)
		}
		w.keys["bert"] = "Bearer " + login().get("session_id")
		w.do("DELETE", at+"/bert", "", "Idempotency-Key", "gone").is(204)
		w.as("bert", "GET", "/api/v1/apps/a/me", "").is(200).has("user.name", "Another Bert")
		login()
		w.do("DELETE", at+"/bert", "").is(204)
	}
}

func TestStructures(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.do("PUT", "/structures/Item", `{"name":"Items","fields":[{"id":"n","type":"number"}]}`).is(201).has("id", "Item", "fields.0.type", "number")
	w.do("PUT", "/structures/Item", `{"id":"Item","fields":[{"id":"n","type":"number"},{"id":"t","type":"string"}]}`).is(200)
	w.do("PUT", "/structures/Item", `{"fields":[{"id":"n","type":"string"},{"id":"t","type":"string"}]}`).is(409).has("fields.0.code", "TYPE_CHANGED")
	w.do("PUT", "/structures/Item", `{"id":"Other","fields":[]}`).is(422).has("fields.0.path", "id")
	w.do("PUT", "/structures/Item", `{"fields":[{"id":"n","type":"text"}]}`).is(422).has("fields.0.path", "fields[0].type")
	w.do("PUT", "/structures/Item", `{"fields":[{"id":"n","TYPE":"number"}]}`).is(422)
	w.do("GET", "/structures", "").is(200).has("items.0.id", "Item", "items.2.id", "User")
	if a := w.do("GET", "/structures/Itme", "").is(404); !strings.Contains(a.get("detail"), `did you mean "Item"?`) {
		t.Errorf("no suggestion: %s", a.body)
	}
}

func TestTheLocalAdministratorNeedsNoToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	req, err := http.NewRequestWithContext(api.AsLocal(t.Context()), http.MethodGet, "/api/v1/accounts", nil)
	w.must(err)
	rec := &recorder{header: http.Header{}}
	w.api.ServeHTTP(rec, req)
	if rec.status != http.StatusOK {
		t.Errorf("answered %d", rec.status)
	}
}

type recorder struct {
	header http.Header
	status int
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) Write(b []byte) (int, error) { return len(b), nil }
func (r *recorder) WriteHeader(status int)      { r.status = status }
