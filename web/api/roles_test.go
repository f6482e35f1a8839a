package api_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/cuelight/cuelight/web/api"
)

// rights says, for every route, who may use it besides those who may do everything in the app: admin, a/admin and */admin. A word is an
// account's role or a scope of a token of app a. everyone are all who are known; server marks routes that need an admin of all apps.
var rights = map[string]string{
	"listObjects": "viewer builder objects:read", "getObject": "viewer builder objects:read",
	"createObject": "builder objects:write", "changeObject": "builder objects:write", "deleteObject": "builder objects:write",
	"batchObjects": "builder objects:write",
	"listChanges":  "viewer builder objects:read", "getChange": "viewer builder objects:read",
	"push":           "builder push",
	"explainChange":  "viewer builder",                // and tokens with all three scopes
	"previewDraft":   "viewer builder",                // and tokens with both scopes
	"completeDraft":  "viewer builder scenarios:read", // objects:read too, which is asked for a body that can be read
	"testDraft":      "builder",                       // and tokens with both scopes
	"listStructures": "everyone", "getStructure": "everyone", "saveStructure": "builder scenarios:write",
	"listConstants": "viewer builder scenarios:read", "getConstant": "viewer builder scenarios:read",
	"putConstant": "builder scenarios:write", "deleteConstant": "builder scenarios:write",
	"listSecrets": "viewer builder scenarios:read", "getSecret": "viewer builder scenarios:read",
	"putSecret": "builder scenarios:write", "deleteSecret": "builder scenarios:write",
	"listScenarios": "viewer builder scenarios:read", "getScenario": "viewer builder scenarios:read", "getDraft": "viewer builder scenarios:read",
	"listVersions": "viewer builder scenarios:read", "getVersion": "viewer builder scenarios:read",
	"compareVersions": "viewer builder scenarios:read", "compareDraft": "viewer builder scenarios:read",
	"deleteScenario": "builder scenarios:write", "saveDraft": "builder scenarios:write", "publish": "builder scenarios:write",
	"startScenario": "builder scenarios:write", "stopScenario": "builder scenarios:write", "pauseScenario": "builder scenarios:write", "runMissed": "builder scenarios:write", "forgetMissed": "builder scenarios:write", "cancelRun": "builder runs:write",
	"retryRun": "builder runs:write", "runAgain": "builder runs:write",
	"callScenario": "builder runs:write",
	"listUses":     "viewer builder scenarios:read",
	"listRuns":     "viewer builder runs:read", "getRun": "viewer builder runs:read", "listSteps": "viewer builder runs:read",
	"listUsers": "viewer builder objects:read", "getUser": "viewer builder objects:read",
	"createUser": "builder users:write", "changeUser": "builder users:write", "deleteUser": "builder users:write",
	"setPassword": "builder users:write", "listSessions": "builder users:write", "revokeSession": "builder users:write",
	"loginUser": "public", "me": "everyone user",
	"getSession": "everyone", "login": "public", "logout": "accounts",
	"listAccounts": "server", "createAccount": "server", "getAccount": "server", "changeAccount": "server", "deleteAccount": "server",
	"listTokens": "server", "createToken": "server", "deleteToken": "server",
	"socketTicket":    "accounts",
	"listConnections": "viewer builder runs:read", "disconnect": "builder users:write", "listRefusals": "viewer builder runs:read",
	"listEvents": "viewer builder", // and tokens with both scopes
	"listApps":   "everyone", "createApp": "server", "getApp": "everyone", "changeApp": "",
	"listStepKinds": "everyone", "listTriggerKinds": "everyone", "listLimits": "everyone", "getVersionOfServer": "public", "listSettings": "server",
}

// allowed reads the row.
func allowed(row, who string, rt api.Route) bool {
	words := strings.Fields(row)
	role, scope := who, ""
	if app, rest, ok := strings.Cut(who, "/"); ok {
		role, scope = "", rest
		if app == "b" && rt.InApp() {
			return slices.Contains(words, "public")
		}
	}
	switch {
	case slices.Contains(words, "public"):
		return true
	case who == "nobody":
		return false
	case who == "user":
		return slices.Contains(words, "user")
	case slices.Contains(words, "accounts"):
		return role != ""
	case slices.Contains(words, "everyone"):
		return true
	case slices.Contains(words, "server"):
		return role == "admin" || who == "*/admin"
	case role == "admin", scope == "admin":
		return true
	case who == "a/all":
		return len(words) > 0
	}
	return slices.Contains(words, role) || slices.Contains(words, scope)
}

