package egress

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Response is what the server answered, whatever its status.
type Response struct {
	Status  int
	Headers http.Header
	// Body is unpacked and at most as long as the request said.
	Body []byte
	// Truncated says that there was more.
	Truncated bool
	// URL is where the answer came from, after redirects.
	URL string
	// Took is how long all of it took.
	Took time.Duration
	// RetryAfter is how long the server asks to wait, of the answers 429 and 503; at most MaxRetryAfter.
	RetryAfter time.Duration
}

// MaxRetryAfter is the longest wait that a server can ask for.
const MaxRetryAfter = time.Hour

// Failure is the error that an answer stands for, or nil if its status is below 400.
func (r Response) Failure() error {
	if r.Status < 400 {
		return nil
	}
	words := http.StatusText(r.Status)
	if words == "" {
		words = "no known meaning"
	}
	e := failed("HTTP_STATUS", Retryable(r.Status), nil, "the server answered %d (%s)", r.Status, words)
	e.After, e.Reached = r.RetryAfter, true
	return e
}

// Complete is nil, or the error for whoever needs the whole body and did not get it.
func (r Response) Complete() error {
	if !r.Truncated {
		return nil
	}
	e := failed("HTTP_SIZE", false, nil, "the response is longer than the %d bytes that were read", len(r.Body))
	e.Limit, e.Reached = "http_response", true
	return e
}

// Retryable tells whether a request that was answered with a status may work later: 408, 425, 429 and the server's own faults.
func Retryable(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return true
	}
	return status >= 500 && status < 600
}

// RetryAfter reads the header of that name, seconds or a date; what cannot be read or lies in the past is 0.
func RetryAfter(value string, now time.Time) time.Duration {
	value = strings.TrimSpace(value)
	if value != "" && strings.Trim(value, "0123456789") == "" {
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil || n >= int64(MaxRetryAfter/time.Second) {
			return MaxRetryAfter
		}
		return time.Duration(n) * time.Second
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	return min(max(at.Sub(now), 0), MaxRetryAfter)
}
