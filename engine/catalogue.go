package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cuelight/cuelight/engine/secret"
)

// The kinds of records that an app's published state is made of, and the structure that every app has.
const (
	RecordApp       RecordKind = "app"
	RecordStructure RecordKind = "structure"
	RecordScenario  RecordKind = "scenario"
	RecordVersion   RecordKind = "version"
	// RecordReshape is what a system run over the objects of a structure has to do; without an app, how far it is.
	RecordReshape RecordKind = "reshape"

	// UserStructure is the system structure of an app's end users.
	UserStructure = "User"
)

// App is a tenant.
type App struct {
	ID   AppID  `json:"id"`
	Name string `json:"name,omitempty"`
	// Guests may connect without a session and then get what is sent to everybody.
	Guests bool `json:"guests,omitempty"`
	// Origins, when given, are the only ones whose pages may connect, as https://example.com.
	Origins []string `json:"origins,omitempty"`
	// TimeZone is the IANA name of the zone in which plain dates begin and schedules tick; empty means UTC.
	TimeZone string `json:"time_zone,omitempty"`
	// PrivateHosts are the only addresses of private networks that the app's HTTP requests may reach, such as 10.1.0.0/16 or
	// crm.internal:8080. Only an admin sets them.
	PrivateHosts []string `json:"private_hosts,omitempty"`
}

// zone is the app's time zone. A name that this machine does not know was refused when the app was saved; UTC stands in for one that a
// later machine does not know.
func (a App) zone() *time.Location {
	if zone, err := LoadZone(a.TimeZone); err == nil {
		return zone
	}
	return time.UTC
}

// LoadZone gives the zone of an IANA name; empty is UTC. The machine's own zone ("Local") is no name, since nodes may differ in it.
func LoadZone(name string) (*time.Location, error) {
	wrong := invalid("time_zone", "TIME_ZONE", "must be the IANA name of a time zone, such as Europe/Riga")
	if name == "" {
		return time.UTC, nil
	}
	if strings.EqualFold(name, "local") || len(name) > 64 {
		return nil, wrong
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, wrong
	}
	return zone, nil
}

// ScenarioState says whether a scenario runs.
type ScenarioState string

// The states of a scenario.
const (
	// Stopped scenarios match no change; what they had queued or waiting is cancelled, what is under way ends after its step.
	Stopped ScenarioState = "stopped"
	Running ScenarioState = "running"
	// Paused scenarios match and queue, and nothing of theirs advances.
	Paused ScenarioState = "paused"
)

// ScenarioRecord is what the store keeps of a scenario; its versions are records of their own.
type ScenarioRecord struct {
	ID    string        `json:"id"`
	State ScenarioState `json:"state"`
	// Draft is the editable form; Published the one that runs, with its number, 0 when there is none yet.
	Draft     json.RawMessage `json:"draft,omitempty"`
	Published json.RawMessage `json:"published,omitempty"`
	Version   int64           `json:"version"`
}

// VersionRecord is one published form of a scenario.
type VersionRecord struct {
	Scenario string          `json:"scenario"`
	Number   int64           `json:"number"`
	Note     string          `json:"note,omitempty"`
	By       string          `json:"by,omitempty"`
	Document json.RawMessage `json:"document"`
}

// catalogue is an app's published state, compiled. It never changes; a newer one takes its place.
type catalogue struct {
	app        App
	zone       *time.Location
	number     int64
	structures map[string]*Structure
	scenarios  map[string]*published
	index      map[string]*matchIndex // by structure
	constants  map[string]any
	secrets    map[string]*openedSecret
	missed     map[string]*Missed // by scenario
	mask       *secret.Masker     // of secrets; nil when there are none
	// items counts the constants and the secrets, constantBytes and secretBytes are what all of them take.
	items                      map[RecordKind]int
	constantBytes, secretBytes int

	open func(AppID, secretRecord) (string, error)
	// queued is how many runs of a scenario may queue.
	queued   int
	node     string
	log      *slog.Logger
	notices  *notices
	backlogs *backlogs
	retain   Retain
}

// published is a scenario of a catalogue.
type published struct {
	id      string
	state   ScenarioState
	version *Version
	// problems say why the version could not be compiled for the app's structures of now.
	problems []FieldError
}

// stateOf is the state of a scenario; one that is gone counts as stopped.
func (c *catalogue) stateOf(scenario string) ScenarioState {
	if p := c.scenarios[scenario]; p != nil {
		return p.state
	}
	return Stopped
}

// stateFor is the state of a run's scenario as it concerns the run: a test runs whatever the state is.
func (c *catalogue) stateFor(r *Run) ScenarioState {
	if r.Version < 0 {
		return Running
	}
	return c.stateOf(r.Scenario)
}

// able is the version of a scenario of which runs can start now, or why there is none.
func (c *catalogue) able(scenario string) (*Version, error) {
	p := c.scenarios[scenario]
	switch {
	case p == nil:
		return nil, c.noScenario(scenario)
	case p.version == nil && len(p.problems) > 0:
		return nil, &InvalidError{Fields: p.problems, Conflict: true}
	case p.version == nil || p.state == Stopped:
		return nil, coded(ErrConflict, "NOT_RUNNING", "the scenario is not published and started")
	}
	return p.version, nil
}

func (c *catalogue) noStructure(id string) error {
	return coded(ErrNotFound, "STRUCTURE_NOT_FOUND", "the app has no structure of this name%s", didYouMean(id, keysOf(c.structures)))
}