func TestEveryRouteLetsInOnlyThoseWhoMay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.everybody()
	routes := slices.Clone(w.api.Routes())
	// Logging out ends the sessions that the other rows need.
	slices.SortStableFunc(routes, func(x, y api.Route) int {
		return strings.Compare(boolText(x.Name == "logout"), boolText(y.Name == "logout"))
	})
	fill := strings.NewReplacer("{app}", "a", "{structure}", "Order", "{id}", "none", "{email}", "none@example.com", "{seq}", "1000000", "{number}", "9", "{to}", "draft")
	cells := 0
	for _, rt := range routes {
		row, ok := rights[rt.Name]
		if !ok {
			t.Errorf("%s %s (%s) has no row of rights", rt.Method, rt.Path, rt.Name)
			continue
		}
		body := ""
		if rt.Method != http.MethodGet && rt.Method != http.MethodDelete {
			body = `{}`
		}
		for who := range w.keys {
			a := w.as(who, rt.Method, fill.Replace(rt.Path), body)
			refused := a.status == http.StatusForbidden || a.status == http.StatusUnauthorized && rt.Name != "login" && rt.Name != "loginUser"
			if refused == allowed(row, who, rt) {
				t.Errorf("%s as %s answered %d %s", rt.Name, who, a.status, a.body)
			}
			if who == "nobody" && refused && a.status != http.StatusUnauthorized {
				t.Errorf("%s as nobody answered %d", rt.Name, a.status)
			}
			// Outside its app a user's session is nothing that is known.
			unknown := who == "nobody" || who == "user" && !rt.InApp()
			if !unknown && refused && a.status != http.StatusForbidden {
				t.Errorf("%s as %s answered %d, want 403", rt.Name, who, a.status)
			}
			if refused && (a.get("code") == "absent" || a.get("cure") == "") {
				t.Errorf("%s as %s: %s", rt.Name, who, a.body)
			}
			if a.status >= 500 {
				t.Errorf("%s as %s answered %d %s", rt.Name, who, a.status, a.body)
			}
			cells++
		}
	}
	if len(routes) != len(rights) || cells < len(rights)*15 {
		t.Errorf("%d routes, %d rows, %d cells", len(routes), len(rights), cells)
	}
}

func boolText(b bool) string {
	if b {
		return "1"
	}
	return "0"
}

func TestPushToEverybodyNeedsItsOwnScope(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.as("a/push", "POST", "/api/v1/apps/a/push", `{"to":"*","event":"e"}`).is(403).has("code", "SCOPE")
	w.as("a/push", "POST", "/api/v1/apps/a/push", `{"to":["anna","*"],"event":"e"}`).is(422)
	w.as("a/push:all", "POST", "/api/v1/apps/a/push", `{"to":"*","event":"e"}`).is(403)
	w.as("a/push", "POST", "/api/v1/apps/a/push", `{"to":"anna","event":"e"}`).is(200)
	w.as("a/all", "POST", "/api/v1/apps/a/push", `{"to":"*","event":"e"}`).is(200)
}

func TestUsersAreNotWrittenAsObjects(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const users = "/api/v1/apps/a/structures/User/objects"
	w.as("a/objects:write", "PATCH", users+"/anna", `{"role":"boss"}`).is(403)
	w.as("a/objects:write", "POST", users, `{"id":"eve"}`).is(403)
	w.as("a/objects:write", "DELETE", users+"/anna", "").is(403)
	w.as("a/all", "PATCH", users+"/anna", `{"role":"boss"}`).is(200)
	w.as("a/objects:read", "GET", users+"/anna", "").is(200).has("role", "boss")
}

