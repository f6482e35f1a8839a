package engine

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/cuelight/cuelight/engine/expr"
)

// Version is one published, immutable form of a scenario, compiled. It is safe for concurrent use.
type Version struct {
	Scenario string
	Number   int64

	doc       *Scenario
	structure *Structure
	triggers  []*Trigger
	lane      *Expr
	lists     map[string]*list
	steps     map[string]*step // by id
	scheduled map[string]*step // of the lists that schedules for each object are walked with
	// readsUser says that an expression looks at user, readsImages at before, changed or event.
	readsUser, readsImages bool
	// names are the constants and secrets that it names, as const.vat; a bare const stands for all of them.
	names map[string]bool
}

// maxStepTimeout is how long one step may take outside (guarantees 4).
const maxStepTimeout = 5 * time.Minute

// The names of the two lists that do not belong to a step.
const (
	mainList  = "steps"
	catchList = "catch"
)

// list is steps that are walked one after the other.
type list struct {
	path  string
	steps []*step
}

// step is one placed step, compiled.
type step struct {
	head
	kind     string
	run      func(*Scope) (Outcome, error)
	outside  func(context.Context, *Outside) (any, error)
	describe func(context.Context, *Outside) (any, error)
	effect   bool
	settings any
	deferred []*slot
	secrets  []string // that its settings name
}

// prepares says that a worker has something to do before the step's op.
func (s *step) prepares() bool { return len(s.deferred) > 0 || s.outside != nil }

// parameterTypes are the types that a scenario's parameters may have.
var parameterTypes = map[string]expr.Type{
	"string": {Kind: expr.KindString}, "number": {Kind: expr.KindInt}, "decimal": {Kind: expr.KindDecimal},
	"boolean": {Kind: expr.KindBool}, "date": {Kind: expr.KindTime}, "json": {Kind: expr.KindAny},
}

// Kinds are the catalogues of step and trigger kinds that scenarios may use.
type Kinds struct {
	Steps    []StepKind
	Triggers []TriggerKind
}

// compileScenario binds a document to what it may name in its app. What is wrong comes back as a list; the version is then not usable.
func compileScenario(doc *Scenario, number int64, n nouns, kinds Kinds) (*Version, []FieldError) {
	b := bindScenario(doc, number, n, kinds, nil)
	if len(b.errs) > 0 {
		slices.SortStableFunc(b.errs, func(x, y FieldError) int { return cmp.Compare(x.Path, y.Path) })
		return nil, b.errs
	}
	return b.version, nil
}

// bindScenario compiles all that can be compiled; what can not is in the binder's errors. A spot, when given, is looked for on the way.
func bindScenario(doc *Scenario, number int64, n nouns, kinds Kinds, at *spot) *binder {
	v := &Version{Scenario: doc.ID, Number: number, doc: doc, lists: map[string]*list{}, steps: map[string]*step{}, names: map[string]bool{}}
	b := &binder{
		nouns: n, version: v, ids: map[string]string{}, kinds: map[string]StepKind{},
		vars: map[string]expr.Type{}, outputs: map[string]expr.Type{}, spot: at, known: map[string]expr.Type{},
	}
	for _, k := range kinds.Steps {
		b.kinds[k.Kind] = k
	}
	if doc.Structure != "" {
		if v.structure = n.structures[doc.Structure]; v.structure == nil {
			b.errs = append(b.errs, FieldError{Path: "structure", Code: "UNKNOWN_STRUCTURE", Message: "there is no structure of this name" + didYouMean(doc.Structure, keysOf(n.structures))})
			return b
		}
	}
	b.structure = v.structure
	for name, typ := range doc.Parameters {
		b.vars[name] = parameterTypes[typ]
	}
	b.collect(doc.Steps, mainList, 0)
	b.collect(doc.Catch, catchList, 0)
	b.triggers(doc.Triggers, kinds)
	if doc.Lane != "" {
		v.lane = &Expr{Source: doc.Lane}
		b.expr(v.lane, "lane", expr.Any)
		if v.lane.slot != nil {
			b.note(v.lane.reads)
		}
		if v.lane.slot != nil && v.lane.deferred {
			b.errs = append(b.errs, FieldError{Path: "lane", Code: "COST", Message: "is judged inside the write and has to be simpler"})
		}
	}
	b.slots = nil
	b.list(doc.Steps, mainList)
	b.inCatch = true
	b.list(doc.Catch, catchList)
	return b
}

