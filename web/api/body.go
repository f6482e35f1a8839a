package api

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"time"
)

// bodyTime is how long a body may take to come.
const bodyTime = 30 * time.Second

// read reads and scans the body of a request. release gives its bytes free for others; it is not nil without an error.
func (a *API) read(c *call) (release func(), err error) {
	kind, _, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if merge := c.r.Method == http.MethodPatch && kind == "application/merge-patch+json"; err != nil || kind != "application/json" && !merge {
		return nil, problem(http.StatusUnsupportedMediaType, "CONTENT_TYPE", "the body has to be JSON and to say so")
	}
	if c.r.Header.Get("Content-Encoding") != "" {
		return nil, problem(http.StatusUnsupportedMediaType, "ENCODING", "compressed bodies are not accepted")
	}
	size := int64(a.limits.BodyBytes)
	if c.r.ContentLength > size {
		return nil, a.tooLarge()
	}
	if c.r.ContentLength >= 0 {
		size = c.r.ContentLength
	}
	if a.inFlight.Add(size) > int64(a.limits.InFlightBytes) {
		a.inFlight.Add(-size)
		p := limited(http.StatusServiceUnavailable, "bodies_in_flight", "BUSY", "too much is being sent at a time")
		p.after = time.Second
		return nil, p
	}
	release = func() { a.inFlight.Add(-size) }
	body, err := a.readAll(c)
	if err == nil {
		err = scan(body, a.limits.JSONDepth, a.limits.JSONNodes)
	}
	if err != nil {
		release()
		return nil, err
	}
	c.body = body
	return release, nil
}

func (a *API) readAll(c *call) ([]byte, error) {
	control := http.NewResponseController(c.w)
	// Without an own deadline a body that trickles would hold the connection; a recorder in a test has none to set.
	_ = control.SetReadDeadline(time.Now().Add(bodyTime))
	body, err := io.ReadAll(http.MaxBytesReader(c.w, c.r.Body, int64(a.limits.BodyBytes)))
	_ = control.SetReadDeadline(time.Time{})
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return nil, a.tooLarge()
	}
	if err != nil {
		return nil, problem(http.StatusBadRequest, "BODY", "the body did not arrive whole")
	}
	return body, nil
}

func (a *API) tooLarge() *Problem {
	return limited(http.StatusRequestEntityTooLarge, "body_bytes", "BODY_SIZE", "a body may be at most %d bytes long", a.limits.BodyBytes)
}
