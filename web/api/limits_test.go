package api_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cuelight/cuelight/engine"
	"github.com/cuelight/cuelight/web/api"
)

// limitRow is a row of /api/v1/limits.
type limitRow struct {
	Name, Unit, Help string
	Value            int64
}

func (w *world) limits() map[string]limitRow {
	w.t.Helper()
	var got struct{ Items []limitRow }
	w.must(json.Unmarshal([]byte(w.as("a/all", "GET", "/api/v1/limits", "").is(200).body), &got))
	rows := map[string]limitRow{}
	for _, row := range got.Items {
		if _, twice := rows[row.Name]; twice {
			w.t.Errorf("limit %s is there twice", row.Name)
		}
		rows[row.Name] = row
	}
	return rows
}

func TestEveryRowOfTheLimitsIsComplete(t *testing.T) {
	t.Parallel()
	rows := newWorld(t).limits()
	if len(rows) < 50 {
		t.Errorf("only %d limits are there", len(rows))
	}
	for name, row := range rows {
		if name == "" || row.Value <= 0 || row.Unit == "" || row.Help == "" {
			t.Errorf("limit %q is not explained: %+v", name, row)
		}
	}
}

// named are the limits that an answer names: of the problem, of its fields and of the problems of a draft.
func (a answer) named() map[string]bool {
	a.t.Helper()
	type entry struct{ Limit string }
	var p struct {
		Limit            string
		Fields, Problems []entry
	}
	if err := json.Unmarshal([]byte(a.body), &p); err != nil {
		a.t.Fatalf("%d: %v: %.200s", a.status, err, a.body)
	}
	names := map[string]bool{}
	for _, e := range append(append(p.Fields, p.Problems...), entry{p.Limit}) {
		if e.Limit != "" {
			names[e.Limit] = true
		}
	}
	// A field that passes a limit is one of a problem that does.
	if len(p.Fields) == 1 && p.Fields[0].Limit != p.Limit {
		a.t.Errorf("the problem names the limit %q and its field %q: %.300s", p.Limit, p.Fields[0].Limit, a.body)
	}
	return names
}

// list joins n texts that f makes.
func list(n int, f func(i int) string) string {
	items := make([]string, n)
	for i := range items {
		items[i] = f(i)
	}
	return strings.Join(items, ",")
}

func times(n int, text string) string { return strings.Repeat(text, n) }

// stepDoc is a scenario with one step of a kind.
func stepDoc(kind, settings string) string {
	return `{"structure":"Order","steps":[{"id":"s","kind":"` + kind + `",` + settings + `}]}`
}

