package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"golang.org/x/time/rate"

	"github.com/cuelight/cuelight/engine"
	"github.com/cuelight/cuelight/engine/account"
)

// notFound gives a store's bare ErrNotFound words of its own.
func notFound(err error, code, message string) error {
	if errors.Is(err, engine.ErrNotFound) {
		return &engine.CodedError{Kind: engine.ErrNotFound, Code: code, Message: message}
	}
	return err
}

// receivers are one id, * or a list of ids.
type receivers []string

// UnmarshalJSON reads a text or a list of texts.
func (r *receivers) UnmarshalJSON(doc []byte) error {
	var one string
	if json.Unmarshal(doc, &one) == nil && !bytes.Equal(doc, []byte("null")) {
		*r = receivers{one}
		return nil
	}
	var many []string
	if json.Unmarshal(doc, &many) != nil || len(many) == 0 {
		return &engine.InvalidError{Fields: []engine.FieldError{{Code: "PUSH_TO", Message: "must be *, the id of a user or a list of ids"}}}
	}
	*r = many
	return nil
}

// Schema says that it is one of both.
func (receivers) Schema(huma.Registry) *huma.Schema {
	text := &huma.Schema{Type: huma.TypeString}
	return &huma.Schema{OneOf: []*huma.Schema{text, {Type: huma.TypeArray, Items: text}}, Description: "* for everybody, the id of a user, or a list of ids."}
}

type pushBody struct {
	To      receivers `json:"to"`
	Event   string    `json:"event" doc:"The event name that pages listen for."`
	Message value     `json:"message,omitempty" doc:"A text, or with mode json any JSON value. Absent: an empty text."`
	Mode    string    `json:"mode,omitempty" enum:"text,json" doc:"text (the default) or json."`
}

type pushIn struct {
	AppPath
	Key string `header:"Idempotency-Key" doc:"Makes the request safe to repeat for 24 h."`
}

// sent is one push of the answer.
type sent struct {
	To     string `json:"to"`
	Offset string `json:"offset" doc:"Its place in the push log: <epoch>.<position>."`
	Online int    `json:"online" doc:"Open sockets of the receiver on this node."`
}

type pushOut struct {
	Replayed string `header:"Idempotency-Replayed" doc:"true: an earlier request with the same key was carried out; its offset is not kept."`
	Body     struct {
		Offset string `json:"offset,omitempty" doc:"The place of the last one in the push log."`
		Online int    `json:"online" doc:"Open sockets of all receivers on this node."`
		Pushes []sent `json:"pushes" nullable:"false"`
	}
}

func (a *API) push(ctx context.Context, c *call, in *pushIn, body *pushBody) (*pushOut, error) {
	message, err := body.text()
	if err != nil {
		return nil, err
	}
	for _, to := range body.To {
		if to == engine.Everybody && len(body.To) > 1 {
			return nil, wrongField("to", "PUSH_TO", "* stands alone: it is everybody already")
		}
		if to == engine.Everybody && !c.who.has(account.PushAll) {
			return nil, c.who.lacks(account.PushAll)
		}
	}
	once, err := c.once(in.Key)
	if err != nil {
		return nil, err
	}
	send := engine.Send{App: c.app, To: body.To, Event: body.Event, Message: message, JSON: body.Mode == "json", Once: once}
	if err := send.Check(); err != nil { // what is refused takes nothing of the rate
		return nil, err
	}
	if wait := a.pushRates.take(c.app, len(body.To)); wait > 0 {
		p := limited(http.StatusTooManyRequests, "pushes", "BUSY", "the app sends more than %d pushes a second", a.limits.Pushes)
		p.after = wait
		return nil, p
	}
	pushes, err := a.opt.Engine.Push(ctx, send)
	if err != nil {
		return nil, err
	}
	out := &pushOut{}
	out.Body.Pushes = []sent{}
	if len(pushes) == 0 {
		out.Replayed = "true"
		return out, nil
	}
	head, err := a.opt.Store.PushHead(ctx, c.app)
	if err != nil {
		return nil, fmt.Errorf("read epoch of the push log: %w", err)
	}
	for _, p := range pushes {
		s := sent{To: p.To, Offset: fmt.Sprintf("%s.%d", head.Epoch, p.Pos), Online: a.online(c.app, p.To)}
		out.Body.Pushes = append(out.Body.Pushes, s)
		out.Body.Offset = s.Offset
		out.Body.Online += s.Online
	}
	return out, nil
}

// rates bound what each app sends per second.
type rates struct {
	limit int
	mu    sync.Mutex
	apps  map[engine.AppID]*rate.Limiter
}

// take takes n of the app's share, or says how long to wait for it. A push with more receivers than the burst takes the whole burst.
func (r *rates) take(app engine.AppID, n int) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	l := r.apps[app]
	if l == nil {
		l = rate.NewLimiter(rate.Limit(r.limit), 2*r.limit)
		r.apps[app] = l
	}
	want := l.ReserveN(time.Now(), min(n, l.Burst()))
	wait := want.Delay()
	if wait > 0 {
		want.Cancel()
	}
	return wait
}

func (a *API) online(app engine.AppID, user string) int {
	if a.opt.Presence == nil {
		return 0
	}
	return a.opt.Presence.Online(app, engine.UserID(user))
}

// text is the message as it is stored: the text itself, or the JSON document.
func (b *pushBody) text() (string, error) {
	switch b.Mode {
	case "json":
		if b.Message == nil {
			return "null", nil
		}
		var out bytes.Buffer
		if err := json.Compact(&out, b.Message); err != nil {
			return "", wrongField("message", "TYPE", "must be a JSON value")
		}
		return out.String(), nil
	case "", "text":
		if b.Message == nil {
			return "", nil
		}
		var text string
		if bytes.Equal(b.Message, []byte("null")) || json.Unmarshal(b.Message, &text) != nil {
			return "", wrongField("message", "TYPE", "must be a string; with mode json it may be any JSON value")
		}
		return text, nil
	}
	return "", wrongField("mode", "OPTION", "must be text or json")
}
