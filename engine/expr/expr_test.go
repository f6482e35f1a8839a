package expr

import (
	"errors"
	"strings"
	"testing"
	"time"
)

var testNow = time.Date(2026, 11, 23, 16, 20, 6, 123_000_000, time.UTC)

func testScope() *Scope {
	order := ObjectOf(map[string]Type{
		"number": {Kind: KindString}, "status": {Kind: KindString, Options: []string{"new", "paid", "ready", "shipped"}},
		"total": {Kind: KindDecimal}, "count": {Kind: KindInt}, "owner": {Kind: KindString, Link: "User"},
		"urgent": {Kind: KindBool}, "due": {Kind: KindTime}, "payload": {Kind: KindJSON}, "note": {Kind: KindString},
		"tags": ListOf(Type{Kind: KindString}), "message": {Kind: KindString}, "empty": {Kind: KindInt},
	})
	return &Scope{Object: &order, Names: map[string]Type{
		"before": order, "changed": ListOf(Type{Kind: KindString}),
		"vars": MapOf(map[string]Type{"x": {Kind: KindInt}, "name": {Kind: KindString}, "any": Any}),
		"user": ObjectOf(map[string]Type{"name": {Kind: KindString}}), "message": {Kind: KindMap},
		"steps":   MapOf(map[string]Type{"get": MapOf(map[string]Type{"status": {Kind: KindInt}, "body": {Kind: KindJSON}})}),
		"const":   MapOf(map[string]Type{"rate": {Kind: KindDecimal}}),
		"webhook": {Kind: KindJSON}, "missing": {Kind: KindMap},
	}}
}

