package app

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"github.com/cuelight/cuelight/engine"
	"github.com/cuelight/cuelight/web/demo"
)

// boardApp is the app of the status board.
const boardApp = engine.AppID(demo.Board)

// boardServices are those that the board begins with.
var boardServices = []struct{ id, name, state, note string }{
	{"shop", "Web shop", "ok", ""},
	{"checkout", "Checkout", "ok", ""},
	{"payments", "Payments", "degraded", "Card payments take longer than usual"},
	{"search", "Search", "ok", ""},
	{"mail", "Mail", "ok", ""},
	{"warehouse", "Warehouse", "ok", ""},
}

func (a *App) fillBoard(ctx context.Context) error {
	now := time.Now().UTC()
	for i, s := range boardServices {
		v := values{"name": s.name, "state": s.state, "note": s.note, "since": now.Format(engine.DateFormat), "place": i + 1}
		if err := a.create(ctx, boardApp, "Service", s.id, v); err != nil {
			return err
		}
	}
	return a.create(ctx, boardApp, "Summary", "now", values{})
}

// boardPage shows the status board.
func (a *App) boardPage(w http.ResponseWriter, r *http.Request) {
	v, err := a.look(r.Context(), boardApp)
	if err != nil {
		a.failDemo(w, err)
		return
	}
	data := demo.BoardData{AppID: string(boardApp), Offset: v.offset}
	if state := r.URL.Query().Get("state"); slices.Contains(demo.States, state) {
		data.Filter = state
	}
	for _, o := range v.objects("Service", "", "place") {
		var f struct {
			Name, State, Note string
			Since             time.Time
		}
		v.read(o, &f)
		data.Services = append(data.Services, demo.Service{ID: o.ID, Name: f.Name, State: f.State, Note: f.Note, Since: f.Since})
	}
	for _, o := range v.objects("Incident", "", "-created_at") {
		var f struct {
			Text     string
			ClosedAt time.Time `json:"closed_at"`
		}
		v.read(o, &f)
		data.Incidents = append(data.Incidents, demo.Incident{ID: o.ID, Text: f.Text, OpenedAt: o.CreatedAt, ClosedAt: f.ClosedAt})
	}
	for _, o := range v.objects("Summary", `id = "now"`, "id") {
		var f struct{ Open, Counted int64 }
		v.read(o, &f)
		data.Open, data.Counted = f.Open, f.Counted
	}
	if v.err != nil {
		a.failDemo(w, v.err)
		return
	}
	pageHeaders(w)
	if err := demo.BoardPage(w, data); err != nil {
		a.failDemo(w, err)
	}
}

// reportService is the board's form: it changes state and note of a service, as an API client with a token would.
func (a *App) reportService(w http.ResponseWriter, r *http.Request) {
	if !formOfOurs(w, r) {
		return
	}
	fields, err := values{"state": r.PostForm.Get("state"), "note": r.PostForm.Get("note")}.fields()
	if err != nil {
		a.failDemo(w, err)
		return
	}
	if r.PostForm.Get("note") == "" {
		fields["note"] = json.RawMessage("null")
	}
	_, err = a.Engine.Write(r.Context(), engine.Write{
		App: boardApp, Kind: engine.WritePatch, Structure: "Service", ID: r.PostForm.Get("service"), Fields: fields, Who: "status board",
	})
	formAnswer(w, r, err, "/demo/board/")
}
