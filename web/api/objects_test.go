package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/cuelight/cuelight/web/api"
)

func TestAnObjectIsWrittenReadAndDeleted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made := w.do("POST", "/structures/Order/objects", `{"id":"o1","status":"new","total":"12.50","count":3,"owner":"anna"}`).is(201)
	made.has("id", "o1", "status", "new", "total", "12.50", "count", "3", "owner", "anna", "note", "null", "version", "1", "number", "0001", "created_by", w.name("a/all"))
	if made.header.Get("ETag") != `"1"` || made.header.Get("Location") != "/api/v1/apps/a/structures/Order/objects/o1" {
		t.Errorf("headers are %v", made.header)
	}
	w.do("GET", "/structures/Order/objects/o1", "").is(200).has("status", "new", "version", "1")
	changed := w.do("PATCH", "/structures/Order/objects/o1", `{"status":"paid","count":null}`).is(200).has("status", "paid", "count", "null", "version", "2", "total", "12.50")
	if changed.header.Get("ETag") != `"2"` {
		t.Errorf("ETag is %s", changed.header.Get("ETag"))
	}
	w.do("DELETE", "/structures/Order/objects/o1", "").is(204)
	w.do("GET", "/structures/Order/objects/o1", "").is(404).has("code", "OBJECT_NOT_FOUND")
}

func (w *world) name(who string) string {
	t, err := w.accounts.TokenBy(w.t.Context(), strings.TrimPrefix(w.keys[who], "Bearer "))
	w.must(err)
	return t.Name
}

func TestIfMatchKeepsALaterWrite(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const at = "/structures/Order/objects/o1"
	w.do("POST", "/structures/Order/objects", `{"id":"o1"}`).is(201)
	w.do("PATCH", at, `{"note":"first"}`, "If-Match", `"1"`).is(200)
	w.do("PATCH", at, `{"note":"second"}`, "If-Match", `"1"`).is(412).has("code", "VERSION", "status", "412")
	w.do("DELETE", at, "", "If-Match", `"1"`).is(412)
	w.do("PATCH", at, `{"note":"second"}`, "If-Match", `"nonsense"`).is(412)
	w.do("PATCH", at, `{"note":"second"}`, "If-Match", `*`).is(200)
	w.do("DELETE", at, "", "If-Match", `"3"`).is(204)
}

func TestAnIdempotencyKeyCountsOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const at = "/structures/Order/objects"
	first := w.do("POST", at, `{"note":"x"}`, "Idempotency-Key", "k1").is(201)
	second := w.do("POST", at, `{"note":"x"}`, "Idempotency-Key", "k1").is(201)
	if first.get("id") != second.get("id") || second.header.Get("Idempotency-Replayed") != "true" || first.header.Get("Idempotency-Replayed") != "" {
		t.Errorf("first %s, second %s %v", first.body, second.body, second.header)
	}
	w.do("POST", at, `{"note":"y"}`, "Idempotency-Key", "k1").is(422).has("code", "IDEMPOTENCY_KEY")
	// The same key of another principal, path or method is another key.
	other := w.as("a/objects:write", "POST", "/api/v1/apps/a"+at, `{"note":"x"}`, "Idempotency-Key", "k1").is(201)
	if other.get("id") == first.get("id") {
		t.Error("a key was shared between tokens")
	}
	w.do("POST", at, `{"note":"x"}`, "Idempotency-Key", strings.Repeat("k", 256)).is(422).has("limit", "idempotency_key")
	pushed := w.do("POST", "/push", `{"to":"*","event":"e"}`, "Idempotency-Key", "p").is(200)
	again := w.do("POST", "/push", `{"to":"*","event":"e"}`, "Idempotency-Key", "p").is(200)
	if pushed.get("offset") == "absent" || again.header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("%s then %s", pushed.body, again.body)
	}
}

func TestNumbersAreExact(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const at = "/structures/Order/objects"
	w.do("POST", at, `{"count":9007199254740991}`).is(201).has("count", "9007199254740991")
	for _, n := range []string{"9007199254740993", "-9007199254740993", "1.5", "1e400", "12345678901234567890123456789012345"} {
		a := w.do("POST", at, `{"count":`+n+`}`).is(422).has("fields.0.path", "count", "fields.0.code", "TYPE")
		if strings.Contains(a.body, n) {
			t.Errorf("the value was sent back: %s", a.body)
		}
	}
	w.do("POST", at, `{"total":0.10}`).is(201).has("total", "0.10")
	w.do("POST", at, `{"total":"9007199254740993.000000000000000001"}`).is(201).has("total", "9007199254740993.000000000000000001")
	w.do("POST", at, `{"id":"j","extra":{"n":9007199254740993,"d":0.1000}}`).is(201)
	w.do("GET", at+"/j", "").is(200).has("extra.n", "9007199254740993")
}

