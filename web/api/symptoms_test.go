package api_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cuelight/cuelight/engine"
)

// started makes a scenario that runs.
func (w *world) started(id, doc string) {
	w.t.Helper()
	w.do("PUT", "/scenarios/"+id+"/draft", doc).is(201).has("problems", "[]")
	w.do("POST", "/scenarios/"+id+"/publish", `{"start":true}`).is(200)
}

func TestAConditionThatCanNotBeJudgedFailsNoWriteAndIsShown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const objects = "/structures/Order/objects"
	steps := `"steps":[{"id":"cue","kind":"push","to":"*","event":"refresh"}]}`
	w.started("now", `{"structure":"Order","triggers":[{"id":"c","kind":"object","on":["created","changed"],"if":"object.count + 1 > 0"}],`+steps)
	w.started("later", `{"structure":"Order","triggers":[{"id":"d","kind":"object","on":["created","changed"],"if":"count([1], # + object.count > 0) > 0"}],`+steps)
	w.started("fine", cueDoc("fine"))
	w.do("GET", "/scenarios/now", "").is(200).has("notices", "absent")
	a := w.do("POST", objects+"?wait=10s", `{"id":"o1"}`).is(201).has("id", "o1")
	if n := len(strings.Split(a.header.Get("Cuelight-Runs"), ",")); n != 2 {
		t.Errorf("%d runs are named, want that of the one that is judged later and the one of fine", n)
	}
	w.do("PATCH", objects+"/o1?wait=10s", `{"note":"x"}`).is(200).has("note", "x")
	for id, trigger := range map[string]string{"now": "c", "later": "d"} {
		shown := w.do("GET", "/scenarios/"+id, "").is(200).has("notices.0.code", "CONDITION", "notices.0.trigger", trigger, "notices.0.count", "2", "notices.1", "absent")
		if !strings.Contains(shown.get("notices.0.message"), "object.count is null") {
			t.Errorf("the notice says %s", shown.get("notices.0.message"))
		}
	}
	w.do("GET", "/scenarios/fine", "").is(200).has("notices", "absent")
	w.do("PATCH", objects+"/o1?wait=10s", `{"count":1}`).is(200)
	w.do("GET", "/scenarios/now", "").is(200).has("notices.0.count", "2")
	w.do("GET", "/runs?scenario=now", "").is(200).has("items.0.status", "done", "items.1", "absent")
}

func TestACandidateIsNamedWaitedForAndShownAsNotMatched(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const objects = "/structures/Order/objects"
	w.started("dear", `{"structure":"Order","triggers":[{"id":"c","kind":"object","on":["created"],"if":"object.note matches '^a+$'"}],
		"steps":[{"id":"e","kind":"edit_object","set":{"note":"matched"}}]}`)
	no := w.do("POST", objects+"?wait=10s", `{"note":"b"}`).is(201).has("note", "b", "version", "1").header.Get("Cuelight-Runs")
	if no == "" {
		t.Fatal("the candidate is not named")
	}
	run := w.do("GET", "/runs/"+no, "").is(200).has("status", "not_matched", "scenario", "dear", "error", "absent")
	if run.get("finished_at") == "absent" {
		t.Errorf("it has not finished: %s", run.body)
	}
	w.do("GET", "/runs/"+no+"/steps", "").is(200).has("items", "[]")
	yes := w.do("POST", objects+"?wait=10s", `{"note":"aaa"}`).is(201).has("note", "matched", "version", "2").header.Get("Cuelight-Runs")
	w.do("GET", "/runs/"+yes, "").is(200).has("status", "done", "trigger", "c")
	w.do("GET", "/runs?status=not_matched", "").is(200).has("items.0.id", no, "items.1", "absent")
	w.must(engine.New(w.store, engine.Options{Clock: func() time.Time { return time.Now().Add(59 * time.Minute) }}).Prune(t.Context()))
	w.do("GET", "/runs/"+no, "").is(200)
	w.must(engine.New(w.store, engine.Options{Clock: func() time.Time { return time.Now().Add(61 * time.Minute) }}).Prune(t.Context()))
	w.do("GET", "/runs/"+no, "").is(404).has("code", "RUN_NOT_FOUND")
	w.do("GET", "/runs/"+yes, "").is(200)
}

