package secret

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// canaries are secrets with all that makes writing them down hard.
var canaries = []string{
	"canary-5f2a", "with space", `quo"te\back`, "a/b+c=d?e&f", "<script>&amp;", "пароль-秘密-🔑", "tab\tand\nline", "1234", "sk_live_51H8", "~._-", "a\u2028b\x01c",
	"%41%42", "p@ss:w0rd#1",
}

func TestEveryFormOfASecretIsMasked(t *testing.T) {
	t.Parallel()
	for _, c := range canaries {
		m := NewMasker([]string{c})
		marshal := func(v any) string {
			doc, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			return string(doc)
		}
		unescaped := func(v any) string {
			var b bytes.Buffer
			enc := json.NewEncoder(&b)
			enc.SetEscapeHTML(false)
			if err := enc.Encode(v); err != nil {
				t.Fatal(err)
			}
			return b.String()
		}
		for name, text := range map[string]string{
			"plain":            "x " + c + " y",
			"twice":            c + c,
			"base64":           base64.StdEncoding.EncodeToString([]byte(c)),
			"base64 raw":       "q=" + base64.RawStdEncoding.EncodeToString([]byte(c)) + "&",
			"base64 url":       base64.URLEncoding.EncodeToString([]byte(c)),
			"base64 raw url":   base64.RawURLEncoding.EncodeToString([]byte(c)),
			"base64 in a URL":  "?t=" + url.QueryEscape(base64.StdEncoding.EncodeToString([]byte(c))),
			"hex":              hex.EncodeToString([]byte(c)),
			"HEX":              strings.ToUpper(hex.EncodeToString([]byte(c))),
			"query":            "https://x.test/?q=" + url.QueryEscape(c),
			"path":             "https://x.test/" + url.PathEscape(c),
			"strict":           strings.ReplaceAll(url.QueryEscape(c), "+", "%20"),
			"small percents":   smallPercents(url.QueryEscape(c)),
			"JSON":             marshal(map[string]string{"k": c}),
			"JSON, no HTML":    unescaped([]string{c}),
			"JSON, slashes":    strings.ReplaceAll(unescaped(c), "/", `\/`),
			"JSON, ASCII":      ascii(unescaped(c)),
			"JSON within JSON": marshal(marshal(map[string]string{"k": c})),
			"HTML":             "<p>" + html.EscapeString(c) + "</p>",
		} {
			out := m.String(text)
			if !strings.Contains(out, Mask) {
				t.Errorf("%q as %s: %q", c, name, out)
			}
			for _, form := range forms(c) {
				if len(form) >= MinBytes && strings.Contains(out, form) {
					t.Errorf("%q as %s: %q still holds %q", c, name, out, form)
				}
			}
			if got := string(m.Bytes([]byte(text))); got != out {
				t.Errorf("bytes become %q, text %q", got, out)
			}
		}
	}
}

func TestBasicAuthenticationIsMasked(t *testing.T) {
	t.Parallel()
	m := NewMasker([]string{"canary-5f2a"})
	for _, user := range []string{"", "a", "ab", "abc", "somebody"} {
		for _, after := range []string{"", "x", "xy", "xyz"} {
			header := base64.StdEncoding.EncodeToString([]byte(user + ":canary-5f2a" + after))
			out := m.String("Basic " + header)
			left := strings.Split(strings.TrimPrefix(out, "Basic "), Mask)
			if len(left) != 2 {
				t.Errorf("%q: %s", user, out)
				continue
			}
			for _, piece := range left {
				if plain, _ := base64.RawStdEncoding.DecodeString(strings.TrimRight(piece, "=")); bytes.Contains(plain, []byte("can")) || bytes.Contains(plain, []byte("f2a")) {
					t.Errorf("%q: %s shows %q", user, out, plain)
				}
			}
		}
	}
}

