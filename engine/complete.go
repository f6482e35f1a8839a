package engine

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/cuelight/cuelight/engine/expr"
)

// Complete asks what may stand at a caret in one setting of a draft.
type Complete struct {
	Document []byte
	// Path is the setting, as steps[0].message; Text what stands in it now, and Pos the caret in it, in characters.
	Path string
	Text string
	Pos  int
	// Object is the sample whose values are shown; "" takes none.
	Object string
}

// Completed is what may stand there.
type Completed struct {
	From, To int
	Items    []CompletedItem
}

// CompletedItem is one thing that may stand there, with its value on the sample as JSON; nil when only a run knows it, or it is long.
type CompletedItem struct {
	expr.CompletionItem
	Example json.RawMessage
}

// completeValue bounds an example, in bytes.
const completeValue = 200

// spot is the place in a scenario that is to be completed: what kind of language stands there, and what may be named.
type spot struct {
	path string
	// place is set when the binder comes to it.
	place func(text string, pos int) expr.Completion
}

// Complete says what may stand at the caret, from the types of all that can be named there; nothing has to have run. A setting that holds no
// expression has no items.
func (e *Engine) Complete(ctx context.Context, app AppID, q Complete) (*Completed, error) {
	cat, err := e.fresh(ctx, app)
	if err != nil {
		return nil, err
	}
	if len(q.Text) > MaxScenarioBytes || len(q.Document) > MaxScenarioBytes {
		return nil, &InvalidError{Fields: []FieldError{overLimit("text", "scenario_bytes", "a scenario may be at most %d bytes long", MaxScenarioBytes)}}
	}
	doc, err := withPlaceholder(q.Document, q.Path)
	if err != nil {
		return nil, err
	}
	s, _, err := readScenario(doc)
	if err != nil {
		return nil, err
	}
	if cat.structures[s.Structure] == nil {
		s.Structure = "" // names that do not need it are still known
	}
	var out *Completed
	var failure error
	if err := e.inTurn(ctx, func() { out, failure = e.complete(ctx, cat, s, q) }); err != nil {
		return nil, err
	}
	return out, failure
}

func (e *Engine) complete(ctx context.Context, cat *catalogue, s *Scenario, q Complete) (*Completed, error) {
	out, at := &Completed{Items: []CompletedItem{}}, &spot{path: q.Path}
	structure := bindScenario(s, 0, cat.nouns(), e.opt.Kinds, at).structure
	env, err := e.previewEnv(ctx, cat, structure, q.Object)
	if err != nil || at.place == nil {
		return out, err
	}
	c := at.place(q.Text, q.Pos)
	out.From, out.To = c.From, c.To
	for _, item := range c.Items {
		example, err := e.exampleOf(ctx, cat, structure, env, item.Path)
		if err != nil {
			return nil, err
		}
		out.Items = append(out.Items, CompletedItem{item, example})
	}
	return out, nil
}

// exampleOf is the value of a path on the sample. The object behind a link is read.
func (e *Engine) exampleOf(ctx context.Context, cat *catalogue, s *Structure, env expr.Env, path []string) (json.RawMessage, error) {
	if len(path) == 0 || slices.Contains(onlyInRuns, path[0]) {
		return nil, nil
	}
	if _, there := env.Names[path[0]]; !there && s != nil {
		path = append([]string{"object"}, path...)
	}
	var v any = env.Names
	for _, name := range path {
		if id, ok := v.(string); ok && s != nil {
			linked, err := e.linkedValues(ctx, cat, s, path, id)
			if err != nil {
				return nil, err
			}
			v = linked
		}
		m, ok := v.(map[string]any)
		if !ok {
			return nil, nil
		}
		v = m[name]
	}
	if v == nil {
		return nil, nil
	}
	doc, err := marshal(expr.ToJSON(v))
	if err != nil || len(doc) > completeValue {
		return nil, err
	}
	return doc, nil
}

// linkedValues are the fields of the object that the link in path points at: object.owner.name.
func (e *Engine) linkedValues(ctx context.Context, cat *catalogue, s *Structure, path []string, id string) (any, error) {
	if len(path) != 3 {
		return nil, nil
	}
	f := s.Field(path[1])
	if f == nil || cat.structures[f.Structure] == nil {
		return nil, nil
	}
	o, err := e.store.Object(ctx, cat.app.ID, f.Structure, id)
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	fields, err := cat.structures[f.Structure].env(o)
	return fields, err
}

