package triggers

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/cuelight/cuelight/engine"
)

// problems are what is wrong with a scenario that has this one trigger.
func problems(t *testing.T, structure, settings string) []engine.Problem {
	t.Helper()
	checker := engine.NewChecker(engine.Kinds{Triggers: []engine.TriggerKind{scheduleSpec.Build()}})
	checker.Know("structure", []byte(`{"id": "Order", "fields": [{"id": "status", "type": "string"}]}`))
	trigger := strings.Replace(settings, "{", `{"id": "s", "kind": "schedule", `, 1)
	return checker.Check("scenario", []byte(`{"id": "x", `+structure+`"triggers": [`+trigger+`], "steps": []}`))
}

const ofOrders = `"structure": "Order", `

func TestScheduleExamplesAreGood(t *testing.T) {
	t.Parallel()
	for _, e := range scheduleSpec.Examples {
		if found := problems(t, ofOrders, e.Settings); len(found) > 0 {
			t.Errorf("%s: %+v", e.Name, found)
		}
		var c schedule
		if err := json.Unmarshal([]byte(e.Settings), &c); err != nil {
			t.Fatal(err)
		}
		cal, err := c.calendar("Europe/Riga")
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %s", e.Name, cal.Describe())
	}
}

func TestWrongSchedulesAreRefusedAtTheirSetting(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ structure, settings, path, code string }{
		{"", `{"missed": "all"}`, "triggers[0].cron", "REQUIRED"},
		{"", `{"daily": "09:00", "every": "15m"}`, "triggers[0].daily", "OPTION"},
		{"", `{"every": "5s"}`, "triggers[0].every", "LIMIT"},
		{"", `{"every": "soon"}`, "triggers[0].every", "DURATION"},
		{"", `{"cron": "0 9 31 2 *"}`, "triggers[0].cron", "CRON"},
		{"", `{"cron": "TZ="}`, "triggers[0].cron", "CRON"},
		{"", `{"daily": "9 o'clock"}`, "triggers[0].daily", "SCHEDULE"},
		{"", `{"daily": "09:00", "time_zone": "Riga"}`, "triggers[0].time_zone", "TIME_ZONE"},
		{"", `{"daily": "09:00", "missed": "none"}`, "triggers[0].missed", "OPTION"},
		{"", `{"daily": "09:00", "overlap": "maybe"}`, "triggers[0].overlap", "OPTION"},
		{ofOrders, `{"daily": "09:00", "filter": "state ="}`, "triggers[0].filter", "FILTER"},
		{"", `{"daily": "09:00", "filter": "state = 1"}`, "triggers[0].filter", "REQUIRED"},
		{"", `{"daily": "09:00", "at": "noon"}`, "triggers[0].at", "UNKNOWN_FIELD"},
	} {
		found := problems(t, c.structure, c.settings)
		if len(found) != 1 || found[0].Path != c.path || found[0].Code != c.code {
			t.Errorf("%s: %+v, want %s at %s", c.settings, found, c.code, c.path)
		}
	}
}