func TestPlainDatesBeginInTheZoneOfTheApp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const objects = "/structures/Order/objects"
	zone := func(name string) answer {
		return w.as("*/admin", "PATCH", "/api/v1/apps/a", `{"time_zone":"`+name+`"}`)
	}
	w.do("POST", objects, `{"id":"before","due":"2026-07-01"}`).is(201).has("due", "2026-07-01T00:00:00.000Z")
	zone("Europe/Riga").is(200).has("time_zone", "Europe/Riga")
	w.as("*/admin", "GET", "/api/v1/apps/a", "").is(200).has("time_zone", "Europe/Riga")
	w.do("POST", objects, `{"id":"summer","due":"2026-07-01"}`).is(201).has("due", "2026-06-30T21:00:00.000Z")
	w.do("POST", objects, `{"id":"winter","due":"2026-12-01T08:00"}`).is(201).has("due", "2026-12-01T06:00:00.000Z")
	w.do("POST", objects, `{"id":"exact","due":"2026-07-01T00:00:00Z"}`).is(201).has("due", "2026-07-01T00:00:00.000Z")
	w.do("GET", objects+"/before", "").is(200).has("due", "2026-07-01T00:00:00.000Z")
	for source, want := range map[string]string{
		`due = "2026-07-01"`: "summer", `due < "2026-07-01T03:00"`: "summer", `due = "2026-12-01T08:00"`: "winter", `due > "2026-07-01T03:00"`: "winter",
	} {
		w.do("GET", objects+"?filter="+url.QueryEscape(source), "").is(200).has("items.0.id", want, "items.1", "absent")
	}
	// Expressions of runs and of triggers read them the same way, and parameters too.
	w.started("dates", `{"structure":"Order","parameters":{"at":"date"},"triggers":[{"id":"c","kind":"call"},{"id":"o","kind":"object","on":["created"],"if":"object.due == date('2026-08-01')"}],
		"steps":[{"id":"e","kind":"edit_object","set":{"note":"{{ object.due.day }} {{ vars.at ?? 'none' }}","due":"2026-07-02"}}]}`)
	w.do("POST", objects+"?wait=10s", `{"id":"o","due":"2026-07-31T21:00:00Z"}`).is(201).has("note", "1 none", "due", "2026-07-01T21:00:00.000Z")
	w.do("POST", "/scenarios/dates/call?wait=10s", `{"object":"summer","vars":{"at":"2026-01-01"}}`).is(200).has("status", "done")
	w.do("GET", objects+"/summer", "").is(200).has("note", "1 2025-12-31T22:00:00.000Z")
	for _, name := range []string{"Europe/Atlantis", "Local", "local", "../etc/passwd", "UTC+3", strings.Repeat("x", 65)} {
		zone(name).is(422).has("fields.0.path", "time_zone", "fields.0.code", "TIME_ZONE")
		w.as("*/admin", "POST", "/api/v1/apps", `{"id":"new","time_zone":"`+name+`"}`).is(422).has("fields.0.code", "TIME_ZONE")
	}
	w.as("*/admin", "GET", "/api/v1/apps/a", "").is(200).has("time_zone", "Europe/Riga")
	w.as("*/admin", "GET", "/api/v1/apps/new", "").is(404)
	zone("").is(200)
	w.do("POST", objects, `{"id":"after","due":"2026-07-01"}`).is(201).has("due", "2026-07-01T00:00:00.000Z")
}

