package files

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/cuelight/cuelight/engine"
)

// Options say how documents are brought in.
type Options struct {
	// App is the app; empty means the one that the documents name.
	App string
	// Prune deletes the scenarios that are not in the documents.
	Prune bool
	// Start starts the scenarios too.
	Start bool
	// Drop and Convert are fields, as Order.note, that may go away with their values, or whose values may be converted to another type.
	Drop, Convert []string
}

// fieldsOf are the fields of a structure among names such as Order.note.
func fieldsOf(names []string, structure string) []string {
	var own []string
	for _, name := range names {
		if field, ok := strings.CutPrefix(name, structure+"."); ok {
			own = append(own, field)
		}
	}
	return own
}

// Action is what becomes of one thing.
type Action struct {
	// Sign is + for what is new, ~ for what changes, - for what is deleted and = for what stays as it is.
	Sign     string
	Kind, ID string
	Changes  []Change
	// Note is what the caller should know of it.
	Note string

	doc *Document
	// byHand is the command that does what needs the value of a secret.
	byHand string
	// rest completes a structure that an earlier action has made.
	rest bool
	run  func(context.Context) error
}

// Plan is what bringing documents into an app would do, in its order.
type Plan struct {
	App     string
	Actions []*Action
	// Notes tell what is left as it is although the documents do not have it.
	Notes []string
}

// planner compares documents with an app.
type planner struct {
	*remote
	Options
	shapes *Shapes
	docs   []*Document
	// has are the structures of the app, by id; exists says that there is the app.
	has    map[string]map[string]any
	exists bool
	// items are the constants and secrets of the app, by kind.
	items map[string][]map[string]any
	plan  *Plan
}

// Make checks the documents against each other and against the app, without changing anything, and says what bringing them in would do.
func Make(ctx context.Context, server Server, kinds engine.Kinds, docs []*Document, o Options) (*Plan, error) {
	if len(docs) == 0 {
		return nil, errors.New("there are no documents in the files")
	}
	if o.App == "" && docs[0].Kind == App {
		o.App = docs[0].ID
	}
	if o.App == "" {
		return nil, errors.New("no document of the kind app is in the files: name the app with --app")
	}
	shapes, err := ShapesOf(kinds)
	if err != nil {
		return nil, err
	}
	p := &planner{remote: appOf(server, o.App), Options: o, shapes: shapes, docs: docs, has: map[string]map[string]any{}, items: map[string][]map[string]any{}, plan: &Plan{App: o.App}}
	app, err := p.app(ctx)
	if err != nil {
		return nil, err
	}
	p.exists = app != nil
	check := engine.NewChecker(kinds)
	if err := p.readStructures(ctx, check); err != nil {
		return nil, err
	}
	if err := p.readItems(ctx, check); err != nil {
		return nil, err
	}
	if wrong := problemsOf(check, docs); len(wrong) > 0 {
		return nil, wrong
	}
	p.planApp(app)
	p.planItems()
	if err := p.planStructures(ctx); err != nil {
		return nil, err
	}
	if err := p.planScenarios(ctx); err != nil {
		return nil, err
	}
	if p.Prune {
		p.pruneItems()
	}
	return p.plan, nil
}

// readItems reads the constants and secrets of the app, which the documents may name.
func (p *planner) readItems(ctx context.Context, check *engine.Checker) error {
	if !p.exists {
		return nil
	}
	for _, k := range itemKinds {
		var err error
		if p.items[k.kind], err = p.remote.items(ctx, k.kind, k.room); err != nil {
			return err
		}
		for _, doc := range p.items[k.kind] {
			raw, err := marshal(doc)
			if err != nil {
				return err
			}
			check.Know(k.kind, raw)
		}
	}
	return nil
}

func (p *planner) readStructures(ctx context.Context, check *engine.Checker) error {
	if !p.exists {
		own, err := unmarshal([]byte(engine.UserDocument))
		p.has[engine.UserStructure] = own
		return err
	}
	all, err := p.structures(ctx)
	if err != nil {
		return err
	}
	for _, raw := range all {
		doc, err := unmarshal(raw)
		if err != nil {
			return err
		}
		id, _ := doc["id"].(string)
		p.has[id] = doc
		if err := check.Has(raw); err != nil {
			return fmt.Errorf("structure %s of the server: %w", id, err)
		}
		check.Allow(id, p.change(id))
	}
	return nil
}

func (p *planner) of(kind string) []*Document {
	var own []*Document
	for _, d := range p.docs {
		if d.Kind == kind {
			own = append(own, d)
		}
	}
	return own
}

// add plans an action that is done by one request.
func (p *planner) add(a *Action, method, path, etag string, body any) {
	a.run = func(ctx context.Context) error {
		_, err := p.Do(ctx, method, path, etag, body, nil)
		return err
	}
	p.plan.Actions = append(p.plan.Actions, a)
}

