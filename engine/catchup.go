package engine

import (
	"context"
	"errors"
	"slices"
	"time"
)

// Bounds of a catch-up.
const (
	// missedSeek is how many changes are read at a time on the way to the first that was missed.
	missedSeek = 200
	// missedStart is how many changes have their runs started by one op: each takes about as long as the write did, so that they are decided
	// in one batch's time (see MaxDecide).
	missedStart = 20
	// missedPause is how long it waits for room in the queue, for changes that the feed does not show yet, and after an error.
	missedPause = time.Second
)

// The ends of a step that are no failures.
var (
	errCaughtUp = errors.New("there is nothing to make up for any more")
	errNotYet   = errors.New("nothing can be done now")
)

// catchUp is RunMissed's work for one scenario.
type catchUp struct {
	e *Engine
	parkID
	// saved is the record's cursor as it was last read; up to at nothing behind it was missed.
	saved, at ChangeCursor
}

// catchUp makes up for what a scenario missed, once at a time for a scenario.
func (e *Engine) catchUp(app AppID, scenario string) {
	id := parkID{app, scenario}
	if _, under := e.catching.LoadOrStore(id, true); under {
		return
	}
	e.group.Go("missed changes", func() {
		c := &catchUp{e: e, parkID: id}
		c.run()
		// Whoever asked for the runs just before the end has found this one under way, and started none.
		m, err := e.missedBy(e.ctx, app, scenario)
		if e.ctx.Err() == nil && (err != nil || m != nil && m.Running) {
			e.catchUp(app, scenario)
		}
	})
}

// run goes on until there is nothing to do any more; what fails is tried again, since nobody else would.
func (c *catchUp) run() {
	defer c.e.catching.Delete(c.parkID)
	told := false
	for c.e.ctx.Err() == nil {
		err := c.step(c.e.ctx)
		switch {
		case err == nil:
			told = false
			continue
		case errors.Is(err, errCaughtUp), errors.Is(err, errNoApp):
			return
		case !errors.Is(err, errNotYet) && !told && c.e.ctx.Err() == nil:
			told = true
			c.e.log.Warn("can not start the runs of missed changes; it is tried again and again", "app", c.app, "scenario", c.scenario, "err", err)
		}
		timer := time.NewTimer(missedPause)
		select {
		case <-timer.C:
		case <-c.e.ctx.Done():
			timer.Stop()
		}
	}
}

// step starts the runs of the next few changes.
func (c *catchUp) step(ctx context.Context) error {
	m, err := c.e.missedBy(ctx, c.app, c.scenario)
	if err != nil {
		return err
	}
	if m == nil || !m.Running {
		return errCaughtUp
	}
	if m.Cursor != c.saved {
		c.saved, c.at = m.Cursor, m.Cursor
	}
	cat, err := c.e.fresh(ctx, c.app)
	if err != nil {
		return err
	}
	room := cat.queued - cat.queuedOf(c.scenario)
	if room <= 0 {
		return errNotYet
	}
	page, next, err := c.read(ctx, m, min(room, missedStart))
	if err != nil {
		return err
	}
	if len(page) > 0 {
		return c.start(ctx, m.Cursor, page, next, page[len(page)-1].Seq)
	}
	// An end of the feed is no end of the changes: it shows none behind a transaction that is still open. Only when the last one is pruned,
	// and so are those before it, is there none to wait for.
	switch _, err := c.e.store.Change(ctx, c.app, m.last()); {
	case err == nil:
		return errNotYet
	case !errors.Is(err, ErrNotFound):
		return err
	}
	return c.start(ctx, m.Cursor, nil, c.at, m.last())
}

// read gives the next changes, at most limit, among which are some that were missed; it passes over pages without any.
func (c *catchUp) read(ctx context.Context, m *missed, limit int) ([]*Change, ChangeCursor, error) {
	many := limit
	if c.at == (ChangeCursor{}) {
		many = missedSeek
	}
	for {
		page, next, err := c.e.store.Changes(ctx, c.app, c.at, many)
		switch {
		case err != nil || len(page) == 0:
			return nil, next, err
		case !m.among(page):
			c.at = next
		case len(page) <= limit:
			return page, next, nil
		default:
			many = limit
		}
	}
}

