package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// Problem is something in a draft that keeps it from being published.
type Problem = FieldError

// Validate checks a scenario document against an app's structures of now and lists what is wrong; an empty list means that it can be published.
func (e *Engine) Validate(ctx context.Context, app AppID, doc []byte) ([]Problem, error) {
	cat, err := e.cats.load(ctx, app, 1)
	if err != nil {
		return nil, err
	}
	return validate(doc, cat.nouns(), e.opt.Kinds), nil
}

func validate(doc []byte, n nouns, kinds Kinds) []Problem {
	s, errs, err := readScenario(doc)
	if err != nil {
		b := &binder{}
		b.fail("", err)
		return b.errs
	}
	_, problems := compileScenario(s, 0, n, kinds)
	return append(errs, problems...)
}

// scenarioChange is one change of a scenario's record, made on what the record holds now.
type scenarioChange func(rec *ScenarioRecord, cat *catalogue) error

// savedScenario is a scenario's record as it was saved, with its revision.
type savedScenario struct {
	rec ScenarioRecord
	rev int64
}

// changeScenario changes a scenario's record. rev, when not 0, must be the revision of the record that is there.
func (e *Engine) changeScenario(ctx context.Context, app AppID, id string, rev int64, create bool, by string, change scenarioChange) (*ScenarioRecord, int64, error) {
	res, err := e.commit(ctx, Op{App: app, Lock: []Key{RecordKey(app, RecordScenario, id)}, Decide: func(l *Loaded) (Effects, error) {
		cat, err := e.cats.current(l)
		if err != nil {
			return Effects{}, err
		}
		old, err := l.RecordForWrite(RecordScenario, id)
		if err != nil {
			return Effects{}, err
		}
		rec, err := scenarioOf(old, cat, id, rev, create)
		if err != nil {
			return Effects{}, err
		}
		before := rec
		if err := change(&rec, cat); err != nil {
			return Effects{}, err
		}
		return e.saveScenario(l, old, before, rec, by)
	}})
	if err != nil {
		return nil, 0, err
	}
	s := res.Effects.Value.(savedScenario)
	return &s.rec, s.rev, nil
}

// scenarioOf reads a scenario's record, or begins one.
func scenarioOf(old *Record, cat *catalogue, id string, rev int64, create bool) (ScenarioRecord, error) {
	rec := ScenarioRecord{ID: id, State: Stopped}
	switch {
	case old == nil && !create:
		return rec, cat.noScenario(id)
	case old == nil && len(cat.scenarios) >= maxScenarios:
		return rec, &CodedError{Kind: ErrConflict, Code: "LIMIT", Limit: "scenarios_per_app", Message: fmt.Sprintf("an app may have at most %d scenarios", maxScenarios)}
	case old == nil:
		return rec, nil
	}
	if err := json.Unmarshal(old.Body, &rec); err != nil {
		return rec, fmt.Errorf("read scenario %s: %w", id, err)
	}
	if rev != 0 && rev != old.Rev {
		return rec, coded(ErrVersion, "VERSION", "the scenario was changed meanwhile; it is at revision %d", old.Rev)
	}
	return rec, nil
}

