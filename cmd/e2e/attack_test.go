package e2e

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// TestAttacksOnTheProgram runs the table of attacks of web/live (guarantees 3.2) against the running program; what they cost is read from the
// program's own process.
func TestAttacksOnTheProgram(t *testing.T) {
	s := newServer(t, "")
	said := attack(t, s, "^TestAttacks$")
	passed := strings.Count(said, "    --- PASS: TestAttacks/")
	t.Logf("%d attacks", passed)
	if passed < 19 {
		t.Errorf("only %d attacks were withstood\n%s", passed, said)
	}
	_, peak := s.memory()
	if peak > 200<<20 {
		t.Errorf("the attacks drove the server to %d MB", peak>>20)
	}
	s.push("*", "refresh-orders", "") // it lives
}

// TestMessagesStayInOrder sends the program 20,000 messages one after the other, which its usual limits would not let one socket do.
func TestMessagesStayInOrder(t *testing.T) {
	t.Log("raised: 100,000 messages per second")
	s := newServer(t, "", "--limit", "messages=100000")
	said := attack(t, s, "^TestMessagesStayInOrder$")
	if !strings.Contains(said, "20000 acknowledged in order") {
		t.Errorf("they were not all acknowledged\n%s", said)
	}
	s.push("*", "refresh-orders", "") // it lives
}

// attack runs tests of web/live against a server and gives what they say.
func attack(t *testing.T, s *server, tests string) string {
	t.Helper()
	cmd := exec.Command("go", "test", "-trimpath", "-count=1", "-v", "-run", tests, "./web/live")
	cmd.Dir = root()
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "CUELIGHT_ATTACK_URL="+s.url, fmt.Sprintf("CUELIGHT_ATTACK_PID=%d", s.cmd.Process.Pid))
	said := &lines{}
	cmd.Stdout, cmd.Stderr = said, said
	if err := start(cmd); err != nil {
		t.Fatal(err)
	}
	wait(cmd)
	out := said.last(1_000)
	if code := cmd.ProcessState.ExitCode(); code != 0 || strings.Contains(out, "--- SKIP") {
		t.Errorf("exit code %d\n%s", code, out)
	}
	for line := range strings.Lines(out) {
		if _, figures, ok := strings.Cut(line, "_test.go:"); ok {
			t.Log(strings.TrimSpace(figures))
		}
	}
	return out
}

// bombs are expressions that want all of a processor or of its memory (guarantees 3.1). Some are refused when they are saved, the others have
// to be cut off when they run.
var bombs = map[string]string{
	"nested map":            `len(map(1..1000000, map(1..1000000, #))) > 0`,
	"long map":              `len(map(1..999990, #)) > 0`,
	"nested all":            `let a = 1..1000; all(a, all(a, all(a, true)))`,
	"deeply nested all":     `let a = 1..1000; all(a, all(a, all(a, all(a, all(a, all(a, true))))))`,
	"nested sum":            `let a = 1..1000; sum(a, sum(a, sum(a, #))) > 0`,
	"nested count":          `let a = 1..3000; count(a, count(a, count(a, count(a, # > 5) > 3) > 3) > 3) > 0`,
	"uniq":                  `len(uniq(1..60000)) > 0`,
	"upper of repeat":       `let r = repeat("a", 900000); count(1..3000, len(upper(r)) == 0) > 0`,
	"doubling text":         `len(reduce(1..40, #acc + #acc, "aa")) > 0`,
	"chained concat":        `let a = repeat("a", 100000); let b = a+a+a+a+a+a+a+a; let c = b+b+b+b+b+b+b+b; let d = c+c+c+c+c+c+c+c; len(d+d+d+d+d+d+d+d) > 0`,
	"toBase64 growing":      `len(reduce(1..25, toBase64(#acc), repeat("a", 1000))) > 0`,
	"toJSON of shared":      `let a = 1..1000; let b = map(a, a); let c = map(a, b); len(toJSON(c)) > 0`,
	"join of shared":        `let a = map(1..1000, "aaaaaaaaaa"); len(join(map(1..1000, join(a)))) > 0`,
	"flatten of shared":     `let a = 1..1000; let b = map(a, a); len(flatten(map(a, b))) > 0`,
	"repeat of repeat":      `len(repeat(repeat("a", 999999), 999)) > 0`,
	"replace growing":       `let r = repeat("a", 900000); len(replace(r, "", repeat("b", 1000))) > 0`,
	"slow pattern":          `repeat("a", 900000) matches "(a*)*(a*)*b"`,
	"large pattern":         `repeat("a", 900000) matches "(x{0,30}){0,30}a*b"`,
	"pattern of data":       `object.text matches object.text`,
	"many parentheses":      strings.Repeat("(", 9_000) + "1" + strings.Repeat(")", 9_000) + " > 0",
	"more parentheses":      strings.Repeat("(", 100_000) + "1" + strings.Repeat(")", 100_000) + " > 0",
	"brackets":              strings.Repeat("[", 400_000),
	"minuses":               strings.Repeat("-", 800_000) + "1 > 0",
	"nots":                  strings.Repeat("not ", 200_000) + "true",
	"few parentheses":       strings.Repeat("(", 1_500) + "1" + strings.Repeat(")", 1_500) + " > 0",
	"chain of ors":          "true" + strings.Repeat(" or true", 500),
	"modulo zero":           `1 % 0 == 1`,
	"division by zero":      `1 / 0 > 0`,
	"power":                 `2 ** 100000 > 0`,
	"index out of range":    `[1][5] == 1`,
	"huge range":            `len(1..9223372036854775807) > 0`,
	"overflowing range":     `len(-9223372036854775807..9223372036854775807) > 0`,
	"large decimal":         `decimal("1e999999999") + decimal("1") > decimal("0")`,
	"sort":                  `len(sortBy(1..100000, -#)) > 0`,
	"groupBy":               `len(groupBy(1..100000, #)) > 0`,
	"comments":              strings.Repeat("/* (", 1_000) + "*/ true",
	"filter over the event": `len(filter(1..100000, object.text contains "b")) > 0`,
}

