package egress

import (
	"net/http"
	"slices"
	"strings"
)

// perConnection are the headers that belong to the connection or that we set ourselves.
var perConnection = []string{
	"Connection", "Content-Length", "Expect", "Host", "Http2-Settings", "Keep-Alive", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
}

// headers checks the headers of a request and gives them with the names of those that must not leave the host.
func headers(list []Header) (http.Header, map[string]bool, error) {
	if len(list) > maxHeaders {
		return nil, nil, overLimit("HTTP_HEADER", "http_headers", "at most %d headers are possible", maxHeaders)
	}
	out, secret, size := http.Header{}, map[string]bool{}, 0
	for _, h := range list {
		if !token(h.Name) || len(h.Name) > 256 {
			return nil, nil, refused("HTTP_HEADER", "a header's name must be 1 to 256 letters, digits and -")
		}
		name := http.CanonicalHeaderKey(h.Name)
		if slices.Contains(perConnection, name) || strings.HasPrefix(name, "Proxy-") {
			return nil, nil, refused("HTTP_HEADER", "the header %s is set by Cuelight and cannot be given", name)
		}
		if !validValue(h.Value) {
			return nil, nil, refused("HTTP_HEADER", "the value of the header %s holds a line break or another control character", name)
		}
		if size += len(name) + len(h.Value) + 4; size > maxHeaderBytes {
			return nil, nil, overLimit("HTTP_HEADER", "http_headers", "the headers are longer than %d bytes together", maxHeaderBytes)
		}
		out.Add(name, h.Value)
		if h.Secret || namedSecret(name) {
			secret[name] = true
		}
	}
	if out.Get("User-Agent") == "" {
		out.Set("User-Agent", "Cuelight")
	}
	if out.Get("Accept-Encoding") == "" {
		out.Set("Accept-Encoding", "gzip")
	}
	return out, secret, nil
}

// checkMethod takes any method in capital letters but those that make a tunnel or send back what they got.
func checkMethod(method string) error {
	plain := strings.Trim(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-") == "" && strings.Trim(method, "-") != ""
	if !plain || len(method) > 20 || slices.Contains([]string{"CONNECT", "TRACE", "TRACK", "PRI"}, method) {
		return refused("HTTP_METHOD", "the method must be one like GET, POST, PUT, PATCH or DELETE")
	}
	return nil
}

// namedSecret tells by its name that a header holds a credential, also where it was typed and does not come from a secret.
func namedSecret(name string) bool {
	name = strings.ToLower(name)
	return slices.ContainsFunc([]string{"auth", "cookie", "token", "secret", "key", "password", "credential", "session", "signature"}, func(word string) bool {
		return name != "idempotency-key" && strings.Contains(name, word)
	})
}

// token tells whether a text is what HTTP calls so.
func token(text string) bool {
	for i := range len(text) {
		b := text[i]
		letter := b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9'
		if !letter && !strings.ContainsRune("!#$%&'*+-.^_`|~", rune(b)) {
			return false
		}
	}
	return text != ""
}

func validValue(value string) bool {
	for i := range len(value) {
		if b := value[i]; b < ' ' && b != '\t' || b == 0x7f {
			return false
		}
	}
	return true
}
