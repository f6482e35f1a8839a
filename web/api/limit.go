package api

import (
	"context"
	"time"

	"github.com/cuelight/cuelight/engine"
)

// Limits bound what requests may take. A zero field means its default.
type Limits struct {
	BodyBytes     int           // of one body, 1 MiB
	InFlightBytes int           // of all bodies being worked at, 32 MiB
	JSONDepth     int           // levels of a body, 64
	JSONNodes     int           // values in a body, 10,000
	WaitPerApp    int           // requests of an app that wait for runs at a time, 200
	Wait          time.Duration // that one of them may take, 60 s
	FilterTime    time.Duration // of a list with a filter, 2 s
	Page          int           // objects of a list, 1,000
	Pushes        int           // of an app per second by the API, each receiver counted, 1,000; twice as many in a burst
}

func (l Limits) withDefaults() Limits {
	for _, n := range []struct {
		field *int
		value int
	}{{&l.BodyBytes, 1 << 20}, {&l.InFlightBytes, 32 << 20}, {&l.JSONDepth, 64}, {&l.JSONNodes, 10_000}, {&l.WaitPerApp, 200}, {&l.Page, 1000}, {&l.Pushes, 1000}} {
		if *n.field == 0 {
			*n.field = n.value
		}
	}
	if l.Wait == 0 {
		l.Wait = time.Minute
	}
	if l.FilterTime == 0 {
		l.FilterTime = 2 * time.Second
	}
	return l
}

// defaultPage is how many items a list has when nobody says.
const defaultPage = 50

// MinPassword is the shortest password that the API and the set-up form take.
const MinPassword = 8

// Limit is a row of /api/v1/limits.
type Limit struct {
	Name  string `json:"name" doc:"The name that a refusal gives in limit."`
	Value int64  `json:"value" doc:"How much is allowed."`
	Unit  string `json:"unit" doc:"What value counts."`
	Help  string `json:"help" doc:"What is bounded."`
}

// limitRows are all limits. Every refusal that names one finds it here; a test compares.
func (a *API) limitRows() []Limit {
	l, logins := a.limits, a.opt.Accounts.Limits()
	rows := []Limit{
		{"body_bytes", int64(l.BodyBytes), "bytes", "the body of one request"},
		{"bodies_in_flight", int64(l.InFlightBytes), "bytes", "the bodies of all requests at a time"},
		{"json_depth", int64(l.JSONDepth), "levels", "nesting of a body"},
		{"json_nodes", int64(l.JSONNodes), "values", "values in a body"},
		{"page", int64(l.Page), "items", "items of one answer of a list"},
		{"filter_time", l.FilterTime.Milliseconds(), "ms", "a list with a filter that no index serves"},
		{"pushes", int64(l.Pushes), "per second", "pushes of an app by the API, each receiver counted"},
		{"wait", l.Wait.Milliseconds(), "ms", "?wait"},
		{"wait_per_app", int64(l.WaitPerApp), "requests", "requests of an app that wait for runs at a time"},
		{"idempotency_key", 255, "bytes", "an Idempotency-Key; it is kept 24 h"},
		{"login_per_account", int64(logins.LoginsPerAccount), "tries per minute", "logins with one name from one address"},
		{"login_per_address", int64(logins.LoginsPerAddress), "tries per minute", "logins from one address"},
		{"password_hashes", 2, "at a time", "passwords being compared"},
		{"password_chars", MinPassword, "bytes", "the shortest password"},
		{"session_idle", logins.SessionIdle.Milliseconds(), "ms", "an unused session"},
		{"session_absolute", logins.SessionAbsolute.Milliseconds(), "ms", "any session"},
		{"socket_tickets", 20, "tickets", "unused tickets for the web app's socket of one account; 1,000 of all"},
		{"app_name", maxName, "bytes", "the name of an app"},
		{"app_origins", maxOrigins, "origins", "origins that an app admits"},
		{"version_note", maxNote, "bytes", "the note of a published version"},
		{"disk_free_bytes", 200 << 20, "bytes", "free on the disk of a SQLite file, below which nothing is written"},
		{"batch_ops", maxBatch, "writes", "writes of one batch"},
		{"sort_keys", maxSort, "fields", "fields that a list is sorted by"},
	}
	for _, l := range engine.Limits() {
		rows = append(rows, Limit(l))
	}
	return append(rows, a.opt.Shown...)
}

type limitsOut struct {
	Body struct {
		Items []Limit `json:"items" nullable:"false"`
	}
}

func (a *API) listLimits(context.Context, *call, *struct{}, *none) (*limitsOut, error) {
	out := &limitsOut{}
	out.Body.Items = a.limitRows()
	return out, nil
}