func TestTwoChangesOfAnAppAtOnceBothStay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for round := range 10 {
		zone, name := []string{"Europe/Riga", "Asia/Tokyo"}[round%2], fmt.Sprint("round ", round)
		var all sync.WaitGroup
		for _, body := range []string{`{"name":"` + name + `"}`, `{"time_zone":"` + zone + `"}`} {
			all.Go(func() {
				if a := w.as("*/admin", "PATCH", "/api/v1/apps/a", body); a.status != 200 {
					t.Errorf("%s: %d %s", body, a.status, a.body)
				}
			})
		}
		all.Wait()
		w.as("*/admin", "GET", "/api/v1/apps/a", "").is(200).has("name", name, "time_zone", zone)
	}
}

// paged follows the next of a list to its end and gives what path reads of each item, page by page.
func (w *world) paged(who, path, field string) (pages [][]string) {
	w.t.Helper()
	sep := "?"
	if strings.Contains(path, "?") {
		sep = "&"
	}
	for next := ""; ; {
		a := w.as(who, "GET", path+sep+"limit=1000&cursor="+url.QueryEscape(next), "").is(200)
		var got struct {
			Items []map[string]any
			Next  string
		}
		w.must(json.Unmarshal([]byte(a.body), &got))
		var items []string
		for _, item := range got.Items {
			items = append(items, fmt.Sprint(item[field]))
		}
		pages = append(pages, items)
		if next = got.Next; next == "" || len(pages) > 20 {
			return pages
		}
	}
}

func TestAListThatEndsAtItsBytesLeadsToTheRest(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const n = 40 // of 200 KiB each: twice what a page holds
	large := strings.Repeat("x", 200<<10)
	for i := range n {
		_, err := w.engine.Write(t.Context(), engine.Write{App: "a", Kind: engine.WriteCreate, Structure: "Order", ID: fmt.Sprintf("o%02d", i), Fields: fields(t, `{"extra":"`+large+`"}`)})
		w.must(err)
	}
	w.do("PUT", "/scenarios/wide/draft", `{"steps":[]}`).is(201)
	for i := range 6 { // of nearly 1 MiB each
		doc := fmt.Sprintf(`{"id":"wide","name":"%d%s","steps":[]}`, i, strings.Repeat("x", 1000<<10))
		_, _, err := w.engine.SaveDraft(t.Context(), "a", "wide", []byte(doc), 0)
		w.must(err)
		_, err = w.engine.Publish(t.Context(), "a", "wide", "test", true)
		w.must(err)
	}
	var steps engine.Effects
	for i := range n {
		steps.Steps = append(steps.Steps, &engine.StepRecord{App: "a", Run: "wide", Status: "done", Seq: int64(i + 1), Step: fmt.Sprint("s", i), Output: []byte(`"` + large + `"`)})
	}
	steps.Runs = []*engine.Run{{App: "a", ID: "wide", Scenario: "wide", Status: engine.RunDone, State: []byte(`{}`), FinishedAt: time.Now(), CreatedAt: time.Now()}}
	w.commit("a", steps)
	for i := range 6 {
		w.must(w.engine.PutApp(t.Context(), engine.App{ID: engine.AppID(fmt.Sprint("c", i)), Origins: []string{"https://" + strings.Repeat("x", 1000<<10)}}, true))
	}
	for _, c := range []struct {
		who, path, field string
		items            int
	}{
		{"a/all", "/api/v1/apps/a/structures/Order/objects", "id", n},
		{"a/all", "/api/v1/apps/a/structures/Order/objects?sort=-id", "id", n},
		{"a/all", "/api/v1/apps/a/changes", "seq", n + 1}, // and anna
		{"a/all", "/api/v1/apps/a/scenarios/wide/versions", "number", 6},
		{"a/all", "/api/v1/apps/a/runs/wide/steps", "seq", n},
		{"*/admin", "/api/v1/apps", "id", 8},
	} {
		pages := w.paged(c.who, c.path, c.field)
		seen := map[string]bool{}
		for _, page := range pages {
			for _, item := range page {
				if seen[item] {
					t.Errorf("%s: %s is there twice", c.path, item)
				}
				seen[item] = true
			}
		}
		if len(seen) != c.items || len(pages) < 2 {
			t.Errorf("%s: %d items of %d on %d pages", c.path, len(seen), c.items, len(pages))
		}
	}
}
