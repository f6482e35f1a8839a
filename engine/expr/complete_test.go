package expr

import (
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func completeScope() *Scope {
	s := testScope()
	s.Linked = func(structure string) (Type, bool) {
		return ObjectOf(map[string]Type{"name": {Kind: KindString}, "role": {Kind: KindString}}), structure == "User"
	}
	s.Names["steps"] = MapOf(map[string]Type{"search": ListOf(ObjectOf(map[string]Type{"number": {Kind: KindString}})), "get": MapOf(map[string]Type{"status": {Kind: KindInt}})})
	return s
}

// The caret is |; each case gives the text with the first item put in, where want is not a list, and labels that are there or (!) are not.
func TestCompletionAtACaret(t *testing.T) {
	for _, c := range []struct{ how, text, first, labels string }{
		{"template", "{{ object.num| }}", "{{ object.number }}", "number !status"},
		{"template", "{{ob|", "{{ object", "object object.number"},
		{"template", "{{|", "{{ object", "object object.number user.name const.rate"},
		{"template", "{{ object.num|", "{{ object.number }}", "number"},
		{"template", "Заказ {{ num| }} готов", "Заказ {{ object.number }} готов", "object.number"},
		{"template", "a {{ object.owner.| }} b {{ object.", "a {{ object.owner.name }} b {{ object.", "name role id !number"},
		{"template", "{{ x }} and |", "{{ x }} and {{ object }}", "object.number !upper"},
		{"template", "see /num|", "see {{ object.number }}", "object.number !object.status"},
		{"template", "/|", "{{ object }}", "object.number"},
		{"template", "1/2|", "1/2{{ object }}", "object.number"},
		{"template", `{{ "object.| }}`, "", ""},
		{"template", `{{ object.status == "pa|`, `{{ object.status == "paid" }}`, "paid !new"},
		{"template", "{{ { 'a': object.cou| } }} x", "{{ { 'a': object.count } }} x", "count"},
		{"template", "{{ 1 }}|", "{{ 1 }}{{ object }}", "object"},
		{"options", "|", "new", "new paid"},
		{"expression", "", "object", "object before.status vars.x steps.get upper"},
		{"expression", "object.tot| > and (", "object.total > and (", "total"},
		{"expression", "total > 1 and stat|us", "total > 1 and object.status", "object.status before.status"},
		{"expression", `object.status == "|"`, `object.status == "new"`, "new shipped !object"},
		{"expression", `object.status in ["new", "|`, `object.status in ["new", "new"`, "paid"},
		{"expression", `object.note == "|"`, "", ""},
		{"expression", "steps.search[0].nu|", "steps.search[0].number", "number"},
		{"expression", "steps.search.|", "", ""},
		{"expression", "object?.owner?.na|", "object?.owner?.name", "name"},
		{"expression", "upp|", "upper()", "upper"},
		{"expression", "nothing.|", "", ""},
		{"expression", "f(object).|", "", ""},
		{"expression", "1.|", "", ""},
		{"expression", "object.id // obj|", "", ""},
		{"expression", "WebUser.na|", "WebUser.name", "name"},
		{"filter", "sta|", "status", "status !object.status !upper"},
		{"filter", `status = "|`, `status = "new"`, "paid"},
		{"filter", "owner = {{ object.ow| }}", "owner = {{ object.owner }}", "owner"},
	} {
		text := strings.Replace(c.text, "|", "", 1)
		caret := max(0, utf8.RuneCountInString(c.text[:max(0, strings.Index(c.text, "|"))]))
		got := completeAs(c.how, text, caret)
		var labels []string
		for _, item := range got.Items {
			labels = append(labels, item.Label)
		}
		if c.first == "" {
			if len(got.Items) > 0 {
				t.Errorf("%s %q: %v, want nothing", c.how, c.text, labels)
			}
			continue
		}
		if len(got.Items) == 0 {
			t.Errorf("%s %q: nothing", c.how, c.text)
			continue
		}
		r := []rune(text)
		if done := string(r[:got.From]) + got.Items[0].Insert + string(r[got.To:]); done != c.first {
			t.Errorf("%s %q becomes %q, want %q", c.how, c.text, done, c.first)
		}
		for want := range strings.FieldsSeq(c.labels) {
			name, not := strings.CutPrefix(want, "!")
			if slices.Contains(labels, name) == not {
				t.Errorf("%s %q: %s in %v", c.how, c.text, want, labels)
			}
		}
	}
}

func completeAs(how, text string, caret int) Completion {
	s := completeScope()
	switch how {
	case "template":
		return CompleteTemplate(text, caret, s, Any)
	case "options":
		return CompleteTemplate(text, caret, s, s.Object.Fields["status"])
	case "filter":
		return CompleteFilter(text, caret, s.Object.Fields, s)
	default:
		return CompleteExpression(text, caret, s)
	}
}

func FuzzComplete(f *testing.F) {
	for _, source := range bombs() {
		f.Add(source, len(source))
	}
	for _, source := range []string{`{{ object.owner.`, `{{"`, `a?.[0].b`, `]].`, `"\`, "`", `/*`, `//`, `{{ {{ }} }}`, `x in ["`} {
		f.Add(source, 3)
		f.Add(source, len(source))
	}
	f.Fuzz(func(t *testing.T, source string, caret int) {
		if len(source) > maxTemplate {
			return
		}
		began := time.Now()
		for _, how := range []string{"template", "expression", "filter", "options"} {
			c := completeAs(how, source, caret)
			n := utf8.RuneCountInString(source)
			if c.From < 0 || c.From > c.To || c.To > n || len(c.Items) > MaxCompletions {
				t.Fatalf("%s: %d to %d of %d, %d items", how, c.From, c.To, n, len(c.Items))
			}
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("took %s", took)
		}
	})
}