// withPlaceholder is the document with a text at a path, so that the binder comes there even where there was nothing yet, or where what is
// there can not be read.
func withPlaceholder(doc []byte, path string) ([]byte, error) {
	var whole any
	if err := unmarshalNumbers(doc, &whole); err != nil {
		return nil, invalid("", "DOCUMENT", "%s", err)
	}
	if !place(whole, path) {
		return doc, nil
	}
	return marshal(whole)
}

var indexed = regexp.MustCompile(`^([^.\[\]]+)((?:\[\d+\])*)(?:\.|$)`)

// place puts the placeholder into what stands at the path and says whether the path leads anywhere. A key may hold dots itself.
func place(v any, path string) bool {
	m, ok := v.(map[string]any)
	if !ok {
		return false
	}
	if _, last := m[path]; last || !indexed.MatchString(path) {
		m[path] = "x"
		return true
	}
	parts := indexed.FindStringSubmatch(path)
	name, rest := parts[1], path[len(parts[0]):]
	inner, there := m[name]
	if rest == "" && parts[2] == "" {
		m[name] = "x"
		return true
	}
	if !there && parts[2] == "" {
		m[name] = map[string]any{rest: "x"}
		return true
	}
	for _, n := range strings.FieldsFunc(parts[2], func(r rune) bool { return r == '[' || r == ']' }) {
		list, ok := inner.([]any)
		i, err := strconv.Atoi(n)
		if !ok || err != nil || i >= len(list) {
			return false
		}
		inner = list[i]
	}
	return rest != "" && place(inner, rest)
}

// visit notes what may stand in a setting when it is the one to complete, or holds it.
func (b *binder) visit(path string, complete func(scope *expr.Scope) func(text string, pos int) expr.Completion) {
	if b.spot == nil || b.spot.place != nil || b.spot.path != path && !strings.HasPrefix(b.spot.path, path+".") && !strings.HasPrefix(b.spot.path, path+"[") {
		return
	}
	scope := b.scope()
	known := map[string]expr.Type{}
	for id, at := range b.ids {
		if walkedBefore(at, path) {
			known[id] = b.outputs[id]
			if t, ok := b.known[at]; ok {
				known[id] = t
			}
		}
	}
	scope.Names = maps.Clone(scope.Names)
	scope.Names["steps"] = expr.MapOf(known)
	b.spot.place = complete(scope)
}

func (b *binder) visitExpr(path string) {
	b.visit(path, func(scope *expr.Scope) func(string, int) expr.Completion {
		return func(text string, pos int) expr.Completion { return expr.CompleteExpression(text, pos, scope) }
	})
}

func (b *binder) visitTemplate(path string, want expr.Type) {
	b.visit(path, func(scope *expr.Scope) func(string, int) expr.Completion {
		return func(text string, pos int) expr.Completion { return expr.CompleteTemplate(text, pos, scope, want) }
	})
}

func (b *binder) visitFilter(path string, s *Structure) {
	b.visit(path, func(scope *expr.Scope) func(string, int) expr.Completion {
		return func(text string, pos int) expr.Completion {
			return expr.CompleteFilter(text, pos, s.typ.Fields, scope)
		}
	})
}

// walkedBefore says whether the step at an address is, or may be, walked before the setting at a path, or encloses it.
func walkedBefore(step, path string) bool {
	a, b := strings.Split(step, "."), strings.Split(path, ".")
	for i := range a {
		if i >= len(b) {
			return false
		}
		if a[i] == b[i] {
			// Up to the setting's own step all is the same; a step does not see itself, but what encloses it.
			if i == len(a)-1 {
				return slices.ContainsFunc(b[i+1:len(b)-1], func(list string) bool { return strings.Contains(list, "[") && !strings.HasPrefix(list, "cases[") })
			}
			continue
		}
		listA, atA, okA := strings.Cut(strings.TrimSuffix(a[i], "]"), "[")
		listB, atB, okB := strings.Cut(strings.TrimSuffix(b[i], "]"), "[")
		if !okA || !okB {
			return false
		}
		if listA != listB {
			return listB == catchList
		}
		x, _ := strconv.Atoi(atA)
		y, _ := strconv.Atoi(atB)
		return listA != "cases" && x < y
	}
	return false
}

// Yields says what is known of steps.<id> of the step being bound, for completion; expressions may treat it as anything.
func (x *Binder) Yields(t expr.Type) { x.b.known[x.path] = t }

// Objects is the type of a list of objects of a structure.
func (*Binder) Objects(s *Structure) expr.Type { return expr.ListOf(*s.typ) }
