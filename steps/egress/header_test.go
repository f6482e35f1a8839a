package egress

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cuelight/cuelight/engine"
)

func TestHeadersThatCannotBeGiven(t *testing.T) {
	t.Parallel()
	s := serve(t, nil)
	c := client(t, Options{}, s)
	for _, h := range []Header{
		{Name: "", Value: "x"},
		{Name: "X Y", Value: "x"},
		{Name: "X:", Value: "x"},
		{Name: "X\r\nY", Value: "x"},
		{Name: "X-Ü", Value: "x"},
		{Name: "X-\x00", Value: "x"},
		{Name: strings.Repeat("x", 257), Value: "x"},
		{Name: "X", Value: "a\r\nHost: evil.test"},
		{Name: "X", Value: "a\nb"},
		{Name: "X", Value: "a\rb"},
		{Name: "X", Value: "a\x00b"},
		{Name: "X", Value: "a\x7fb"},
		{Name: "Authorization", Value: "Bearer x\r\n\r\nGET /other HTTP/1.1\r\n"},
		{Name: "Host", Value: "169.254.169.254"},
		{Name: "host", Value: "x"},
		{Name: "Content-Length", Value: "0"},
		{Name: "transfer-encoding", Value: "chunked"},
		{Name: "Connection", Value: "close"},
		{Name: "Keep-Alive", Value: "1"},
		{Name: "TE", Value: "trailers"},
		{Name: "Trailer", Value: "X"},
		{Name: "Upgrade", Value: "websocket"},
		{Name: "Expect", Value: "100-continue"},
		{Name: "HTTP2-Settings", Value: "x"},
		{Name: "Proxy-Authorization", Value: "x"},
		{Name: "Proxy-Connection", Value: "x"},
		{Name: "X", Value: strings.Repeat("x", maxHeaderBytes)},
	} {
		e := failure(t, c, Request{URL: s.at("a.test", "/"), Headers: []Header{h}}, "HTTP_HEADER")
		if strings.Contains(e.Message, "evil") || strings.Contains(e.Message, "Bearer") {
			t.Errorf("the message echoes the value: %s", e)
		}
	}
	fail(t, c, Request{URL: s.at("a.test", "/"), Headers: slices.Repeat([]Header{{Name: "X", Value: "y"}}, maxHeaders+1)}, "HTTP_HEADER")
	for _, method := range []string{"CONNECT", "TRACE", "TRACK", "PRI", "get", "GET ", "GE\r\nT", "G:T", "-", "Ü", strings.Repeat("X", 21)} {
		fail(t, c, Request{URL: s.at("a.test", "/"), Method: method}, "HTTP_METHOD")
	}
	if n := s.conns.Load(); n != 0 {
		t.Errorf("%d connections were made", n)
	}
}

func TestHeadersArriveAsGiven(t *testing.T) {
	t.Parallel()
	s := serve(t, nil)
	c := client(t, Options{}, s)
	for _, method := range []string{"", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"} {
		do(t, c, Request{Method: method, URL: s.at("a.test", "/p?q=1#f"), Body: []byte("body"), Headers: []Header{
			{Name: "x-one", Value: "1"},
			{Name: "X-Many", Value: "b"},
			{Name: "x-many", Value: "a"},
			{Name: "Content-Type", Value: "text/plain"},
			{Name: "X-Text", Value: "grün\tund blau"},
		}})
		got := s.requests()
		last := got[len(got)-1]
		if h := last.Header; h.Get("X-One") != "1" || !slices.Equal(h["X-Many"], []string{"b", "a"}) || h.Get("User-Agent") != "Cuelight" ||
			h.Get("X-Text") != "grün\tund blau" || h.Get("Accept-Encoding") != "gzip" || h.Get("Referer") != "" {
			t.Errorf("the headers are %v", h)
		}
		if last.Body != "body" || last.Path != "/p?q=1" || method != "" && last.Method != method || !strings.HasPrefix(last.Host, "a.test:") {
			t.Errorf("got %+v", last)
		}
	}
}

