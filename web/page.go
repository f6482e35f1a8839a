package web

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"html/template"
	"net/http"
	"strings"

	"github.com/cuelight/cuelight/engine"
	"github.com/cuelight/cuelight/web/api"
	"github.com/cuelight/cuelight/web/app"
	"github.com/cuelight/cuelight/web/client"
)

// makeScript is cuelight.js with its ETag.
func makeScript() ([]byte, string) {
	script := client.Script()
	sum := sha256.Sum256(script)
	return script, `"` + hex.EncodeToString(sum[:8]) + `"`
}

// script serves cuelight.js to pages of any origin.
func (s *Server) script(w http.ResponseWriter, r *http.Request) {
	script, etag := scriptOnce()
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	h.Set("Cache-Control", "public, max-age=3600")
	h.Set("ETag", etag)
	if r.Header.Get("If-None-Match") == etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", "text/javascript; charset=utf-8")
	_, _ = w.Write(script)
}

// pages are the few that come before the web app: without an account, there is nothing to see in it.
var pages = template.Must(template.New("").Parse(`
{{define "head"}}<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{.Title}}</title>
<link rel="icon" href="data:,">
<style nonce="{{.Nonce}}">
body { font: 16px/1.5 system-ui, sans-serif; max-width: 34rem; margin: 4rem auto; padding: 0 1rem; color: #1c2230; background: #fff; }
label { display: block; margin: 1rem 0 .25rem; font-weight: 600; }
input { width: 100%; box-sizing: border-box; font: inherit; padding: .5rem; border: 1px solid #667; border-radius: .375rem; }
button { font: inherit; margin-top: 1.25rem; padding: .5rem 1rem; border: 0; border-radius: .375rem; color: #fff; background: #1f4fd8; }
[role=alert] { color: #a3161d; }
@media (prefers-color-scheme: dark) { body { color: #e6e9f0; background: #14171f; } a { color: #8fb0ff; } [role=alert] { color: #ff9b9b; } }
</style>
</head>
<body>
<main>
<h1>{{.Title}}</h1>{{end}}
{{define "foot"}}</main>
</body>
</html>
{{end}}
{{define "setup"}}{{template "head" .}}
<p>Make the first account. It is an admin's: it can do everything, and make other accounts.</p>{{if .Wrong}}
<p role="alert">{{.Wrong}}</p>{{end}}
<form method="post">
<label for="email">E-mail</label>
<input id="email" name="email" type="email" autocomplete="username" required autofocus value="{{.Email}}">
<label for="password">Password, at least {{.Min}} characters</label>
<input id="password" name="password" type="password" autocomplete="new-password" minlength="{{.Min}}" required>
<button>Make the account</button>
</form>
{{template "foot" .}}{{end}}
{{define "message"}}{{template "head" .}}
<p>{{.Text}}</p>
{{template "foot" .}}{{end}}
`))

type page struct {
	Title, Nonce, Text, Wrong, Email string
	Min                              int
}

func (s *Server) show(w http.ResponseWriter, status int, name string, p page) {
	p.Nonce, p.Min = newNonce(), api.MinPassword
	var out strings.Builder
	if err := pages.ExecuteTemplate(&out, name, p); err != nil {
		s.log.Error("make page", "page", name, "err", err)
		plain(w, http.StatusInternalServerError, "internal error")
		return
	}
	h := w.Header()
	h.Set("Content-Security-Policy", policy(p.Nonce))
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(out.String()))
}

// webApp is the page of the web app; its own script tells what lies at each address under /a/.
func (s *Server) webApp(w http.ResponseWriter, _ *http.Request) {
	nonce := newNonce()
	h := w.Header()
	h.Set("Content-Security-Policy", policy(nonce))
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	_, _ = w.Write(app.Page(nonce))
}

func newNonce() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	return base64.RawURLEncoding.EncodeToString(b)
}

// signIn logs whoever has just made the first account in and leads into the web app; if that fails, they do it there themselves.
func (s *Server) signIn(w http.ResponseWriter, r *http.Request, email, password string) {
	if err := s.api.SignIn(w, r, email, password); err != nil {
		s.log.WarnContext(r.Context(), "log the first account in", "err", err)
	}
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

const deadLink = "The link has been used, has lapsed or never was. Restart the server for a new one, or make an account with: cuelight account create EMAIL --role admin"

func (s *Server) setupForm(w http.ResponseWriter, r *http.Request) {
	if err := s.opt.Accounts.CheckSetup(r.Context(), r.PathValue("token")); err != nil {
		s.show(w, http.StatusNotFound, "message", page{Title: "This link is dead", Text: deadLink})
		return
	}
	s.show(w, http.StatusOK, "setup", page{Title: "Set up Cuelight"})
}

// setupBytes bounds the form.
const setupBytes = 8 << 10

func (s *Server) setup(w http.ResponseWriter, r *http.Request) {
	if err := http.NewCrossOriginProtection().Check(r); err != nil {
		s.show(w, http.StatusForbidden, "message", page{Title: "Not from here", Text: "The form was sent by another site."})
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, setupBytes)
	if err := r.ParseForm(); err != nil {
		s.show(w, http.StatusBadRequest, "message", page{Title: "Not readable", Text: "The form could not be read."})
		return
	}
	email, password := r.PostForm.Get("email"), r.PostForm.Get("password")
	again := page{Title: "Set up Cuelight", Email: email}
	if len(password) < api.MinPassword {
		again.Wrong = "The password is too short."
		s.show(w, http.StatusUnprocessableEntity, "setup", again)
		return
	}
	acc, err := s.opt.Accounts.UseSetup(r.Context(), r.PathValue("token"), email, password)
	switch inv, _ := errors.AsType[*engine.InvalidError](err); {
	case err == nil:
		s.signIn(w, r, acc.Email, password)
	case inv != nil:
		again.Wrong = "The " + inv.Fields[0].Path + " " + inv.Fields[0].Message + "."
		s.show(w, http.StatusUnprocessableEntity, "setup", again)
	case errors.Is(err, engine.ErrNotFound):
		s.show(w, http.StatusNotFound, "message", page{Title: "This link is dead", Text: deadLink})
	default:
		s.log.ErrorContext(r.Context(), "set up", "err", err)
		s.show(w, http.StatusServiceUnavailable, "message", page{Title: "Not now", Text: "The server could not make the account. Try again; the link is still good."})
	}
}
