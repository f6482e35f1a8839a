package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/cuelight/cuelight/engine"
	"github.com/cuelight/cuelight/engine/account"
	"github.com/cuelight/cuelight/engine/expr"
)

// Console is what the sockets of this node tell and take of accounts.
type Console interface {
	// Ticket gives the secret with which an account's page may connect once; false: too many wait.
	Ticket(t engine.Ticket) (secret string, ok bool)
	// ListConnections gives the open connections of an app, the newest first.
	ListConnections(app engine.AppID) []engine.Connection
	// Disconnect closes one; false when there is none of this id.
	Disconnect(app engine.AppID, id string) bool
	// Refused gives the refused attempts to connect, with unknown those too whose app_id no app has.
	Refused(app engine.AppID, unknown bool) []engine.Refused
	// DraftSaved tells those who watch the app.
	DraftSaved(app engine.AppID, scenario string, rev int64, by string)
}

// nobody is the console of a server without sockets.
type nobody struct{}

func (nobody) Ticket(engine.Ticket) (string, bool)              { return "", false }
func (nobody) ListConnections(engine.AppID) []engine.Connection { return nil }
func (nobody) Disconnect(engine.AppID, string) bool             { return false }
func (nobody) Refused(engine.AppID, bool) []engine.Refused      { return nil }
func (nobody) DraftSaved(engine.AppID, string, int64, string)   {}

func (a *API) registerWatch() {
	register(a, Route{Method: "POST", Path: root + "/session/socket", Name: "socketTicket", Summary: "A ticket with which the web app connects its socket once", Anyone: true}, a.socketTicket)
	register(a, Route{Method: "GET", Path: inn + "/connections", Name: "listConnections", Summary: "List the open connections on this node, newest first", Scope: account.RunsRead}, a.listConnections)
	register(a, Route{Method: "DELETE", Path: inn + "/connections/{id}", Name: "disconnect", Summary: "Close a connection; its page may come back", Scope: account.UsersWrite, Status: 204}, a.disconnect)
	register(a, Route{Method: "GET", Path: inn + "/refusals", Name: "listRefusals", Summary: "List attempts to connect to this node that were refused lately, newest first", Scope: account.RunsRead}, a.listRefusals)
	register(a, Route{Method: "GET", Path: inn + "/events", Name: "listEvents", Summary: "List the event names that are sent or listened for. Needs scenarios:read too", Scope: account.RunsRead}, a.listEvents)
}

type ticketBody struct {
	App engine.AppID `json:"app,omitempty" doc:"The app to watch. Needed."`
}

type ticketOut struct {
	Body struct {
		Ticket    string    `json:"ticket" doc:"What the page sends as auth.ticket to the namespace /admin of this node's socket. Good once."`
		ExpiresAt time.Time `json:"expires_at" doc:"Until when."`
	}
}

func (a *API) socketTicket(ctx context.Context, c *call, _ *struct{}, body *ticketBody) (*ticketOut, error) {
	if c.who.kind != byAccount {
		return nil, problem(http.StatusForbidden, "NO_LOGIN", "only the login of an account can watch by a socket")
	}
	if _, err := a.opt.Engine.App(ctx, body.App); err != nil {
		return nil, err
	}
	secret, ok := a.opt.Console.Ticket(engine.Ticket{App: body.App, Account: c.who.id, Role: string(c.who.role), Session: c.who.session.ID})
	if !ok {
		p := limited(http.StatusTooManyRequests, "socket_tickets", "BUSY", "too many tickets wait to be used")
		p.after = time.Second
		return nil, p
	}
	out := &ticketOut{}
	out.Body.Ticket, out.Body.ExpiresAt = secret, time.Now().UTC().Add(30*time.Second).Truncate(time.Second)
	return out, nil
}

type appWatchIn struct{ AppPath }

func (a *API) listConnections(_ context.Context, c *call, _ *appWatchIn, _ *none) (*pageOut[engine.Connection], error) {
	out := &pageOut[engine.Connection]{Body: page[engine.Connection]{Items: []engine.Connection{}}}
	out.Body.Items = append(out.Body.Items, a.opt.Console.ListConnections(c.app)...)
	return out, nil
}

type connectionIn struct {
	App string `path:"app" doc:"The app's id."`
	ID  string `path:"id" doc:"The connection's id, as in the list."`
}

