// Package app holds the web app in which people build: its built files, and the pages that they lie under.
package app

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"sync"
)

//go:embed dist
var dist embed.FS

// Files gives the app's files under /assets/ by ETag, since their names stay the same from one program to the next. It is safe for
// concurrent use. It panics when the program was built without the app.
func Files() http.Handler {
	files := map[string]*file{}
	err := fs.WalkDir(dist, "dist/assets", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		body, err := dist.ReadFile(name)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(body)
		files[strings.TrimPrefix(name, "dist")] = &file{body: body, tag: hex.EncodeToString(sum[:8]), packed: sync.OnceValue(func() []byte { return pack(body) })}
		return nil
	})
	if err != nil {
		panic(fmt.Sprintf("read the web app: %v", err))
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f := files[r.URL.Path]
		if f == nil {
			http.NotFound(w, r)
			return
		}
		f.serve(w, r)
	})
}

type file struct {
	body   []byte
	tag    string
	packed func() []byte
}

// pack is done once for each file, when it is asked for first: the build then depends on no program that packs.
func pack(body []byte) []byte {
	var out bytes.Buffer
	w, _ := gzip.NewWriterLevel(&out, gzip.BestCompression) // the level is a good one
	_, _ = w.Write(body)                                    // a buffer takes all
	_ = w.Close()
	return out.Bytes()
}

// types are the kinds of file that the build makes.
var types = map[string]string{".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}

func (f *file) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-cache") // asked for each time, sent again only when it is another one
	h.Set("Vary", "Accept-Encoding")
	etag := `"` + f.tag + `"`
	packed := strings.Contains(r.Header.Get("Accept-Encoding"), "gzip")
	if packed {
		etag = `"` + f.tag + `-gz"`
	}
	h.Set("ETag", etag)
	if r.Header.Get("If-None-Match") == etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", types[path.Ext(r.URL.Path)])
	if packed {
		h.Set("Content-Encoding", "gzip")
		_, _ = w.Write(f.packed())
		return
	}
	_, _ = w.Write(f.body)
}

// Page is the app's page with a nonce for the styles that it makes while it runs.
func Page(nonce string) []byte {
	page, err := dist.ReadFile("dist/index.html")
	if err != nil {
		panic(fmt.Sprintf("read the web app: %v", err))
	}
	return bytes.Replace(page, []byte(`content="NONCE"`), []byte(`content="`+nonce+`"`), 1)
}