func TestWhatIsWrongIsListedAndNeverEchoed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.do("POST", "/structures/Order/objects", `{"statuss":"new","status":"SECRET1","count":"SECRET2","version":7,"owner":"nobody"}`).is(422)
	a.has("status", "422", "code", "INVALID", "fields.0.path", "count", "fields.1.path", "status", "fields.2.code", "UNKNOWN_FIELD", "fields.3.code", "READ_ONLY", "type", "urn:cuelight:invalid")
	if !strings.Contains(a.get("fields.2.message"), `did you mean "status"?`) {
		t.Errorf("no suggestion: %s", a.body)
	}
	if strings.Contains(a.body, "SECRET") {
		t.Errorf("a value was sent back: %s", a.body)
	}
	if a.header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("Content-Type is %s", a.header.Get("Content-Type"))
	}
	w.do("POST", "/structures/Order/objects", `{"owner":"nobody"}`).is(422).has("fields.0.code", "LINK_MISSING")
	w.do("POST", "/structures/Order/objects", `{"id":"bad id"}`).is(422).has("fields.0.path", "id")
	w.do("POST", "/structures/Order/objects", `{"number":"0007"}`).is(201)
	w.do("POST", "/structures/Order/objects", `{"number":"0007"}`).is(409).has("fields.0.path", "number", "fields.0.code", "TAKEN", "code", "TAKEN")
	w.do("POST", "/structures/Orders/objects", `{}`).is(404).has("code", "STRUCTURE_NOT_FOUND")
	w.do("PATCH", "/structures/Order/objects/none", `{}`).is(404)
	w.do("GET", "/structures/Order/objects/a%20b", "").is(404)
}

func TestALinkToWhatIsGoneIsNull(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.do("POST", "/users", `{"id":"bert"}`).is(201)
	w.do("POST", "/structures/Order/objects", `{"id":"o1","owner":"bert"}`).is(201).has("owner", "bert")
	w.do("DELETE", "/users/bert", "").is(204)
	w.do("GET", "/structures/Order/objects/o1", "").is(200).has("owner", "null")
}

func TestBodiesAreReadStrictly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const at = "/structures/Order/objects"
	for name, c := range map[string]struct {
		body   string
		status int
		code   string
	}{
		"no JSON":              {`{"note":`, 400, "JSON"},
		"text behind":          {`{} {}`, 400, "JSON"},
		"a key twice":          {`{"note":"a","note":"b"}`, 400, "JSON"},
		"a key twice, hid":     {`{"note":"a","\u006eote":"b"}`, 400, "JSON"},
		"another spelling":     {`{"Note":"a"}`, 422, "INVALID"},
		"NUL":                  {`{"note":"a\u0000b"}`, 400, "JSON"},
		"half a pair":          {`{"note":"\ud800"}`, 400, "JSON"},
		"no UTF-8":             {"{\"note\":\"\xff\"}", 400, "JSON"},
		"a list":               {`[]`, 422, "INVALID"},
		"null":                 {`null`, 422, "INVALID"},
		"NaN":                  {`{"count":NaN}`, 400, "JSON"},
		"leading zero":         {`{"count":007}`, 400, "JSON"},
		"comma at the end":     {`{"count":7,}`, 400, "JSON"},
		"too deep":             {`{"extra":` + strings.Repeat("[", 64) + strings.Repeat("]", 64) + `}`, 413, "JSON_DEPTH"},
		"too many":             {`{"extra":[` + strings.Repeat("0,", 10_000) + `0]}`, 413, "JSON_NODES"},
		"too many objects":     {`{"extra":[` + strings.Repeat(`{"":0},`, 5_000) + `0]}`, 413, "JSON_NODES"},
		"too long":             {`{"note":"` + strings.Repeat("x", 1<<20) + `"}`, 413, "BODY_SIZE"},
		"object too large":     {`{"extra":"` + strings.Repeat("x", 300<<10) + `"}`, 422, "OBJECT_SIZE"},
		"the deepest":          {`{"extra":` + strings.Repeat("[", 63) + strings.Repeat("]", 63) + `}`, 201, ""},
		"a pair":               {`{"note":"\ud83d\ude00"}`, 201, ""},
		"spaces around":        {" \n{\"note\": \"a\"}\t", 201, ""},
		"many keys, unique":    {`{"extra":{` + manyKeys(200, "") + `}}`, 201, ""},
		"many keys, one twice": {`{"extra":{` + manyKeys(200, `,"k3":0`) + `}}`, 400, "JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			a := w.do("POST", at, c.body)
			a.t = t
			a.is(c.status)
			if c.code != "" {
				a.has("code", c.code)
			}
			if c.status == 413 && a.get("limit") == "absent" {
				t.Errorf("the limit is not named: %s", a.body)
			}
		})
	}
	w.do("POST", at, `{}`, "Content-Type", "text/plain").is(415).has("code", "CONTENT_TYPE")
	w.do("POST", at, `{}`, "Content-Type", "").is(415)
	w.do("POST", at, `{}`, "Content-Type", "application/json; charset=utf-8").is(201)
	w.do("POST", at, `{}`, "Content-Encoding", "gzip").is(415).has("code", "ENCODING")
	w.do("POST", at, "").is(415)
}

