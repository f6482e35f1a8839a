package postgres

import (
	"fmt"
	"reflect"

	"github.com/jackc/pgx/v5"
)

// table gathers rows as one array for each column, which unnest turns into rows again: a statement is the same for any number of rows.
type table struct {
	rows    int
	columns []any // []string, []int64, []*string or []*int64
}

// add adds a row of texts, numbers, booleans, and pointers to texts or numbers for what can be null.
func (t *table) add(values ...any) {
	if t.columns == nil {
		t.columns = make([]any, len(values))
	}
	for i, v := range values {
		t.columns[i] = extend(t.columns[i], v)
	}
	t.rows++
}

func extend(column, value any) any {
	switch v := value.(type) {
	case string:
		list, _ := column.([]string)
		return append(list, v)
	case *string:
		list, _ := column.([]*string)
		return append(list, v)
	case int64:
		list, _ := column.([]int64)
		return append(list, v)
	case *int64:
		list, _ := column.([]*int64)
		return append(list, v)
	case int:
		return extend(column, int64(v))
	case bool:
		n := int64(0)
		if v {
			n = 1
		}
		return extend(column, n)
	}
	if v := reflect.ValueOf(value); v.Kind() == reflect.String {
		return extend(column, v.String())
	}
	panic(fmt.Sprintf("a column of %T", value))
}

func (t *table) args() []any { return t.columns }

// queue adds the statement to the batch, unless there are no rows.
func (t *table) queue(batch *pgx.Batch, query string) {
	if t.rows > 0 {
		batch.Queue(query, t.columns...)
	}
}