// TestBombs sends each bomb as the condition of a step, as that of a trigger and as a filter. Every answer has to come fast, no write may be
// refused for a scenario's bad condition, and the server stays small and alive.
func TestBombs(t *testing.T) {
	t.Log("raised: 100,000 requests per 10 s")
	s := newServer(t, "", "--limit", "requests=100000")
	admin := s.admin()
	const app = "/api/v1/apps/bombs"
	s.call("POST", "/api/v1/apps", admin, map[string]any{"id": "bombs", "guests": true})
	s.call("PUT", app+"/structures/Thing", admin, map[string]any{"kind": "structure", "id": "Thing", "fields": []any{map[string]any{"id": "text", "type": "string"}}})
	before, _ := s.memory()
	var slowest time.Duration
	var what string
	refused, ran := 0, 0
	ask := func(t *testing.T, name, method, path string, body any) answer {
		t.Helper()
		began := time.Now()
		a, err := s.try(method, path, admin, body)
		if err != nil {
			t.Fatalf("%s %.80s: %v", method, path, err)
		}
		if a.status >= 500 {
			t.Errorf("%s %.80s: %d %s", method, path, a.status, a.body)
		}
		if took := time.Since(began); took > slowest {
			slowest, what = took, name+": "+method+" "+strings.SplitN(path, "?", 2)[0]
		}
		return a
	}
	object := map[string]any{"text": strings.Repeat("a", 60_000)}
	for name, bomb := range bombs {
		t.Run(name, func(t *testing.T) {
			condition := map[string]any{"id": "boom", "kind": "condition", "if": bomb, "then": []any{}}
			trigger := map[string]any{"id": "any", "kind": "object", "on": []string{"created"}}
			for place, doc := range map[string]map[string]any{
				"step":    {"triggers": []any{trigger}, "steps": []any{condition}},
				"trigger": {"triggers": []any{with(trigger, "if", bomb)}, "steps": []any{}},
			} {
				id := "at-" + place
				doc["kind"], doc["id"], doc["structure"] = "scenario", id, "Thing"
				ask(t, name, "PUT", app+"/scenarios/"+id+"/draft", doc)
				if a := ask(t, name, "POST", app+"/scenarios/"+id+"/publish", map[string]any{"start": true}); a.status >= 300 {
					refused++
				} else {
					ran++
					a := ask(t, name, "POST", app+"/structures/Thing/objects?wait=5s", object)
					if a.status != http.StatusCreated {
						t.Errorf("%s: a write beside it is answered %d %.300s", place, a.status, a.body)
					}
					ask(t, name, "POST", app+"/scenarios/"+id+"/stop", map[string]any{})
				}
				ask(t, name, "DELETE", app+"/scenarios/"+id, nil)
			}
			// A filter has a language of its own, in which none of these may pass.
			filter := bomb
			if len(filter) > 15_000 {
				filter = filter[:15_000]
			}
			if a := ask(t, name, "GET", app+"/structures/Thing/objects?filter="+url.QueryEscape(filter), nil); a.status < 400 {
				t.Errorf("it is a filter: %d", a.status)
			}
		})
	}
	for name, filter := range map[string]string{
		"filter of parentheses": strings.Repeat("(", 7_000) + "text = 'a'" + strings.Repeat(")", 7_000),
		"filter of nots":        strings.Repeat("NOT ", 3_000) + "text = 'a'",
		"filter of ors":         "text = 'a'" + strings.Repeat(" OR text = 'a'", 1_000),
		"filter of likes":       "text like '" + strings.Repeat("%a", 5_000) + "b'",
		"filter of many likes":  "text like '%a%a%a%a%a%a%a%b'" + strings.Repeat(" OR text like '%a%a%a%a%a%a%a%a%a%a%b'", 30),
		"filter with a list":    "text in ('a'" + strings.Repeat(",'a'", 3_000) + ")",
		"filter with quotes":    "text = 'a'' OR 1=1 --'; DROP TABLE objects",
	} {
		t.Run(name, func(t *testing.T) {
			a := ask(t, name, "GET", app+"/structures/Thing/objects?filter="+url.QueryEscape(filter), nil)
			t.Log(a.status)
		})
	}
	_, peak := s.memory()
	t.Logf("%d bombs were refused when saved, %d were run; slowest answer %v (%s); memory %d MB before, %d MB at its highest", refused, ran, slowest, what, before>>20, peak>>20)
	if slowest > 2*time.Second {
		t.Errorf("%s took %v", what, slowest)
	}
	if peak > before+300<<20 {
		t.Errorf("memory rose to %d MB", peak>>20)
	}
	if refused == 0 || ran == 0 {
		t.Errorf("%d were refused and %d ran: the test reaches one side only", refused, ran)
	}
	s.push("*", "refresh-orders", "") // it lives
}

