package api_test

import (
	"fmt"
	"strings"
	"testing"
)

func TestASecretIsWrittenAndNeverReadBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.do("PUT", "/secrets/crm", `{"value":"the canary"}`).is(422).has("fields.0.path", "hosts")
	w.do("PUT", "/secrets/crm", `{"value":"the canary","hosts":["api.example.com"],"notes":"for the shop"}`).is(201).has("set", "true")
	w.do("PUT", "/secrets/crm", `{"value":"the canary","hosts":["*.example.com"]}`).is(200).has("set", "true", "hosts.0", "*.example.com", "notes", "for the shop")
	changed := w.do("PUT", "/secrets/crm", `{"hosts":["api.example.com"]}`).is(200).has("set", "true", "hosts.0", "api.example.com")
	for _, path := range []string{"/secrets", "/secrets/crm"} {
		if got := w.do("GET", path, "").is(200); strings.Contains(got.body, "canary") || strings.Contains(got.body, "value") || strings.Contains(got.body, "sealed") {
			t.Errorf("%s answered %s", path, got.body)
		}
	}
	w.do("PUT", "/secrets/crm", `{"notes":"x"}`, "If-Match", `"1"`).is(412)
	w.do("PUT", "/secrets/crm", `{"notes":"x"}`, "If-Match", changed.header.Get("ETag")).is(200)
	for body, path := range map[string]string{
		`{"value":"abc","hosts":["a.example"]}`: "value", `{"value":"abcdef","hosts":["https://a.example/x"]}`: "hosts[0]", `{"value":"abcdef","hosts":["*"]}`: "hosts[0]",
	} {
		if got := w.do("PUT", "/secrets/bad", body).is(422).has("fields.0.path", path); strings.Contains(got.body, "abc") {
			t.Errorf("the refusal echoes the value: %s", got.body)
		}
	}
	w.do("PUT", "/secrets/bad-name", `{"value":"abcdef","hosts":["a.example"]}`).is(422).has("fields.0.path", "id")
	w.do("GET", "/secrets/none", "").is(404).has("code", "SECRET_NOT_FOUND")
	w.do("DELETE", "/secrets/none", "").is(404)
	w.do("DELETE", "/secrets/crm", "").is(204)
	if strings.Contains(w.log.String(), "canary") {
		t.Errorf("the log tells the secret: %s", w.log)
	}
}

func TestAConstantIsAValueByName(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.do("PUT", "/constants/vat", `{"value":1.210,"notes":"per cent"}`).is(201).has("value", "1.210")
	w.do("PUT", "/constants/vat", `{"value":1.22}`).is(200).has("value", "1.22", "notes", "absent")
	w.do("PUT", "/constants/open", `{"value":{"from":"9:00"}}`).is(201)
	w.do("GET", "/constants", "").is(200).has("items.0.id", "open", "items.0.value.from", "9:00", "items.1.id", "vat")
	w.do("PUT", "/constants/none", `{"value":null}`).is(422).has("fields.0.path", "value")
	w.do("PUT", "/constants/none", `{}`).is(422).has("fields.0.path", "value")
	w.do("PUT", "/constants/long", `{"value":"`+strings.Repeat("x", 17<<10)+`"}`).is(422).has("limit", "constant_bytes")
	w.do("PUT", "/scenarios/uses/draft", `{"triggers":[],"steps":[{"id":"p","kind":"push","to":"*","event":"{{ const.open.from }}"}]}`).is(201).has("problems", "[]")
	w.do("POST", "/scenarios/uses/publish", `{"start":true}`).is(200)
	w.do("DELETE", "/constants/open", "").is(409).has("code", "CONSTANT_IN_USE")
	w.do("PUT", "/constants/open", `{"value":7}`).is(409).has("code", "CONSTANT_IN_USE", "fields.0.path", "value")
	w.do("DELETE", "/constants/vat", "").is(204)
	w.do("GET", "/constants/vat", "").is(404).has("code", "CONSTANT_NOT_FOUND")
}

// Whoever may write scenarios could add a host of his own and have the secret sent there.
func TestANewHostNeedsTheSecretAgain(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		const path = "/api/v1/apps/a/secrets/crm"
		w.do("PUT", "/secrets/crm", `{"hosts":["crm.example.com"]}`).is(201)
		w.do("PUT", "/secrets/crm", `{"hosts":["api.example.com","*.example.org"]}`).is(200).has("set", "false") // there is nothing to send yet
		w.do("PUT", "/secrets/crm", `{"value":"the canary"}`).is(200)
		for _, hosts := range []string{
			`["api.example.com","evil.example.net"]`, `["evil.example.net"]`, `["http://api.example.com"]`, `["api.example.com:8443"]`, `["*.example.com"]`, `["*.org.example.org.evil.net"]`, `["example.org"]`,
		} {
			for _, who := range []string{"a/all", "a/scenarios:write", "builder"} {
				got := w.as(who, "PUT", path, `{"hosts":`+hosts+`}`).is(422).has("fields.0.code", "VALUE_REQUIRED", "fields.0.path", "value")
				if strings.Contains(got.body, "evil") {
					t.Errorf("the refusal repeats what was sent: %s", got.body)
				}
			}
		}
		w.do("GET", "/secrets/crm", "").is(200).has("hosts.0", "api.example.com", "hosts.1", "*.example.org")
		w.do("PUT", "/secrets/crm", `{"hosts":["x.example.org","*.y.example.org","API.example.com:443"]}`).is(200).has("set", "true") // it went there before
		w.do("PUT", "/secrets/crm", `{"hosts":["x.example.org"],"notes":"x"}`).is(200)
		w.do("PUT", "/secrets/crm", `{"hosts":["*.example.org"]}`).is(422).has("fields.0.code", "VALUE_REQUIRED")
		w.do("PUT", "/secrets/crm", `{"hosts":["*.example.org"],"value":"the parrot"}`).is(200)
		for i, who := range []string{"a/admin", "*/admin", "admin"} {
			w.as(who, "PUT", path, fmt.Sprintf(`{"hosts":["new%d.example.net"]}`, i)).is(200).has("set", "true")
		}
		// A secret that is deleted takes its value along.
		w.do("DELETE", "/secrets/crm", "").is(204)
		w.do("PUT", "/secrets/crm", `{"hosts":["evil.example.net"]}`).is(201).has("set", "false")
	})
}