// among says whether one of the changes was missed, or lies behind all that were.
func (m *missed) among(page []*Change) bool {
	for _, ch := range page {
		if m.has(ch.Seq) {
			return true
		}
	}
	return false
}

// start starts the runs of a page of changes in one op, which also notes that they have had them: so no change is passed over and none has
// its runs twice, whatever happens in between. saved is the cursor that the page was read behind, next the one behind the page, and upTo
// the number that all changes behind it pass.
func (c *catchUp) start(ctx context.Context, saved ChangeCursor, page []*Change, next ChangeCursor, upTo int64) error {
	op := Op{App: c.app, Lock: []Key{RecordKey(c.app, RecordMissed, c.scenario)}, Bytes: 512 * len(page)}
	for _, ch := range page {
		if op.Peek = append(op.Peek, ObjectKey(c.app, ch.Structure, ch.Object)); ch.User != "" {
			op.Peek = append(op.Peek, ObjectKey(c.app, UserStructure, ch.User))
		}
	}
	op.Decide = func(l *Loaded) (Effects, error) {
		cat, err := c.e.cats.current(l)
		if err != nil {
			return Effects{}, err
		}
		row, m, err := l.missedBy(c.scenario)
		if err != nil || row == nil || !m.Running || m.Cursor != saved {
			return Effects{}, err // the next step sees how it is now; an op that was given up may have been carried out
		}
		a := newAct(l, cat, cause{})
		if _, err := cat.able(c.scenario); err != nil {
			m.Running = false
		} else {
			if err := a.makeUp(m, c.scenario, page); err != nil {
				return Effects{}, err
			}
			m.Cursor = next
		}
		rec, err := m.record(row, l.Now)
		// Once the last one has had its runs, changes start runs again: those that come later see that the record is gone.
		ends := upTo == m.last() || slices.ContainsFunc(page, func(ch *Change) bool { return ch.Seq == m.last() })
		rec.Deleted = m.Running && ends
		a.eff.Records, a.eff.Raise = append(a.eff.Records, rec), rec.Deleted || !m.Running
		return a.eff, err
	}
	_, err := c.e.commit(ctx, op)
	return err
}

// makeUp starts the runs of those of the changes that a scenario missed. All keys that they ask for are asked for together.
func (a *act) makeUp(m *missed, scenario string, page []*Change) error {
	var need NeedError
	for _, ch := range page {
		if ch.Silent || !m.has(ch.Seq) {
			continue
		}
		err := a.makeUpFor(scenario, ch)
		more, asks := errors.AsType[*NeedError](err)
		if err != nil && !asks {
			return err
		}
		if asks {
			need.Lock, need.Peek = joined(need.Lock, more.Lock), joined(need.Peek, more.Peek)
		}
	}
	if len(need.Lock)+len(need.Peek) > 0 {
		return &need
	}
	return nil
}

// joined are the keys of both, each once: those of one lane all ask for the same.
func joined(keys, more []Key) []Key {
	for _, k := range more {
		if !slices.Contains(keys, k) {
			keys = append(keys, k)
		}
	}
	return keys
}

// makeUpFor starts the run of one change, as the change would have.
func (a *act) makeUpFor(scenario string, ch *Change) error {
	s := a.cat.structures[ch.Structure]
	if s == nil {
		return nil
	}
	now, err := a.object(ch.Structure, ch.Object, false)
	if err != nil {
		return err
	}
	before, after := wholeImages(ch, now)
	old, err := s.decodeOf(before)
	if err != nil {
		return err
	}
	next, err := s.decodeOf(after)
	if err != nil {
		return err
	}
	a.cause = cause{Who: ch.Who, User: ch.User, Chain: ch.Chain, Depth: ch.Depth}
	_, err = a.matchSome(s, ch, image{before, old}, image{after, next}, scenario)
	return err
}
