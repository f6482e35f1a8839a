package api_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestTheOpenAPIDocumentHangsTogether checks what a validator of 3.1 does: every operation with its id, its path parameters and its
// answers, every reference with its target, every schema with known words.
func TestTheOpenAPIDocumentHangsTogether(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.as("nobody", "GET", "/api/openapi.json", "").is(200)
	var doc map[string]any
	w.must(json.Unmarshal([]byte(a.body), &doc))
	if v, _ := doc["openapi"].(string); !strings.HasPrefix(v, "3.1.") {
		t.Errorf("openapi is %v", doc["openapi"])
	}
	info, _ := doc["info"].(map[string]any)
	if info["title"] == nil || info["version"] == nil {
		t.Errorf("info is %v", info)
	}
	if strings.Contains(a.body, "$schema") || strings.Contains(a.body, "unpkg.com") {
		t.Error("huma's own additions are in the document")
	}
	ids := map[string]bool{}
	operations := 0
	for path, item := range doc["paths"].(map[string]any) {
		for method, op := range item.(map[string]any) {
			operations++
			checkOperation(t, method+" "+path, path, op.(map[string]any), ids)
		}
	}
	if operations != len(w.api.Routes()) {
		t.Errorf("%d operations, %d routes", operations, len(w.api.Routes()))
	}
	walk(doc, "#", func(at string, node map[string]any) {
		if ref, ok := node["$ref"].(string); ok && resolve(doc, ref) == nil {
			t.Errorf("%s: %s leads nowhere", at, ref)
		}
		if typ, ok := node["type"].(string); ok && strings.Contains(at, "/schemas/") && !strings.HasSuffix(at, "/properties") {
			if !slices.Contains([]string{"object", "array", "string", "integer", "number", "boolean", "null"}, typ) {
				t.Errorf("%s: no such type: %s", at, typ)
			}
			if _, ok := node["nullable"]; ok {
				t.Errorf("%s: nullable is not of 3.1", at)
			}
		}
	})
}

func checkOperation(t *testing.T, name, path string, op map[string]any, ids map[string]bool) {
	id, _ := op["operationId"].(string)
	if id == "" || ids[id] {
		t.Errorf("%s: operationId %q is missing or taken", name, id)
	}
	ids[id] = true
	declared := map[string]bool{}
	params, _ := op["parameters"].([]any)
	for _, p := range params {
		param := p.(map[string]any)
		if param["in"] == "path" {
			declared[param["name"].(string)] = true
			if param["required"] != true {
				t.Errorf("%s: path parameter %v has to be required", name, param["name"])
			}
		}
		if param["schema"] == nil || param["description"] == "" {
			t.Errorf("%s: parameter %v without schema or help", name, param["name"])
		}
	}
	for _, match := range regexp.MustCompile(`\{(\w+)\}`).FindAllStringSubmatch(path, -1) {
		if !declared[match[1]] {
			t.Errorf("%s: path parameter %s is not declared", name, match[1])
		}
		delete(declared, match[1])
	}
	if len(declared) > 0 {
		t.Errorf("%s: path parameters %v are not in the path", name, declared)
	}
	responses, _ := op["responses"].(map[string]any)
	if len(responses) < 2 {
		t.Errorf("%s: answers are %v", name, responses)
	}
	for status, r := range responses {
		response := r.(map[string]any)
		if response["description"] == nil {
			t.Errorf("%s: answer %s without description", name, status)
		}
		content, _ := response["content"].(map[string]any)
		if status == "default" && content["application/problem+json"] == nil {
			t.Errorf("%s: errors are no problems", name)
		}
	}
}

func walk(v any, at string, visit func(string, map[string]any)) {
	switch x := v.(type) {
	case map[string]any:
		visit(at, x)
		for name, child := range x {
			walk(child, at+"/"+name, visit)
		}
	case []any:
		for i, child := range x {
			walk(child, fmt.Sprintf("%s/%d", at, i), visit)
		}
	}
}

func resolve(doc map[string]any, ref string) any {
	var v any = doc
	for part := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[part]
	}
	return v
}

// limitName is where our source names a limit.
var limitName = regexp.MustCompile(`(?:Limit: |Limit = |limit: |limited\((?:http\.\w+, )?|verLimit\([^,]+, )"([a-z_]+)"`)

// TestEveryLimitIsInTheTable compares the names that refusals give, in all of our source, with /api/v1/limits.
func TestEveryLimitIsInTheTable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.as("viewer", "GET", "/api/v1/limits", "").is(200)
	var got struct {
		Items []struct{ Name, Unit, Help string }
	}
	w.must(json.Unmarshal([]byte(a.body), &got))
	names := map[string]bool{}
	for _, l := range got.Items {
		if names[l.Name] || l.Unit == "" || l.Help == "" {
			t.Errorf("limit %s is there twice or is not explained", l.Name)
		}
		names[l.Name] = true
	}
	if !names["sockets"] {
		t.Error("what is shown from outside is missing")
	}
	found := 0
	for _, pattern := range []string{"../../engine/*.go", "../../engine/*/*.go", "../../steps/*.go", "../../store/*/*.go", "*.go"} {
		files, err := filepath.Glob(pattern)
		w.must(err)
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			source, err := os.ReadFile(file)
			w.must(err)
			for _, match := range limitName.FindAllStringSubmatch(string(source), -1) {
				found++
				if !names[match[1]] {
					t.Errorf("%s names the limit %s, which is not in the table", file, match[1])
				}
			}
		}
	}
	if found < 40 {
		t.Errorf("only %d limits found in the source", found)
	}
}

func TestTheCatalogueIsShown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.as("viewer", "GET", "/api/v1/step-kinds", "").is(200).has("items.0.kind", "break")
	if a.get("items.0.schema.type") != "object" || a.get("items.0.help") == "" {
		t.Errorf("step kinds are %s", a.body)
	}
	w.as("viewer", "GET", "/api/v1/step-kinds", "", "If-None-Match", a.header.Get("ETag")).is(304)
	w.as("viewer", "GET", "/api/v1/trigger-kinds", "").is(200).has("items.0.kind", "call")
	w.as("nobody", "GET", "/api/v1/version", "").is(200).has("version", "test")
}
