package api

import (
	"context"
	"strconv"
	"time"

	"github.com/cuelight/cuelight/engine"
)

// runView is a run as the API shows it.
type runView struct {
	ID         engine.RunID     `json:"id"`
	Scenario   string           `json:"scenario"`
	Version    int64            `json:"version"`
	Status     engine.RunStatus `json:"status" enum:"ready,queued,waiting,calling,done,failed,cancelled,not_matched,merged"`
	Trigger    string           `json:"trigger,omitempty" doc:"The trigger that started it; absent for a call."`
	Structure  string           `json:"structure,omitempty"`
	Object     string           `json:"object,omitempty"`
	Change     int64            `json:"change,omitempty" doc:"The change that caused it."`
	User       string           `json:"user,omitempty"`
	Depth      int              `json:"depth" doc:"How far down a chain of causes it is, from 1."`
	DueAt      *time.Time       `json:"due_at,omitempty"`
	CreatedAt  time.Time        `json:"created_at"`
	FinishedAt *time.Time       `json:"finished_at,omitempty"`
	Error      *engine.RunError `json:"error,omitempty"`
}

func showRun(r *engine.Run) runView {
	return runView{
		ID: r.ID, Scenario: r.Scenario, Version: r.Version, Status: r.Status, Trigger: r.Trigger, Structure: r.Structure, Object: r.Object,
		Change: r.Change, User: r.User, Depth: r.Depth, DueAt: maybe(r.DueAt), CreatedAt: r.CreatedAt.UTC(), FinishedAt: maybe(r.FinishedAt), Error: r.Error,
	}
}

