package expr

import (
	"strings"
	"unicode/utf8"
)

var textFunctions = []function{
	{
		Function: Function{"len", "len(x)", "The number of characters of a text or of elements of a list or map; 0 for null.", `len("Ånd")`, "3"},
		params:   []param{{KindString, KindList, KindMap}}, nulls: true, typ: yields(KindInt), run: runLen,
	},
	{
		Function: Function{"lower", "lower(text)", "The text in small letters.", `lower("ÄB")`, "äb"},
		params:   []param{textParam}, typ: yields(KindString), run: mapText(strings.ToLower),
	},
	{
		Function: Function{"upper", "upper(text)", "The text in capital letters.", `"äb".upper()`, "ÄB"},
		params:   []param{textParam}, typ: yields(KindString), run: mapText(strings.ToUpper),
	},
	{
		Function: Function{"trim", "trim(text)", "The text without white space at both ends.", `trim("  a b ")`, "a b"},
		params:   []param{textParam}, typ: yields(KindString), run: mapText(strings.TrimSpace),
	},
	{
		Function: Function{"replace", "replace(text, old, new)", "The text with every old replaced by new.", `replace("a-b-c", "-", "+")`, "a+b+c"},
		params:   []param{textParam, textParam, textParam}, typ: yields(KindString), defers: always, run: runReplace,
	},
	{
		Function: Function{"split", "split(text, separator)", "The parts of a text as a list.", `split("a,b", ",")`, `["a","b"]`},
		params:   []param{textParam, textParam}, typ: func([]node) Type { return ListOf(Type{Kind: KindString}) }, defers: always, run: runSplit,
	},
	{
		Function: Function{"join", "join(list, separator)", "The elements of a list as one text.", `join(["a", 1, 2.50], ", ")`, "a, 1, 2.50"},
		params:   []param{listParam, textParam}, least: 1, typ: yields(KindString), defers: always, run: runJoin,
	},
	{
		Function: Function{"string", "string(x)", "The value as it stands in a text; null is empty, lists and maps are JSON.", `string(12.50) + "!"`, "12.50!"},
		params:   []param{anyParam}, nulls: true, typ: yields(KindString), defers: ofAnySize, run: runString,
	},
	{
		Function: Function{"json", "json(x)", "The value as JSON text, to stand inside of JSON.", `json({"a": [1, "x", null]})`, `{"a":[1,"x",null]}`},
		params:   []param{anyParam}, nulls: true, typ: yields(KindString), defers: always, run: runJSON,
	},
	{
		Function: Function{"url", "url(x)", "The value encoded to stand inside of a URL.", `url("a b&c")`, "a%20b%26c"},
		params:   []param{anyParam}, nulls: true, typ: yields(KindString), defers: always, run: runURL,
	},
}

// ofAnySize tells that the text of a value has no bound known from its type.
func ofAnySize(args []node) bool {
	t := args[0].typ
	return t.dynamic() || t.Kind == KindList || t.Kind == KindMap
}

func runLen(f *frame, args []any) (any, error) {
	switch v := args[0].(type) {
	case string:
		if err := f.budget.read(len(v)); err != nil {
			return nil, err
		}
		return int64(utf8.RuneCountInString(v)), nil
	case []any:
		return int64(len(v)), nil
	case map[string]any:
		return int64(len(v)), nil
	default:
		return int64(0), nil
	}
}

func mapText(change func(string) string) func(*frame, []any) (any, error) {
	return func(f *frame, args []any) (any, error) {
		s := args[0].(string)
		if err := f.budget.make(len(s)); err != nil {
			return nil, err
		}
		out := change(s)
		// A few letters take more bytes in the other case.
		if err := f.budget.make(max(0, len(out)-len(s))); err != nil {
			return nil, err
		}
		return out, nil
	}
}

// texts reads the arguments from the second on; null is empty.
func texts(args []any) (s, t string) {
	if len(args) > 1 {
		s, _ = args[1].(string)
	}
	if len(args) > 2 {
		t, _ = args[2].(string)
	}
	return s, t
}

func runReplace(f *frame, args []any) (any, error) {
	s := args[0].(string)
	old, with := texts(args)
	if old == "" {
		return s, nil
	}
	if err := f.budget.read(len(s)); err != nil {
		return nil, err
	}
	if err := f.budget.make(len(s) + strings.Count(s, old)*(len(with)-len(old))); err != nil {
		return nil, err
	}
	return strings.ReplaceAll(s, old, with), nil
}

func runSplit(f *frame, args []any) (any, error) {
	s := args[0].(string)
	separator, _ := texts(args)
	if err := f.budget.read(len(s)); err != nil {
		return nil, err
	}
	n := strings.Count(s, separator) + 1
	// Each part is an element of 16 bytes that points to a text header of 16.
	if err := f.budget.list(2 * n); err != nil {
		return nil, err
	}
	out := make([]any, 0, n)
	for part := range strings.SplitSeq(s, separator) {
		out = append(out, part)
	}
	return out, nil
}

func runJoin(f *frame, args []any) (any, error) {
	separator, _ := texts(args)
	w := writer{budget: f.budget, limit: maxSize}
	for i, v := range args[0].([]any) {
		if i > 0 {
			if err := w.add(separator); err != nil {
				return nil, err
			}
		}
		if err := w.text(v); err != nil {
			return nil, err
		}
	}
	return string(w.out), nil
}

func runString(f *frame, args []any) (any, error) {
	if s, ok := args[0].(string); ok {
		return s, nil
	}
	w := writer{budget: f.budget, limit: maxSize}
	err := w.text(args[0])
	return string(w.out), err
}

func runJSON(f *frame, args []any) (any, error) {
	w := writer{budget: f.budget, limit: maxSize}
	err := w.json(args[0], 0)
	return string(w.out), err
}

func runURL(f *frame, args []any) (any, error) {
	w := writer{budget: f.budget, limit: maxSize}
	if err := w.text(args[0]); err != nil {
		return nil, err
	}
	if err := f.budget.make(3 * len(w.out)); err != nil {
		return nil, err
	}
	out := make([]byte, 0, len(w.out))
	for _, c := range w.out {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte("-_.~", c) >= 0:
			out = append(out, c)
		default:
			out = append(out, '%', "0123456789ABCDEF"[c>>4], "0123456789ABCDEF"[c&15])
		}
	}
	return string(out), nil
}