func (p *planner) same(d *Document) {
	p.plan.Actions = append(p.plan.Actions, &Action{Sign: "=", Kind: d.Kind, ID: d.ID, doc: d})
}

// appDefaults are the settings of an app that its document does not name.
var appDefaults = map[string]any{"name": "", "guests": false, "origins": []any{}, "time_zone": "", "private_hosts": []any{}}

func (p *planner) planApp(app map[string]any) {
	docs := p.of(App)
	if len(docs) == 0 {
		if app == nil {
			p.add(&Action{Sign: "+", Kind: App, ID: p.id}, "POST", "/api/v1/apps", "", map[string]any{"id": p.id})
		}
		return
	}
	settings := maps.Clone(appDefaults)
	for name := range appDefaults {
		if v := docs[0].value[name]; v != nil {
			settings[name] = v
		}
	}
	if app == nil {
		body := maps.Clone(settings)
		body["id"] = p.id
		p.add(&Action{Sign: "+", Kind: App, ID: p.id, doc: docs[0]}, "POST", "/api/v1/apps", "", body)
		return
	}
	was := maps.Clone(appDefaults)
	for name := range appDefaults {
		if v := app[name]; v != nil {
			was[name] = v
		}
	}
	changes := compare("", p.shapes.arrange(App, was), p.shapes.arrange(App, settings))
	if len(changes) == 0 {
		p.same(docs[0])
		return
	}
	p.add(&Action{Sign: "~", Kind: App, ID: p.id, Changes: changes, doc: docs[0]}, "PATCH", p.path, "", settings)
}

func (p *planner) planStructures(ctx context.Context) error {
	docs, late := inLinkOrder(p.of(Structure), p.has)
	for _, d := range docs {
		if err := p.planStructure(ctx, d, late[d.ID]); err != nil {
			return err
		}
	}
	for _, d := range docs {
		if len(late[d.ID]) == 0 {
			continue
		}
		body, err := d.JSON()
		if err != nil {
			return err
		}
		a := &Action{Sign: "~", Kind: Structure, ID: d.ID, doc: d, rest: true}
		for _, name := range late[d.ID] {
			a.Changes = append(a.Changes, Change{"fields", "the link " + name})
		}
		p.add(a, "PUT", p.structurePath(d.ID), "", body)
	}
	if p.Prune {
		for _, id := range slices.Sorted(maps.Keys(p.has)) {
			if id != engine.UserStructure && !slices.ContainsFunc(docs, func(d *Document) bool { return d.ID == id }) {
				p.plan.Notes = append(p.plan.Notes, fmt.Sprintf("structure %s is not in the files and stays: a structure is never deleted, nor are its objects", id))
			}
		}
	}
	return nil
}

// planStructure plans one structure, without the fields that are late.
func (p *planner) planStructure(ctx context.Context, d *Document, late []string) error {
	raw, err := marshal(without(d.value, late))
	if err != nil {
		return err
	}
	if p.has[d.ID] == nil {
		p.add(&Action{Sign: "+", Kind: Structure, ID: d.ID, doc: d}, "PUT", p.structurePath(d.ID), "", json.RawMessage(raw))
		return nil
	}
	is, err := stored(raw)
	if err != nil {
		return d.trouble("", err.Error())
	}
	var was json.RawMessage
	etag := ""
	if p.exists {
		if etag, err = p.Do(ctx, "GET", p.structurePath(d.ID), "", nil, &was); err != nil {
			return d.trouble("", err.Error())
		}
	} else {
		was = json.RawMessage(engine.UserDocument)
	}
	before, err := unmarshal(was)
	if err != nil {
		return err
	}
	changes := compare("", p.shapes.arrange(Structure, before), p.shapes.arrange(Structure, is))
	if len(changes) == 0 {
		p.same(d)
		return nil
	}
	p.add(&Action{Sign: "~", Kind: Structure, ID: d.ID, Changes: changes, doc: d}, "PUT", p.structurePath(d.ID)+p.changeQuery(d.ID), etag, json.RawMessage(raw))
	return nil
}

// change is what may happen to the values of a structure's objects.
func (p *planner) change(structure string) engine.StructureChange {
	return engine.StructureChange{Drop: fieldsOf(p.Drop, structure), Convert: fieldsOf(p.Convert, structure)}
}

func (p *planner) changeQuery(structure string) string {
	change, q := p.change(structure), url.Values{}
	if len(change.Drop) > 0 {
		q.Set("drop", strings.Join(change.Drop, ","))
	}
	if len(change.Convert) > 0 {
		q.Set("convert", strings.Join(change.Convert, ","))
	}
	if len(q) == 0 {
		return ""
	}
	return "?" + q.Encode()
}

// stored is a structure as the server keeps it: without what says the same as nothing.
func stored(raw []byte) (map[string]any, error) {
	s, err := engine.ParseStructure(raw)
	if err != nil {
		return nil, err
	}
	doc, err := marshal(s)
	if err != nil {
		return nil, err
	}
	return unmarshal(doc)
}
