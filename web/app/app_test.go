package app_test

import (
	"compress/gzip"
	"io"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/cuelight/cuelight/web/app"
)

func TestAFileIsSentPackedAndOnlyWhenItIsAnotherOne(t *testing.T) {
	t.Parallel()
	files := app.Files()
	get := func(headers ...string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/assets/index.js", nil)
		for i := 0; i < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		w := httptest.NewRecorder()
		files.ServeHTTP(w, r)
		return w
	}
	plain, packed := get(), get("Accept-Encoding", "gzip, br")
	body, err := gzip.NewReader(packed.Body)
	if err != nil {
		t.Fatal(err)
	}
	unpacked, err := io.ReadAll(body)
	if err != nil || string(unpacked) != plain.Body.String() || packed.Header().Get("Content-Encoding") != "gzip" || plain.Header().Get("Content-Encoding") != "" {
		t.Errorf("packed it is another file (%v), headers %v and %v", err, packed.Header(), plain.Header())
	}
	if plain.Header().Get("ETag") == packed.Header().Get("ETag") || plain.Header().Get("Vary") != "Accept-Encoding" {
		t.Errorf("a cache can not tell them apart: %v and %v", plain.Header(), packed.Header())
	}
	for _, encoding := range []string{"", "gzip"} {
		etag := get("Accept-Encoding", encoding).Header().Get("ETag")
		if again := get("Accept-Encoding", encoding, "If-None-Match", etag); again.Code != 304 || again.Body.Len() > 0 {
			t.Errorf("what the browser has is sent again: %d", again.Code)
		}
	}
}

func TestThePageHasItsNonceAndNoScriptOfItsOwn(t *testing.T) {
	t.Parallel()
	page := string(app.Page("abc"))
	if !strings.Contains(page, `name="csp-nonce" content="abc"`) || strings.Contains(page, "NONCE") {
		t.Error("the page lacks its nonce")
	}
	if strings.Count(page, "<script") != strings.Count(page, "<script type=\"module\" crossorigin src=\"/assets/") || strings.Contains(page, "http:") || strings.Contains(page, "https:") {
		t.Errorf("the page loads something that is not its own: %s", page)
	}
}
