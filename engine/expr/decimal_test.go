package expr

import (
	"strings"
	"testing"

	"github.com/cockroachdb/apd/v3"
	"pgregory.net/rapid"
)

func TestDecimalKeepsItsScale(t *testing.T) {
	for text, want := range map[string]string{
		"12.50": "12.50", "-0.00": "0.00", "007.10": "7.10", "1e3": "1000", "1.5E-3": "0.0015", "+2": "2", ".5": "0.5", "5.": "5",
		"9999999999999999999999999999999999": "9999999999999999999999999999999999", "0e50": "0", "12345678901234567890.12345678901234": "12345678901234567890.12345678901234",
	} {
		if got := dec(t, text).String(); got != want {
			t.Errorf("%s reads as %s, want %s", text, got, want)
		}
	}
	for _, text := range []string{
		"", "-", ".", "1.2.3", "1e", "NaN", "Infinity", "0x10", " 1", "1 ", "1_0", "--1", "1e9999999", "1e40", "1e-200",
		"99999999999999999999999999999999999", strings.Repeat("0", 1000), "١",
	} {
		if d, err := ParseDecimal(text); err == nil {
			t.Errorf("%q reads as %s", text, d)
		}
	}
}

func anyDecimal(t *rapid.T, name string) Decimal {
	digits := rapid.IntRange(1, 34).Draw(t, name+" digits")
	text := rapid.StringOfN(rapid.RuneFrom([]rune("0123456789")), digits, digits, -1).Draw(t, name)
	point := rapid.IntRange(0, digits).Draw(t, name+" point")
	if rapid.Bool().Draw(t, name+" negative") {
		text, point = "-"+text, point+1
	}
	d, err := ParseDecimal(text[:point] + "." + text[point:])
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// oracle computes with apd, by the same rules: 34 digits, half to even.
func oracle(t *rapid.T, op func(c *apd.Context, d, x, y *apd.Decimal) error, x, y Decimal) (*apd.Decimal, bool) {
	ctx := apd.BaseContext.WithPrecision(maxDigits)
	ctx.Rounding = apd.RoundHalfEven
	a, _, err1 := apd.NewFromString(x.String())
	b, _, err2 := apd.NewFromString(y.String())
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	var d apd.Decimal
	if err := op(ctx, &d, a, b); err != nil {
		return nil, false
	}
	return &d, d.NumDigits()+int64(d.Exponent) <= maxDigits || d.IsZero()
}

func TestDecimalArithmeticAgreesWithAnOracle(t *testing.T) {
	ops := map[string]struct {
		ours   func(x, y Decimal) (Decimal, error)
		theirs func(c *apd.Context, d, x, y *apd.Decimal) error
	}{
		"add": {Decimal.Add, func(c *apd.Context, d, x, y *apd.Decimal) error { _, err := c.Add(d, x, y); return err }},
		"sub": {Decimal.Sub, func(c *apd.Context, d, x, y *apd.Decimal) error { _, err := c.Sub(d, x, y); return err }},
		"mul": {Decimal.Mul, func(c *apd.Context, d, x, y *apd.Decimal) error { _, err := c.Mul(d, x, y); return err }},
		"div": {Decimal.Div, func(c *apd.Context, d, x, y *apd.Decimal) error { _, err := c.Quo(d, x, y); return err }},
	}
	for name, op := range ops {
		t.Run(name, rapid.MakeCheck(func(t *rapid.T) {
			x, y := anyDecimal(t, "x"), anyDecimal(t, "y")
			want, ok := oracle(t, op.theirs, x, y)
			got, err := op.ours(x, y)
			if ok != (err == nil) {
				t.Fatalf("%s %s %s = %s, %v; the oracle says %v, %t", x, name, y, got, err, want, ok)
			}
			if !ok {
				return
			}
			mine, _, err := apd.NewFromString(got.String())
			if err != nil || mine.Cmp(want) != 0 {
				t.Fatalf("%s %s %s = %s, want %s", x, name, y, got, want.Text('f'))
			}
		}))
	}
}

func TestSortableHasTheOrderOfTheValues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, y := anyDecimal(t, "x"), anyDecimal(t, "y")
		if rapid.Bool().Draw(t, "close") {
			z, err := x.Add(Decimal{lo: uint64(rapid.IntRange(0, 2).Draw(t, "step")), scale: x.scale})
			if err == nil {
				y = z
			}
		}
		if got, want := strings.Compare(x.Sortable(), y.Sortable()), x.Cmp(y); got != want {
			t.Fatalf("%s %q and %s %q sort as %d, want %d", x, x.Sortable(), y, y.Sortable(), got, want)
		}
		again, err := ParseDecimal(x.String())
		if err != nil || again != x && !x.zero() {
			t.Fatalf("%s reads as %s, %v", x, again, err)
		}
	})
	if a, b := dec(t, "1.50").Sortable(), dec(t, "1.5").Sortable(); a != b {
		t.Errorf("equal decimals are %q and %q", a, b)
	}
}

func TestRoundGoesAwayFromZero(t *testing.T) {
	for _, c := range []struct {
		in     string
		places int
		want   string
	}{
		{"12.345", 2, "12.35"},
		{"-12.345", 2, "-12.35"},
		{"12.344", 2, "12.34"},
		{"2.5", 0, "3"},
		{"1", 2, "1.00"},
		{"99.995", 2, "100.00"},
		{"-0.004", 2, "0.00"},
		{"0.5", 0, "1"},
		{"0.49", 0, "0"},
	} {
		if got, err := dec(t, c.in).Round(c.places); err != nil || got.String() != c.want {
			t.Errorf("%s to %d places is %s, %v; want %s", c.in, c.places, got, err, c.want)
		}
	}
}

func TestIntOfADecimal(t *testing.T) {
	for text, want := range map[string]int64{"5": 5, "5.00": 5, "-3": -3, "9007199254740992": maxInt} {
		if n, ok := dec(t, text).Int(); !ok || n != want {
			t.Errorf("%s is %d, %t", text, n, ok)
		}
	}
	for _, text := range []string{"5.5", "9007199254740993", "1e30"} {
		if n, ok := dec(t, text).Int(); ok {
			t.Errorf("%s is %d", text, n)
		}
	}
}
