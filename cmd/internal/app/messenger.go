package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/cuelight/cuelight/engine"
	"github.com/cuelight/cuelight/web/demo"
)

const (
	// messengerApp is the app of the messenger.
	messengerApp  = engine.AppID(demo.Messenger)
	messengerPath = "/demo/messenger/"
	// messengerCookie holds the session_id of who has logged in to the page.
	messengerCookie = "cuelight_messenger"
)

// messengerTalk is what was said before.
var messengerTalk = []struct{ from, to, text string }{
	{"anna", "testUser", "Hi! Is the new shop page ready?"},
	{"testUser", "anna", "Almost. The orders renew themselves now, and what I type stays."},
	{"anna", "testUser", "Nice. Tell me when I can have a look."},
}

func (a *App) fillMessenger(ctx context.Context) error {
	if err := a.createUsers(ctx, messengerApp); err != nil {
		return err
	}
	for i, m := range messengerTalk {
		last := i == len(messengerTalk)-1
		v := values{"from": m.from, "to": m.to, "text": m.text, "read": !last}
		if err := a.create(ctx, messengerApp, "Message", fmt.Sprintf("hello-%d", i+1), v); err != nil {
			return err
		}
		if last {
			if err := a.create(ctx, messengerApp, "Chat", chatID(m.to, m.from), values{"owner": m.to, "partner": m.from, "unread": 1}); err != nil {
				return err
			}
		}
	}
	return nil
}

// chatID is the id of a chat as its owner sees it; the scenario that delivers messages makes the same one.
func chatID(owner, partner string) string { return owner + "~" + partner }

func (a *App) messengerPage(w http.ResponseWriter, r *http.Request) {
	user, err := a.messengerUser(r)
	switch {
	case errors.Is(err, engine.ErrNotFound) && r.Header.Get("X-Cuelight-Refresh") != "":
		demoAnswer(w, http.StatusUnauthorized, "the session has ended: log in again")
		return
	case errors.Is(err, engine.ErrNotFound):
		a.showMessenger(w, demo.MessengerData{AppID: string(messengerApp)})
		return
	case err != nil:
		a.failDemo(w, err)
		return
	}
	data, err := a.messengerData(r.Context(), user, r.URL.Query().Get("with"))
	if err != nil {
		a.failDemo(w, err)
		return
	}
	a.showMessenger(w, data)
}

func (a *App) showMessenger(w http.ResponseWriter, data demo.MessengerData) {
	pageHeaders(w)
	if err := demo.MessengerPage(w, data); err != nil {
		a.failDemo(w, err)
	}
}

// messengerUser is who has logged in to the page; ErrNotFound: nobody.
func (a *App) messengerUser(r *http.Request) (string, error) {
	cookie, err := r.Cookie(messengerCookie)
	if err != nil {
		return "", engine.ErrNotFound
	}
	session, err := a.Accounts.SessionBy(r.Context(), messengerApp, cookie.Value)
	if errors.Is(err, engine.ErrForbidden) {
		err = engine.ErrNotFound
	}
	return session.User, err
}

func (a *App) messengerData(ctx context.Context, user, with string) (demo.MessengerData, error) {
	v, err := a.look(ctx, messengerApp)
	if err != nil {
		return demo.MessengerData{}, err
	}
	data := demo.MessengerData{AppID: string(messengerApp), Offset: v.offset, User: demo.Person{ID: user, Name: user}}
	last := map[string]string{}
	for _, m := range v.messages(user, "") {
		last[m.partner] = m.Text
	}
	unread := map[string]int64{}
	for _, o := range v.objects("Chat", fmt.Sprintf("owner = %q", user), "id") {
		var f struct {
			Partner string
			Unread  int64
		}
		v.read(o, &f)
		unread[f.Partner] = max(f.Unread, 0)
	}
	for _, o := range v.objects(engine.UserStructure, "", "id") {
		var f struct{ Name string }
		v.read(o, &f)
		p := demo.Person{ID: o.ID, Name: f.Name}
		if p.Name == "" {
			p.Name = p.ID
		}
		switch o.ID {
		case user:
			data.User = p
			continue
		case with:
			data.Partner = p
			for _, m := range v.messages(user, with) {
				data.Messages = append(data.Messages, m.Message)
			}
		}
		data.Chats = append(data.Chats, demo.Chat{Person: p, Unread: unread[o.ID], Last: last[o.ID], Current: o.ID == with})
	}
	return data, v.err
}

// said is a message as one of the two sees it, and who the other is.
type said struct {
	demo.Message
	partner string
}

// messages are the latest of a user with a partner, or with everybody, the oldest of them first.
func (v *view) messages(user, partner string) []said {
	where := fmt.Sprintf("from = %[1]q OR to = %[1]q", user)
	if partner != "" {
		where = fmt.Sprintf("from = %[1]q AND to = %[2]q OR from = %[2]q AND to = %[1]q", user, partner)
	}
	var all []said
	for _, o := range v.objects("Message", where, "-created_at") {
		var f struct {
			From, To, Text string
			Read           bool
		}
		v.read(o, &f)
		m := said{demo.Message{ID: o.ID, Text: f.Text, Mine: f.From == user, Read: f.Read, At: o.CreatedAt}, f.From}
		if m.Mine {
			m.partner = f.To
		}
		all = append(all, m)
	}
	slices.Reverse(all)
	return all
}
