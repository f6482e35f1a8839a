package egress

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/cuelight/cuelight/engine"
)

func TestMain(m *testing.M) {
	log.SetOutput(io.Discard) // where the transport says what servers sent unasked
	goleak.VerifyTestMain(m)
}

// names is a resolver that the test holds in its hand.
type names func(ctx context.Context, host string) ([]netip.Addr, error)

func (n names) LookupNetIP(ctx context.Context, _, host string) ([]netip.Addr, error) {
	return n(ctx, host)
}

var loopback = netip.MustParseAddr("127.0.0.1")

// home says that every name is this machine, as the worst resolver would.
var home names = func(context.Context, string) ([]netip.Addr, error) {
	return []netip.Addr{loopback, netip.IPv6Loopback()}, nil
}

// site is a server on loopback that counts who comes.
type site struct {
	*httptest.Server
	port  uint16
	conns atomic.Int64
	mu    sync.Mutex
	got   []seen
}

type seen struct {
	Method, Host, Path, Body string
	Header                   http.Header
}

// serve answers with f, after noting what came.
func serve(t *testing.T, f http.HandlerFunc) *site {
	t.Helper()
	s := unstarted(f)
	s.Start()
	s.ready(t)
	return s
}

func unstarted(f http.HandlerFunc) *site {
	s := &site{}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		s.got = append(s.got, seen{r.Method, r.Host, r.URL.RequestURI(), string(body), r.Header.Clone()})
		s.mu.Unlock()
		if f != nil {
			f(w, r)
		}
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			s.conns.Add(1)
		}
	}
	return s
}

func (s *site) ready(t *testing.T) {
	t.Helper()
	s.port = netip.MustParseAddrPort(s.Listener.Addr().String()).Port()
	t.Cleanup(s.Close)
}

func (s *site) requests() []seen {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]seen(nil), s.got...)
}

// at is the site under another name.
func (s *site) at(name, path string) string {
	return "http://" + net.JoinHostPort(name, strconv.Itoa(int(s.port))) + path
}

// client may reach the sites given, under any name.
func client(t *testing.T, opt Options, sites ...*site) *Client {
	t.Helper()
	for _, s := range sites {
		opt.Allow = append(opt.Allow, Rule{Prefix: netip.PrefixFrom(loopback, 32), Port: s.port})
	}
	if opt.Resolver == nil {
		opt.Resolver = names(func(context.Context, string) ([]netip.Addr, error) { return []netip.Addr{loopback}, nil })
	}
	c := New(opt)
	t.Cleanup(c.Close)
	return c
}

// do makes a request that must be answered.
func do(t *testing.T, c *Client, req Request) Response {
	t.Helper()
	res, err := c.Do(t.Context(), req)
	if err != nil {
		t.Fatalf("%s: %s: %v", req.URL, engine.ErrorCode(err), err)
	}
	return res
}

// fail makes a request that must fail with a code.
func fail(t *testing.T, c *Client, req Request, code string) {
	t.Helper()
	_ = failure(t, c, req, code)
}

// failure is fail and gives the error.
func failure(t *testing.T, c *Client, req Request, code string) *Error {
	t.Helper()
	res, err := c.Do(t.Context(), req)
	e, ok := errors.AsType[*Error](err)
	if !ok {
		t.Fatalf("%s: got %d and %v, want %s", req.URL, res.Status, err, code)
	}
	if engine.ErrorCode(err) != code {
		t.Fatalf("%s: got %s (%v), want %s", req.URL, e.Code, err, code)
	}
	return e
}

// short is a timeout that the server of the test never meets: what it waits for comes after the test only.
const short = 30 * time.Millisecond
