package engine

import (
	"context"
	"errors"
)

// commit carries out one op and waits for it, at most writeDeadline.
func (e *Engine) commit(ctx context.Context, op Op) (Result, error) {
	ctx, cancel := context.WithTimeout(ctx, writeDeadline)
	defer cancel()
	answered, err := e.send(ctx, &op, nil)
	if err != nil {
		return Result{}, err
	}
	return e.answer(ctx, op, answered)
}

// send queues one op; its result comes by the channel. settled, unless nil, is told on the committer's goroutine.
func (e *Engine) send(ctx context.Context, op *Op, settled func()) (<-chan Result, error) {
	if op.ID == "" {
		op.ID = OpID(e.opt.NewID())
	}
	if op.App != "" && e.cats.at(op.App) == nil {
		if _, err := e.cats.load(ctx, op.App, 1); err != nil && !errors.Is(err, ErrNotFound) {
			return nil, e.outOfTime(ctx, *op, err)
		}
	}
	answered := make(chan Result, 1)
	app := op.App
	err := e.committer(app).submit(ctx, &pending{op: *op, done: func(r Result) {
		if r.Err == nil && r.Effects.Raise {
			e.cats.dirty.Store(app, true)
		}
		if settled != nil {
			settled()
		}
		e.settle(r)
		answered <- r
	}})
	if err != nil {
		return nil, e.outOfTime(ctx, *op, err)
	}
	return answered, nil
}

func (e *Engine) answer(ctx context.Context, op Op, answered <-chan Result) (Result, error) {
	select {
	case r := <-answered:
		return r, r.Err
	case <-ctx.Done():
		return Result{}, e.outOfTime(ctx, op, ctx.Err())
	}
}

func (e *Engine) outOfTime(ctx context.Context, op Op, err error) error {
	if ctx.Err() == nil {
		return err
	}
	return coded(ErrUnavailable, "UNAVAILABLE", "the store did not answer in time; whether op %s was carried out will be known when it is back", op.ID)
}
