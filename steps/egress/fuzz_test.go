package egress

import (
	"bufio"
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/cuelight/cuelight/engine"
)

// FuzzRequest checks that any request is either refused with words, or is on the wire exactly one request, to the host that was judged and
// with the headers that were given.
func FuzzRequest(f *testing.F) {
	for _, list := range [][]string{numbers()[:20], sixes, words} {
		for _, host := range list {
			f.Add("GET", "http://"+host+"/", "X-A", "b")
		}
	}
	for _, u := range tricks {
		f.Add("POST", strings.ReplaceAll(u, "PORT", "8080"), "X-A", "b\r\nc")
	}
	f.Add("GET", "https://пример.испытание:8443/ä?ö=%zz#ü", "Authorization", "a\tb")
	c := New(Options{})
	f.Fuzz(func(t *testing.T, method, text, name, value string) {
		x, err := c.prepare(Request{Method: method, URL: text, Headers: []Header{{Name: name, Value: value}}, Body: []byte("body")})
		if err != nil {
			if engine.ErrorCode(err) == "INTERNAL" || err.Error() == "" {
				t.Fatalf("refused without words: %v", err)
			}
			return
		}
		if x.url.Scheme != "http" && x.url.Scheme != "https" || x.url.User != nil || x.url.Fragment != "" || !openPort(portOf(x.url)) {
			t.Fatalf("%q became %s", text, x.url)
		}
		again, err := c.parse(x.url.String())
		if err != nil || again.Host != x.url.Host || again.RequestURI() != x.url.RequestURI() {
			t.Fatalf("%q became %s and then %v: %v", text, x.url, again, err)
		}
		var wire bytes.Buffer
		if err := x.request(t.Context()).Write(&wire); err != nil {
			t.Fatalf("%q cannot be written: %v", text, err)
		}
		reader := bufio.NewReader(&wire)
		got, err := http.ReadRequest(reader)
		if err != nil {
			t.Fatalf("%q cannot be read again: %v", text, err)
		}
		if got.Host != x.url.Host || got.Method != x.method {
			t.Fatalf("%s to %s became %s to %s", x.method, x.url.Host, got.Method, got.Host)
		}
		got.Header.Del("Content-Length")
		if len(got.Header) > 3 || got.ContentLength != 4 {
			t.Fatalf("the headers became %v", got.Header)
		}
		rest := make([]byte, 5)
		if n, _ := reader.Read(rest); n != 4 || string(rest[:n]) != "body" {
			t.Fatalf("%q follows the head", rest[:n])
		}
	})
}
