package postgres

import (
	"fmt"
	"strings"
	"sync"
	"unicode"

	"github.com/jackc/pgx/v5"

	"github.com/cuelight/cuelight/engine"
	"github.com/cuelight/cuelight/engine/expr"
	"github.com/cuelight/cuelight/engine/filter"
)

func (w *where) param(v any, typ string) string {
	w.args = append(w.args, v)
	return fmt.Sprintf(`$%d::%s`, len(w.args), typ)
}

// once are the arguments of a statement that is not kept: there are as many filters as people write.
func (w *where) once() []any { return append([]any{pgx.QueryExecModeExec}, w.args...) }

func (w *where) text(t string) string { return w.param(t, `text`) }

func (w *where) num(n int64) string { return w.param(n, `bigint`) }

func (w *where) any(v any) string {
	if n, ok := v.(int64); ok {
		return w.num(n)
	}
	return w.param(v, `text`)
}

// decimal is a constant that compares with value of a decimal field.
func (w *where) decimal(d expr.Decimal) string { return `(` + w.text(d.String()) + `)::numeric` }

// value is the field's value in the data, or null: also where the data is of another type than the field has now.
func (w *where) value(c column) string {
	if c.builtIn {
		return `o.` + c.field
	}
	name := w.text(c.field)
	switch c.typ {
	case engine.TypeNumber:
		return fmt.Sprintf(`(CASE jsonb_typeof(o.data -> %s) WHEN 'number' THEN (o.data ->> %s)::numeric END)`, name, name)
	case engine.TypeBoolean:
		return fmt.Sprintf(`(CASE o.data -> %s WHEN 'true'::jsonb THEN 1 WHEN 'false'::jsonb THEN 0 END)`, name)
	case engine.TypeDecimal:
		return fmt.Sprintf(`(CASE WHEN o.data ->> %s ~ '^-?[0-9]+([.][0-9]+)?$' THEN (o.data ->> %s)::numeric END)`, name, name)
	case engine.TypeString, engine.TypeLink, engine.TypeDate, engine.TypeJSON, engine.TypeLinks:
	}
	return fmt.Sprintf(`((CASE jsonb_typeof(o.data -> %s) WHEN 'string' THEN o.data ->> %s END) COLLATE "C")`, name, name)
}

// holds is true when one of the constants is an element of the field's list.
func (w *where) holds(c column, constants string) string {
	name := w.text(c.field)
	return fmt.Sprintf(`COALESCE(jsonb_typeof(o.data -> %s) = 'array' AND jsonb_exists_any(o.data -> %s, ARRAY[%s]), FALSE)`, name, name, constants)
}

// null is true when the object has no value there; an empty list is none.
func (w *where) null(field string) string {
	c := w.column(field)
	if c.builtIn {
		return `FALSE`
	}
	name := w.text(c.field)
	return fmt.Sprintf(`(COALESCE(o.data -> %s, 'null'::jsonb) IN ('null'::jsonb, '[]'::jsonb))`, name)
}

// fold is filter.Fold in SQL: the server's own lower() goes by its locale.
func (w *where) fold(value string) string {
	from, to := foldings()
	return `((CASE WHEN octet_length(` + value + `) = char_length(` + value + `) THEN lower(` + value + ` COLLATE "C") ELSE translate(` + value + `, ` +
		w.text(from) + `, ` + w.text(to) + `) END) COLLATE "C")`
}

// foldings lists every character that folding changes, and what it becomes.
var foldings = sync.OnceValues(func() (from, to string) {
	var a, b strings.Builder
	for r := rune(1); r <= unicode.MaxRune; r++ {
		if folded := filter.Fold(string(r)); folded != string(r) && clean(string(r)) {
			a.WriteRune(r)
			b.WriteString(folded)
		}
	}
	return a.String(), b.String()
})
