package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
)

// StructureChange says what a change of a structure may do to the values that objects have.
type StructureChange struct {
	// Rev, when not 0, must be the structure's revision.
	Rev int64
	// Drop are fields that may go away with their values.
	Drop []string
	// Convert are fields whose values may be converted to another type.
	Convert []string
}

// SavedStructure is what became of a change of a structure.
type SavedStructure struct {
	Structure *Structure
	// Warnings are the running scenarios that the structure no longer fits: they match nothing until they are corrected.
	Warnings []ScenarioWarning
}

// ScenarioWarning is what is wrong with a published scenario.
type ScenarioWarning struct {
	Scenario string    `json:"scenario" doc:"The scenario's id."`
	Problems []Problem `json:"problems" doc:"What does not fit any more."`
}

// SaveStructure makes or changes a structure where that touches no value that an object has; see ChangeStructure.
func (e *Engine) SaveStructure(ctx context.Context, app AppID, doc []byte) (*Structure, error) {
	saved, err := e.ChangeStructure(ctx, app, doc, StructureChange{})
	return saved.Structure, err
}

// errMeanwhile says that the structure was changed between the examination of its objects and the commit.
var errMeanwhile = coded(ErrVersion, "VERSION", "the structure was changed meanwhile")

// ChangeStructure makes or changes a structure.
//
//   - Words, titles, defaults, options that are added, `required` and the order of fields are free. The id of a field is what its values are
//     stored under: another id is another field.
//   - A field may go away when Drop names it. It is out of reads at once; a system run takes its values out of data and index.
//   - A field may become unique when no two objects have the same value, and indexed at any time. A system run fills claims and index; until it
//     is over, filters and sorts treat the field as one that is not indexed. Writes claim and index from the first moment on.
//   - A field that Convert names may change its type if every value can be converted without a loss. A system run does it; meanwhile reads
//     convert on the way, writes store the new form, and filters and sorts that look at the field are refused with CONVERTING.
//   - An option that objects use can not go away.
//
// All objects are examined first; a refusal matches ErrConflict, lists what stands in the way, and has changed nothing. A value that comes in
// between the examination and the commit is not lost: the system run waits at its object and says so (see Filling) until it is corrected.
func (e *Engine) ChangeStructure(ctx context.Context, app AppID, doc []byte, change StructureChange) (SavedStructure, error) {
	for range 3 {
		s, err := ParseStructure(doc)
		if err != nil {
			return SavedStructure{}, err
		}
		saved, err := e.changeStructure(ctx, app, s, change)
		if !errors.Is(err, errMeanwhile) {
			return saved, err
		}
	}
	return SavedStructure{}, errMeanwhile
}

func (e *Engine) changeStructure(ctx context.Context, app AppID, s *Structure, change StructureChange) (SavedStructure, error) {
	body, err := marshal(s)
	if err != nil {
		return SavedStructure{}, err
	}
	cat, err := e.fresh(ctx, app)
	if err != nil {
		return SavedStructure{}, err
	}
	s.dateIn(cat.zone)
	r := cat.reshaping(s, change)
	if change.Rev != 0 && (r.was == nil || r.was.rev != change.Rev) {
		return SavedStructure{}, coded(ErrVersion, "VERSION", "the structure was changed meanwhile")
	}
	if len(r.errs) == 0 {
		if r.errs, err = e.examine(ctx, app, cat, r); err != nil {
			return SavedStructure{}, err
		}
	}
	if len(r.errs) > 0 {
		return SavedStructure{}, refused(r.errs)
	}
	examined := int64(0)
	if r.was != nil {
		examined = r.was.rev
	}
	progress, err := e.progressOf(ctx, app, r)
	if err != nil {
		return SavedStructure{}, err
	}
	op := Op{App: app, Lock: []Key{RecordKey(app, RecordStructure, s.ID), RecordKey(app, RecordReshape, s.ID), progress.key()}}
	op.Decide = func(l *Loaded) (Effects, error) {
		now, err := e.cats.current(l)
		if err != nil {
			return Effects{}, err
		}
		old, err := l.RecordForWrite(RecordStructure, s.ID)
		if err != nil {
			return Effects{}, err
		}
		return l.saveStructure(structureWrite{cat: now, old: old, is: s, body: body, change: change, examined: examined, progress: progress})
	}
	if _, err := e.commit(ctx, op); err != nil {
		return SavedStructure{}, err
	}
	if !r.plan.empty() {
		s.attach(r.plan)
		e.reshapeNow()
	}
	return SavedStructure{Structure: s, Warnings: cat.misfits(s, e.opt.Kinds)}, nil
}