func TestRetrying(t *testing.T) {
	t.Parallel()
	for status := 100; status < 600; status++ {
		want := status == 408 || status == 425 || status == 429 || status >= 500
		if Retryable(status) != want {
			t.Errorf("%d: %v", status, !want)
		}
		err := Response{Status: status, RetryAfter: time.Minute}.Failure()
		if (err != nil) != (status >= 400) {
			t.Errorf("%d: %v", status, err)
		}
		if e, ok := asError(err); ok && (e.Temporary() != want || e.After != time.Minute || e.Code != "HTTP_STATUS" || !errors.Is(err, ErrFailed)) {
			t.Errorf("%d: %+v", status, e)
		}
	}
	now := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"": 0, "0": 0, "5": 5 * time.Second, " 120 ": 2 * time.Minute, "3600": time.Hour, "3601": time.Hour, "99999999999999999999999": time.Hour,
		"-5": 0, "1.5": 0, "soon": 0, "0x10": 0, "5s": 0,
		"Mon, 23 Nov 2026 10:00:30 GMT": 30 * time.Second, "Mon, 23 Nov 2026 09:00:00 GMT": 0, "Tue, 24 Nov 2026 10:00:00 GMT": time.Hour,
		"Monday, 23-Nov-26 10:00:30 GMT": 30 * time.Second, "Mon Nov 23 10:00:30 2026": 30 * time.Second, "Fri, 31 Dec 9999 23:59:59 GMT": time.Hour,
	} {
		if got := RetryAfter(value, now); got != want {
			t.Errorf("%q: %s, want %s", value, got, want)
		}
	}
}

func TestRetryAfterComesFromTheAnswer(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", "Mon, 23 Nov 2026 10:00:30 GMT")
		w.WriteHeader(map[string]int{"/429": 429, "/503": 503, "/500": 500}[r.URL.Path])
	})
	c := client(t, Options{Clock: func() time.Time { return now }}, s)
	for path, want := range map[string]time.Duration{"/429": 30 * time.Second, "/503": 30 * time.Second, "/500": 0} {
		if res := do(t, c, Request{URL: s.at("a.test", path)}); res.RetryAfter != want {
			t.Errorf("%s: %s", path, res.RetryAfter)
		}
	}
}

func TestErrorsAreToldApart(t *testing.T) {
	t.Parallel()
	err := error(refused("EGRESS_PORT", "x"))
	if !errors.Is(err, engine.ErrInvalid) || engine.ErrorCode(err) != "EGRESS_PORT" {
		t.Errorf("got %v", err)
	}
	err = failed("HTTP_DNS", true, http.ErrAbortHandler, "x")
	if errors.Is(err, engine.ErrInvalid) || !errors.Is(err, ErrFailed) || !errors.Is(err, http.ErrAbortHandler) || engine.ErrorCode(err) != "HTTP_DNS" {
		t.Errorf("got %v", err)
	}
}

// upper(secret.crm) as a part of the host's name stood in the error.
func TestAHostThatMayBeSecretIsNotNamed(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path+"x", http.StatusFound) })
	nowhere := names(func(context.Context, string) ([]netip.Addr, error) { return nil, &net.DNSError{IsNotFound: true} })
	for code, c := range map[string]*Client{"HTTP_DNS": client(t, Options{Resolver: nowhere}), "EGRESS_ADDRESS": client(t, Options{}), "EGRESS_REDIRECT": client(t, Options{}, s)} {
		url := "http://CANARY.a.test/"
		if code == "EGRESS_REDIRECT" {
			url = s.at("CANARY.a.test", "/")
		}
		if e := failure(t, c, Request{URL: url}, code); !strings.Contains(e.Error(), "canary.a.test") {
			t.Errorf("%s does not name the host: %v", code, e)
		}
		if e := failure(t, c, Request{URL: url, SecretHost: true}, code); strings.Contains(strings.ToLower(e.Error()), "canary") || !strings.Contains(e.Error(), "the host") {
			t.Errorf("%s: %v", code, e)
		}
	}
}
