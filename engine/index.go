package engine

import (
	"time"
	"unicode/utf8"

	"github.com/cuelight/cuelight/engine/expr"
	"github.com/cuelight/cuelight/engine/filter"
)

// Index is the set of rows in object_values for an object's values, never nil.
func (s *Structure) Index(v Values) []IndexValue {
	rows := []IndexValue{}
	for i := range s.Fields {
		f := &s.Fields[i]
		if !f.keepsIndex() || v[f.ID] == nil {
			continue
		}
		elements, isList := v[f.ID].([]any)
		if !isList {
			elements = []any{v[f.ID]}
		}
		for item, e := range elements {
			row := indexValue(f.ID, e)
			row.Item = item
			rows = append(rows, row)
		}
	}
	return rows
}

// indexText is how much of a text is indexed; longer ones are compared by this prefix and then by the data itself.
const indexText = 256

func indexValue(field string, value any) IndexValue {
	row := IndexValue{Field: field}
	switch v := value.(type) {
	case int64:
		row.Num = &v
	case time.Time:
		ms := v.UnixMilli()
		row.Num = &ms
	case bool:
		var n int64
		if v {
			n = 1
		}
		row.Num = &n
	case expr.Decimal:
		row.Text = v.Sortable()
	case string:
		row.Text = clip(filter.Fold(v), indexText)
	}
	return row
}

// clip cuts text to at most n bytes at a rune's edge.
func clip(t string, n int) string {
	if len(t) <= n {
		return t
	}
	for n > 0 && !utf8.RuneStart(t[n]) {
		n--
	}
	return t[:n]
}
