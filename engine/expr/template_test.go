package expr

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
)

func TestTemplatesYield(t *testing.T) {
	text := Type{Kind: KindString}
	for source, c := range map[string]struct {
		want Type
		out  any
	}{
		"Order {{ object.number }}":         {Any, "Order 1042"},
		"{{ number }}/{{ count }}":          {Any, "1042/3"},
		"{{ object.count + 1 }}":            {Type{Kind: KindInt}, int64(4)},
		"{{ count }}":                       {Type{Kind: KindDecimal}, NewDecimal(3)},
		"{{ count }}.":                      {Any, "3."},
		"{{ object.empty }}":                {Type{Kind: KindInt}, nil},
		"[{{ object.empty }}]":              {Any, "[]"},
		"{{ total }} {{ urgent }}":          {Any, "112.50 true"},
		"{{ total }}":                       {text, "112.50"},
		"{{ empty }}":                       {text, nil},
		"{{ due }}!":                        {Any, "2026-11-25T16:20:06.123Z!"},
		"{{ tags }}!":                       {Any, `["a","b"]!`},
		"{{ tags }}":                        {ListOf(text), []any{"a", "b"}},
		`{{ "{{" }}`:                        {Any, "{{"},
		`a {{ "{{" }} b {{ "}}" }} c`:       {Any, "a {{ b }} c"},
		`{{ '}}' }}{{ "a\"}}" }}`:           {Any, `}}a"}}`},
		"{{ {\"a\": {\"b\": 1}} }}":         {Any, map[string]any{"a": map[string]any{"b": int64(1)}}},
		`{{{"a":{"b":1}}}}`:                 {Any, map[string]any{"a": map[string]any{"b": int64(1)}}},
		"{{ count // it's }} a":             {Any, "3 a"},
		"{{ /* }} */ count }}":              {Any, int64(3)},
		"no template }} here {":             {Any, "no template }} here {"},
		"":                                  {Any, ""},
		"5":                                 {Type{Kind: KindInt}, int64(5)},
		"5.50":                              {Type{Kind: KindDecimal}, Decimal{lo: 550, scale: 2}},
		"true":                              {Type{Kind: KindBool}, true},
		"paid":                              {Type{Kind: KindString, Options: []string{"new", "paid"}}, "paid"},
		"say {{ object.note }}":             {Any, `say say "hi" {{1+1}}`},
		"{\"a\": {{ json(note) }} }":        {Any, `{"a": "say \"hi\" {{1+1}}" }`},
		"https://x.test/?q={{ url(note) }}": {Any, "https://x.test/?q=say%20%22hi%22%20%7B%7B1%2B1%7D%7D"},
		"{{ ContextVar.name }} {{ WebUser.name}}": {Any, "Ada Anna"},
		"ü {{ number }} ü":                        {Any, "ü 1042 ü"},
	} {
		t.Run(source, func(t *testing.T) {
			tpl, err := CompileTemplate(source, testScope(), c.want)
			if err != nil {
				t.Fatal(err)
			}
			got, err := tpl.Eval(testEnv(t), nil)
			if err != nil || !reflect.DeepEqual(got, c.out) {
				t.Errorf("got %#v, %v; want %#v", got, err, c.out)
			}
			if _, literal := tpl.Literal(); literal == strings.Contains(source, "{{") {
				t.Errorf("literal is %t", literal)
			}
		})
	}
}

