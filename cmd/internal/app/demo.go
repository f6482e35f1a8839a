package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/cuelight/cuelight/engine"
	"github.com/cuelight/cuelight/web/demo"
)

// demoHandler serves the demo's pages, their files and what their forms do.
func (a *App) demoHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /demo/{$}", a.demoPage)
	mux.Handle("GET /demo/assets/", http.StripPrefix("/demo/assets/", http.FileServerFS(demo.Assets())))
	mux.HandleFunc("PATCH /demo/orders/{id}", a.changeOrder)
	mux.Handle("GET /demo/board/{$}", a.pageOf(boardApp, a.boardPage))
	mux.Handle("POST /demo/board/report", a.pageOf(boardApp, a.reportService))
	mux.Handle("GET /demo/messenger/{$}", a.pageOf(messengerApp, a.messengerPage))
	mux.Handle("GET /demo/messenger/session", a.pageOf(messengerApp, a.messengerSession))
	mux.Handle("POST /demo/messenger/login", a.pageOf(messengerApp, a.messengerLogin))
	mux.Handle("POST /demo/messenger/logout", a.pageOf(messengerApp, a.messengerLogout))
	mux.Handle("POST /demo/messenger/send", a.pageOf(messengerApp, a.messengerSend))
	mux.Handle("POST /demo/messenger/seen", a.pageOf(messengerApp, a.messengerSeen))
	return mux
}

// pageOf answers for an app of the demo, if this data directory has it: one that was filled without it stays as it is.
func (a *App) pageOf(app engine.AppID, page http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch _, err := a.Engine.App(r.Context(), app); {
		case errors.Is(err, engine.ErrNotFound):
			http.Error(w, "This data directory was filled without the app "+string(app)+". A new one has it: cuelight serve --demo", http.StatusNotFound)
		case err != nil:
			a.failDemo(w, err)
		default:
			page(w, r)
		}
	})
}

func (a *App) demoPage(w http.ResponseWriter, r *http.Request) {
	// The head is read before the orders: a push in between then renews the page once too often, never once too little.
	head, err := a.Store.PushHead(r.Context(), demoApp)
	data := demo.PageData{AppID: string(demoApp), BaseURL: a.URL(), Apps: len(a.demoApps(r.Context())) > 0}
	if !a.cfg.DemoPublic {
		data.Token = a.demoToken
	}
	if err == nil {
		data.Offset = fmt.Sprintf("%s.%d", head.Epoch, head.Pos)
	}
	structures, err := a.Engine.Structures(r.Context(), demoApp)
	if err != nil {
		a.failDemo(w, err)
		return
	}
	page, err := a.Store.Objects(r.Context(), engine.ObjectQuery{App: demoApp, Structure: structures["Order"], Limit: 100})
	if err != nil {
		a.failDemo(w, err)
		return
	}
	for _, o := range page.Items {
		var f struct{ Number, Status, Total, Owner, Note string }
		if err := json.Unmarshal(o.Data, &f); err != nil {
			a.failDemo(w, err)
			return
		}
		data.Orders = append(data.Orders, demo.Order{
			ID: o.ID, Number: f.Number, Status: f.Status, Total: f.Total, Owner: f.Owner, Note: f.Note, ChangedAt: o.ChangedAt.Format(engine.DateFormat),
		})
	}
	slices.SortFunc(data.Orders, func(x, y demo.Order) int { return strings.Compare(x.Number, y.Number) })
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	if err := demo.Page(w, data); err != nil {
		a.failDemo(w, err)
	}
}

func (a *App) failDemo(w http.ResponseWriter, err error) {
	a.log.Error("demo page", "err", err)
	http.Error(w, "The demo page can not be shown: see the server's log.", http.StatusInternalServerError)
}

// changeOrder is the page's form: it changes status and total of an order, as an API client with a token would.
func (a *App) changeOrder(w http.ResponseWriter, r *http.Request) {
	var fields map[string]json.RawMessage
	if r.Header.Get("Content-Type") != "application/json" {
		demoAnswer(w, http.StatusUnsupportedMediaType, "send application/json")
		return
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 4096)).Decode(&fields); err != nil {
		demoAnswer(w, http.StatusBadRequest, "the request is not readable JSON")
		return
	}
	for name := range fields {
		if name != "status" && name != "total" && name != "note" {
			demoAnswer(w, http.StatusUnprocessableEntity, "the form changes status, total and note only")
			return
		}
	}
	_, err := a.Engine.Write(r.Context(), engine.Write{
		App: demoApp, Kind: engine.WritePatch, Structure: "Order", ID: r.PathValue("id"), Fields: fields, Who: "demo page",
	})
	if err != nil {
		demoAnswer(w, http.StatusUnprocessableEntity, err.Error())
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func demoAnswer(w http.ResponseWriter, status int, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"status": status, "title": http.StatusText(status), "detail": detail})
}
