package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/cuelight/cuelight/engine"
	"github.com/cuelight/cuelight/engine/account"
	"github.com/cuelight/cuelight/engine/filter"
)

// Problem is an error as clients see it (RFC 9457). It never holds a value that was sent.
type Problem struct {
	Type   string `json:"type" doc:"A URI that names the kind of problem."`
	Title  string `json:"title" doc:"The kind of problem in words."`
	Status int    `json:"status" doc:"The HTTP status."`
	Code   string `json:"code" doc:"A stable word for programs."`
	Detail string `json:"detail" doc:"What is wrong this time."`
	Cure   string `json:"cure" doc:"What to do about it."`
	// Fields are all the wrong fields.
	Fields    []FieldProblem `json:"fields" nullable:"false" doc:"Every field that is wrong."`
	Limit     string         `json:"limit,omitempty" doc:"The limit of /api/v1/limits that was passed."`
	RequestID string         `json:"request_id" doc:"The request in the server's log."`

	after time.Duration
	cause error
}

// FieldProblem is one wrong field.
type FieldProblem struct {
	Path    string `json:"path" doc:"Where it is, as in steps[0].then[1].set.status."`
	Code    string `json:"code" doc:"A stable word for programs."`
	Message string `json:"message" doc:"What is wrong, and what would be right."`
	Limit   string `json:"limit,omitempty" doc:"The limit of /api/v1/limits that was passed."`
}

// Error is the detail.
func (p *Problem) Error() string { return p.Detail }

