package engine

import (
	"context"
	"errors"
	"sync/atomic"
)

// WriteResult is what became of one of many writes.
type WriteResult struct {
	Written Written
	Err     error
}

// WriteMany carries out writes in their order, each by itself: one that is refused leaves no trace and does not touch the others. They are
// queued together, so that one transaction takes as many of them as it can. A write sees what those before it left, and is refused as
// Write would refuse it.
func (e *Engine) WriteMany(ctx context.Context, writes []Write) []WriteResult {
	ctx, cancel := context.WithTimeout(ctx, writeDeadline)
	defer cancel()
	results := make([]WriteResult, len(writes))
	ops := make([]Op, len(writes))
	answers := make([]<-chan Result, len(writes))
	var before *turn
	for i, w := range writes {
		mine := &turn{before: before}
		before = mine
		ops[i] = e.writeOp(w)
		ops[i].Decide = mine.decide(ops[i].Decide)
		answers[i], results[i].Err = e.send(ctx, &ops[i], func() { mine.over.Store(true) })
		if results[i].Err != nil {
			mine.over.Store(true)
		}
	}
	for i := range writes {
		if answers[i] == nil {
			continue
		}
		res, err := e.answer(ctx, ops[i], answers[i])
		if results[i].Err = err; err == nil {
			results[i].Written = res.Effects.Value.(Written).numbered()
		}
	}
	return results
}

// turn keeps the order of ops of which some come back for more keys: who stands behind such a one comes back too, but not before it has
// asked for its own keys, so that one round serves them all.
type turn struct {
	before *turn
	// decided says that the last decision was final, as far as its batch goes; over that the op was answered.
	decided, over atomic.Bool
}

func (t *turn) decide(decide func(*Loaded) (Effects, error)) func(*Loaded) (Effects, error) {
	return func(l *Loaded) (Effects, error) {
		t.decided.Store(false)
		eff, err := decide(l)
		switch {
		case isNeed(err) || errors.Is(err, ErrStale) || errors.Is(err, ErrLater):
			return eff, err
		case t.before != nil && !t.before.decided.Load() && !t.before.over.Load():
			return Effects{}, ErrLater
		}
		t.decided.Store(true)
		return eff, err
	}
}

// Begin notes the key of a request that is carried out by more than one op, each with a key of its own. It says whether the request came
// before, and refuses another one with the same key.
func (e *Engine) Begin(ctx context.Context, app AppID, once *Once) (replayed bool, err error) {
	res, err := e.commit(ctx, Op{App: app, Lock: []Key{ClaimKey(app, "once", once.claim())}, Decide: func(l *Loaded) (Effects, error) {
		cat, err := e.cats.current(l)
		if err != nil {
			return Effects{}, err
		}
		a := newAct(l, cat, cause{})
		ans, err := a.replay(once)
		if err != nil || ans != nil {
			return Effects{Value: ans != nil}, err
		}
		a.eff.Value = false
		return a.eff, a.remember(once, answer{})
	}})
	if err != nil {
		return false, err
	}
	return res.Effects.Value.(bool), nil
}
