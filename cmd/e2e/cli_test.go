package e2e

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// scripts are the parameters of the command line's tests: the program is found by its name, and nothing of the caller's settings counts.
func scripts(dir string, env map[string]string) testscript.Params {
	return testscript.Params{
		Dir: filepath.Join("testdata", dir),
		Setup: func(e *testscript.Env) error {
			bin := filepath.Join(e.WorkDir, "bin")
			if err := os.Mkdir(bin, 0o700); err != nil {
				return err
			}
			e.Setenv("PATH", bin+string(os.PathListSeparator)+e.Getenv("PATH"))
			for name, value := range env {
				e.Setenv(name, value)
			}
			return os.Symlink(binary, filepath.Join(bin, "cuelight"))
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
	}
}

// exits runs a command and wants this exit code: exits 2 cuelight nonsense.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM [ARG…]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	code := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%v", err)
		}
		code = exit.ExitCode()
	}
	if code != want {
		ts.Fatalf("exit code %d, want %d", code, want)
	}
}

// TestCommandLine runs what needs a server on the same data directory, or none at all.
func TestCommandLine(t *testing.T) {
	s := newServer(t, "")
	builder := strings.TrimSpace(tool(t, "token", "create", "--app", "demo", "--scope", "scenarios:read,scenarios:write", "--data", s.data))
	testscript.Run(t, scripts("cli", map[string]string{"DATA": s.data, "URL": s.url, "TOKEN": s.token, "BUILDER": builder, "ADDRESS": s.address}))
}

// TestCommandLineReachesTheData runs the same commands against a server at a URL, against the one on this machine's data directory, and on the
// data itself when no server runs.
func TestCommandLineReachesTheData(t *testing.T) {
	running := newServer(t, "")
	stopped := newServer(t, "")
	if code := stopped.stop(syscall.SIGTERM); code != 0 {
		t.Errorf("SIGTERM ends with exit code %d", code)
	}
	for mode, env := range map[string]map[string]string{
		"url":     {"CUELIGHT_URL": running.url, "CUELIGHT_TOKEN": running.admin()},
		"socket":  {"CUELIGHT_DATA": running.data},
		"nothing": {"CUELIGHT_DATA": stopped.data},
	} {
		env["MODE"] = mode
		// One after the other: without a server, each command has the data for itself.
		for _, dir := range []string{"remote", "files", "items"} {
			t.Run(mode+"/"+dir, func(t *testing.T) { testscript.Run(t, scripts(dir, env)) })
		}
	}
	// What was made without a server is there when one starts.
	stopped.start()
	if out := string(stopped.call("GET", "/api/v1/apps/nothing/users/bert", stopped.admin(), nil).body); !strings.Contains(out, `"Bert"`) {
		t.Errorf("the user made without a server is %s", out)
	}
}

// TestSecretsAreTheirOwnersOnly looks at the files in the data directory that open a door, and at the demo's token over restarts.
func TestSecretsAreTheirOwnersOnly(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0)) // what the program makes must not depend on the caller's
	s := newServer(t, "")
	token := s.token
	for _, restart := range []func(){func() {}, s.kill, func() { s.stop(syscall.SIGTERM); s.start() }} {
		restart()
		for _, name := range []string{"admin.sock", "demo-token", "setup-url"} {
			info, err := os.Stat(filepath.Join(s.data, name))
			if err != nil {
				t.Fatal(err)
			}
			if mode := info.Mode().Perm(); mode != 0o600 {
				t.Errorf("%s has the mode %o", name, mode)
			}
		}
		if s.token != token {
			t.Error("the demo's token is another one after a restart")
		}
		s.call("GET", "/api/v1/apps/demo/structures/Order/objects", token, nil)
	}
}

// TestASecretLiesInNoFileAsItIs looks for a secret in all that the server keeps and says.
func TestASecretLiesInNoFileAsItIs(t *testing.T) {
	s := newServer(t, "")
	const canary = "the canary of the mine"
	s.call("PUT", "/api/v1/apps/demo/secrets/crm", s.admin(), map[string]any{"value": canary, "hosts": []string{"http://127.0.0.1:9"}})
	s.call("PUT", "/api/v1/apps/demo/scenarios/send/draft", s.admin(), map[string]any{
		"triggers": []any{map[string]any{"id": "c", "kind": "call"}},
		"steps":    []any{map[string]any{"id": "h", "kind": "http_request", "url": "http://127.0.0.1:9/{{ url(secret.crm) }}", "headers": map[string]any{"X-Key": "{{ secret.crm }}"}}},
	})
	s.call("POST", "/api/v1/apps/demo/scenarios/send/publish", s.admin(), map[string]any{"start": true})
	s.call("POST", "/api/v1/apps/demo/scenarios/send/call?wait=10s", s.admin(), map[string]any{})
	if runs := string(s.call("GET", "/api/v1/apps/demo/runs?scenario=send", s.admin(), nil).body); !strings.Contains(runs, "EGRESS") {
		t.Errorf("the run that sends the secret is %s", runs)
	}
	s.stop(syscall.SIGTERM)
	files := 0
	err := filepath.WalkDir(s.data, func(path string, entry os.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		files++
		data, err := os.ReadFile(path)
		if bytes.Contains(data, []byte("the canary")) || bytes.Contains(data, []byte("the%20canary")) {
			t.Errorf("%s holds the secret", entry.Name())
		}
		return err
	})
	if err != nil || files < 2 {
		t.Errorf("%d files were looked at: %v", files, err)
	}
}

// TestThrowAwayDataIsThrownAway starts the demo without a data directory and ends it, as Ctrl+C and as a service manager do.
func TestThrowAwayDataIsThrownAway(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		t.Run(signal.String(), func(t *testing.T) {
			tmp := t.TempDir()
			t.Setenv("TMPDIR", tmp)
			s := &server{t: t, address: "127.0.0.1:0", log: &lines{}}
			t.Cleanup(func() { s.stop(syscall.SIGKILL) })
			s.start()
			made, err := os.ReadDir(tmp)
			if err != nil || len(made) != 1 {
				t.Fatalf("the demo keeps its data in %v %v", made, err)
			}
			info, err := made[0].Info()
			if err != nil {
				t.Fatal(err)
			}
			if mode := info.Mode().Perm(); mode != 0o700 {
				t.Errorf("the throw-away directory has the mode %o", mode)
			}
			if code := s.stop(signal); code != 0 {
				t.Errorf("exit code %d", code)
			}
			if left, err := os.ReadDir(tmp); err != nil || len(left) != 0 {
				t.Errorf("left behind: %v %v", left, err)
			}
		})
	}
}
