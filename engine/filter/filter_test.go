package filter

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"

	"pgregory.net/rapid"

	"github.com/cuelight/cuelight/engine/expr"
)

func testFields() map[string]Field {
	return map[string]Field{
		"status": {Kind: expr.KindString, Options: []string{"new", "paid", "ready"}}, "title": {Kind: expr.KindString}, "year": {Kind: expr.KindInt},
		"total": {Kind: expr.KindDecimal}, "is_good": {Kind: expr.KindBool}, "due": {Kind: expr.KindTime}, "owner": {Kind: expr.KindString},
		"tags": {Kind: expr.KindList}, "payload": {Kind: expr.KindJSON}, "in": {Kind: expr.KindInt}, "empty": {Kind: expr.KindString},
	}
}

func testObject(t testing.TB) func(string) any {
	total, err := expr.ParseDecimal("12.50")
	if err != nil {
		t.Fatal(err)
	}
	object := map[string]any{
		"id": "42", "version": int64(3), "status": "paid", "title": "Sunny 100% Ändern", "year": int64(1949), "total": total, "is_good": true, "owner": "anna",
		"due": time.Date(2026, 11, 23, 16, 20, 6, 0, time.UTC), "tags": []any{"a", "b"}, "in": int64(7), "payload": map[string]any{},
	}
	return func(field string) any { return object[field] }
}

