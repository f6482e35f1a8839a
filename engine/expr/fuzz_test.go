package expr

import (
	"errors"
	"testing"
	"time"
	"unicode/utf8"
)

// evalFor runs what compiled and fails where it takes long or yields what it must not.
func evalFor(t *testing.T, eval func(Env, *Budget) (any, error)) {
	t.Helper()
	began := time.Now()
	v, err := eval(testEnv(t), NewBudget(FullLimits, time.Now))
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("took %s", took)
	}
	if err != nil {
		return
	}
	left := maxSize
	if err := measure(v, 0, &left); err != nil {
		t.Error(err)
	}
}

func FuzzCompile(f *testing.F) {
	for _, source := range bombs() {
		f.Add(source)
	}
	for _, fn := range Functions() {
		f.Add(fn.Example)
	}
	for _, source := range []string{`object.total > 100 and status in ["paid"]`, `count ?: 1`, `payload?.a?.[0]`, `b"x"`, "`a``b`", `::len("a")`, `not in`, `{(1): 2}`, `a[:]`, `# .x`, `"\u{110000}"`} {
		f.Add(source)
	}
	f.Fuzz(func(t *testing.T, source string) {
		p, err := Compile(source, testScope(), Any)
		if err != nil {
			if e, ok := errors.AsType[*Error](err); !ok || e.Pos < 0 || e.Pos > utf8.RuneCountInString(source) {
				t.Errorf("a bad error: %#v", err)
			}
			return
		}
		evalFor(t, p.Eval)
	})
}

func FuzzTemplate(f *testing.F) {
	for _, source := range []string{"Order {{ object.number }}", `{{ "{{" }}`, `{{ {"a":{"b":1}}}} {{ '}}' }}`, "{{#escape}}", "{{ `}}` }}", "{{ /* }} */ 1 }}", "{{ 1 // }}", "{{{", "}}{{", "{{ map(1..9, \"{{\") }}"} {
		f.Add(source)
	}
	f.Fuzz(func(t *testing.T, source string) {
		tpl, err := CompileTemplate(source, testScope(), Any)
		if err != nil {
			if e, ok := errors.AsType[*Error](err); !ok || e.Pos < 0 || e.Pos > utf8.RuneCountInString(source) {
				t.Errorf("a bad error: %#v", err)
			}
			return
		}
		evalFor(t, tpl.Eval)
	})
}
