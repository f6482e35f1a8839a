package sqlite

import (
	"database/sql/driver"
	"fmt"

	"modernc.org/sqlite"

	"github.com/cuelight/cuelight/engine"
	"github.com/cuelight/cuelight/engine/expr"
	"github.com/cuelight/cuelight/engine/filter"
)

func (w *where) param(v any) string {
	w.args = append(w.args, v)
	return fmt.Sprintf(`?%d`, len(w.args))
}

// once are the arguments of a statement that is not kept: there are as many filters as people write.
func (w *where) once() []any { return w.args }

func (w *where) text(t string) string { return w.param(t) }

func (w *where) num(n int64) string { return w.param(n) }

func (w *where) any(v any) string { return w.param(v) }

// decimal is a constant that compares with value of a decimal field.
func (w *where) decimal(d expr.Decimal) string { return w.text(d.Sortable()) }

// value is the field's value in the data, or null: also where the data is of another type than the field has now.
func (w *where) value(c column) string {
	if c.builtIn {
		return `o.` + c.field
	}
	path := w.text(`$."` + c.field + `"`)
	switch c.typ {
	case engine.TypeNumber:
		return fmt.Sprintf(`(CASE json_type(o.data, %s) WHEN 'integer' THEN json_extract(o.data, %s) END)`, path, path)
	case engine.TypeBoolean:
		return fmt.Sprintf(`(CASE json_type(o.data, %s) WHEN 'true' THEN 1 WHEN 'false' THEN 0 END)`, path)
	case engine.TypeDecimal:
		return fmt.Sprintf(`cue_decimal(json_extract(o.data, %s))`, path)
	case engine.TypeString, engine.TypeLink, engine.TypeDate, engine.TypeJSON, engine.TypeLinks:
	}
	return fmt.Sprintf(`(CASE json_type(o.data, %s) WHEN 'text' THEN json_extract(o.data, %s) END)`, path, path)
}

// holds is true when one of the constants is an element of the field's list.
func (w *where) holds(c column, constants string) string {
	path := w.text(`$."` + c.field + `"`)
	return fmt.Sprintf(`(json_type(o.data, %s) IS 'array' AND EXISTS (SELECT 1 FROM json_each(o.data, %s) AS e WHERE e.type = 'text' AND e.value IN (%s)))`, path, path, constants)
}

// null is true when the object has no value there; an empty list is none.
func (w *where) null(field string) string {
	c := w.column(field)
	if c.builtIn {
		return `FALSE`
	}
	path := w.text(`$."` + c.field + `"`)
	return fmt.Sprintf(`(COALESCE(json_type(o.data, %s), 'null') = 'null' OR o.data -> %s = '[]')`, path, path)
}

// fold is filter.Fold in SQL: SQLite's own lower() folds no letter beyond ASCII.
func (w *where) fold(value string) string { return `cue_fold(` + value + `)` }

func init() {
	text := func(f func(string) (driver.Value, error)) func(*sqlite.FunctionContext, []driver.Value) (driver.Value, error) {
		return func(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) {
			t, ok := args[0].(string)
			if !ok {
				return nil, nil
			}
			return f(t)
		}
	}
	sqlite.MustRegisterDeterministicScalarFunction("cue_fold", 1, text(func(t string) (driver.Value, error) { return filter.Fold(t), nil }))
	sqlite.MustRegisterDeterministicScalarFunction("cue_decimal", 1, text(func(t string) (driver.Value, error) {
		d, err := expr.ParseDecimal(t)
		if err != nil {
			return nil, nil
		}
		return d.Sortable(), nil
	}))
}