func TestParseWritesTheSameAgain(t *testing.T) {
	for source, want := range map[string]string{
		`status = "paid" AND total > 10`:                         `status = "paid" AND total > 10`,
		`(title like "sun" AND year < 1950) OR is_good = "true"`: `title LIKE "sun" AND year < 1950 OR is_good = "true"`,
		`title like "sun" and (year < 1950 or is_good = true)`:   `title LIKE "sun" AND (year < 1950 OR is_good = true)`,
		`42`:                                    `id = "42"`,
		`'a b'`:                                 `id = "a b"`,
		`name != ""`:                            `name != ""`,
		`birth_date <= "2000-04-09T00:00:00"`:   `birth_date <= "2000-04-09T00:00:00"`,
		`'title' like 'sun'`:                    `title LIKE "sun"`,
		`'in' == 1`:                             `'in' = 1`,
		`a<>1 or not b=2`:                       `a != 1 OR NOT b = 2`,
		`NOT (a = 1 or b = 2) and c is NULL`:    `NOT (a = 1 OR b = 2) AND c IS NULL`,
		`a is not null and b not in (1, "x")`:   `a IS NOT NULL AND NOT b IN (1, "x")`,
		`a = null or a != null`:                 `a IS NULL OR a IS NOT NULL`,
		`a in ()`:                               `a IN ()`,
		`a=-1.50e3 and b>=.5`:                   `a = -1.50e3 AND b >= .5`,
		`a = "x\"y\\z\n\%"`:                     `a = "x\"y\\z\n\\%"`,
		`((((a = 1))))`:                         `a = 1`,
		`(a = 1 and b = 2) and (c = 3 and d=4)`: `a = 1 AND b = 2 AND c = 3 AND d = 4`,
		`a = "{{ x }}"`:                         `a = "{{ x }}"`,
		`a not like "x"`:                        `NOT a LIKE "x"`,
	} {
		n, err := Parse(source)
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		if got := n.String(); got != want {
			t.Errorf("%s\n got %s\nwant %s", source, got, want)
		}
		again, err := Parse(n.String())
		if err != nil || again.String() != n.String() {
			t.Errorf("%s parses again as %v, %v", n, again, err)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for source, want := range map[string]string{
		``:                                    `empty`,
		`status`:                              `1:7: status is compared with nothing (write status = "…"`,
		`status = paid`:                       `1:10: expected a value, got paid (text stands in quotes: "paid")`,
		`status = "paid`:                      `1:10: the text that begins here never ends`,
		`status = "paid" AND`:                 `expected a field, got the end`,
		`status = "paid" total = 1`:           `1:17: expected AND or OR, got "total"`,
		`status = "paid" && a = 1`:            `write AND`,
		`a = 1 || b = 1`:                      `write OR`,
		`!a = 1`:                              `write NOT`,
		`(a = 1`:                              `expected ), got the end`,
		`a < null`:                            `write IS NULL`,
		`a in ("x", null)`:                    `write IS NULL`,
		`a in "x"`:                            `expected ( as in`,
		`a in ("x" "y")`:                      `expected , or )`,
		`a is 1`:                              `expected NULL`,
		`a = 10abc`:                           `text stands in quotes: "10abc"`,
		`a = 0193c0de-aaaa`:                   `text stands in quotes`,
		`5 = a`:                               `the field stands on the left`,
		`and = 1`:                             `'and'`,
		`a = "\x"`:                            `\x is no escape`,
		`a = {{ x }}`:                         `only in the filters of steps`,
		`a = 1; drop table x`:                 `";" has no meaning here`,
		"a = \"\x00\"":                        `UTF-8`,
		`a not 1`:                             `expected IN or LIKE`,
		strings.Repeat("(", 4000):             `nested more than 64`,
		strings.Repeat("not ", 1000):          `nested more than 64`,
		strings.Repeat("not ", 20) + "a = 1":  `nested more than 8`,
		strings.Repeat("a=1 or ", 50) + "a=1": `more than 50 terms`,
		strings.Repeat(" ", 5000):             `at most 4096 bytes`,
		`a = 1234567890123456789012345678901234567890`: `at most 34 digits`,
	} {
		n, err := Parse(source)
		if err == nil {
			t.Errorf("%.40s parses as %s", source, n)
			continue
		}
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%.40s\n got %s\nwant %s", source, err, want)
		}
	}
}

func checked(t testing.TB, source string) *Node {
	t.Helper()
	n, err := Parse(source)
	if err != nil {
		t.Fatalf("%s: %v", source, err)
	}
	n, err = Check(n, source, testFields(), nil)
	if err != nil {
		t.Fatalf("%s: %v", source, err)
	}
	return n
}

func TestMatch(t *testing.T) {
	for source, want := range map[string]bool{
		`status = "paid" AND total > 10`:     true,
		`owner = "Anna" or status = "ready"`: false,
		`total = 12.5`:                       true,
		`total = "12.50"`:                    true,
		`total in (1, 12.500)`:               true,
		`year < 1950`:                        true,
		`year > 1948.5`:                      true,
		`year = 1949.0`:                      true,
		`is_good = "true"`:                   true,
		`is_good != true`:                    false,
		`42`:                                 true,
		`"43"`:                               false,
		`title like "sun"`:                   true,
		`title like "SUN%"`:                  true,
		`title like "%sun"`:                  false,
		`title like "ändern"`:                true,
		`title like "S_nny%"`:                true,
		`title like "s_nny"`:                 false,
		`title like "100\% ä"`:               true,
		`title like "%100\%%"`:               true,
		`title like "%10\%%"`:                false,
		`title < "t"`:                        true,
		`title > "SUN"`:                      true,
		`due > "2026-11-23"`:                 true,
		`due = "2026-11-23T18:20:06+02:00"`:  true,
		`due < 0`:                            false,
		`tags = "a"`:                         true,
		`tags != "a"`:                        false,
		`tags != "z"`:                        true,
		`tags in ("z", "b")`:                 true,
		`tags is null`:                       false,
		`empty = "x"`:                        false,
		`empty != "x"`:                       true,
		`empty < "x"`:                        false,
		`empty >= "x"`:                       false,
		`empty in ("x")`:                     false,
		`empty not in ("x")`:                 true,
		`empty like ""`:                      false,
		`empty not like "x"`:                 true,
		`not empty = "x"`:                    true,
		`empty is null and empty = null`:     true,
		`empty is not null or empty != null`: false,
		`payload is not null`:                true,
		`status in ()`:                       false,
		`'in' = 7 and version = 3`:           true,
		`(status = "new" or year = 1949) and not total < 10`: true,
		`owner = 5`: false,
	} {
		if got := Match(checked(t, source), testObject(t)); got != want {
			t.Errorf("%s is %t", source, got)
		}
	}
}

func TestCheckNamesEveryMistake(t *testing.T) {
	source := `statsu = "paid" and status = "payed" and year = "x" and total like "1" and owner.name = "a" and is_good > true and payload = 1 and tags like "a" and due = "soon" and title = true`
	n, err := Parse(source)
	if err != nil {
		t.Fatal(err)
	}
	_, err = Check(n, source, testFields(), nil)
	want := `1:1: unknown field statsu (did you mean status?)
1:30: "payed" is not a choice of "new", "paid", "ready" (did you mean paid?)
1:49: year: "x" is not a decimal
1:57: total is a decimal and can not be used with LIKE (compare it with = < >)
1:76: a filter looks at the fields of the object only, not at owner.name (compare owner itself)
1:97: is_good is true or false and can not be used with > (compare it with = true or = false)
1:116: payload is any value and can not be used with = (only IS NULL and IS NOT NULL)
1:132: tags is a list and can not be used with LIKE (compare its elements with = or IN)
1:156: due: "soon" is not a date
1:175: title: expected text, got true or false`
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
	var one *expr.Error
	if !errors.As(err, &one) || one.Pos != 0 {
		t.Errorf("no single error in %T", err)
	}
}

func TestTemplatesAreBoundAsValues(t *testing.T) {
	values := map[string]any{
		" object.owner ": "anna", "vars.list": []any{"new", nil, "paid"}, "vars.none": nil, "evil": `x" OR id != "`, "evil%": "%", "n": int64(1949), "bad": "x", "all": []any{},
	}
	bind := func(source string) (any, error) {
		v, ok := values[source]
		if !ok {
			return nil, fmt.Errorf("no %s", source)
		}
		return v, nil
	}
	for source, want := range map[string]string{
		`owner = {{ object.owner }}`:       `owner = "anna" true`,
		`owner = "{{ object.owner }}"`:     `owner = "anna" true`,
		`{{ object.owner }}`:               `id = "anna" false`,
		`status in {{vars.list}}`:          `status IN ("new", "paid") true`,
		`status in ("x", {{vars.list}})`:   ``,
		`status in ({{vars.none}})`:        `status IN () false`,
		`owner = {{vars.none}}`:            `owner IS NULL false`,
		`owner != {{vars.none}}`:           `owner IS NOT NULL true`,
		`not year < {{vars.none}}`:         `NOT year IN () true`,
		`owner = {{evil}}`:                 `owner = "x\" OR id != \"" false`,
		`owner = {{all}}`:                  `owner: a list is compared with IN`,
		`status not in {{all}}`:            `NOT status IN () true`,
		`year = {{n}}`:                     `year = 1949 true`,
		`year = {{bad}}`:                   `year: "x" is not a decimal`,
		`tags = "a" and owner={{missing}}`: `no missing`,
	} {
		n, err := ParseTemplate(source)
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		again, err := ParseTemplate(n.String())
		if err != nil || again.String() != n.String() {
			t.Errorf("%s parses again as %v, %v", n, again, err)
		}
		n, err = Check(n, source, testFields(), nil)
		if err != nil {
			if want != "" {
				t.Errorf("%s: %v", source, err)
			}
			continue
		}
		if len(n.Templates()) != 1 {
			t.Errorf("%s has the templates %v", source, n.Templates())
		}
		bound, err := Bind(n, nil, bind)
		got := fmt.Sprint(err)
		if err == nil {
			got = fmt.Sprint(bound, " ", Match(bound, testObject(t)))
		}
		if got != want {
			t.Errorf("%s\n got %s\nwant %s", source, got, want)
		}
	}
	if _, err := ParseTemplate(`owner = "a {{ b }}"`); err == nil || !strings.Contains(err.Error(), "either text or one {{ }}") {
		t.Errorf("got %v", err)
	}
}

func TestFoldIsStable(t *testing.T) {
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if f := foldRune(r); foldRune(f) != f {
			t.Fatalf("%q folds to %q and then to %q", r, f, foldRune(f))
		}
	}
	for _, pair := range [][2]string{{"ÄÖÜ", "äöü"}, {"ПРИВЕТ", "привет"}, {"ΣΊΣΥΦΟΣ", "σίσυφος"}, {"K", "k"}, {"abc", "ABC"}} {
		if Fold(pair[0]) != Fold(pair[1]) {
			t.Errorf("%s folds to %s, %s to %s", pair[0], Fold(pair[0]), pair[1], Fold(pair[1]))
		}
	}
}