func TestTemplatesRefuse(t *testing.T) {
	for source, c := range map[string]struct {
		want Type
		err  string
	}{
		"Order {{ object.numbr }}":       {Any, "1:17: unknown field numbr of object (did you mean number?)"},
		"a\nü {{ numbr }}":               {Any, "2:6: unknown name numbr"},
		"{{ number":                      {Any, `1:1: {{ is never closed`},
		"a {{ }} b":                      {Any, "nothing between"},
		"{{#escape}}{{note}}{{/escape}}": {Any, "json(…)"},
		"{{#encodeURIComponent}}x":       {Any, "url(…)"},
		"{{ number }}":                   {Type{Kind: KindInt}, "expected a number, got text (int(…) reads a number from text)"},
		"{{ count }}{{ count }}":         {Type{Kind: KindInt}, "one {{ }} with nothing around it keeps its type"},
		"abc":                            {Type{Kind: KindInt}, "not a whole number"},
		"{{ due }}":                      {Type{Kind: KindBool}, "expected true or false, got a date"},
		"payed":                          {Type{Kind: KindString, Options: []string{"new", "paid"}}, "did you mean paid?"},
		`{{ "payed" }}`:                  {Type{Kind: KindString, Options: []string{"new", "paid"}}, "did you mean paid?"},
		strings.Repeat("{{1}}", 201):     {Any, "at most 200"},
		strings.Repeat("x", 65537):       {Any, "at most 65536 bytes"},
	} {
		t.Run(source[:min(30, len(source))], func(t *testing.T) {
			_, err := CompileTemplate(source, testScope(), c.want)
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("got  %v\nwant %s", err, c.err)
			}
		})
	}
}

func TestATemplateErrorKnowsItsPlaceWhenEvaluated(t *testing.T) {
	tpl, err := CompileTemplate("ü {{ object.count }} {{ object.empty + 1 }}", testScope(), Any)
	if err != nil {
		t.Fatal(err)
	}
	_, err = tpl.Text(testEnv(t), nil)
	var e *Error
	if !errors.As(err, &e) || e.Pos != 37 || e.Column != 38 {
		t.Errorf("got %#v", err)
	}
}

func TestWhatATemplateYieldsIsNeverATemplate(t *testing.T) {
	env := testEnv(t)
	evil := "{{1+1}} {{ object.total }} ${1+1} #{1+1}"
	env.Names["object"].(map[string]any)["note"] = evil
	env.Names["object"].(map[string]any)["payload"] = map[string]any{"{{1+1}}": evil}
	tree, err := CompileTree(map[string]any{"{{1+1}}": "{{ note }}", "b": []any{"x{{ note }}", "{{ payload }}"}}, testScope())
	if err != nil {
		t.Fatal(err)
	}
	v, err := tree.Eval(env, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"{{1+1}}": evil, "b": []any{"x" + evil, map[string]any{"{{1+1}}": evil}}}
	if !reflect.DeepEqual(v, want) {
		t.Errorf("got %v", v)
	}
}

func TestTrees(t *testing.T) {
	value := map[string]any{
		"id": "{{ object.number }}", "n": json.Number("5"), "f": json.Number("1.50"), "list": []any{"{{ count }}", "c={{ count }}", true, nil},
		"total": "{{ total }}", "due": "{{ due }}",
	}
	tree, err := CompileTree(value, testScope())
	if err != nil {
		t.Fatal(err)
	}
	v, err := tree.Eval(testEnv(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	got, _ := json.Marshal(ToJSON(v))
	want := `{"due":"2026-11-25T16:20:06.123Z","f":1.50,"id":"1042","list":[3,"c=3",true,null],"n":5,"total":"112.50"}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if reads := strings.Join(tree.Reads(), " "); reads != "object.count object.due object.number object.total" || tree.Cost() != Inline {
		t.Errorf("reads %s, cost %d", reads, tree.Cost())
	}
	_, err = CompileTree(map[string]any{"lines": []any{map[string]any{"price": "{{ objekt.total }}"}}}, testScope())
	if err == nil || err.Error() != "lines[0].price: 1:4: unknown name objekt (did you mean object?)" {
		t.Errorf("got %v", err)
	}
	deep := any("x")
	for range 100 {
		deep = []any{deep}
	}
	if _, err = CompileTree(deep, testScope()); err == nil {
		t.Error("a deep tree compiled")
	}
}
