package secret

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"
	"unsafe"
)

// atTheBound are the secrets of an app that has as many bytes of them as it may: 64 KiB, in the shapes that make the most forms.
func atTheBound() map[string][]string {
	const all = 64 << 10
	random := rand.New(rand.NewPCG(1, 2))
	text := func(alphabet string, n int) string {
		out := make([]byte, n)
		for i := range out {
			out[i] = alphabet[random.IntN(len(alphabet))]
		}
		return string(out)
	}
	const letters, marks = "abcdefghijklmnopqrstuvwxyz0123456789+/", "<>&\"/+ =\n\\'abc"
	shapes := map[string][]string{}
	for range 200 {
		shapes["200 keys"] = append(shapes["200 keys"], text(letters, all/200))
		shapes["200 of marks"] = append(shapes["200 of marks"], text(marks, all/200))
	}
	for range 4 {
		shapes["4 of 16 KB"] = append(shapes["4 of 16 KB"], text(letters, all/4))
		shapes["4 of 16 KB of marks"] = append(shapes["4 of 16 KB of marks"], text(marks, all/4))
		var lines, texts []string
		for range all / 4 / 20 {
			lines, texts = append(lines, text(letters, 18)), append(texts, text(letters, 16))
		}
		shapes["4 of short lines"] = append(shapes["4 of short lines"], strings.Join(lines, "\n"))
		doc, _ := json.Marshal(texts)
		shapes["4 of JSON"] = append(shapes["4 of JSON"], string(doc))
	}
	return shapes
}

// kept is how many bytes a masker takes.
func kept(m *Masker) int {
	n := cap(m.nodes) * int(unsafe.Sizeof(node{}))
	for _, list := range m.tails {
		n += 64 + cap(list)*int(unsafe.Sizeof(tail{}))
	}
	return n
}

func TestAMaskerStaysSmallHoweverLongItsSecretsAre(t *testing.T) {
	t.Parallel()
	for name, values := range atTheBound() {
		if n := kept(NewMasker(values)); n > 12<<20 {
			t.Errorf("%s: the masker takes %d KB", name, n>>10)
		}
	}
}

func TestALongSecretIsMaskedInEveryForm(t *testing.T) {
	t.Parallel()
	for name, values := range atTheBound() {
		m := NewMasker(values)
		long := values[len(values)/2]
		doc, _ := json.Marshal(long)
		for form, text := range map[string]string{
			"plain": long, "base64": base64.StdEncoding.EncodeToString([]byte(long)), "query": url.QueryEscape(long), "path": url.PathEscape(long),
			"JSON": string(doc[1 : len(doc)-1]), "Basic": base64.StdEncoding.EncodeToString([]byte("me:" + long))[4:],
		} {
			out := m.String("x;" + text + ";y")
			if rest := strings.ReplaceAll(out, Mask, ""); len(rest) > 8 {
				t.Errorf("%s as %s leaves %d of %d bytes: %.60q", name, form, len(rest), len(text), rest)
			}
		}
	}
}

// What is masked is what a search for every form, one after the other, finds.
func TestTheMaskerFindsWhatASearchFinds(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(3, 4))
	text := func(n int) string {
		out := make([]byte, n)
		for i := range out {
			out[i] = "aab"[random.IntN(3)]
		}
		return string(out)
	}
	for range 300 {
		values := []string{text(4 + random.IntN(90)), text(33), strings.Repeat("a", 30+random.IntN(40)), text(31 + random.IntN(3))}
		values = append(values, values[0][:len(values[0])/2+2]+text(40))
		var all strings.Builder
		for range 8 {
			all.WriteString(values[random.IntN(len(values))][random.IntN(3):] + text(random.IntN(20)))
		}
		in := all.String()
		covered := make([]bool, len(in))
		for _, v := range values {
			for _, form := range forms(v) {
				for i := range in {
					if len(form) >= MinBytes && strings.HasPrefix(in[i:], form) {
						for k := range form {
							covered[i+k] = true
						}
					}
				}
			}
		}
		var want strings.Builder
		for i := range in {
			switch {
			case !covered[i]:
				want.WriteByte(in[i])
			case i == 0 || !covered[i-1]:
				want.WriteString(Mask)
			}
		}
		m := NewMasker(values)
		if got := m.String(in); got != want.String() {
			t.Fatalf("%q in %q:\n%q, want\n%q", values, in, got, want.String())
		}
		if got := string(m.Bytes([]byte(in))); got != want.String() {
			t.Fatalf("%q in bytes %q:\n%q, want\n%q", values, in, got, want.String())
		}
	}
}

// A text that goes on like the beginning of a long secret is looked at once, not anew from every byte.
func TestATextThatNearlyIsASecretStaysAsItIs(t *testing.T) {
	t.Parallel()
	m := NewMasker([]string{strings.Repeat("a", MaxBytes-1) + "b", strings.Repeat("a", 4000) + "c"})
	text := strings.Repeat("a", 1<<20)
	if m.String(text) != text {
		t.Error("a text without a secret was masked")
	}
	if out := m.String(text + "b."); out != text[MaxBytes-1:]+Mask+"." {
		t.Errorf("the secret at the end of the text leaves %d bytes", len(out))
	}
}

func BenchmarkNewMasker(b *testing.B) {
	for name, values := range atTheBound() {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var m *Masker
			for b.Loop() {
				m = NewMasker(values)
			}
			b.ReportMetric(float64(kept(m)), "kept-B")
		})
	}
}

// BenchmarkMaskerLong masks a text in which long secrets stand, and one that nearly holds them.
func BenchmarkMaskerLong(b *testing.B) {
	values := atTheBound()["4 of 16 KB"]
	m := NewMasker(values)
	for name, text := range map[string]string{
		"there":  strings.Repeat(fmt.Sprintf(`{"id":1042,"key":%q},`, values[0]), 60),
		"nearly": strings.Repeat(fmt.Sprintf(`{"id":1042,"key":%q},`, values[0][:anchorBytes+8]), 15000),
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				m.JSON([]byte(text))
			}
		})
	}
}