func (a *API) disconnect(_ context.Context, c *call, in *connectionIn, _ *none) (*struct{}, error) {
	if !a.opt.Console.Disconnect(c.app, in.ID) {
		return nil, problem(http.StatusNotFound, "CONNECTION_NOT_FOUND", "this node has no such connection")
	}
	return nil, nil
}

// listRefusals shows whoever may do everything those attempts too that named an app that is not there, with the app that was probably meant.
func (a *API) listRefusals(ctx context.Context, c *call, _ *appWatchIn, _ *none) (*pageOut[engine.Refused], error) {
	all := c.who.app == account.AnyApp && c.who.has(account.AdminScope)
	out := &pageOut[engine.Refused]{Body: page[engine.Refused]{Items: []engine.Refused{}}}
	out.Body.Items = append(out.Body.Items, a.opt.Console.Refused(c.app, all)...)
	if !slices.ContainsFunc(out.Body.Items, func(r engine.Refused) bool { return r.Code == "app_unknown" }) {
		return out, nil
	}
	apps, _, err := a.opt.Engine.Apps(ctx, "", maxMeant)
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(apps))
	for i, app := range apps {
		ids[i] = string(app.ID)
	}
	for i := range out.Body.Items {
		if r := &out.Body.Items[i]; r.Code == "app_unknown" && r.App != "" {
			r.Meant = expr.Nearest(r.App, ids)
		}
	}
	return out, nil
}

// Bounds of what is looked at for one answer: apps that may have been meant, scenarios, and pushes of the replay window.
const (
	maxMeant     = 500
	maxSenders   = 1000
	maxSentLines = 5000
	maxSentBytes = 4 << 20
	sentFor      = 2 * time.Minute
)

// eventView is an event name with who sends it and who listens.
type eventView struct {
	Event     string   `json:"event" doc:"The event name."`
	Scenarios []string `json:"scenarios" nullable:"false" doc:"The published scenarios that send it."`
	Sent      int      `json:"sent" doc:"How often it was sent in the last two minutes."`
	Listening int      `json:"listening" doc:"Open pages on this node that say that they listen for it; only cuelight.js says so."`
}

func (a *API) listEvents(ctx context.Context, c *call, _ *appWatchIn, _ *none) (*pageOut[*eventView], error) {
	if !c.who.has(account.ScenariosRead) {
		return nil, c.who.lacks(account.ScenariosRead)
	}
	events := map[string]*eventView{}
	of := func(name string) *eventView {
		if events[name] == nil {
			events[name] = &eventView{Event: name, Scenarios: []string{}}
		}
		return events[name]
	}
	records, err := a.opt.Store.Records(ctx, c.app, engine.RecordScenario, "", "", maxSenders)
	if err != nil {
		return nil, err
	}
	for _, r := range records {
		_, rec, err := showScenario(r)
		if err != nil {
			return nil, err
		}
		for _, name := range sends(rec.Published) {
			e := of(name)
			e.Scenarios = append(e.Scenarios, r.ID)
		}
	}
	tail, err := a.opt.Store.PushTail(ctx, c.app, time.Now().Add(-sentFor), maxSentLines, maxSentBytes)
	if err != nil {
		return nil, fmt.Errorf("read pushes of app %s: %w", c.app, err)
	}
	for _, p := range tail.Pushes {
		of(p.Event).Sent++
	}
	for _, conn := range a.opt.Console.ListConnections(c.app) {
		for _, name := range conn.Listens {
			if name != "*" {
				of(name).Listening++
			}
		}
	}
	out := &pageOut[*eventView]{Body: page[*eventView]{Items: []*eventView{}}}
	for _, e := range events {
		out.Body.Items = append(out.Body.Items, e)
	}
	slices.SortFunc(out.Body.Items, func(x, y *eventView) int { return strings.Compare(x.Event, y.Event) })
	return out, nil
}

// sends are the event names that the push steps of a document send, as far as they are typed and not made by an expression.
func sends(doc []byte) []string {
	var names []string
	var root any
	if doc == nil || json.Unmarshal(doc, &root) != nil {
		return nil
	}
	var walk func(v any)
	walk = func(v any) {
		switch x := v.(type) {
		case []any:
			for _, item := range x {
				walk(item)
			}
		case map[string]any:
			if name, ok := x["event"].(string); ok && x["kind"] == "push" && name != "" && !strings.Contains(name, "{{") && !slices.Contains(names, name) {
				names = append(names, name)
			}
			for _, item := range x {
				walk(item)
			}
		}
	}
	walk(root)
	return names
}
