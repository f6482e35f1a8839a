package app

import (
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/cuelight/cuelight/engine"
	"github.com/cuelight/cuelight/engine/account"
	"github.com/cuelight/cuelight/web/demo"
)

// messengerSession hands the session to cuelight.js, which asks for it by data-session-url.
func (a *App) messengerSession(w http.ResponseWriter, r *http.Request) {
	cookie, err := r.Cookie(messengerCookie)
	if err == nil {
		_, err = a.messengerUser(r)
	}
	if err != nil {
		demoAnswer(w, http.StatusUnauthorized, "nobody is logged in")
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(map[string]string{"session_id": cookie.Value})
}

func (a *App) messengerLogin(w http.ResponseWriter, r *http.Request) {
	if !formOfOurs(w, r) {
		return
	}
	address, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		address = r.RemoteAddr
	}
	secret, _, err := a.Accounts.LoginUser(r.Context(), messengerApp, r.PostForm.Get("user"), r.PostForm.Get("password"), address)
	switch {
	case errors.Is(err, account.ErrLogin):
		a.showMessenger(w, demo.MessengerData{AppID: string(messengerApp), Wrong: "User or password is wrong."})
		return
	case err != nil:
		a.showMessenger(w, demo.MessengerData{AppID: string(messengerApp), Wrong: "Not now: " + err.Error()})
		return
	}
	http.SetCookie(w, a.cookie(secret, 0))
	http.Redirect(w, r, messengerPath, http.StatusSeeOther)
}

// cookie is the page's own: scripts can not read it, and no form of another site carries it.
func (a *App) cookie(value string, age int) *http.Cookie {
	return &http.Cookie{
		Name: messengerCookie, Value: value, Path: messengerPath, MaxAge: age, HttpOnly: true, SameSite: http.SameSiteLaxMode,
		Secure: strings.HasPrefix(a.cfg.PublicURL, "https://"),
	}
}

func (a *App) messengerLogout(w http.ResponseWriter, r *http.Request) {
	if !formOfOurs(w, r) {
		return
	}
	if cookie, err := r.Cookie(messengerCookie); err == nil {
		if session, err := a.Accounts.SessionBy(r.Context(), messengerApp, cookie.Value); err == nil {
			if err := a.Accounts.Revoke(r.Context(), messengerApp, session.ID); err != nil {
				a.failDemo(w, err)
				return
			}
		}
	}
	http.SetCookie(w, a.cookie("", -1))
	http.Redirect(w, r, messengerPath, http.StatusSeeOther)
}

// messengerSend writes a message; all else is the scenario's work.
func (a *App) messengerSend(w http.ResponseWriter, r *http.Request) {
	user, to, ok := a.messengerForm(w, r)
	if !ok {
		return
	}
	fields, err := values{"from": user, "to": to, "text": strings.TrimSpace(r.PostForm.Get("text"))}.fields()
	if err != nil {
		a.failDemo(w, err)
		return
	}
	_, err = a.Engine.Write(r.Context(), engine.Write{
		App: messengerApp, Kind: engine.WriteCreate, Structure: "Message", Fields: fields, Who: user, User: user,
	})
	formAnswer(w, r, err, messengerPath+"?with="+url.QueryEscape(to))
}

// messengerSeen notes that a user has looked at a chat; a scenario then marks the messages as read.
func (a *App) messengerSeen(w http.ResponseWriter, r *http.Request) {
	user, partner, ok := a.messengerForm(w, r)
	if !ok {
		return
	}
	made, err := values{"owner": user, "partner": partner}.fields()
	if err != nil {
		a.failDemo(w, err)
		return
	}
	chat := engine.Write{
		App: messengerApp, Kind: engine.WriteCreate, Structure: "Chat", ID: chatID(user, partner), Fields: made, Reuse: true, Who: user, User: user,
	}
	if _, err = a.Engine.Write(r.Context(), chat); err == nil {
		chat.Kind, chat.Reuse = engine.WritePatch, false
		chat.Fields, err = values{"seen": time.Now().UTC().Format(engine.DateFormat)}.fields()
	}
	if err == nil {
		_, err = a.Engine.Write(r.Context(), chat)
	}
	formAnswer(w, r, err, messengerPath+"?with="+url.QueryEscape(partner))
}

// messengerForm reads a form of who is logged in about another user.
func (a *App) messengerForm(w http.ResponseWriter, r *http.Request) (user, with string, ok bool) {
	if !formOfOurs(w, r) {
		return "", "", false
	}
	user, err := a.messengerUser(r)
	if err != nil {
		demoAnswer(w, http.StatusUnauthorized, "log in first")
		return "", "", false
	}
	with = r.PostForm.Get("with")
	if with == user {
		demoAnswer(w, http.StatusUnprocessableEntity, "choose somebody else")
		return "", "", false
	}
	return user, with, true
}
