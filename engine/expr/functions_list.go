package expr

import (
	"maps"
	"slices"
)

var listFunctions = []function{
	{
		Function: Function{"first", "first(list)", "The first element; null if there is none.", `first([1, 2])`, "1"},
		params:   []param{listParam}, typ: elemType, run: func(_ *frame, args []any) (any, error) { return index(args[0], int64(0)) },
	},
	{
		Function: Function{"last", "last(list)", "The last element; null if there is none.", `last([1, 2])`, "2"},
		params:   []param{listParam}, typ: elemType, run: func(_ *frame, args []any) (any, error) { return index(args[0], int64(-1)) },
	},
	{
		Function: Function{"keys", "keys(map)", "The names of the fields of a map, sorted.", `keys({"b": 1, "a": 2})`, `["a","b"]`},
		params:   []param{{KindMap}}, typ: func([]node) Type { return ListOf(Type{Kind: KindString}) }, defers: always, run: runKeys,
	},
}

func elemType(args []node) Type { return args[0].typ.elem() }

func runKeys(f *frame, args []any) (any, error) {
	m := args[0].(map[string]any)
	if err := f.budget.list(4 * len(m)); err != nil {
		return nil, err
	}
	out := make([]any, 0, len(m))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out = append(out, k)
	}
	return out, nil
}

var closureFunctions = []function{
	{
		Function: Function{"any", "any(list, condition)", "Whether the condition holds for an element, written as #.", `any([1, 5], # > 3)`, "true"},
		params:   []param{listParam, anyParam}, typ: yields(KindBool),
		each: func(_ *frame, list []any, body func(int) (any, error)) (any, error) {
			return search(list, body, true, false)
		},
	},
	{
		Function: Function{"all", "all(list, condition)", "Whether the condition holds for every element; true for an empty list.", `all([1, 5], # > 3)`, "false"},
		params:   []param{listParam, anyParam}, typ: yields(KindBool),
		each: func(_ *frame, list []any, body func(int) (any, error)) (any, error) {
			return search(list, body, false, true)
		},
	},
	{
		Function: Function{"none", "none(list, condition)", "Whether the condition holds for no element.", `none([1, 5], # > 9)`, "true"},
		params:   []param{listParam, anyParam}, typ: yields(KindBool), each: eachNone,
	},
	{
		Function: Function{"filter", "filter(list, condition)", "The elements for which the condition holds.", `filter([{"n": 1}, {"n": 5}], .n > 3)`, `[{"n":5}]`},
		params:   []param{listParam, anyParam}, typ: firstType, each: eachFilter,
	},
	{
		Function: Function{"map", "map(list, value)", "A list of what the value is for each element; #index is its place, from 0.", `map([1, 5], # * 2 + #index)`, "[2,11]"},
		params:   []param{listParam, anyParam}, typ: func(args []node) Type { return ListOf(args[1].typ) }, each: eachMap,
	},
	{
		Function: Function{"count", "count(list, condition)", "For how many elements the condition holds; without one, how many there are.", `count([1, 5, 7], # > 3)`, "2"},
		params:   []param{listParam, anyParam}, least: 1, typ: yields(KindInt), each: eachCount,
	},
	{
		Function: Function{"find", "find(list, condition)", "The first element for which the condition holds; null if there is none.", `find([1, 5, 7], # > 3)`, "5"},
		params:   []param{listParam, anyParam}, typ: elemType, each: eachFind,
	},
	{
		Function: Function{"sum", "sum(list, value)", "The sum of the elements, or of a value of each; null is left out.", `sum([{"n": 1}, {"n": 2.5}], .n)`, "3.5"},
		params:   []param{listParam, anyParam}, least: 1, typ: sumType, each: eachSum,
	},
}

func sumType(args []node) Type {
	t := args[len(args)-1].typ
	if len(args) == 1 {
		t = t.elem()
	}
	if t.Kind == KindInt || t.Kind == KindDecimal {
		return t
	}
	return Any
}

// search answers found as soon as the condition is stop for an element, and otherwise at the end.
func search(list []any, body func(int) (any, error), stop, otherwise bool) (any, error) {
	for i := range list {
		v, err := body(i)
		if err != nil {
			return nil, err
		}
		yes, err := truth(v)
		if err != nil {
			return nil, err
		}
		if yes == stop {
			return stop, nil
		}
	}
	return otherwise, nil
}

func eachNone(_ *frame, list []any, body func(int) (any, error)) (any, error) {
	found, err := search(list, body, true, false)
	return found == false, err
}

func eachFilter(f *frame, list []any, body func(int) (any, error)) (any, error) {
	if err := f.budget.list(len(list)); err != nil {
		return nil, err
	}
	out := make([]any, 0, len(list))
	for i := range list {
		v, err := body(i)
		if err != nil {
			return nil, err
		}
		yes, err := truth(v)
		if err != nil {
			return nil, err
		}
		if yes {
			out = append(out, list[i])
		}
	}
	return out, nil
}

func eachMap(f *frame, list []any, body func(int) (any, error)) (any, error) {
	// Besides the element of 16 bytes each value that is made here may take 16 to 32 of its own.
	if err := f.budget.list(3 * len(list)); err != nil {
		return nil, err
	}
	out := make([]any, len(list))
	for i := range list {
		v, err := body(i)
		if err != nil {
			return nil, err
		}
		out[i] = v
	}
	return out, nil
}

func eachCount(_ *frame, list []any, body func(int) (any, error)) (any, error) {
	if body == nil {
		return int64(len(list)), nil
	}
	n := int64(0)
	for i := range list {
		v, err := body(i)
		if err != nil {
			return nil, err
		}
		yes, err := truth(v)
		if err != nil {
			return nil, err
		}
		if yes {
			n++
		}
	}
	return n, nil
}

func eachFind(_ *frame, list []any, body func(int) (any, error)) (any, error) {
	for i := range list {
		v, err := body(i)
		if err != nil {
			return nil, err
		}
		yes, err := truth(v)
		if err != nil {
			return nil, err
		}
		if yes {
			return list[i], nil
		}
	}
	return nil, nil
}

func eachSum(f *frame, list []any, body func(int) (any, error)) (any, error) {
	if err := f.budget.spend(len(list)); err != nil {
		return nil, err
	}
	var total any = int64(0)
	for i := range list {
		v := list[i]
		if body != nil {
			var err error
			if v, err = body(i); err != nil {
				return nil, err
			}
		}
		if v == nil {
			continue
		}
		next, err := arithmetic('+', total, v)
		if err != nil {
			return nil, err
		}
		total = next
	}
	return total, nil
}
