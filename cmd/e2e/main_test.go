// Package e2e tests the whole product: the built program as a process, with a real Chromium, stock socket.io clients and the command line in
// front of it. It is tests only.
package e2e

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	_ "github.com/cuelight/cuelight/store/postgres" // its driver, for storetest
	"github.com/cuelight/cuelight/store/storetest"
)

// binary is the program under test, built with the flags of `make build` next to the test's own program, which go test removes.
var binary string

// reaper kills the process groups that are still there when the tests end in whatever way: by a timeout, by Ctrl+C or with kill -9.
var reaper io.Writer

func TestMain(m *testing.M) {
	err := build()
	if err == nil {
		err = startReaper()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	storetest.Main(m)
}

func build() error {
	if binary = os.Getenv("CUELIGHT_BINARY"); binary != "" {
		return nil
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	binary = filepath.Join(filepath.Dir(self), "cuelight")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", binary, "./cmd/cuelight")
	cmd.Dir, cmd.Env = root(), append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build cuelight: %w\n%s", err, out)
	}
	return nil
}

// startReaper starts a shell that reads what to watch, as +1234 and -1234, and acts when this process is gone.
func startReaper() error {
	sh := exec.Command("sh", "-c", `all=" "
while read -r g; do case $g in
+*) all="$all${g#+} " ;;
-*) all=$(echo "$all" | sed "s/ ${g#-} / /") ;;
esac; done
for g in $all; do kill -9 "-$g" 2>/dev/null; done`)
	sh.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	in, err := sh.StdinPipe()
	reaper = in
	return errors.Join(err, sh.Start())
}

// start starts a command in a process group of its own, which the reaper knows.
func start(cmd *exec.Cmd) error {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
	if err := cmd.Start(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(reaper, "+%d\n", cmd.Process.Pid)
	return err
}

// wait waits for a command that start has started; its group may be killed until then.
func wait(cmd *exec.Cmd) {
	_ = cmd.Wait() // how it ended is in ProcessState
	_, _ = fmt.Fprintf(reaper, "-%d\n", cmd.Process.Pid)
}

// root is the repository, seen from the folder of this package.
func root() string {
	dir, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		panic(err) // there is no working directory
	}
	return dir
}

// missing skips a test that lacks something of the machine, loudly; in CI, where a green run must mean that everything ran, it fails.
func missing(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal("NOT TESTED: " + what)
	}
	storetest.Skip(t, "NOT TESTED: "+what)
}

// eventually polls something that nothing signals.
func eventually(t testing.TB, what string, within time.Duration, done func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	end := time.After(within)
	for !done() {
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("waited %v in vain for %s", within, what)
		}
	}
}
