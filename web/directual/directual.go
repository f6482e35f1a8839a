// Package directual answers /good/api as clients of the original call it: login, check and logout of an app's users (directual.md 3.6).
package directual

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cuelight/cuelight/engine"
	"github.com/cuelight/cuelight/engine/account"
)

// Options are what the handler is made of. Engine and Accounts are needed.
type Options struct {
	Engine   *engine.Engine
	Accounts *account.Service
	Log      *slog.Logger
	// Address tells the address of a client, for login limits. Nil means the peer's, without the port: another connection is no other client.
	Address func(*http.Request) string
	// BodyBytes bounds a body; 0 means 64 KiB.
	BodyBytes int64
}

type handler struct {
	Options
	mux *http.ServeMux
}

// New makes the handler of /good/.
func New(o Options) http.Handler {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Address == nil {
		o.Address = func(r *http.Request) string {
			host, _, err := net.SplitHostPort(r.RemoteAddr)
			if err != nil {
				return r.RemoteAddr
			}
			return host
		}
	}
	if o.BodyBytes == 0 {
		o.BodyBytes = 64 << 10
	}
	h := &handler{Options: o, mux: http.NewServeMux()}
	for _, v := range []string{"v4", "v5"} {
		base := "/good/api/" + v + "/auth"
		h.mux.HandleFunc("POST "+base, h.login)
		h.mux.HandleFunc("GET "+base+"/check", h.check(v))
		h.mux.HandleFunc("GET "+base+"/logout", h.logout)
	}
	h.mux.HandleFunc("/good/", func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, http.StatusNotFound, http.StatusNotFound, "There is nothing at this path")
	})
	return h
}

// ServeHTTP adds what lets pages of any origin ask: the session is in the request itself, and no cookie ever counts.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Access-Control-Allow-Origin", "*")
	header.Set("Cache-Control", "no-store")
	if r.Method != http.MethodOptions {
		h.mux.ServeHTTP(w, r)
		return
	}
	header.Set("Access-Control-Allow-Methods", "GET, POST")
	// Clients of the original send a header of their own with every request; whatever they ask for is let through.
	if asked := r.Header.Get("Access-Control-Request-Headers"); asked != "" {
		header.Set("Access-Control-Allow-Headers", asked)
	}
	header.Set("Access-Control-Max-Age", "600")
	w.WriteHeader(http.StatusNoContent)
}

// failure is an error as the original sends it.
type failure struct {
	Message        string         `json:"msg"`
	Code           int            `json:"code"`
	HTTPCode       int            `json:"httpCode"`
	TypeError      string         `json:"typeError"`
	ErrorVariables map[string]any `json:"errorVariables"`
	Payload        any            `json:"payload"`
	Status         string         `json:"status"`
}

// badLogin is the original's code for a login that is not good.
const badLogin = 108

func refuse(w http.ResponseWriter, status, code int, message string) {
	answer(w, status, failure{Message: message, Code: code, HTTPCode: status, TypeError: "ERROR", ErrorVariables: map[string]any{}, Status: "ERROR"})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json;charset=UTF-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

// login is what a body of a login may hold; the rest of it, such as a client's whole configuration, is passed over.
type login struct {
	AppID    string `json:"appID"`
	Provider string `json:"provider"`
	Username string `json:"username"`
	Password string `json:"password"`
}

// user is who is logged in.
type user struct {
	Token    string `json:"token"`
	Username string `json:"username"`
	Role     string `json:"role"`
}

type result struct {
	Result any    `json:"result"`
	Status string `json:"status"`
}

func (h *handler) login(w http.ResponseWriter, r *http.Request) {
	var in login
	if !h.read(w, r, &in) {
		return
	}
	if in.AppID == "" {
		in.AppID = appOf(r)
	}
	if in.Provider != "" && in.Provider != "rest" {
		refuse(w, http.StatusBadRequest, badLogin, "Only the provider rest is known here")
		return
	}
	if !h.origin(w, r, in.AppID) {
		return
	}
	secret, u, err := h.Accounts.LoginUser(r.Context(), engine.AppID(in.AppID), in.Username, in.Password, h.Address(r))
	if wait, ok := errors.AsType[*account.LimitError](err); ok {
		w.Header().Set("Retry-After", strconv.Itoa(int((wait.After+time.Second-1)/time.Second)))
		refuse(w, http.StatusTooManyRequests, http.StatusTooManyRequests, "Too many attempts, try again later")
		return
	}
	// An app that is not there answers as a wrong password does: nothing is to be learned by trying.
	if errors.Is(err, account.ErrLogin) || errors.Is(err, engine.ErrNotFound) {
		refuse(w, http.StatusBadRequest, badLogin, "User or password incorrect")
		return
	}
	if err != nil {
		h.fail(w, r, err)
		return
	}
	answer(w, http.StatusOK, result{user{secret, u.ID, u.Role}, "ok"})
}

func (h *handler) read(w http.ResponseWriter, r *http.Request, in *login) bool {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		refuse(w, http.StatusUnsupportedMediaType, http.StatusUnsupportedMediaType, "Send Content-Type: application/json")
		return false
	}
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(10 * time.Second)) // a recorder in a test has none
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, h.BodyBytes))
	_ = control.SetReadDeadline(time.Time{})
	if err != nil {
		refuse(w, http.StatusRequestEntityTooLarge, http.StatusRequestEntityTooLarge, "The request is too large")
		return false
	}
	if json.NewDecoder(bytes.NewReader(body)).Decode(in) != nil {
		refuse(w, http.StatusBadRequest, http.StatusBadRequest, "The request is not readable JSON")
		return false
	}
	return true
}

