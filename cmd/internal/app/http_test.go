package app

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/cuelight/cuelight/engine"
)

// sink is another server that keeps what it was asked, and answers as its script says.
type sink struct {
	*httptest.Server
	mu     sync.Mutex
	asked  []string
	script []int
}

func newSink(t *testing.T, script ...int) *sink {
	t.Helper()
	s := &sink{script: script}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		defer s.mu.Unlock()
		status := 200
		if len(s.asked) < len(s.script) {
			status = s.script[len(s.asked)]
		}
		s.asked = append(s.asked, fmt.Sprintf("%s %s %s %s", r.Method, r.URL, r.Header.Get("Idempotency-Key"), body))
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, `{"price": "12.50", "n": 7}`)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *sink) seen() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.asked...)
}

// outward gives the world an engine whose scenarios may reach this machine's loopback addresses.
func outward(t *testing.T, w *world) {
	t.Helper()
	w.restart(t, engine.Options{})
	if _, err := w.e.ChangeApp(w.ctx, app, func(a *engine.App) error { a.PrivateHosts = []string{"127.0.0.0/8"}; return nil }); err != nil {
		t.Fatal(err)
	}
}

func TestAnAnswerOfAnotherServerIsUsedByTheSteps(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		outward(t, w)
		s := newSink(t)
		w.mustPublish(fmt.Sprintf(`{"id":"ask","structure":"Order","triggers":[{"id":"c","kind":"object","on":["created"]}],"steps":[
			{"id":"price","kind":"http_request","method":"POST","url":"%s/price?of={{ url(object.number) }}","body":{"number":"{{ object.number }}"}},
			{"id":"set","kind":"edit_object","set":{"note":"{{ steps.price.status }} {{ steps.price.body.price }} {{ steps.price.body.n + 1 }}"}}]}`, s.URL))
		run := w.mustWrite(engine.WriteCreate, "Order", "1", `{"number":"A & B"}`).Runs[0]
		w.settle()
		if got := w.object("1")["note"]; got != "200 12.50 8" {
			t.Errorf("the order's note is %v", got)
		}
		want := fmt.Sprintf(`POST /price?of=A%%20%%26%%20B %s.1 {"number":"A & B"}`, run)
		if seen := s.seen(); len(seen) != 1 || seen[0] != want {
			t.Errorf("the server was asked %q, want %q", seen, want)
		}
	})
}

func TestAFailedRequestIsTriedAgainWithTheSameKey(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		outward(t, w)
		s := newSink(t, 503, 429, 200)
		w.mustPublish(fmt.Sprintf(`{"id":"ask","structure":"Order","triggers":[{"id":"c","kind":"object","on":["created"]}],"steps":[
			{"id":"say","kind":"set_variables","set":{"x":1}},
			{"id":"get","kind":"http_request","url":"%s/x","on_error":{"retry":{"times":3,"backoff":"20ms"}}}]}`, s.URL))
		run := w.mustWrite(engine.WriteCreate, "Order", "1", `{}`).Runs[0]
		w.settle()
		seen := s.seen()
		if len(seen) != 3 {
			t.Fatalf("the server was asked %d times: %q", len(seen), seen)
		}
		for _, one := range seen {
			if !strings.Contains(one, string(run)+".2 ") {
				t.Errorf("a try had another key: %s", one)
			}
		}
		if r, err := w.store.Run(w.ctx, app, run); err != nil || r.Status != engine.RunDone {
			t.Errorf("the run is %v (%v)", r, err)
		}
	})
}

func TestAnAnswerThatIsFinalIsNotTriedAgain(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		outward(t, w)
		s := newSink(t, 404)
		w.mustPublish(fmt.Sprintf(`{"id":"ask","structure":"Order","triggers":[{"id":"c","kind":"object","on":["created"]}],"steps":[
			{"id":"get","kind":"http_request","url":"%s/x","on_error":{"retry":{"times":3,"backoff":"20ms"}}}],
			"catch":[{"id":"sorry","kind":"push","to":"*","event":"sorry","message":"{{ error.code }}"}]}`, s.URL))
		w.mustWrite(engine.WriteCreate, "Order", "1", `{}`)
		w.settle()
		if seen := s.seen(); len(seen) != 1 || !strings.Contains(w.pushed(), `* sorry "HTTP_STATUS"`) {
			t.Errorf("the server was asked %q, pages were told %q", seen, w.pushed())
		}
		for _, want := range []string{`get failed {"answer":"{\"price\": \"12.50\", \"n\": 7}","method":"GET","ms":`, `"status":404,"url":"` + s.URL + `/x"}`} {
			if !strings.Contains(w.trace(), want) {
				t.Errorf("the run's log is %s, want %s", w.trace(), want)
			}
		}
	})
}

func TestASlowServerDoesNotKeepTheAppsOtherRunsWaiting(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		outward(t, w)
		release := make(chan struct{})
		slow := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
		t.Cleanup(slow.Close)
		w.mustPublish(fmt.Sprintf(`{"id":"slow","structure":"Order","triggers":[{"id":"c","kind":"object","on":["created"]}],"steps":[{"id":"get","kind":"http_request","url":"%s/x"}]}`, slow.URL),
			`{"id":"quick","structure":"Order","triggers":[{"id":"c","kind":"call"}],"steps":[{"id":"p","kind":"push","to":"*","event":"quick"}]}`)
		for i := range 530 { // more than the runs of an app that may be under way
			w.mustWrite(engine.WriteCreate, "Order", fmt.Sprint(i), `{}`)
		}
		id, err := w.e.Call(w.ctx, engine.Call{App: app, Scenario: "quick"})
		if err != nil {
			t.Fatal(err)
		}
		if ended, err := w.e.Await(w.ctx, app, []engine.RunID{id}); err != nil || len(ended) != 1 || ended[0].Status != engine.RunDone {
			t.Errorf("the other run is %v (%v)", ended, err)
		}
		close(release)
	})
}