// sqlLike is what LIKE … ESCAPE '\' means on a store, by way of a regular expression.
func sqlLike(s, pattern string) bool {
	var b strings.Builder
	escaped := false
	for _, r := range pattern {
		switch {
		case escaped:
			b.WriteString(regexp.QuoteMeta(string(r)))
			escaped = false
		case r == '\\':
			escaped = true
		case r == '%':
			b.WriteString("(?s:.*)")
		case r == '_':
			b.WriteString("(?s:.)")
		default:
			b.WriteString(regexp.QuoteMeta(string(r)))
		}
	}
	return regexp.MustCompile("^(?:" + b.String() + ")$").MatchString(s)
}

func TestPatternMeansWhatMatchDoes(t *testing.T) {
	letters := rapid.RuneFrom([]rune(`aAbBÄä%_\ `))
	rapid.Check(t, func(t *rapid.T) {
		text, value := rapid.StringOf(letters).Draw(t, "text"), rapid.StringOf(letters).Draw(t, "value")
		if got, want := sqlLike(Fold(text), Pattern(value)), like(text, value); got != want {
			t.Fatalf("%q like %q is %t by the pattern %q, %t by Match", text, value, got, Pattern(value), want)
		}
	})
}

func FuzzFilter(f *testing.F) {
	for _, source := range []string{
		`(title like "sun" AND year < 1950) OR is_good = "true"`, `42`, `'title' like 'sun'`, `a not in ("x", 1, true) and b is not null`, `owner = {{ object.owner }}`,
		`not (a = 1 or not b != "\"\\\n\%")`, `a = "{{ x["}}"] }}"`, `a in {{ vars.list }}`, `'a b' = .5e-3`, `' ' <> -1`,
	} {
		f.Add(source)
	}
	f.Fuzz(func(t *testing.T, source string) {
		for _, parse := range []func(string) (*Node, error){Parse, ParseTemplate} {
			n, err := parse(source)
			if err != nil {
				var e *expr.Error
				if !errors.As(err, &e) || e.Pos < 0 || e.Pos > len(source) {
					t.Errorf("a bad error: %#v", err)
				}
				continue
			}
			written := n.String()
			if len(written) > MaxSource {
				continue
			}
			again, err := parse(written)
			if err != nil || !equalTrees(n, again) {
				t.Errorf("%q is written %q, which is %v, %v", source, written, again, err)
			}
			if c, err := Check(n, source, testFields(), nil); err == nil {
				Match(c, testObject(t))
			}
		}
	})
}

func equalTrees(a, b *Node) bool {
	if a.Op != b.Op || a.Field != b.Field || len(a.Values) != len(b.Values) || len(a.Children) != len(b.Children) {
		return false
	}
	for i := range a.Values {
		if a.Values[i].Any != b.Values[i].Any || a.Values[i].Expression != b.Values[i].Expression {
			return false
		}
	}
	for i := range a.Children {
		if !equalTrees(a.Children[i], b.Children[i]) {
			return false
		}
	}
	return true
}
