package expr

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

var errIntRange = errors.New("the number leaves ±2^53")

// equal compares two values; across types it is false, ints and decimals are one type. It pays per element.
func equal(x, y any, b *Budget) (bool, error) {
	switch x := x.(type) {
	case string:
		s, ok := y.(string)
		if !ok || len(s) != len(x) {
			return false, nil
		}
		if err := b.read(len(s)); err != nil {
			return false, err
		}
		return s == x, nil
	case int64:
		if n, ok := y.(int64); ok {
			return n == x, nil
		}
		d, ok := y.(Decimal)
		return ok && d.Cmp(NewDecimal(x)) == 0, nil
	case Decimal:
		d, ok := decimalOf(y)
		return ok && d.Cmp(x) == 0, nil
	case time.Time:
		t, ok := y.(time.Time)
		return ok && t.Equal(x), nil
	case bool:
		v, ok := y.(bool)
		return ok && v == x, nil
	case nil:
		return y == nil, nil
	case []any:
		l, ok := y.([]any)
		return equalLists(x, l, ok, b)
	case map[string]any:
		m, ok := y.(map[string]any)
		return equalMaps(x, m, ok, b)
	default:
		return false, fmt.Errorf("a value of the unknown sort %T", x)
	}
}

func equalLists(x, y []any, ok bool, b *Budget) (bool, error) {
	if !ok || len(x) != len(y) {
		return false, nil
	}
	for i := range x {
		if err := b.tick(); err != nil {
			return false, err
		}
		if same, err := equal(x[i], y[i], b); !same || err != nil {
			return false, err
		}
	}
	return true, nil
}

func equalMaps(x, y map[string]any, ok bool, b *Budget) (bool, error) {
	if !ok || len(x) != len(y) {
		return false, nil
	}
	for k, v := range x {
		if err := b.tick(); err != nil {
			return false, err
		}
		w, there := y[k]
		if !there {
			return false, nil
		}
		if same, err := equal(v, w, b); !same || err != nil {
			return false, err
		}
	}
	return true, nil
}

// order compares two values that are not null: -1, 0 or 1.
func order(x, y any, b *Budget) (int, error) {
	switch x := x.(type) {
	case int64:
		if n, ok := y.(int64); ok {
			return compareInts(x, n), nil
		}
		if d, ok := y.(Decimal); ok {
			return NewDecimal(x).Cmp(d), nil
		}
	case Decimal:
		if d, ok := decimalOf(y); ok {
			return x.Cmp(d), nil
		}
	case string:
		if s, ok := y.(string); ok {
			if err := b.read(min(len(x), len(s))); err != nil {
				return 0, err
			}
			return strings.Compare(x, s), nil
		}
	case time.Time:
		if t, ok := y.(time.Time); ok {
			return x.Compare(t), nil
		}
	}
	return 0, fmt.Errorf("%s can not be compared with %s", describe(x), describe(y))
}

func compareInts(x, y int64) int {
	switch {
	case x < y:
		return -1
	case x > y:
		return 1
	default:
		return 0
	}
}

func decimalOf(v any) (Decimal, bool) {
	switch v := v.(type) {
	case Decimal:
		return v, true
	case int64:
		return NewDecimal(v), true
	default:
		return Decimal{}, false
	}
}

func boundInt(n int64) (any, error) {
	if n > maxInt || n < -maxInt {
		return nil, errIntRange
	}
	return n, nil
}

// arithmetic does + - * / % on two numbers that are not null.
func arithmetic(op byte, x, y any) (any, error) {
	a, aInt := x.(int64)
	c, cInt := y.(int64)
	if aInt && cInt && op != '/' {
		return intArithmetic(op, a, c)
	}
	d, ok1 := decimalOf(x)
	e, ok2 := decimalOf(y)
	if !ok1 || !ok2 {
		return nil, mismatch(op, x, y)
	}
	switch op {
	case '+':
		return result(d.Add(e))
	case '-':
		return result(d.Sub(e))
	case '*':
		return result(d.Mul(e))
	case '/':
		return result(d.Div(e))
	default:
		return nil, hint("", "%% takes whole numbers")
	}
}

// result keeps a nil interface beside an error.
func result(d Decimal, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return d, nil
}

func intArithmetic(op byte, a, c int64) (any, error) {
	// Both lie within ±2^53, so only a product can leave 64 bits.
	switch op {
	case '+':
		return boundInt(a + c)
	case '-':
		return boundInt(a - c)
	case '*':
		if a != 0 && (a*c)/a != c {
			return nil, errIntRange
		}
		return boundInt(a * c)
	default:
		if c == 0 {
			return nil, errDivisionByZero
		}
		return a % c, nil
	}
}

func mismatch(op byte, x, y any) error {
	suggestion := ""
	switch {
	case op == '+' && (kindOf(x) == KindString || kindOf(y) == KindString):
		suggestion = "string(…) makes text of a value"
	case kindOf(x) == KindTime:
		suggestion = "use .addDays(…) or .addHours(…)"
	}
	return hint(suggestion, "%s and %s can not be used with %c", describe(x), describe(y), op)
}

// add is arithmetic, or the joining of two texts.
func add(x, y any, b *Budget) (any, error) {
	if s, ok := x.(string); ok {
		if t, ok := y.(string); ok {
			if err := b.make(len(s) + len(t)); err != nil {
				return nil, err
			}
			return s + t, nil
		}
	}
	return arithmetic('+', x, y)
}

// member is v.name or v["name"]; what is not there is null.
func member(v any, name string, zone *time.Location) any {
	switch v := v.(type) {
	case map[string]any:
		return v[name]
	case time.Time:
		if part, ok := timeParts[name]; ok {
			return part(inZone(v, zone))
		}
	}
	return nil
}

// index is v[i]; it counts from the end when negative, and what is not there is null.
func index(v, i any) (any, error) {
	switch i := i.(type) {
	case string:
		if m, ok := v.(map[string]any); ok || v == nil {
			return m[i], nil
		}
	case int64:
		l, ok := v.([]any)
		if !ok && v != nil {
			break
		}
		if i < 0 {
			i += int64(len(l))
		}
		if i < 0 || i >= int64(len(l)) {
			return nil, nil
		}
		return l[i], nil
	case nil:
		return nil, nil
	}
	return nil, fmt.Errorf("%s has no element at %s", describe(v), describe(i))
}
