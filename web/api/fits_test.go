package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/cuelight/cuelight/web/api"
)

// contract is the OpenAPI document, with which every answer that a test of this package gets is compared.
type contract struct {
	doc     map[string]any
	routes  api.Pairs
	methods map[string]map[string]any // by pattern
}

var (
	contractOnce sync.Once
	theContract  *contract
)

// contractOf reads the document once: it is the same of every API.
func contractOf(t *testing.T, a *api.API) *contract {
	contractOnce.Do(func() {
		rec := httptest.NewRecorder()
		a.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/api/openapi.json", nil))
		c := &contract{routes: api.NewPairs(), methods: map[string]map[string]any{}}
		if err := json.Unmarshal(rec.Body.Bytes(), &c.doc); err != nil {
			t.Fatal(err)
		}
		for _, rt := range a.Routes() {
			pattern := rt.Method + " " + rt.Path
			c.routes.HandleFunc(pattern, func(http.ResponseWriter, *http.Request) {})
			item, _ := c.doc["paths"].(map[string]any)[rt.Path].(map[string]any)
			c.methods[pattern], _ = item[strings.ToLower(rt.Method)].(map[string]any)
		}
		theContract = c
	})
	return theContract
}

// told are the headers that the document has to know where an answer has them.
var told = []string{"ETag", "Location", "Cuelight-Runs", "Idempotency-Replayed", "Retry-After", "WWW-Authenticate"}

// unfit says what of an answer is not as the document has it.
func (c *contract) unfit(req *http.Request, a answer) []string {
	_, pattern := c.routes.Handler(req)
	op := c.methods[pattern]
	if op == nil {
		return nil // no route of ours
	}
	answers, _ := op["responses"].(map[string]any)
	answered, _ := answers[fmt.Sprint(a.status)].(map[string]any)
	if answered == nil && a.status >= 400 {
		answered, _ = answers["default"].(map[string]any)
	}
	if answered == nil {
		return []string{fmt.Sprintf("the document does not know status %d", a.status)}
	}
	var wrong []string
	headers, _ := answered["headers"].(map[string]any)
	for _, name := range told {
		if a.header.Get(name) != "" && headers[name] == nil {
			wrong = append(wrong, "the document does not know the header "+name)
		}
	}
	content, _ := answered["content"].(map[string]any)
	kind := a.header.Get("Content-Type")
	media, _ := content[kind].(map[string]any)
	if media == nil {
		if a.body != "" {
			wrong = append(wrong, fmt.Sprintf("the document does not know %s with status %d", kind, a.status))
		}
		return wrong
	}
	var body any
	if err := json.Unmarshal([]byte(a.body), &body); err != nil {
		return append(wrong, err.Error())
	}
	return c.check(wrong, "body", media["schema"], body)
}

// check compares a value with its schema, as far as our schemas go.
func (c *contract) check(wrong []string, at string, schema, v any) []string {
	s, _ := schema.(map[string]any)
	if ref, ok := s["$ref"].(string); ok {
		return c.check(wrong, at, resolve(c.doc, ref), v)
	}
	if options, ok := s["enum"].([]any); ok && !slices.Contains(options, v) {
		wrong = append(wrong, fmt.Sprintf("%s is %v, which is none of %v", at, v, options))
	}
	if !typed(s["type"], v) {
		wrong = append(wrong, fmt.Sprintf("%s is %v, not of the type %v", at, v, s["type"]))
	}
	switch v := v.(type) {
	case []any:
		for i, item := range v {
			if s["items"] != nil {
				wrong = c.check(wrong, fmt.Sprintf("%s[%d]", at, i), s["items"], item)
			}
		}
	case map[string]any:
		wrong = c.checkObject(wrong, at, s, v)
	}
	return wrong
}

func (c *contract) checkObject(wrong []string, at string, s, v map[string]any) []string {
	properties, _ := s["properties"].(map[string]any)
	required, _ := s["required"].([]any)
	for _, name := range required {
		if _, there := v[name.(string)]; !there {
			wrong = append(wrong, fmt.Sprintf("%s.%s is missing", at, name))
		}
	}
	for name, value := range v {
		switch schema, known := properties[name]; {
		case known:
			wrong = c.check(wrong, at+"."+name, schema, value)
		case s["additionalProperties"] == false:
			wrong = append(wrong, fmt.Sprintf("%s.%s is not in the document", at, name))
		}
	}
	return wrong
}

// typed says whether a value is of a type of a schema.
func typed(types, v any) bool {
	if types == nil {
		return true
	}
	list, many := types.([]any)
	if !many {
		list = []any{types}
	}
	names := map[string]bool{}
	for _, name := range list {
		names[fmt.Sprint(name)] = true
	}
	switch v := v.(type) {
	case nil:
		return names["null"]
	case bool:
		return names["boolean"]
	case float64:
		return names["number"] || names["integer"] && v == float64(int64(v))
	case string:
		return names["string"]
	case []any:
		return names["array"]
	}
	return names["object"]
}

func TestAnAnswerThatDoesNotFitTheDocumentIsSeen(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := contractOf(t, w.api)
	json := http.Header{"Content-Type": {"application/json"}}
	const run = `"id":"r","scenario":"s","version":1,"depth":1,"created_at":"2026-01-01T00:00:00Z"`
	for _, bad := range []struct {
		path   string
		status int
		header http.Header
		body   string
		ok     bool
	}{
		{"runs/r", 200, json, `{` + run + `,"status":"merged"}`, true},
		{"runs/r", 200, json, `{` + run + `,"status":"lost"}`, false},
		{"runs/r", 200, json, `{` + run + `}`, false},
		{"runs/r", 200, json, `{` + run + `,"status":"done","more":1}`, false},
		{"runs/r", 201, json, `{` + run + `,"status":"done"}`, false},
		{"runs/r", 200, http.Header{"Content-Type": {"application/json"}, "Location": {"/"}}, `{` + run + `,"status":"done"}`, false},
		{"runs/r", 404, json, `{}`, false},
		{"runs", 200, json, `{"items":[{}]}`, false},
		{"runs", 200, json, `{"items":[]}`, true},
	} {
		req := httptest.NewRequest(http.MethodGet, "/api/v1/apps/a/"+bad.path, nil)
		if wrong := c.unfit(req, answer{t, bad.status, bad.header, bad.body}); (len(wrong) == 0) != bad.ok {
			t.Errorf("%d %s: %v", bad.status, bad.body, wrong)
		}
	}
}