func TestOverlappingSecretsLeaveNothing(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		secrets []string
		text    string
		want    string
	}{
		{[]string{"abcdef", "defghi"}, "xabcdefghix", "x" + Mask + "x"},
		{[]string{"abcd", "abcdefgh"}, "abcdefgh abcdefg", Mask + " " + Mask + "efg"},
		{[]string{"bcde", "abcdef"}, "abcdef abcde", Mask + " a" + Mask},
		{[]string{"cdef", "abcd", "efgh"}, "-abcdefgh-", "-" + Mask + "-"},
		{[]string{"aaaa"}, "aaaaaaa aaa", Mask + " aaa"},
		{[]string{"abcd"}, "abcdabcd", Mask},
		{[]string{"abababab"}, "ababababab", Mask},
		{[]string{"abcx", "bcdefgh"}, "abcdefgh", "a" + Mask},
		{[]string{"abc", "", "xy"}, "abc xy", "abc xy"},
		{nil, "abc", "abc"},
		{[]string{"abcd"}, "", ""},
		{[]string{"abcd"}, "abc", "abc"},
		{[]string{" padded \n"}, "is padded.", "is " + Mask + "."},
	} {
		if got := NewMasker(c.secrets).String(c.text); got != c.want {
			t.Errorf("%q in %q: %q, want %q", c.secrets, c.text, got, c.want)
		}
	}
}

func TestKeysOfSeveralLinesAreMaskedLineByLine(t *testing.T) {
	t.Parallel()
	line := strings.Repeat("MIIEvQIBADANBgkq", 4)
	pem := "-----BEGIN PRIVATE KEY-----\n" + line + "\na short one\n-----END PRIVATE KEY-----\n"
	account := `{"type": "service_account", "private_key": ` + fmt.Sprintf("%q", pem) + `, "n": 1}`
	for _, secret := range []string{pem, strings.ReplaceAll(pem, "\n", "\r\n"), account} {
		m := NewMasker([]string{secret})
		for _, text := range []string{"at line 2: " + line + " !", `{"x":{"private_key":"` + line + `"}}`} {
			if out := m.String(text); strings.Contains(out, "MIIE") {
				t.Errorf("left: %q", out)
			}
		}
	}
	long := strings.Repeat("0123456789", MaxBytes)
	if out := NewMasker([]string{long}).String("x" + long + "y"); out != "x"+Mask+"y" {
		t.Errorf("a very long secret leaves %d bytes", len(out))
	}
}

func TestJSONStaysJSON(t *testing.T) {
	t.Parallel()
	m := NewMasker([]string{"canary-5f2a", `","x":"`, "20261123"})
	for doc, want := range map[string]string{
		`{"a":"canary-5f2a","b":1}`:                      `{"a":"••••","b":1}`,
		` { "canary-5f2a" : [ "x canary-5f2a y" ] } `:    ` { "••••" : [ "x •••• y" ] } `,
		`"\u0063anary-5f2a"`:                             `"••••"`,
		`{"a":"\u0063anary-5f2a","a":"x"}`:               `{"a":"••••","a":"x"}`,
		`{"a":20261123,"b":-20261123.5,"c":2026}`:        `{"a":"••••","b":"-••••.5","c":2026}`,
		`{"a":"","x":""}`:                                `{"a":"","x":""}`,
		`{"a":"\",\"x\":\""}`:                            `{"a":"••••"}`,
		`{"a":"<b> & \u00e4 \/"}`:                        `{"a":"<b> & \u00e4 \/"}`,
		`{"a":"{\"b\":\"canary-5f2a\"}"}`:                `{"a":"{\"b\":\"••••\"}"}`,
		`{"a":"canary-5f2a"`:                             `{"a":"••••"`,
		`canary-5f2a`:                                    `••••`,
		`[true,false,null,1e5,"\\","\"canary-5f2a\\\""]`: `[true,false,null,1e5,"\\","\"••••\\\""]`,
		``: ``,
	} {
		out := string(m.JSON([]byte(doc)))
		if out != want {
			t.Errorf("%s: %s, want %s", doc, out, want)
		}
	}
}