func TestOneAppNeverReachesAnother(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.do("PUT", "/scenarios/s/draft", cueDoc("s")).is(201)
	w.do("POST", "/scenarios/s/publish", `{"start":true}`).is(200)
	made := w.do("POST", "/structures/Order/objects?wait=10s", `{"id":"o1","note":"of a"}`).is(201)
	run := made.header.Get("Cuelight-Runs")
	w.do("GET", "/runs/"+run, "").is(200).has("status", "done")
	const b = "/api/v1/apps/b"
	for _, path := range []string{"/structures/Order/objects/o1", "/runs/" + run, "/runs/" + run + "/steps", "/scenarios/s", "/scenarios/s/draft", "/users/anna", "/changes/1"} {
		w.as("b/admin", "GET", b+path, "").is(404)
		w.as("*/admin", "GET", b+path, "").is(404)
		w.as("b/admin", "GET", "/api/v1/apps/a"+path, "").is(403).has("code", "APP_FORBIDDEN")
		w.as("a/all", "GET", b+path, "").is(403)
	}
	// What exists and what does not look the same from outside.
	w.as("a/all", "GET", "/api/v1/apps/none/runs", "").is(403)
	for _, list := range []string{"/structures/Order/objects", "/runs", "/changes", "/scenarios", "/sessions", "/users"} {
		w.as("b/admin", "GET", b+list, "").is(200).has("items", "[]")
	}
	w.as("b/admin", "POST", b+"/structures/Order/objects", `{"id":"o1","note":"of b"}`).is(201)
	w.as("b/admin", "POST", b+"/structures/Order/objects", `{"owner":"anna"}`).is(422).has("fields.0.code", "LINK_MISSING")
	w.do("GET", "/structures/Order/objects/o1", "").is(200).has("note", "of a")
	w.as("user", "GET", b+"/me", "").is(401)
	w.as("user", "GET", "/api/v1/apps/a/me", "").is(200).has("kind", "user", "id", "anna", "user.name", "Anna", "app", "a")
	session := w.do("GET", "/sessions", "").is(200).get("items.0.id")
	w.as("b/admin", "DELETE", b+"/sessions/"+session, "").is(404)
	w.as("b/admin", "GET", "/api/v1/apps", "").is(200).has("items.0.id", "b", "items.1", "absent")
	w.as("*/admin", "GET", "/api/v1/apps", "").is(200).has("items.0.id", "a", "items.1.id", "b")
	// One idempotency key of one token in two apps is two requests.
	w.as("*/admin", "POST", "/api/v1/apps/a/structures/Order/objects", `{"note":"k"}`, "Idempotency-Key", "k").is(201)
	w.as("*/admin", "POST", b+"/structures/Order/objects", `{"note":"other"}`, "Idempotency-Key", "k").is(201)
}

func TestWrongCredentialsAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, header := range []string{"Bearer cue_wrong", "Bearer", "Basic YTpi", "Bearer " + strings.Repeat("x", 43), "Bearer cue_" + strings.Repeat("x", 43)} {
		w.as("nobody", "GET", "/api/v1/apps/a/me", "", "Authorization", header).is(401)
	}
	// A token that is wrong is not made good by a cookie that is right.
	w.as("admin", "GET", "/api/v1/session", "", "Authorization", "Bearer cue_wrong").is(401)
	w.as("admin", "GET", "/api/v1/session", "").is(200).has("kind", "account", "id", "admin@example.com", "role", "admin")
	// The cookie counts for pages of this server only.
	w.as("admin", "POST", "/api/v1/apps/a/push", `{"to":"*","event":"e"}`, "Sec-Fetch-Site", "cross-site").is(403).has("code", "CROSS_ORIGIN")
	w.as("admin", "POST", "/api/v1/apps/a/push", `{"to":"*","event":"e"}`, "Origin", "https://evil.example").is(403)
	w.as("admin", "POST", "/api/v1/apps/a/push", `{"to":"*","event":"e"}`, "Sec-Fetch-Site", "same-origin").is(200)
	w.as("nobody", "POST", "/api/v1/session", `{"email":"admin@example.com","password":"password"}`, "Sec-Fetch-Site", "cross-site").is(403)
	a := w.as("nobody", "GET", "/api/v1/apps/a/me", "").is(401)
	if a.header.Get("WWW-Authenticate") == "" {
		t.Error("401 does not say how to authenticate")
	}
}
