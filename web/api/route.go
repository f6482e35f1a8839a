package api

import (
	"context"
	"net/http"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/cuelight/cuelight/engine"
	"github.com/cuelight/cuelight/engine/account"
)

const requestIDHeader = "X-Request-Id"

// Route is one operation and the right that it needs.
type Route struct {
	Method, Path string
	// Name is the operation's id in OpenAPI, Summary its help.
	Name, Summary string
	// Scope is needed of a token, and of an account by its role. Empty with Public or Anyone only.
	Scope account.Scope
	// Public routes need nobody.
	Public bool
	// Anyone who is known will do, whatever the scopes.
	Anyone bool
	// User routes may also be used with an end user's session.
	User bool
	// Status is what a good answer has.
	Status int
	// also are the other statuses that a good answer may have.
	also []int
	// free bodies are documents of a shape of their own; they are handed on as they came.
	free bool
}

// InApp says that the route lies under an app.
func (rt Route) InApp() bool { return strings.HasPrefix(rt.Path, "/api/v1/apps/{app}") }

// call is what the frame knows of a request.
type call struct {
	r         *http.Request
	w         http.ResponseWriter
	who       principal
	app       engine.AppID
	body      []byte
	requestID string
}

type callKey struct{}

func callOf(ctx context.Context) *call {
	c, _ := ctx.Value(callKey{}).(*call)
	return c
}

// none is the body type of routes without a body.
type none struct{}

// register adds a route: its row, its part of the OpenAPI document and its handler. I are the parameters, B the body, O the answer.
func register[I, B, O any](a *API, rt Route, handle func(ctx context.Context, c *call, in *I, body *B) (*O, error)) {
	hasBody := reflect.TypeFor[B]() != reflect.TypeFor[none]()
	if rt.Status == 0 {
		rt.Status = http.StatusOK
	}
	tag := "server"
	if rt.InApp() {
		tag = "app"
	}
	op := huma.Operation{
		OperationID: rt.Name, Method: rt.Method, Path: rt.Path, Summary: rt.Summary, DefaultStatus: rt.Status, Tags: []string{tag},
		Middlewares: huma.Middlewares{func(ctx huma.Context, next func(huma.Context)) { a.frame(rt, hasBody, ctx, next) }},
	}
	if !rt.Public {
		op.Security = []map[string][]string{{"token": {}}, {"session": {}}}
	}
	if rt.Scope != "" {
		op.Description = "Needs the scope `" + string(rt.Scope) + "`."
	}
	a.routes = append(a.routes, rt)
	huma.Register(a.huma, op, func(ctx context.Context, in *I) (*O, error) {
		c := callOf(ctx)
		body := new(B)
		if hasBody {
			if err := decodeBody(c.body, body, rt.free); err != nil {
				return nil, a.failed(ctx, c, err)
			}
		}
		out, err := handle(ctx, c, in, body)
		if err != nil {
			return nil, a.failed(ctx, c, err)
		}
		return out, nil
	})
	a.describe(rt)
	if hasBody {
		// Only now, or huma would read the body in its own way.
		schema := a.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[B](), true, rt.Name+"Request")
		a.operation(rt).RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"application/json": {Schema: schema}}}
	}
}

// operation is the route's entry in the OpenAPI document.
func (a *API) operation(rt Route) *huma.Operation {
	item := a.huma.OpenAPI().Paths[rt.Path]
	return map[string]*huma.Operation{
		http.MethodGet: item.Get, http.MethodPost: item.Post, http.MethodPut: item.Put, http.MethodPatch: item.Patch, http.MethodDelete: item.Delete,
	}[rt.Method]
}

func (a *API) failed(ctx context.Context, c *call, err error) *Problem {
	p := *problemOf(err)
	a.note(ctx, &p, c.requestID, c.r.Method+" "+c.r.Pattern)
	return &p
}

// frame is what happens before every handler: who is it, may they, is the app there, is the body readable.
func (a *API) frame(rt Route, hasBody bool, ctx huma.Context, next func(huma.Context)) {
	r, w := humago.Unwrap(ctx)
	c := &call{r: r, w: w, app: engine.AppID(r.PathValue("app")), requestID: w.Header().Get(requestIDHeader)}
	w.Header().Set("Cache-Control", "no-store")
	if err := a.admit(rt, c); err != nil {
		a.refuse(w, r, problemOf(err))
		return
	}
	if hasBody {
		release, err := a.read(c)
		if err != nil {
			a.refuse(w, r, problemOf(err))
			return
		}
		defer release()
	}
	next(huma.WithValue(ctx, callKey{}, c))
}

// admit finds who it is and whether they may, and then whether the app exists.
func (a *API) admit(rt Route, c *call) error {
	who, err := a.identify(rt, c)
	if err != nil {
		return err
	}
	c.who = who
	if err := c.who.may(rt, c.app); err != nil {
		return err
	}
	if !rt.InApp() {
		return nil
	}
	_, err = a.opt.Engine.App(c.r.Context(), c.app)
	return err
}
