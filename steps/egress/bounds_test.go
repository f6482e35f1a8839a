package egress

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func packed(t *testing.T, body []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(body); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestBodiesAreUnpackedAndBounded(t *testing.T) {
	t.Parallel()
	bomb, small := packed(t, make([]byte, 64<<20)), packed(t, []byte("hello"))
	empty := packed(t, nil)
	gz := func(body []byte) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(body)
		}
	}
	endless := func(head string, piece []byte) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", head)
			for {
				if _, err := w.Write(piece); err != nil {
					return // the client had enough
				}
			}
		}
	}
	for name, x := range map[string]struct {
		answer    http.HandlerFunc
		max, want int
		cut       bool
		code      string
	}{
		"a bomb":              {answer: gz(bomb), want: defaultResponse, cut: true},
		"a bomb, small limit": {answer: gz(bomb), max: 10, want: 10, cut: true},
		"gzip":                {answer: gz(small), want: 5},
		"gzip at the limit":   {answer: gz(small), max: 5, want: 5},
		"gzip of nothing":     {answer: gz(empty), want: 0},
		"nothing":             {answer: gz(nil), want: 0},
		"members of nothing":  {answer: endless("gzip", empty), want: 0, cut: true},
		"an endless body":     {answer: endless("", make([]byte, 1<<16)), max: 100_000, want: 100_000, cut: true},
		"packed twice":        {answer: endless("gzip, gzip", make([]byte, 1<<16)), max: 10, want: 10, cut: true},
		"no gzip at all":      {answer: gz([]byte("hello, this is plain text")), code: "HTTP_RESPONSE"},
		"half of it":          {answer: gz(bomb[:1000]), max: MaxResponse, code: "HTTP_RESPONSE"},
		"broken sum":          {answer: gz(append(small[:len(small)-8:len(small)-8], 1, 2, 3, 4, 5, 0, 0, 0)), code: "HTTP_RESPONSE"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, x.answer)
			c := client(t, Options{}, s)
			req := Request{URL: s.at("a.test", "/"), MaxResponse: x.max}
			if x.code != "" {
				fail(t, c, req, x.code)
				return
			}
			res := do(t, c, req)
			if len(res.Body) != x.want || res.Truncated != x.cut || (res.Complete() != nil) != x.cut {
				t.Errorf("got %d bytes, truncated %v", len(res.Body), res.Truncated)
			}
			if name == "gzip" && (string(res.Body) != "hello" || res.Headers.Get("Content-Encoding") != "" || res.Headers.Get("Content-Length") != "") {
				t.Errorf("got %q with %v", res.Body, res.Headers)
			}
		})
	}
}

func TestHeadHasNoBodyToUnpack(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Encoding", "gzip") })
	if res := do(t, client(t, Options{}, s), Request{Method: "HEAD", URL: s.at("a.test", "/")}); res.Status != 200 || res.Body != nil {
		t.Errorf("got %d with %q", res.Status, res.Body)
	}
}

// raw is a server that speaks as f does, whatever HTTP says.
func raw(t *testing.T, f func(net.Conn)) *site {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { f(conn); _ = conn.Close() })
		}
	})
	t.Cleanup(wg.Wait)
	t.Cleanup(func() { _ = l.Close() })
	return &site{port: netip.MustParseAddrPort(l.Addr().String()).Port()}
}

// listen reads the head of a request.
func listen(conn net.Conn) { _, _ = conn.Read(make([]byte, 4096)) }

func TestWhatIsNotHTTPIsAnError(t *testing.T) {
	t.Parallel()
	say := func(text string) func(net.Conn) {
		return func(conn net.Conn) { listen(conn); _, _ = io.WriteString(conn, text) }
	}
	for name, x := range map[string]struct {
		f    func(net.Conn)
		code string
		temp bool
	}{
		"another protocol": {say("SSH-2.0-OpenSSH_9\r\n"), "HTTP_RESPONSE", false},
		"nothing":          {say(""), "HTTP_CONNECT", true},
		"half a body":      {say("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"), "HTTP_CONNECT", true},
		"half a header":    {say("HTTP/1.1 200 OK\r\nX-A: b"), "HTTP_CONNECT", true},
		"two lengths":      {say("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"), "HTTP_RESPONSE", false},
		"other protocol":   {say("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"), "HTTP_RESPONSE", false},
		"endless headers": {func(conn net.Conn) {
			listen(conn)
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\n")
			for {
				if _, err := io.WriteString(conn, "X-More: "+strings.Repeat("x", 1000)+"\r\n"); err != nil {
					return
				}
			}
		}, "HTTP_SIZE", false},
		"endless interim answers": {func(conn net.Conn) {
			listen(conn)
			for {
				if _, err := io.WriteString(conn, "HTTP/1.1 103 Early Hints\r\nLink: "+strings.Repeat("x", 1000)+"\r\n\r\n"); err != nil {
					return
				}
			}
		}, "HTTP_SIZE", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := raw(t, x.f)
			e := failure(t, client(t, Options{}, s), Request{URL: s.at("a.test", "/?token=canary")}, x.code)
			if e.Temporary() != x.temp || !e.Reached || strings.Contains(e.Message, "canary") {
				t.Errorf("temporary %v, reached %v: %s", e.Temporary(), e.Reached, e)
			}
		})
	}
}

