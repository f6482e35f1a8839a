package api_test

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cuelight/cuelight/web/api"
)

// crossing is a request of app b that names things of app a. In path, query and body stand names of the things of a, in braces.
type crossing struct {
	// path is what follows the app.
	path, body string
	// status is the answer where nobody has such a thing: 404 if it is not given.
	status int
}

// crossings are the requests of every route under an app.
var crossings = map[string][]crossing{
	"listObjects": {
		{path: "/structures/{structure}/objects"},
		{path: "/structures/Order/objects?count=true", status: 200},
		{path: "/structures/Order/objects?count=true&filter=" + `id = "{object}" OR owner = "{user}"`, status: 200},
		{path: "/structures/Order/objects?sort=-changed_at,id&limit=1&cursor={objects_next}", status: 200},
	},
	"createObject": {
		{path: "/structures/{structure}/objects", body: `{}`},
		{path: "/structures/Order/objects", body: `{"owner":"{user}"}`, status: 422},
	},
	"batchObjects": {
		{path: "/structures/{structure}/objects:batch", body: `{"ops":[{"op":"create"}]}`},
		{path: "/structures/Order/objects:batch", body: `{"ops":[{"op":"patch","id":"{object}","fields":{"note":"x"}},{"op":"delete","id":"{object}"},{"op":"create","fields":{"owner":"{user}"}}]}`, status: 200},
	},
	"getObject": {{path: "/structures/Order/objects/{object}"}, {path: "/structures/{structure}/objects/{other_object}"}, {path: "/structures/User/objects/{user}"}},
	"changeObject": {
		{path: "/structures/Order/objects/{object}", body: `{"note":"x"}`},
		{path: "/structures/{structure}/objects/{other_object}?wait=1s", body: `{"name":"x"}`},
		{path: "/structures/User/objects/{user}", body: `{"role":"boss"}`},
	},
	"deleteObject": {{path: "/structures/Order/objects/{object}"}, {path: "/structures/{structure}/objects/{other_object}"}, {path: "/structures/User/objects/{user}"}},
	"listChanges": {
		{path: "/changes", status: 200},
		{path: "/changes?cursor={changes_next}", status: 200},
		{path: "/changes?structure={structure}&object={other_object}"},
		{path: "/changes?structure=Order&object={object}", status: 200},
		{path: "/changes?structure=Order&object={object}&cursor={seq}", status: 200},
	},
	"getChange":     {{path: "/changes/{seq}"}},
	"explainChange": {{path: "/changes/{seq}/explain"}},
	"push": {
		{path: "/push", body: `{"to":"{user}","event":"e"}`, status: 200},
		{path: "/push", body: `{"to":"*","event":"e"}`, status: 200},
	},
	"listStructures": {{path: "/structures", status: 200}},
	"getStructure":   {{path: "/structures/{structure}"}},
	"listUses":       {{path: "/structures/{structure}/uses"}, {path: "/structures/Order/uses", status: 200}},
	"saveStructure": {
		{path: "/structures/Order?drop=note", body: `{"fields":[{"id":"of","type":"link","structure":"{structure}"}]}`, status: 409},
		{path: "/structures/{structure}", body: `{"fields":[]}`, status: 201},
	},
	"listConstants":  {{path: "/constants", status: 200}},
	"getConstant":    {{path: "/constants/{constant}"}},
	"putConstant":    {{path: "/constants/{constant}", body: `{"value":"of b"}`, status: 201}},
	"deleteConstant": {{path: "/constants/{constant}"}},
	"listSecrets":    {{path: "/secrets", status: 200}},
	"getSecret":      {{path: "/secrets/{secret}"}},
	"putSecret":      {{path: "/secrets/{secret}", body: `{"value":"of b!","hosts":["b.example.com"]}`, status: 201}},
	"deleteSecret":   {{path: "/secrets/{secret}"}},
	"listScenarios":  {{path: "/scenarios", status: 200}, {path: "/scenarios?cursor={scenario}", status: 200}},
	"getScenario":    {{path: "/scenarios/{scenario}"}},
	"deleteScenario": {{path: "/scenarios/{scenario}"}},
	"getDraft":       {{path: "/scenarios/{scenario}/draft"}},
	"previewDraft":   {{path: "/scenarios/{scenario}/draft/preview", body: `{}`}},
	"completeDraft": {
		{path: "/scenarios/{scenario}/draft/complete", body: `{"path":"steps[0].message","text":"","pos":0}`},
		{path: "/scenarios/of-order/draft/complete", body: `{"path":"triggers[0].if","text":"const.","pos":6}`, status: 200},
		{path: "/scenarios/of-order/draft/complete", body: `{"path":"triggers[0].if","text":"","pos":0,"object":"{object}"}`, status: 404},
	},
	"testDraft": {
		{path: "/scenarios/{scenario}/draft/test", body: `{}`},
		{path: "/scenarios/of-order/draft/test", body: `{"object":"{object}"}`, status: 422},
		{path: "/scenarios/of-order/draft/test", body: `{"recorded":"{done}"}`, status: 422},
		{path: "/scenarios/of-order/draft/test", body: `{"object":"own","change":{seq}}`, status: 422},
		{path: "/scenarios/of-order/draft/test", body: `{"document":{"steps":[{"id":"c","kind":"call_scenario","scenario":"{scenario}"}]}}`, status: 200},
	},
	"saveDraft": {
		{path: "/scenarios/of-b/draft", body: `{"structure":"{structure}","steps":[]}`, status: 200},
		{path: "/scenarios/of-b/draft", body: `{"steps":[{"id":"c","kind":"call_scenario","scenario":"{scenario}"},{"id":"k","kind":"condition","if":"const.{constant} == \"x\""},
			{"id":"h","kind":"http_request","url":"https://example.com/","headers":{"X":"{{ secret.{secret} }}"}}]}`, status: 200},
		{path: "/scenarios/{scenario}/draft", body: `{"steps":[]}`, status: 201},
	},
	"listVersions":    {{path: "/scenarios/{scenario}/versions"}},
	"getVersion":      {{path: "/scenarios/{scenario}/versions/1"}},
	"compareVersions": {{path: "/scenarios/{scenario}/versions/1..draft"}},
	"compareDraft":    {{path: "/scenarios/{scenario}/draft/compare", body: `{"document":{"steps":[]}}`}},
	"publish":         {{path: "/scenarios/{scenario}/publish", body: `{}`}, {path: "/scenarios/of-b/publish", body: `{"document":{"steps":[{"id":"c","kind":"call_scenario","scenario":"{scenario}"}]}}`, status: 200}},
	"startScenario":   {{path: "/scenarios/{scenario}/start"}},
	"stopScenario":    {{path: "/scenarios/{scenario}/stop"}},
	"pauseScenario":   {{path: "/scenarios/{scenario}/pause"}},
	"runMissed":       {{path: "/scenarios/{scenario}/missed"}},
	"forgetMissed":    {{path: "/scenarios/{scenario}/missed"}},
	"callScenario": {
		{path: "/scenarios/{scenario}/call?wait=1s", body: `{}`},
		{path: "/scenarios/of-order/call?wait=1s", body: `{"object":"{object}"}`, status: 422},
	},
	"listRuns": {
		{path: "/runs", status: 200},
		{path: "/runs?cursor={done}", status: 200},
		{path: "/runs?change={seq}", status: 200},
		{path: "/runs?scenario={scenario}", status: 200},
		{path: "/runs?object={object}", status: 200},
		{path: "/runs?status=waiting", status: 200},
	},
	"getRun":          {{path: "/runs/{done}"}, {path: "/runs/{waiting}"}},
	"listSteps":       {{path: "/runs/{done}/steps"}, {path: "/runs/{failed}/steps?cursor=1"}},
	"cancelRun":       {{path: "/runs/{waiting}/cancel"}},
	"retryRun":        {{path: "/runs/{failed}/retry?wait=1s"}},
	"runAgain":        {{path: "/runs/{done}/again?wait=1s"}},
	"listUsers":       {{path: "/users?count=true", status: 200}, {path: "/users?filter=" + `id = "{user}"`, status: 200}},
	"createUser":      {{path: "/users", body: `{"id":"{new_user}","name":"of b"}`, status: 201}},
	"getUser":         {{path: "/users/{user}"}},
	"changeUser":      {{path: "/users/{user}", body: `{"disabled":true}`}},
	"deleteUser":      {{path: "/users/{user}"}},
	"setPassword":     {{path: "/users/{user}/password", body: `{"password":"taken over"}`}},
	"loginUser":       {{path: "/sessions", body: `{"user":"{user}","password":"password"}`, status: 401}},
	"listSessions":    {{path: "/sessions", status: 200}, {path: "/sessions?user={user}", status: 200}, {path: "/sessions?cursor={session}", status: 200}},
	"revokeSession":   {{path: "/sessions/{session}"}},
	"listConnections": {{path: "/connections", status: 200}},
	"disconnect":      {{path: "/connections/{connection}"}},
	"listRefusals":    {{path: "/refusals", status: 200}},
	"listEvents":      {{path: "/events", status: 200}},
	"me":              {{path: "/me", status: 200}},
	"getApp":          {{path: "", status: 200}},
	"changeApp":       {{path: "", body: `{"name":"of b"}`, status: 200}},
}

