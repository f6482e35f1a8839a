package postgres

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/cuelight/cuelight/engine"
	"github.com/cuelight/cuelight/engine/expr"
	"github.com/cuelight/cuelight/engine/filter"
)

// where renders a checked filter as SQL. Whatever comes from outside, names included, is a parameter; the first two are the app and the
// structure. Every term is true or false, never null, so that NOT turns it around; filter.Match says what each has to mean.
type where struct {
	structure *engine.Structure
	args      []any
	err       error
}

func newWhere(q engine.ObjectQuery) *where {
	return &where{structure: q.Structure, args: []any{string(q.App), q.Structure.ID}}
}

func (w *where) filter(n *filter.Node) string {
	if n == nil {
		return `TRUE`
	}
	return w.node(n)
}

func (w *where) node(n *filter.Node) string {
	switch n.Op {
	case filter.And, filter.Or:
		parts := make([]string, len(n.Children))
		for i, c := range n.Children {
			parts[i] = w.node(c)
		}
		return `(` + strings.Join(parts, ` `+strings.ToUpper(string(n.Op))+` `) + `)`
	case filter.Not:
		return `(NOT ` + w.node(n.Children[0]) + `)`
	case filter.IsNull:
		return w.null(n.Field)
	case filter.NotNull:
		return `(NOT ` + w.null(n.Field) + `)`
	case filter.Unequal:
		return `(NOT ` + w.equal(w.column(n.Field), n.Values) + `)`
	case filter.Equal, filter.In:
		return w.equal(w.column(n.Field), n.Values)
	case filter.Like:
		return w.like(w.column(n.Field), n.Values)
	case filter.Less, filter.AtMost, filter.Greater, filter.AtLeast:
	}
	return w.ordered(w.column(n.Field), n.Op, n.Values)
}

// column is where the values of a field are found.
type column struct {
	field   string
	typ     engine.FieldType
	builtIn bool
	indexed bool
}

var builtIns = map[string]engine.FieldType{
	"id": engine.TypeString, "created_by": engine.TypeString, "changed_by": engine.TypeString,
	"version": engine.TypeNumber, "created_at": engine.TypeDate, "changed_at": engine.TypeDate,
}

func (w *where) column(field string) column {
	if typ, ok := builtIns[field]; ok {
		return column{field: field, typ: typ, builtIn: true}
	}
	f := w.structure.Field(field)
	if f == nil {
		w.err = fmt.Errorf("%w: the filter names a field that structure %s does not have", engine.ErrInvalid, w.structure.ID)
		return column{}
	}
	return column{field: field, typ: f.Type, indexed: f.IsIndexed()}
}

// driven tells whether an index narrows the objects that a filter has to look at.
func driven(s *engine.Structure, n *filter.Node) bool {
	if n == nil {
		return true
	}
	switch n.Op {
	case filter.And:
		for _, c := range n.Children {
			if driven(s, c) {
				return true
			}
		}
		return false
	case filter.Or:
		for _, c := range n.Children {
			if !driven(s, c) {
				return false
			}
		}
		return true
	case filter.Equal, filter.In, filter.Less, filter.AtMost, filter.Greater, filter.AtLeast:
		if f := s.Field(n.Field); f != nil {
			return f.IsIndexed()
		}
		return n.Field == "created_at" || n.Field == "changed_at" || n.Field == "id" && (n.Op == filter.Equal || n.Op == filter.In)
	case filter.Not, filter.Unequal, filter.Like, filter.IsNull, filter.NotNull:
	}
	return false
}

// equal is true when the value is one of the constants. An index keeps texts folded and cut, so there the data has the last word.
func (w *where) equal(c column, values []filter.Value) string {
	var index, exact []string
	for _, v := range values {
		switch c.typ {
		case engine.TypeString, engine.TypeLink, engine.TypeLinks:
			t, ok := v.Any.(string)
			if !ok || !clean(t) {
				continue
			}
			if c.indexed {
				index = append(index, w.text(clip(filter.Fold(t), indexText)))
			}
			exact = append(exact, w.text(t))
		case engine.TypeDecimal:
			if d, ok := decimal(v.Any); ok && c.indexed {
				index = append(index, w.text(d.Sortable()))
			} else if ok {
				exact = append(exact, w.decimal(d))
			}
		case engine.TypeNumber, engine.TypeDate, engine.TypeBoolean, engine.TypeJSON:
			low, high := bounds(v.Any)
			switch {
			case low != high:
			case c.indexed:
				index = append(index, w.num(low))
			case c.typ == engine.TypeDate && !c.builtIn:
				exact = append(exact, w.text(dateText(low)))
			default:
				exact = append(exact, w.num(low))
			}
		}
	}
	var terms []string
	if len(index) > 0 {
		terms = append(terms, w.inIndex(c, `v.`+indexColumn(c)+` IN (`+strings.Join(index, `, `)+`)`))
	}
	switch {
	case len(exact) > 0 && c.typ == engine.TypeLinks:
		terms = append(terms, w.holds(c, strings.Join(exact, `, `)))
	case len(exact) > 0:
		terms = append(terms, `COALESCE(`+w.value(c)+` IN (`+strings.Join(exact, `, `)+`), FALSE)`)
	}
	if len(terms) == 0 {
		return `FALSE`
	}
	return `(` + strings.Join(terms, ` AND `) + `)`
}

