package engine

import (
	"context"
	"errors"
)

// maxFollows is how many objects the expressions of one step may read through links (contracts 3).
const maxFollows = 100

// follower reads the objects behind links for the expressions of one step, each once.
type follower struct {
	ctx  context.Context
	e    *Engine
	app  AppID
	cat  *catalogue
	seen map[string]map[string]any
	// failed is an error of the store: the step is tried again for it, and not failed.
	failed error
}

func (e *Engine) follower(ctx context.Context, app AppID, cat *catalogue) *follower {
	return &follower{ctx: ctx, e: e, app: app, cat: cat, seen: map[string]map[string]any{}}
}

// follow is expr.Env's Follow.
func (f *follower) follow(structure, id string) (map[string]any, error) {
	key := structure + "/" + id
	if object, ok := f.seen[key]; ok {
		return object, nil
	}
	if len(f.seen) >= maxFollows {
		return nil, OverLimit("FOLLOWS", "followed_links", "the expressions of one step read at most %d objects through links", maxFollows)
	}
	s := f.cat.structures[structure]
	if s == nil {
		return nil, nil
	}
	o, err := f.e.objectOrNil(f.ctx, f.app, structure, id)
	if err != nil {
		f.failed = errors.Join(f.failed, err)
		return nil, err
	}
	env, err := s.env(o)
	if err == nil {
		f.seen[key] = env
	}
	return env, err
}
