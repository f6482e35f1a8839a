package api

import (
	"context"

	"github.com/cuelight/cuelight/engine"
	"github.com/cuelight/cuelight/engine/account"
)

type explainOut struct {
	Body struct {
		Change    changeView       `json:"change"`
		Scenarios []consideredView `json:"scenarios" nullable:"false" doc:"Every scenario of the structure, as it is published now."`
		Runs      []runView        `json:"runs" nullable:"false" doc:"What the change really started, oldest first, by the versions of then."`
	}
}

// consideredView is what the change means for one scenario.
type consideredView struct {
	Scenario string               `json:"scenario"`
	State    engine.ScenarioState `json:"state" enum:"running,paused,stopped"`
	Version  int64                `json:"version" doc:"The published version, 0 for none."`
	Code     string               `json:"code,omitempty" enum:"STOPPED,PAUSED,NO_VERSION,BROKEN,SILENT" doc:"What stands in the way of all its triggers; with PAUSED its runs queue. Absent: nothing."`
	Message  string               `json:"message,omitempty" doc:"The code in words."`
	Triggers []triggerView        `json:"triggers" nullable:"false" doc:"Its object triggers."`
}

// triggerView is what the change means for one trigger.
type triggerView struct {
	ID        string              `json:"id"`
	Kind      string              `json:"kind"`
	On        []engine.ChangeKind `json:"on" nullable:"false" doc:"The events that it watches."`
	Fields    []string            `json:"fields" nullable:"false" doc:"The fields of which one has to change; empty for any."`
	Matches   bool                `json:"matches" doc:"The change passes all that the trigger asks."`
	Code      string              `json:"code,omitempty" enum:"EVENT,FIELDS,ERROR,CONDITION,ONCE" doc:"The first thing that the change does not pass."`
	Message   string              `json:"message,omitempty" doc:"The code in words."`
	Condition *judgedView         `json:"condition,omitempty" doc:"Judged even where the trigger does not get to it."`
}

// judgedView is a condition and what it saw.
type judgedView struct {
	Source   string     `json:"source"`
	Deferred bool       `json:"deferred" doc:"It is too dear for the write: the run judges it as its first step."`
	Result   *bool      `json:"result" doc:"null: no value, which counts as false, or an error."`
	Error    string     `json:"error,omitempty" doc:"Why it can not be judged."`
	Reads    []readView `json:"reads" nullable:"false" doc:"Every path that it looks at, in the change's own images."`
}

type readView struct {
	Path  string `json:"path" doc:"As object.status, before.total or changed."`
	Value value  `json:"value"`
	Cut   int    `json:"cut,omitempty" doc:"The bytes of a value that is left out because it is long."`
}

func (a *API) explainChange(ctx context.Context, c *call, in *getChangeIn, _ *none) (*explainOut, error) {
	// It shows objects, conditions and runs: whoever may not see one of them does not see it here.
	for _, scope := range []account.Scope{account.ScenariosRead, account.RunsRead} {
		if !c.who.has(scope) {
			return nil, c.who.lacks(scope)
		}
	}
	x, err := a.opt.Engine.Explain(ctx, c.app, in.Seq)
	if err != nil {
		return nil, err
	}
	structures, err := a.opt.Engine.Structures(ctx, c.app)
	if err != nil {
		return nil, err
	}
	out := &explainOut{}
	out.Body.Change, out.Body.Scenarios, out.Body.Runs = showChange(x.Change, structures), []consideredView{}, []runView{}
	for _, s := range x.Scenarios {
		v := consideredView{Scenario: s.Scenario, State: s.State, Version: s.Version, Code: s.Why.Code, Message: s.Why.Message, Triggers: []triggerView{}}
		for _, t := range s.Triggers {
			v.Triggers = append(v.Triggers, showTrigger(t))
		}
		out.Body.Scenarios = append(out.Body.Scenarios, v)
	}
	for _, r := range x.Runs {
		out.Body.Runs = append(out.Body.Runs, showRun(r))
	}
	return out, nil
}

func showTrigger(t engine.ConsideredTrigger) triggerView {
	v := triggerView{
		ID: t.Trigger, Kind: t.Kind, On: t.On, Fields: append([]string{}, t.Fields...), Matches: t.Matches, Code: t.Why.Code, Message: t.Why.Message,
	}
	if j := t.Condition; j != nil {
		v.Condition = &judgedView{Source: j.Source, Deferred: j.Deferred, Result: j.Result, Error: j.Error, Reads: []readView{}}
		for _, r := range j.Reads {
			v.Condition.Reads = append(v.Condition.Reads, readView{Path: r.Path, Value: value(r.Value), Cut: r.Cut})
		}
	}
	return v
}
