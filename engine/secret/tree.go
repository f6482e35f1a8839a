package secret

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
)

// maxDepth is how deep trees are masked; what lies deeper is masked as a whole. Values of ours are 64 deep at most.
const maxDepth = 512

// JSON masks a JSON document and keeps it one: texts, keys and numbers are looked at as they read, however they are escaped, and all the rest
// stays byte for byte. What is no JSON is masked as text. It gives doc itself where there is nothing to mask.
func (m *Masker) JSON(doc []byte) []byte {
	if m == nil {
		return doc
	}
	if !json.Valid(doc) {
		return m.Bytes(doc)
	}
	// The document is rewritten and not decoded: of a key that comes twice, a decoder shows the last value only.
	var out []byte
	from := 0
	for i := 0; i < len(doc); {
		end, text := token(doc, i)
		if masked := m.String(text); masked != text {
			out = append(out, doc[from:i]...)
			out = append(out, '"')
			out = append(out, inJSON(masked)...)
			out = append(out, '"')
			from = end
		}
		i = end
	}
	if from == 0 {
		return doc
	}
	return append(out, doc[from:]...)
}

// token gives where the token at i of a valid document ends and, for texts and numbers, how it reads.
func token(doc []byte, i int) (end int, text string) {
	end = i + 1
	switch b := doc[i]; {
	case b == '"':
		for doc[end] != '"' {
			if doc[end] == '\\' {
				end++
			}
			end++
		}
		end++
		if err := json.Unmarshal(doc[i:end], &text); err != nil {
			text = string(doc[i+1 : end-1]) // cannot be: the document is valid
		}
	case b == '-' || b >= '0' && b <= '9':
		for end < len(doc) && bytes.IndexByte([]byte("+-.eE0123456789"), doc[end]) >= 0 {
			end++
		}
		text = string(doc[i:end])
	}
	return end, text
}

// Tree masks a tree of maps, lists and plain values, and leaves the tree that it was given as it is. Of two keys that become the same one stays.
func (m *Masker) Tree(v any) any {
	if m == nil {
		return v
	}
	return m.tree(v, 0)
}

func (m *Masker) tree(v any, depth int) any {
	if depth > maxDepth {
		return Mask
	}
	switch v := v.(type) {
	case nil, bool:
		return v
	case string:
		return m.String(v)
	case []byte:
		return m.Bytes(v)
	case json.RawMessage:
		return json.RawMessage(m.JSON(v))
	case []any:
		out := make([]any, len(v))
		for i, one := range v {
			out[i] = m.tree(one, depth+1)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, one := range v {
			out[m.String(key)] = m.tree(one, depth+1)
		}
		return out
	case []string:
		out := make([]string, len(v))
		for i, one := range v {
			out[i] = m.String(one)
		}
		return out
	case map[string]string:
		out := make(map[string]string, len(v))
		for key, one := range v {
			out[m.String(key)] = m.String(one)
		}
		return out
	case float64:
		return m.number(strconv.FormatFloat(v, 'f', -1, 64), v)
	}
	// Numbers of all kinds, and whatever else has a text: a secret of digits may have become one.
	return m.number(fmt.Sprint(v), v)
}

// number gives the masked text of a value, or the value itself where there is nothing to mask in it.
func (m *Masker) number(text string, v any) any {
	if out := m.String(text); out != text {
		return out
	}
	return v
}
