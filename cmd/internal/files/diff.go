package files

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Change is one difference between a document of the server and one of a file.
type Change struct {
	// Path is the place in the file's document or, for what is only on the server, in that of the server.
	Path string
	// Text says what differs, as "a" -> "b".
	Text string
}

// String tells both.
func (c Change) String() string {
	if c.Path == "" {
		return c.Text
	}
	return c.Path + ": " + c.Text
}

// compare lists how a value of a file differs from the one of the server.
func compare(path string, was, is any) []Change {
	if r, ok := was.(row); ok {
		was = r.object
	}
	if r, ok := is.(row); ok {
		is = r.object
	}
	switch is := is.(type) {
	case object:
		if was, ok := was.(object); ok {
			return compareObjects(path, was, is)
		}
	case []any:
		if was, ok := was.([]any); ok {
			return compareLists(path, was, is)
		}
	}
	if reflect.DeepEqual(was, is) {
		return nil
	}
	return []Change{{path, show(path, was) + " -> " + show(path, is)}}
}

func compareObjects(path string, was, is object) []Change {
	var changes []Change
	has := func(o object, key string) bool {
		return slices.ContainsFunc(o, func(m member) bool { return m.key == key })
	}
	for _, m := range is {
		at := strings.TrimPrefix(path+"."+m.key, ".")
		if !has(was, m.key) {
			changes = append(changes, Change{at, "added " + show(at, m.value)})
			continue
		}
		changes = append(changes, compare(at, was.at(m.key), m.value)...)
	}
	for _, m := range was {
		if at := strings.TrimPrefix(path+"."+m.key, "."); !has(is, m.key) {
			changes = append(changes, Change{at, "removed " + show(at, m.value)})
		}
	}
	return changes
}

// compareLists compares items that have ids with those of the same id, and others with those of the same place.
func compareLists(path string, was, is []any) []Change {
	before, named := ids(was)
	after, too := ids(is)
	if !named || !too {
		before, after = places(was), places(is)
	}
	var changes []Change
	for i, id := range after {
		at := fmt.Sprintf("%s[%d]", path, i)
		if j := slices.Index(before, id); j < 0 {
			changes = append(changes, Change{at, "added " + show(at, is[i])})
		} else {
			changes = append(changes, compare(at, was[j], is[i])...)
		}
	}
	for j, id := range before {
		if !slices.Contains(after, id) {
			at := fmt.Sprintf("%s[%d]", path, j)
			changes = append(changes, Change{at, "removed " + show(at, was[j])})
		}
	}
	stay := func(list, other []string) []string {
		return slices.DeleteFunc(slices.Clone(list), func(id string) bool { return !slices.Contains(other, id) })
	}
	if !slices.Equal(stay(before, after), stay(after, before)) {
		changes = append(changes, Change{path, "in another order"})
	}
	return changes
}

// ids are the ids of a list's items, if all of them have one of their own.
func ids(list []any) ([]string, bool) {
	found := make([]string, 0, len(list))
	for _, item := range list {
		if r, ok := item.(row); ok {
			item = r.object
		}
		o, ok := item.(object)
		if !ok {
			return nil, false
		}
		id, ok := o.at("id").(string)
		if !ok || slices.Contains(found, id) {
			return nil, false
		}
		found = append(found, id)
	}
	return found, true
}

func places(list []any) []string {
	out := make([]string, len(list))
	for i := range list {
		out[i] = fmt.Sprint(i)
	}
	return out
}

// longValue is how much of a value is shown.
const longValue = 80

// show gives a value in one line, cut where it is long. What may be a secret is not shown.
func show(path string, v any) string {
	doc, err := marshal(hide(lastKey(path), v))
	if err != nil {
		return "?"
	}
	text := []rune(string(doc))
	if len(text) > longValue {
		return string(text[:longValue]) + "…"
	}
	return string(text)
}

func lastKey(path string) string {
	path = path[strings.LastIndexByte(path, '.')+1:]
	name, _, _ := strings.Cut(path, "[")
	return name
}

// secretWords make a key one whose value is not shown.
var secretWords = []string{"password", "secret", "token", "authorization", "api_key", "apikey", "api-key", "credential", "cookie"}

const hidden = "(hidden)"

func hide(key string, v any) any {
	low := strings.ToLower(key)
	if _, text := v.(string); text && slices.ContainsFunc(secretWords, func(w string) bool { return strings.Contains(low, w) }) {
		return hidden
	}
	switch v := v.(type) {
	case row:
		return hide(key, v.object)
	case object:
		out := make(object, len(v))
		for i, m := range v {
			out[i] = member{m.key, hide(m.key, m.value)}
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = hide(key, item)
		}
		return out
	}
	return v
}
