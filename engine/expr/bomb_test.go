package expr

import (
	"runtime"
	"strings"
	"testing"
	"time"
)

// bombs are the expressions of guarantees 3.1 and their relatives: each must end soon and small, with a value or an error.
func bombs() map[string]string {
	nested := func(open, middle, closing string, n int) string {
		return strings.Repeat(open, n) + middle + strings.Repeat(closing, n)
	}
	return map[string]string{
		"map of map of ranges":   `map(1..1000000, map(1..1000000, #))`,
		"map over a long range":  `map(1..999990, #)`,
		"all in all in all":      `let a = 1..1000; all(a, all(a, all(a, true)))`,
		"all six deep":           `let a = 1..1000; all(a, all(a, all(a, all(a, all(a, all(a, true))))))`,
		"sum of sum":             `let a = 1..1000; sum(a, sum(a, sum(a, #)))`,
		"count in count":         `let a = 1..3000; count(a, count(a, count(a, count(a, # > 5) > 3) > 3) > 3)`,
		"uniq":                   `uniq(1..60000)`,
		"upper of a long text":   `count(1..3000, len(upper(vars.long)) == 0)`,
		"doubling by reduce":     `reduce(1..40, #acc + #acc, "aa")`,
		"doubling by let":        `let b = "aaaaaaaa"; ` + doubling(30) + `x30`,
		"eightfold":              `let a = vars.long; let b = a+a+a+a+a+a+a+a; let c = b+b+b+b+b+b+b+b; c+c+c+c+c+c+c+c`,
		"json of shared lists":   shared(12) + `json(x12)`,
		"string of shared lists": shared(12) + `string(x12)`,
		"join of shared lists":   shared(12) + `join(x12, ",")`,
		"result of shared lists": shared(12) + `x12`,
		"equal shared lists":     shared(12) + `x12 == map([x12], #)[0]`,
		"in shared lists":        shared(12) + `any(x12, # in x12)`,
		"sum of texts":           `sum(map(1..100, vars.long))`,
		"repeat":                 `repeat(repeat("a", 999999), 999)`,
		"replace grows":          `replace(vars.long, "a", "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb")`,
		"replace nothing":        `replace(vars.long, "", vars.long)`,
		"split in letters":       `count(1..100, len(split(vars.long, "")) > 3)`,
		"flatten":                `flatten([1..100000, 1..100000])`,
		"pattern stars":          `vars.long matches "(a*)*(a*)*b"`,
		"pattern repeats":        `vars.long matches "(x{0,30}){0,30}a*b"`,
		"pattern many":           `count(1..1000, vars.long matches "(x{0,30}){0,30}a*b")`,
		"pattern made anew":      `count(1..5000, vars.long matches ("(x{0,30}){0,30}a*b" + string(#)))`,
		"pattern 64k stars":      `vars.mid matches "(a*)*(a*)*b"`,
		"pattern 64k repeats":    `vars.mid matches "(x{0,30}){0,30}a*b"`,
		"pattern 64k many":       `count(1..1000, vars.mid matches "(x{0,30}){0,3}a*b")`,
		"pattern made 64k":       `count(1..5000, vars.mid matches ("(x{0,30}){0,30}a*b" + string(#)))`,
		"pattern huge":           `vars.long matches "` + strings.Repeat("x{1000}", 36) + `"`,
		"pattern classes":        `vars.long matches "(\\pL{30}){30}"`,
		"contains many":          `count(1..100000, vars.long contains "ab")`,
		"long equal":             `count(1..100000, vars.long == vars.long2)`,
		"parens 2000":            nested("(", "1", ")", 2_000),
		"parens 400000":          nested("(", "1", ")", 400_000),
		"parens 600000":          nested("(", "1", ")", 600_000),
		"brackets 400000":        nested("[", "1", "]", 400_000),
		"parens in a comment":    "//'\n" + nested("(", "1", ")", 2_000),
		"open parens":            strings.Repeat("(", 1<<20),
		"minus 4000":             strings.Repeat("-", 4_000) + "1",
		"minus 800000":           strings.Repeat("-", 800_000) + "1",
		"nots":                   strings.Repeat("not ", 1_000) + "true",
		"ternaries":              strings.Repeat("true ? 1 : ", 360) + "1",
		"elvis":                  strings.Repeat("null ?: ", 500) + "1",
		"chained comparisons":    nested("1 < ((", "1 < 2", ") ? 1 : 2) < 3", 30),
		"chained any":            nested("vars.any < ((", "vars.any < 1", ") ? vars.any : 2) <= vars.any", 30),
		"elvis in elvis":         nested("(", "vars.any", " ?: 1)", 60),
		"coalesce":               strings.Repeat("vars.any ?? ", 330) + "1",
		"modulo zero":            `1 % 0`,
		"out of range":           `[1][5]`,
		"divide by zero":         `1 / 0`,
		"power":                  `2 ** 100000`,
		"range to the end":       `1..9007199254740992`,
		"range overflow":         `(-9007199254740992)..9007199254740992`,
		"big product":            `let a = 9999999999999999.0; ` + `a*a*a*a*a*a*a*a`,
		"tiny quotient":          `let a = 0.0000000000000000000000000000000001; a*a*a*a*a*a/3`,
		"long ands":              `count(1..100000, ` + strings.Repeat("true and ", 400) + `true)`,
		"wide lists":             `count(1..100000, len([` + strings.Repeat("#,", 400) + `1]) > 3)`,
		"filter of filter":       `filter(filter(filter(1..100000, true), true), true)`,
		"keys":                   `count(1..100000, len(keys({"a":1,"b":2,"c":3,"d":4})) == 4)`,
		"dates":                  `count(1..200000, date("2026-11-23").addDays(#).format("YYYY") == "x")`,
		"decimals":               `count(1..200000, (1 / 3 + #) * 1.0000000000000001 / 7 > 0)`,
		"url":                    `url(url(url(url(url(vars.long)))))`,
		"min of many":            `count(1..1000, min(1..100000) == 1)`,
		"numbers to text":        `join(map(1..100000, string(# / 3)), ",")`,
	}
}

