package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/cuelight/cuelight/engine"
	"github.com/cuelight/cuelight/engine/account"
)

func TestEveryKindOfErrorHasItsAnswer(t *testing.T) {
	t.Parallel()
	coded := func(kind error) error {
		return fmt.Errorf("write object: %w", &engine.CodedError{Kind: kind, Code: "CODE", Message: "words", Limit: "a_limit"})
	}
	for _, c := range []struct {
		err    error
		status int
		code   string
		detail string
		after  string
	}{
		{coded(engine.ErrNotFound), 404, "CODE", "Words", ""},
		{coded(engine.ErrConflict), 409, "CODE", "Words", ""},
		{coded(engine.ErrInvalid), 422, "CODE", "Words", ""},
		{coded(engine.ErrForbidden), 403, "CODE", "Words", ""},
		{coded(engine.ErrVersion), 412, "CODE", "Words", ""},
		{coded(engine.ErrBusy), 429, "CODE", "Words", "1"},
		{coded(engine.ErrUnavailable), 503, "CODE", "Words", "1"},
		{coded(engine.ErrFull), 507, "CODE", "Words", ""},
		{engine.ErrClosed, 503, "SHUTTING_DOWN", "Shutting down", "5"},
		{engine.ErrNotFound, 404, "NOT_FOUND", "Not found", ""},
		{context.DeadlineExceeded, 503, "UNAVAILABLE", "Context deadline exceeded", "1"},
		{account.ErrLogin, 401, "LOGIN", "User or password incorrect", ""},
		{&account.LimitError{CodedError: &engine.CodedError{Kind: engine.ErrBusy, Code: "L", Message: "m"}, After: 90 * time.Second}, 429, "L", "M", "90"},
		{&engine.InvalidError{Fields: []engine.FieldError{{Path: "a.b", Code: "X", Message: "is wrong"}, {Path: "c"}}}, 422, "INVALID", "a.b: is wrong (and 1 more, see fields)", ""},
		{&engine.InvalidError{Conflict: true, Fields: []engine.FieldError{{Path: "a", Code: "TAKEN", Message: "is taken"}}}, 409, "TAKEN", "a: is taken", ""},
		{errors.New("SECRET of a driver"), 500, "INTERNAL", "internal error", ""},
		{problem(http.StatusTeapot, "TEA", "short and stout"), 418, "TEA", "short and stout", ""},
	} {
		p := problemOf(c.err)
		if p.Status != c.status || p.Code != c.code || p.Detail != c.detail || p.GetHeaders().Get("Retry-After") != c.after {
			t.Errorf("%v: %d %s %q, Retry-After %q", c.err, p.Status, p.Code, p.Detail, p.GetHeaders().Get("Retry-After"))
		}
		var out bytes.Buffer
		if err := writeJSON(&out, p); err != nil || bytes.Contains(out.Bytes(), []byte("SECRET")) {
			t.Errorf("%v: %s", err, out.String())
		}
		var shape map[string]any
		if err := json.Unmarshal(out.Bytes(), &shape); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"type", "title", "status", "code", "detail", "cure", "fields", "request_id"} {
			if _, ok := shape[name]; !ok {
				t.Errorf("%v: no %s in %s", c.err, name, out.String())
			}
		}
		if c.status != http.StatusTeapot && (p.Title == "" || p.Cure == "") {
			t.Errorf("%v: no title or cure: %s", c.err, out.String())
		}
	}
}
