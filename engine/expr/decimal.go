package expr

import (
	"errors"
	"fmt"
	"math/big"
	"math/bits"
	"strconv"
	"strings"
)

// The bounds of a Decimal.
const (
	maxDigits = 34
	maxScale  = 100
)

var errDecimalRange = errors.New("the decimal has more than 34 digits before the point")

// Decimal is an exact decimal number: at most 34 digits, at most 100 of them after the point. It keeps its scale, so "12.50" stays
// "12.50". The zero value is 0. Compare with Cmp: two decimals may be equal in value and differ in scale. Methods never change it.
type Decimal struct {
	hi, lo uint64 // the digits as one 128-bit number
	scale  uint8  // how many of them follow the point
	neg    bool
	number bool // was read from a JSON number and is written as one
}

// NewDecimal is the decimal of an int.
func NewDecimal(n int64) Decimal {
	if n < 0 {
		return Decimal{lo: uint64(-n), neg: true}
	}
	return Decimal{lo: uint64(n)}
}

// ParseDecimal reads digits with an optional sign, point and exponent, as in "-12.50" or "1e3".
func ParseDecimal(text string) (Decimal, error) {
	if len(text) > 256 {
		return Decimal{}, errors.New("a decimal is at most 256 characters long")
	}
	body, neg := text, false
	if body != "" && (body[0] == '-' || body[0] == '+') {
		neg = body[0] == '-'
		body = body[1:]
	}
	exponent := 0
	if i := strings.IndexAny(body, "eE"); i >= 0 {
		n, err := strconv.Atoi(body[i+1:])
		if err != nil || n < -1000 || n > 1000 {
			return Decimal{}, fmt.Errorf("%q is not a decimal within 34 digits", text)
		}
		body, exponent = body[:i], n
	}
	whole, fraction, _ := strings.Cut(body, ".")
	digits := whole + fraction
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return Decimal{}, fmt.Errorf("%q is not a decimal", text)
	}
	scale := len(fraction) - exponent
	trimmed := strings.TrimLeft(digits, "0")
	if trimmed == "" {
		return Decimal{scale: uint8(min(max(scale, 0), maxScale))}, nil
	}
	if scale < 0 && len(trimmed)-scale <= maxDigits {
		trimmed, scale = trimmed+strings.Repeat("0", -scale), 0
	}
	if len(trimmed) > maxDigits || scale < 0 || scale > maxScale {
		return Decimal{}, fmt.Errorf("%q has more than 34 digits", text)
	}
	d := Decimal{scale: uint8(scale), neg: neg}
	for _, c := range []byte(trimmed) {
		carry, low := bits.Mul64(d.lo, 10)
		var c2 uint64
		d.lo, c2 = bits.Add64(low, uint64(c-'0'), 0)
		d.hi = d.hi*10 + carry + c2
	}
	return d, nil
}

func (d Decimal) zero() bool { return d.hi == 0 && d.lo == 0 }

func (d Decimal) big() *big.Int {
	n := new(big.Int).SetUint64(d.hi)
	n.Lsh(n, 64).Or(n, new(big.Int).SetUint64(d.lo))
	if d.neg {
		n.Neg(n)
	}
	return n
}

func (d Decimal) digits() string {
	if d.hi == 0 {
		return strconv.FormatUint(d.lo, 10)
	}
	return new(big.Int).Abs(d.big()).String()
}

// String writes the decimal without exponent, with all places of its scale.
func (d Decimal) String() string {
	s := d.digits()
	if n := int(d.scale); n > 0 {
		if len(s) <= n {
			s = strings.Repeat("0", n-len(s)+1) + s
		}
		s = s[:len(s)-n] + "." + s[len(s)-n:]
	}
	if d.neg && !d.zero() {
		return "-" + s
	}
	return s
}

// MarshalText writes the decimal as String does.
func (d Decimal) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what ParseDecimal reads.
func (d *Decimal) UnmarshalText(text []byte) error {
	parsed, err := ParseDecimal(string(text))
	if err == nil {
		*d = parsed
	}
	return err
}

// Scale is the number of places after the point.
func (d Decimal) Scale() int { return int(d.scale) }

// Sign is -1, 0 or 1.
func (d Decimal) Sign() int {
	switch {
	case d.zero():
		return 0
	case d.neg:
		return -1
	default:
		return 1
	}
}

// Int is the whole number that the decimal is equal to, if it is one within ±2^53.
func (d Decimal) Int() (int64, bool) {
	whole := d.round(0, truncate)
	if whole.Cmp(d) != 0 || whole.hi != 0 || whole.lo > maxInt {
		return 0, false
	}
	if d.neg {
		return -int64(whole.lo), true
	}
	return int64(whole.lo), true
}

// Sortable is a text whose byte order is the order of the values; decimals that are equal have the same text whatever their scale.
// It is what an index column stores.
func (d Decimal) Sortable() string {
	if d.zero() {
		return "100"
	}
	s := d.digits()
	n := int(d.scale)
	if len(s) < n {
		s = strings.Repeat("0", n-len(s)) + s
	}
	whole := len(s) - n
	s = s[:whole] + strings.TrimRight(s[whole:], "0")
	if !d.neg {
		return fmt.Sprintf("1%02d%s", whole, s)
	}
	out := fmt.Appendf(nil, "0%02d", 99-whole)
	for i := range len(s) {
		out = append(out, '9'-s[i]+'0')
	}
	// A longer fraction is the smaller number here, so the shorter text must end in something above every digit.
	return string(append(out, '~'))
}

// Cmp is -1, 0 or 1 as d is less than, equal to or greater than e.
func (d Decimal) Cmp(e Decimal) int {
	if a, b := d.Sign(), e.Sign(); a != b {
		if a < b {
			return -1
		}
		return 1
	}
	if d.hi == 0 && e.hi == 0 {
		if x, y, ok := sameScale(d, e); ok {
			c := 0
			if x < y {
				c = -1
			} else if x > y {
				c = 1
			}
			if d.neg {
				return -c
			}
			return c
		}
	}
	x, y := aligned(d, e)
	return x.Cmp(y)
}

// sameScale gives the digits of both at the larger scale if they fit into 64 bits.
func sameScale(d, e Decimal) (x, y uint64, ok bool) {
	x, y = d.lo, e.lo
	switch {
	case d.scale < e.scale:
		x, ok = timesPower(x, int(e.scale-d.scale))
	case d.scale > e.scale:
		y, ok = timesPower(y, int(d.scale-e.scale))
	default:
		ok = true
	}
	return x, y, ok
}

func timesPower(x uint64, n int) (uint64, bool) {
	for range n {
		hi, lo := bits.Mul64(x, 10)
		if hi != 0 {
			return 0, false
		}
		x = lo
	}
	return x, true
}

// aligned gives the signed digits of both at the larger scale.
func aligned(d, e Decimal) (x, y *big.Int) {
	x, y = d.big(), e.big()
	if d.scale < e.scale {
		x.Mul(x, power(int(e.scale-d.scale)))
	} else {
		y.Mul(y, power(int(d.scale-e.scale)))
	}
	return x, y
}
