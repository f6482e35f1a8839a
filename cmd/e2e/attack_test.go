package e2e

import (
	"fmt"
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