// saveScenario writes a scenario's record, and a new version where it has one.
func (e *Engine) saveScenario(l *Loaded, old *Record, before, rec ScenarioRecord, by string) (Effects, error) {
	var eff Effects
	published := rec.Version != before.Version
	if published {
		// A scenario that is deleted and made anew goes on counting: runs of the old one are pinned to its versions.
		n, err := l.Counter("version:" + rec.ID)
		if err != nil {
			return Effects{}, err
		}
		rec.Version = max(rec.Version, n+1)
		eff.Counters = []*Counter{{App: l.app, ID: "version:" + rec.ID, N: rec.Version}}
	}
	body, err := marshal(rec)
	if err != nil {
		return Effects{}, err
	}
	if old != nil && bytes.Equal(body, old.Body) {
		return Effects{Value: savedScenario{rec, old.Rev}}, nil
	}
	next := revised(old, Record{App: l.app, Kind: RecordScenario, ID: rec.ID, Body: body}, l.Now)
	eff.Records, eff.Value = []*Record{next}, savedScenario{rec, next.Rev}
	if err := e.beginSchedules(l, &eff, rec, before); err != nil {
		return Effects{}, err
	}
	eff.Raise = published || rec.State != before.State || old == nil
	if rec.State == Stopped && before.State != Stopped {
		if err := l.stopMissed(&eff, rec.ID); err != nil {
			return Effects{}, err
		}
	}
	if published {
		v, err := marshal(VersionRecord{Scenario: rec.ID, Number: rec.Version, By: by, Document: rec.Published})
		if err != nil {
			return Effects{}, err
		}
		eff.Records = append(eff.Records, revised(nil, Record{App: l.app, Kind: RecordVersion, ID: versionKey(rec.ID, rec.Version), Owner: rec.ID, Body: v}, l.Now))
	}
	return eff, nil
}

// maxScenarios is how many scenarios an app may have by default (contracts 7).
const maxScenarios = 1000

// SaveDraft stores the editable form of a scenario, which may have problems; it returns them with the new revision.
func (e *Engine) SaveDraft(ctx context.Context, app AppID, id string, doc []byte, rev int64) ([]Problem, int64, error) {
	draft, err := draftOf(id, doc)
	if err != nil {
		return nil, 0, err
	}
	_, next, err := e.changeScenario(ctx, app, id, rev, true, "", func(rec *ScenarioRecord, _ *catalogue) error {
		rec.Draft = draft
		return nil
	})
	if err != nil {
		return nil, 0, err
	}
	problems, err := e.Validate(ctx, app, doc)
	return problems, next, err
}

// draftOf is a document as it is stored, if it is one of the scenario.
func draftOf(id string, doc []byte) (json.RawMessage, error) {
	s, err := ParseScenario(doc)
	if err != nil {
		return nil, err
	}
	if s.ID != id {
		return nil, invalid("id", "ID", "must be %s, as in the address", id)
	}
	return compact(doc)
}

func compact(doc []byte) (json.RawMessage, error) {
	var out bytes.Buffer
	if err := json.Compact(&out, doc); err != nil {
		return nil, invalid("", "JSON", "is not readable JSON")
	}
	return out.Bytes(), nil
}

// Publish makes the draft the version that runs from now on; start also starts the scenario. A draft with problems is refused with
// all of them, and one that equals the running version makes no new version.
func (e *Engine) Publish(ctx context.Context, app AppID, id, by string, start bool) (*ScenarioRecord, error) {
	return e.PublishAt(ctx, app, id, nil, 0, by, start)
}

// PublishAt is Publish for a scenario that, when rev is not 0, must be at that revision. With a document, that takes the draft's place
// in the same commit, so that with problems nothing at all happens; a scenario that is not there is then made.
func (e *Engine) PublishAt(ctx context.Context, app AppID, id string, doc []byte, rev int64, by string, start bool) (*ScenarioRecord, error) {
	var draft json.RawMessage
	if doc != nil {
		var err error
		if draft, err = draftOf(id, doc); err != nil {
			return nil, err
		}
	}
	var was ScenarioState
	republished := false
	rec, _, err := e.changeScenario(ctx, app, id, rev, draft != nil, by, func(rec *ScenarioRecord, cat *catalogue) error {
		if draft != nil {
			rec.Draft = draft
		}
		if len(rec.Draft) == 0 {
			return coded(ErrConflict, "NO_DRAFT", "the scenario has no draft to publish")
		}
		if problems := validate(rec.Draft, cat.nouns(), e.opt.Kinds); len(problems) > 0 {
			return &InvalidError{Fields: problems}
		}
		republished = rec.Version > 0
		if !bytes.Equal(rec.Draft, rec.Published) {
			rec.Published = rec.Draft
			rec.Version++
		}
		if was = rec.State; start {
			rec.State = Running
		}
		return nil
	})
	if err == nil {
		e.afterState(app, id, was, rec.State)
	}
	if err == nil && republished {
		e.openPermits(app, id)
	}
	return rec, err
}