// makers are the routes that make what is not there: they come last, when b has been asked for it.
var makers = []string{"saveDraft", "createUser", "saveStructure", "putConstant", "putSecret"}

// mark is in everything that only app a has.
const mark = "amark"

// furnish gives app a something of every kind, and app b something of its own, and names the things of a.
func (w *world) furnish() map[string]string {
	w.t.Helper()
	things := map[string]string{
		"structure": "Ledger_" + mark, "object": mark + "-order", "other_object": mark + "-ledger", "user": mark + "-user",
		"new_user": mark + "-user", "constant": mark + "_constant", "secret": mark + "_secret", "scenario": mark + "-tell",
		"connection": mark + "-connection",
	}
	fill := filler(things)
	w.do("PUT", fill("/structures/{structure}"), `{"fields":[{"id":"name","type":"string"}]}`).is(201)
	w.do("POST", fill("/structures/{structure}/objects"), fill(`{"id":"{other_object}"}`)).is(201)
	w.do("POST", "/users", fill(`{"id":"{user}","name":"`+mark+`"}`)).is(201)
	w.do("PUT", fill("/users/{user}/password"), `{"password":"password"}`).is(204)
	w.as("nobody", "POST", "/api/v1/apps/a/sessions", fill(`{"user":"{user}","password":"password"}`)).is(201)
	things["session"] = w.do("GET", fill("/sessions?user={user}"), "").is(200).get("items.0.id")
	w.do("PUT", fill("/constants/{constant}"), `{"value":"`+mark+`"}`).is(201)
	w.do("PUT", fill("/secrets/{secret}"), `{"value":"`+mark+`","hosts":["a.example.com"]}`).is(201)
	for id, steps := range map[string]string{
		mark + "-tell":  `{"id":"p","kind":"push","to":"*","event":"` + mark + `","message":"{{ object.note }}"}`,
		mark + "-fail":  `{"id":"f","kind":"fail","message":"` + mark + `"}`,
		mark + "-sleep": `{"id":"d","kind":"delay","for":"3h"}`,
	} {
		doc := `{"structure":"Order","triggers":[{"id":"new","kind":"object","on":["created"]},{"id":"call","kind":"call"}],"steps":[` + steps + `]}`
		w.do("POST", "/scenarios/"+id+"/publish", `{"document":`+doc+`,"start":true}`).is(200)
	}
	made := w.do("POST", "/structures/Order/objects", fill(`{"id":"{object}","note":"`+mark+`","owner":"{user}"}`)).is(201)
	for run := range strings.SplitSeq(made.header.Get("Cuelight-Runs"), ",") {
		scenario := w.do("GET", "/runs/"+run, "").is(200).get("scenario")
		things[map[string]string{mark + "-tell": "done", mark + "-fail": "failed", mark + "-sleep": "waiting"}[scenario]] = run
	}
	w.do("POST", "/structures/Order/objects", `{"id":"`+mark+`-second"}`).is(201)
	things["objects_next"] = w.do("GET", "/structures/Order/objects?sort=-changed_at,id&limit=1", "").is(200).get("next")
	changes := w.do("GET", "/changes?limit=2", "").is(200)
	things["seq"], things["changes_next"] = changes.get("items.1.seq"), changes.get("next")
	w.settled("a")
	w.furnishB()
	return things
}

