package api

import (
	"context"

	"github.com/cuelight/cuelight/engine"
)

type rerunIn struct {
	RunPath
	Wait string `query:"wait" doc:"Wait for the run, as 5s."`
	Key  string `header:"Idempotency-Key" doc:"Makes the request safe to repeat for 24 h."`
}

// retryRun lets a failed run go on from the step that failed.
func (a *API) retryRun(ctx context.Context, c *call, in *rerunIn, _ *none) (*callOut, error) {
	return a.rerun(ctx, c, in, a.opt.Engine.Retry)
}

// runAgain starts a new run of the same beginning.
func (a *API) runAgain(ctx context.Context, c *call, in *rerunIn, _ *none) (*callOut, error) {
	return a.rerun(ctx, c, in, a.opt.Engine.Again)
}

func (a *API) rerun(ctx context.Context, c *call, in *rerunIn, start func(context.Context, engine.Rerun) (engine.RunID, error)) (*callOut, error) {
	once, err := c.once(in.Key)
	if err != nil {
		return nil, err
	}
	wait, release, err := a.waitFor(c.app, in.Wait)
	if err != nil {
		return nil, err
	}
	defer release()
	id, err := start(ctx, engine.Rerun{App: c.app, Run: engine.RunID(in.ID), Who: c.who.id, Once: once})
	if err != nil {
		return nil, err
	}
	return a.called(ctx, c, id, wait)
}
