package api

import (
	"context"
	"encoding/json"
	"time"

	"github.com/cuelight/cuelight/engine"
	"github.com/cuelight/cuelight/engine/account"
)

type testIn struct {
	ScenarioPath
	Key string `header:"Idempotency-Key" doc:"Makes a real test safe to repeat for 24 h."`
}

type testBody struct {
	Document document                   `json:"document,omitempty" doc:"The draft; left out, the one that is saved."`
	Mode     string                     `json:"mode,omitempty" enum:"dry,real" doc:"dry (the default): nothing is written, sent or called, the answer tells what would be. real: a run that does it all."`
	Object   string                     `json:"object,omitempty" doc:"The id of the current object; left out, none."`
	Vars     map[string]json.RawMessage `json:"vars,omitempty" doc:"The draft's parameters."`
	Change   int64                      `json:"change,omitempty" minimum:"1" doc:"A change of the object, whose before, changed and event the run sees; left out, these show the object as it is."`
	From     string                     `json:"from,omitempty" doc:"The id of the step to begin with; one in a loop can not be."`
	Until    string                     `json:"until,omitempty" doc:"The id of the step to end after."`
	Recorded string                     `json:"recorded,omitempty" doc:"An earlier run of the scenario: steps before from are taken to have yielded what they did there; variables are those that it ended with."`
}

type testOut struct {
	Runs string `header:"Cuelight-Runs"`
	Body struct {
		Run      engine.RunID     `json:"run,omitempty" doc:"With mode real: the run, which goes on by itself."`
		Status   engine.RunStatus `json:"status,omitempty" enum:"ready,queued,waiting,calling,done,failed,cancelled,not_matched,merged" doc:"With mode dry: how the run would stand."`
		Error    *engine.RunError `json:"error,omitempty"`
		Triggers []triggerView    `json:"triggers" nullable:"false" doc:"Whether the object, or the change, would start a run."`
		Steps    []dryStepView    `json:"steps" nullable:"false" doc:"The walked steps, in turn."`
		Cut      bool             `json:"cut,omitempty" doc:"The dry run was ended by its bounds: 500 steps, 5 s, 4 MiB."`
	}
}

// dryStepView is a walked step of a dry run.
type dryStepView struct {
	Scenario string           `json:"scenario" doc:"The scenario of the step: those that are called and waited for are walked too."`
	Step     string           `json:"step"`
	Kind     string           `json:"kind"`
	Status   string           `json:"status" enum:"done,failed,waiting"`
	Attempt  int              `json:"attempt,omitempty"`
	Item     *int             `json:"item,omitempty" doc:"The pass of the innermost loop, from 0."`
	Settings value            `json:"settings"`
	Output   value            `json:"output"`
	Error    string           `json:"error,omitempty"`
	Until    *time.Time       `json:"until,omitempty" doc:"When the run would go on after it."`
	Changes  []changeView     `json:"changes,omitempty" doc:"What would be written; their numbers are of no meaning."`
	Pushes   []dryPushView    `json:"pushes,omitempty"`
	Starts   []startedRunView `json:"starts,omitempty" doc:"Runs that would start."`
}

type dryPushView struct {
	To      string `json:"to"`
	Event   string `json:"event"`
	Message string `json:"message"`
	JSON    bool   `json:"json,omitempty"`
	Online  int    `json:"online" doc:"Open sockets of the receiver on this node, now."`
}

type startedRunView struct {
	Scenario string `json:"scenario"`
	Object   string `json:"object,omitempty"`
}

// testDraft needs what the steps could do: a real test writes and pushes, and a dry one shows objects.
func (a *API) testDraft(ctx context.Context, c *call, in *testIn, body *testBody) (*testOut, error) {
	needs := []account.Scope{account.ObjectsRead}
	if body.Mode == "real" {
		needs = []account.Scope{account.RunsWrite, account.ObjectsWrite, account.Push, account.PushAll}
	}
	if body.Recorded != "" {
		needs = append(needs, account.RunsRead)
	}
	for _, scope := range needs {
		if !c.who.has(scope) {
			return nil, c.who.lacks(scope)
		}
	}
	whole, err := a.draftGiven(ctx, c, in.ScenarioPath, body.Document)
	if err != nil {
		return nil, err
	}
	once, err := c.once(in.Key)
	if err != nil {
		return nil, err
	}
	t := engine.Test{
		Once: once,
		App:  c.app, Scenario: in.ID, Document: whole, Object: body.Object, Vars: body.Vars, Change: body.Change,
		From: body.From, Until: body.Until, Recorded: engine.RunID(body.Recorded), Who: c.who.id,
	}
	out := &testOut{}
	out.Body.Triggers, out.Body.Steps = []triggerView{}, []dryStepView{}
	if body.Mode == "real" {
		id, err := a.opt.Engine.TestRun(ctx, t)
		if err != nil {
			return nil, err
		}
		out.Runs, out.Body.Run = string(id), id
		return out, nil
	}
	dry, err := a.opt.Engine.DryRun(ctx, t)
	if err != nil {
		return nil, err
	}
	return out, a.showDry(ctx, c.app, dry, out)
}

func (a *API) showDry(ctx context.Context, app engine.AppID, dry *engine.DryRun, out *testOut) error {
	structures, err := a.opt.Engine.Structures(ctx, app)
	if err != nil {
		return err
	}
	out.Body.Status, out.Body.Error, out.Body.Cut = dry.Status, dry.Error, dry.Cut
	for _, t := range dry.Triggers {
		out.Body.Triggers = append(out.Body.Triggers, showTrigger(t))
	}
	for _, l := range dry.Lines {
		v := dryStepView{
			Scenario: l.Scenario, Step: l.Step, Kind: l.Kind, Status: l.Status, Attempt: l.Attempt, Settings: value(l.Settings), Output: value(l.Output),
			Error: l.Error, Until: maybe(l.Until),
		}
		if l.Item >= 0 {
			v.Item = &l.Item
		}
		for _, ch := range l.Changes {
			v.Changes = append(v.Changes, showChange(ch, structures))
		}
		for _, p := range l.Pushes {
			v.Pushes = append(v.Pushes, dryPushView{To: p.To, Event: p.Event, Message: p.Message, JSON: p.JSON, Online: a.online(app, p.To)})
		}
		for _, r := range l.Starts {
			v.Starts = append(v.Starts, startedRunView{Scenario: r.Scenario, Object: r.Object})
		}
		out.Body.Steps = append(out.Body.Steps, v)
	}
	return nil
}