func TestEveryRefusalNamesTheLimitThatWasPassed(t *testing.T) {
	t.Parallel()
	const objects, draft = "/structures/Order/objects", "/scenarios/s/draft"
	// What the API itself refuses first must not hide what lies behind it.
	w := newWorld(t, func(o *api.Options) { o.Limits.BodyBytes, o.Limits.JSONDepth, o.Limits.JSONNodes = 2<<20, 100, 20_000 })
	rows := w.limits()
	w.do("PUT", "/scenarios/ok/draft", cueDoc("ok")).is(201)
	nested := func(depth int) string {
		return `{"steps":[` + times(depth, `{"id":"c%","kind":"condition","if":"true","then":[`) + times(depth, `]}`) + `]}`
	}
	numbered := nested(18)
	for i := range 18 {
		numbered = strings.Replace(numbered, "c%", fmt.Sprint("c", i), 1)
	}
	filtered := func(source string) string { return objects + "?filter=" + url.QueryEscape(source) }
	for limit, c := range map[string]struct {
		method, path, body string
		headers            []string
	}{
		"body_bytes":            {"POST", objects, `{"note":"` + times(2<<20, "x") + `"}`, nil},
		"json_depth":            {"POST", objects, `{"extra":` + times(100, "[") + times(100, "]") + `}`, nil},
		"json_nodes":            {"POST", objects, `{"extra":[` + list(20_000, func(int) string { return "0" }) + `]}`, nil},
		"json_value_depth":      {"POST", objects, `{"extra":` + times(65, "[") + times(65, "]") + `}`, nil},
		"object_bytes":          {"POST", objects, `{"extra":"` + times(300<<10, "x") + `"}`, nil},
		"string_bytes":          {"POST", objects, `{"note":"` + times(64<<10+1, "x") + `"}`, nil},
		"idempotency_key":       {"POST", objects, `{}`, []string{"Idempotency-Key", times(256, "k")}},
		"wait":                  {"POST", objects + "?wait=61s", `{}`, nil},
		"page":                  {"GET", "/runs?limit=1001", "", nil},
		"batch_ops":             {"POST", objects + ":batch", `{"ops":[` + list(101, func(int) string { return `{"op":"create"}` }) + `]}`, nil},
		"sort_keys":             {"GET", objects + "?sort=number,status,due,owner,id", "", nil},
		"filter_bytes":          {"GET", filtered(`note = "` + times(4096, "x") + `"`), "", nil},
		"filter_depth":          {"GET", filtered(times(5, `count=1 or (count=1 and (`) + `count=1` + times(5, "))")), "", nil},
		"filter_terms":          {"GET", filtered(times(200, `count=1 or `) + `count=1`), "", nil},
		"password_chars":        {"PUT", "/users/anna/password", `{"password":"short"}`, nil},
		"version_note":          {"POST", "/scenarios/ok/publish", `{"note":"` + times(1001, "x") + `"}`, nil},
		"push_bytes":            {"POST", "/push", `{"to":"anna","event":"e","message":"` + times(64<<10+1, "x") + `"}`, nil},
		"push_total_bytes":      {"POST", "/push", `{"to":[` + list(1000, func(i int) string { return fmt.Sprintf(`"u%d"`, i) }) + `],"event":"e","message":"` + times(2<<10, "x") + `"}`, nil},
		"receivers":             {"POST", "/push", `{"to":[` + list(1001, func(i int) string { return fmt.Sprintf(`"u%d"`, i) }) + `],"event":"e"}`, nil},
		"event_name":            {"POST", "/push", `{"to":"anna","event":"` + times(129, "e") + `"}`, nil},
		"fields":                {"PUT", "/structures/Wide", `{"fields":[` + list(201, func(i int) string { return fmt.Sprintf(`{"id":"f%d","type":"string"}`, i) }) + `]}`, nil},
		"indexed_fields":        {"PUT", "/structures/Wide", `{"fields":[` + list(17, func(i int) string { return fmt.Sprintf(`{"id":"f%d","type":"string","indexed":true}`, i) }) + `]}`, nil},
		"scenario_bytes":        {"PUT", draft, `{"name":"` + times(1<<20, "x") + `","steps":[]}`, nil},
		"triggers_per_scenario": {"PUT", draft, `{"steps":[],"triggers":[` + list(21, func(i int) string { return fmt.Sprintf(`{"id":"t%d","kind":"call"}`, i) }) + `]}`, nil},
		"steps_per_scenario":    {"PUT", draft, `{"steps":[` + list(1001, func(i int) string { return fmt.Sprintf(`{"id":"s%d","kind":"stop"}`, i) }) + `]}`, nil},
		"step_nesting":          {"PUT", draft, numbered, nil},
		"retries_per_step":      {"PUT", draft, stepDoc("stop", `"on_error":{"retry":{"times":26,"backoff":"1s"}}`), nil},
		"expression_bytes":      {"PUT", draft, stepDoc("condition", `"if":"object.note == '`+times(4<<10, "x")+`'"`), nil},
		"expression_nodes":      {"PUT", draft, stepDoc("condition", `"if":"`+times(600, "1+")+`1 > 0"`), nil},
		"expression_nesting":    {"PUT", draft, stepDoc("condition", `"if":"`+times(65, "(")+"true"+times(65, ")")+`"`), nil},
		"template_bytes":        {"PUT", draft, stepDoc("push", `"to":"*","event":"e","message":"{{ object.id }}`+times(64<<10, "x")+`"`), nil},
		"template_parts":        {"PUT", draft, stepDoc("push", `"to":"*","event":"e","message":"`+times(1001, "{{1}}")+`"`), nil},
		"tree_values":           {"PUT", draft, stepDoc("push", `"to":"*","event":"e","mode":"json","message":[`+list(10_001, func(int) string { return "0" })+`]`), nil},
		"pattern_bytes":         {"PUT", draft, stepDoc("condition", `"if":"object.note matches '`+times(1025, "x")+`'"`), nil},
	} {
		t.Run(limit, func(t *testing.T) {
			a := w.do(c.method, c.path, c.body, c.headers...)
			a.t = t
			if names := a.named(); len(names) != 1 || !names[limit] {
				t.Errorf("answered %d and named %v: %.300s", a.status, slices.Sorted(maps.Keys(names)), a.body)
			}
			if _, there := rows[limit]; !there {
				t.Error("the table does not have it")
			}
		})
	}
	for limit, body := range map[string]string{
		"app_name":    `{"name":"` + times(201, "x") + `"}`,
		"app_origins": `{"origins":[` + list(101, func(i int) string { return fmt.Sprintf(`"https://%d.example.com"`, i) }) + `]}`,
	} {
		w.as("*/admin", "PATCH", "/api/v1/apps/a", body).is(422).has("limit", limit, "fields.0.limit", limit)
	}
}

