package app

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cuelight/cuelight/engine"
)

// loops are apps that would run for ever, with the write that sets them off and the cycle that the cut has to name.
var loops = map[string]struct {
	docs             []string
	structure, cycle string
}{
	"one another": {[]string{
		`{"id":"ping","structure":"Order","order":"parallel","triggers":[{"id":"c","kind":"object","on":["created","changed"],"fields":["count"]}],"steps":[{"id":"e","kind":"edit_object","set":{"note":"{{ object.count }}"},"generate_event":true}]}`,
		`{"id":"pong","structure":"Order","order":"parallel","triggers":[{"id":"c","kind":"object","on":["changed"],"fields":["note"]}],"steps":[{"id":"e","kind":"edit_object","set":{"count":"{{ object.count + 1 }}"},"generate_event":true}]}`,
	}, "Order", "ping→pong→ping"},
	"itself": {[]string{
		`{"id":"self","structure":"Order","triggers":[{"id":"c","kind":"object","on":["created","changed"],"fields":["count"]}],"steps":[{"id":"e","kind":"edit_object","set":{"count":"{{ object.count + 1 }}"},"generate_event":true}]}`,
	}, "Order", "self→self"},
	"twice as many each time": {[]string{
		`{"id":"fan","structure":"Message","triggers":[{"id":"c","kind":"object","on":["created"]}],"steps":[
			{"id":"a","kind":"create_object","structure":"Message","set":{"n":1},"generate_event":true},
			{"id":"b","kind":"create_object","structure":"Message","set":{"n":1},"generate_event":true}]}`,
	}, "Message", "fan→fan"},
}

func TestLoopsOfScenariosAreCutAndTheCycleIsNamed(t *testing.T) {
	for name, loop := range loops {
		t.Run(name, func(t *testing.T) {
			onEveryStore(t, func(t *testing.T, w *world) {
				w.mustPublish(loop.docs...)
				began := time.Now()
				w.mustWrite(engine.WriteCreate, loop.structure, "1", map[string]string{"Order": `{"count":0}`, "Message": `{}`}[loop.structure])
				members := strings.Split(loop.cycle, "→")
				scenario := members[0]
				// What is counted in memory: to read thousands of runs again and again would be the most of the work.
				waitUntil(t, "the cut", func() bool {
					return !slices.ContainsFunc(members, func(id string) bool { return w.e.Backlog(app, id).Open > 0 })
				})
				if n := w.open(); n > 0 || w.statuses(scenario)[engine.RunFailed] == 0 {
					t.Errorf("%d runs are open and none was cut: %v", n, w.statuses(scenario))
				}
				t.Logf("it was over after %v", time.Since(began).Round(time.Millisecond))
				failed, err := w.store.Runs(w.ctx, engine.RunQuery{App: app, Status: engine.RunFailed, Limit: 1000})
				if err != nil {
					t.Fatal(err)
				}
				for _, r := range failed {
					if r.Error == nil || r.Error.Code != "LOOP_CUT" || !strings.HasSuffix(r.Error.Message, ": "+loop.cycle) {
						t.Errorf("run %s failed with %+v", r.ID, r.Error)
					}
				}
				if n := ended(t, w, scenario); n < 8 {
					t.Errorf("only %d runs were done before the cut", n)
				}
			})
		})
	}
}

// open counts the runs that have not ended.
func (w *world) open() int {
	w.t.Helper()
	n, err := w.store.Backlog(w.ctx, app)
	if err != nil {
		w.t.Fatal(fmt.Errorf("count open runs: %w", err))
	}
	open := 0
	for _, of := range n {
		open += of.Open
	}
	return open
}
