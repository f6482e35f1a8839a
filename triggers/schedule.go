package triggers

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/cuelight/cuelight/engine"
)

var scheduleSpec = engine.TriggerSpec[schedule]{
	Kind: "schedule", Title: "On a schedule",
	Help: "Starts at times of the clock: every 15 minutes, every day at 09:00, on Mondays, on the first of each month, or as a cron line " +
		"says. It starts once, or once for each object that passes a filter (a run without an object goes through them and starts those). When the clock is put forward, a time that is skipped starts at " +
		"the first moment after; when it is put back, a time that comes twice starts only the first time; what repeats every few minutes or " +
		"hours just goes on.",
	Examples: []engine.Example{
		{Name: "on weekdays at nine", Settings: `{"cron": "0 9 * * 1-5", "time_zone": "Europe/Riga"}`, When: []string{"time", "time"}, Want: []string{"starts at the time", "starts at the time"}},
		{Name: "every quarter of an hour", Settings: `{"every": "15m", "overlap": "skip"}`, When: []string{"time"}, Want: []string{"starts at the time"}},
		{
			Name: "each night, for the orders that are still new", Settings: `{"daily": "02:30", "missed": "skip", "filter": "status = \"new\""}`,
			When: []string{`create {"number":"1042","status":"new"}`, "time"}, Want: []string{"starts for order at the time"},
		},
		{Name: "twice a week", Settings: `{"weekly": "mon,thu 09:00"}`, When: []string{"time"}, Want: []string{"starts at the time"}},
		{Name: "at the end of each month", Settings: `{"monthly": "last 18:00", "missed": "all"}`, When: []string{"time"}, Want: []string{"starts at the time"}},
	},
	Watch: func(*schedule) engine.Watch { return engine.Watch{} },
	Schedule: func(c *schedule, zone string) (*engine.Schedule, error) {
		calendar, err := c.calendar(zone)
		if err != nil {
			return nil, err
		}
		return &engine.Schedule{Calendar: calendar, Policy: c.Missed, Overlap: c.Overlap, Where: c.Filter, PerItem: c.Filter != ""}, nil
	},
}

var _ = declare(scheduleSpec)

type schedule struct {
	Every    engine.Duration `json:"every,omitzero" title:"Every" doc:"How often: 90s, 15m, 2h or 1d, at least 10s. It is counted from midnight UTC of 1 January 1970, so 15m is at :00, :15, :30 and :45."`
	Daily    string          `json:"daily,omitzero" title:"Every day at" ui:"time" doc:"A time of day: 09:00."`
	Weekly   string          `json:"weekly,omitzero" title:"Every week on" ui:"weekly" doc:"One or several days and a time: mon 09:00, mon,thu 09:00 or mon-fri 09:00."`
	Monthly  string          `json:"monthly,omitzero" title:"Every month on" ui:"monthly" doc:"A day of the month, 1 to 31 or last, and a time: 1 09:00. In a month that is too short it is the last day."`
	Cron     string          `json:"cron,omitzero" title:"Cron line" ui:"cron" doc:"Five fields: minute, hour, day of month, month, day of week. When both a day of month and a day of week are given, either is enough."`
	TimeZone string          `json:"time_zone,omitzero" title:"Time zone" ui:"time_zone" doc:"Whose clock is meant: a name such as Europe/Riga. Empty is the time zone of the app."`
	Missed   string          `json:"missed,omitzero" title:"Missed times" enum:"latest,skip,all" default:"latest" doc:"What to do about times that passed while the server was off: make up for the latest one, skip them, or make up for all, the last 100 at most. The latest one is not missed while it is less than a minute late. Times more than 24 hours ago are always skipped."`
	Overlap  string          `json:"overlap,omitzero" title:"Still running" enum:"skip,queue,allow" default:"skip" doc:"What to do when the run of an earlier time has not ended: skip this time, queue behind it, or allow both at once."`
	Filter   string          `json:"filter,omitzero" title:"For each object that passes" ui:"filter" doc:"Starts once for each object of the scenario's structure that passes this filter, such as status = \"new\". Empty: it starts once, without an object."`
}

// Bind wants exactly one way to say when, and checks the words.
func (c *schedule) Bind(b *engine.Binder) {
	// The app's zone is not known here. It was checked when the app was stored, and no spec is good in one zone and bad in another.
	if _, err := c.calendar(""); err != nil {
		failAll(b, err)
	}
	if c.Missed != "" && !slices.Contains([]string{MissedLatest, MissedSkip, MissedAll}, c.Missed) {
		b.Fail("missed", "OPTION", "must be latest, skip or all")
	}
	if c.Overlap != "" && !slices.Contains([]string{"skip", "queue", "allow"}, c.Overlap) {
		b.Fail("overlap", "OPTION", "must be skip, queue or allow")
	}
	if c.Filter == "" {
		return
	}
	if b.Structure() == nil {
		b.Fail("filter", "REQUIRED", "a scenario with a schedule for objects names its structure")
	}
	if strings.Contains(c.Filter, "{{") {
		b.Fail("filter", "FILTER", "there is no object to read a value from: write the value itself")
		return
	}
	b.Filter("filter", &engine.Filter{Source: c.Filter}, b.Structure())
}

// calendar computes the ticks, by the app's clock unless the settings name another.
func (c *schedule) calendar(appZone string) (*Calendar, error) {
	return NewCalendar(Spec{
		Cron: c.Cron, Every: time.Duration(c.Every), Daily: c.Daily, Weekly: c.Weekly, Monthly: c.Monthly, TimeZone: c.TimeZone,
	}, appZone)
}

// failAll reports the fields of an error at their settings.
func failAll(b *engine.Binder, err error) {
	inv, ok := errors.AsType[*engine.InvalidError](err)
	if !ok {
		b.Fail("", "SCHEDULE", "%s", err)
		return
	}
	for _, f := range inv.Fields {
		b.Fail(f.Path, f.Code, "%s", f.Message)
	}
}