// records writes documents of the control plane behind the engine's back: to make hundreds of them by the API takes too long for a test.
func (w *world) records(app engine.AppID, kind engine.RecordKind, n int, body func(i int) string) {
	w.t.Helper()
	eff := engine.Effects{Raise: true}
	for i := range n {
		eff.Records = append(eff.Records, &engine.Record{App: app, Kind: kind, ID: fmt.Sprintf("x%d", i), Rev: 1, Body: []byte(body(i)), At: time.Now()})
	}
	w.commit(app, eff)
}

// commit writes rows as a store gets them.
func (w *world) commit(app engine.AppID, eff engine.Effects) {
	w.t.Helper()
	w.rows++
	res := w.store.Commit(w.t.Context(), []engine.Op{{ID: engine.OpID(fmt.Sprint("rows-", w.rows)), App: app, Decide: func(*engine.Loaded) (engine.Effects, error) { return eff, nil }}})
	w.must(res[0].Err)
}

func TestAnAppHasAtMostSoManyStructuresAndScenarios(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	rows := w.limits()
	// Order and User are there already.
	w.records("a", engine.RecordStructure, int(rows["structures_per_app"].Value)-3, func(i int) string { return fmt.Sprintf(`{"kind":"structure","id":"x%d","fields":[]}`, i) })
	w.do("PUT", "/structures/Last", `{"fields":[]}`).is(201)
	w.do("PUT", "/structures/Another", `{"fields":[]}`).is(409).has("limit", "structures_per_app")
	w.do("PUT", "/structures/Last", `{"fields":[{"id":"n","type":"number"}]}`).is(200)
	w.records("a", engine.RecordScenario, int(rows["scenarios_per_app"].Value)-1, func(i int) string { return fmt.Sprintf(`{"id":"x%d","state":"stopped","version":0}`, i) })
	w.do("PUT", "/scenarios/last/draft", cueDoc("last")).is(201)
	w.do("PUT", "/scenarios/another/draft", cueDoc("another")).is(409).has("limit", "scenarios_per_app")
	w.do("PUT", "/scenarios/last/draft", strings.Replace(cueDoc("last"), "refresh", "renew", 1)).is(200)
	w.do("DELETE", "/scenarios/x1", "").is(204)
	w.do("PUT", "/scenarios/another/draft", cueDoc("another")).is(201)
}

func TestABusyServerNamesItsLimits(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *api.Options) {
		o.Limits.WaitPerApp, o.Limits.InFlightBytes, o.Limits.FilterTime = -1, 100, time.Nanosecond
	})
	rows := w.limits()
	for limit, a := range map[string]answer{
		"wait_per_app":     w.do("POST", "/structures/Order/objects?wait=1s", `{}`).is(429),
		"bodies_in_flight": w.do("POST", "/structures/Order/objects", `{"note":"`+times(200, "x")+`"}`).is(503),
		"filter_time":      w.do("GET", "/structures/Order/objects?filter="+url.QueryEscape(`note like "x"`), "").is(422),
	} {
		if a.has("limit", limit); rows[limit].Name == "" {
			t.Errorf("the table does not have %s", limit)
		}
	}
}