// collect looks through all steps first, so that every expression can name what an earlier or an enclosing step yields.
func (b *binder) collect(docs []json.RawMessage, path string, depth int) {
	if depth > MaxNesting {
		b.errs = append(b.errs, overLimit(path, "step_nesting", "steps may be nested at most %d deep", MaxNesting))
		return
	}
	for i, doc := range docs {
		at := fmt.Sprintf("%s[%d]", path, i)
		var h head
		rest, err := split(doc, &h, "id", "kind", "name", "notes", "disabled", "timeout", "on_error")
		if err != nil {
			b.fail(at, err)
			continue
		}
		switch {
		case !stepIDRule.MatchString(h.ID):
			b.errs = append(b.errs, FieldError{Path: at + ".id", Code: "NAME", Message: "must start with a small letter and hold only small letters, digits and _"})
		case b.ids[h.ID] != "":
			b.errs = append(b.errs, FieldError{Path: at + ".id", Code: "TAKEN", Message: "another step has this id: " + b.ids[h.ID]})
		case len(b.ids) >= MaxSteps:
			b.errs = append(b.errs, overLimit(at, "steps_per_scenario", "at most %d steps", MaxSteps))
			return
		}
		b.ids[h.ID] = at
		b.outputs[h.ID] = expr.Any
		var settings map[string]json.RawMessage
		if json.Unmarshal(rest, &settings) != nil {
			continue
		}
		for _, name := range keysOf(settings) {
			switch b.format(h.Kind, name) {
			case "steps":
				b.collectList(settings[name], at+"."+name, depth)
			case "cases":
				var cases []struct {
					Then json.RawMessage `json:"then"`
				}
				if json.Unmarshal(settings[name], &cases) == nil {
					for k, c := range cases {
						b.collectList(c.Then, fmt.Sprintf("%s.%s[%d].then", at, name, k), depth)
					}
				}
			case "variables":
				b.declare(settings[name], at+"."+name)
			}
		}
	}
}

func (b *binder) collectList(doc json.RawMessage, path string, depth int) {
	var inner []json.RawMessage
	if json.Unmarshal(doc, &inner) == nil {
		b.collect(inner, path, depth+1)
	}
}

// declare makes the variables known that a step sets.
func (b *binder) declare(doc json.RawMessage, path string) {
	var names map[string]json.RawMessage
	if json.Unmarshal(doc, &names) != nil {
		return
	}
	for name := range names {
		if !nameRule.MatchString(name) {
			b.errs = append(b.errs, FieldError{Path: path + "." + name, Code: "NAME", Message: "must start with a letter and hold only letters, digits and _"})
		}
		if _, declared := b.vars[name]; !declared {
			b.vars[name] = expr.Any
		}
	}
}

// format is the format of a kind's setting as its schema says.
func (b *binder) format(kind, setting string) string {
	var doc struct {
		Properties map[string]struct {
			Format string `json:"format"`
		} `json:"properties"`
	}
	if k, ok := b.kinds[kind]; !ok || json.Unmarshal(k.Schema, &doc) != nil {
		return ""
	}
	return doc.Properties[setting].Format
}

func (b *binder) list(docs []json.RawMessage, path string) *list {
	l := &list{path: path}
	b.version.lists[path] = l
	for i, doc := range docs {
		at := fmt.Sprintf("%s[%d]", path, i)
		var h head
		rest, err := split(doc, &h, "id", "kind", "name", "notes", "disabled", "timeout", "on_error")
		if err != nil {
			continue // collect has said so
		}
		kind, ok := b.kinds[h.Kind]
		if !ok {
			b.errs = append(b.errs, FieldError{Path: at + ".kind", Code: "UNKNOWN_KIND", Message: fmt.Sprintf("there is no step kind %q%s", h.Kind, didYouMean(h.Kind, keysOf(b.kinds)))})
			continue
		}
		b.checkOnError(h.OnError, at+".on_error")
		if time.Duration(h.Timeout) > maxStepTimeout {
			b.errs = append(b.errs, overLimit(at+".timeout", "step_timeout", "may be at most %s", maxStepTimeout))
		}
		outer := b.slots
		b.slots = nil
		s := &step{head: h, kind: h.Kind, effect: kind.effect}
		placed := kind.bind(b, rest, at)
		s.run, s.outside, s.describe, s.settings = placed.run, placed.outside, placed.describe, placed.settings
		for _, slot := range b.slots {
			if slot.deferred {
				s.deferred = append(s.deferred, slot)
			}
			b.note(slot.reads)
			s.secrets = append(s.secrets, slot.secrets()...)
		}
		slices.Sort(s.secrets)
		s.secrets = slices.Compact(s.secrets)
		b.slots = outer
		l.steps = append(l.steps, s)
		b.version.steps[s.ID] = s
	}
	return l
}

func (b *binder) note(reads []string) {
	for _, r := range reads {
		root, rest, _ := strings.Cut(r, ".")
		name, _, _ := strings.Cut(rest, ".")
		switch root {
		case "user":
			b.version.readsUser = true
		case "before", "changed", "event":
			b.version.readsImages = true
		case "const", "secret":
			b.version.names[strings.TrimSuffix(root+"."+name, ".")] = true
		}
	}
}

