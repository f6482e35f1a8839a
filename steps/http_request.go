package steps

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/cuelight/cuelight/engine"
	"github.com/cuelight/cuelight/engine/expr"
	"github.com/cuelight/cuelight/engine/secret"
	"github.com/cuelight/cuelight/steps/egress"
)

var _ = declare(engine.StepSpec[httpRequest]{
	Kind: "http_request", Title: "HTTP request", Group: "send",
	Help: "Asks another server. steps.<id> is then its answer: status, headers, body (a value where the answer is JSON, else text) and ok. " +
		"An answer from 400 on fails the step, unless ignore_errors is set. The request carries an Idempotency-Key that stays the same " +
		"when it is tried again, so that the other server can tell a repeated request from a new one. Addresses of private networks are " +
		"refused unless an admin has opened them for the app. URL, headers and body may name secrets; these go only to the hosts that they " +
		"name, and are masked in the answer and in the run's log, where an address with a secret stands as its host alone.",
	Examples: []engine.Example{
		{
			Name: "addresses of this machine are refused", Object: `{"number":"1042","status":"new"}`,
			Settings: `{"url": "http://127.0.0.1:8090/orders/{{ url(object.number) }}"}`, WantError: "EGRESS_ADDRESS",
		},
		{
			Name: "so are other schemes", Object: `{"number":"1042","status":"new"}`,
			Settings: `{"method": "POST", "url": "ftp://example.com/", "body": {"number": "{{ object.number }}"}}`, WantError: "EGRESS_SCHEME",
		},
	},
	Outside: httpOutside, Effect: true, Describe: httpDescribe,
	Run: func(s *engine.Scope, _ *httpRequest) (engine.Outcome, error) {
		answer, _ := s.Fetched().(httpAnswer)
		out := engine.Outcome{Note: answer.note}
		if answer.output != nil {
			out.Output = answer.output
		}
		return out, nil
	},
})

type httpRequest struct {
	Method       string           `json:"method,omitzero" enum:"GET,POST,PUT,PATCH,DELETE,HEAD" default:"GET" title:"Method" doc:"What to do there; GET when left out."`
	URL          *engine.Template `json:"url" type:"string" sent:"true" title:"URL" doc:"The address, as https://example.com/orders/{{ url(object.number) }}."`
	Headers      engine.Arguments `json:"headers,omitzero" sent:"true" title:"Headers" doc:"Headers by name, as Authorization: Bearer {{ secret.crm }}; Content-Type is set by the body itself."`
	Body         *engine.Tree     `json:"body,omitzero" sent:"true" title:"Body" doc:"What to send: a JSON value whose texts are templates, or one text."`
	BodyType     string           `json:"body_type,omitzero" enum:"json,form,text" default:"json" title:"Body is" doc:"json; form for a map of names and texts; text for a text."`
	IgnoreErrors bool             `json:"ignore_errors,omitzero" title:"Ignore errors" doc:"Go on with an answer from 400 on too; steps.<id>.ok is then false."`
}

// Bind checks the words.
func (c *httpRequest) Bind(b *engine.Binder) {
	b.Yields(expr.MapOf(map[string]expr.Type{"status": {Kind: expr.KindInt}, "ok": {Kind: expr.KindBool}, "headers": {Kind: expr.KindMap}, "body": expr.Any}))
	if c.Method != "" && !slices.Contains([]string{"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"}, c.Method) {
		b.Fail("method", "OPTION", "must be GET, POST, PUT, PATCH, DELETE or HEAD")
	}
	if c.BodyType != "" && !slices.Contains([]string{"json", "form", "text"}, c.BodyType) {
		b.Fail("body_type", "OPTION", "must be json, form or text")
	}
}

type httpAnswer struct {
	output, note map[string]any
}

// httpError is a failed request with what the retries want to know.
type httpError struct {
	cause *egress.Error
	note  any
}

// Note is what the run's log tells of the request.
func (e httpError) Note() any { return e.note }

// Error is the request's own.
func (e httpError) Error() string { return e.cause.Error() }

// Final says that trying again can not help.
func (e httpError) Final() bool { return !e.cause.Temporary() }

// RetryAfter is how long the other server wants to be left alone.
func (e httpError) RetryAfter() time.Duration { return e.cause.After }

// Unwrap gives the request's own error.
func (e httpError) Unwrap() error { return e.cause }

// allowed evaluates the settings, if the request may go where they say; shown is the address as the run's log may tell it.
func (c *httpRequest) allowed(o *engine.Outside) (req egress.Request, shown string, err error) {
	if req, err = c.request(o); err != nil {
		return req, "", err
	}
	to, err := url.Parse(req.URL)
	if err != nil {
		return req, "", engine.FinalError("EGRESS_URL", "the address can not be read as a URL")
	}
	if err := o.MayGo(to); err != nil {
		return req, "", err
	}
	shown = req.URL
	if c.URL.Secret() {
		shown, req.SecretHost = o.Told(to)
	}
	return req, shown, nil
}

// httpDescribe tells what would be sent: headers and body too where no secret is in them.
func httpDescribe(_ context.Context, o *engine.Outside, c *httpRequest) (any, error) {
	req, shown, err := c.allowed(o)
	if err != nil {
		return nil, err
	}
	headers := map[string]any{}
	for _, h := range req.Headers {
		if headers[h.Name] = h.Value; h.Secret {
			headers[h.Name] = secret.Mask
		}
	}
	note := map[string]any{"method": req.Method, "url": shown, "headers": headers, "sent": false}
	if len(req.Body) > 0 {
		body, _ := o.Mask(string(req.Body)).(string)
		if note["body"] = cut(body); req.SecretBody {
			note["body"] = secret.Mask
		}
	}
	note, _ = o.Mask(note).(map[string]any)
	return httpAnswer{note: note}, nil
}

