package expr

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestEveryFunctionHasAWorkingExample(t *testing.T) {
	for _, fn := range Functions() {
		if fn.Name == "" || fn.Signature == "" || fn.Help == "" || !strings.HasSuffix(fn.Help, ".") || !strings.Contains(fn.Example, fn.Name) {
			t.Errorf("%s is not described", fn.Name)
		}
		p, err := Compile(fn.Example, &Scope{}, Any)
		if err != nil {
			t.Errorf("%s: %v", fn.Name, err)
			continue
		}
		v, err := p.Eval(Env{Now: testNow}, nil)
		if err != nil {
			t.Errorf("%s: %v", fn.Name, err)
			continue
		}
		if got, _ := Text(v); got != fn.Result {
			t.Errorf("%s yields %s, want %s", fn.Example, got, fn.Result)
		}
	}
}

func TestFunctionsOnNull(t *testing.T) {
	for name, fn := range functions {
		for _, arg := range []string{"null", "webhook.nothing"} {
			args := []string{arg}
			for i := 1; i < len(fn.params); i++ {
				args = append(args, map[string]string{"number": "1", "string": `"x"`}[string(append(fn.params[i], KindBool)[0])])
				if args[i] == "" {
					args[i] = "true"
				}
			}
			source := name + "(" + strings.Join(args[:len(fn.params)], ", ") + ")"
			p, err := Compile(source, testScope(), Any)
			if err != nil {
				t.Errorf("%s: %v", source, err)
				continue
			}
			if _, err := p.Eval(testEnv(t), nil); err != nil {
				t.Errorf("%s: %v", source, err)
			}
		}
	}
}

func TestCostAndReads(t *testing.T) {
	for source, want := range map[string]string{
		`object.total > 100 and status == "paid"`:     "0 object.status object.total",
		`before.total < object.total`:                 "0 before.total object.total",
		`vars.x == 1 or ContextVar.name == "a"`:       "0 vars.name vars.x",
		`object == null and object.status == "new"`:   "0 object",
		`any(tags, # == "a")`:                         "1 object.tags",
		`number matches "a"`:                          "1 object.number",
		`count in 1..3`:                               "1 object.count",
		`replace(number, "a", "b") == "x"`:            "1 object.number",
		`lower(number) == "x" and len(tags) > 1`:      "0 object.number object.tags",
		`string(count) == "1"`:                        "0 object.count",
		`string(payload) == "1"`:                      "1 object.payload",
		`object.due.year == now().year`:               "0 object.due",
		`object.payload.a.b == 1`:                     "0 object.payload.a.b",
		`object.payload.list[0].x == 1`:               "0 object.payload.list",
		`steps.get.body.ok`:                           "0 steps.get.body.ok",
		strings.Repeat("count == 1 or ", 40) + "true": "1 object.count",
		`"a" + number + "b" == "x"`:                   "0 object.number",
		`let o = object.payload; o.x == 1`:            "0 object.payload",
	} {
		p, err := Compile(source, testScope(), Any)
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		if got := fmt.Sprint(int(p.Cost()), " ", strings.Join(p.Reads(), " ")); got != want {
			t.Errorf("%s: got %s, want %s", source, got, want)
		}
	}
}

func TestEqualities(t *testing.T) {
	for source, want := range map[string]string{
		`object.status == "paid"`:                               "[{status paid}]",
		`"paid" == status and total == 100 and count == 5.0`:    "[{status paid} {total 100} {count 5}]",
		`object.status == "paid" or object.count == 1`:          "[]",
		`object.status != "paid"`:                               "[]",
		`not (object.status == "paid")`:                         "[]",
		`object.empty == null and before.status == "new"`:       "[{empty <nil>}]",
		`(status == "paid" and count == -1) and urgent == true`: "[{status paid} {count -1} {urgent true}]",
		`payload.s == "5" and object.status == before.status`:   "[]",
		`status == "paid" and (count == 1 or count == 2)`:       "[{status paid}]",
		`urgent ? status == "paid" : true`:                      "[]",
	} {
		p, err := Compile(source, testScope(), Type{Kind: KindBool})
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		if got := fmt.Sprint(p.Equalities()); got != want {
			t.Errorf("%s: got %s, want %s", source, got, want)
		}
	}
}