// catalogues holds the catalogue of each app that this node has met.
type catalogues struct {
	store Store
	kinds Kinds
	log   *slog.Logger
	node  string
	// notices are shared by all catalogues of the node.
	notices *notices
	// backlogs and retain are the engine's.
	backlogs *backlogs
	retain   Retain
	secrets  *secret.Box
	queued   int // see Options.MaxQueued

	dirty    sync.Map   // AppID → true once a commit of this node has raised the number
	mu       sync.Mutex // one load at a time
	byApp    sync.Map   // AppID → *atomic.Pointer[catalogue]
	versions sync.Map   // versionID → *Version, older ones that runs are pinned to
	kept     atomic.Int64
	testsMu  sync.Mutex
	tests    []versionID // of versions, oldest first; see keepTest
}

// at is the newest catalogue in memory, nil when the app was not met yet.
func (c *catalogues) at(app AppID) *catalogue {
	p, ok := c.byApp.Load(app)
	if !ok {
		return nil
	}
	return p.(*atomic.Pointer[catalogue]).Load()
}

// current is the catalogue for a decision, or ErrStale when the transaction sees a newer one than memory has.
func (c *catalogues) current(l *Loaded) (*catalogue, error) {
	cat := c.at(l.app)
	if cat == nil || cat.number < l.Catalogue {
		return nil, ErrStale
	}
	if l.Catalogue == 0 {
		return nil, errNoApp
	}
	return cat, nil
}

// fresh is the catalogue of now for a reader outside a commit: the one in memory, which every commit of this node keeps true.
func (e *Engine) fresh(ctx context.Context, app AppID) (*catalogue, error) {
	return e.cats.load(ctx, app, 1)
}

// want is the catalogue number to load after a commit said that memory is behind.
func (c *catalogues) want(app AppID) int64 {
	if cat := c.at(app); cat != nil {
		return cat.number + 1
	}
	return 1
}

var errNoApp = coded(ErrNotFound, "APP_NOT_FOUND", "there is no such app")

// load reads an app's published state if the one in memory is older than number, and compiles it.
func (c *catalogues) load(ctx context.Context, app AppID, number int64) (*catalogue, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, dirty := c.dirty.LoadAndDelete(app)
	if cat := c.at(app); cat != nil && cat.number >= number && !dirty {
		return cat, nil
	}
	n, records, err := c.store.Catalogue(ctx, app, RecordApp, RecordStructure, RecordScenario, RecordReshape, RecordConstant, RecordSecret, RecordMissed)
	if err != nil {
		if dirty {
			c.dirty.Store(app, true)
		}
		return nil, fmt.Errorf("load catalogue of app %s: %w", app, err)
	}
	if n == 0 {
		return nil, errNoApp
	}
	cat, err := c.compile(app, n, records)
	if err != nil {
		return nil, err
	}
	c.outdate(app)
	c.keep(cat)
	return cat, nil
}

// keep makes a catalogue the one of its app.
func (c *catalogues) keep(cat *catalogue) {
	p, _ := c.byApp.LoadOrStore(cat.app.ID, &atomic.Pointer[catalogue]{})
	p.(*atomic.Pointer[catalogue]).Store(cat)
}

func (c *catalogues) compile(app AppID, number int64, records []*Record) (*catalogue, error) {
	cat := &catalogue{
		app: App{ID: app}, number: number, structures: map[string]*Structure{}, scenarios: map[string]*published{},
		constants: map[string]any{}, secrets: map[string]*openedSecret{}, missed: map[string]*Missed{}, queued: c.queued, items: map[RecordKind]int{}, open: c.open, node: c.node, log: c.log, notices: c.notices, backlogs: c.backlogs, retain: c.retain,
	}
	for _, r := range records {
		switch r.Kind {
		case RecordApp:
			if err := json.Unmarshal(r.Body, &cat.app); err != nil {
				return nil, fmt.Errorf("read app %s: %w", app, err)
			}
		case RecordStructure:
			s, err := ParseStructure(r.Body)
			if err != nil {
				return nil, fmt.Errorf("read structure %s: %w", r.ID, err)
			}
			s.rev = r.Rev
			cat.structures[s.ID] = s
		case RecordConstant, RecordSecret:
			cat.know(r)
		case RecordMissed:
			m := &Missed{}
			if err := json.Unmarshal(r.Body, m); err != nil {
				return nil, fmt.Errorf("read missed changes of %s: %w", r.ID, err)
			}
			cat.missed[r.ID] = m
		}
	}
	if err := cat.attach(records); err != nil {
		return nil, err
	}
	cat.zone = cat.app.zone()
	for _, s := range cat.structures {
		s.dateIn(cat.zone)
	}
	cat.maskLike(c.at(app))
	n := cat.nouns()
	for _, r := range records {
		if r.Kind == RecordScenario {
			p, err := c.publish(app, r, n)
			if err != nil {
				return nil, err
			}
			cat.scenarios[p.id] = p
		}
	}
	cat.index = buildIndex(cat.scenarios)
	return cat, nil
}

func (c *catalogues) publish(app AppID, r *Record, n nouns) (*published, error) {
	var rec ScenarioRecord
	if err := json.Unmarshal(r.Body, &rec); err != nil {
		return nil, fmt.Errorf("read scenario %s: %w", r.ID, err)
	}
	p := &published{id: r.ID, state: rec.State}
	if rec.Version == 0 {
		return p, nil
	}
	doc, err := ParseScenario(rec.Published)
	if err != nil {
		return nil, fmt.Errorf("read scenario %s: %w", r.ID, err)
	}
	p.version, p.problems = compileScenario(doc, rec.Version, n, c.kinds)
	if len(p.problems) > 0 {
		c.log.Warn("scenario does not fit the app's structures", "app", app, "scenario", r.ID, "problems", len(p.problems), "first", p.problems[0].Message)
	}
	return p, nil
}