func doubling(n int) string {
	var b strings.Builder
	b.WriteString("let x0 = b; ")
	for i := range n {
		x := func(i int) string { return "x" + string(rune('0'+i/10)) + string(rune('0'+i%10)) }
		from := x(i)
		if i == 0 {
			from = "x0"
		}
		b.WriteString("let " + x(i+1) + " = " + from + " + " + from + "; ")
	}
	return b.String()
}

// shared makes lists of ten times the list before, which are 10^12 elements when written out.
func shared(n int) string {
	var b strings.Builder
	b.WriteString(`let x0 = "aaaaaaaaaa"; `)
	name := func(i int) string {
		if i < 10 {
			return "x" + string(rune('0'+i))
		}
		return "x1" + string(rune('0'+i-10))
	}
	for i := range n {
		b.WriteString("let " + name(i+1) + " = [" + strings.TrimSuffix(strings.Repeat(name(i)+",", 10), ",") + "]; ")
	}
	return b.String()
}

func TestBombsAreDefused(t *testing.T) {
	limit := 250 * time.Millisecond
	if raceEnabled {
		limit *= 8
	}
	scope := &Scope{Names: map[string]Type{"vars": {Kind: KindMap}}}
	long := strings.Repeat("a", 900_000)
	env := Env{Now: testNow, Names: map[string]any{"vars": map[string]any{"long": long, "long2": long[:899_999] + "a", "mid": long[:64<<10], "any": int64(1)}}}
	for name, source := range bombs() {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			began := time.Now()
			v, err := explode(source, scope, env)
			took := time.Since(began)
			runtime.ReadMemStats(&after)
			// All that was allocated, though most of it is garbage by now: the heap can not have been larger.
			heap := after.TotalAlloc - before.TotalAlloc
			if took > limit {
				t.Errorf("took %s", took)
			}
			if heap > 64<<20 {
				t.Errorf("held %d MiB", heap>>20)
			}
			if text, _ := Text(v); len(text) > 40 {
				v = text[:40]
			}
			t.Logf("%s, %d KiB: %.60v, %v", took.Round(time.Microsecond), heap>>10, v, err)
		})
	}
}

func explode(source string, scope *Scope, env Env) (any, error) {
	p, err := Compile(source, scope, Any)
	if err != nil {
		return nil, err
	}
	return p.Eval(env, NewBudget(FullLimits, time.Now))
}