// settled waits until the runs of an app have ended or sleep.
func (w *world) settled(app string) {
	w.t.Helper()
	for _, status := range []string{"ready", "queued"} {
		w.until("runs of "+app+" to end", func() bool {
			return w.as("*/admin", "GET", "/api/v1/apps/"+app+"/runs?status="+status, "").is(200).get("items") == "[]"
		})
	}
}

// until asks again and again.
func (w *world) until(what string, ok func() bool) {
	w.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	end := time.NewTimer(20 * time.Second)
	defer end.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-end.C:
			w.t.Fatalf("waited in vain for %s", what)
		}
	}
}

func (w *world) furnishB() {
	w.t.Helper()
	const b = "/api/v1/apps/b"
	w.as("b/admin", "POST", b+"/users", `{"id":"bea"}`).is(201)
	w.as("b/admin", "PUT", b+"/users/bea/password", `{"password":"password"}`).is(204)
	w.as("nobody", "POST", b+"/sessions", `{"user":"bea","password":"password"}`).is(201)
	w.as("b/admin", "PUT", b+"/constants/own", `{"value":1}`).is(201)
	w.as("b/admin", "PUT", b+"/secrets/own", `{"value":"own!","hosts":["b.example.com"]}`).is(201)
	w.as("b/admin", "POST", b+"/scenarios/of-order/publish", `{"document":{"structure":"Order","triggers":[{"id":"new","kind":"object","on":["created"]},{"id":"call","kind":"call"}],"steps":[{"id":"d","kind":"delay","for":"3h"}]},"start":true}`).is(200)
	w.as("b/admin", "PUT", b+"/scenarios/of-b/draft", `{"steps":[]}`).is(201)
	for _, id := range []string{"own-1", "own-2"} {
		w.as("b/admin", "POST", b+"/structures/Order/objects", `{"id":"`+id+`","note":"of b"}`).is(201)
	}
	w.settled("b")
}