// stuck answers with head and then no more, until the client is gone.
func stuck(head string) func(net.Conn) {
	return func(conn net.Conn) {
		listen(conn)
		_, _ = io.WriteString(conn, head)
		_, _ = io.Copy(io.Discard, conn)
	}
}

func TestSlowServersAreCutOff(t *testing.T) {
	t.Parallel()
	for name, head := range map[string]string{
		"no answer":      "",
		"half a header":  "HTTP/1.1 200 OK\r\nX-",
		"no body":        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n",
		"half a body":    "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
		"half a chunk":   "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nha",
		"packed, halved": "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n\x1f\x8b\x08",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := raw(t, stuck(head))
			e := failure(t, client(t, Options{}, s), Request{URL: s.at("a.test", "/"), Timeout: short}, "HTTP_TIMEOUT")
			if !e.Temporary() {
				t.Error("it is not tried again")
			}
		})
	}
	t.Run("no handshake", func(t *testing.T) {
		t.Parallel()
		s := raw(t, stuck(""))
		fail(t, client(t, Options{}, s), Request{URL: strings.Replace(s.at("a.test", "/"), "http", "https", 1), Timeout: short}, "HTTP_TIMEOUT")
	})
	t.Run("no name", func(t *testing.T) {
		t.Parallel()
		c := client(t, Options{Resolver: names(func(ctx context.Context, _ string) ([]netip.Addr, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})})
		if e := failure(t, c, Request{URL: "http://a.test/", ConnectTimeout: short}, "HTTP_TIMEOUT"); e.Reached || !e.Temporary() {
			t.Errorf("reached %v, temporary %v", e.Reached, e.Temporary())
		}
	})
	t.Run("redirects share the time", func(t *testing.T) {
		t.Parallel()
		last := raw(t, stuck(""))
		s := serve(t, redirect)
		fail(t, client(t, Options{}, s, last), Request{URL: s.at("a.test", "/302?to=") + escape(last.at("b.test", "/")), Timeout: 5 * short}, "HTTP_TIMEOUT")
	})
}

func TestCancellingEndsARequest(t *testing.T) {
	t.Parallel()
	came := make(chan struct{})
	s := raw(t, func(conn net.Conn) { listen(conn); close(came); _, _ = io.Copy(io.Discard, conn) })
	c := client(t, Options{}, s)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { <-came; cancel() })
	_, err := c.Do(ctx, Request{URL: s.at("a.test", "/")})
	wg.Wait()
	if e, ok := asError(err); !ok || e.Code != "HTTP_CANCELLED" || !e.Temporary() || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestConnecting(t *testing.T) {
	t.Parallel()
	gone := raw(t, func(net.Conn) {})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone.port = netip.MustParseAddrPort(l.Addr().String()).Port()
	_ = l.Close()
	if e := failure(t, client(t, Options{}, gone), Request{URL: gone.at("a.test", "/")}, "HTTP_CONNECT"); !e.Temporary() || e.Reached {
		t.Errorf("temporary %v, reached %v", e.Temporary(), e.Reached)
	}
	for _, notFound := range []bool{true, false} {
		c := client(t, Options{Resolver: names(func(context.Context, string) ([]netip.Addr, error) {
			return nil, &net.DNSError{Err: "x", IsNotFound: notFound, IsTemporary: !notFound}
		})})
		if e := failure(t, c, Request{URL: "http://a.test/"}, "HTTP_DNS"); e.Temporary() == notFound {
			t.Errorf("not found %v: temporary %v", notFound, e.Temporary())
		}
	}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	secure := func(max uint16) *site {
		s := unstarted(nil)
		s.TLS = &tls.Config{MaxVersion: max, MinVersion: tls.VersionTLS10}
		s.StartTLS()
		s.ready(t)
		return s
	}
	old, now, plain := secure(tls.VersionTLS11), secure(tls.VersionTLS13), serve(t, nil)
	roots := x509.NewCertPool()
	roots.AddCert(now.Certificate())
	at := func(s *site, name string) string { return strings.Replace(s.at(name, "/"), "http:", "https:", 1) }
	trusting := client(t, Options{Roots: roots}, old, now, plain)
	if res := do(t, trusting, Request{URL: at(now, "example.com")}); res.Status != 200 {
		t.Errorf("got %d", res.Status)
	}
	fail(t, trusting, Request{URL: at(now, "other.test")}, "HTTP_TLS")
	fail(t, trusting, Request{URL: at(old, "example.com")}, "HTTP_TLS")
	fail(t, trusting, Request{URL: at(plain, "example.com")}, "HTTP_TLS")
	if e := failure(t, client(t, Options{}, now), Request{URL: at(now, "example.com")}, "HTTP_TLS"); e.Temporary() || !strings.Contains(e.Message, "authority") {
		t.Errorf("got %s", e)
	}
	if len(old.requests()) != 0 {
		t.Error("a request went over TLS 1.1")
	}
}

