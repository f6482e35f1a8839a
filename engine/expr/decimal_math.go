package expr

import (
	"errors"
	"math/big"
	"math/bits"
)

// maxInt is the largest int: what JavaScript reads exactly too.
const maxInt = 1 << 53

var errDivisionByZero = errors.New("division by zero")

var powers = func() (p [2*maxDigits + 2*maxScale + 2]*big.Int) {
	p[0] = big.NewInt(1)
	for i := 1; i < len(p); i++ {
		p[i] = new(big.Int).Mul(p[i-1], big.NewInt(10))
	}
	return p
}()

// power is ten to the n; the result is shared and must not be changed.
func power(n int) *big.Int { return powers[n] }

// Add is d + e, rounded half to even where 34 digits do not hold it; an error says that the result is out of range.
func (d Decimal) Add(e Decimal) (Decimal, error) {
	if d.hi == 0 && e.hi == 0 && d.neg == e.neg {
		if x, y, ok := sameScale(d, e); ok {
			if sum, carry := bits.Add64(x, y, 0); carry == 0 {
				return Decimal{lo: sum, scale: max(d.scale, e.scale), neg: d.neg}, nil
			}
		}
	}
	x, y := aligned(d, e)
	return fit(x.Add(x, y), int(max(d.scale, e.scale)))
}

// Sub is d - e, as Add.
func (d Decimal) Sub(e Decimal) (Decimal, error) { return d.Add(e.Neg()) }

// Neg is -d.
func (d Decimal) Neg() Decimal {
	d.neg, d.number = !d.neg, false
	return d
}

// Mul is d * e, as Add.
func (d Decimal) Mul(e Decimal) (Decimal, error) {
	if d.hi == 0 && e.hi == 0 && int(d.scale)+int(e.scale) <= maxScale {
		if hi, lo := bits.Mul64(d.lo, e.lo); hi == 0 {
			return Decimal{lo: lo, scale: d.scale + e.scale, neg: d.neg != e.neg}, nil
		}
	}
	x := d.big()
	return fit(x.Mul(x, e.big()), int(d.scale)+int(e.scale))
}

// Div is d / e: exact where 34 digits hold it, with no more places than needed, else rounded half to even.
func (d Decimal) Div(e Decimal) (Decimal, error) {
	if e.zero() {
		return Decimal{}, errDivisionByZero
	}
	if d.zero() {
		return Decimal{}, nil
	}
	shift := max(0, maxDigits+1-len(d.digits())+len(e.digits()))
	x, y := d.big(), e.big()
	x.Mul(x, power(shift))
	rest := new(big.Int)
	x.QuoRem(x, y, rest)
	scale := int(d.scale) - int(e.scale) + shift
	if rest.Sign() != 0 {
		// One more digit that says "a little more than this" keeps the one rounding in fit correct.
		x.Mul(x, power(1))
		if d.neg == e.neg {
			x.Add(x, power(0))
		} else {
			x.Sub(x, power(0))
		}
		return fit(x, scale+1)
	}
	ideal := max(0, int(d.scale)-int(e.scale))
	digit := new(big.Int)
	for scale > ideal {
		q, _ := new(big.Int).QuoRem(x, power(1), digit)
		if digit.Sign() != 0 {
			break
		}
		x, scale = q, scale-1
	}
	return fit(x, scale)
}

// Round gives the decimal exactly places places after the point (0 to 34); a half is rounded away from zero, as people do.
func (d Decimal) Round(places int) (Decimal, error) {
	places = min(max(places, 0), maxDigits)
	if int(d.scale) > places {
		return d.round(places, halfAway), nil
	}
	x := d.big()
	x.Mul(x, power(places-int(d.scale)))
	if len(x.Text(10)) > maxDigits+1 || !within(x) {
		return Decimal{}, errDecimalRange
	}
	return made(x, places), nil
}

type rounding int

const (
	truncate rounding = iota
	halfEven
	halfAway
)

// round drops places; it never needs more digits, except for one carried by rounding up.
func (d Decimal) round(places int, how rounding) Decimal {
	if int(d.scale) <= places {
		return d
	}
	return made(dropDigits(d.big(), int(d.scale)-places, how), places)
}

func dropDigits(x *big.Int, n int, how rounding) *big.Int {
	rest := new(big.Int)
	x.QuoRem(x, power(n), rest)
	if how == truncate || rest.Sign() == 0 {
		return x
	}
	sign := int64(rest.Sign())
	half := rest.Abs(rest).Lsh(rest, 1).Cmp(power(n))
	if half > 0 || half == 0 && (how == halfAway || x.Bit(0) == 1) {
		x.Add(x, big.NewInt(sign))
	}
	return x
}

func within(x *big.Int) bool { return x.CmpAbs(power(maxDigits)) < 0 }

// fit brings a result into the bounds of a Decimal.
func fit(x *big.Int, scale int) (Decimal, error) {
	if scale < 0 {
		x.Mul(x, power(-scale))
		scale = 0
	}
	drop := max(0, scale-maxScale)
	if !within(x) {
		drop = max(drop, len(new(big.Int).Abs(x).Text(10))-maxDigits)
	}
	if drop > scale {
		return Decimal{}, errDecimalRange
	}
	if drop > 0 {
		x, scale = dropDigits(x, drop, halfEven), scale-drop
	}
	if within(x) {
		return made(x, scale), nil
	}
	// Rounding carried into a 35th digit, so the last one is 0 and can go.
	if scale == 0 {
		return Decimal{}, errDecimalRange
	}
	return made(x.Quo(x, power(1)), scale-1), nil
}

func made(x *big.Int, scale int) Decimal {
	d := Decimal{scale: uint8(scale), neg: x.Sign() < 0}
	abs := new(big.Int).Abs(x)
	d.lo = new(big.Int).And(abs, new(big.Int).SetUint64(1<<64-1)).Uint64()
	d.hi = abs.Rsh(abs, 64).Uint64()
	return d
}
