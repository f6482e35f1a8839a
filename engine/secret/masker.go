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
//
// Only the beginning of a form, its anchor, is in the tree that the pass walks; of the rest there is a hash. So what a masker takes grows with
// the number of forms and not with their length.
type Masker struct {
	nodes []node
	// root has the first step for every byte, since most bytes of a text take one from there.
	root [256]int32
	// tails are the forms that are longer than their anchor, by the place where that ends.
	tails map[int32][]tail
	base  uint64
}

// node is a place in the tree of the beginnings of all forms. Children are a list: almost every place has one.
type node struct {
	child, sibling int32
	// fail is the place for the longest end of this place's text that is also a beginning of a form.
	fail int32
	// covers is how many bytes back from here belong to the longest form that ends here, 0 if none does.
	covers int32
	char   byte
	// anchor says that tails has forms which go on from here.
	anchor bool
}

// anchorBytes is how much of a form is in the tree: enough that hardly any other text begins like it.
const anchorBytes = 32

// maxParts is how many parts of secrets (see parts) a masker knows in all their forms; further ones it knows as they are and as JSON.
const maxParts = 500

// NewMasker makes a masker for values. Values shorter than MinBytes are left out.
func NewMasker(values []string) *Masker {
	m := &Masker{nodes: make([]node, 1), tails: map[int32][]tail{}, base: newBase()}
	for _, v := range values {
		m.addForms(forms(v))
	}
	n := 0
	for _, v := range values {
		for _, part := range parts(v) {
			if n++; n > maxParts {
				m.addForms([]string{part, inJSON(part)})
				continue
			}
			m.addForms(allForms(part))
		}
	}
	if len(m.nodes) == 1 {
		return nil
	}
	m.link()
	return m
}

func (m *Masker) addForms(all []string) {
	for _, form := range all {
		if len(form) >= MinBytes {
			m.add(form)
		}
	}
}

func (m *Masker) add(form string) {
	at := int32(0)
	for i := range min(len(form), anchorBytes) {
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
	if len(form) <= anchorBytes {
		m.nodes[at].covers = int32(len(form))
		return
	}
	m.nodes[at].anchor = true
	if t := newTail(m.base, form); !slices.Contains(m.tails[at], t) {
		m.tails[at] = append(m.tails[at], t)
	}
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
	var found spans
	var sums []uint64
	at := int32(0)
	for i := range len(text) {
		at = m.next(at, text[i])
		n := &m.nodes[at]
		if n.covers > 0 {
			found.add(span{i + 1 - int(n.covers), i + 1})
		}
		if !n.anchor {
			continue
		}
		if sums == nil {
			sums = prefixSums(m.base, text)
		}
		from := i + 1 - anchorBytes
		for _, t := range m.tails[at] {
			if from+t.bytes <= len(text) && t.at(sums, from) {
				found.add(span{from, from + t.bytes})
			}
		}
	}
	return found
}

// spans are parts of a text, in order and apart from each other.
type spans []span

// add takes in a find. Each begins before the byte that the pass is at and ends there or behind it, so what it touches is at the end of the list.
func (l *spans) add(one span) {
	found := *l
	for len(found) > 0 && found[len(found)-1].to >= one.from {
		last := found[len(found)-1]
		one.from, one.to = min(one.from, last.from), max(one.to, last.to)
		found = found[:len(found)-1]
	}
	*l = append(found, one)
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
