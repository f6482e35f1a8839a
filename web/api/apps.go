package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"runtime"

	"github.com/cuelight/cuelight/engine"
	"github.com/cuelight/cuelight/engine/account"
)

type listAppsIn struct{ PageQuery }

func (a *API) listApps(ctx context.Context, c *call, in *listAppsIn, _ *none) (*pageOut[engine.App], error) {
	limit, err := a.pageLimit(in.Limit)
	if err != nil {
		return nil, err
	}
	out := &pageOut[engine.App]{Body: page[engine.App]{Items: []engine.App{}}}
	if c.who.app != account.AnyApp {
		app, err := a.opt.Engine.App(ctx, c.who.app)
		if err == nil {
			out.Body.Items = append(out.Body.Items, app)
		}
		return out, err
	}
	items, next, err := a.opt.Engine.Apps(ctx, engine.AppID(in.Cursor), limit)
	if err != nil {
		return nil, err
	}
	out.Body.Items, out.Body.Next = items, string(next)
	return out, nil
}

type appBody struct {
	ID      engine.AppID `json:"id"`
	Name    string       `json:"name,omitempty"`
	Guests  bool         `json:"guests,omitempty" doc:"Guests may connect without a session and get what is sent to everybody."`
	Origins []string     `json:"origins,omitempty" nullable:"false" doc:"When given, the only origins whose pages may connect."`
	// TimeZone is checked by the engine.
	TimeZone string `json:"time_zone,omitempty" doc:"IANA name of the zone in which plain dates begin and schedules tick, such as Europe/Riga; empty is UTC."`
	// PrivateHosts are checked by whoever may import the rules.
	PrivateHosts []string `json:"private_hosts,omitempty" nullable:"false" doc:"The only addresses of private networks that HTTP requests of the app may reach, such as 10.1.0.0/16 or crm.internal:8080."`
}

type appOut struct {
	Location string `header:"Location"`
	Body     engine.App
}

func (a *API) createApp(ctx context.Context, _ *call, _ *struct{}, body *appBody) (*appOut, error) {
	app := engine.App{ID: body.ID, Name: body.Name, Guests: body.Guests, Origins: body.Origins, TimeZone: body.TimeZone, PrivateHosts: body.PrivateHosts}
	if err := errors.Join(checkApp(app), a.checkHosts(app.PrivateHosts)); err != nil {
		return nil, err
	}
	if err := a.opt.Engine.PutApp(ctx, app, true); err != nil {
		return nil, err
	}
	return &appOut{Location: root + "/apps/" + string(app.ID), Body: app}, nil
}

const (
	maxName    = 200
	maxOrigins = 100
)

func checkApp(app engine.App) error {
	if len(app.Name) > maxName {
		return overLimit("name", "app_name", "may be at most %d bytes long", maxName)
	}
	if len(app.Origins) > maxOrigins {
		return overLimit("origins", "app_origins", "at most %d origins", maxOrigins)
	}
	return nil
}

// checkHosts refuses private hosts that can not be read.
func (a *API) checkHosts(hosts []string) error {
	if len(hosts) > maxOrigins {
		return overLimit("private_hosts", "app_origins", "at most %d of them", maxOrigins)
	}
	if a.opt.PrivateHosts == nil || len(hosts) == 0 {
		return nil
	}
	if err := a.opt.PrivateHosts(hosts); err != nil {
		return wrongField("private_hosts", "EGRESS_RULE", "must be addresses such as 10.1.0.0/16 or crm.internal:8080")
	}
	return nil
}

func (a *API) getApp(ctx context.Context, c *call, _ *appIn, _ *none) (*appOut, error) {
	app, err := a.opt.Engine.App(ctx, c.app)
	if err != nil {
		return nil, err
	}
	return &appOut{Body: app}, nil
}

type appChange struct {
	Name     *string   `json:"name,omitempty"`
	Guests   *bool     `json:"guests,omitempty"`
	Origins  *[]string `json:"origins,omitempty"`
	TimeZone *string   `json:"time_zone,omitempty"`
	// PrivateHosts are checked by whoever may import the rules.
	PrivateHosts *[]string `json:"private_hosts,omitempty"`
}

func (a *API) changeApp(ctx context.Context, c *call, _ *appIn, body *appChange) (*appOut, error) {
	app, err := a.opt.Engine.ChangeApp(ctx, c.app, func(app *engine.App) error {
		if body.Name != nil {
			app.Name = *body.Name
		}
		if body.Guests != nil {
			app.Guests = *body.Guests
		}
		if body.Origins != nil {
			app.Origins = *body.Origins
		}
		if body.TimeZone != nil {
			app.TimeZone = *body.TimeZone
		}
		if body.PrivateHosts != nil {
			app.PrivateHosts = *body.PrivateHosts
		}
		return errors.Join(checkApp(*app), a.checkHosts(app.PrivateHosts))
	})
	if err != nil {
		return nil, err
	}
	return &appOut{Body: app}, nil
}

// kindView is a step or trigger kind as forms and documentation are made from it.
type kindView struct {
	Kind     string        `json:"kind"`
	Title    string        `json:"title"`
	Help     string        `json:"help"`
	Group    string        `json:"group,omitempty"`
	Schema   value         `json:"schema" doc:"The JSON Schema of the settings."`
	Examples []exampleView `json:"examples" nullable:"false"`
}

type exampleView struct {
	Name     string   `json:"name"`
	Settings value    `json:"settings"`
	When     []string `json:"when,omitempty" doc:"For a trigger: what happens, one act each."`
	Want     []string `json:"want,omitempty" doc:"What it does, one line each; for a trigger, the runs that start."`
}

func examples(list []engine.Example) []exampleView {
	views := []exampleView{}
	for _, e := range list {
		views = append(views, exampleView{e.Name, value(e.Settings), e.When, e.Want})
	}
	return views
}

type kindsIn struct {
	IfNoneMatch string `header:"If-None-Match" doc:"The ETag of what is there already."`
}

type kindsOut struct {
	Status int
	ETag   string `header:"ETag"`
	Body   struct {
		Items []kindView `json:"items" nullable:"false"`
	}
}

func answerKinds(in *kindsIn, views []kindView) (*kindsOut, error) {
	doc, err := json.Marshal(views)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(doc)
	out := &kindsOut{ETag: `"` + hex.EncodeToString(sum[:8]) + `"`}
	if in.IfNoneMatch == out.ETag {
		out.Status = http.StatusNotModified
		return out, nil
	}
	out.Status = http.StatusOK
	out.Body.Items = views
	return out, nil
}

func (a *API) listStepKinds(_ context.Context, _ *call, in *kindsIn, _ *none) (*kindsOut, error) {
	views := []kindView{}
	for _, k := range a.opt.Kinds.Steps {
		views = append(views, kindView{k.Kind, k.Title, k.Help, k.Group, value(k.Schema), examples(k.Examples)})
	}
	return answerKinds(in, views)
}

func (a *API) listTriggerKinds(_ context.Context, _ *call, in *kindsIn, _ *none) (*kindsOut, error) {
	views := []kindView{}
	for _, k := range a.opt.Kinds.Triggers {
		views = append(views, kindView{k.Kind, k.Title, k.Help, "", value(k.Schema), examples(k.Examples)})
	}
	return answerKinds(in, views)
}

type versionOut struct {
	Body struct {
		Version string `json:"version"`
		Go      string `json:"go"`
	}
}

func (a *API) version(context.Context, *call, *struct{}, *none) (*versionOut, error) {
	out := &versionOut{}
	out.Body.Version, out.Body.Go = a.opt.Version, runtime.Version()
	return out, nil
}
