package storetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/cuelight/cuelight/engine"
	"github.com/cuelight/cuelight/engine/expr"
	"github.com/cuelight/cuelight/engine/filter"
)

var readCases = map[string]func(*testing.T, engine.Store){
	"Objects/ValuesSurvive": valuesSurvive,
	"Ping/Answers": func(t *testing.T, s engine.Store) {
		if err := s.Ping(t.Context()); err != nil {
			t.Error(err)
		}
	},
}

var objectCases = map[string]func(*testing.T, engine.Store){
	"Query/FiltersFindWhatTheySay":       filters,
	"Query/PagesFollowOneAnother":        pages,
	"Query/CountsExactlyUpToALimit":      counts,
	"Query/RefusesWrongCursorsAndSorts":  wrongPages,
	"Query/AnotherAppsObjectsAreNotSeen": otherApps,
}

const ordersDoc = `{"kind": "structure", "id": "Order", "fields": [
	{"id": "n", "type": "number", "indexed": true}, {"id": "pn", "type": "number"},
	{"id": "total", "type": "decimal", "indexed": true}, {"id": "ptotal", "type": "decimal"},
	{"id": "name", "type": "string", "indexed": true}, {"id": "note", "type": "string"},
	{"id": "status", "type": "string", "options": ["new", "paid"]}, {"id": "due", "type": "date"}, {"id": "pdue", "type": "date", "indexed": false},
	{"id": "ok", "type": "boolean", "indexed": true}, {"id": "pok", "type": "boolean"},
	{"id": "owner", "type": "link", "structure": "User"}, {"id": "extra", "type": "json"},
	{"id": "tags", "type": "links", "structure": "User"}, {"id": "ptags", "type": "links", "structure": "User", "indexed": false}]}`

// Orders is a structure with an indexed and a plain field of each type.
func Orders(t testing.TB) *engine.Structure { return orders(t) }