func maybe(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

type listRunsIn struct {
	AppPath
	PageQuery
	Scenario string `query:"scenario" doc:"Only of this scenario."`
	Status   string `query:"status" enum:"ready,queued,waiting,calling,done,failed,cancelled,not_matched,merged" doc:"Only of this status."`
	Object   string `query:"object" doc:"Only of the object with this id."`
	Change   int64  `query:"change" minimum:"1" doc:"Only those that the change with this number started."`
}

func (a *API) listRuns(ctx context.Context, c *call, in *listRunsIn, _ *none) (*pageOut[runView], error) {
	limit, err := a.pageLimit(in.Limit)
	if err != nil {
		return nil, err
	}
	runs, err := a.opt.Store.Runs(ctx, engine.RunQuery{
		App: c.app, Scenario: in.Scenario, Status: engine.RunStatus(in.Status), Object: in.Object, Change: in.Change, Before: engine.RunID(in.Cursor), Limit: limit,
	})
	if err != nil {
		return nil, err
	}
	out := &pageOut[runView]{Body: page[runView]{Items: []runView{}}}
	for _, r := range runs {
		out.Body.Items = append(out.Body.Items, showRun(r))
	}
	if len(runs) == limit {
		out.Body.Next = string(runs[limit-1].ID)
	}
	return out, nil
}

// RunPath names a run. It is exported because huma looks at exported embedded structs only.
type RunPath struct {
	App string `path:"app" doc:"The app's id."`
	ID  string `path:"id" doc:"The run's id."`
}

type runIn struct{ RunPath }

type runOut struct{ Body runView }

func (a *API) run(ctx context.Context, c *call, id string) (*engine.Run, error) {
	r, err := a.opt.Store.Run(ctx, c.app, engine.RunID(id))
	return r, notFound(err, "RUN_NOT_FOUND", "the app has no run of this id")
}

func (a *API) getRun(ctx context.Context, c *call, in *runIn, _ *none) (*runOut, error) {
	r, err := a.run(ctx, c, in.ID)
	if err != nil {
		return nil, err
	}
	return &runOut{showRun(r)}, nil
}

func (a *API) cancelRun(ctx context.Context, c *call, in *runIn, _ *none) (*runOut, error) {
	r, err := a.opt.Engine.Cancel(ctx, c.app, engine.RunID(in.ID))
	if err != nil {
		return nil, err
	}
	return &runOut{showRun(r)}, nil
}

// stepView is a line of a run's log.
type stepView struct {
	Seq        int64       `json:"seq"`
	Step       string      `json:"step"`
	Kind       string      `json:"kind"`
	Status     string      `json:"status" enum:"done,failed,waiting"`
	Attempt    int         `json:"attempt,omitempty"`
	At         time.Time   `json:"at"`
	Settings   value       `json:"settings"`
	Output     value       `json:"output"`
	Error      string      `json:"error,omitempty"`
	Offsets    []string    `json:"offsets,omitempty" doc:"Where its pushes stand in the app's push log, while that is kept."`
	Deliveries *deliveries `json:"deliveries,omitempty" doc:"Who got its pushes, about a second behind; absent where nothing is known."`
}

// deliveries says what became of the pushes of a step, on all nodes.
type deliveries struct {
	Online    int64 `json:"online" doc:"Open sockets of the receivers when the pushes were handed to the sockets."`
	Delivered int64 `json:"delivered" doc:"How often they were written to a socket, replays after a reconnect included."`
	Received  int64 `json:"received" doc:"How many sockets confirmed them; stock clients confirm nothing, cuelight.js does."`
}

type stepsIn struct {
	RunPath
	PageQuery
	Status string `query:"status" enum:"done,failed,waiting" doc:"Only lines of this status."`
}

// steps reads a page of a run's log, of one status where that is given: the log is bounded, so it is read through for that.
func (a *API) steps(ctx context.Context, app engine.AppID, run engine.RunID, after int64, limit int, status string) ([]*engine.StepRecord, error) {
	if status == "" {
		return a.opt.Store.Steps(ctx, app, run, after, limit)
	}
	var found []*engine.StepRecord
	for size := 0; ; {
		page, err := a.opt.Store.Steps(ctx, app, run, after, a.limits.Page)
		if err != nil {
			return nil, err
		}
		for _, s := range page {
			if after = s.Seq; s.Status != status {
				continue
			}
			size += s.Size()
			if found = append(found, s); len(found) == limit || size >= engine.PageBytes {
				return found, nil
			}
		}
		if !engine.Full(page, a.limits.Page) {
			return found, nil
		}
	}
}

func (a *API) listSteps(ctx context.Context, c *call, in *stepsIn, _ *none) (*pageOut[stepView], error) {
	if _, err := a.run(ctx, c, in.ID); err != nil {
		return nil, err
	}
	limit, err := a.pageLimit(in.Limit)
	if err != nil {
		return nil, err
	}
	after := int64(0)
	if in.Cursor != "" {
		if after, err = strconv.ParseInt(in.Cursor, 10, 64); err != nil {
			return nil, wrongField("cursor", "CURSOR", "must be the next of an earlier page")
		}
	}
	steps, err := a.steps(ctx, c.app, engine.RunID(in.ID), after, limit, in.Status)
	if err != nil {
		return nil, err
	}
	offsets, err := a.offsets(ctx, c.app, engine.RunID(in.ID))
	if err != nil {
		return nil, err
	}
	reached, err := a.deliveries(ctx, c.app, engine.RunID(in.ID))
	if err != nil {
		return nil, err
	}
	out := &pageOut[stepView]{Body: page[stepView]{Items: []stepView{}}}
	for _, s := range steps {
		out.Body.Items = append(out.Body.Items, stepView{
			Seq: s.Seq, Step: s.Step, Kind: s.Kind, Status: s.Status, Attempt: s.Attempt, At: s.At.UTC(),
			Settings: value(s.Settings), Output: value(s.Output), Error: s.Error, Offsets: offsets[s.Seq], Deliveries: reached[s.Seq],
		})
	}
	if engine.Full(steps, limit) {
		out.Body.Next = strconv.FormatInt(steps[len(steps)-1].Seq, 10)
	}
	return out, nil
}

// offsets are the places of a run's pushes by the number of the step that sent them: a step can not know them, since positions are given
// last of all.
func (a *API) offsets(ctx context.Context, app engine.AppID, run engine.RunID) (map[int64][]string, error) {
	pushes, err := a.opt.Store.PushesOf(ctx, app, run)
	if err != nil || len(pushes) == 0 {
		return nil, err
	}
	head, err := a.opt.Store.PushHead(ctx, app)
	if err != nil {
		return nil, err
	}
	offsets := map[int64][]string{}
	for _, p := range pushes {
		offsets[p.Seq] = append(offsets[p.Seq], head.Epoch+"."+strconv.FormatInt(p.Pos, 10))
	}
	return offsets, nil
}

// deliveries are the counts of a run's pushes by the number of the step that sent them.
func (a *API) deliveries(ctx context.Context, app engine.AppID, run engine.RunID) (map[int64]*deliveries, error) {
	sums, err := a.opt.Store.DeliveriesOf(ctx, app, run)
	if err != nil {
		return nil, err
	}
	reached := make(map[int64]*deliveries, len(sums))
	for _, d := range sums {
		reached[d.Seq] = &deliveries{Online: d.Online, Delivered: d.Delivered, Received: d.Received}
	}
	return reached, nil
}
