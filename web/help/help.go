// Package help is the help inside the program: guides in Markdown, a page for each kind of step and trigger made from its declaration, and
// a search over all of them. It needs no network, no script in the browser and no build.
package help

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"sync"

	"github.com/cuelight/cuelight/engine"
)

//go:embed pages assets pictures page.html
var files embed.FS

var layout = template.Must(template.ParseFS(files, "page.html"))

// policy lets a page load nothing but what this server has, and run nothing that stands inside of it.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// Help answers everything below /help/. Its methods may be called concurrently.
type Help struct {
	mux *http.ServeMux
	// book is made when somebody first asks: a command that needs a server of its own for a moment need not wait for it.
	book func() *book
}

// New makes the help for a catalogue of kinds.
func New(kinds engine.Kinds) *Help {
	h := &Help{mux: http.NewServeMux(), book: sync.OnceValue(func() *book { return bind(kinds) })}
	h.mux.HandleFunc("GET /help/search", h.search)
	h.mux.HandleFunc("GET /help/assets/{name}", h.asset)
	h.mux.HandleFunc("GET /help/{path...}", h.page)
	return h
}

// ServeHTTP answers a request.
func (h *Help) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Security-Policy", policy)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	h.mux.ServeHTTP(w, r)
}

func (h *Help) page(w http.ResponseWriter, r *http.Request) {
	b := h.book()
	p := b.bySlug[strings.TrimSuffix(r.PathValue("path"), "/")]
	if p == nil {
		p = &Page{Title: "There is no such page", HTML: "<p>Look for it with the search, or in the list of pages.</p>", status: http.StatusNotFound}
	}
	b.show(w, r, view{Page: p})
}

func (h *Help) search(w http.ResponseWriter, r *http.Request) {
	b := h.book()
	q := strings.TrimSpace(r.URL.Query().Get("q"))
	if len(q) > maxQuery {
		q = strings.ToValidUTF8(q[:maxQuery], "")
	}
	title := "Search"
	if q != "" {
		title = "Search: " + q
	}
	b.show(w, r, view{Page: &Page{Slug: "search", Title: title}, Query: q, Searched: true, Found: b.Search(q)})
}

func (h *Help) asset(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	doc, err := fs.ReadFile(files, path.Join("assets", name))
	if err != nil {
		http.NotFound(w, r)
		return
	}
	send(w, r, http.StatusOK, mime.TypeByExtension(path.Ext(name)), doc)
}

// view is what the layout shows.
type view struct {
	*Page
	Groups         []group
	Previous, Next *Page
	Query          string
	Searched       bool
	Found          []Found
}

func (b *book) show(w http.ResponseWriter, r *http.Request, v view) {
	v.Groups = b.groups
	v.Previous, v.Next = b.beside(v.Page)
	var out bytes.Buffer
	if err := layout.Execute(&out, v); err != nil {
		http.Error(w, "The page can not be shown.", http.StatusInternalServerError)
		return
	}
	status := v.status
	if status == 0 {
		status = http.StatusOK
	}
	send(w, r, status, "text/html; charset=utf-8", out.Bytes())
}

// send answers with a document, or with 304 when the browser has it.
func send(w http.ResponseWriter, r *http.Request, status int, kind string, doc []byte) {
	sum := sha256.Sum256(doc)
	etag := `"` + hex.EncodeToString(sum[:8]) + `"`
	h := w.Header()
	h.Set("ETag", etag)
	h.Set("Cache-Control", "no-cache")
	if status == http.StatusOK && r.Header.Get("If-None-Match") == etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", kind)
	h.Set("Content-Length", fmt.Sprint(len(doc)))
	w.WriteHeader(status)
	_, _ = w.Write(doc)
}