func TestTreesAreMaskedAndLeftAlone(t *testing.T) {
	t.Parallel()
	m := NewMasker([]string{"canary-5f2a", "20261123"})
	tree := map[string]any{
		"a": "x canary-5f2a", "canary-5f2a": []any{nil, true, "plain", map[string]any{"b": "canary-5f2a"}},
		"n": []any{float64(20261123), 20261123, int64(7), json.Number("20261123"), 1.5},
		"s": []string{"canary-5f2a", "x"}, "m": map[string]string{"k": "canary-5f2a"}, "r": json.RawMessage(`{"k":"\u0063anary-5f2a"}`), "y": []byte("canary-5f2a"),
	}
	before := fmt.Sprint(tree)
	want := map[string]any{
		"a": "x " + Mask, Mask: []any{nil, true, "plain", map[string]any{"b": Mask}},
		"n": []any{Mask, Mask, int64(7), Mask, 1.5},
		"s": []string{Mask, "x"}, "m": map[string]string{"k": Mask}, "r": json.RawMessage(`{"k":"` + Mask + `"}`), "y": []byte(Mask),
	}
	if got := m.Tree(tree); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if fmt.Sprint(tree) != before {
		t.Error("the tree was changed")
	}
	var deep any = "canary-5f2a"
	for range 2 * maxDepth {
		deep = []any{deep}
	}
	if out := fmt.Sprint(m.Tree(deep)); strings.Contains(out, "canary") {
		t.Error("what lies deep was left")
	}
	var none *Masker
	if none.String("x") != "x" || none.Tree("x") != "x" || string(none.JSON([]byte("x"))) != "x" || string(none.Bytes([]byte("x"))) != "x" {
		t.Error("the nil masker masks")
	}
}

func FuzzMasker(f *testing.F) {
	for _, c := range canaries {
		f.Add(c, "other", "x "+c+" "+base64.StdEncoding.EncodeToString([]byte(c)))
		f.Add(c, c[1:], `{"a":"`+inJSON(c)+`"}`)
	}
	f.Add("abcdef", "defghi", "abcdefghi")
	f.Fuzz(func(t *testing.T, one, two, text string) {
		if len(one)+len(two) > 1000 || strings.ContainsAny(one+two, Mask+"\ufffd\xe2\x80\xa2") {
			return
		}
		secrets := []string{one, two}
		m := NewMasker(secrets)
		out := m.String(text)
		doc := m.JSON([]byte(text))
		valid := json.Valid([]byte(text))
		// What is not readable may become so: a control character went with the secret that it belonged to.
		if valid && !json.Valid(doc) {
			t.Fatalf("%q became %q", text, doc)
		}
		for _, s := range secrets {
			if len(s) < MinBytes {
				continue
			}
			if strings.Contains(out, s) {
				t.Fatalf("%q became %q, which holds %q", text, out, s)
			}
			if got := m.String("[" + url.QueryEscape(s) + "]"); !strings.Contains(got, Mask) {
				t.Fatalf("%q in a query: %q", s, got)
			}
		}
		if !valid {
			return
		}
		// As a reader of the document sees it, no text holds a secret any more.
		for i := 0; i < len(doc); {
			end, word := token(doc, i)
			for _, s := range secrets {
				if len(s) >= MinBytes && strings.Contains(word, s) {
					t.Fatalf("%q became %q, where %q is left", text, doc, word)
				}
			}
			i = end
		}
	})
}

func FuzzBox(f *testing.F) {
	f.Add("plain", "app", "name", 3)
	box, err := NewBox(bytes.Repeat([]byte{7}, KeyBytes))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, plain, app, name string, at int) {
		sealed := box.Seal(plain, app, name)
		if got, err := box.Open(sealed, app, name); err != nil || got != plain {
			t.Fatalf("%q became %q: %v", plain, got, err)
		}
		broken := slices.Clone(sealed)
		broken[uint(at)%uint(len(broken))] ^= 1
		if _, err := box.Open(broken, app, name); !errors.Is(err, ErrSealed) {
			t.Fatalf("a changed secret gives %v", err)
		}
		if _, err := box.Open([]byte(plain), app, name); err == nil {
			t.Fatal("any text opens")
		}
	})
}

