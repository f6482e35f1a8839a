package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/cuelight/cuelight/engine"
)

// ScenarioPath names a scenario. It is exported because huma looks at exported embedded structs only.
type ScenarioPath struct {
	App string `path:"app" doc:"The app's id."`
	ID  string `path:"id" doc:"The scenario's id."`
}

type scenarioIn struct{ ScenarioPath }

// scenarioView is a scenario without its documents.
type scenarioView struct {
	ID        string               `json:"id"`
	Name      string               `json:"name,omitempty"`
	Structure string               `json:"structure,omitempty"`
	State     engine.ScenarioState `json:"state" enum:"stopped,running,paused"`
	Version   int64                `json:"version" doc:"The number of the published version; 0: none yet."`
	// Unpublished says that the draft differs from what runs.
	Unpublished bool            `json:"unpublished" doc:"The draft differs from the published version."`
	Rev         int64           `json:"rev" doc:"The revision of draft and state, which is the ETag."`
	Notices     []engine.Notice `json:"notices,omitempty" doc:"Conditions that could not be judged since the server started, and queues that are too long."`
	Missed      *engine.Missed  `json:"missed,omitempty" doc:"Changes that started no run because too many waited for their turn."`
	// Problems keep the published version from running.
	Problems  []engine.Problem `json:"problems,omitempty" doc:"What does not fit the app's structures any more: the published version matches nothing until it is corrected."`
	ChangedAt time.Time        `json:"changed_at"`
}

type scenarioOut struct {
	ETag string `header:"ETag"`
	Body scenarioView
}

func showScenario(r *engine.Record) (scenarioView, *engine.ScenarioRecord, error) {
	var rec engine.ScenarioRecord
	if err := json.Unmarshal(r.Body, &rec); err != nil {
		return scenarioView{}, nil, fmt.Errorf("read scenario %s: %w", r.ID, err)
	}
	doc := rec.Draft
	if doc == nil {
		doc = rec.Published
	}
	var head struct {
		Name      string `json:"name"`
		Structure string `json:"structure"`
	}
	if doc != nil {
		if err := json.Unmarshal(doc, &head); err != nil {
			return scenarioView{}, nil, fmt.Errorf("read scenario %s: %w", r.ID, err)
		}
	}
	return scenarioView{
		ID: r.ID, Name: head.Name, Structure: head.Structure, State: rec.State, Version: rec.Version,
		Unpublished: string(rec.Draft) != string(rec.Published), Rev: r.Rev, ChangedAt: r.At.UTC(),
	}, &rec, nil
}

func (a *API) scenario(ctx context.Context, c *call, id string) (scenarioView, *engine.ScenarioRecord, error) {
	r, err := a.opt.Store.Record(ctx, c.app, engine.RecordScenario, id)
	if err != nil {
		return scenarioView{}, nil, notFound(err, "SCENARIO_NOT_FOUND", "the app has no scenario of this id")
	}
	return showScenario(r)
}

type listIn struct {
	AppPath
	PageQuery
}

func (a *API) listScenarios(ctx context.Context, c *call, in *listIn, _ *none) (*pageOut[scenarioView], error) {
	limit, err := a.pageLimit(in.Limit)
	if err != nil {
		return nil, err
	}
	records, err := a.opt.Store.Records(ctx, c.app, engine.RecordScenario, "", in.Cursor, limit)
	if err != nil {
		return nil, err
	}
	problems, err := a.opt.Engine.ScenarioProblems(ctx, c.app)
	if err != nil {
		return nil, err
	}
	out := &pageOut[scenarioView]{Body: page[scenarioView]{Items: []scenarioView{}}}
	for _, r := range records {
		v, _, err := showScenario(r)
		if err != nil {
			return nil, err
		}
		v.Problems = problems[v.ID]
		out.Body.Items = append(out.Body.Items, v)
	}
	if engine.Full(records, limit) {
		out.Body.Next = records[len(records)-1].ID
	}
	return out, nil
}

func (a *API) getScenario(ctx context.Context, c *call, in *scenarioIn, _ *none) (*scenarioOut, error) {
	v, _, err := a.scenario(ctx, c, in.ID)
	if err != nil {
		return nil, err
	}
	problems, err := a.opt.Engine.ScenarioProblems(ctx, c.app)
	if err != nil {
		return nil, err
	}
	v.Problems = problems[in.ID]
	if v.Missed, err = a.opt.Engine.MissedBy(ctx, c.app, in.ID); err != nil {
		return nil, err
	}
	for _, n := range a.opt.Engine.Notices(c.app) {
		if n.Scenario == in.ID {
			v.Notices = append(v.Notices, n)
		}
	}
	return &scenarioOut{ETag: etag(v.Rev), Body: v}, nil
}