func TestHostsAreSparedFromTooMuchAtOnce(t *testing.T) {
	t.Parallel()
	arrived, leave := make(chan struct{}, 100), make(chan struct{})
	var now, most atomic.Int64
	s := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/busy" {
			return
		}
		n := now.Add(1)
		defer now.Add(-1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		arrived <- struct{}{}
		<-leave
	})
	c := client(t, Options{MaxWait: time.Minute}, s)
	impatient := &Client{opt: c.opt, turns: c.turns, transport: c.transport}
	impatient.opt.MaxWait = short
	var wg sync.WaitGroup
	for range 30 {
		wg.Go(func() {
			if _, err := c.Do(t.Context(), Request{URL: s.at("a.test", "/busy")}); err != nil {
				t.Error(err)
			}
		})
	}
	for range defaultPerHost {
		<-arrived
	}
	e := failure(t, impatient, Request{URL: s.at("a.test", "/")}, "EGRESS_BUSY")
	if !e.Temporary() || e.Reached || e.Limit == "" {
		t.Errorf("temporary %v, reached %v, limit %q", e.Temporary(), e.Reached, e.Limit)
	}
	do(t, impatient, Request{URL: s.at("b.test", "/")}) // another host is not concerned
	close(leave)
	wg.Wait()
	if most.Load() != defaultPerHost {
		t.Errorf("%d requests were there at a time", most.Load())
	}
	if len(c.turns.all) != 0 {
		t.Errorf("%d hosts are remembered", len(c.turns.all))
	}
}

func TestLimitsOfARequest(t *testing.T) {
	t.Parallel()
	c := client(t, Options{})
	for code, reqs := range map[string][]Request{
		"HTTP_REQUEST": {{Timeout: MaxTimeout + 1}, {Timeout: -1}, {ConnectTimeout: -1}, {MaxResponse: MaxResponse + 1}, {MaxResponse: -1}},
		"HTTP_SIZE":    {{Body: make([]byte, MaxRequest+1)}},
		"EGRESS_URL":   {{URL: "http://a.test/" + strings.Repeat("x", maxURL)}},
	} {
		for _, req := range reqs {
			if req.URL == "" {
				req.URL = "http://a.test/"
			}
			if e := failure(t, c, req, code); e.Limit == "" {
				t.Errorf("%s names no limit", e)
			}
		}
	}
	x, err := c.prepare(Request{URL: "http://a.test/"})
	if err != nil || x.timeout != 30*time.Second || x.connect != 5*time.Second || x.max != 1<<20 || x.redirects != 5 {
		t.Errorf("the defaults are %+v: %v", x, err)
	}
	if _, err := c.prepare(Request{URL: "http://a.test/", Timeout: MaxTimeout, ConnectTimeout: 2 * MaxTimeout, MaxResponse: MaxResponse}); err != nil {
		t.Error(err)
	}
}

func TestTookIsByTheClock(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	s := serve(t, nil)
	c := client(t, Options{Clock: func() time.Time { at = at.Add(time.Second); return at }}, s)
	if res := do(t, c, Request{URL: s.at("a.test", "/")}); res.Took != time.Second {
		t.Errorf("took %s", res.Took)
	}
}
