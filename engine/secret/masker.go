package secret

import (
	"slices"
	"strings"
)

// Mask stands where a secret was.
const Mask = "••••"

// Masker takes secrets out of texts and JSON. It is made once for a set of values and safe for concurrent use; the nil Masker masks nothing.
//
// One pass over a text finds every form of every secret at the same time, so the work grows with the text alone and not with the number
// of secrets; what the finds cover together is masked, also where secrets overlap.
type Masker struct {
	nodes []node
	// root has the first step for every byte, since most bytes of a text take one from there.
	root [256]int32
}

// node is a place in the tree of all forms. Children are a list: almost every place has one.
type node struct {
	child, sibling int32
	// fail is the place for the longest end of this place's text that is also a beginning of a form.
	fail int32
	// covers is how many bytes back from here belong to the longest form that ends here, 0 if none does.
	covers int32
	char   byte
}

// NewMasker makes a masker for values. Values shorter than MinBytes are left out.
func NewMasker(values []string) *Masker {
	m := &Masker{nodes: make([]node, 1)}
	for _, v := range values {
		for _, form := range forms(v) {
			if len(form) >= MinBytes {
				m.add(form)
			}
		}
	}
	if len(m.nodes) == 1 {
		return nil
	}
	m.link()
	return m
}

func (m *Masker) add(form string) {
	at := int32(0)
	for i := range len(form) {
		next := m.step(at, form[i])
		if next == 0 {
			next = int32(len(m.nodes))
			m.nodes = append(m.nodes, node{char: form[i], sibling: m.nodes[at].child})
			m.nodes[at].child = next
			if at == 0 {
				m.root[form[i]] = next
			}
		}
		at = next
	}
	m.nodes[at].covers = int32(len(form))
}

// step is the child of a place for a byte, 0 if there is none: no child is the root.
func (m *Masker) step(at int32, char byte) int32 {
	if at == 0 {
		return m.root[char]
	}
	for c := m.nodes[at].child; c != 0; c = m.nodes[c].sibling {
		if m.nodes[c].char == char {
			return c
		}
	}
	return 0
}

// link sets where to go on from each place when no child fits, nearest to the root first.
func (m *Masker) link() {
	var queue []int32
	for c := m.nodes[0].child; c != 0; c = m.nodes[c].sibling {
		queue = append(queue, c)
	}
	for i := 0; i < len(queue); i++ {
		at := queue[i]
		for c := m.nodes[at].child; c != 0; c = m.nodes[c].sibling {
			fail := m.next(m.nodes[at].fail, m.nodes[c].char)
			m.nodes[c].fail = fail
			// The longest form that ends here decides: shorter ones lie inside it.
			m.nodes[c].covers = max(m.nodes[c].covers, m.nodes[fail].covers)
			queue = append(queue, c)
		}
	}
}

func (m *Masker) next(at int32, char byte) int32 {
	for {
		if c := m.step(at, char); c != 0 || at == 0 {
			return c
		}
		at = m.nodes[at].fail
	}
}

// span is a part of a text that is masked.
type span struct{ from, to int }

// find gives what is to be masked, in order; parts that overlap or touch are one.
func find[T string | []byte](m *Masker, text T) []span {
	var found []span
	at := int32(0)
	for i := range len(text) {
		at = m.next(at, text[i])
		covers := int(m.nodes[at].covers)
		if covers == 0 {
			continue
		}
		one := span{i + 1 - covers, i + 1}
		// Ends only grow, so what a new find reaches back to is at the end of the list.
		for len(found) > 0 && found[len(found)-1].to >= one.from {
			one.from = min(one.from, found[len(found)-1].from)
			found = found[:len(found)-1]
		}
		found = append(found, one)
	}
	return found
}

// String masks a text.
func (m *Masker) String(text string) string {
	if m == nil {
		return text
	}
	found := find(m, text)
	if len(found) == 0 {
		return text
	}
	var out strings.Builder
	from := 0
	for _, s := range found {
		out.WriteString(text[from:s.from])
		out.WriteString(Mask)
		from = s.to
	}
	out.WriteString(text[from:])
	return out.String()
}

// Bytes masks what is not known to be JSON, such as a response's body. It gives text itself where there is nothing to mask.
func (m *Masker) Bytes(text []byte) []byte {
	if m == nil {
		return text
	}
	found := find(m, text)
	if len(found) == 0 {
		return text
	}
	var out []byte
	from := 0
	for _, s := range found {
		out = append(append(out, text[from:s.from]...), Mask...)
		from = s.to
	}
	return slices.Concat(out, text[from:])
}
