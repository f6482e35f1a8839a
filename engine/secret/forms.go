package secret

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"strings"
	"unicode/utf16"
)

// MinBytes is how long a secret, or a form of it, must be to be masked: shorter ones stand everywhere by chance.
const MinBytes = 4

// MaxBytes is how long a secret may be.
const MaxBytes = 16 << 10

// minPart is how long a line of a secret of several lines, or a text in one that is JSON, must be to be masked alone.
const minPart = 16

// forms are the ways in which a value as a whole shows up in requests, responses and messages.
func forms(value string) []string {
	all := allForms(value)
	if trimmed := strings.TrimSpace(value); trimmed != value {
		all = append(all, allForms(trimmed)...) // headers lose the spaces around them
	}
	return all
}

func allForms(text string) []string {
	if len(text) < MinBytes {
		return nil
	}
	all := []string{text, hex.EncodeToString([]byte(text)), strings.ToUpper(hex.EncodeToString([]byte(text))), html.EscapeString(text)}
	all = append(all, base64Forms(text)...)
	all = append(all, urlForms(text)...)
	return append(all, jsonForms(text)...)
}

// parts are the long lines of a value of several lines, such as a private key, and the long texts of one that is JSON, such as the key file
// of a service: what shows them may have split the lines or written the JSON anew.
func parts(value string) []string {
	var texts []string
	if doc := []byte(value); strings.ContainsAny(value, "{[") && json.Valid(doc) {
		for i := 0; i < len(doc); {
			end, text := token(doc, i)
			texts = append(texts, text)
			i = end
		}
	}
	if strings.Contains(value, "\n") || len(texts) > 0 {
		texts = append(texts, value)
	}
	var all []string
	for _, text := range texts {
		if text != value && len(text) >= minPart {
			all = append(all, text)
		}
		for line := range strings.Lines(text) {
			if line = strings.TrimSpace(line); line != text && len(line) >= minPart {
				all = append(all, line)
			}
		}
	}
	return all
}

// base64Forms are a value alone, and as a part of something longer, such as the user:password of Basic authentication: then it begins at one
// of three places within a group, and only the digits that depend on nothing but the value are looked for.
func base64Forms(value string) []string {
	var all []string
	for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
		whole := enc.EncodeToString([]byte(value))
		all = append(all, whole, strings.TrimRight(whole, "="))
		if strings.ContainsAny(whole, "+/=") {
			all = append(all, url.QueryEscape(whole))
		}
		for before := range 3 {
			text := enc.EncodeToString(append(make([]byte, before), value...))
			from, to := (before*8+5)/6, (before+len(value))*8/6
			if to-from >= MinBytes {
				all = append(all, text[from:to])
			}
		}
	}
	return all
}

const upperHex = "0123456789ABCDEF"

// urlForms are a value in a path, in a query and as strict encoders write it, with capital and small hexadecimal digits.
func urlForms(value string) []string {
	var strict strings.Builder
	for i := range len(value) {
		b := value[i]
		if b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || strings.IndexByte("-._~", b) >= 0 {
			strict.WriteByte(b)
		} else {
			strict.Write([]byte{'%', upperHex[b>>4], upperHex[b&15]})
		}
	}
	var all []string
	for _, form := range []string{url.QueryEscape(value), url.PathEscape(value), strict.String()} {
		all = append(all, form)
		if strings.Contains(form, "%") {
			all = append(all, smallPercents(form))
		}
	}
	return all
}

func smallPercents(form string) string {
	out := []byte(form)
	for i := 0; i+2 < len(out); i++ {
		if out[i] == '%' {
			copy(out[i+1:], strings.ToLower(form[i+1:i+3]))
		}
	}
	return string(out)
}

// jsonForms are a value within a JSON string as the usual writers write it, and once more inside a JSON text that is itself a string.
func jsonForms(value string) []string {
	html := inJSON(value)
	plain := strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(html)
	all := []string{html, plain, strings.ReplaceAll(plain, "/", `\/`), ascii(plain)}
	return append(all, inJSON(plain), inJSON(html))
}

func inJSON(value string) string {
	doc, err := json.Marshal(value)
	if err != nil {
		return value // a string can always be written
	}
	return string(doc[1 : len(doc)-1])
}

// ascii writes what is not ASCII as \u escapes, as many languages do by default.
func ascii(text string) string {
	var out strings.Builder
	for _, r := range text {
		if r < 0x80 {
			out.WriteRune(r)
			continue
		}
		for _, unit := range utf16.Encode([]rune{r}) {
			fmt.Fprintf(&out, `\u%04x`, unit)
		}
	}
	return out.String()
}
