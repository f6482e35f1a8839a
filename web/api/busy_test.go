package api_test

import (
	"fmt"
	"testing"

	"github.com/cuelight/cuelight/engine"
	"github.com/cuelight/cuelight/store/sqlite"
)

func TestACountIsExactTo10000(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	orders := func(from, to int) {
		var eff engine.Effects
		for i := from; i < to; i++ {
			eff.Objects = append(eff.Objects, &engine.Object{App: "a", Structure: "Order", ID: fmt.Sprint(i), Version: 1, Data: []byte(`{}`)})
		}
		w.commit("a", eff)
	}
	const list = "/structures/Order/objects?limit=1"
	orders(0, 9_999)
	w.do("GET", list+"&count=true", "").is(200).has("total", "9999", "total_at_least", "absent")
	orders(9_999, 10_000)
	w.do("GET", list+"&count=true", "").is(200).has("total", "10000", "total_at_least", "absent")
	w.do("GET", list+"&count=true&filter=id%20%3D%20%225%22", "").is(200).has("total", "1", "total_at_least", "absent")
	orders(10_000, 10_001)
	w.do("GET", list+"&count=true", "").is(200).has("total", "absent", "total_at_least", "10000")
	w.do("GET", list+"&count=true&filter=id%20%3D%20%225%22", "").is(200).has("total", "1", "total_at_least", "absent")
	w.do("GET", list, "").is(200).has("total", "absent", "total_at_least", "absent")
}

func TestAServerWithAFullDiskReadsAndRefusesToWrite(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.do("POST", "/structures/Order/objects", `{"id":"before"}`).is(201)
	w.do("PUT", "/scenarios/s/draft", cueDoc("s")).is(201)
	w.reopen(sqlite.Options{FreeFloor: 1 << 62}) // no disk has so much free
	for _, c := range []struct{ method, path, body string }{
		{"POST", "/structures/Order/objects", `{"id":"after"}`},
		{"PATCH", "/structures/Order/objects/before", `{"note":"x"}`},
		{"DELETE", "/structures/Order/objects/before", ""},
		{"PUT", "/scenarios/s/draft", cueDoc("s")},
		{"POST", "/scenarios/s/publish", `{}`},
		{"PUT", "/structures/Order2", `{"fields":[]}`},
		{"POST", "/push", `{"to":"*","event":"e"}`},
		{"POST", "/users", `{"id":"bea"}`},
		{"PUT", "/users/anna/password", `{"password":"password"}`},
	} {
		a := w.do(c.method, c.path, c.body).is(507).has("code", "DISK_FULL", "limit", "disk_free_bytes")
		if a.get("cure") == "" {
			t.Errorf("%s does not say what to do", c.path)
		}
	}
	w.do("POST", "/structures/Order/objects:batch", `{"ops":[{"op":"create"}]}`).is(200).has("results.0.status", "507", "results.0.error.limit", "disk_free_bytes")
	w.do("GET", "/structures/Order/objects/before", "").is(200).has("version", "1")
	w.do("GET", "/structures/Order/objects/after", "").is(404)
	w.do("GET", "/changes", "").is(200)
	// With room again everything goes on, without a hand on it.
	w.reopen(sqlite.Options{})
	w.do("POST", "/structures/Order/objects", `{"id":"after"}`).is(201)
	w.do("POST", "/scenarios/s/publish", `{"start":true}`).is(200)
}