func TestConditionIsTrue(t *testing.T) {
	for source, want := range map[string]bool{`urgent`: true, `empty == 1`: false, `webhook.yes`: false, `not webhook.yes`: true, `webhook.yes or urgent`: true} {
		p, err := Compile(source, testScope(), Type{Kind: KindBool})
		if err != nil {
			t.Fatal(source, err)
		}
		if got, err := p.True(testEnv(t), nil); err != nil || got != want {
			t.Errorf("%s is %t, %v", source, got, err)
		}
	}
}

func TestWantIsChecked(t *testing.T) {
	for _, c := range []struct {
		source string
		want   Kind
		err    string
	}{
		{`count`, KindDecimal, ""},
		{`total`, KindInt, "round(…)"},
		{`number`, KindTime, "date(…)"},
		{`count`, KindString, "string(…)"},
		{`payload.d`, KindDecimal, ""},
		{`payload.s`, KindInt, ""},
		{`payload.list`, KindInt, "eval: 1:1: expected a number, got a list"},
		{`null`, KindBool, ""},
	} {
		p, err := Compile(c.source, testScope(), Type{Kind: c.want})
		if err == nil {
			var v any
			if v, err = p.Eval(testEnv(t), nil); err != nil {
				err = fmt.Errorf("eval: %w", err)
			} else if k := kindOf(v); v != nil && k != c.want {
				t.Errorf("%s yields %s, want %s", c.source, k, c.want)
			}
		}
		if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s as %s: %v, want %s", c.source, c.want, err, c.err)
		}
	}
}

func TestBudgetIsSharedAndNamesItsLimit(t *testing.T) {
	p, err := Compile(`sum(map(1..1000, #)) > 0`, &Scope{}, Any)
	if err != nil {
		t.Fatal(err)
	}
	b := NewBudget(FullLimits, nil)
	for n := 0; ; n++ {
		if _, err = p.Eval(Env{}, b); err != nil {
			if n < 10 || !errors.Is(err, ErrBudget) || !strings.Contains(err.Error(), "limit: expression") {
				t.Errorf("after %d: %v", n, err)
			}
			return
		}
	}
}

func TestDeadlineCountsOnlyTheTimeOfEvaluation(t *testing.T) {
	now := testNow
	clock := func() time.Time { now = now.Add(10 * time.Millisecond); return now }
	p, err := Compile(`count(1..60000, true) > 0`, &Scope{}, Any)
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.Eval(Env{}, NewBudget(FullLimits, clock))
	if !errors.Is(err, ErrBudget) || !strings.Contains(err.Error(), "100ms (limit: expression_time)") {
		t.Errorf("got %v", err)
	}
	quick, err := Compile(`1 + 1`, &Scope{}, Any)
	if err != nil {
		t.Fatal(err)
	}
	b := NewBudget(FullLimits, func() time.Time { return now })
	for range 100 {
		now = now.Add(time.Second)
		if _, err := quick.Eval(Env{}, b); err != nil {
			t.Fatal(err)
		}
	}
}