func appOf(r *http.Request) string {
	q := r.URL.Query()
	for _, name := range []string{"appID", "appId", "app_id"} {
		if id := q.Get(name); id != "" {
			return id
		}
	}
	return ""
}

// origin keeps to an app's list of origins, if it has one.
func (h *handler) origin(w http.ResponseWriter, r *http.Request, app string) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	a, err := h.Engine.App(r.Context(), engine.AppID(app))
	if err != nil || len(a.Origins) == 0 || slices.ContainsFunc(a.Origins, func(o string) bool { return strings.EqualFold(o, origin) }) {
		return true
	}
	refuse(w, http.StatusForbidden, http.StatusForbidden, "Pages of this origin may not log in to the app")
	return false
}

// checked is the answer of check. v4 has the token as an object, with name and role beside it for clients that read them there;
// v5 is flat.
type checked struct {
	Result   bool   `json:"result"`
	Token    any    `json:"token,omitempty"`
	Username string `json:"username,omitempty"`
	Role     string `json:"role"`
}

func (h *handler) check(version string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		app, secret := appOf(r), r.URL.Query().Get("sessionID")
		if !h.origin(w, r, app) {
			return
		}
		_, u, err := h.session(r.Context(), app, secret)
		if errors.Is(err, engine.ErrNotFound) {
			answer(w, http.StatusOK, result{checked{Result: false}, "ok"})
			return
		}
		if err != nil {
			h.fail(w, r, err)
			return
		}
		out := checked{Result: true, Token: secret, Username: u.ID, Role: u.Role}
		if version == "v4" {
			out.Token = user{secret, u.ID, u.Role}
		}
		answer(w, http.StatusOK, result{out, "ok"})
	}
}

func (h *handler) session(ctx context.Context, app, secret string) (account.Session, account.User, error) {
	if app == "" {
		return account.Session{}, account.User{}, engine.ErrNotFound
	}
	return h.Accounts.SessionUser(ctx, engine.AppID(app), secret)
}

// logout ends the session. One that has ended already is answered in the same way.
func (h *handler) logout(w http.ResponseWriter, r *http.Request) {
	app := appOf(r)
	session, _, err := h.session(r.Context(), app, r.URL.Query().Get("sessionID"))
	if err == nil {
		err = h.Accounts.Revoke(r.Context(), engine.AppID(app), session.ID)
	}
	if err != nil && !errors.Is(err, engine.ErrNotFound) {
		h.fail(w, r, err)
		return
	}
	answer(w, http.StatusOK, result{true, "ok"})
}

func (h *handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, engine.ErrUnavailable) || errors.Is(err, engine.ErrClosed) || errors.Is(err, engine.ErrBusy) {
		refuse(w, http.StatusServiceUnavailable, http.StatusServiceUnavailable, "Try again soon")
		return
	}
	h.Log.ErrorContext(r.Context(), "request failed", "route", r.Pattern, "err", err)
	refuse(w, http.StatusInternalServerError, http.StatusInternalServerError, "Internal error")
}