// SetState starts, pauses or stops a scenario; see the states for what becomes of its runs.
func (e *Engine) SetState(ctx context.Context, app AppID, id string, state ScenarioState) (*ScenarioRecord, error) {
	var was ScenarioState
	rec, _, err := e.changeScenario(ctx, app, id, 0, false, "", func(rec *ScenarioRecord, _ *catalogue) error {
		if rec.Version == 0 {
			return coded(ErrConflict, "NOT_PUBLISHED", "the scenario has no published version yet")
		}
		was, rec.State = rec.State, state
		return nil
	})
	if err == nil {
		e.afterState(app, id, was, rec.State)
	}
	return rec, err
}

// DeleteScenario removes a stopped scenario; its runs and versions stay until they are forgotten.
func (e *Engine) DeleteScenario(ctx context.Context, app AppID, id string) error {
	lock := []Key{RecordKey(app, RecordScenario, id), RecordKey(app, RecordMissed, id)}
	_, err := e.commit(ctx, Op{App: app, Lock: lock, Decide: func(l *Loaded) (Effects, error) {
		old, err := l.RecordForWrite(RecordScenario, id)
		if err != nil {
			return Effects{}, err
		}
		if old == nil {
			return Effects{}, coded(ErrNotFound, "SCENARIO_NOT_FOUND", "the app has no scenario of this id")
		}
		var rec ScenarioRecord
		if err := json.Unmarshal(old.Body, &rec); err != nil {
			return Effects{}, fmt.Errorf("read scenario %s: %w", id, err)
		}
		if rec.State != Stopped {
			return Effects{}, coded(ErrConflict, "RUNNING", "the scenario has to be stopped first")
		}
		eff := Effects{Raise: true, Records: []*Record{removed(old, l.Now)}}
		// A scenario that is made anew under the id has missed nothing.
		missed, err := l.RecordForWrite(RecordMissed, id)
		if missed != nil {
			eff.Records = append(eff.Records, removed(missed, l.Now))
		}
		return eff, err
	}})
	return err
}

// removed takes a record away.
func removed(old *Record, now time.Time) *Record {
	gone := revised(old, *old, now)
	gone.Deleted = true
	return gone
}

// Notices lists the problems that conditions of an app's triggers have met since the program started, and the scenarios that are overloaded.
func (e *Engine) Notices(app AppID) []Notice {
	e.cats.notices.mu.Lock()
	defer e.cats.notices.mu.Unlock()
	list := e.overloads(app, e.opt.Clock().UTC())
	if cat := e.cats.at(app); cat != nil {
		for scenario, m := range cat.missed {
			list = append(list, Notice{App: app, Scenario: scenario, Code: NoticeMissed, At: m.Since, Count: m.Changes, Message: fmt.Sprintf(
				"since %s changes start no runs of it, because %d wait for their turn; POST …/scenarios/%s/missed starts the runs of the changes that were missed, DELETE forgets them",
				m.Since.Format(time.RFC3339), e.opt.MaxQueued, scenario)})
		}
	}
	for id, n := range e.cats.notices.all {
		if id.app == app {
			list = append(list, *n)
		}
	}
	return list
}

// Structures returns an app's structures by id, as of now.
func (e *Engine) Structures(ctx context.Context, app AppID) (map[string]*Structure, error) {
	cat, err := e.fresh(ctx, app)
	if err != nil {
		return nil, err
	}
	return cat.structures, nil
}

// App returns an app's settings.
func (e *Engine) App(ctx context.Context, app AppID) (App, error) {
	cat, err := e.fresh(ctx, app)
	if err != nil {
		return App{}, err
	}
	return cat.app, nil
}
