package engine

import (
	"context"
	"time"
)

// Defaults of retention (guarantees 4).
const (
	keepRuns      = 14 * 24 * time.Hour
	keepFailed    = 30 * 24 * time.Hour
	keepChanges   = 30 * 24 * time.Hour
	keepPushes    = time.Hour
	keepMatched   = time.Hour
	keepCommits   = 24 * time.Hour
	keepRunsCount = 10000
	// keepChangesCount and keepClaimsCount bound the disk that one app's writers can fill within the times above.
	keepChangesCount = 5_000_000
	keepClaimsCount  = 10_000_000
	pruneEvery       = 10 * time.Minute
	pruneRows        = 500
)

// keepHouse forgets what is older than its time, a small slice at a time, so that no write waits for it.
func (e *Engine) keepHouse() {
	for {
		timer := time.NewTimer(pruneEvery)
		select {
		case <-timer.C:
		case <-e.ctx.Done():
			timer.Stop()
			return
		}
		if err := e.Prune(e.ctx); err != nil && e.ctx.Err() == nil {
			e.log.Warn("can not prune", "err", err)
		}
	}
}

// Prune forgets everything whose time is over now. It returns when nothing is left to forget.
func (e *Engine) Prune(ctx context.Context) error {
	now := e.opt.Clock().UTC()
	r := e.opt.Retain
	policy := Retention{
		Now: now, Runs: now, Deliveries: now.Add(-max(or(r.Runs, keepRuns), or(r.Failed, keepFailed))), Changes: now.Add(-or(r.Changes, keepChanges)),
		Claims: now, Pushes: now.Add(-or(r.Pushes, keepPushes)), Commits: now.Add(-keepCommits),
		MaxRows: pruneRows, KeepRuns: keepRunsCount, KeepChanges: keepChangesCount, KeepClaims: keepClaimsCount,
	}
	for ctx.Err() == nil {
		n, err := e.store.Prune(ctx, policy)
		if err != nil || n == 0 {
			return err
		}
	}
	return ctx.Err()
}

// forget is when a run that ends now may be forgotten: as long after as its scenario says or the operator, a failed one longer.
func (r Retain) forget(status RunStatus, v *Version, now time.Time) time.Time {
	own := time.Duration(0)
	if v != nil {
		own = time.Duration(v.doc.Settings.KeepRuns)
	}
	switch {
	case status == RunNotMatched, status == RunMerged:
		return now.Add(keepMatched)
	case own > 0:
		return now.Add(own)
	case status == RunFailed:
		return now.Add(or(r.Failed, keepFailed))
	}
	return now.Add(or(r.Runs, keepRuns))
}

func or(d, otherwise time.Duration) time.Duration {
	if d == 0 {
		return otherwise
	}
	return d
}
