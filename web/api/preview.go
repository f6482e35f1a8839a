package api

import (
	"context"
	"time"

	"github.com/cuelight/cuelight/engine/account"
)

type previewBody struct {
	Document document `json:"document,omitempty" doc:"The draft; left out, the one that is saved."`
	Object   string   `json:"object,omitempty" doc:"The id of an object of the scenario's structure; left out, none."`
}

type previewOut struct {
	Body struct {
		Values []previewView `json:"values" nullable:"false" doc:"Every setting that can be evaluated, in the order of the draft."`
	}
}

type previewView struct {
	Path    string      `json:"path" doc:"The setting, as steps[0].message."`
	Value   value       `json:"value" doc:"What it comes to; null also where there is no value to show."`
	Cut     int         `json:"cut,omitempty" doc:"The bytes of a value that is left out because it is long."`
	Error   string      `json:"error,omitempty" doc:"Why it can not be evaluated on this object."`
	Unknown bool        `json:"unknown,omitempty" doc:"It looks at what only a run knows: an earlier step, a variable, the item of a loop, a secret."`
	Saw     []sawView   `json:"saw,omitempty" doc:"The plain values that a condition looked at."`
	Says    string      `json:"says,omitempty" doc:"A schedule in words; its path is that of the trigger."`
	Next    []time.Time `json:"next,omitempty" doc:"The next times of a schedule."`
}

type sawView struct {
	Path  string `json:"path" doc:"As object.status."`
	Value value  `json:"value"`
}

// draftGiven is the draft that a request speaks of, with its id: the one that it brings, else the one that is saved.
func (a *API) draftGiven(ctx context.Context, c *call, path ScenarioPath, doc document) ([]byte, error) {
	if doc == nil {
		saved, err := a.getDraft(ctx, c, &scenarioIn{path}, nil)
		if err != nil {
			return nil, err
		}
		doc = saved.Body
	}
	return withID(doc, path.ID)
}

// previewDraft shows values of an object: whoever may not see objects does not see them here.
func (a *API) previewDraft(ctx context.Context, c *call, in *scenarioIn, body *previewBody) (*previewOut, error) {
	if !c.who.has(account.ObjectsRead) {
		return nil, c.who.lacks(account.ObjectsRead)
	}
	whole, err := a.draftGiven(ctx, c, in.ScenarioPath, body.Document)
	if err != nil {
		return nil, err
	}
	values, err := a.opt.Engine.Preview(ctx, c.app, whole, body.Object)
	if err != nil {
		return nil, notFound(err, "OBJECT_NOT_FOUND", "the structure has no object of this id")
	}
	out := &previewOut{}
	out.Body.Values = []previewView{}
	for _, v := range values {
		shown := previewView{Path: v.Path, Value: value("null"), Cut: v.Cut, Error: v.Error, Unknown: v.Unknown, Says: v.Says, Next: v.Next}
		for _, r := range v.Saw {
			shown.Saw = append(shown.Saw, sawView{r.Path, value(r.Value)})
		}
		if v.Value != nil {
			shown.Value = value(v.Value)
		}
		out.Body.Values = append(out.Body.Values, shown)
	}
	return out, nil
}
