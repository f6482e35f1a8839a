package secret

import (
	"math/bits"
	"math/rand/v2"
)

// tail is a form that is longer than its anchor: where the anchor is found, the hash of as many bytes as the form has tells whether it is there.
// The hash is a polynomial modulo a prime, with a base that is drawn for each masker: that another text has the same one happens once in 2^45,
// and then a text is masked that holds no secret. A secret is never missed.
type tail struct {
	bytes int
	hash  uint64
	// power is the base to the power of bytes.
	power uint64
}

// prime is 2^61-1: the remainder of a product is found without dividing.
const prime = 1<<61 - 1

func newBase() uint64 { return 1<<32 + rand.Uint64N(prime-1<<32) }

func newTail(base uint64, form string) tail {
	t := tail{bytes: len(form), power: 1}
	for i := range len(form) {
		t.hash = plus(times(t.hash, base), uint64(form[i])+1)
		t.power = times(t.power, base)
	}
	return t
}

// prefixSums are the hashes of all beginnings of a text, from which that of any part of it follows at once.
func prefixSums[T string | []byte](base uint64, text T) []uint64 {
	sums := make([]uint64, len(text)+1)
	for i := range len(text) {
		sums[i+1] = plus(times(sums[i], base), uint64(text[i])+1)
	}
	return sums
}

// at says whether the form stands at a place of the text that the sums are of.
func (t tail) at(sums []uint64, from int) bool {
	return sums[from+t.bytes] == plus(times(sums[from], t.power), t.hash)
}

func plus(a, b uint64) uint64 { return reduced(a + b) }

func times(a, b uint64) uint64 {
	high, low := bits.Mul64(a, b)
	return reduced((high<<3 | low>>61) + low&prime)
}

// reduced is the remainder of a number below twice the prime.
func reduced(n uint64) uint64 {
	if n >= prime {
		n -= prime
	}
	return n
}