func (b *binder) checkOnError(o *onError, path string) {
	if o == nil {
		return
	}
	if o.Then != "" && o.Then != "stop" && o.Then != "continue" {
		b.errs = append(b.errs, FieldError{Path: path + ".then", Code: "OPTION", Message: "must be stop or continue"})
	}
	if o.Retry != nil && (o.Retry.Times < 1 || o.Retry.Times > MaxRetries) {
		b.errs = append(b.errs, overLimit(path+".retry.times", "retries_per_step", "must be 1 to %d", MaxRetries))
	}
	if o.Retry != nil && o.Retry.Backoff == 0 {
		o.Retry.Backoff = Duration(10e9)
	}
}

func (b *binder) triggers(docs []json.RawMessage, kinds Kinds) {
	seen := map[string]bool{}
	for i, doc := range docs {
		at := fmt.Sprintf("triggers[%d]", i)
		var h struct {
			ID   string `json:"id"`
			Kind string `json:"kind"`
		}
		rest, err := split(doc, &h, "id", "kind")
		if err != nil {
			b.fail(at, err)
			continue
		}
		if !stepIDRule.MatchString(h.ID) || seen[h.ID] {
			b.errs = append(b.errs, FieldError{Path: at + ".id", Code: "NAME", Message: "must be unique among the triggers, start with a small letter and hold only small letters, digits and _"})
		}
		seen[h.ID] = true
		k := slices.IndexFunc(kinds.Triggers, func(k TriggerKind) bool { return k.Kind == h.Kind })
		if k < 0 {
			b.errs = append(b.errs, FieldError{Path: at + ".kind", Code: "UNKNOWN_KIND", Message: fmt.Sprintf("there is no trigger kind %q%s", h.Kind, didYouMean(h.Kind, triggerNames(kinds)))})
			continue
		}
		b.slots = nil
		wrong := len(b.errs)
		watch, settings := kinds.Triggers[k].bind(b, rest, at)
		t := &Trigger{ID: h.ID, Kind: h.Kind, Watch: watch, version: b.version, path: at}
		if len(b.errs) == wrong {
			if t.Schedule = b.compileSchedule(kinds.Triggers[k], settings, at); t.Schedule != nil {
				b.placeSchedule(t)
			}
		}
		for _, slot := range b.slots {
			b.note(slot.reads)
		}
		b.checkWatch(t, at)
		b.version.triggers = append(b.version.triggers, t)
	}
}

func triggerNames(kinds Kinds) []string {
	names := make([]string, len(kinds.Triggers))
	for i, k := range kinds.Triggers {
		names[i] = k.Kind
	}
	return names
}

func (b *binder) checkWatch(t *Trigger, at string) {
	if len(t.On) == 0 {
		return
	}
	if b.structure == nil {
		b.errs = append(b.errs, FieldError{Path: "structure", Code: "REQUIRED", Message: "a scenario with an object trigger names its structure"})
		return
	}
	for i, name := range t.Fields {
		if b.structure.Field(name) == nil {
			b.errs = append(b.errs, FieldError{Path: fmt.Sprintf("%s.fields[%d]", at, i), Code: "UNKNOWN_FIELD", Message: b.structure.ID + " has no such field" + b.structure.suggest(name)})
		}
	}
}

// scope is what an expression may name where the binder stands.
func (b *binder) scope() *expr.Scope {
	names := map[string]expr.Type{
		"vars": expr.MapOf(b.vars), "steps": expr.MapOf(b.outputs),
		"app":  expr.MapOf(map[string]expr.Type{"id": {Kind: expr.KindString}}),
		"user": b.user(), "const": expr.MapOf(b.constants),
	}
	if b.target != nil {
		names["target"] = *b.target.typ
	}
	if b.sending {
		names["secret"] = b.secretNames()
	}
	s := &expr.Scope{Names: names, Linked: b.linked}
	if b.structure != nil {
		s.Object = b.structure.typ
		names["before"] = *b.structure.typ
		names["changed"] = expr.ListOf(expr.Type{Kind: expr.KindString})
		names["event"] = expr.MapOf(map[string]expr.Type{
			"kind": {Kind: expr.KindString, Options: []string{string(Created), string(Changed), string(Deleted)}}, "object": *b.structure.typ,
		})
	}
	if n := len(b.items); n > 0 {
		names["item"], names["index"] = b.items[n-1], expr.Type{Kind: expr.KindInt}
	}
	if b.inCatch {
		names["error"] = expr.MapOf(map[string]expr.Type{"step": {Kind: expr.KindString}, "message": {Kind: expr.KindString}, "code": {Kind: expr.KindString}})
	}
	return s
}

// linked is the type of the objects that a link points at.
func (b *binder) linked(structure string) (expr.Type, bool) {
	s := b.structures[structure]
	if s == nil {
		return expr.Type{}, false
	}
	return *s.typ, true
}

func (b *binder) user() expr.Type {
	if s := b.structures[UserStructure]; s != nil {
		return *s.typ
	}
	return expr.ObjectOf(nil)
}

func keysOf[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
