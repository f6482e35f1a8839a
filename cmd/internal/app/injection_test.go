package app

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/cuelight/cuelight/engine"
)

// hostile are texts that would do something if a filter, a template, a header, an address, a document or a log took them for its own.
var hostile = []string{
	`{{1+1}}`, `{{ secret.crm }}`, `{{ object.id }}`, `{{ "{{" }}1+1}}`, `${7*7}`, `#{7*7}`, `<%= 7*7 %>`,
	`" OR note != "`, `' OR '1'='1`, `") OR (note is not null`, `x" AND "1042`, `%`, `_`, `\`, `'; DROP TABLE objects; --`, `$1`, `?`, `:note`,
	"a\r\nX-Injected: yes", "a\nX-Injected: yes", "a\rX-Injected: yes", `%0d%0aX-Injected: yes`,
	"a\nlevel=ERROR msg=fake", `{"level":"ERROR","msg":"fake"}`, "\x1b[31mred\x1b[0m",
	`../../etc/passwd`, `?admin=1#x`, `//evil.example/`, `@evil.example`, `","admin":true,"x":"`, `*`, `null`, `true`, `[1]`, "<script>alert(1)</script>", "\u202egnirts",
}

// heard is what another server was sent for one text.
type heard struct{ path, header, injected, body string }

func TestHostileTextsAreTexts(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		var mu sync.Mutex
		var got []heard
		server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			mu.Lock()
			defer mu.Unlock()
			got = append(got, heard{r.URL.Path, r.Header.Get("X-Note"), r.Header.Get("X-Injected") + r.URL.Query().Get("admin"), string(body)})
		}))
		t.Cleanup(server.Close)
		var log lockedBuffer
		outward(t, w)
		w.restart(t, engine.Options{Log: slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
		w.mustPublish(`{"id":"x","structure":"Order","triggers":[{"id":"c","kind":"object","on":["created"]}],"steps":[
			{"id":"n","kind":"search_objects","structure":"Order","filter":"note = {{ object.note }}","result":"count"},
			{"id":"say","kind":"push","to":"*","event":"text","mode":"json","message":{"note":"{{ object.note }}","n":"{{ steps.n }}"}},
			{"id":"l","kind":"log","message":"{{ object.note }}"},
			{"id":"plain","kind":"http_request","method":"POST","url":"` + server.URL + `/{{ url(object.note) }}","body":{"note":"{{ object.note }}"}},
			{"id":"t","kind":"try","do":[{"id":"head","kind":"http_request","url":"` + server.URL + `/head","headers":{"X-Note":"{{ object.note }}"}}],
			 "catch":[{"id":"r","kind":"push","to":"*","event":"refused","message":"{{ error.code }}"}]},
			{"id":"f","kind":"fail","message":"{{ object.note }}"}]}`)
		for i, text := range hostile {
			doc, err := json.Marshal(map[string]string{"note": text})
			if err != nil {
				t.Fatal(err)
			}
			mu.Lock()
			got = nil
			mu.Unlock()
			before := len(w.pushed())
			w.mustWrite(engine.WriteCreate, "Order", fmt.Sprint("o", i), string(doc))
			w.settle()
			w.mustBeText(t, text, got, w.pushed()[before:])
		}
		for line := range strings.Lines(log.String()) {
			var entry struct{ Msg string }
			if err := json.Unmarshal([]byte(line), &entry); err != nil || entry.Msg == "fake" {
				t.Errorf("the log holds the line %q", line)
			}
		}
	})
}

// mustBeText wants a text to have arrived as it is, and nothing else.
func (w *world) mustBeText(t *testing.T, text string, got []heard, pushed string) {
	t.Helper()
	broken := strings.ContainsAny(text, "\r\n\x1b")
	if want := map[bool]int{true: 1, false: 2}[broken]; len(got) != want {
		t.Fatalf("%q: the server was asked %d times, want %d", text, len(got), want)
	}
	var body struct{ Note, Admin any }
	if err := json.Unmarshal([]byte(got[0].body), &body); err != nil || body.Note != text || body.Admin != nil || got[0].path != "/"+text {
		t.Errorf("%q arrived as %+v (%v)", text, got[0], err)
	}
	if !broken && got[1].header != strings.TrimSpace(text) {
		t.Errorf("%q arrived as the header %q", text, got[1].header)
	}
	for _, h := range got {
		if h.injected != "" {
			t.Errorf("%q made a header or a parameter of its own: %+v", text, h)
		}
	}
	first, rest, _ := strings.Cut(pushed, "\n")
	var message struct {
		Note string
		N    int
	}
	if err := json.Unmarshal([]byte(strings.TrimPrefix(first, "* text ")), &message); err != nil || message.Note != text || message.N != 1 {
		t.Errorf("%q was pushed as %s (%v)", text, first, err)
	}
	if refused := strings.Contains(rest, `"HTTP_HEADER"`); refused != broken {
		t.Errorf("%q as a header: %s", text, rest)
	}
}

// lockedBuffer is a buffer that several goroutines write to.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