// filler puts things in the places of their names.
func filler(things map[string]string) func(string) string {
	var pairs []string
	for name, id := range things {
		pairs = append(pairs, "{"+name+"}", id)
	}
	return strings.NewReplacer(pairs...).Replace
}

// absent names things of the same form that nobody has.
func absent(things map[string]string) map[string]string {
	never := maps.Clone(things)
	for name, id := range things {
		last := id[len(id)-1]
		switch {
		case name == "seq":
			never[name] = id + "000000"
		case strings.HasSuffix(name, "_next"): // a place in a list, not a thing
		case last == 'e' || last == '1':
			never[name] = id[:len(id)-1] + "2"
		default:
			never[name] = id[:len(id)-1] + "1"
		}
	}
	never["user"] = things["user"][:len(things["user"])-1] + "9"
	return never
}

var (
	moment = regexp.MustCompile(`\d{4}-\d\d-\d\dT[0-9:.]+Z`)
	offset = regexp.MustCompile(`"offset":"[^"]+"`)
	// count is what grows by saving one thing twice.
	count = regexp.MustCompile(`"(rev|version)":\d+`)
)

// blind is an answer without what differs between two requests of one kind.
func blind(a answer, things map[string]string) string {
	header := a.header.Clone()
	for _, name := range []string{"Date", "X-Request-Id", "Content-Length"} {
		header.Del(name)
	}
	if a.status < 300 {
		header.Del("ETag")
		header.Del("Cuelight-Change")
	}
	text := count.ReplaceAllString(fmt.Sprint(a.status, header, a.body), `"$1":0`)
	for _, name := range slices.Sorted(maps.Keys(things)) {
		if len(things[name]) > 8 && !strings.HasSuffix(name, "_next") {
			text = strings.ReplaceAll(text, things[name], "<"+name+">")
		}
	}
	text = strings.ReplaceAll(text, "<new_user>", "<user>")
	return offset.ReplaceAllString(moment.ReplaceAllString(text, "<moment>"), `"offset":""`)
}

// rowsOf are all rows of the store that belong to an app, byte for byte.
func (w *world) rowsOf(app string) string {
	w.t.Helper()
	tables, inFile := `SELECT m.name FROM sqlite_schema m JOIN pragma_table_info(m.name) c ON c.name = 'app' WHERE m.type = 'table' ORDER BY 1`, true
	db, err := sql.Open("sqlite", "file:"+w.path+"?_pragma=query_only(1)&_pragma=busy_timeout(5000)")
	if w.database != "" {
		tables, inFile = `SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'app'
			WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relnamespace = current_schema()::regnamespace ORDER BY 1`, false
		db, err = sql.Open("pgx", w.database)
	}
	w.must(err)
	defer func() { _ = db.Close() }()
	var out strings.Builder
	for _, table := range w.texts(db, tables) {
		columns := "t::text"
		if inFile {
			columns = strings.Join(w.texts(db, `SELECT 'quote("' || name || '")' FROM pragma_table_info(?)`, table), `||','||`)
		}
		rows := w.texts(db, `SELECT `+columns+` FROM "`+table+`" t WHERE app = $1 ORDER BY 1`, app)
		fmt.Fprintf(&out, "%s %d\n%s\n", table, len(rows), strings.Join(rows, "\n"))
	}
	return out.String()
}

