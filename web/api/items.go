package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/cuelight/cuelight/engine"
	"github.com/cuelight/cuelight/engine/account"
)

// ItemPath names a constant or a secret. It is exported because huma looks at exported embedded structs only.
type ItemPath struct {
	App string `path:"app" doc:"The app's id."`
	ID  string `path:"id" doc:"The name by which expressions read it: const.<id> or secret.<id>."`
}

type itemIn struct{ ItemPath }

type changeItemIn struct {
	ItemPath
	IfMatch string `header:"If-Match" doc:"Its ETag: refused with 412 if it has another by now."`
}

type constantView struct {
	ID        string    `json:"id"`
	Value     value     `json:"value"`
	Notes     string    `json:"notes,omitempty"`
	ChangedAt time.Time `json:"changed_at"`
}

type constantOut struct {
	Status int
	ETag   string `header:"ETag"`
	Body   constantView
}

type constantsOut struct {
	Body struct {
		Items []constantView `json:"items" nullable:"false"`
	}
}

func viewConstant(c engine.Constant, at time.Time) constantView {
	return constantView{ID: c.ID, Value: value(c.Value), Notes: c.Notes, ChangedAt: at}
}

func (a *API) listConstants(ctx context.Context, c *call, _ *appIn, _ *none) (*constantsOut, error) {
	all, err := a.opt.Engine.Constants(ctx, c.app)
	if err != nil {
		return nil, err
	}
	out := &constantsOut{}
	out.Body.Items = []constantView{}
	for _, one := range all {
		out.Body.Items = append(out.Body.Items, viewConstant(one.Value, one.At))
	}
	return out, nil
}

func (a *API) getConstant(ctx context.Context, c *call, in *itemIn, _ *none) (*constantOut, error) {
	all, err := a.opt.Engine.Constants(ctx, c.app)
	if err != nil {
		return nil, err
	}
	for _, one := range all {
		if one.Value.ID == in.ID {
			return &constantOut{Status: http.StatusOK, ETag: etag(one.Rev), Body: viewConstant(one.Value, one.At)}, nil
		}
	}
	return nil, problem(http.StatusNotFound, "CONSTANT_NOT_FOUND", "the app has no constant of this id")
}

type constantBody struct {
	Value value  `json:"value" doc:"A text, a number, true, false, a list or a map."`
	Notes string `json:"notes,omitempty" doc:"What it is for."`
}

func (a *API) putConstant(ctx context.Context, c *call, in *changeItemIn, body *constantBody) (*constantOut, error) {
	rev, err := ifMatch(in.IfMatch)
	if err != nil {
		return nil, err
	}
	k := engine.Constant{ID: in.ID, Value: json.RawMessage(body.Value), Notes: body.Notes}
	saved, created, err := a.opt.Engine.PutConstant(ctx, c.app, k, rev)
	if err != nil {
		return nil, err
	}
	return &constantOut{Status: madeOr(created), ETag: etag(saved.Rev), Body: viewConstant(k, saved.At)}, nil
}

// madeOr is the status of a PUT.
func madeOr(created bool) int {
	if created {
		return http.StatusCreated
	}
	return http.StatusOK
}

func (a *API) deleteConstant(ctx context.Context, c *call, in *changeItemIn, _ *none) (*struct{}, error) {
	rev, err := ifMatch(in.IfMatch)
	if err != nil {
		return nil, err
	}
	return nil, a.opt.Engine.DeleteConstant(ctx, c.app, in.ID, rev)
}

type secretOut struct {
	Status int
	ETag   string `header:"ETag"`
	Body   engine.Secret
}

type secretsOut struct {
	Body struct {
		Items []engine.Secret `json:"items" nullable:"false"`
	}
}

func (a *API) listSecrets(ctx context.Context, c *call, _ *appIn, _ *none) (*secretsOut, error) {
	all, err := a.opt.Engine.Secrets(ctx, c.app)
	if err != nil {
		return nil, err
	}
	out := &secretsOut{}
	out.Body.Items = []engine.Secret{}
	for _, one := range all {
		out.Body.Items = append(out.Body.Items, one.Value)
	}
	return out, nil
}

func (a *API) getSecret(ctx context.Context, c *call, in *itemIn, _ *none) (*secretOut, error) {
	all, err := a.opt.Engine.Secrets(ctx, c.app)
	if err != nil {
		return nil, err
	}
	for _, one := range all {
		if one.Value.ID == in.ID {
			return &secretOut{Status: http.StatusOK, ETag: etag(one.Rev), Body: one.Value}, nil
		}
	}
	return nil, problem(http.StatusNotFound, "SECRET_NOT_FOUND", "the app has no secret of this id")
}

type secretBody struct {
	Value *string   `json:"value,omitempty" doc:"The secret itself, 4 bytes to 16 KB, and 64 KB with all others of the app; left out, it stays as it is. It is never given back."`
	Hosts *[]string `json:"hosts,omitempty" nullable:"false" doc:"The only hosts that it may be sent to, such as api.example.com, *.example.com or http://10.1.2.3:8080. Without a scheme, https is meant. A host that it was not allowed before needs the value in the same request, unless an admin asks."`
	Notes *string   `json:"notes,omitempty" doc:"What it is for."`
}

func (a *API) putSecret(ctx context.Context, c *call, in *changeItemIn, body *secretBody) (*secretOut, error) {
	rev, err := ifMatch(in.IfMatch)
	if err != nil {
		return nil, err
	}
	saved, now, created, err := a.opt.Engine.PutSecret(ctx, engine.SecretWrite{
		App: c.app, ID: in.ID, Value: body.Value, Hosts: body.Hosts, Notes: body.Notes, Who: c.who.id, Admin: c.who.has(account.AdminScope), Rev: rev,
	})
	if err != nil {
		return nil, err
	}
	return &secretOut{Status: madeOr(created), ETag: etag(now), Body: saved}, nil
}

func (a *API) deleteSecret(ctx context.Context, c *call, in *changeItemIn, _ *none) (*struct{}, error) {
	rev, err := ifMatch(in.IfMatch)
	if err != nil {
		return nil, err
	}
	return nil, a.opt.Engine.DeleteSecret(ctx, c.app, in.ID, rev)
}