func (a *API) runMissed(ctx context.Context, c *call, in *scenarioIn, _ *none) (*scenarioOut, error) {
	if err := a.opt.Engine.RunMissed(ctx, c.app, in.ID); err != nil {
		return nil, err
	}
	return a.getScenario(ctx, c, in, nil)
}

func (a *API) forgetMissed(ctx context.Context, c *call, in *scenarioIn, _ *none) (*struct{}, error) {
	return nil, a.opt.Engine.ForgetMissed(ctx, c.app, in.ID)
}

func (a *API) deleteScenario(ctx context.Context, c *call, in *scenarioIn, _ *none) (*struct{}, error) {
	return nil, a.opt.Engine.DeleteScenario(ctx, c.app, in.ID)
}

func (a *API) getDraft(ctx context.Context, c *call, in *scenarioIn, _ *none) (*documentOut, error) {
	v, rec, err := a.scenario(ctx, c, in.ID)
	if err != nil {
		return nil, err
	}
	if rec.Draft == nil {
		return nil, &engine.CodedError{Kind: engine.ErrNotFound, Code: "NO_DRAFT", Message: "the scenario has no draft"}
	}
	return &documentOut{Status: http.StatusOK, ETag: etag(v.Rev), Body: document(rec.Draft)}, nil
}

type saveDraftIn struct {
	ScenarioPath
	IfMatch string `header:"If-Match" doc:"The draft's ETag: refused with 412 if it has another by now."`
}

type draftOut struct {
	Status int
	ETag   string `header:"ETag"`
	Body   struct {
		Problems []FieldProblem `json:"problems" nullable:"false" doc:"What keeps the draft from being published."`
	}
}

func (a *API) saveDraft(ctx context.Context, c *call, in *saveDraftIn, body *document) (*draftOut, error) {
	rev, err := ifMatch(in.IfMatch)
	if err != nil {
		return nil, err
	}
	doc, err := withID(*body, in.ID)
	if err != nil {
		return nil, err
	}
	if rev != 0 {
		// The engine compares with what is there; where nothing is, no ETag can be right.
		if _, _, err := a.scenario(ctx, c, in.ID); errors.Is(err, engine.ErrNotFound) {
			return nil, problem(http.StatusPreconditionFailed, "VERSION", "there is no draft yet")
		} else if err != nil {
			return nil, err
		}
	}
	problems, next, err := a.opt.Engine.SaveDraft(ctx, c.app, in.ID, doc, rev)
	if err != nil {
		return nil, err
	}
	a.opt.Console.DraftSaved(c.app, in.ID, next, c.who.id)
	out := &draftOut{Status: http.StatusOK, ETag: etag(next)}
	if next == 1 {
		out.Status = http.StatusCreated
	}
	out.Body.Problems = []FieldProblem{}
	for _, p := range problems {
		out.Body.Problems = append(out.Body.Problems, FieldProblem(p))
	}
	return out, nil
}

// versionView is a published version without its document.
type versionView struct {
	Number int64     `json:"number"`
	Note   string    `json:"note,omitempty"`
	By     string    `json:"by,omitempty"`
	At     time.Time `json:"at"`
}

type versionsIn struct {
	ScenarioPath
	PageQuery
}

func (a *API) listVersions(ctx context.Context, c *call, in *versionsIn, _ *none) (*pageOut[versionView], error) {
	if _, _, err := a.scenario(ctx, c, in.ID); err != nil {
		return nil, err
	}
	limit, err := a.pageLimit(in.Limit)
	if err != nil {
		return nil, err
	}
	records, err := a.opt.Store.Records(ctx, c.app, engine.RecordVersion, in.ID, in.Cursor, limit)
	if err != nil {
		return nil, err
	}
	out := &pageOut[versionView]{Body: page[versionView]{Items: []versionView{}}}
	for _, r := range records {
		var rec engine.VersionRecord
		if err := json.Unmarshal(r.Body, &rec); err != nil {
			return nil, fmt.Errorf("read version %s: %w", r.ID, err)
		}
		out.Body.Items = append(out.Body.Items, versionView{rec.Number, rec.Note, rec.By, r.At.UTC()})
	}
	if engine.Full(records, limit) {
		out.Body.Next = records[len(records)-1].ID
	}
	return out, nil
}

type versionIn struct {
	ScenarioPath
	Number int64 `path:"number" doc:"The version's number; below 0, the draft of a test run."`
}

func (a *API) getVersion(ctx context.Context, c *call, in *versionIn, _ *none) (*documentOut, error) {
	r, err := a.opt.Store.Record(ctx, c.app, engine.VersionKind(in.Number), fmt.Sprintf("%s/%08d", in.ID, in.Number))
	if err != nil {
		return nil, notFound(err, "VERSION_NOT_FOUND", "the scenario has no such version")
	}
	var rec engine.VersionRecord
	if err := json.Unmarshal(r.Body, &rec); err != nil {
		return nil, fmt.Errorf("read version %s: %w", r.ID, err)
	}
	return &documentOut{Status: http.StatusOK, ETag: etag(r.Rev), Body: document(rec.Document)}, nil
}