func (w *world) texts(db *sql.DB, query string, args ...any) []string {
	w.t.Helper()
	rows, err := db.QueryContext(w.t.Context(), query, args...)
	w.must(err)
	defer func() { _ = rows.Close() }()
	var out []string
	for rows.Next() {
		var text string
		w.must(rows.Scan(&text))
		out = append(out, text)
	}
	w.must(rows.Err())
	return out
}

// named are the parameters of a path but the app.
var named = regexp.MustCompile(`\{(\w+)\}`)

func TestNoRouteReachesAThingOfAnotherApp(t *testing.T) {
	t.Parallel()
	onEveryStore(t, noRouteReaches)
}

func noRouteReaches(t *testing.T, w *world) {
	things := w.furnish()
	w.everybody()
	before := w.rowsOf("a")
	if n := strings.Count(before, mark); n < 50 {
		t.Fatalf("app a has only %d marks", n)
	}
	routes := slices.DeleteFunc(slices.Clone(w.api.Routes()), func(rt api.Route) bool { return !rt.InApp() })
	slices.SortStableFunc(routes, func(x, y api.Route) int {
		return slices.Index(makers, x.Name) - slices.Index(makers, y.Name)
	})
	asked := 0
	for _, rt := range routes {
		rows := crossings[rt.Name]
		if len(rows) == 0 {
			t.Errorf("%s %s (%s) has no row of crossings", rt.Method, rt.Path, rt.Name)
		}
		if names := named.FindAllString(rt.Path, -1); len(names) > 1 && !slices.ContainsFunc(rows, func(c crossing) bool { return strings.Contains(c.path, "{") }) {
			t.Errorf("%s names a thing and no row of it does", rt.Name)
		}
		for _, c := range rows {
			if !under(rt, c.path) {
				t.Errorf("%s is not at %s", rt.Name, c.path)
			}
			asked += w.cross(rt, c, things)
		}
		if after := w.rowsOf("a"); after != before {
			t.Fatalf("%s through b changed app a:\n%s", rt.Name, differences(before, after))
		}
	}
	if len(routes) != len(crossings) || asked < 5*len(crossings) {
		t.Errorf("%d routes, %d of them crossed, %d requests", len(routes), len(crossings), asked)
	}
	w.everythingWasThere(routes, things)
}

// under says that a path is one of the route's.
func under(rt api.Route, path string) bool {
	path, _, _ = strings.Cut(path, "?")
	pattern := named.ReplaceAllString(strings.TrimPrefix(rt.Path, "/api/v1/apps/{app}"), `[^/]+`)
	return regexp.MustCompile("^" + pattern + "$").MatchString(path)
}

func address(app, path string) string {
	path, query, asked := strings.Cut(path, "?")
	if !asked {
		return "/api/v1/apps/" + app + path
	}
	var pairs []string
	for pair := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(pair, "=")
		pairs = append(pairs, name+"="+url.QueryEscape(value))
	}
	return "/api/v1/apps/" + app + path + "?" + strings.Join(pairs, "&")
}

