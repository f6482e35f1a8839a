package steps

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/cuelight/cuelight/engine"
	"github.com/cuelight/cuelight/engine/expr"
)

var _ = declare(engine.StepSpec[push]{
	Kind: "push", Title: "Send PUSH-message", Group: "send",
	Help: "Sends an event to open pages at once: to everybody of the app, or to one user on all of their devices. A page that was " +
		"away for a moment gets what it missed. To refresh a page, the event name alone is enough.",
	Examples: []engine.Example{
		{Name: "refresh every open page", Settings: `{"to": "*", "event": "refresh-orders"}`, Want: []string{`push * refresh-orders ""`}},
		{
			Name: "tell the owner", Object: `{"number":"1042","status":"ready","owner":"anna"}`,
			Settings: `{"to": "{{ object.owner }}", "event": "message", "message": "Order {{ object.number }} is ready"}`,
			Want:     []string{`push anna message "Order 1042 is ready"`},
		},
		{
			Name: "a message as JSON", Object: `{"number":"1042","status":"ready","owner":"anna"}`,
			Settings: `{"to": "{{ object.owner }}", "event": "order", "mode": "json", "message": {"number": "{{ object.number }}", "lines": [1, "{{ object.status }}"]}}`,
			Want:     []string{`push anna order {"lines":[1,"ready"],"number":"1042"}`},
		},
		{
			Name: "nobody is not everybody", Object: `{"number":"1042","status":"ready"}`,
			Settings: `{"to": "{{ object.owner }}", "event": "message"}`, WantError: "PUSH_TO",
		},
		{
			Name: "everybody is only meant when it is typed", Object: `{"number":"*","status":"ready"}`,
			Settings: `{"to": "{{ object.number }}", "event": "message"}`, WantError: "PUSH_TO",
		},
		{
			Name: "nor is everybody meant in a list", Object: `{"number":"*","status":"ready","owner":"anna"}`,
			Settings: `{"to": "{{ [object.owner, object.number] }}", "event": "message"}`, WantError: "PUSH_TO",
		},
		{
			Name: "a list of nobody is refused", Object: `{"number":"1042","status":"ready"}`,
			Settings: `{"to": "{{ filter([object.owner], # != null) }}", "event": "message"}`, WantError: "PUSH_TO",
		},
		{
			Name: "a window that pages open by themselves is only meant when it is typed", Object: `{"number":"1042","note":"alert"}`,
			Settings: `{"to": "*", "event": "{{ object.note }}"}`, WantError: "PUSH_EVENT",
		},
		{
			Name: "data can not send pages elsewhere", Object: `{"number":"1042","note":"redirect"}`,
			Settings: `{"to": "*", "event": "{{ object.note }}", "message": "/login"}`, WantError: "PUSH_EVENT",
		},
		{Name: "typed, pages are sent elsewhere", Settings: `{"to": "*", "event": "redirect", "message": "/login"}`, Want: []string{`push * redirect "/login"`}},
		{
			Name: "a name that clients use for themselves", Object: `{"number":"1042","note":"connect"}`,
			Settings: `{"to": "*", "event": "{{ object.note }}"}`, WantError: "PUSH_EVENT",
		},
		{
			Name: "a long message to very many", Object: `{"number":"1042","note":"` + strings.Repeat("u,", 999) + `u` + strings.Repeat(" ", 200) + `"}`,
			Settings: `{"to": "{{ split(trim(object.note), \",\") }}", "event": "message", "message": "{{ object.note }}"}`, WantError: "PUSH_SIZE",
		},
	},
	Run: runPush,
})

type push struct {
	To      engine.Template `json:"to" title:"UserID" doc:"Who gets it: * for everybody of the app, or a user's id; a template may also give a list of ids."`
	Event   engine.Template `json:"event" type:"string" title:"Event name" doc:"The event name that pages listen for, at most 128 characters."`
	Message engine.Tree     `json:"message,omitzero" title:"Message" doc:"What the event carries: text with {{ }}, or with mode json a JSON value whose texts are templates. May be empty."`
	Mode    string          `json:"mode,omitzero" enum:"text,json" default:"text" title:"Send as" doc:"text (the default) sends the message as text, json as a JSON value."`
}

// Bind checks what can be checked before any run.
func (c *push) Bind(b *engine.Binder) {
	if c.Mode != "" && c.Mode != "text" && c.Mode != "json" {
		b.Fail("mode", "OPTION", "must be text or json")
	}
	if c.To.Typed() && c.To.Source != engine.Everybody && c.To.Source != "" && !engine.ValidID(c.To.Source) {
		b.Fail("to", "PUSH_TO", "must be *, the id of a user or a template")
	}
	if c.Event.Typed() && c.Event.Source != "" {
		if err := engine.CheckPush(c.Event.Source, ""); err != nil {
			b.Fail("event", "PUSH_EVENT", "%s", err)
		}
	}
}

func runPush(s *engine.Scope, c *push) (engine.Outcome, error) {
	to, err := c.receivers(s)
	if err != nil {
		return engine.Outcome{}, err
	}
	event, err := c.Event.Text(s)
	if err != nil {
		return engine.Outcome{}, err
	}
	if !c.Event.Typed() && (event == "alert" || event == "redirect") {
		return engine.Outcome{}, engine.StepError("PUSH_EVENT", "the events alert and redirect are sent only where they are typed")
	}
	message, err := c.message(s)
	if err != nil {
		return engine.Outcome{}, err
	}
	if err := s.Push(to, event, message, c.Mode == "json"); err != nil {
		return engine.Outcome{}, err
	}
	return engine.Next(map[string]any{"to": anyList(to), "event": event, "message": message})
}

// receivers are the ids to send to. Everybody is meant only when it is typed: what data yields can never reach everybody by accident.
func (c *push) receivers(s *engine.Scope) ([]string, error) {
	if c.To.Typed() {
		return []string{c.To.Source}, nil
	}
	v, err := c.To.Eval(s)
	if err != nil {
		return nil, err
	}
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	if len(list) == 0 {
		return nil, engine.StepError("PUSH_TO", "UserID gave an empty list: 1 to %d ids are possible", engine.MaxReceivers)
	}
	if len(list) > engine.MaxReceivers {
		return nil, engine.OverLimit("PUSH_TO", "receivers", "UserID gave %d ids: 1 to %d are possible", len(list), engine.MaxReceivers)
	}
	ids := make([]string, len(list))
	for i, v := range list {
		id, _ := v.(string)
		if id == "" || !engine.ValidID(id) {
			return nil, engine.StepError("PUSH_TO", "UserID gave no id of a user; * means everybody only when it is typed as the whole field")
		}
		ids[i] = id
	}
	return ids, nil
}

func (c *push) message(s *engine.Scope) (string, error) {
	if c.Message.Value == nil {
		if c.Mode == "json" {
			return "null", nil
		}
		return "", nil
	}
	v, err := c.Message.Eval(s)
	if err != nil {
		return "", err
	}
	if c.Mode != "json" {
		return expr.Text(v)
	}
	doc, err := json.Marshal(expr.ToJSON(v))
	if err != nil {
		return "", fmt.Errorf("message: %w", err)
	}
	return string(doc), nil
}

func anyList(ids []string) []any {
	list := make([]any, len(ids))
	for i, id := range ids {
		list[i] = id
	}
	return list
}
