package api

import (
	"context"

	"github.com/cuelight/cuelight/engine"
)

type usesOut struct {
	Body struct {
		Items []engine.FieldUse `json:"items" nullable:"false" doc:"By the order of the fields, then by scenario."`
	}
}

func (a *API) listUses(ctx context.Context, c *call, in *structureIn, _ *none) (*usesOut, error) {
	if _, err := a.structure(ctx, c.app, in.Structure); err != nil {
		return nil, err
	}
	uses, err := a.opt.Engine.FieldUses(ctx, c.app, in.Structure)
	if err != nil {
		return nil, err
	}
	out := &usesOut{}
	out.Body.Items = uses
	return out, nil
}