// refused makes wrong names in the request a 422 and what stands in the way a conflict.
func refused(errs []FieldError) error {
	for _, f := range errs {
		if f.Path == "drop" || f.Path == "convert" {
			return &InvalidError{Fields: errs}
		}
	}
	return &InvalidError{Fields: errs, Conflict: true}
}

// structureWrite is the decision to store a structure.
type structureWrite struct {
	cat      *catalogue
	old      *Record
	is       *Structure
	body     []byte
	change   StructureChange
	examined int64
	progress *progress
}

func (l *Loaded) saveStructure(w structureWrite) (Effects, error) {
	rev := int64(0)
	if w.old != nil {
		rev = w.old.Rev
	}
	switch {
	case w.change.Rev != 0 && w.change.Rev != rev:
		return Effects{}, coded(ErrVersion, "VERSION", "the structure was changed meanwhile")
	case rev != w.examined:
		return Effects{}, errMeanwhile
	case w.old != nil && bytes.Equal(w.old.Body, w.body):
		return Effects{}, nil
	case w.old == nil && len(w.cat.structures) >= MaxStructures:
		return Effects{}, &CodedError{Kind: ErrConflict, Code: "LIMIT", Limit: "structures_per_app", Message: fmt.Sprintf("an app may have at most %d structures", MaxStructures)}
	}
	r := w.cat.reshaping(w.is, w.change)
	if len(r.errs) > 0 {
		return Effects{}, refused(r.errs)
	}
	eff := Effects{Raise: true, Records: []*Record{revised(w.old, Record{App: l.app, Kind: RecordStructure, ID: w.is.ID, Body: w.body}, l.Now)}}
	if r.plan.empty() {
		return eff, nil
	}
	r.plan.ID, w.progress.ID = string(l.op), string(l.op)
	plan, err := marshal(r.plan)
	if err != nil {
		return Effects{}, err
	}
	how, err := w.progress.record(nil, l.Now)
	if err != nil {
		return Effects{}, err
	}
	eff.Records = append(eff.Records, revised(nil, Record{App: l.app, Kind: RecordReshape, ID: w.is.ID, Body: plan}, l.Now), how)
	return eff, nil
}

// misfits lists the published scenarios that fit the structures of now and would not fit with a new one in place.
func (c *catalogue) misfits(s *Structure, kinds Kinds) []ScenarioWarning {
	if c.structures[s.ID] == nil {
		return nil
	}
	n := c.nouns()
	n.structures = maps.Clone(c.structures)
	n.structures[s.ID] = s
	var list []ScenarioWarning
	for _, id := range keysOf(c.scenarios) {
		p := c.scenarios[id]
		if p.version == nil {
			continue
		}
		if _, problems := compileScenario(p.version.doc, p.version.Number, n, kinds); len(problems) > 0 {
			list = append(list, ScenarioWarning{Scenario: id, Problems: problems})
		}
	}
	return list
}

// ScenarioProblems says why published scenarios of an app match nothing: what does not fit its structures of now, by scenario.
func (e *Engine) ScenarioProblems(ctx context.Context, app AppID) (map[string][]Problem, error) {
	cat, err := e.fresh(ctx, app)
	if err != nil {
		return nil, err
	}
	all := map[string][]Problem{}
	for id, p := range cat.scenarios {
		if len(p.problems) > 0 {
			all[id] = p.problems
		}
	}
	return all, nil
}
