package expr

import "time"

var numberFunctions = []function{
	{
		Function: Function{"int", "int(x)", "The value as a number: a decimal loses its places, text is read.", `int("42") + int(1.9)`, "43"},
		params:   []param{{KindInt, KindDecimal, KindString}}, typ: yields(KindInt), run: runInt,
	},
	{
		Function: Function{"decimal", "decimal(x)", "The value as a decimal; its places are kept.", `decimal("12.50") * 2`, "25.00"},
		params:   []param{{KindInt, KindDecimal, KindString}}, typ: yields(KindDecimal), run: runDecimal,
	},
	{
		Function: Function{"round", "round(x, places)", "The decimal with exactly this many places; a half goes away from zero.", `round(12.345, 2)`, "12.35"},
		params:   []param{numberParam, intParam}, least: 1, typ: yields(KindDecimal), run: runRound,
	},
	{
		Function: Function{"abs", "abs(x)", "The number without its sign.", `abs(-1.50)`, "1.50"},
		params:   []param{numberParam}, typ: firstType, run: runAbs,
	},
	{
		Function: Function{"min", "min(a, b, …)", "The smallest of the values, or of the elements of a list; null is left out.", `min(3, 1.5, 2)`, "1.5"},
		params:   []param{{KindInt, KindDecimal, KindTime, KindList}}, least: 1, many: true, nulls: true, typ: extremeType,
		run: func(f *frame, args []any) (any, error) { return extreme(f, args, -1) },
	},
	{
		Function: Function{"max", "max(a, b, …)", "The largest of the values, or of the elements of a list; null is left out.", `max([3, 1.5, null])`, "3"},
		params:   []param{{KindInt, KindDecimal, KindTime, KindList}}, least: 1, many: true, nulls: true, typ: extremeType,
		run: func(f *frame, args []any) (any, error) { return extreme(f, args, 1) },
	},
}

func firstType(args []node) Type { return args[0].typ }

func runInt(f *frame, args []any) (any, error) {
	switch v := args[0].(type) {
	case string:
		return parseInt(v)
	case Decimal:
		n, ok := v.round(0, truncate).Int()
		if !ok {
			return nil, errIntRange
		}
		return n, nil
	default:
		return v, nil
	}
}

func runDecimal(f *frame, args []any) (any, error) {
	switch v := args[0].(type) {
	case string:
		return readDecimal(v)
	case int64:
		return NewDecimal(v), nil
	default:
		return v, nil
	}
}

func runRound(f *frame, args []any) (any, error) {
	places := int64(0)
	if len(args) > 1 && args[1] != nil {
		places = args[1].(int64)
	}
	if places < 0 || places > maxDigits {
		return nil, hint("", "round takes 0 to %d places", maxDigits)
	}
	d, _ := decimalOf(args[0])
	return result(d.Round(int(places)))
}

func runAbs(f *frame, args []any) (any, error) {
	switch v := args[0].(type) {
	case int64:
		return max(v, -v), nil
	case Decimal:
		v.neg = false
		return v, nil
	default:
		return v, nil
	}
}

// extremeType is the type of the values, or of the elements of the list that stands for them.
func extremeType(args []node) Type {
	t := Type{Kind: KindNull}
	for _, a := range args {
		if a.typ.Kind == KindList {
			t = unify(t, a.typ.elem())
		} else {
			t = unify(t, a.typ)
		}
	}
	return t
}

func extreme(f *frame, args []any, sign int) (any, error) {
	if list, ok := args[0].([]any); ok && len(args) == 1 {
		args = list
	}
	if err := f.budget.spend(len(args)); err != nil {
		return nil, err
	}
	var best any
	for _, v := range args {
		switch v.(type) {
		case nil:
			continue
		case int64, Decimal, time.Time:
		default:
			return nil, hint("", "min and max take numbers and dates, got %s", describe(v))
		}
		if best == nil {
			best = v
			continue
		}
		o, err := order(v, best, f.budget)
		if err != nil {
			return nil, err
		}
		if o == sign {
			best = v
		}
	}
	return best, nil
}
