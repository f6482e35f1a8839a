package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/cuelight/cuelight/engine"
	"github.com/cuelight/cuelight/store"
)

// victim is the built server as a process that can be killed and started again on the same port and data.
type victim struct {
	binary   string
	data     string
	database string
	port     int
	token    string
	cmd      *exec.Cmd
	exited   chan struct{}
	started  time.Duration // how long it took to get ready the last time
	log      *os.File
	client   *http.Client
}

func newVictim(binary, data, database string) (*victim, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	port := l.Addr().(*net.TCPAddr).Port
	if err := l.Close(); err != nil {
		return nil, err
	}
	log, err := os.OpenFile(data+"/server.log", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 256, MaxConnsPerHost: 256}
	return &victim{
		binary: binary, data: data, database: database, port: port, log: log,
		client: &http.Client{Timeout: 15 * time.Second, Transport: transport},
	}, nil
}

func (v *victim) url() string { return fmt.Sprintf("http://127.0.0.1:%d", v.port) }

// start runs the server and returns once it is ready.
func (v *victim) start(ctx context.Context) error {
	began := time.Now()
	if err := v.launch(); err != nil {
		return err
	}
	err := v.ready(ctx)
	v.started = time.Since(began)
	return err
}

// launch runs the server without waiting for it.
func (v *victim) launch() error {
	args := []string{"serve", "--data", v.data, "--listen", fmt.Sprintf("127.0.0.1:%d", v.port), "--log-level", "warn", "--limit", "requests=1000000;connections=10000;login_per_account=1000;batches=1000000"}
	if v.database != "" {
		args = append(args, "--database", v.database)
	}
	v.cmd = exec.Command(v.binary, args...)
	v.cmd.Stdout, v.cmd.Stderr = v.log, v.log
	v.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := v.cmd.Start(); err != nil {
		return err
	}
	exited := make(chan struct{})
	v.exited = exited
	cmd := v.cmd
	tasks.Go("server", func() {
		_ = cmd.Wait() // how it ended is seen by what it left behind
		close(exited)
	})
	return nil
}

// isReady asks once.
func (v *victim) isReady(ctx context.Context) bool {
	req, err := http.NewRequestWithContext(ctx, "GET", v.url()+"/readyz", nil)
	if err != nil {
		return false
	}
	res, err := v.client.Do(req)
	if err != nil {
		return false
	}
	_ = res.Body.Close()
	return res.StatusCode == http.StatusOK
}

func (v *victim) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 60*time.Second)
	defer cancel()
	for {
		if v.isReady(ctx) {
			return nil
		}
		select {
		case <-v.exited:
			return fmt.Errorf("the server ended while it started; see %s", v.log.Name())
		case <-ctx.Done():
			return fmt.Errorf("the server did not get ready: %w", ctx.Err())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// stop sends a signal and waits for the end.
func (v *victim) stop(sig syscall.Signal) {
	if v.cmd == nil || v.cmd.Process == nil {
		return
	}
	_ = v.cmd.Process.Signal(sig)
	select {
	case <-v.exited:
	case <-time.After(30 * time.Second):
		_ = v.cmd.Process.Kill()
		<-v.exited
	}
}

// tool runs another command of the same program on the same data.
func (v *victim) tool(ctx context.Context, args ...string) (string, error) {
	args = append(args, "--data", v.data)
	if v.database != "" {
		args = append(args, "--database", v.database)
	}
	cmd := exec.CommandContext(ctx, v.binary, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("cuelight %v: %w: %s", args[:2], err, errs.String())
	}
	return out.String(), nil
}

// install starts the server for the first time and gives it an app.
func (v *victim) install(ctx context.Context, dir, documents string) error {
	if err := v.start(ctx); err != nil {
		return err
	}
	path := filepath.Join(dir, "app.yaml")
	if err := os.WriteFile(path, []byte(documents), 0o600); err != nil {
		return err
	}
	if _, err := v.tool(ctx, "apply", "--app", appID, "-f", path, "--start"); err != nil {
		return err
	}
	token, err := v.tool(ctx, "token", "create", "--app", appID, "--scope", "admin")
	if err != nil {
		return err
	}
	v.token = strings.TrimSpace(token)
	return nil
}

// open opens the store while the server does not run.
func (v *victim) open(ctx context.Context) (engine.Store, error) {
	url := v.database
	if url == "" {
		url = filepath.Join(v.data, "cuelight.db")
	}
	return store.Open(ctx, url, store.Options{})
}

// peak is the most memory that the server has had in bytes, 0 where the system does not tell.
func (v *victim) peak() int {
	doc, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", v.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(doc)) {
		var kilobytes int
		if _, err := fmt.Sscanf(line, "VmHWM: %d kB", &kilobytes); err == nil {
			return kilobytes << 10
		}
	}
	return 0
}

// answer is what the API said.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// call sends one request with the token. An error means that no answer came: whether it was carried out is not known.
func (v *victim) call(ctx context.Context, method, path, key string, body any) (answer, error) {
	var payload io.Reader
	if body != nil {
		doc, err := json.Marshal(body)
		if err != nil {
			return answer{}, err
		}
		payload = bytes.NewReader(doc)
	}
	req, err := http.NewRequestWithContext(ctx, method, v.url()+path, payload)
	if err != nil {
		return answer{}, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+v.token)
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	res, err := v.client.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = res.Body.Close() }()
	doc, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	return answer{res.StatusCode, res.Header, doc}, err
}
