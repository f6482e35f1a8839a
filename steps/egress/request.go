package egress

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

// Request is what to send. Only URL is needed.
type Request struct {
	// Method is in capital letters; empty means GET.
	Method string
	URL    string
	// Headers are added in this order; a name may come more than once.
	Headers []Header
	Body    []byte
	// SecretBody says that the body holds a secret: a redirect must then not carry it to another host.
	SecretBody bool
	// SecretHost says that the host's name may be made with a secret: errors then do not name it.
	SecretHost bool
	// Timeout bounds the whole request, redirects and body included: 30 s if zero, at most MaxTimeout.
	Timeout time.Duration
	// ConnectTimeout bounds finding and reaching the server: 5 s if zero, never longer than Timeout.
	ConnectTimeout time.Duration
	// MaxResponse is how many bytes of the body are read, counted after unpacking: 1 MiB if zero, at most MaxResponse.
	MaxResponse int
	// Redirects is how many redirects are followed: MaxRedirects if zero, none if negative.
	Redirects int
}

// Header is one header of a request.
type Header struct {
	Name, Value string
	// Secret says that the value holds a secret: it goes to the host of the URL only, never along with a redirect to another one.
	// What is named like a credential is treated so in any case.
	Secret bool
}

// call is a request that was checked, as it stands after the redirects so far.
type call struct {
	method     string
	url        *url.URL
	header     http.Header
	secret     map[string]bool // names of headers that must not leave the host
	body       []byte
	secretBody bool
	secretHost bool
	timeout    time.Duration
	connect    time.Duration
	max        int
	redirects  int // negative: redirects are answers
	reached    *atomic.Bool
}

// connectKey carries a request's connect timeout to the dialer.
type connectKey struct{}

// prepare checks a request. Nothing is sent before all of it is right.
func (c *Client) prepare(req Request) (*call, error) {
	x := &call{
		method: req.Method, body: req.Body, secretBody: req.SecretBody, secretHost: req.SecretHost, timeout: req.Timeout, connect: req.ConnectTimeout,
		max: req.MaxResponse, redirects: req.Redirects, reached: new(atomic.Bool),
	}
	if x.method == "" {
		x.method = http.MethodGet
	}
	if err := checkMethod(x.method); err != nil {
		return nil, err
	}
	if err := x.bound(); err != nil {
		return nil, err
	}
	var err error
	if x.url, err = c.parse(req.URL); err != nil {
		return nil, err
	}
	x.header, x.secret, err = headers(req.Headers)
	return x, err
}

// bound fills in what was left to the defaults and refuses what passes a limit.
func (x *call) bound() error {
	if x.timeout == 0 {
		x.timeout = defaultTimeout
	}
	if x.connect == 0 {
		x.connect = defaultConnect
	}
	if x.max == 0 {
		x.max = defaultResponse
	}
	if x.redirects == 0 {
		x.redirects = MaxRedirects
	}
	switch {
	case x.timeout < 0 || x.timeout > MaxTimeout:
		return overLimit("HTTP_REQUEST", "http_timeout", "the timeout must be between 0 and %s", MaxTimeout)
	case x.connect < 0:
		return overLimit("HTTP_REQUEST", "http_timeout", "the connect timeout must not be negative")
	case x.max < 0 || x.max > MaxResponse:
		return overLimit("HTTP_REQUEST", "http_response", "at most %d bytes of a response can be read", MaxResponse)
	case x.redirects > MaxRedirects:
		return overLimit("HTTP_REQUEST", "http_redirects", "at most %d redirects can be followed", MaxRedirects)
	case len(x.body) > MaxRequest:
		return overLimit("HTTP_SIZE", "http_request", "the body is longer than %d bytes", MaxRequest)
	}
	x.connect = min(x.connect, x.timeout)
	return nil
}

// request is what goes to the transport. It can be sent again on a fresh connection where a kept one turns out to be closed.
func (x *call) request(ctx context.Context) *http.Request {
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { x.reached.Store(true) }})
	r := (&http.Request{
		Method: x.method, URL: x.url, Host: x.url.Host, Header: x.header.Clone(),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}).WithContext(ctx)
	if len(x.body) > 0 {
		body := func() io.ReadCloser { return io.NopCloser(bytes.NewReader(x.body)) }
		r.Body, r.ContentLength = body(), int64(len(x.body))
		r.GetBody = func() (io.ReadCloser, error) { return body(), nil }
	}
	return r
}

// host is the host for messages: never more of the URL, whose path and query may hold secrets.
func (x *call) host() string { return x.url.Host }

// mark notes on an error whether a server may have got the request before it, and takes the host's name out where it may be secret.
func (x *call) mark(err error) error {
	if e, ok := asError(err); ok {
		e.Reached = x.reached.Load()
		if x.secretHost {
			e.Message = strings.ReplaceAll(e.Message, x.url.Hostname(), "the host")
		}
	}
	return err
}

// redirected is where an answer sends us, or nothing.
func (x *call) redirected(res *http.Response) string {
	if x.redirects < 0 {
		return ""
	}
	switch res.StatusCode {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return res.Header.Get("Location")
	}
	return ""
}

// follow turns the call into the one that a redirect asks for. The address is judged as the first one was: here its scheme, spelling and
// port, and when it is dialled what it resolves to.
func (c *Client) follow(x *call, status int, location string) error {
	if err := checkText(location); err != nil {
		return inRedirect(x, err)
	}
	to, err := x.url.Parse(location)
	if err != nil {
		return inRedirect(x, refused("EGRESS_URL", "it cannot be read as a URL"))
	}
	next, err := c.check(to)
	if err != nil {
		return inRedirect(x, err)
	}
	if status == http.StatusSeeOther && x.method != http.MethodHead || (status == http.StatusMovedPermanently || status == http.StatusFound) && x.method == http.MethodPost {
		x.method, x.body, x.secretBody = http.MethodGet, nil, false
		for name := range x.header {
			if strings.HasPrefix(name, "Content-") {
				x.header.Del(name)
			}
		}
	}
	if !sameHost(x.url, next) {
		if x.secretBody && len(x.body) > 0 {
			return refused("EGRESS_REDIRECT", "%s redirects to another host, and the body holds a secret that is not for that one; give the address that it leads to", x.host())
		}
		// What is dropped stays dropped, also if a later redirect leads back.
		for name := range x.secret {
			x.header.Del(name)
		}
	}
	x.url = next
	return nil
}

// sameHost tells whether secrets may go from one address to the next: same host and port, and no way back from https to http. Going up from
// http to https on the usual ports counts as staying.
func sameHost(from, to *url.URL) bool {
	if from.Hostname() != to.Hostname() {
		return false
	}
	if from.Scheme == to.Scheme {
		return portOf(from) == portOf(to)
	}
	return from.Scheme == "http" && portOf(from) == 80 && portOf(to) == 443
}

func inRedirect(x *call, err error) error {
	if e, ok := asError(err); ok {
		e.Message = x.host() + " redirects to an address that is not possible: " + e.Message
	}
	return err
}