func manyKeys(n int, tail string) string {
	keys := make([]string, n)
	for i := range keys {
		keys[i] = `"k` + string(rune('0'+i%10)) + strings.Repeat("x", i/10) + `":0`
	}
	return strings.Join(keys, ",") + tail
}

func TestPathsAndParametersThatAreNotThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.do("GET", "/nothing", "").is(404).has("code", "PATH_NOT_FOUND", "title", "Not Found")
	a := w.do("PUT", "/push", `{}`).is(405).has("code", "METHOD")
	if a.header.Get("Allow") != "POST" {
		t.Errorf("Allow is %q", a.header.Get("Allow"))
	}
	w.do("GET", "/runs?limit=x", "").is(422).has("fields.0.path", "limit", "fields.0.code", "PARAMETER")
	w.do("GET", "/runs?limit=5000", "").is(422).has("limit", "page")
	w.do("GET", "/runs?limt=5", "").is(422).has("fields.0.path", "limt")
	w.do("GET", "/structures/Order/objects?filter=status+%3D+%22SECRET%22", "").is(422).has("fields.0.path", "filter", "fields.0.code", "FILTER")
	w.do("GET", "/structures/Order/objects?sort=-note", "").is(422).has("fields.0.code", "NOT_INDEXED")
	w.as("*/admin", http.MethodGet, "/api/v1/apps/none/runs", "").is(404).has("code", "APP_NOT_FOUND")
}

func TestBodiesInFlightAreBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *api.Options) { o.Limits.InFlightBytes = 100 })
	a := w.do("POST", "/structures/Order/objects", `{"note":"`+strings.Repeat("x", 100)+`"}`).is(503).has("limit", "bodies_in_flight")
	if a.header.Get("Retry-After") == "" {
		t.Error("503 does not say when to come again")
	}
	for range 5 { // what was given free can be used again
		w.do("POST", "/structures/Order/objects", `{"note":"`+strings.Repeat("x", 60)+`"}`).is(201)
	}
}

func TestListsOfLinksAreWithoutWhatIsGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.do("PUT", "/structures/Team", `{"fields":[{"id":"members","type":"links","structure":"User"},{"id":"n","type":"number"}]}`).is(201)
	for _, user := range []string{"bert", "carl", "dora", "emil", "fred"} {
		w.do("POST", "/structures/User/objects", `{"id":"`+user+`"}`).is(201)
	}
	const at = "/structures/Team/objects"
	w.do("POST", at, `{"id":"t1","members":["fred","bert","anna","carl","dora","emil"]}`).is(201).has("members", `["fred","bert","anna","carl","dora","emil"]`)
	w.do("POST", at, `{"id":"t2","members":["carl"]}`).is(201)
	w.do("POST", at, `{"id":"t3","members":[]}`).is(201).has("members", "null")
	w.do("POST", at, `{"members":["anna","gone"]}`).is(422).has("fields.0.path", "members[1]", "fields.0.code", "LINK_MISSING")
	w.do("POST", at, `{"members":["anna","anna"]}`).is(422).has("fields.0.path", "members", "fields.0.code", "TWICE")
	w.do("POST", at, `{"members":[`+strings.Repeat(`"anna",`, 1000)+`"anna"]}`).is(422).has("fields.0.code", "LIMIT", "limit", "links")
	w.do("DELETE", "/structures/User/objects/carl", "").is(204)
	w.do("GET", at+"/t1", "").is(200).has("members", `["fred","bert","anna","dora","emil"]`)
	w.do("GET", at+"?filter=members+in+(%22carl%22,%22anna%22)", "").is(200).has("items.0.id", "t1", "items.1.id", "t2", "items.1.members", "null", "items.2", "absent")
	w.do("GET", at+"?filter=members+is+null", "").is(200).has("items.0.id", "t3", "items.1", "absent")
	w.do("GET", at+"?sort=members", "").is(422).has("fields.0.code", "LIST_SORT")
	w.do("GET", at+"?filter=members+%3E+%22a%22", "").is(422).has("code", "INVALID")
}
