package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/cuelight/cuelight/engine"
	"github.com/cuelight/cuelight/engine/task"
	"github.com/cuelight/cuelight/store/storetest"
	"github.com/cuelight/cuelight/web"
)

// page is an open page of a user that polls, as a stock client does where it gets no websocket.
type page struct {
	t    *testing.T
	url  string
	left []string // packets of the last answer
}

func (a *App) page(t *testing.T, url, user string) *page {
	t.Helper()
	session, _, err := a.Accounts.LoginUser(t.Context(), demoApp, user, user, "10.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	p := &page{t: t, url: url + "/socket.io/?EIO=4&transport=polling"}
	var open struct{ Sid string }
	if err := json.Unmarshal([]byte(p.next("0")), &open); err != nil {
		t.Fatal(err)
	}
	p.url += "&sid=" + open.Sid
	p.send(fmt.Sprintf(`40{"app_id":"demo","session_id":%q}`, session))
	p.next("40{")
	return p
}

// next gives the next packet that begins so, without the beginning.
func (p *page) next(beginning string) string {
	p.t.Helper()
	for {
		for len(p.left) > 0 {
			packet := p.left[0]
			p.left = p.left[1:]
			if rest, ok := strings.CutPrefix(packet, beginning); ok {
				return rest
			}
		}
		p.left = strings.Split(ask(p.t, http.MethodGet, p.url, "", ""), "\x1e")
	}
}

func (p *page) send(packet string) {
	p.t.Helper()
	ask(p.t, http.MethodPost, p.url, "", packet)
}

// message waits for a push of the event message and gives its offset.
func (p *page) message() string {
	p.t.Helper()
	rest := p.next(`42["message",`)
	var args []string
	if err := json.Unmarshal([]byte("["+rest), &args); err != nil || len(args) != 2 {
		p.t.Fatalf("got %s: %v", rest, err)
	}
	return args[1]
}

// ask sends a request that has to be answered well.
func ask(t *testing.T, method, url, token, body string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	doc, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode >= 300 {
		t.Fatalf("%s %s: %d %s %v", method, url, resp.StatusCode, doc, err)
	}
	return string(doc)
}

// ready makes an order ready and gives the run that tells its owner, when it has ended.
func (a *App) ready(t *testing.T, order string) engine.RunID {
	t.Helper()
	out, err := a.Engine.Write(t.Context(), engine.Write{
		App: demoApp, Kind: engine.WritePatch, Structure: "Order", ID: order, Fields: fields(t, `{"status":"ready"}`), Who: "test",
	})
	if err != nil {
		t.Fatal(err)
	}
	runs, err := a.Engine.Await(t.Context(), demoApp, out.Runs)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range runs {
		if r.Scenario == "order-ready" && r.Status == engine.RunDone {
			return r.ID
		}
	}
	t.Fatalf("no run of order-ready among %+v", runs)
	return ""
}

// delivered is what the log of a run says about its only push, as JSON.
func delivered(t *testing.T, url, token string, run engine.RunID) string {
	t.Helper()
	var log struct {
		Items []struct {
			Kind       string
			Deliveries json.RawMessage
		}
	}
	if err := json.Unmarshal([]byte(ask(t, http.MethodGet, url+"/api/v1/apps/demo/runs/"+string(run)+"/steps", token, "")), &log); err != nil {
		t.Fatal(err)
	}
	said := ""
	for _, s := range log.Items {
		if s.Kind == "push" {
			said += string(s.Deliveries)
		} else if s.Deliveries != nil {
			t.Errorf("a step of kind %s has deliveries %s", s.Kind, s.Deliveries)
		}
	}
	return said
}

func TestTheLogOfARunSaysWhoGotItsPushes(t *testing.T) {
	t.Parallel()
	for name, database := range map[string]func(testing.TB) string{"sqlite": func(testing.TB) string { return "" }, "postgres": storetest.Postgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := Config{
				Data: t.TempDir(), Database: database(t), Demo: true, Web: web.Limits{Requests: 100_000},
				Log: slog.New(slog.NewTextHandler(testLog{t}, &slog.HandlerOptions{Level: slog.LevelWarn})),
			}
			a, err := New(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			end := sync.OnceFunc(a.Close)
			defer end()
			server := httptest.NewServer(a.Handler(false))
			defer server.Close()
			says := func(run engine.RunID, want string) {
				t.Helper()
				waitUntil(t, "the log to say "+want, func() bool { return delivered(t, server.URL, a.demoToken, run) == want })
			}
			says(a.ready(t, "1043"), `{"online":0,"delivered":0,"received":0}`)
			desk, phone := a.page(t, server.URL, "anna"), a.page(t, server.URL, "anna")
			run := a.ready(t, "1042")
			at := desk.message()
			phone.message()
			says(run, `{"online":2,"delivered":2,"received":0}`)
			desk.send(fmt.Sprintf(`42["cue:got",%q]`, at))
			says(run, `{"online":2,"delivered":2,"received":1}`)
			// What is counted when the program ends is written before it has ended.
			run = a.ready(t, "1044")
			desk.message()
			phone.message()
			end()
			again, err := New(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			defer again.Close()
			if got, err := again.Store.DeliveriesOf(t.Context(), demoApp, run); err != nil || len(got) != 1 || got[0].Online != 2 || got[0].Delivered != 2 {
				t.Errorf("after a restart the log says %+v, %v", got, err)
			}
		})
	}
}

func TestReportsWaitForASlowStoreAndNoLonger(t *testing.T) {
	t.Parallel()
	group := task.New(slog.New(slog.DiscardHandler))
	begun, store, written := make(chan int, 10), make(chan error), 0
	r := newReporter(group.Go, func(ctx context.Context, counted []engine.Delivery) error {
		begun <- len(counted)
		select {
		case err := <-store:
			written += len(counted)
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}, slog.New(slog.DiscardHandler))
	r.take(make([]engine.Delivery, 1))
	if n := <-begun; n != 1 {
		t.Errorf("%d are written first", n)
	}
	r.take(make([]engine.Delivery, maxReports-1)) // the store is slow, take is not
	r.take(make([]engine.Delivery, 3))
	store <- errors.New("away")
	if n := <-begun; n != maxReports {
		t.Errorf("%d are written next, of what there is room for", n)
	}
	r.take(make([]engine.Delivery, 2))
	closed := make(chan struct{})
	group.Go("close", func() {
		r.close()
		r.close()
		close(closed)
	})
	store <- nil
	if n := <-begun; n != 2 {
		t.Errorf("%d are written last", n)
	}
	r.cancel() // as after lastReports
	<-closed
	group.Wait()
	if written != maxReports+1 {
		t.Errorf("%d were written", written)
	}
}