// cross asks b for what a has and for what nobody has, as everybody who may use b and as those who may not.
func (w *world) cross(rt api.Route, c crossing, things map[string]string) int {
	w.t.Helper()
	want, never, asked := c.status, absent(things), 0
	if want == 0 {
		want = http.StatusNotFound
	}
	real, none := filler(things), filler(never)
	for i, who := range []string{"b/admin", "*/admin", "admin", "user", "a/all"} {
		a := w.as(who, rt.Method, address("b", real(c.path)), real(c.body))
		n := w.as(who, rt.Method, address("b", none(c.path)), none(c.body))
		asked++
		if blind(a, things) != blind(n, never) {
			w.t.Errorf("%s %s as %s: b answers for a thing of a\n%s\nand for none\n%s", rt.Name, c.path, who, blind(a, things), blind(n, never))
		}
		if strings.Contains(strings.ReplaceAll(blind(a, things), c.body, ""), mark) {
			w.t.Errorf("%s %s as %s shows something of a: %s", rt.Name, c.path, who, a.body)
		}
		due := want
		switch {
		case rt.Public:
		case who == "user":
			due = http.StatusUnauthorized // outside its app a session is nothing that is known
		case who == "a/all":
			due = http.StatusForbidden
		case slices.Contains(makers, rt.Name) && i > 0:
			continue // the first one made it
		}
		if a.status != due {
			w.t.Errorf("%s %s as %s answered %d, want %d: %s", rt.Name, c.path, who, a.status, due, a.body)
		}
		// Nor does b's administrator get there by a's own path.
		if who == "b/admin" && !rt.Public {
			w.as(who, rt.Method, address("a", real(c.path)), real(c.body)).is(403).has("code", "APP_FORBIDDEN")
		}
	}
	return asked
}

// everythingWasThere asks a for the same things, of which the last are deleted: else the crossings would prove nothing.
func (w *world) everythingWasThere(routes []api.Route, things map[string]string) {
	w.t.Helper()
	fill := filler(things)
	slices.SortStableFunc(routes, func(x, y api.Route) int {
		late := func(rt api.Route) string {
			return boolText(rt.Name != "revokeSession") + boolText(rt.Method == http.MethodDelete) + boolText(rt.Name == "deleteUser")
		}
		return strings.Compare(late(x), late(y))
	})
	for _, rt := range routes {
		for _, c := range crossings[rt.Name] {
			if !strings.Contains(c.path, "{") || strings.Contains(c.path, "of-") {
				continue
			}
			// A user is gone by whichever of two routes comes first, and so are their sessions.
			if rt.Name == "deleteObject" && strings.Contains(c.path, "User") {
				continue
			}
			a := w.as("*/admin", rt.Method, address("a", fill(c.path)), fill(c.body))
			if a.status == http.StatusNotFound || a.status == http.StatusUnauthorized {
				w.t.Errorf("%s %s in a answered %d %s", rt.Name, c.path, a.status, a.body)
			}
		}
	}
}

// differences are the lines that only one of two texts has.
func differences(before, after string) string {
	old, now := strings.Split(before, "\n"), strings.Split(after, "\n")
	var out []string
	for _, line := range old {
		if !slices.Contains(now, line) {
			out = append(out, "- "+line)
		}
	}
	for _, line := range now {
		if !slices.Contains(old, line) {
			out = append(out, "+ "+line)
		}
	}
	return strings.Join(out, "\n")
}

func TestARunOfOneAppSeesNothingOfAnother(t *testing.T) {
	t.Parallel()
	onEveryStore(t, noRunSees)
}

func noRunSees(t *testing.T, w *world) {
	things := w.furnish()
	before := w.rowsOf("a")
	fill := filler(things)
	// end is how the run ends, or 422 where publishing says it already.
	for id, c := range map[string]struct{ steps, end string }{
		"calls":  {`{"id":"x","kind":"call_scenario","scenario":"{scenario}"}`, "CALL_UNKNOWN"},
		"edits":  {`{"id":"x","kind":"edit_object","structure":"Order","object_id":"{object}","set":{"note":"x"}}`, "OBJECT_GONE"},
		"drops":  {`{"id":"x","kind":"delete_object","structure":"Order","object_id":"{object}"}`, "done"}, // what is not there need not be deleted
		"links":  {`{"id":"x","kind":"create_object","structure":"Order","set":{"owner":"{user}"}}`, "LINK_MISSING"},
		"ledger": {`{"id":"x","kind":"create_object","structure":"{structure}"}`, "422"},
		"reads":  {`{"id":"x","kind":"condition","if":"const.{constant} != null","then":[]}`, "422"},
		"tells":  {`{"id":"x","kind":"http_request","url":"http://a.example.com/","headers":{"X":"{{ secret.{secret} }}"}}`, "422"},
		"finds": {`{"id":"x","kind":"search_objects","structure":"Order","filter":"id = \"{object}\"","result":"count"},
			{"id":"y","kind":"condition","if":"steps.x != 0","then":[{"id":"z","kind":"fail","message":"it is found"}]}`, "done"},
		"pushes": {`{"id":"x","kind":"push","to":"{user}","event":"e"}`, "done"},
	} {
		doc := `{"document":{"triggers":[{"id":"c","kind":"call"}],"steps":[` + fill(c.steps) + `]},"start":true}`
		published := w.as("b/admin", "POST", "/api/v1/apps/b/scenarios/"+id+"/publish", doc)
		if c.end == "422" {
			published.is(422)
			continue
		}
		published.is(200)
		a := w.as("b/admin", "POST", "/api/v1/apps/b/scenarios/"+id+"/call?wait=20s", `{}`).is(200)
		if a.get("status") != c.end && a.get("error.code") != c.end {
			t.Errorf("%s ended %s, want %s", id, a.body, c.end)
		}
	}
	if after := w.rowsOf("a"); after != before {
		t.Errorf("app a is changed:\n%s", differences(before, after))
	}
}