type publishIn struct {
	ScenarioPath
	IfMatch string `header:"If-Match" doc:"The draft's ETag: refused with 412 if it has another by now."`
}

type publishBody struct {
	Document document `json:"document,omitempty" doc:"Instead of the draft: what to publish, which then is the draft too. It is stored and published at once or, with problems, not at all; a scenario that is not there is made."`
	Note     string   `json:"note,omitempty" doc:"What is new, for the list of versions."`
	Start    bool     `json:"start,omitempty" doc:"Start the scenario too."`
}

const maxNote = 1000

func (a *API) publish(ctx context.Context, c *call, in *publishIn, body *publishBody) (*scenarioOut, error) {
	if len(body.Note) > maxNote {
		return nil, overLimit("note", "version_note", "may be at most %d bytes long", maxNote)
	}
	rev, err := ifMatch(in.IfMatch)
	if err != nil {
		return nil, err
	}
	before, _, err := a.scenario(ctx, c, in.ID)
	if made := body.Document != nil && rev == 0 && errors.Is(err, engine.ErrNotFound); err != nil && !made {
		return nil, err
	}
	var doc []byte
	if body.Document != nil {
		if doc, err = withID(body.Document, in.ID); err != nil {
			return nil, err
		}
	}
	rec, err := a.opt.Engine.PublishAt(ctx, c.app, in.ID, doc, rev, c.who.id, body.Start)
	if err != nil {
		return nil, err
	}
	if body.Note != "" && rec.Version != before.Version {
		if err := a.opt.Engine.NoteVersion(ctx, c.app, in.ID, rec.Version, body.Note); err != nil {
			return nil, err
		}
	}
	return a.getScenario(ctx, c, &scenarioIn{in.ScenarioPath}, nil)
}

func (a *API) start(ctx context.Context, c *call, in *scenarioIn, _ *none) (*scenarioOut, error) {
	return a.setState(ctx, c, in, engine.Running)
}

func (a *API) stop(ctx context.Context, c *call, in *scenarioIn, _ *none) (*scenarioOut, error) {
	return a.setState(ctx, c, in, engine.Stopped)
}

func (a *API) pause(ctx context.Context, c *call, in *scenarioIn, _ *none) (*scenarioOut, error) {
	return a.setState(ctx, c, in, engine.Paused)
}

func (a *API) setState(ctx context.Context, c *call, in *scenarioIn, state engine.ScenarioState) (*scenarioOut, error) {
	if _, err := a.opt.Engine.SetState(ctx, c.app, in.ID, state); err != nil {
		return nil, err
	}
	return a.getScenario(ctx, c, in, nil)
}

type callIn struct {
	ScenarioPath
	Wait string `query:"wait" doc:"Wait for the run, as 5s."`
	Key  string `header:"Idempotency-Key" doc:"Makes the request safe to repeat for 24 h."`
}

type callBody struct {
	Object string                     `json:"object,omitempty" doc:"The id of the current object."`
	Vars   map[string]json.RawMessage `json:"vars,omitempty" doc:"The scenario's parameters."`
}

type callOut struct {
	Status int
	Runs   string `header:"Cuelight-Runs"`
	Body   struct {
		Run    engine.RunID     `json:"run"`
		URL    string           `json:"url"`
		Status engine.RunStatus `json:"status,omitempty" enum:"done,failed,cancelled,not_matched,merged" doc:"With wait: how the run ended."`
		Error  *engine.RunError `json:"error,omitempty"`
	}
}

func (a *API) callScenario(ctx context.Context, c *call, in *callIn, body *callBody) (*callOut, error) {
	once, err := c.once(in.Key)
	if err != nil {
		return nil, err
	}
	wait, release, err := a.waitFor(c.app, in.Wait)
	if err != nil {
		return nil, err
	}
	defer release()
	id, err := a.opt.Engine.Call(ctx, engine.Call{App: c.app, Scenario: in.ID, Object: body.Object, Vars: body.Vars, Who: c.who.id, Once: once})
	if err != nil {
		return nil, err
	}
	return a.called(ctx, c, id, wait)
}

// called answers with a run that was started, and with how it ended where that is waited for.
func (a *API) called(ctx context.Context, c *call, id engine.RunID, wait time.Duration) (*callOut, error) {
	out := &callOut{Status: http.StatusAccepted, Runs: string(id)}
	out.Body.Run, out.Body.URL = id, runURLs(c.app, []engine.RunID{id})[0]
	if wait == 0 {
		return out, nil
	}
	ended, finished, err := a.runsOf(ctx, c.app, []engine.RunID{id}, wait)
	if err != nil || !finished {
		return out, err
	}
	out.Status, out.Body.Status, out.Body.Error = http.StatusOK, ended[0].Status, ended[0].Error
	return out, nil
}