func orders(t testing.TB) *engine.Structure {
	t.Helper()
	s, err := engine.ParseStructure([]byte(ordersDoc))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Filter parses and checks a filter on a structure.
func Filter(s *engine.Structure, source string) (*filter.Node, error) {
	kinds := map[engine.FieldType]expr.Kind{
		engine.TypeString: expr.KindString, engine.TypeLink: expr.KindString, engine.TypeLinks: expr.KindList, engine.TypeNumber: expr.KindInt, engine.TypeDecimal: expr.KindDecimal,
		engine.TypeBoolean: expr.KindBool, engine.TypeDate: expr.KindTime, engine.TypeJSON: expr.KindMap,
	}
	fields := map[string]filter.Field{}
	for _, f := range s.Fields {
		fields[f.ID] = filter.Field{Kind: kinds[f.Type], Options: f.Options}
	}
	n, err := filter.Parse(source)
	if err != nil {
		return nil, err
	}
	return filter.Check(n, source, fields, nil)
}

func parsed(t testing.TB, s *engine.Structure, source string) *filter.Node {
	t.Helper()
	n, err := Filter(s, source)
	if err != nil {
		t.Fatalf("%s: %v", source, err)
	}
	return n
}

// Put writes objects of Orders as an engine would, with their index; each is a JSON object with its id.
func Put(t testing.TB, s engine.Store, docs ...string) {
	t.Helper()
	structure := orders(t)
	var ops []engine.Op
	for _, doc := range docs {
		var raw map[string]json.RawMessage
		var id string
		if err := errors.Join(json.Unmarshal([]byte(doc), &raw), json.Unmarshal(raw["id"], &id)); err != nil {
			t.Fatalf("%s: %v", doc, err)
		}
		delete(raw, "id")
		data, _ := json.Marshal(raw)
		values, err := structure.Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		if data, err = structure.Encode(values); err != nil {
			t.Fatal(err)
		}
		ops = append(ops, write(&engine.Object{Structure: "Order", ID: id, Data: data, Index: structure.Index(values)}))
	}
	must(t, s, ops...)
}

func ids(page engine.ObjectPage) []string {
	list := []string{}
	for _, o := range page.Items {
		list = append(list, o.ID)
	}
	return list
}

func valuesSurvive(t *testing.T, s engine.Store) {
	doc := `{"id": "1", "n": 9007199254740991, "pn": -9007199254740991, "total": "1234567890123456789012345678901.234", "ptotal": "-0.0000000000000000000000000000000001",
		"name": "Ünïcødé 😀 \u2028 \" \\ Щ", "note": "a\tb\n", "due": "2026-11-23T16:20:06.123Z", "ok": true, "extra": {"b": [1.50, 1e3, null, {"x": "y"}], "a": 12345678901234567890123456789012.34}}`
	Put(t, s, doc)
	structure := orders(t)
	var raw map[string]json.RawMessage
	_ = json.Unmarshal([]byte(doc), &raw)
	want, err := structure.Decode([]byte(doc))
	if err != nil {
		t.Fatal(err)
	}
	got, err := structure.Decode(object(t, s, "1").Data)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range structure.Fields {
		a, _ := expr.Text(want[f.ID])
		b, _ := expr.Text(got[f.ID])
		if a != b || (want[f.ID] == nil) != (got[f.ID] == nil) {
			t.Errorf("%s came back as %v, was %v", f.ID, got[f.ID], want[f.ID])
		}
	}
}

var long = strings.Repeat("я", 200)

func examples(t testing.TB, s engine.Store) {
	Put(t, s,
		`{"id": "a", "n": 1, "pn": 1, "total": "1.50", "ptotal": "1.50", "name": "Anna", "note": "Anna", "status": "new", "due": "2026-01-01T00:00:00.000Z", "pdue": "2026-01-01T00:00:00.000Z", "ok": true, "pok": true, "owner": "u1", "extra": [],
			"tags": ["u1", "u2"], "ptags": ["u1", "u2"]}`,
		`{"id": "b", "n": -5, "pn": -5, "total": "-10", "ptotal": "-10", "name": "anna", "note": "anna", "status": "paid", "due": "2026-01-01T00:00:00.001Z", "pdue": "2026-01-01T00:00:00.001Z", "ok": false, "pok": false, "owner": "u2", "extra": {"x": 1},
			"tags": ["u2"], "ptags": ["u2"]}`,
		`{"id": "c", "n": 9007199254740991, "pn": 9007199254740991, "total": "1.500000000000000000000000000000001", "ptotal": "1.500000000000000000000000000000001", "name": "ЩУКА 100%", "note": "ЩУКА 100%", "extra": "[]", "tags": ["U1", "u3"], "ptags": ["U1", "u3"]}`,
		`{"id": "d"}`,
		`{"id": "e", "name": "`+long+`a", "note": "`+long+`a"}`,
		`{"id": "f", "name": "`+long+`B", "note": "`+long+`B"}`,
		`{"id": "g", "name": "", "note": "", "total": "0", "ptotal": "0.00"}`,
	)
}

func filters(t *testing.T, s engine.Store) {
	examples(t, s)
	structure := orders(t)
	for source, want := range map[string]string{
		`n = 1`: "a", `n != 1`: "b c d e f g", `NOT n = 1`: "b c d e f g", `n > 0.5`: "a c", `n >= 1.5`: "c", `n < 1`: "b", `n <= 9007199254740991`: "a b c", `n = 1.5`: "",
		`n IN (1, -5)`: "a b", `n IS NULL`: "d e f g", `n IS NOT NULL`: "a b c",
		`total = "1.5"`: "a", `total > 1.5`: "c", `total >= 1.50`: "a c", `total < 0`: "b", `total <= 0`: "b g", `total = 0.000`: "g", `total != 1.5`: "b c d e f g",
		`name = "Anna"`: "a", `name = "ANNA"`: "", `name like "ANN"`: "a b", `name like "щука"`: "c", `name like "%100\%"`: "c", `name like "a%"`: "a b", `name like "%"`: "a b c e f g",
		`name < "anna"`: "g", `name <= "ANNA"`: "a b g", `name > "anna"`: "c e f", `name = ""`: "g", `name IS NULL`: "d",
		`name = "` + long + `a"`: "e", `name > "` + long + `a"`: "f", `name >= "` + long + `A"`: "e f", `name < "` + long + `b"`: "a b c e g", `name > "` + long + `"`: "e f",
		`status = "new" OR status = "paid"`: "a b", `status != "new"`: "b c d e f g", `status in ("new") and ok = true`: "a", `status in ()`: "", `not status in ()`: "a b c d e f g",
		`due = "2026-01-01"`: "a", `due > "2026-01-01"`: "b", `due >= "2026-01-01"`: "a b", `due <= "2026-01-01T00:00:00.0005Z"`: "a", `due < "2026-01-01T00:00:00.001Z"`: "a",
		`ok = true`: "a", `ok != true`: "b c d e f g", `ok = false`: "b", `owner = "u1"`: "a", `extra is null`: "a d e f g", `extra is not null`: "b c",
		`id = "a" or id > "e"`: "a f g", `id in ("b", "zz")`: "b", `version = 1 and id like "A"`: "a", `created_at > "2020-01-01"`: "a b c d e f g", `changed_by = ""`: "a b c d e f g",
		`tags = "u1"`: "a", `tags = "U1"`: "c", `tags = "u2"`: "a b", `tags != "u2"`: "c d e f g", `tags in ("u1", "u3")`: "a c", `not tags in ("u1", "u3")`: "b d e f g",
		`tags in ()`: "", `tags is null`: "d e f g", `tags is not null`: "a b c", `tags = "u2" and tags = "u1"`: "a", `tags = "u"`: "",
		`not (n = 1 or name = "anna") and n is not null`: "c",
	} {
		sources := []string{source}
		plain := strings.NewReplacer("in (", "in (", "n ", "pn ", "total", "ptotal", "name", "note", "due", "pdue", "ok ", "pok ", "tags", "ptags").Replace(source)
		if !strings.Contains(source, "in (\"b\"") && !strings.Contains(source, "version") {
			sources = append(sources, plain)
		}
		for _, source := range sources {
			page, err := s.Objects(t.Context(), engine.ObjectQuery{App: app, Structure: structure, Filter: parsed(t, structure, source), Limit: 100})
			if err != nil || strings.Join(ids(page), " ") != want {
				t.Errorf("%.80s finds %v, %v; want %s", source, ids(page), err, want)
			}
		}
	}
}

func pages(t *testing.T, s engine.Store) {
	examples(t, s)
	structure := orders(t)
	for _, c := range []struct {
		sort []engine.SortKey
		want string
	}{
		{nil, "a b c d e f g"},
		{[]engine.SortKey{{Field: "id", Descending: true}}, "g f e d c b a"},
		{[]engine.SortKey{{Field: "n"}}, "b a c d e f g"},
		{[]engine.SortKey{{Field: "n", Descending: true}}, "c a b d e f g"},
		{[]engine.SortKey{{Field: "total"}}, "b g a c d e f"},
		{[]engine.SortKey{{Field: "total", Descending: true}, {Field: "id", Descending: true}}, "c a g b f e d"},
		{[]engine.SortKey{{Field: "name"}}, "g a b c e f d"},
		{[]engine.SortKey{{Field: "ok"}, {Field: "name", Descending: true}}, "b a e f c g d"},
		{[]engine.SortKey{{Field: "version"}, {Field: "created_by"}, {Field: "due", Descending: true}}, "b a c d e f g"},
	} {
		for limit := 1; limit <= 8; limit++ {
			var all []string
			for after, n := "", 0; ; n++ {
				page, err := s.Objects(t.Context(), engine.ObjectQuery{App: app, Structure: structure, Sort: c.sort, Limit: limit, After: after})
				if err != nil || n > 10 {
					t.Fatalf("%v by %d: page %d: %v", c.sort, limit, n, err)
				}
				all = append(all, ids(page)...)
				if after = page.Next; after == "" {
					break
				}
			}
			if got := strings.Join(all, " "); got != c.want {
				t.Errorf("%v by %d: %s, want %s", c.sort, limit, got, c.want)
			}
		}
	}
}

func counts(t *testing.T, s engine.Store) {
	examples(t, s)
	structure := orders(t)
	page, err := s.Objects(t.Context(), engine.ObjectQuery{App: app, Structure: structure, Filter: parsed(t, structure, `n is not null`), Limit: 1, Count: true})
	if err != nil || page.Total != 3 || page.AtLeast || page.Next == "" {
		t.Errorf("%+v, %v", page, err)
	}
	if testing.Short() {
		return
	}
	for at := 0; at <= engine.CountExact; at += 1000 {
		var e engine.Effects
		for i := at; i < at+1000; i++ {
			e.Objects = append(e.Objects, &engine.Object{App: "big", Structure: "Order", ID: fmt.Sprintf("%05d", i), Version: 1, Data: []byte(`{}`)})
		}
		if r := s.Commit(t.Context(), []engine.Op{{ID: engine.OpID(fmt.Sprint(at)), App: "big", Decide: func(*engine.Loaded) (engine.Effects, error) { return e, nil }}}); r[0].Err != nil {
			t.Fatal(r[0].Err)
		}
	}
	page, err = s.Objects(t.Context(), engine.ObjectQuery{App: "big", Structure: structure, Limit: 1, Count: true})
	if err != nil || page.Total != engine.CountExact || !page.AtLeast {
		t.Errorf("of 11,000: %d, %t, %v", page.Total, page.AtLeast, err)
	}
}

func wrongPages(t *testing.T, s engine.Store) {
	examples(t, s)
	structure := orders(t)
	q := engine.ObjectQuery{App: app, Structure: structure, Sort: []engine.SortKey{{Field: "n"}}, Limit: 1}
	page, err := s.Objects(t.Context(), q)
	if err != nil || page.Next == "" {
		t.Fatal(err)
	}
	for i := range page.Next {
		other := byte('A')
		if page.Next[i] == 'A' {
			other = 'B'
		}
		q.After = page.Next[:i] + string(other) + page.Next[i+1:]
		// The last character of base64 has bits that say nothing.
		if _, err := s.Objects(t.Context(), q); !errors.Is(err, engine.ErrInvalid) && i < len(page.Next)-1 {
			t.Errorf("a cursor with another character at %d: %v", i, err)
		}
	}
	q.After, q.Sort = page.Next, nil
	if _, err := s.Objects(t.Context(), q); !errors.Is(err, engine.ErrInvalid) {
		t.Errorf("a cursor of another order: %v", err)
	}
	q.After = ""
	for _, field := range []string{"pn", "nope", "extra", "tags", `n"; DROP TABLE objects; --`} {
		q.Sort = []engine.SortKey{{Field: field}}
		if _, err := s.Objects(t.Context(), q); !errors.Is(err, engine.ErrInvalid) {
			t.Errorf("sorting by %s: %v", field, err)
		}
	}
}

func otherApps(t *testing.T, s engine.Store) {
	examples(t, s)
	structure := orders(t)
	for _, source := range []string{`n != 77`, `n = 1`, `note like "a"`, `id = "a"`} {
		page, err := s.Objects(t.Context(), engine.ObjectQuery{App: "other", Structure: structure, Filter: parsed(t, structure, source), Count: true})
		if err != nil || len(page.Items) != 0 || page.Total != 0 {
			t.Errorf("%s: %v, %v", source, ids(page), err)
		}
	}
}
