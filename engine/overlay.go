package engine

import (
	"context"
	"slices"
	"strings"

	"github.com/cuelight/cuelight/engine/filter"
)

// overlay is a store as a dry run sees it: what the dry run has written lies over what is stored. Nothing goes below.
type overlay struct {
	Store
	rows    map[Key]any
	values  map[RunID][]*RunValue
	written map[string][]string // the ids of objects by structure, in the order in which they were first written
}

func newOverlay(s Store, rows map[Key]any) *overlay {
	return &overlay{Store: s, rows: rows, values: map[RunID][]*RunValue{}, written: map[string][]string{}}
}

// keep takes up what an op of the dry run has written.
func (o *overlay) keep(e *Effects) {
	for _, v := range e.Values {
		o.values[v.Run] = append(slices.DeleteFunc(o.values[v.Run], func(old *RunValue) bool { return old.Name == v.Name }), v)
	}
	for _, w := range e.Objects {
		if !slices.Contains(o.written[w.Structure], w.ID) {
			o.written[w.Structure] = append(o.written[w.Structure], w.ID)
		}
	}
}

// Object gives one as the dry run left it.
func (o *overlay) Object(ctx context.Context, app AppID, structure, id string) (*Object, error) {
	row, known := o.rows[ObjectKey(app, structure, id)]
	if !known {
		return o.Store.Object(ctx, app, structure, id)
	}
	if object, _ := row.(*Object); object != nil {
		return object, nil
	}
	return nil, ErrNotFound
}

// Objects gives a page with what the dry run changed on it. Objects that it made, or that pass only now, stand where their ids belong in a list by id, and behind
// the last page of another order; the total does not count them.
func (o *overlay) Objects(ctx context.Context, q ObjectQuery) (ObjectPage, error) {
	page, err := o.Store.Objects(ctx, q)
	if err != nil {
		return page, err
	}
	_, _, place, err := q.Page()
	if err != nil {
		return page, err
	}
	after, last := "", ""
	if byID := len(q.Sort) == 0; byID && place != nil {
		after, _ = place.Values[len(place.Values)-1].(string)
	}
	if page.Next != "" {
		last = page.Items[len(page.Items)-1].ID
	}
	var items []*Object
	add := func(id string) {
		now, err := o.Object(ctx, q.App, q.Structure.ID, id)
		if err == nil && passes(q, now) && !slices.ContainsFunc(items, func(item *Object) bool { return item.ID == id }) {
			items = append(items, now)
		}
	}
	for _, stored := range page.Items {
		add(stored.ID)
	}
	for _, id := range o.written[q.Structure.ID] {
		if id <= after || last != "" && (len(q.Sort) > 0 || id >= last) {
			continue
		}
		if was, err := o.Store.Object(ctx, q.App, q.Structure.ID, id); err == nil && passes(q, was) {
			continue // it has its place in the store's list
		}
		add(id)
	}
	if len(q.Sort) == 0 {
		slices.SortFunc(items, func(x, y *Object) int { return strings.Compare(x.ID, y.ID) })
	}
	page.Items = items
	return page, nil
}

// passes says whether an object passes a query's filter.
func passes(q ObjectQuery, o *Object) bool {
	if q.Filter == nil {
		return true
	}
	values, err := q.Structure.env(o)
	return err == nil && filter.Match(q.Filter, func(field string) any { return values[field] })
}

// Values gives what the dry run keeps beside a run's state.
func (o *overlay) Values(_ context.Context, _ AppID, run RunID) ([]*RunValue, error) {
	return o.values[run], nil
}
