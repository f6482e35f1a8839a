package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cuelight/cuelight/engine/expr"
)

// PreviewValue is what one setting of a draft comes to on an object.
type PreviewValue struct {
	// Path is the setting's, as steps[0].message.
	Path string
	// Value is what it comes to; nil where Error or Unknown is set, or where it is longer than Cut bytes.
	Value json.RawMessage
	Cut   int
	Error string
	// Unknown says that it looks at what only a run knows: an earlier step, a variable, a loop's item, a secret.
	Unknown bool
	// Saw are the plain values that a condition looked at: one that comes to true or false.
	Saw []Read
	// Says puts a schedule into words and Next are its next times; its path is the trigger's.
	Says string
	Next []time.Time
}

// Bounds of a preview: of one value and of all, in bytes, and of the time for all (builder.md 6).
const (
	previewValue = 1 << 10
	previewBytes = 256 << 10
	previewTime  = 50 * time.Millisecond
)

// Preview evaluates every setting of a draft on an object as it is now; object "" takes none. Nothing is changed or sent. What can not be
// compiled is left out: the draft's problems say why.
func (e *Engine) Preview(ctx context.Context, app AppID, doc []byte, object string) ([]PreviewValue, error) {
	cat, err := e.fresh(ctx, app)
	if err != nil {
		return nil, err
	}
	s, _, err := readScenario(doc)
	if err != nil {
		return nil, err
	}
	b := bindScenario(s, 0, cat.nouns(), e.opt.Kinds, nil)
	env, err := e.previewEnv(ctx, cat, b.structure, object)
	if err != nil {
		return nil, err
	}
	var values []PreviewValue
	err = e.inTurn(ctx, func() {
		end, left := e.opt.Clock().Add(previewTime), previewBytes
		for _, x := range b.all {
			if e.opt.Clock().After(end) || left <= 0 {
				return
			}
			v := x.preview(env)
			left -= len(v.Value)
			values = append(values, v)
		}
		values = append(values, b.previewSchedules(e.opt.Clock())...)
	})
	return values, err
}

// previewTimes is how many of the next times of a schedule are shown.
const previewTimes = 3

func (b *binder) previewSchedules(now time.Time) []PreviewValue {
	var values []PreviewValue
	for _, t := range b.version.triggers {
		if t.Schedule == nil {
			continue
		}
		v := PreviewValue{Path: t.path}
		if words, ok := t.Schedule.Calendar.(interface{ Describe() string }); ok {
			v.Says = words.Describe()
		}
		for at, ok := t.Schedule.Next(now); ok && len(v.Next) < previewTimes; at, ok = t.Schedule.Next(at) {
			v.Next = append(v.Next, at.UTC())
		}
		values = append(values, v)
	}
	return values
}

func (e *Engine) previewEnv(ctx context.Context, cat *catalogue, s *Structure, object string) (expr.Env, error) {
	names := map[string]any{"object": nil, "before": nil, "changed": []any{}, "user": nil}
	if s != nil && object != "" {
		o, err := e.store.Object(ctx, cat.app.ID, s.ID, object)
		if err != nil {
			return expr.Env{}, fmt.Errorf("read object %s of %s: %w", object, s.ID, err)
		}
		fields, err := s.env(o)
		if err != nil {
			return expr.Env{}, err
		}
		names["object"], names["before"] = fields, fields
		names["event"] = map[string]any{"object": fields}
	}
	cat.fill(names, map[string]any{})
	return expr.Env{Names: names, Now: e.opt.Clock().UTC(), Zone: cat.zone, Follow: e.follower(ctx, cat.app.ID, cat).follow}, nil
}

// onlyInRuns are the names whose values only a run knows.
var onlyInRuns = []string{"steps", "vars", "item", "index", "error", "secret", "target", "webhook", "message"}

func (x *slot) preview(env expr.Env) PreviewValue {
	v := PreviewValue{Path: x.path}
	for _, path := range x.reads {
		if name, _, _ := strings.Cut(path, "."); slices.Contains(onlyInRuns, name) {
			v.Unknown = true
			return v
		}
	}
	value, err := x.eval(env, expr.NewBudget(expr.InlineLimits, nil))
	if err != nil {
		v.Error = err.Error()
		return v
	}
	if _, judged := value.(bool); judged {
		v.Saw = x.saw(env)
	}
	doc, err := marshal(expr.ToJSON(value))
	switch {
	case err != nil:
		v.Error = err.Error()
	case len(doc) > previewValue:
		v.Cut = len(doc)
	default:
		v.Value = doc
	}
	return v
}

// saw are the plain values that the expression looks at.
func (x *slot) saw(env expr.Env) []Read {
	var seen []Read
	for _, path := range x.reads {
		v := valueAt(env.Names, strings.Split(path, "."))
		switch v.(type) {
		case map[string]any, []any:
			continue
		}
		if doc, err := marshal(expr.ToJSON(v)); err == nil && len(doc) <= maxSeen {
			seen = append(seen, Read{Path: path, Value: doc})
		}
	}
	return seen
}