func httpOutside(ctx context.Context, o *engine.Outside, c *httpRequest) (any, error) {
	network, ok := o.Services().(*Network)
	if !ok {
		return nil, engine.StepError("EGRESS_OFF", "this server makes no HTTP requests")
	}
	req, shown, err := c.allowed(o)
	if err != nil {
		return nil, err
	}
	client, err := network.client(o.App())
	if err != nil {
		return nil, err
	}
	res, err := client.Do(ctx, req)
	if err != nil {
		return nil, asHTTPError(err)
	}
	if failure := res.Failure(); failure != nil && !c.IgnoreErrors {
		return nil, refused(failure, o, answered(req, shown, res), res)
	}
	if err := res.Complete(); err != nil {
		return nil, asHTTPError(err)
	}
	headers := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(res.Headers)) {
		headers[strings.ToLower(name)] = strings.Join(res.Headers[name], ", ")
	}
	output := map[string]any{"status": int64(res.Status), "ok": res.Status < 400, "headers": headers, "body": bodyValue(res)}
	output, _ = o.Mask(output).(map[string]any)
	note, _ := o.Mask(answered(req, shown, res)).(map[string]any)
	return httpAnswer{output, note}, nil
}

// answered is what the run's log tells of a request; its headers and body are told nowhere.
func answered(req egress.Request, shown string, res egress.Response) map[string]any {
	return map[string]any{"method": req.Method, "url": shown, "status": int64(res.Status), "ms": res.Took.Milliseconds()}
}

func asHTTPError(err error) error {
	if e, ok := errors.AsType[*egress.Error](err); ok {
		return httpError{cause: e}
	}
	return err
}

// maxShown is how many bytes of an answer that is an error the run's log shows.
const maxShown = 2 << 10

// refused is a request that was answered by an error, with the beginning of that answer.
func refused(failure error, o *engine.Outside, note map[string]any, res egress.Response) error {
	e, ok := errors.AsType[*egress.Error](failure)
	if !ok {
		return failure
	}
	// Masked as a whole, and cut then: half a secret would not be known as one.
	shown, _ := o.Mask(strings.ToValidUTF8(strings.ReplaceAll(string(res.Body), "\x00", "\uFFFD"), "\uFFFD")).(string)
	note["answer"] = cut(shown)
	return httpError{e, o.Mask(note)}
}

// cut is the beginning of a text.
func cut(text string) string {
	if len(text) <= maxShown {
		return text
	}
	return strings.ToValidUTF8(text[:maxShown], "") + "…"
}

// request evaluates the settings.
func (c *httpRequest) request(o *engine.Outside) (egress.Request, error) {
	req := egress.Request{Method: c.Method, Timeout: o.Timeout()}
	if req.Method == "" {
		req.Method = "GET"
	}
	var err error
	if req.URL, err = c.URL.Text(o.Scope); err != nil {
		return req, err
	}
	for _, name := range slices.Sorted(maps.Keys(c.Headers)) {
		value, err := c.Headers[name].Text(o.Scope)
		if err != nil {
			return req, err
		}
		req.Headers = append(req.Headers, egress.Header{Name: name, Value: value, Secret: c.Headers[name].Secret()})
	}
	if !slices.ContainsFunc(req.Headers, func(h egress.Header) bool { return strings.EqualFold(h.Name, "Idempotency-Key") }) {
		req.Headers = append(req.Headers, egress.Header{Name: "Idempotency-Key", Value: o.Key()})
	}
	if c.Body == nil || c.Body.Value == nil {
		return req, nil
	}
	v, err := c.Body.Eval(o.Scope)
	if err != nil {
		return req, err
	}
	req.SecretBody = c.Body.Secret()
	kind := "application/json"
	switch c.BodyType {
	case "form":
		kind = "application/x-www-form-urlencoded"
		req.Body, err = formBody(v)
	case "text":
		kind = "text/plain; charset=utf-8"
		var text string
		text, err = expr.Text(v)
		req.Body = []byte(text)
	default:
		req.Body, err = plainJSON(expr.ToJSON(v))
	}
	if !slices.ContainsFunc(req.Headers, func(h egress.Header) bool { return strings.EqualFold(h.Name, "Content-Type") }) {
		req.Headers = append(req.Headers, egress.Header{Name: "Content-Type", Value: kind})
	}
	return req, err
}

// plainJSON is json.Marshal without escapes for HTML, which another server may not expect.
func plainJSON(v any) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n")), err
}

// formBody writes a map as a form.
func formBody(v any) ([]byte, error) {
	fields, ok := v.(map[string]any)
	if !ok {
		return nil, engine.StepError("HTTP_BODY", "a form is a map of names and texts")
	}
	form := url.Values{}
	for name, value := range fields {
		text, err := expr.Text(value)
		if err != nil {
			return nil, engine.StepError("HTTP_BODY", "%s: %s", name, err)
		}
		form.Set(name, text)
	}
	return []byte(form.Encode()), nil
}

// bodyValue is the body as expressions see it: a value where it is JSON, else text.
func bodyValue(res egress.Response) any {
	if len(res.Body) == 0 {
		return nil
	}
	dec := json.NewDecoder(bytes.NewReader(res.Body))
	dec.UseNumber()
	var raw any
	if dec.Decode(&raw) == nil && !dec.More() {
		if v, err := expr.FromJSON(raw, expr.Any); err == nil {
			return v
		}
	}
	return strings.ToValidUTF8(strings.ReplaceAll(string(res.Body), "\x00", "\uFFFD"), "\uFFFD")
}
