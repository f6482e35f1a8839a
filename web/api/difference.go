package api

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"github.com/cuelight/cuelight/engine"
)

// pairs is a mux that takes {a}..{b} for a part of a path: net/http knows wildcards only that are whole parts.
type pairs struct{ *http.ServeMux }

const pairSplit = "/to/"

// HandleFunc adds a route; the two names get a part of their own each.
func (p pairs) HandleFunc(pattern string, handler func(http.ResponseWriter, *http.Request)) {
	p.ServeMux.HandleFunc(strings.Replace(pattern, "}..{", "}"+pairSplit+"{", 1), handler)
}

var pairRule = regexp.MustCompile(`^(/api/v1/apps/[^/]+/scenarios/[^/]+/versions/[^/.]+)\.\.([^/.]+)$`)

// ServeHTTP finds the route.
func (p pairs) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.ServeMux.ServeHTTP(w, apart(r))
}

// Handler finds the route without going there.
func (p pairs) Handler(r *http.Request) (h http.Handler, pattern string) {
	h, pattern = p.ServeMux.Handler(apart(r))
	return h, strings.Replace(pattern, "}"+pairSplit+"{", "}..{", 1)
}

// apart gives the two names of a pair a part of the path each.
func apart(r *http.Request) *http.Request {
	m := pairRule.FindStringSubmatch(r.URL.Path)
	if m == nil {
		return r
	}
	r = r.Clone(r.Context())
	r.URL.Path, r.URL.RawPath = m[1]+pairSplit+m[2], ""
	return r
}

// draftWord names the draft where a version's number may stand.
const draftWord = "draft"

type compareIn struct {
	ScenarioPath
	Number string `path:"number" doc:"The earlier version's number, or draft; 0 is a scenario with nothing in it."`
	To     string `path:"to" doc:"The later version's number, or draft."`
}

type compareDraftBody struct {
	From     string   `json:"from,omitempty" doc:"A version's number, or draft, which it is when left out: what the document is compared with."`
	Document document `json:"document" doc:"The later document, which need not be saved."`
}

type fieldDifferenceView struct {
	Path   string `json:"path" doc:"The setting, as set.status."`
	Before value  `json:"before,omitempty" doc:"Its earlier value; left out where there was none."`
	After  value  `json:"after,omitempty" doc:"Its later value; left out where there is none."`
}

type stepDifferenceView struct {
	Step   string                `json:"step" doc:"The step's id."`
	Kind   string                `json:"kind" doc:"Its kind."`
	Name   string                `json:"name,omitempty" doc:"Its name."`
	Change string                `json:"change" enum:"added,removed,changed,moved" doc:"How it differs; what was changed and moved is changed."`
	Moved  bool                  `json:"moved,omitempty" doc:"It stands in another place."`
	Path   string                `json:"path" doc:"Its place in the later document; of a removed one, in the earlier."`
	Fields []fieldDifferenceView `json:"fields" nullable:"false" doc:"The settings that differ; of an added or removed step, all."`
}

type differenceOut struct {
	Body struct {
		Items    []stepDifferenceView  `json:"items" nullable:"false" doc:"The steps that differ, in the order of the document."`
		Settings []fieldDifferenceView `json:"settings" nullable:"false" doc:"What differs in the scenario as a whole."`
		Triggers []stepDifferenceView  `json:"triggers" nullable:"false" doc:"The triggers that differ."`
	}
}

func (a *API) compareVersions(ctx context.Context, c *call, in *compareIn, _ *none) (*differenceOut, error) {
	before, err := a.side(ctx, c, in.ScenarioPath, in.Number)
	if err != nil {
		return nil, err
	}
	after, err := a.side(ctx, c, in.ScenarioPath, in.To)
	if err != nil {
		return nil, err
	}
	return a.differ(before, after)
}

func (a *API) compareDraft(ctx context.Context, c *call, in *scenarioIn, body *compareDraftBody) (*differenceOut, error) {
	if body.From == "" {
		body.From = draftWord
	}
	before, err := a.side(ctx, c, in.ScenarioPath, body.From)
	if err != nil {
		return nil, err
	}
	after, err := withID(body.Document, in.ID)
	if err != nil {
		return nil, err
	}
	return a.differ(before, after)
}

// side reads one of the two documents.
func (a *API) side(ctx context.Context, c *call, p ScenarioPath, which string) ([]byte, error) {
	if which == draftWord {
		out, err := a.getDraft(ctx, c, &scenarioIn{p}, nil)
		if err != nil {
			return nil, err
		}
		return out.Body, nil
	}
	if _, _, err := a.scenario(ctx, c, p.ID); err != nil {
		return nil, err
	}
	n, err := strconv.ParseInt(which, 10, 64)
	switch {
	case err != nil || n < 0:
		return nil, wrongField("number", "VERSION", "must be a version's number or draft")
	case n == 0:
		return []byte("{}"), nil
	}
	out, err := a.getVersion(ctx, c, &versionIn{p, n}, nil)
	if err != nil {
		return nil, err
	}
	return out.Body, nil
}

func (a *API) differ(before, after []byte) (*differenceOut, error) {
	d, err := a.opt.Engine.Differ(before, after)
	if err != nil {
		return nil, fmt.Errorf("compare: %w", err)
	}
	out := &differenceOut{}
	out.Body.Items, out.Body.Triggers, out.Body.Settings = stepViews(d.Steps), stepViews(d.Triggers), fieldViews(d.Settings)
	return out, nil
}

func stepViews(steps []engine.StepDifference) []stepDifferenceView {
	out := make([]stepDifferenceView, len(steps))
	for i, s := range steps {
		out[i] = stepDifferenceView{s.ID, s.Kind, s.Name, s.Change, s.Moved, s.Path, fieldViews(s.Fields)}
	}
	return out
}

func fieldViews(fields []engine.FieldDifference) []fieldDifferenceView {
	out := make([]fieldDifferenceView, len(fields))
	for i, f := range fields {
		out[i] = fieldDifferenceView{f.Path, value(f.Before), value(f.After)}
	}
	return out
}
