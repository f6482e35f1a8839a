package api

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/cuelight/cuelight/engine"
	"github.com/cuelight/cuelight/engine/expr"
	"github.com/cuelight/cuelight/engine/filter"
)

// show gives objects as the API shows them: built-in fields beside the structure's own, null where a field is not set and where a link
// points at nothing any more. Lists of links are without the ids that point at nothing any more.
func (a *API) show(ctx context.Context, s *engine.Structure, objects []*engine.Object) ([]document, error) {
	rows := make([]map[string]json.RawMessage, len(objects))
	for i, o := range objects {
		data, err := s.Shown(o)
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(data, &rows[i]); err != nil {
			return nil, err
		}
	}
	if err := a.clearLinks(ctx, s, objects, rows); err != nil {
		return nil, err
	}
	list := make([]document, len(objects))
	for i, o := range objects {
		doc, err := showObject(s, o, rows[i])
		if err != nil {
			return nil, err
		}
		list[i] = doc
	}
	return list, nil
}

func showObject(s *engine.Structure, o *engine.Object, row map[string]json.RawMessage) (document, error) {
	var doc []byte
	add := func(name string, v any) error {
		text, ok := v.(json.RawMessage)
		if !ok {
			var err error
			if text, err = json.Marshal(v); err != nil {
				return err
			}
		}
		if text == nil {
			text = json.RawMessage("null")
		}
		doc = append(append(append(append(doc, ',', '"'), name...), '"', ':'), text...)
		return nil
	}
	err := add("id", o.ID)
	for i := range s.Fields {
		err = errors.Join(err, add(s.Fields[i].ID, row[s.Fields[i].ID]))
	}
	err = errors.Join(err,
		add("version", o.Version), add("created_at", o.CreatedAt.UTC().Format(engine.DateFormat)), add("changed_at", o.ChangedAt.UTC().Format(engine.DateFormat)),
		add("created_by", o.CreatedBy), add("changed_by", o.ChangedBy))
	doc[0] = '{'
	return append(doc, '}'), err
}

// clearLinks makes links null whose target is gone, and leaves such ids out of lists.
func (a *API) clearLinks(ctx context.Context, s *engine.Structure, objects []*engine.Object, rows []map[string]json.RawMessage) error {
	for i := range s.Fields {
		f := &s.Fields[i]
		if f.Type != engine.TypeLink && f.Type != engine.TypeLinks || len(objects) == 0 {
			continue
		}
		targets := map[string]bool{}
		for _, row := range rows {
			for _, id := range linksOf(row[f.ID]) {
				targets[id] = false
			}
		}
		if err := a.exist(ctx, objects[0].App, f.Structure, targets); err != nil {
			return err
		}
		for _, row := range rows {
			if err := clearGone(row, f, targets); err != nil {
				return err
			}
		}
	}
	return nil
}

// clearGone takes the ids whose object is not there out of one field; a list of which nothing is left is null, as an empty one is.
func clearGone(row map[string]json.RawMessage, f *engine.Field, targets map[string]bool) error {
	ids := linksOf(row[f.ID])
	left := slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return !targets[id] })
	switch {
	case len(left) == len(ids):
	case len(left) == 0:
		row[f.ID] = nil
	default:
		doc, err := json.Marshal(left)
		row[f.ID] = doc
		return err
	}
	return nil
}

// linksOf reads a link, or a list of links.
func linksOf(raw json.RawMessage) []string {
	var id string
	var list []string
	switch {
	case raw == nil || json.Unmarshal(raw, &list) == nil:
		return list
	case json.Unmarshal(raw, &id) == nil && id != "":
		return []string{id}
	}
	return nil
}

// fewTargets are looked up one by one; more of them by one query.
const fewTargets = 4

func (a *API) exist(ctx context.Context, app engine.AppID, structure string, targets map[string]bool) error {
	if len(targets) > fewTargets {
		s, err := a.structure(ctx, app, structure)
		if err != nil {
			return err
		}
		ids := make([]string, 0, len(targets))
		for id := range targets {
			ids = append(ids, id)
		}
		for chunk := range slices.Chunk(ids, 500) {
			n := &filter.Node{Op: filter.In, Field: "id", Kind: expr.KindString}
			for _, id := range chunk {
				n.Values = append(n.Values, filter.Value{Any: id})
			}
			q := engine.ObjectQuery{App: app, Structure: s, Filter: n, Limit: len(chunk)}
			for more := true; more; more = q.After != "" {
				found, err := a.opt.Store.Objects(ctx, q)
				if err != nil {
					return err
				}
				for _, o := range found.Items {
					targets[o.ID] = true
				}
				q.After = found.Next
			}
		}
		return nil
	}
	for id := range targets {
		_, err := a.opt.Store.Object(ctx, app, structure, id)
		if err != nil && !errors.Is(err, engine.ErrNotFound) {
			return err
		}
		targets[id] = err == nil
	}
	return nil
}