// GetStatus is the HTTP status.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType is that of a problem.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// GetHeaders tells when to come again.
func (p *Problem) GetHeaders() http.Header {
	h := http.Header{}
	if p.after > 0 {
		h.Set("Retry-After", strconv.Itoa(int((p.after+time.Second-1)/time.Second)))
	}
	if p.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="cuelight"`)
	}
	return h
}

// problem makes a problem of a status, a code and words.
func problem(status int, code, format string, args ...any) *Problem {
	return &Problem{
		Type: "urn:cuelight:" + strings.ReplaceAll(strings.ToLower(code), "_", "-"), Title: http.StatusText(status), Status: status, Code: code,
		Detail: fmt.Sprintf(format, args...), Cure: cureOf(status, code), Fields: []FieldProblem{},
	}
}

// limited is a problem that names its limit.
func limited(status int, limit, code, format string, args ...any) *Problem {
	p := problem(status, code, format, args...)
	p.Limit = limit
	return p
}

// wrongField is a 422 for one field.
func wrongField(path, code, message string) *Problem {
	return problemOf(&engine.InvalidError{Fields: []engine.FieldError{{Path: path, Code: code, Message: message}}})
}

// overLimit is a 422 for one field that passes a limit.
func overLimit(path, limit, format string, args ...any) *Problem {
	p := wrongField(path, "LIMIT", fmt.Sprintf(format, args...))
	p.Limit, p.Fields[0].Limit = limit, limit
	return p
}

// cures say what to do, by code; statusCures by status where the code has no own.
var (
	cures = map[string]string{
		"TOKEN":           "Send Authorization: Bearer cue_… with a token that has not been deleted and has not expired.",
		"LOGIN_REQUIRED":  "Send Authorization: Bearer cue_… with an API token, or log in.",
		"LOGIN":           "Check name and password.",
		"LOGIN_LIMIT":     "Wait as long as Retry-After says.",
		"APP_FORBIDDEN":   "Use a token of this app.",
		"SCOPE":           "Use a token that has the scope.",
		"ROLE":            "Ask an admin for the role, or to do it.",
		"SESSION_ONLY_ME": "Use an API token: a user's session opens the socket, /good/api and me.",
		"VERSION":         "Read it again, put your change on top, and send its new ETag as If-Match.",
		"IDEMPOTENCY_KEY": "Use a new key for a new request.",
		"CONTENT_TYPE":    "Send Content-Type: application/json.",
		"ENCODING":        "Send the body as it is, without Content-Encoding.",
		"DISK_FULL":       "Make room on the server's disk; writes then work again by themselves.",
		"NOT_RUNNING":     "Publish the scenario and start it.",
		"NO_DRAFT":        "Save a draft first.",
		"NOT_PUBLISHED":   "Publish the scenario first.",
		"NOT_FAILED":      "Start a new run with POST …/again.",
		"NEVER_BEGAN":     "Start a new run with POST …/again.",
		"VERSION_GONE":    "Start a new run by the version of now with POST …/again.",
		"CAUSE_GONE":      "Call the scenario, or change the object again.",
		"FIELD_REMOVED":   "Put the field back, or say ?drop=<field> to remove it with all its values.",
		"TYPE_CHANGED":    "Keep the type, make a new field, or say ?convert=<field> to convert the values.",
		"CONVERT":         "Correct the values that fields names, then send it again.",
		"DUPLICATES":      "Change the values of all but one object of each group, then send it again.",
		"OPTION_USED":     "Give those objects another option first, or keep the option.",
		"CONVERTING":      "Wait until the structure shows no filling any more.",
		"FILLING":         "Wait until the structure shows no filling any more.",
		"FILTER_TIME":     "Add a condition on an indexed field, or have the field indexed.",
		"CROSS_ORIGIN":    "Use an API token: the login cookie counts only for pages of this server.",
	}
	statusCures = map[int]string{
		http.StatusBadRequest:            "Send what can be read: one JSON document in UTF-8, each key once.",
		http.StatusUnauthorized:          "Send Authorization: Bearer cue_… with an API token, or log in.",
		http.StatusForbidden:             "Use an account or a token that may do this.",
		http.StatusNotFound:              "Check the address and the ids in it.",
		http.StatusMethodNotAllowed:      "Use one of the methods in Allow.",
		http.StatusConflict:              "Change what stands in the way, or what was sent.",
		http.StatusPreconditionFailed:    "Read it again and send its new ETag as If-Match.",
		http.StatusRequestEntityTooLarge: "Send less at a time; the limits are at /api/v1/limits.",
		http.StatusUnsupportedMediaType:  "Send Content-Type: application/json.",
		http.StatusUnprocessableEntity:   "Correct the fields and send it again.",
		http.StatusTooManyRequests:       "Wait as long as Retry-After says and try again.",
		http.StatusServiceUnavailable:    "Try again soon; with an Idempotency-Key it is carried out once.",
		http.StatusInsufficientStorage:   "Make room on the server's disk; writes then work again by themselves.",
		http.StatusInternalServerError:   "Look for the request_id in the server's log.",
	}
)

func cureOf(status int, code string) string {
	if c := cures[code]; c != "" {
		return c
	}
	return statusCures[status]
}

// statuses are the kinds of engine errors and what clients get for them.
var statuses = []struct {
	kind   error
	status int
	code   string
	after  time.Duration
}{
	{engine.ErrVersion, http.StatusPreconditionFailed, "VERSION", 0},
	{engine.ErrNotFound, http.StatusNotFound, "NOT_FOUND", 0},
	{engine.ErrConflict, http.StatusConflict, "CONFLICT", 0},
	{engine.ErrInvalid, http.StatusUnprocessableEntity, "INVALID", 0},
	{engine.ErrForbidden, http.StatusForbidden, "FORBIDDEN", 0},
	{engine.ErrBusy, http.StatusTooManyRequests, "BUSY", time.Second},
	{engine.ErrUnavailable, http.StatusServiceUnavailable, "UNAVAILABLE", time.Second},
	{engine.ErrClosed, http.StatusServiceUnavailable, "SHUTTING_DOWN", 5 * time.Second},
	{engine.ErrFull, http.StatusInsufficientStorage, "DISK_FULL", 0},
	{context.Canceled, http.StatusServiceUnavailable, "UNAVAILABLE", time.Second},
	{context.DeadlineExceeded, http.StatusServiceUnavailable, "UNAVAILABLE", time.Second},
	{account.ErrLogin, http.StatusUnauthorized, "LOGIN", 0},
}

// problemOf is the one place in which an error becomes an answer. What matches no kind is a 500 that says nothing.
func problemOf(err error) *Problem {
	if p, ok := errors.AsType[*Problem](err); ok {
		return p
	}
	if wrong, ok := errors.AsType[filter.Errors](err); ok {
		return filterProblem(wrong)
	}
	for _, s := range statuses {
		if !errors.Is(err, s.kind) {
			continue
		}
		p := problem(s.status, s.code, "%s", firstUpper(s.kind.Error()))
		p.after, p.cause = s.after, err
		p.explain(err)
		return p
	}
	p := problem(http.StatusInternalServerError, "INTERNAL", "internal error")
	p.cause = err
	return p
}

// explain takes code, words, limit and fields from the error.
func (p *Problem) explain(err error) {
	if wait, ok := errors.AsType[*account.LimitError](err); ok {
		p.after = wait.After
	}
	if c, ok := errors.AsType[*engine.CodedError](err); ok {
		p.Code, p.Detail, p.Limit = c.Code, firstUpper(c.Message), c.Limit
	}
	if inv, ok := errors.AsType[*engine.InvalidError](err); ok && len(inv.Fields) > 0 {
		p.Code = "INVALID"
		if inv.Conflict {
			p.Code = inv.Fields[0].Code
		}
		p.Detail = inv.Fields[0].Message
		if inv.Fields[0].Path != "" {
			p.Detail = inv.Fields[0].Path + ": " + p.Detail
		}
		if n := len(inv.Fields) - 1; n > 0 {
			p.Detail += fmt.Sprintf(" (and %d more, see fields)", n)
		}
		for _, f := range inv.Fields {
			p.Fields = append(p.Fields, FieldProblem(f))
			if p.Limit == "" {
				p.Limit = f.Limit
			}
		}
	}
	p.Type = "urn:cuelight:" + strings.ReplaceAll(strings.ToLower(p.Code), "_", "-")
	p.Cure = cureOf(p.Status, p.Code)
}

// quoted is a value of the request inside a filter's error, which is not to be sent back.
var quoted = regexp.MustCompile(`^"(?:[^"\\]|\\.)*"`)