func TestJSONRoundTrip(t *testing.T) {
	typ := ObjectOf(map[string]Type{"total": {Kind: KindDecimal}, "due": {Kind: KindTime}, "count": {Kind: KindInt}, "tags": ListOf(Type{Kind: KindString}), "payload": {Kind: KindJSON}})
	in := `{"count":9007199254740992,"due":"2026-11-23T16:20:06.123Z","payload":{"a":[1,1.50,"1.50","2026-11-23",null,true]},"tags":["a"],"total":"12.50","x":null}`
	decoder := json.NewDecoder(strings.NewReader(in))
	decoder.UseNumber()
	var raw any
	if err := decoder.Decode(&raw); err != nil {
		t.Fatal(err)
	}
	v, err := FromJSON(raw, typ)
	if err != nil {
		t.Fatal(err)
	}
	m := v.(map[string]any)
	if m["total"] != dec(t, "12.50") || m["count"] != int64(maxInt) || !m["due"].(time.Time).Equal(testNow) {
		t.Errorf("got %#v", m)
	}
	out, err := json.Marshal(ToJSON(v))
	if err != nil || string(out) != in {
		t.Errorf("got  %s, %v\nwant %s", out, err, in)
	}
	if d, err := FromJSON(json.Number("12.50"), Type{Kind: KindDecimal}); err != nil || ToJSON(d) != "12.50" {
		t.Errorf("a decimal given as a number is %v, %v", d, err)
	}
	for _, bad := range []any{map[string]any{"total": "x"}, map[string]any{"due": true}, map[string]any{"count": json.Number("9007199254740993")}, map[string]any{"count": json.Number("1e400")}} {
		if _, err := FromJSON(bad, typ); err == nil {
			t.Errorf("%v passes", bad)
		}
	}
}

func TestProgramsAreSafeForConcurrentUse(t *testing.T) {
	p, err := Compile(`sum(map(payload.list, let x = # * 2; x + count)) == 21 and status == "paid" and number matches "^1"`, testScope(), Any)
	if err != nil {
		t.Fatal(err)
	}
	tpl, err := CompileTemplate(`{{ number }}: {{ map(payload.list, #) }}`, testScope(), Any)
	if err != nil {
		t.Fatal(err)
	}
	env := testEnv(t)
	var workers sync.WaitGroup
	for range 8 {
		workers.Go(func() {
			for range 500 {
				if v, err := p.Eval(env, nil); v != true || err != nil {
					t.Errorf("got %v, %v", v, err)
				}
				if v, err := tpl.Eval(env, nil); v != "1042: [1,2,3]" || err != nil {
					t.Errorf("got %v, %v", v, err)
				}
			}
		})
	}
	workers.Wait()
}

func TestEvaluationLeavesItsEnvAlone(t *testing.T) {
	env, want := testEnv(t), testEnv(t)
	for _, source := range []string{`map(payload.list, 1)`, `payload.list[0:1]`, `filter(tags, true)`, `{"a": payload}`, `let x = payload; x`} {
		p, err := Compile(source, testScope(), Any)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Eval(env, nil); err != nil {
			t.Fatal(err)
		}
	}
	if !reflect.DeepEqual(env, want) {
		t.Error("the env has changed")
	}
}

func BenchmarkInlineCondition(b *testing.B) {
	p, err := Compile(`object.total > 100 and object.status == "paid"`, testScope(), Type{Kind: KindBool})
	if err != nil {
		b.Fatal(err)
	}
	env := testEnv(b)
	b.ReportAllocs()
	for b.Loop() {
		if yes, err := p.True(env, NewBudget(InlineLimits, nil)); !yes || err != nil {
			b.Fatal(yes, err)
		}
	}
}

func BenchmarkPredicateOfThousand(b *testing.B) {
	p, err := Compile(`count(vars.any, # > 500)`, testScope(), Any)
	if err != nil {
		b.Fatal(err)
	}
	var list []any
	for i := range 1000 {
		list = append(list, int64(i))
	}
	env := Env{Names: map[string]any{"vars": map[string]any{"any": list}}}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Eval(env, NewBudget(FullLimits, time.Now)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkTemplateText(b *testing.B) {
	p, err := CompileTemplate(`Order {{ object.number }} of {{ total }}`, testScope(), Any)
	if err != nil {
		b.Fatal(err)
	}
	env := testEnv(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Text(env, NewBudget(InlineLimits, nil)); err != nil {
			b.Fatal(err)
		}
	}
}
