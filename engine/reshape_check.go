package engine

import (
	"context"
	"fmt"
	"hash/maphash"
	"slices"
	"strings"

	"github.com/cuelight/cuelight/engine/expr"
	"github.com/cuelight/cuelight/engine/filter"
)

// How much of what stands in the way a refusal shows.
const (
	shownObjects = 10
	shownUses    = 3
	checkPage    = 500
)

// examine looks at every object of a structure for what the new one does not allow, and changes nothing.
func (e *Engine) examine(ctx context.Context, app AppID, cat *catalogue, r *reshaping) ([]FieldError, error) {
	if len(r.checks) == 0 {
		return nil, nil
	}
	x := &examination{reshaping: r, found: make([]finding, len(r.checks)), seed: maphash.MakeSeed()}
	if err := x.walk(ctx, e.store, app, cat); err != nil {
		return nil, err
	}
	if slices.ContainsFunc(x.found, func(f finding) bool { return len(f.twice) > 0 }) {
		x.grouping = true
		if err := x.walk(ctx, e.store, app, cat); err != nil {
			return nil, err
		}
	}
	return x.report(), nil
}

// finding is what was found for one check.
type finding struct {
	values, wrong int
	shown         []string // ids of objects that are wrong, with the reason where there is one
	reasons       []string
	// seen are hashes of values, so that memory stays small; what comes twice is looked at again, by groups.
	seen   map[uint64]bool
	twice  map[uint64]bool
	groups map[string][]string
}

type examination struct {
	*reshaping
	found    []finding
	seed     maphash.Seed
	grouping bool
}

func (x *examination) walk(ctx context.Context, store Store, app AppID, cat *catalogue) error {
	q := ObjectQuery{App: app, Structure: x.was, Limit: checkPage}
	for {
		page, err := store.Objects(ctx, q)
		if err != nil {
			return err
		}
		links, err := x.links(ctx, store, app, cat, page.Items)
		if err != nil {
			return err
		}
		for _, o := range page.Items {
			raw, err := x.was.raw(o.Data)
			if err != nil {
				return err
			}
			for i := range x.checks {
				x.check(i, o.ID, raw, links)
			}
		}
		if q.After = page.Next; q.After == "" {
			return nil
		}
	}
}

// links finds out which of the objects are there that texts of a page would point at as links.
func (x *examination) links(ctx context.Context, store Store, app AppID, cat *catalogue, objects []*Object) (map[string]bool, error) {
	there := map[string]bool{}
	for _, c := range x.checks {
		target := cat.structures[c.field.Structure]
		if target == nil || !c.convert || c.was.Type != TypeString || x.grouping {
			continue
		}
		n := &filter.Node{Op: filter.In, Field: "id", Kind: expr.KindString}
		for _, o := range objects {
			raw, err := x.was.raw(o.Data)
			if err != nil {
				return nil, err
			}
			if id, ok := raw[c.field.ID].(string); ok && ValidID(id) {
				n.Values = append(n.Values, filter.Value{Any: id})
			}
		}
		q := ObjectQuery{App: app, Structure: target, Filter: n, Limit: checkPage}
		for more := len(n.Values) > 0; more; more = q.After != "" {
			page, err := store.Objects(ctx, q)
			if err != nil {
				return nil, err
			}
			for _, o := range page.Items {
				there[c.field.ID+"/"+o.ID] = true
			}
			q.After = page.Next
		}
	}
	return there, nil
}

func (x *examination) check(i int, id string, raw map[string]any, links map[string]bool) {
	c, found := &x.checks[i], &x.found[i]
	value := raw[c.field.ID]
	if value == nil {
		return
	}
	found.values++
	var v any
	switch {
	case c.convert:
		var why string
		if v, why = c.converted(value, links); why != "" {
			found.note(id, why, shownObjects)
			return
		}
	default:
		v = c.was.fromStored(value)
	}
	if t, ok := v.(string); ok && slices.Contains(c.gone, t) {
		found.note(id, "", shownUses)
	}
	if !c.unique || v == nil {
		return
	}
	key := uniqueKey(v)
	hash := maphash.String(x.seed, key)
	switch {
	case x.grouping && found.twice[hash]:
		if found.groups == nil {
			found.groups = map[string][]string{}
		}
		found.groups[key] = append(found.groups[key], id)
	case x.grouping:
	case found.seen[hash]:
		if found.twice == nil {
			found.twice = map[uint64]bool{}
		}
		found.twice[hash] = true
	default:
		if found.seen == nil {
			found.seen = map[uint64]bool{}
		}
		found.seen[hash] = true
	}
}

// converted is a value in its new type, or why it can not be.
func (c *fieldCheck) converted(value any, links map[string]bool) (any, string) {
	if c.never != "" {
		return nil, c.never
	}
	f := *c.field
	f.converting = true
	v, err := f.convert(value)
	if err != nil {
		return nil, err.Error()
	}
	if id, ok := v.(string); ok && f.Type == TypeLink && c.was.Type == TypeString && !links[f.ID+"/"+id] {
		return nil, f.Structure + " has no object with this id"
	}
	return v, ""
}

func (f *finding) note(id, why string, most int) {
	if f.wrong++; len(f.shown) < most {
		f.shown, f.reasons = append(f.shown, id), append(f.reasons, why)
	}
}

// report says what stands in the way, field by field. A second walk has counted everything twice but the groups.
func (x *examination) report() []FieldError {
	for i := range x.found {
		if x.grouping {
			x.found[i].values, x.found[i].wrong = x.found[i].values/2, x.found[i].wrong/2
		}
		c, f := x.checks[i], x.found[i]
		switch {
		case f.wrong > 0 && c.convert:
			x.fail(c.path+".type", "CONVERT", "%d of %d values of %s can not become a %s", f.wrong, f.values, c.field.ID, typeWords(c.field))
			for k, id := range f.shown {
				x.fail(c.field.ID, "CONVERT", "the value of object %s: %s", id, f.reasons[k])
			}
		case f.wrong > 0:
			x.fail(c.path+".options", "OPTION_USED", "%d objects have an option that the document leaves out (%s), such as %s", f.wrong, strings.Join(c.gone, ", "), strings.Join(f.shown, ", "))
		}
		x.duplicates(c, f)
	}
	return x.errs
}

func (x *examination) duplicates(c fieldCheck, f finding) {
	groups := make([][]string, 0, len(f.groups))
	for _, ids := range f.groups {
		if len(ids) > 1 {
			groups = append(groups, ids)
		}
	}
	slices.SortFunc(groups, func(a, b []string) int { return strings.Compare(a[0], b[0]) })
	for i, ids := range groups {
		if i == shownObjects {
			x.fail(c.path+".unique", "DUPLICATES", "and %d more groups of objects", len(groups)-i)
			break
		}
		more := ""
		if n := len(ids) - shownObjects; n > 0 {
			ids, more = ids[:shownObjects], fmt.Sprintf(" and %d more", n)
		}
		x.fail(c.path+".unique", "DUPLICATES", "these objects have the same value in %s: %s%s", c.field.ID, strings.Join(ids, ", "), more)
	}
}
