package api

import (
	"context"

	"github.com/cuelight/cuelight/engine"
	"github.com/cuelight/cuelight/engine/account"
	"github.com/cuelight/cuelight/engine/expr"
)

type completeBody struct {
	Document document `json:"document,omitempty" doc:"The draft; left out, the one that is saved."`
	Path     string   `json:"path" maxLength:"1000" doc:"The setting, as steps[0].message."`
	Text     string   `json:"text" doc:"What stands in it now; it may be of any form."`
	Pos      int      `json:"pos" minimum:"0" doc:"The caret in the text, in characters."`
	Object   string   `json:"object,omitempty" doc:"The id of an object of the scenario's structure whose values are shown; left out, none."`
}

type completeOut struct {
	Body struct {
		From  int            `json:"from" doc:"An item takes the place of the characters from here"`
		To    int            `json:"to" doc:"up to here."`
		Items []completeView `json:"items" nullable:"false" doc:"What may stand there, at most 100; none in a setting that holds no expression."`
	}
}

type completeView struct {
	Label   string `json:"label" doc:"Its name."`
	Type    string `json:"type" doc:"What is known of its value, or how a function is called."`
	Example value  `json:"example" doc:"Its value on the object; null also where only a run knows it."`
	Insert  string `json:"insert" doc:"What to write; behind a function's () the caret belongs between them."`
	Detail  string `json:"detail,omitempty" doc:"A line of help."`
}

// completeDraft shows values of an object: whoever may not see objects does not see them here.
func (a *API) completeDraft(ctx context.Context, c *call, in *scenarioIn, body *completeBody) (*completeOut, error) {
	if !c.who.has(account.ObjectsRead) {
		return nil, c.who.lacks(account.ObjectsRead)
	}
	whole, err := a.draftGiven(ctx, c, in.ScenarioPath, body.Document)
	if err != nil {
		return nil, err
	}
	found, err := a.opt.Engine.Complete(ctx, c.app, engine.Complete{Document: whole, Path: body.Path, Text: body.Text, Pos: body.Pos, Object: body.Object})
	if err != nil {
		return nil, notFound(err, "OBJECT_NOT_FOUND", "the structure has no object of this id")
	}
	out := &completeOut{}
	out.Body.From, out.Body.To, out.Body.Items = found.From, found.To, []completeView{}
	for _, item := range found.Items {
		shown := completeView{Label: item.Label, Type: item.Type.String(), Example: value("null"), Insert: item.Insert, Detail: item.Detail}
		if item.Signature != "" {
			shown.Type = item.Signature
		}
		if item.Type.Kind == expr.KindMap && item.Path != nil {
			shown.Detail = "write . for what is in it"
		}
		if item.Example != nil {
			shown.Example = value(item.Example)
		}
		out.Body.Items = append(out.Body.Items, shown)
	}
	return out, nil
}
