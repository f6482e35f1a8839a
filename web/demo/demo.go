// Package demo holds the demo's pages: a small shop whose orders renew themselves while a user types, and two whole apps, a status board and a
// messenger.
package demo

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"time"
)

//go:embed src
var src embed.FS

var pages = template.Must(template.New("").Funcs(template.FuncMap{"clock": clock}).ParseFS(src, "src/*.html"))

// Statuses are the states of an order, in the order in which it takes them.
var Statuses = []string{"new", "paid", "ready", "shipped"}

// PageData is what the page shows.
type PageData struct {
	AppID   string
	BaseURL string  // where clients outside the page reach the server, without a trailing slash
	Token   string  // an API token for the ready curl command; empty: the page says where to find it
	Orders  []Order // in the order shown
	Offset  string  // the position of the push log at which Orders were read; empty: the page refreshes itself once
	User    string  // the user who is logged in, empty for a guest
	Apps    bool    // the demo has its further apps too
}

// Order is one row of the list. ChangedAt is RFC 3339.
type Order struct {
	ID, Number, Status, Total, Owner, Note string
	ChangedAt                              string
}

// Page writes the page. Nothing is written when it fails.
func Page(w io.Writer, data PageData) error {
	return write(w, "page.html", struct {
		PageData
		Statuses []string
	}{data, Statuses})
}

// write writes one of the pages, or nothing when it fails.
func write(w io.Writer, name string, view any) error {
	var out bytes.Buffer
	if err := pages.ExecuteTemplate(&out, name, view); err != nil {
		return fmt.Errorf("render %s: %w", name, err)
	}
	_, err := out.WriteTo(w)
	return err
}

// Assets holds the page's style sheet, scripts and icon, served under /demo/assets/.
func Assets() fs.FS { return sub(src, "src/assets") }

// clock shows the time of day of an instant, in UTC; what is no instant is shown as it is.
func clock(at string) string {
	t, err := time.Parse(time.RFC3339, at)
	if err != nil {
		return at
	}
	return t.UTC().Format("15:04:05")
}