// with is a copy with one more field.
func with(m map[string]any, key string, value any) map[string]any {
	more := map[string]any{key: value}
	maps.Copy(more, m)
	return more
}

// TestClosedDoors asks for what needs a right without having it.
func TestClosedDoors(t *testing.T) {
	s := newServer(t, "")
	session := s.login("testUser")
	scoped := strings.TrimSpace(tool(t, "token", "create", "--data", s.data, "--app", "demo", "--scope", "objects:read"))
	object := map[string]any{"note": "x"}
	for _, c := range []struct {
		token, method, path string
		status              int
		body                any
	}{
		{"", "GET", "/api/v1/apps/demo/structures/Order/objects", 401, nil},
		{"", "POST", "/api/v1/apps/demo/push", 401, map[string]any{"to": "*", "event": "x"}},
		{"cue_" + strings.Repeat("x", 43), "GET", "/api/v1/apps/demo/structures/Order/objects", 401, nil},
		{session, "GET", "/api/v1/apps/demo/structures/Order/objects", 403, nil},
		{session, "POST", "/api/v1/apps/demo/push", 403, map[string]any{"to": "*", "event": "x"}},
		{session, "GET", "/api/v1/apps/demo/me", 200, nil},
		{scoped, "GET", "/api/v1/apps/demo/structures/Order/objects", 200, nil},
		{scoped, "PATCH", "/api/v1/apps/demo/structures/Order/objects/1042", 403, object},
		{scoped, "GET", "/api/v1/apps/other/structures/Order/objects", 403, nil},
		{scoped, "POST", "/api/v1/tokens", 403, map[string]any{"app": "*", "name": "x", "scopes": []string{"admin"}}},
		{s.token, "PUT", "/api/v1/apps/demo/scenarios/x/draft", 403, map[string]any{"kind": "scenario"}},
		{s.token, "POST", "/api/v1/apps/demo/push", 422, map[string]any{"to": "*", "event": "connect"}},
		{s.token, "POST", "/api/v1/apps/demo/push", 422, map[string]any{"to": "*", "event": "cue:got"}},
		{s.token, "PATCH", "/api/v1/apps/demo/structures/Order/objects/1042", 422, map[string]any{"nope": 1}},
		{s.token, "PATCH", "/api/v1/apps/demo/structures/Order/objects/1042", 400, []byte(`{"note":"a","note":"b"}`)},
		{s.token, "PATCH", "/api/v1/apps/demo/structures/Order/objects/1042", 413, []byte(`{"note":"` + strings.Repeat("a", 2<<20) + `"}`)},
		{s.token, "PATCH", "/api/v1/apps/demo/structures/Order/objects/1042", 200, object},
	} {
		a, err := s.try(c.method, c.path, c.token, c.body)
		if err != nil || a.status != c.status {
			t.Errorf("%s %s: %d %v, want %d\n%.300s", c.method, c.path, a.status, err, c.status, a.body)
		}
		if a.status >= 400 && !strings.HasPrefix(a.header.Get("Content-Type"), "application/problem+json") {
			t.Errorf("%s %s: the refusal is %s", c.method, c.path, a.header.Get("Content-Type"))
		}
	}
}

// tool runs a command of the program and gives what it says.
func tool(t testing.TB, args ...string) string {
	t.Helper()
	var errs strings.Builder
	cmd := command(args...)
	cmd.Stderr = &errs
	defer time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() }).Stop()
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(fmt.Errorf("cuelight %s: %w\n%s", strings.Join(args, " "), err, errs.String()))
	}
	return string(out)
}
