package egress

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/netip"
	"time"
)

// Options say how a Client works; the zero value works, reaches public addresses only and keeps the limits below.
type Options struct {
	// Allow opens addresses that are refused otherwise, for the private services of one app. Only an admin may set it.
	Allow []Rule
	// Own gives the addresses that our own server listens on; they are refused even where Allow opens them. It is asked at each
	// connect, so that it may be known only after the client is made.
	Own func() []netip.AddrPort
	// Resolver finds the addresses of names; nil means Go's own resolver, which knows no numeric spellings as a C library does.
	Resolver Resolver
	// Clock measures what a request took and reads dates in answers; nil means time.Now. Deadlines run by the real clock.
	Clock func() time.Time
	// Roots are the certificate authorities to trust; nil means those of the system.
	Roots *x509.CertPool
	// PerHost is how many requests one host gets at a time, 10.
	PerHost int
	// MaxWait is how long a request waits at most for its turn at a host, 10 s.
	MaxWait time.Duration
}

// Resolver is what a Client needs of a *net.Resolver.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// The limits of every request; those of the first group are what a request may ask for at most.
const (
	MaxTimeout     = 300 * time.Second
	MaxResponse    = 16 << 20
	MaxRedirects   = 5
	MaxRequest     = 16 << 20
	maxURL         = 8 << 10
	maxHeaders     = 100
	maxHeaderBytes = 32 << 10

	defaultTimeout  = 30 * time.Second
	defaultConnect  = 5 * time.Second
	defaultResponse = 1 << 20
	defaultPerHost  = 10
	defaultWait     = 10 * time.Second

	maxAnswerHeaders = 64 << 10
	handshakeFor     = 10 * time.Second
	idleFor          = 30 * time.Second
	maxIdle          = 32
)

// Client makes requests for one app. Connections are kept and used again, whatever Allow says by then: apps with different rules need
// different clients, and a client whose rules changed must be closed and made anew. It is safe for concurrent use.
type Client struct {
	opt       Options
	turns     *turns
	transport *http.Transport
}

// New makes a client. Close it to give its idle connections back.
func New(opt Options) *Client {
	if opt.Own == nil {
		opt.Own = func() []netip.AddrPort { return nil }
	}
	if opt.Resolver == nil {
		opt.Resolver = &net.Resolver{PreferGo: true}
	}
	if opt.Clock == nil {
		opt.Clock = time.Now
	}
	if opt.PerHost <= 0 {
		opt.PerHost = defaultPerHost
	}
	if opt.MaxWait <= 0 {
		opt.MaxWait = defaultWait
	}
	c := &Client{opt: opt, turns: newTurns(opt.PerHost)}
	// HTTP/1.1 only: one request has one connection and the transport's header limit holds as it stands. HTTP/2 would share
	// connections, and its header limit is counted in another way.
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	c.transport = &http.Transport{
		Proxy:                  nil, // a proxy would dial in our place, unjudged
		DialContext:            c.dial,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: opt.Roots},
		TLSHandshakeTimeout:    handshakeFor,
		DisableCompression:     true, // bodies are unpacked in body.go, within the limit
		MaxIdleConns:           maxIdle,
		MaxIdleConnsPerHost:    opt.PerHost,
		IdleConnTimeout:        idleFor,
		MaxResponseHeaderBytes: maxAnswerHeaders,
		Protocols:              protocols,
	}
	return c
}

// Close gives idle connections back. Requests under way go on.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// Do makes one request and follows its redirects. What the server answered is no error, whatever its status; see Response.Failure.
// Errors are of type *Error. ctx may end the request early.
func (c *Client) Do(ctx context.Context, req Request) (Response, error) {
	began := c.opt.Clock()
	x, err := c.prepare(req)
	if err != nil {
		return Response{}, err
	}
	ctx, cancel := context.WithTimeout(context.WithValue(ctx, connectKey{}, x.connect), x.timeout)
	defer cancel()
	for hops := 0; ; hops++ {
		res, location, err := c.hop(ctx, x)
		if err != nil {
			return Response{}, err
		}
		if location == "" {
			res.Took = c.opt.Clock().Sub(began)
			return res, nil
		}
		if hops == x.redirects {
			return Response{}, x.mark(refused("EGRESS_REDIRECT", "%s redirects more than %d times; give the address that it leads to", x.host(), x.redirects))
		}
		if err := c.follow(x, res.Status, location); err != nil {
			return Response{}, x.mark(err)
		}
	}
}

// hop makes one exchange: an answer, or where it redirects to.
func (c *Client) hop(ctx context.Context, x *call) (Response, string, error) {
	done, err := c.turns.take(ctx, x.url.Hostname(), c.opt.MaxWait)
	if err != nil {
		return Response{}, "", x.mark(err)
	}
	defer done()
	out, err := c.transport.RoundTrip(x.request(ctx))
	if err != nil {
		return Response{}, "", x.mark(explain(ctx, x.host(), err))
	}
	defer func() { _ = out.Body.Close() }() // what was read of it is in hand
	if location := x.redirected(out); location != "" {
		return Response{Status: out.StatusCode}, location, nil
	}
	if out.StatusCode == http.StatusSwitchingProtocols {
		return Response{}, "", x.mark(failed("HTTP_RESPONSE", false, nil, "%s wants to go on in another protocol than HTTP", x.host()))
	}
	res := Response{Status: out.StatusCode, Headers: out.Header, URL: x.url.String()}
	if res.Body, res.Truncated, err = unpack(out, x.max); err != nil {
		return Response{}, "", x.mark(explain(ctx, x.host(), err))
	}
	if out.StatusCode == http.StatusTooManyRequests || out.StatusCode == http.StatusServiceUnavailable {
		res.RetryAfter = RetryAfter(out.Header.Get("Retry-After"), c.opt.Clock())
	}
	return res, "", nil
}
