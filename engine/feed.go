package engine

import (
	"sync"
	"sync/atomic"
	"time"
)

// NewsKind says what a piece of news is about.
type NewsKind string

// The kinds of news.
const (
	NewsRunStarted  NewsKind = "run.started"
	NewsRunStep     NewsKind = "run.step"
	NewsRunFinished NewsKind = "run.finished"
	NewsScenario    NewsKind = "scenario.changed"
)

// News is something that was committed by this node. It is a copy: nobody else writes it.
type News struct {
	Kind NewsKind
	// Of a run and of its steps.
	Run       RunID
	Scenario  string
	Version   int64
	Status    string
	Trigger   string
	Structure string
	Object    string
	Error     *RunError
	// Of a step: its line in the run's log, and how long after the start of the run it was written.
	Seq   int64
	Step  string
	After time.Duration
	// Of a scenario.
	Rev     int64
	Deleted bool
	At      time.Time
}

// FeedPage is what happened in an app since the last page.
type FeedPage struct {
	News []News
	// Started, Finished and Failed count runs, those too of which News has no room to tell; the failed ones are finished as well.
	Started, Finished, Failed int64
	// Missed is how many news there was no room for.
	Missed int64
}

// maxNews is how many news of an app wait to be taken.
const maxNews = 512

// Feed tells those who watch an app what this node commits. While nobody watches, a commit pays one atomic load; while somebody does, a copy
// into a bounded list. It never waits for whoever takes the news: what there is no room for is counted. It is safe for concurrent use.
type Feed struct {
	watched atomic.Int32
	mu      sync.Mutex
	apps    map[AppID]*feedApp
}

type feedApp struct {
	watchers int
	page     FeedPage
	// judged are runs that have yet to judge whether they are runs at all.
	judged map[RunID]struct{}
}

// Feed gives the engine's feed.
func (e *Engine) Feed() *Feed { return &e.feed }

// Watch begins to keep the news of an app; each Watch has to be ended by an Unwatch.
func (f *Feed) Watch(app AppID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.apps == nil {
		f.apps = map[AppID]*feedApp{}
	}
	a := f.apps[app]
	if a == nil {
		a = &feedApp{judged: map[RunID]struct{}{}}
		f.apps[app] = a
	}
	a.watchers++
	f.watched.Add(1)
}

// Unwatch ends a Watch; after the last one the app's news are forgotten.
func (f *Feed) Unwatch(app AppID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	a := f.apps[app]
	if a == nil {
		return
	}
	f.watched.Add(-1)
	if a.watchers--; a.watchers == 0 {
		delete(f.apps, app)
	}
}

// Take gives what happened in an app since the last Take.
func (f *Feed) Take(app AppID) FeedPage {
	f.mu.Lock()
	defer f.mu.Unlock()
	a := f.apps[app]
	if a == nil {
		return FeedPage{}
	}
	page := a.page
	a.page = FeedPage{}
	return page
}

// put notes what an op has committed.
func (f *Feed) put(eff *Effects) {
	if f.watched.Load() == 0 || len(eff.Runs)+len(eff.Records) == 0 {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range eff.Runs {
		if a := f.apps[r.App]; a != nil {
			a.run(r, eff.Steps)
		}
	}
	for _, r := range eff.Records {
		if a := f.apps[r.App]; a != nil && r.Kind == RecordScenario {
			a.add(News{Kind: NewsScenario, Scenario: r.ID, Rev: r.Rev, Deleted: r.Deleted, At: r.At})
		}
	}
}

func (a *feedApp) add(n News) {
	if len(a.page.News) == maxNews {
		a.page.Missed++
		return
	}
	a.page.News = append(a.page.News, n)
}

func (a *feedApp) run(r *Run, steps []*StepRecord) {
	if r.Candidate {
		if len(a.judged) == maxNews {
			clear(a.judged)
		}
		a.judged[r.ID] = struct{}{}
		return
	}
	_, proved := a.judged[r.ID]
	delete(a.judged, r.ID)
	if r.Status == RunNotMatched || r.Status == RunMerged {
		return
	}
	n := News{
		Kind: NewsRunStarted, Run: r.ID, Scenario: r.Scenario, Version: r.Version, Status: string(r.Status), Trigger: r.Trigger,
		Structure: r.Structure, Object: r.Object, At: r.CreatedAt,
	}
	if r.Cursor == 0 && r.Epoch == 0 || proved { // a queued run is written again when its turn comes, in a new epoch
		a.page.Started++
		a.add(n)
	}
	for _, s := range steps {
		if s.Run == r.ID {
			a.add(News{
				Kind: NewsRunStep, Run: s.Run, Scenario: r.Scenario, Seq: s.Seq, Step: s.Step, Status: s.Status, At: s.At,
				After: max(0, s.At.Sub(r.CreatedAt)),
			})
		}
	}
	if r.Status.Open() {
		return
	}
	a.page.Finished++
	if r.Status == RunFailed {
		a.page.Failed++
	}
	n.Kind, n.Error, n.At = NewsRunFinished, r.Error, r.FinishedAt
	a.add(n)
}
