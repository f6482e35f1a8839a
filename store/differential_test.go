package store

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/cuelight/cuelight/engine"
	"github.com/cuelight/cuelight/engine/filter"
	"github.com/cuelight/cuelight/store/storetest"
)

// words are texts that folding, patterns, prefixes and escapes can be wrong about.
var words = []string{
	"", "a", "A", "aa", "Ab", "ß", "ẞ", "É", "é", "ЩУКА", "щука", "ς", "Σ", "İ", "i", "%", "_", `\`, "a%b", "😀", "K", "'", `"`, "null", "[]",
	strings.Repeat("a", 252), strings.Repeat("a", 253), strings.Repeat("a", 300), strings.Repeat("A", 300) + "b", strings.Repeat("a", 254) + "é", strings.Repeat("a", 255) + "ё", strings.Repeat("a", 254) + "€",
}

var decimals = []string{"0", "-0.0", "1.5", "1.50", "-1.5", "0.1", "0.10000000000000000000000000000001", "1234567890123456789012345678901.5", "-1234567890123456789012345678901.5", "9007199254740993", "10", "9"}

var numbers = []int64{0, 1, -1, 2, 9, 10, 9007199254740991, -9007199254740991}

var dates = []string{"2026-01-01T00:00:00.000Z", "2026-01-01T00:00:00.001Z", "1969-12-31T23:59:59.999Z", "0001-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999Z"}

// TestFiltersMeanTheSameEverywhere compares both stores with filter.Match.
func TestFiltersMeanTheSameEverywhere(t *testing.T) {
	t.Parallel()
	structure := storetest.Orders(t)
	docs, all := randomObjects(t, structure)
	opened := map[string]engine.Store{}
	for name, open := range stores {
		opened[name] = open(t)
		storetest.Put(t, opened[name], docs...)
	}
	checks, slow := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		for range 20 {
			slow += compareFilter(t, structure, opened, all, checks%8 == 0)
			checks++
		}
	})
	t.Logf("%d filters on %d objects, %d were too slow for this machine now", checks, len(docs), slow)
	if slow > checks/20 {
		t.Errorf("%d of %d filters took too long to be compared", slow, checks)
	}
}

func compareFilter(t *rapid.T, structure *engine.Structure, opened map[string]engine.Store, all map[string]engine.Values, counts bool) (slow int) {
	source := anyFilter(t, 2)
	n, err := storetest.Filter(structure, source)
	if err != nil {
		return 0 // a kind and an operator that do not go together
	}
	want := []string{}
	for id, values := range all {
		if filter.Match(n, func(field string) any {
			if field == "id" {
				return id
			}
			return values[field]
		}) {
			want = append(want, id)
		}
	}
	slices.Sort(want)
	for name, s := range opened {
		page, err := s.Objects(t.Context(), engine.ObjectQuery{App: "demo", Structure: structure, Filter: n, Limit: 1000, Count: counts})
		got := []string{}
		for _, o := range page.Items {
			got = append(got, o.ID)
		}
		if engine.ErrorCode(err) == "UNINDEXED_FILTER" {
			slow++
			continue
		}
		if err != nil || !slices.Equal(got, want) || counts && page.Total != len(want) {
			t.Fatalf("%s: %s\nfinds %v, %v\nwant  %v", name, source, got, err, want)
		}
	}
	return slow
}

// randomObjects gives each field every value that it can be wrong about, next to all kinds of others.
func randomObjects(t *testing.T, structure *engine.Structure) (docs []string, all map[string]engine.Values) {
	all = map[string]engine.Values{}
	for i := range 120 {
		raw := map[string]any{}
		for j, f := range structure.Fields {
			pick := i*7 + j*13 + i*j
			if pick%5 == 0 {
				continue
			}
			switch f.Type {
			case engine.TypeNumber:
				raw[f.ID] = numbers[pick%len(numbers)]
			case engine.TypeDecimal:
				raw[f.ID] = decimals[pick%len(decimals)]
			case engine.TypeDate:
				raw[f.ID] = dates[pick%len(dates)]
			case engine.TypeBoolean:
				raw[f.ID] = pick%2 == 0
			case engine.TypeLink:
				raw[f.ID] = fmt.Sprint("u", pick%3)
			case engine.TypeLinks:
				list := []any{}
				for k := range pick % 4 {
					list = append(list, fmt.Sprint([]string{"u", "U"}[(pick/4+k)%2], (pick/8+k)%3))
				}
				raw[f.ID] = list
			case engine.TypeJSON:
				raw[f.ID] = []any{[]any{}, "[]", map[string]any{}, 1, []any{1}, false}[pick%6]
			case engine.TypeString:
				raw[f.ID] = words[pick%len(words)]
				if len(f.Options) > 0 {
					raw[f.ID] = f.Options[pick%len(f.Options)]
				}
			}
		}
		id := fmt.Sprintf("o%03d", i)
		data, err := json.Marshal(raw)
		if err != nil {
			t.Fatal(err)
		}
		if all[id], err = structure.Decode(data); err != nil {
			t.Fatal(err)
		}
		raw["id"] = id
		doc, _ := json.Marshal(raw)
		docs = append(docs, string(doc))
	}
	return docs, all
}

func anyFilter(t *rapid.T, depth int) string {
	switch kind := rapid.IntRange(0, 5).Draw(t, "kind"); {
	case depth > 0 && kind == 0:
		return "(" + anyFilter(t, depth-1) + " AND " + anyFilter(t, depth-1) + ")"
	case depth > 0 && kind == 1:
		return "(" + anyFilter(t, depth-1) + " OR " + anyFilter(t, depth-1) + ")"
	case depth > 0 && kind == 2:
		return "NOT " + anyFilter(t, depth-1)
	}
	field := rapid.SampledFrom([]string{"n", "pn", "total", "ptotal", "name", "note", "name", "note", "status", "due", "pdue", "ok", "pok", "owner", "extra", "id", "tags", "ptags"}).Draw(t, "field")
	op := rapid.SampledFrom([]string{"=", "!=", "<", "<=", ">", ">=", "in", "like", "is null", "is not null"}).Draw(t, "op")
	switch op {
	case "is null", "is not null":
		return field + " " + op
	case "in":
		var list []string
		for range rapid.IntRange(0, 3).Draw(t, "many") {
			list = append(list, anyValue(t, field))
		}
		return field + " in (" + strings.Join(list, ", ") + ")"
	}
	return field + " " + op + " " + anyValue(t, field)
}

var quoter = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

func anyValue(t *rapid.T, field string) string {
	switch field {
	case "n", "pn", "total", "ptotal":
		return `"` + rapid.OneOf(rapid.SampledFrom(decimals), rapid.Map(rapid.SampledFrom(numbers), func(n int64) string { return fmt.Sprint(n) })).Draw(t, "number") + `"`
	case "due", "pdue":
		return `"` + rapid.SampledFrom(dates).Draw(t, "date") + `"`
	case "ok", "pok":
		return rapid.SampledFrom([]string{"true", "false"}).Draw(t, "bool")
	case "status":
		return rapid.SampledFrom([]string{`"new"`, `"paid"`}).Draw(t, "status")
	case "owner", "tags", "ptags":
		return rapid.SampledFrom([]string{`"u0"`, `"u1"`, `"U2"`}).Draw(t, "owner")
	case "id":
		return rapid.SampledFrom([]string{`"o005"`, `"O050"`, `"o0"`}).Draw(t, "id")
	}
	return `"` + quoter.Replace(rapid.SampledFrom(words).Draw(t, "word")) + `"`
}
