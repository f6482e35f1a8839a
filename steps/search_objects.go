package steps

import (
	"context"

	"github.com/cuelight/cuelight/engine"
	"github.com/cuelight/cuelight/engine/expr"
	"github.com/cuelight/cuelight/engine/filter"
)

var _ = declare(engine.StepSpec[searchObjects]{
	Kind: "search_objects", Title: "Search objects", Group: "data",
	Help: "Looks for objects of a structure that pass a filter. steps.<id> is then the list of them, how many there are, the sum of a " +
		"field, or the list of one field's values. To do something with each of very many objects, use For each with the structure.",
	Examples: []engine.Example{
		{
			Name: "the orders of a customer", Object: `{"number":"1042","status":"new","owner":"anna","total":"12.50"}`,
			Settings: `{"structure": "Order", "filter": "owner = {{ object.owner }}"}`, After: "{{ steps.example[0].number }}",
			Want: []string{`after "1042"`},
		},
		{
			Name: "how many are new", Object: `{"number":"1042","status":"new"}`,
			Settings: `{"structure": "Order", "filter": "status = \"new\"", "result": "count"}`, After: "{{ steps.example }}",
			Want: []string{`after "1"`},
		},
		{
			Name: "what they are worth", Object: `{"number":"1042","status":"new","total":"12.50"}`,
			Settings: `{"structure": "Order", "result": "sum", "field": "total"}`, After: "{{ steps.example }}",
			Want: []string{`after "12.50"`},
		},
		{
			Name: "whom to tell", Object: `{"number":"1042","status":"new","owner":"anna"}`,
			Settings: `{"structure": "Order", "result": "values", "field": "owner"}`, After: "{{ steps.example[0] }}",
			Want: []string{`after "anna"`},
		},
	},
	Outside: searchOutside,
	Run: func(s *engine.Scope, c *searchObjects) (engine.Outcome, error) {
		got, _ := s.Fetched().(searched)
		note := map[string]any{"structure": c.Structure, "filter": got.where}
		if list, ok := got.found.([]any); ok {
			note["found"] = len(list)
		}
		return engine.Outcome{Output: got.found, Note: note}, nil
	},
})

type searchObjects struct {
	Structure string         `json:"structure" ui:"structure" title:"Structure" doc:"The structure to look in."`
	Filter    *engine.Filter `json:"filter,omitzero" title:"Filter" doc:"Only objects that pass, as status = \"new\" AND owner = {{ object.owner }}; left out, all."`
	Result    string         `json:"result,omitzero" enum:"objects,count,sum,values" default:"objects" title:"Result" doc:"objects: a list of objects; count: how many; sum: of a field; values: a list of a field's values."`
	Field     string         `json:"field,omitzero" title:"Field" doc:"For sum and values: the field."`
	Sort      string         `json:"sort,omitzero" title:"Sort" doc:"Indexed or built-in fields, - before one for descending: -changed_at."`
	Limit     int            `json:"limit,omitzero" title:"At most" default:"100" doc:"At most so many objects, 1 to 1000; 100 when left out. A count and a sum take all, up to 10,000."`

	structure *engine.Structure
	sort      []engine.SortKey
}

const maxFound = 1000

// Bind ties filter, field and sort to the structure.
func (c *searchObjects) Bind(b *engine.Binder) {
	c.structure = b.StructureNamed("structure", c.Structure)
	if c.structure == nil {
		return
	}
	b.Filter("filter", c.Filter, c.structure)
	f := c.structure.Field(c.Field)
	switch c.Result {
	case "count":
		b.Yields(expr.Type{Kind: expr.KindInt})
	case "sum":
		b.Yields(expr.Type{Kind: expr.KindDecimal})
	case "values":
		b.Yields(expr.ListOf(expr.Any))
	default:
		b.Yields(b.Objects(c.structure))
	}
	switch {
	case c.Result == "" || c.Result == "objects" || c.Result == "count":
		if c.Field != "" {
			b.Fail("field", "NOT_HERE", "only sum and values look at one field")
		}
	case c.Result != "sum" && c.Result != "values":
		b.Fail("result", "OPTION", "must be objects, count, sum or values")
	case f == nil && (c.Result != "values" || c.Field != "id"):
		b.Fail("field", "UNKNOWN_FIELD", "%s has no such field", c.structure.ID)
	case c.Result == "sum" && f.Type != engine.TypeNumber && f.Type != engine.TypeDecimal:
		b.Fail("field", "TYPE", "only numbers and decimals have a sum")
	}
	if c.Limit < 0 || c.Limit > maxFound {
		b.Fail("limit", "LIMIT", "must be 1 to %d", maxFound)
	}
	c.sort = b.Sort("sort", c.Sort, c.structure)
}

// searched is what a search found, and the filter with its values.
type searched struct {
	found any
	where string
}

func searchOutside(ctx context.Context, o *engine.Outside, c *searchObjects) (any, error) {
	n, err := c.Filter.Bound(o.Scope)
	if err != nil {
		return nil, err
	}
	got := searched{}
	if n != nil {
		got.where = n.String()
	}
	got.found, err = search(ctx, o, c, n)
	return got, err
}

func search(ctx context.Context, o *engine.Outside, c *searchObjects, n *filter.Node) (any, error) {
	q := engine.ObjectQuery{Structure: c.structure, Filter: n, Sort: c.sort, Limit: c.Limit}
	switch c.Result {
	case "count":
		q.Limit, q.Count = 1, true
		found, err := o.Objects(ctx, q)
		return int64(found.Total), err
	case "sum":
		return sum(ctx, o, c, q)
	}
	if q.Limit == 0 {
		q.Limit = 100
	}
	list := []any{}
	for len(list) < q.Limit {
		found, err := o.Objects(ctx, q)
		if err != nil {
			return nil, err
		}
		for _, one := range found.Items {
			shown, err := o.Show(c.structure, one)
			if err != nil {
				return nil, err
			}
			if c.Result == "values" {
				list = append(list, shown[c.Field])
			} else {
				list = append(list, shown)
			}
		}
		if q.After = found.Next; q.After == "" || len(list) >= q.Limit {
			break
		}
	}
	return list[:min(len(list), q.Limit)], nil
}

func sum(ctx context.Context, o *engine.Outside, c *searchObjects, q engine.ObjectQuery) (any, error) {
	q.Limit, q.Sort = maxFound, nil
	total, seen := expr.NewDecimal(0), 0
	for {
		found, err := o.Objects(ctx, q)
		if err != nil {
			return nil, err
		}
		if seen += len(found.Items); seen > engine.MaxSummed || seen == engine.MaxSummed && found.Next != "" {
			return nil, engine.OverLimit("SEARCH", "summed_objects", "a sum is of at most %d objects: filter more narrowly", engine.MaxSummed)
		}
		for _, one := range found.Items {
			shown, err := o.Show(c.structure, one)
			if err != nil {
				return nil, err
			}
			if total, err = plus(total, shown[c.Field]); err != nil {
				return nil, engine.StepError("SEARCH", "the sum is too large: %s", err)
			}
		}
		if q.After = found.Next; q.After != "" {
			continue
		}
		if n, whole := total.Int(); whole && c.structure.Field(c.Field).Type == engine.TypeNumber {
			return n, nil
		}
		return total, nil
	}
}

// plus adds a field's value; no value adds nothing.
func plus(total expr.Decimal, v any) (expr.Decimal, error) {
	switch v := v.(type) {
	case int64:
		return total.Add(expr.NewDecimal(v))
	case expr.Decimal:
		return total.Add(v)
	}
	return total, nil
}