func TestASealedSecretBelongsToItsPlaceAndKey(t *testing.T) {
	t.Parallel()
	one, err := NewBox(bytes.Repeat([]byte{1}, KeyBytes))
	if err != nil {
		t.Fatal(err)
	}
	two, err := NewBox(bytes.Repeat([]byte{2}, KeyBytes))
	if err != nil {
		t.Fatal(err)
	}
	sealed := one.Seal("canary-5f2a", "shop", "stripe")
	if bytes.Contains(sealed, []byte("canary")) || bytes.Equal(sealed, one.Seal("canary-5f2a", "shop", "stripe")) {
		t.Error("the secret shows")
	}
	for _, place := range [][2]string{{"shop", "other"}, {"other", "stripe"}, {"sho", "pstripe"}, {"shops", "tripe"}, {"", ""}} {
		if _, err := one.Open(sealed, place[0], place[1]); !errors.Is(err, ErrSealed) {
			t.Errorf("at %q it gives %v", place, err)
		}
	}
	if _, err := two.Open(sealed, "shop", "stripe"); !errors.Is(err, ErrSealed) || strings.Contains(err.Error(), "canary") {
		t.Errorf("with another key it gives %v", err)
	}
	for _, cut := range []int{0, 1, 12, 28, len(sealed) - 1} {
		if _, err := one.Open(sealed[:cut], "shop", "stripe"); !errors.Is(err, ErrSealed) {
			t.Errorf("cut to %d it gives %v", cut, err)
		}
	}
	if one.ID() == two.ID() || len(one.ID()) != 16 {
		t.Errorf("the keys are %s and %s", one.ID(), two.ID())
	}
	key := string(bytes.Repeat([]byte{1}, KeyBytes))
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if out := fmt.Sprintf(verb, one); strings.Contains(out, key) || !strings.Contains(out, one.ID()) {
			t.Errorf("%s prints %q", verb, out)
		}
	}
	if again, err := NewBox([]byte(key)); err != nil || again.ID() != one.ID() {
		t.Errorf("the same key gives another box: %v", err)
	}
	if _, err := NewBox(make([]byte, 16)); err == nil {
		t.Error("a short key is taken")
	}
}

func TestKeysAreReadAsTheyAreWritten(t *testing.T) {
	t.Parallel()
	key := make([]byte, KeyBytes)
	for i := range key {
		key[i] = byte(i * 7)
	}
	for _, text := range []string{
		FormatKey(key), hex.EncodeToString(key), strings.ToUpper(FormatKey(key)), base64.StdEncoding.EncodeToString(key) + "\r\n", base64.RawStdEncoding.EncodeToString(key),
	} {
		if got, err := ParseKey(text); err != nil || !bytes.Equal(got, key) {
			t.Errorf("%q: %x, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "hunter2", string(key), hex.EncodeToString(key[1:]), base64.StdEncoding.EncodeToString(key[1:]), FormatKey(key) + FormatKey(key), strings.Repeat("x", 64)} {
		if got, err := ParseKey(text); err == nil || text != "" && strings.Contains(err.Error(), text) {
			t.Errorf("%q: %x, %v", text, got, err)
		}
	}
}

func BenchmarkMasker(b *testing.B) {
	var secrets []string
	for i := range 50 {
		secrets = append(secrets, fmt.Sprintf("sk_live_%032d", i))
	}
	m := NewMasker(secrets)
	text := []byte(strings.Repeat(`{"id":1042,"status":"ready","note":"sk_live_ is how they begin"},`, 1000))
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		m.JSON(text)
	}
}

func TestAHostCoversWhatLiesWithinIt(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		host, other string
		want        bool
	}{
		{"api.example.com", "api.example.com", true},
		{"api.example.com", "API.example.com:443", true},
		{"api.example.com", "http://api.example.com", false},
		{"api.example.com", "api.example.com:8443", false},
		{"api.example.com", "*.api.example.com", false},
		{"api.example.com", "*.example.com", false},
		{"*.example.com", "api.example.com", true},
		{"*.example.com", "*.example.com", true},
		{"*.example.com", "*.eu.example.com", true},
		{"*.example.com", "example.com", false},
		{"*.example.com", "evilexample.com", false},
		{"*.eu.example.com", "*.example.com", false},
		{"http://*.example.com", "api.example.com", false},
	} {
		host, err := ParseHost(c.host)
		if err != nil {
			t.Fatal(err)
		}
		other, err := ParseHost(c.other)
		if err != nil {
			t.Fatal(err)
		}
		if host.Covers(other) != c.want {
			t.Errorf("that %s covers %s is %t", c.host, c.other, !c.want)
		}
	}
}
