package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cuelight/cuelight/engine"
)

// unindexedFor is how long a query may look at every object.
var unindexedFor = 2 * time.Second // a variable for the tests only

// errEnough ends the reading of a page.
var errEnough = errors.New("the page is full")

// Objects returns a page of objects.
func (s *Store) Objects(ctx context.Context, q engine.ObjectQuery) (engine.ObjectPage, error) {
	keys, limit, place, err := q.Page()
	if err != nil {
		return engine.ObjectPage{}, err
	}
	bounded := ctx
	if !driven(q.Structure, q.Filter) {
		var cancel context.CancelFunc
		bounded, cancel = context.WithTimeout(ctx, unindexedFor)
		defer cancel()
	}
	page, err := s.objects(bounded, q, keys, limit, place)
	if err != nil && errors.Is(bounded.Err(), context.DeadlineExceeded) && ctx.Err() == nil {
		return engine.ObjectPage{}, &engine.CodedError{Kind: engine.ErrInvalid, Code: "UNINDEXED_FILTER", Limit: "filter_time", Message: fmt.Sprintf(
			"the filter took longer than %s since nothing in it can use an index: tick \"indexed\" on a field that it compares (%s)", unindexedFor, strings.Join(q.Filter.Fields(), ", "))}
	}
	return page, err
}

func (s *Store) objects(ctx context.Context, q engine.ObjectQuery, keys []engine.Order, limit int, place *engine.ObjectPlace) (engine.ObjectPage, error) {
	var page engine.ObjectPage
	w := newWhere(q)
	from := w.from(keys)
	passes := w.filter(q.Filter)
	if w.err != nil {
		return page, w.err
	}
	if q.Count {
		count := newWhere(q)
		query := `SELECT COUNT(*) FROM (SELECT 1 FROM objects AS o WHERE o.app = $1 AND o.structure = $2 AND ` + count.filter(q.Filter) + ` LIMIT ` + count.num(engine.CountExact+1) + `) AS c`
		if err := s.read.QueryRow(ctx, query, count.once()...).Scan(&page.Total); err != nil {
			return page, classify(err)
		}
		if page.Total > engine.CountExact {
			page.Total, page.AtLeast = engine.CountExact, true
		}
	}
	query := `SELECT ` + objectColumns + w.keyColumns(keys) + from + ` WHERE o.app = $1 AND o.structure = $2 AND ` + passes + w.after(keys, place) + orderBy(keys) +
		` LIMIT ` + w.num(int64(limit)+1)
	values := &keyValues{keys: keys}
	bytes, more := 0, false
	_, err := list(ctx, s, func(sc scanner) (*engine.Object, error) {
		if len(page.Items) == limit || bytes >= engine.PageBytes {
			more = true
			return nil, errEnough
		}
		o, err := scanObject(behind{sc, values.targets()})
		if err == nil {
			page.Items, bytes = append(page.Items, o), bytes+o.Size()
		}
		return o, err
	}, query, w.once()...)
	if err != nil && !errors.Is(err, errEnough) {
		return engine.ObjectPage{}, err
	}
	if more {
		page.Next = (&engine.ObjectPlace{Values: values.values()}).Cursor(keys)
	}
	return page, nil
}

// keyValues are the sort keys of the object that was read last.
type keyValues struct {
	keys  []engine.Order
	nums  []*int64
	texts []*string
}

func (v *keyValues) targets() []any {
	v.nums, v.texts = make([]*int64, len(v.keys)), make([]*string, len(v.keys))
	targets := make([]any, len(v.keys))
	for i, k := range v.keys {
		targets[i] = &v.texts[i]
		if k.Number {
			targets[i] = &v.nums[i]
		}
	}
	return targets
}

func (v *keyValues) values() []any {
	values := make([]any, len(v.keys))
	for i := range v.keys {
		if v.nums[i] != nil {
			values[i] = *v.nums[i]
		}
		if v.texts[i] != nil {
			values[i] = *v.texts[i]
		}
	}
	return values
}

// from joins the values of each key that is no column of objects.
func (w *where) from(keys []engine.Order) string {
	var b strings.Builder
	b.WriteString(` FROM objects AS o`)
	for i, k := range keys {
		if !k.BuiltIn {
			fmt.Fprintf(&b, ` LEFT JOIN object_values AS s%d ON s%d.app = $1 AND s%d.structure = $2 AND s%d.object = o.id AND s%d.field = %s`, i, i, i, i, i, w.text(k.Field))
		}
	}
	return b.String()
}

func keyColumn(i int, k engine.Order) string {
	switch {
	case k.BuiltIn:
		return `o.` + k.Field
	case k.Number:
		return fmt.Sprintf(`s%d.num`, i)
	}
	return fmt.Sprintf(`s%d.text`, i)
}

func (w *where) keyColumns(keys []engine.Order) string {
	var b strings.Builder
	for i, k := range keys {
		b.WriteString(`, ` + keyColumn(i, k))
	}
	return b.String()
}

// after is the condition that an object lies behind the place: at the first key that differs.
func (w *where) after(keys []engine.Order, place *engine.ObjectPlace) string {
	if place == nil {
		return ``
	}
	later := `FALSE`
	for i, key := range slices.Backward(keys) {
		column, value := keyColumn(i, key), place.Values[i]
		if value == nil { // nothing but others without a value come after one without a value
			later = `(` + column + ` IS NULL AND ` + later + `)`
			continue
		}
		p, than := w.any(value), ` > `
		if key.Descending {
			than = ` < `
		}
		beyond := column + than + p
		if !key.BuiltIn {
			beyond += ` OR ` + column + ` IS NULL`
		}
		later = `(` + beyond + ` OR ` + column + ` = ` + p + ` AND ` + later + `)`
	}
	return ` AND ` + later
}

func orderBy(keys []engine.Order) string {
	var terms []string
	for i, k := range keys {
		term := keyColumn(i, k)
		if k.Descending {
			term += ` DESC`
		}
		if !k.BuiltIn {
			term += ` NULLS LAST`
		}
		terms = append(terms, term)
	}
	return ` ORDER BY ` + strings.Join(terms, `, `)
}
