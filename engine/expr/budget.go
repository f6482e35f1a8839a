package expr

import (
	"errors"
	"fmt"
	"time"
)

// ErrBudget is matched by every error that says an expression did more work than it may.
var ErrBudget = errors.New("expression budget used up")

// Limits bound the work of the expressions that share a Budget. A tick is one operation, one element looked at or 256 bytes read.
type Limits struct {
	Ticks int
	Bytes int           // of text and lists made
	Time  time.Duration // spent inside Eval, in total; 0 is without bound
}

// InlineLimits bound an expression that is judged inside a commit: small enough to need no clock.
var InlineLimits = Limits{Ticks: 2_000, Bytes: 64 << 10}

// FullLimits bound all expressions of a run or an op outside a commit.
var FullLimits = Limits{Ticks: 200_000, Bytes: 4 << 20, Time: 100 * time.Millisecond}

// checkEvery is how many ticks may pass between two looks at the clock.
const checkEvery = 1_024

// Budget is what expressions may still spend. It is shared by all expressions of one run or op, one after the other; it is not
// safe for concurrent use. Once used up it stays so.
type Budget struct {
	limits  Limits
	clock   func() time.Time
	ticks   int // left
	bytes   int // left
	check   int // ticks at which the clock is looked at next
	started time.Time
	spent   time.Duration
	err     error
}

// NewBudget makes a budget. clock measures Limits.Time; without one there is no time limit.
func NewBudget(l Limits, clock func() time.Time) *Budget {
	b := &Budget{limits: l, clock: clock, ticks: l.Ticks, bytes: l.Bytes}
	if l.Time <= 0 {
		b.clock = nil
	}
	return b
}

// Used tells how many ticks and bytes have been spent.
func (b *Budget) Used() (ticks, bytes int) { return b.limits.Ticks - b.ticks, b.limits.Bytes - b.bytes }

// begin and end enclose an evaluation: what a run does between two expressions does not count as their time.
func (b *Budget) begin() {
	if b.clock != nil {
		b.started, b.check = b.clock(), b.ticks-checkEvery
	}
}

func (b *Budget) end() {
	if b.clock != nil {
		b.spent += b.clock().Sub(b.started)
	}
}

// tick pays for one operation.
func (b *Budget) tick() error {
	b.ticks--
	if b.ticks >= 0 && (b.clock == nil || b.ticks > b.check) && b.err == nil {
		return nil
	}
	return b.settle()
}

// spend pays for n operations before they are done.
func (b *Budget) spend(n int) error {
	b.ticks -= n
	if b.ticks >= 0 && (b.clock == nil || b.ticks > b.check) && b.err == nil {
		return nil
	}
	return b.settle()
}

// read pays for looking at n bytes before it is done.
func (b *Budget) read(n int) error { return b.spend(1 + n/256) }

// make pays for building n bytes before they are built.
func (b *Budget) make(n int) error {
	if err := b.read(n); err != nil {
		return err
	}
	b.bytes -= n
	if b.bytes < 0 && b.err == nil {
		b.err = &budgetError{fmt.Sprintf("the expression made more than %d bytes of values", b.limits.Bytes), b.limits.name("made")}
	}
	return b.err
}

// list pays for a list of n elements before it is built.
func (b *Budget) list(n int) error { return b.make(16 * n) }

func (b *Budget) settle() error {
	switch {
	case b.err != nil:
	case b.ticks < 0:
		b.err = &budgetError{fmt.Sprintf("the expression took more than %d steps", b.limits.Ticks), b.limits.name("steps")}
	case b.clock != nil:
		b.check = b.ticks - checkEvery
		if b.spent+b.clock().Sub(b.started) > b.limits.Time {
			b.err = &budgetError{fmt.Sprintf("the expression took longer than %s", b.limits.Time), b.limits.name("time")}
		}
	}
	return b.err
}

// name is the name of one of the limits: those of a commit are smaller and have names of their own.
func (l Limits) name(of string) string {
	if l == InlineLimits {
		return "inline_" + of
	}
	return "expression_" + of
}

type budgetError struct{ message, limit string }

func (e *budgetError) Error() string        { return e.message + " (limit: " + e.limit + ")" }
func (e *budgetError) Is(target error) bool { return target == ErrBudget }
