package web

import (
	"bufio"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// peer is the address of who opened the connection.
func peer(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// block is the address as limits count it: an IPv6 client has a whole /64.
func block(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	if ip = ip.Unmap(); ip.Is4() {
		return ip.String()
	}
	p, err := ip.WithZone("").Prefix(64)
	if err != nil {
		return address
	}
	return p.String()
}

// logged gives each request an id, writes its line to the access log, and turns a panic into a 500.
func (s *Server) logged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		started := time.Now()
		id := newID()
		w.Header().Set("X-Request-Id", id)
		rec := &recorder{ResponseWriter: w}
		defer func() {
			if p := recover(); p != nil {
				s.panicked(rec, r, id, p)
			}
			s.line(r, rec, id, time.Since(started))
		}()
		next.ServeHTTP(rec, r)
	})
}

func (s *Server) panicked(rec *recorder, r *http.Request, id string, p any) {
	if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(p)
	}
	s.log.ErrorContext(r.Context(), "panic", "route", r.Pattern, "request_id", id, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
	if rec.status == 0 {
		refuse(rec, http.StatusInternalServerError, "INTERNAL", "internal error", "Look for the request_id in the server's log.", "")
	}
}

// line writes the access log: the path without its query, and where the path itself holds a secret, the route.
func (s *Server) line(r *http.Request, rec *recorder, id string, took time.Duration) {
	path := r.URL.Path
	if strings.HasPrefix(path, "/setup/") {
		path = "/setup/"
	}
	level := slog.LevelInfo
	if path == "/healthz" || path == "/readyz" {
		level = slog.LevelDebug
	}
	s.opt.AccessLog.Log(r.Context(), level, "request", "method", r.Method, "path", path, "status", rec.code(), "bytes", rec.bytes,
		"ms", took.Milliseconds(), "address", s.opt.Address(r), "request_id", id)
}

func newID() string {
	b := make([]byte, 12)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	return hex.EncodeToString(b)
}

// recorder remembers what was answered.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int64
}

// WriteHeader notes the status.
func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

// Write counts the bytes.
func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	n, err := r.ResponseWriter.Write(b)
	r.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// Flush sends what there is.
func (r *recorder) Flush() { _ = http.NewResponseController(r.ResponseWriter).Flush() }

// Hijack hands the connection over.
func (r *recorder) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return http.NewResponseController(r.ResponseWriter).Hijack()
}

func (r *recorder) code() int {
	if r.status == 0 {
		return http.StatusOK
	}
	return r.status
}

// bounded lets each address have its share of requests, and of batches, which are up to a hundred writes each.
func (s *Server) bounded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := r.URL.Path
		if !strings.HasPrefix(path, "/api/") && !strings.HasPrefix(path, "/good/") && !strings.HasPrefix(path, "/setup/") {
			next.ServeHTTP(w, r)
			return
		}
		from := block(s.opt.Address(r))
		if after := s.rate.take(from); after > 0 {
			tooMany(w, after, fmt.Sprintf("at most %d requests per %s from one address", s.limits.Requests, s.limits.Per), "requests")
			return
		}
		if r.Method == http.MethodPost && strings.HasSuffix(path, "/objects:batch") {
			if after := s.batches.take(from); after > 0 {
				tooMany(w, after, fmt.Sprintf("at most %d batches per second from one address", s.limits.Batches), "batches")
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

func tooMany(w http.ResponseWriter, after time.Duration, detail, limit string) {
	w.Header().Set("Retry-After", strconv.Itoa(int((after+time.Second-1)/time.Second)))
	refuse(w, http.StatusTooManyRequests, "RATE", detail, "Wait as long as Retry-After says and try again.", limit)
}

// refuse writes a problem of the shape that the API has.
func refuse(w http.ResponseWriter, status int, code, detail, cure, limit string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	extra := ""
	if limit != "" {
		extra = fmt.Sprintf(`,"limit":%q`, limit)
	}
	_, _ = fmt.Fprintf(w, `{"type":"urn:cuelight:%s","title":%q,"status":%d,"code":%q,"detail":%q,"cure":%q,"fields":[]%s,"request_id":%q}`+"\n",
		strings.ToLower(code), http.StatusText(status), status, code, detail, cure, extra, w.Header().Get("X-Request-Id"))
}

// rates are the buckets of the addresses that were seen lately.
type rates struct {
	limit rate.Limit
	burst int
	full  time.Duration // after which an unused bucket is full again
	now   func() time.Time

	mu    sync.Mutex
	all   map[string]*bucket
	swept time.Time
}

type bucket struct {
	*rate.Limiter
	used time.Time
}

// maxBuckets bounds the memory for addresses; past it all are forgotten at once, which only lets more through.
const maxBuckets = 100_000

// newRates lets each address take n per time; a negative n is no limit.
func newRates(n int, per time.Duration, now func() time.Time) *rates {
	r := &rates{limit: rate.Inf, now: now, all: map[string]*bucket{}, full: per}
	if n > 0 {
		r.limit, r.burst = rate.Limit(float64(n)/per.Seconds()), n
	}
	return r
}

// take takes a request and returns 0, or how long to wait.
func (r *rates) take(address string) time.Duration {
	if r.limit == rate.Inf {
		return 0
	}
	now := r.now()
	r.mu.Lock()
	if now.Sub(r.swept) > r.full {
		r.sweep(now)
	}
	b := r.all[address]
	if b == nil {
		b = &bucket{Limiter: rate.NewLimiter(r.limit, r.burst)}
		r.all[address] = b
	}
	b.used = now
	r.mu.Unlock()
	if b.AllowN(now, 1) {
		return 0
	}
	return max(time.Duration(float64(time.Second)/float64(r.limit)), time.Second)
}

func (r *rates) sweep(now time.Time) {
	r.swept = now
	for address, b := range r.all {
		if now.Sub(b.used) > r.full {
			delete(r.all, address)
		}
	}
	if len(r.all) > maxBuckets {
		clear(r.all)
	}
}

// connections counts the connections of each address and closes those past the limit. What was taken over by a socket still counts until
// it is closed only where net/http knows: sockets have limits of their own.
type connections struct {
	max int
	mu  sync.Mutex
	all map[string]int
}

func (c *connections) state(conn net.Conn, state http.ConnState) {
	host, _, err := net.SplitHostPort(conn.RemoteAddr().String())
	if err != nil || c.max < 0 {
		return // the socket in the data directory
	}
	host = block(host)
	c.mu.Lock()
	defer c.mu.Unlock()
	switch state {
	case http.StateNew:
		if c.all == nil {
			c.all = map[string]int{}
		}
		if c.all[host]++; c.all[host] > c.max {
			_ = conn.Close() // net/http then tells StateClosed
		}
	case http.StateClosed, http.StateHijacked:
		if c.all[host]--; c.all[host] <= 0 {
			delete(c.all, host)
		}
	case http.StateActive, http.StateIdle:
	}
}