func dec(t testing.TB, s string) Decimal {
	t.Helper()
	d, err := ParseDecimal(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func testEnv(t testing.TB) Env {
	order := map[string]any{
		"id": "1042", "version": int64(3), "created_at": testNow.Add(-time.Hour), "number": "1042", "status": "paid", "total": dec(t, "112.50"), "count": int64(3), "owner": "anna",
		"urgent": true, "due": testNow.AddDate(0, 0, 2), "note": "say \"hi\" {{1+1}}", "tags": []any{"a", "b"}, "message": "field",
		"payload": map[string]any{"n": int64(5), "s": "5", "list": []any{int64(1), int64(2), int64(3)}, "d": dec(t, "1.5")},
	}
	return Env{Now: testNow, Names: map[string]any{
		"object": order, "before": map[string]any{"status": "new", "total": dec(t, "100")}, "changed": []any{"status", "total"},
		"vars": map[string]any{"x": int64(7), "name": "Ada", "any": "text"}, "user": map[string]any{"name": "Anna"},
		"message": map[string]any{"text": "hello"}, "steps": map[string]any{"get": map[string]any{"status": int64(200), "body": map[string]any{"ok": true}}},
		"const": map[string]any{"rate": dec(t, "0.21")}, "webhook": nil,
	}}
}

func TestExpressionsYield(t *testing.T) {
	for source, want := range map[string]string{
		`object.total > 100`:                             "true",
		`object.total > 100 and object.status == "paid"`: "true",
		`number`:                             "1042",
		`status in ["paid", "ready"]`:        "true",
		`status not in ["paid", "ready"]`:    "false",
		`object.owner == "anna"`:             "true",
		`object.empty == null`:               "true",
		`object.empty != null`:               "false",
		`object.empty == nil`:                "true",
		`object.empty > 1`:                   "false",
		`object.empty <= 1`:                  "false",
		`null == null`:                       "true",
		`not (object.empty == 3)`:            "true",
		`object.empty ?? 4`:                  "4",
		`(object.empty ?? 4) + 1`:            "5",
		`count + 1`:                          "4",
		`total * 2`:                          "225.00",
		`total + count`:                      "115.50",
		`7 / 2`:                              "3.5",
		`6 / 2`:                              "3",
		`1 / 3`:                              "0.3333333333333333333333333333333333",
		`-7 % 3`:                             "-1",
		`0.1 + 0.2`:                          "0.3",
		`0.1 + 0.2 == 0.3`:                   "true",
		`1.2345678901234567890123456789 * 1`: "1.2345678901234567890123456789",
		`12.50`:                              "12.50",
		`1_000.5`:                            "1000.5",
		`-total`:                             "-112.50",
		`+count`:                             "3",
		`"Order " + number`:                  "Order 1042",
		`before.status != object.status`:     "true",
		`object.total - before.total`:        "12.50",
		`"status" in changed`:                "true",
		`ContextVar.x + 1`:                   "8",
		`WebUser.name`:                       "Anna",
		`GlobalVar.rate`:                     "0.21",
		`steps.get.status == 200 && steps.get.body.ok`: "true",
		`message.text`:                                    "hello",
		`object.message`:                                  "field",
		`$env.message.text`:                               "hello",
		`webhook.a.b.c`:                                   "",
		`missing.a?.b`:                                    "",
		`object["number"]`:                                "1042",
		`object.payload.list[1]`:                          "2",
		`object.payload.list[-1]`:                         "3",
		`object.payload.list[9]`:                          "",
		`object.payload.list[1:]`:                         "[2,3]",
		`object.payload.n == "5"`:                         "false",
		`object.payload.n + 1`:                            "6",
		`object.payload.nothing == null`:                  "true",
		`object.due > now()`:                              "true",
		`object.due > date("2026-11-23")`:                 "true",
		`object.due.day`:                                  "25",
		`object.due.addDays(-1).day`:                      "24",
		`now()`:                                           "2026-11-23T16:20:06.123Z",
		`now().format("DD.MM.YYYY at HH:mm")`:             "23.11.2026 at 16:20",
		`urgent ? "now" : "later"`:                        "now",
		`object.urgent ?: false`:                          "true",
		`let x = count * 2; x + 1`:                        "7",
		`object.note contains "hi"`:                       "true",
		`number startsWith "10" and number endsWith "42"`: "true",
		`number matches "^[0-9]+$"`:                       "true",
		`any(tags, # == "a")`:                             "true",
		`sum(payload.list)`:                               "6",
		`map(payload.list, # * 2)`:                        "[2,4,6]",
		`payload.list | filter(# > 1) | count()`:          "2",
		`{"a": count, "b": [total, null]}`:                `{"a":3,"b":["112.50",null]}`,
		`1 < count < 5`:                                   "true",
		`"{{"`:                                            "{{",
		`if urgent { "u" } else { "n" }`:                  "u",
		`tags == ["a", "b"]`:                              "true",
		`webhook.list ?? []`:                              "[]",
		`len(1..10)`:                                      "10",
		`owner.upper()`:                                   "ANNA",
		`max(count, total)`:                               "112.50",
		`count(webhook.items)`:                            "0",
		`round(total / 7, 2)`:                             "16.07",
		`round(total)`:                                    "113",
	} {
		t.Run(source, func(t *testing.T) {
			p, err := Compile(source, testScope(), Any)
			if err != nil {
				t.Fatal(err)
			}
			v, err := p.Eval(testEnv(t), nil)
			if err != nil {
				t.Fatal(err)
			}
			got, err := Text(v)
			if err != nil || got != want {
				t.Errorf("got %q, %v; want %q", got, err, want)
			}
		})
	}
}

func TestCompileRefuses(t *testing.T) {
	for source, want := range map[string]string{
		`object.statuss == "paid"`:       `1:8: unknown field statuss of object (did you mean status?)`,
		`statsu == "paid"`:               `1:1: unknown name statsu (did you mean status?)`,
		`object.status == "payed"`:       `1:15: "payed" is not a choice of "new", "paid", "ready", "shipped" (did you mean paid?)`,
		`object.status in ["payed"]`:     `did you mean paid?`,
		`object.total == "100"`:          `a decimal and text can not be compared (write the number without quotes)`,
		`object.number == 5`:             `text and a number can not be compared (put the number in quotes)`,
		`object.due > "2026-01-01"`:      `write date("2026-01-01")`,
		`object.urgent == "true"`:        `write true or false without quotes`,
		`object.owner.name`:              `object.owner is a link to User, and links are not followed here (compare its id)`,
		`owner.name`:                     `object.owner is a link to User`,
		`message`:                        `message is a field of object and a name of the language (write object.message for the field, $env.message for the other)`,
		`item`:                           `item is not known here (only in the steps of a loop)`,
		`secret.key`:                     `secret is not known here`,
		`object.number.length`:           `write len(object.number)`,
		`object.tags.name`:               `map(object.tags, .name)`,
		`object.number + 1`:              `string(…) makes text of a value`,
		`object.due + 1`:                 `use .addDays(…)`,
		`2 ** 3`:                         `powers are not part of the language`,
		`1.5 % 2`:                        `% takes whole numbers`,
		`9007199254740993`:               `±2^53`,
		`count = 3`:                      `write ==`,
		`uper(number)`:                   `unknown function uper (did you mean upper?)`,
		`upper(number, 1)`:               `write upper(text)`,
		`upper(count)`:                   `upper takes text, got a number`,
		`upper`:                          `write upper(…)`,
		`not count == 3`:                 `not (…)`,
		`__tick`:                         `names do not start with __`,
		`count and urgent`:               `expected true or false, got a number`,
		`vars.y`:                         `unknown field y of vars`,
		`date("yesterday")`:              `"yesterday" is not a date`,
		`"a" in number`:                  `write … contains …`,
		`tags contains "a"`:              `write value in list`,
		`#`:                              ``,
		`count +`:                        `ends too early`,
		``:                               `empty`,
		`repeat("a", 3)`:                 `unknown function repeat`,
		`number matches "(("`:            `pattern is wrong`,
		`1; 2`:                           `one value`,
		`let object = 1; object`:         `name of the language`,
		`number ?? "a" + "b"`:            `put parentheses around it`,
		strings.Repeat("(", 1_000_000):   `at most 4096 bytes`,
		strings.Repeat("(", 4000):        `nested more than 64 deep`,
		strings.Repeat("1+", 1000) + "1": `more than 1000 parts`,
	} {
		t.Run(source[:min(len(source), 30)], func(t *testing.T) {
			_, err := Compile(source, testScope(), Any)
			if err == nil {
				t.Fatal("compiled")
			}
			if _, ok := errors.AsType[*Error](err); !ok {
				t.Errorf("the error is a %T", err)
			}
			if !strings.Contains(err.Error(), want) {
				t.Errorf("got  %s\nwant %s", err, want)
			}
		})
	}
}

func TestEvalRefuses(t *testing.T) {
	for source, want := range map[string]string{
		`object.empty + 1`:                    `1:14: object.empty is null (say what to use instead: (object.empty ?? 0))`,
		`-empty`:                              `object.empty is null`,
		`1 / (count - 3)`:                     `division by zero`,
		`1 % (count - 3)`:                     `division by zero`,
		`9007199254740992 + count`:            `±2^53`,
		`9007199254740992 * 9007199254740992`: `±2^53`,
		`decimal("9999999999999999999999999999999999") * 10`: `34 digits`,
		`payload.s > 3`:           `text can not be compared with a number`,
		`payload.s + 1`:           `text and a number can not be used with +`,
		`int(number + "x")`:       `the text is not a whole number`,
		`payload.n and true`:      `expected true or false, got a number`,
		`due.addDays(9000000)`:    `outside the years`,
		`upper(payload.n)`:        `upper takes text, got a number`,
		`filter(payload.n, true)`: `filter takes a list, got a number`,
	} {
		t.Run(source, func(t *testing.T) {
			p, err := Compile(source, testScope(), Any)
			if err != nil {
				t.Fatal(err)
			}
			_, err = p.Eval(testEnv(t), nil)
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got  %v\nwant %s", err, want)
			}
		})
	}
}
