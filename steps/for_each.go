package steps

import "github.com/cuelight/cuelight/engine"

var _ = declare(engine.StepSpec[forEach]{
	Kind: "for_each", Title: "For each", Group: "logic",
	Help: "Walks its steps once for each item of a list, or for each object of a structure that passes a filter, one after the other. " +
		"In them item is what the loop is at and index its number from 0. Objects are taken in the order of their ids; one that is made " +
		"while the loop runs may come too, one that is deleted does not.",
	Examples: []engine.Example{
		{
			Name: "a list", Object: `{"number":"1042","status":"new"}`,
			Settings: `{"items": "['anna', 'ben']", "do": [{"id": "tell", "kind": "push", "to": "{{ item }}", "event": "hello", "message": "{{ index }}"}]}`,
			Want:     []string{`push anna hello "0"`, `push ben hello "1"`},
		},
		{
			Name: "all new orders", Object: `{"number":"1042","status":"new"}`,
			Settings: `{"structure": "Order", "filter": "status = \"new\"", "do": [{"id": "mark", "kind": "edit_object", "structure": "Order", "object_id": "{{ item.id }}", "set": {"status": "paid"}}]}`,
			Want:     []string{`edit Order {"status":"paid"} silent`},
		},
		{
			Name: "nothing to do", Object: `{"number":"1042","status":"paid"}`,
			Settings: `{"structure": "Order", "filter": "status = \"shipped\"", "do": [{"id": "tell", "kind": "push", "to": "*", "event": "shipped"}]}`,
		},
	},
	Run: runForEach,
})

type forEach struct {
	Items     *engine.Expr   `json:"items,omitzero" title:"List" doc:"The list, an expression such as vars.ids or steps.search; no value counts as an empty list."`
	Structure string         `json:"structure,omitzero" ui:"structure" title:"Structure" doc:"Instead of a list: the structure whose objects the loop takes."`
	Filter    *engine.Filter `json:"filter,omitzero" title:"Filter" doc:"Only objects that pass, as status = \"new\" AND owner = {{ object.owner }}."`
	Do        engine.Steps   `json:"do" type:"later" title:"Do" doc:"The steps to walk for each."`
}

// Bind wants a list or a structure, and tells the steps inside what item is.
func (c *forEach) Bind(b *engine.Binder) {
	var s *engine.Structure
	switch {
	case c.Items.IsSet() == (c.Structure != ""):
		b.Fail("items", "REQUIRED", "give either items or structure")
	case c.Structure != "":
		s = b.StructureNamed("structure", c.Structure)
		b.Filter("filter", c.Filter, s)
	case c.Filter.IsSet():
		b.Fail("filter", "NOT_HERE", "a list has no filter: use filter(list, …) in items, or a structure")
	}
	b.LoopSteps("do", &c.Do, s)
}

func runForEach(s *engine.Scope, c *forEach) (engine.Outcome, error) {
	if c.Structure != "" {
		n, err := c.Filter.Bound(s)
		if err != nil {
			return engine.Outcome{}, err
		}
		where := ""
		if n != nil {
			where = n.String()
		}
		return engine.Outcome{Loop: &engine.Loop{Body: &c.Do, Structure: c.Structure, Where: where}, Note: map[string]any{"structure": c.Structure, "filter": where}}, nil
	}
	v, err := c.Items.Eval(s)
	if err != nil {
		return engine.Outcome{}, err
	}
	items, ok := v.([]any)
	if !ok && v != nil {
		return engine.Outcome{}, engine.StepError("ITEMS", "items is no list: it gave one value")
	}
	return engine.Outcome{Loop: &engine.Loop{Body: &c.Do, Items: items}, Note: map[string]any{"items": len(items)}}, nil
}