// ordered compares with one constant.
func (w *where) ordered(c column, op filter.Op, values []filter.Value) string {
	if len(values) != 1 {
		w.err = fmt.Errorf("%w: %s needs one value", engine.ErrInvalid, op)
		return `FALSE`
	}
	v := values[0].Any
	switch c.typ {
	case engine.TypeString, engine.TypeLink:
		if t, ok := v.(string); ok && clean(t) {
			return w.orderedText(c, op, filter.Fold(t))
		}
	case engine.TypeDecimal:
		if d, ok := decimal(v); ok && c.indexed {
			return w.inIndex(c, `v.text `+string(op)+` `+w.text(d.Sortable()))
		} else if ok {
			return `COALESCE(` + w.value(c) + ` ` + string(op) + ` ` + w.decimal(d) + `, FALSE)`
		}
	case engine.TypeNumber, engine.TypeDate:
		n, high := bounds(v)
		if op == filter.Less || op == filter.AtLeast {
			n = high
		}
		if c.indexed {
			return w.inIndex(c, `v.num `+string(op)+` `+w.num(n))
		}
		than := w.num
		if c.typ == engine.TypeDate && !c.builtIn {
			than = func(n int64) string { return w.text(dateText(n)) }
		}
		return `COALESCE(` + w.value(c) + ` ` + string(op) + ` ` + than(n) + `, FALSE)`
	case engine.TypeBoolean, engine.TypeJSON, engine.TypeLinks:
	}
	w.err = fmt.Errorf("%w: %s can not be compared by %s with this value", engine.ErrInvalid, c.field, op)
	return `FALSE`
}

// orderedText compares folded text. What the index has cut may belong on either side of the constant, so it is let through there, and
// long texts are compared by the data.
func (w *where) orderedText(c column, op filter.Op, than string) string {
	exact := `COALESCE(` + w.fold(w.value(c)) + ` ` + string(op) + ` ` + w.text(than) + `, FALSE)`
	if !c.indexed {
		return exact
	}
	in := `v.text ` + string(op) + ` ` + w.text(than)
	if op == filter.Greater || op == filter.AtLeast {
		in = `v.text >= ` + w.text(clip(than, indexWhole)) + ` AND (` + in + fmt.Sprintf(` OR octet_length(v.text) > %d)`, indexWhole)
	}
	return `(` + w.inIndex(c, in) + fmt.Sprintf(` AND (octet_length(%s) < %d OR `, w.value(c), indexWhole/2) + exact + `))`
}

func (w *where) like(c column, values []filter.Value) string {
	t, ok := values[0].Any.(string)
	if !ok || !clean(t) {
		return `FALSE`
	}
	return `COALESCE(` + w.fold(w.value(c)) + ` LIKE ` + w.text(filter.Pattern(t)) + ` ESCAPE '\', FALSE)`
}

// inIndex is true for the objects of which a value in the index passes a condition.
func (w *where) inIndex(c column, condition string) string {
	return `o.id IN (SELECT v.object FROM object_values AS v WHERE v.app = $1 AND v.structure = $2 AND v.field = ` + w.text(c.field) +
		` AND v.` + indexColumn(c) + ` IS NOT NULL AND ` + condition + `)`
}

func indexColumn(c column) string {
	if c.typ == engine.TypeNumber || c.typ == engine.TypeDate || c.typ == engine.TypeBoolean {
		return `num`
	}
	return `text`
}

const (
	indexText  = 256 // bytes of a text that engine.Structure.Index keeps
	indexWhole = 252 // a shorter text there was not cut: a character has at most four bytes
)

func clip(t string, n int) string {
	if len(t) <= n {
		return t
	}
	for n > 0 && !utf8.RuneStart(t[n]) {
		n--
	}
	return t[:n]
}

// clean tells whether a text can be in the data at all.
func clean(t string) bool { return utf8.ValidString(t) && !strings.ContainsRune(t, 0) }

func decimal(v any) (expr.Decimal, bool) {
	switch v := v.(type) {
	case expr.Decimal:
		return v, true
	case int64:
		return expr.NewDecimal(v), true
	}
	return expr.Decimal{}, false
}

// bounds are the whole numbers next to a constant, below and above: the same one if it is whole itself.
func bounds(v any) (low, high int64) {
	switch v := v.(type) {
	case bool:
		if v {
			return 1, 1
		}
		return 0, 0
	case int64:
		return v, v
	case time.Time:
		low = v.UnixMilli()
		if v.Nanosecond()%int(time.Millisecond) != 0 {
			return low, low + 1
		}
		return low, low
	case expr.Decimal:
		return decimalBounds(v)
	}
	return 0, -1 // nothing is equal to what is no number
}

// decimalBounds answers, for what no field of whole numbers can reach, two numbers beyond all of them.
func decimalBounds(d expr.Decimal) (low, high int64) {
	if n, whole := d.Int(); whole {
		return n, n
	}
	const far = int64(1) << 60
	digits, _, _ := strings.Cut(strings.TrimPrefix(d.String(), "-"), ".")
	n := far
	if len(digits) <= 18 {
		_, _ = fmt.Sscan(digits, &n)
	}
	if d.Sign() < 0 {
		return -n - 1, -n
	}
	return n, n + 1
}

func dateText(ms int64) string { return time.UnixMilli(ms).UTC().Format(engine.DateFormat) }
