package engine

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"slices"
	"strings"

	"github.com/cuelight/cuelight/engine/filter"
)

// ObjectQuery asks for a page of the objects of a structure.
type ObjectQuery struct {
	App       AppID
	Structure *Structure
	// Filter is checked against the structure; nil means all.
	Filter *filter.Node
	// Sort orders the page; the id comes last by itself. Only indexed and built-in fields can be sorted by.
	Sort  []SortKey
	Limit int
	// After is the cursor that an earlier page gave; empty starts at the first object.
	After string
	// Count asks for the number of objects that pass the filter.
	Count bool
}

// SortKey is one field to sort by.
type SortKey struct {
	Field      string
	Descending bool
}

// ObjectPage is a page of objects.
type ObjectPage struct {
	Items []*Object
	// Next is the cursor of the following page, empty at the end.
	Next string
	// Total counts the objects, exact up to CountExact; AtLeast says that there are more.
	Total   int
	AtLeast bool
}

// CountExact is how far objects are counted exactly (contracts 4).
const CountExact = 10000

// pageSize is the limit of a query that names none.
const pageSize = 50

// Order is one key that a page of objects is sorted by.
type Order struct {
	SortKey
	// BuiltIn keys are columns of the object itself; the others lie in object_values.
	BuiltIn bool
	// Number says that the values are numbers, dates or booleans; the others are text.
	Number bool
}

// Page checks how the query sorts and gives its keys, the id last, how many objects it asks for, and the place at which it starts,
// nil for the beginning. Objects without a value come last, whichever way a key is sorted.
func (q ObjectQuery) Page() (keys []Order, limit int, place *ObjectPlace, err error) {
	if err := q.settled(); err != nil {
		return nil, 0, nil, err
	}
	for _, k := range q.Sort {
		key, err := q.order(k)
		if err != nil {
			return nil, 0, nil, err
		}
		keys = append(keys, key)
		if k.Field == "id" {
			break
		}
	}
	if len(keys) == 0 || keys[len(keys)-1].Field != "id" {
		keys = append(keys, Order{SortKey: SortKey{Field: "id"}, BuiltIn: true})
	}
	limit = q.Limit
	if limit <= 0 {
		limit = pageSize
	}
	if q.After != "" {
		place, err = parsePlace(q.After, keys)
	}
	return keys, limit, place, err
}

// settled refuses to look at fields that the system run over the structure's objects is not done with.
func (q ObjectQuery) settled() error {
	var names []string
	for _, k := range q.Sort {
		if f := q.Structure.Field(k.Field); f != nil && f.filling && !f.converting {
			return invalid("sort", "FILLING", "%s is being indexed: it can be sorted by when the structure's filling is over", f.ID)
		}
		names = append(names, k.Field)
	}
	if q.Filter != nil {
		names = append(names, q.Filter.Fields()...)
	}
	for _, name := range names {
		if f := q.Structure.Field(name); f != nil && f.converting {
			return coded(ErrConflict, "CONVERTING", "the values of %s are being converted to its new type: no filter and no sort can look at them until that is over", f.ID)
		}
	}
	return nil
}

func (q ObjectQuery) order(k SortKey) (Order, error) {
	if slices.Contains(builtIn, k.Field) {
		number := k.Field == "version" || k.Field == "created_at" || k.Field == "changed_at"
		return Order{SortKey: k, BuiltIn: true, Number: number}, nil
	}
	f := q.Structure.Field(k.Field)
	if f == nil {
		return Order{}, invalid("sort", "UNKNOWN_FIELD", "there is no such field%s", q.Structure.suggest(k.Field))
	}
	if f.Type == TypeLinks {
		return Order{}, invalid("sort", "LIST_SORT", "%s is a list, and lists have no order", f.ID)
	}
	if !f.keepsIndex() {
		return Order{}, invalid("sort", "UNINDEXED_SORT", "%s is not indexed: tick \"indexed\" on the field to sort by it", f.ID)
	}
	return Order{SortKey: k, Number: f.Type == TypeNumber || f.Type == TypeDate || f.Type == TypeBoolean}, nil
}

// ObjectPlace is a place between two objects of a sorted list: for each key the value of the object before it, an int64, a string or nil.
type ObjectPlace struct{ Values []any }

type placeJSON struct {
	Sort   string `json:"s"`
	Values []any  `json:"v"`
}

// Cursor is the place as a client sees it.
func (p *ObjectPlace) Cursor(keys []Order) string {
	doc, _ := marshal(placeJSON{orderText(keys), p.Values})
	return base64.RawURLEncoding.EncodeToString(binary.BigEndian.AppendUint32(doc, crc32.ChecksumIEEE(doc)))
}

func orderText(keys []Order) string {
	var b strings.Builder
	for _, k := range keys {
		fmt.Fprintf(&b, "%s %t,", k.Field, k.Descending)
	}
	return b.String()
}

// parsePlace reads what Cursor has written for the same keys.
func parsePlace(cursor string, keys []Order) (*ObjectPlace, error) {
	wrong := invalid("cursor", "CURSOR", "is not a cursor of this list: start again without one")
	sealed, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil || len(sealed) < 4 {
		return nil, wrong
	}
	doc, sum := sealed[:len(sealed)-4], sealed[len(sealed)-4:]
	var p placeJSON
	if crc32.ChecksumIEEE(doc) != binary.BigEndian.Uint32(sum) || unmarshalNumbers(doc, &p) != nil || p.Sort != orderText(keys) || len(p.Values) != len(keys) {
		return nil, wrong
	}
	for i, k := range keys {
		switch v := p.Values[i].(type) {
		case nil:
			if k.BuiltIn {
				return nil, wrong
			}
		case string:
			if k.Number || cleanText(v) != nil {
				return nil, wrong
			}
		case json.Number:
			n, err := v.Int64()
			if err != nil || !k.Number {
				return nil, wrong
			}
			p.Values[i] = n
		default:
			return nil, wrong
		}
	}
	return &ObjectPlace{p.Values}, nil
}