// keyed are requests that may be sent in both apps, and how to see that they were carried out.
var keyed = map[string]crossing{
	"createObject": {path: "/structures/Order/objects", body: `{"id":"k"}`, status: 201},
	"changeObject": {path: "/structures/Order/objects/both", body: `{"note":"k"}`, status: 200},
	"deleteObject": {path: "/structures/Order/objects/both", status: 204},
	"batchObjects": {path: "/structures/Order/objects:batch", body: `{"ops":[{"op":"create","id":"in-batch"}]}`, status: 200},
	"createUser":   {path: "/users", body: `{"id":"k"}`, status: 201},
	"changeUser":   {path: "/users/both", body: `{"name":"k"}`, status: 200},
	"deleteUser":   {path: "/users/both", status: 204},
	"push":         {path: "/push", body: `{"to":"both","event":"e"}`, status: 200},
	"callScenario": {path: "/scenarios/both/call", body: `{}`, status: 202},
	"testDraft":    {path: "/scenarios/both/draft/test", body: `{"mode":"real"}`, status: 200},
	"retryRun":     {}, "runAgain": {}, // runs have other ids in every app
}

func TestAnIdempotencyKeyOfOneAppIsNoneInAnother(t *testing.T) {
	t.Parallel()
	onEveryStore(t, noKeyCounts)
}

func noKeyCounts(t *testing.T, w *world) {
	for _, app := range []string{"a", "b"} {
		at := "/api/v1/apps/" + app
		w.as("*/admin", "POST", at+"/structures/Order/objects", `{"id":"both"}`).is(201)
		w.as("*/admin", "POST", at+"/users", `{"id":"both"}`).is(201)
		w.as("*/admin", "POST", at+"/scenarios/both/publish", `{"document":{"triggers":[{"id":"c","kind":"call"}],"steps":[]},"start":true}`).is(200)
	}
	var doc struct {
		Paths map[string]map[string]struct {
			OperationID string
			Parameters  []struct{ Name string }
		}
	}
	w.must(json.Unmarshal([]byte(w.as("nobody", "GET", "/api/openapi.json", "").body), &doc))
	for _, item := range doc.Paths {
		for _, op := range item {
			_, row := keyed[op.OperationID]
			if takes := slices.ContainsFunc(op.Parameters, func(p struct{ Name string }) bool { return p.Name == "Idempotency-Key" }); takes != row {
				t.Errorf("%s takes a key: %v, it has a row: %v", op.OperationID, takes, row)
			}
		}
	}
	routes := slices.Clone(w.api.Routes())
	slices.SortStableFunc(routes, func(x, y api.Route) int {
		return strings.Compare(boolText(x.Method == http.MethodDelete), boolText(y.Method == http.MethodDelete))
	})
	for _, rt := range routes {
		c := keyed[rt.Name]
		if c.path == "" {
			continue
		}
		ask := func(app string) answer {
			return w.as("*/admin", rt.Method, "/api/v1/apps/"+app+c.path, c.body, "Idempotency-Key", "key-"+rt.Name).is(c.status)
		}
		first := ask("a")
		if again := ask("a"); again.header.Get("Idempotency-Replayed") != "true" && again.header.Get("Cuelight-Runs") != first.header.Get("Cuelight-Runs") {
			t.Errorf("%s: the key does not count in its own app: %v", rt.Name, again.header)
		}
		rows := w.rowsOf("b")
		other := ask("b")
		if other.header.Get("Idempotency-Replayed") != "" || rows == w.rowsOf("b") {
			t.Errorf("%s: in b the key of a was taken for its own: %s", rt.Name, other.body)
		}
	}
}
