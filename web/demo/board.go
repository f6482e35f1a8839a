package demo

import (
	"io"
	"time"
)

// States are those of a service, the worst one last.
var States = []string{"ok", "degraded", "down"}

// BoardData is what the status board shows.
type BoardData struct {
	AppID     string
	Offset    string    // the position of the push log at which the rest was read
	Filter    string    // only services of this state are listed; empty: all
	Services  []Service // all of them, in the order shown
	Incidents []Incident
	Open      int64 // incidents, as the schedule has counted them
	Counted   int64 // how often it has done so
}

// Service is one row of the board.
type Service struct {
	ID, Name, State, Note string
	Since                 time.Time
}

// Incident is one entry of the list of incidents. ClosedAt is zero while it is open.
type Incident struct {
	ID, Text           string
	OpenedAt, ClosedAt time.Time
}

// Lasted says how long the incident was open.
func (i Incident) Lasted() string {
	return i.ClosedAt.Sub(i.OpenedAt).Round(time.Second).String()
}

// filter is one link above the services.
type filter struct {
	State   string
	Count   int
	Current bool
}

// BoardPage writes the status board. Nothing is written when it fails.
func BoardPage(w io.Writer, data BoardData) error {
	view := struct {
		BoardData
		States    []string
		Worst     string // the worst state of any service
		Filters   []filter
		Shown     []Service
		Scenarios []Document
		Marks     string
	}{BoardData: data, States: States, Worst: States[0], Scenarios: scenarios(Board), Marks: marks(Board)}
	view.Filters = []filter{{"", len(data.Services), data.Filter == ""}}
	for _, state := range States {
		n := 0
		for _, s := range data.Services {
			if s.State == state {
				n++
				view.Worst = state
			}
		}
		view.Filters = append(view.Filters, filter{state, n, data.Filter == state})
	}
	for _, s := range data.Services {
		if data.Filter == "" || s.State == data.Filter {
			view.Shown = append(view.Shown, s)
		}
	}
	return write(w, "board.html", view)
}