func filterProblem(wrong filter.Errors) *Problem {
	fields := make([]engine.FieldError, len(wrong))
	for i, e := range wrong {
		message := quoted.ReplaceAllString(e.Message, "the value")
		if e.Suggestion != "" {
			message += "; " + e.Suggestion
		}
		fields[i] = engine.FieldError{Path: "filter", Code: "FILTER", Message: fmt.Sprintf("at character %d: %s", e.Pos+1, message), Limit: e.Limit}
	}
	return problemOf(&engine.InvalidError{Fields: fields})
}

func firstUpper(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// refuse writes a problem; the cause of a 5xx goes into the log.
func (a *API) refuse(w http.ResponseWriter, r *http.Request, p *Problem) {
	a.note(r.Context(), p, w.Header().Get(requestIDHeader), r.Method+" "+r.Pattern)
	maps.Copy(w.Header(), p.GetHeaders())
	w.Header().Set("Content-Type", p.ContentType(""))
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(p.Status)
	_ = writeJSON(w, p)
}

// note gives the problem its request id and writes the log line of an error that is ours.
func (a *API) note(ctx context.Context, p *Problem, id, route string) {
	p.RequestID = id
	if p.cause != nil && p.Status == http.StatusInternalServerError {
		a.log.ErrorContext(ctx, "request failed", "route", route, "request_id", id, "err", p.cause)
	}
}

func init() {
	// huma knows only these variables to make its own errors with; no other package of ours uses it.
	huma.NewError = func(status int, message string, errs ...error) huma.StatusError {
		return fromHuma(status, message, errs)
	}
	huma.NewErrorWithContext = func(ctx huma.Context, status int, message string, errs ...error) huma.StatusError {
		p := fromHuma(status, message, errs)
		if c := callOf(ctx.Context()); c != nil {
			p.RequestID = c.requestID
		}
		return p
	}
}

// fromHuma is a problem for a parameter that huma refused: its place and what is due, never the value.
func fromHuma(status int, message string, errs []error) *Problem {
	if status >= 500 {
		return problem(http.StatusInternalServerError, "INTERNAL", "internal error")
	}
	var fields []engine.FieldError
	for _, err := range errs {
		detail, ok := err.(huma.ErrorDetailer)
		if !ok {
			continue
		}
		d := detail.ErrorDetail()
		_, name, _ := strings.Cut(d.Location, ".")
		fields = append(fields, engine.FieldError{Path: name, Code: "PARAMETER", Message: d.Message})
	}
	if len(fields) == 0 {
		return problem(status, "REQUEST", "%s", firstUpper(message))
	}
	p := problemOf(&engine.InvalidError{Fields: fields})
	p.Status, p.Title = status, http.StatusText(status)
	return p
}

var _ json.Marshaler = document(nil)
