package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
)

const (
	appID   = "torture"
	user    = "carol"
	objects = 20
)

// documents is the app that is tortured: edits, a push to all, a wait, a step that fails and is tried again, a push to one.
const documents = `
kind: structure
id: Order
fields:
  - { id: note, type: string }
  - { id: count, type: number }
  - { id: done, type: number }
  - { id: owner, type: link, structure: User }
---
kind: scenario
id: count
structure: Order
triggers:
  - { id: noted, kind: object, on: [changed], fields: [note] }
steps:
  - { id: one, kind: edit_object, set: { count: "{{ (object.count ?? 0) + 1 }}" } }
  - { id: tell, kind: push, to: "*", event: counted, message: "{{ object.id }} {{ object.count }}" }
  - { id: nap, kind: delay, for: 30ms }
  - { id: nobody, kind: push, to: "{{ vars.nobody }}", event: never, on_error: { retry: { times: 1, backoff: 20ms }, then: continue } }
  - { id: later, kind: condition, if: vars.nobody != null, then: [ { id: v, kind: set_variables, set: { nobody: null } } ] }
  - { id: two, kind: edit_object, set: { done: "{{ (object.done ?? 0) + 1 }}" } }
  - { id: own, kind: push, to: "{{ object.owner }}", event: done, message: "{{ object.id }} {{ object.done }}" }
---
kind: scenario
id: bump
structure: Order
order: parallel
triggers:
  - { id: called, kind: call }
steps:
  - { id: e, kind: edit_object, set: { count: "{{ (object.count ?? 0) + 1 }}" } }
`

// history is what clients saw: every write and call that was acknowledged, and what every page got.
type history struct {
	mu      sync.Mutex
	writes  []ack
	bumps   []string // run ids
	retries int
	pages   map[string]*page

	kills, stops int // of the server, of the database
	early        int // kills of a server that was not ready yet, besides
}

// bumps are the calls for count + 1 that are made at once.
const bumps = 100

// ack is an acknowledged write.
type ack struct {
	object, note string
	version      int64
	runs         []string
}

func newHistory() *history { return &history{pages: map[string]*page{}} }

// prepare starts the server for the first time and fills it.
func (p plan) prepare(ctx context.Context, v *victim, dir string) error {
	if err := v.install(ctx, dir, documents); err != nil {
		return err
	}
	base := "/api/v1/apps/" + appID
	steps := []struct {
		method, path string
		body         any
	}{
		{"PATCH", base, map[string]any{"guests": true}},
		{"POST", base + "/users", map[string]any{"id": user, "name": "Carol"}},
		{"PUT", base + "/users/" + user + "/password", map[string]any{"password": "carol's password"}},
	}
	for i := range objects {
		steps = append(steps, struct {
			method, path string
			body         any
		}{"POST", base + "/structures/Order/objects", map[string]any{"id": fmt.Sprint(i), "owner": user}})
	}
	for _, s := range steps {
		a, err := v.call(ctx, s.method, s.path, "", s.body)
		if err != nil || a.status >= 300 {
			return fmt.Errorf("%s %s: %d %s %w", s.method, s.path, a.status, a.body, err)
		}
	}
	return nil
}

func (v *victim) login(ctx context.Context, user string) (string, error) {
	a, err := v.call(ctx, "POST", "/good/api/v5/auth?appID="+appID, "", map[string]any{"provider": "rest", "username": user, "password": "carol's password"})
	if err != nil {
		return "", err
	}
	var out struct{ Result struct{ Token string } }
	if err := json.Unmarshal(a.body, &out); err != nil || out.Result.Token == "" {
		return "", fmt.Errorf("log in: %d %s", a.status, a.body)
	}
	return out.Result.Token, nil
}

// insist repeats a request under one key until it is answered, or ctx ends.
func (h *history) insist(ctx context.Context, v *victim, method, path, key string, body any) (answer, bool) {
	for {
		a, err := v.call(ctx, method, path, key, body)
		if err == nil && a.status < 500 && a.status != http.StatusTooManyRequests {
			return a, true
		}
		h.mu.Lock()
		h.retries++
		h.mu.Unlock()
		select {
		case <-ctx.Done():
			return answer{}, false
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// write changes objects until ctx ends; each write is repeated under its key until it is acknowledged.
func (h *history) write(ctx context.Context, v *victim, writer int) {
	for n := 0; ctx.Err() == nil; n++ {
		object, note := fmt.Sprint((writer+n)%(objects-1)), fmt.Sprintf("w%d.%d", writer, n)
		a, ok := h.insist(ctx, v, "PATCH", "/api/v1/apps/"+appID+"/structures/Order/objects/"+object, note, map[string]any{"note": note})
		if !ok {
			return
		}
		done := ack{object: object, note: note}
		_, _ = fmt.Sscanf(a.header.Get("ETag"), `"%d"`, &done.version)
		if runs := a.header.Get("Cuelight-Runs"); runs != "" {
			done.runs = strings.Split(runs, ",")
		}
		h.mu.Lock()
		h.writes = append(h.writes, done)
		if a.status != http.StatusOK {
			done.note = fmt.Sprintf("%s was answered %d %s", note, a.status, a.body)
			h.writes[len(h.writes)-1] = done
		}
		h.mu.Unlock()
	}
}

// bump calls for count + 1 on one object a hundred times at once, in no order, until each call is acknowledged.
func (h *history) bump(ctx context.Context, v *victim) {
	var wg sync.WaitGroup
	for i := range bumps {
		wg.Add(1)
		tasks.Go("bump", func() {
			defer wg.Done()
			a, ok := h.insist(ctx, v, "POST", "/api/v1/apps/"+appID+"/scenarios/bump/call", fmt.Sprintf("bump%d", i), map[string]any{"object": fmt.Sprint(objects - 1)})
			if !ok {
				return
			}
			h.mu.Lock()
			defer h.mu.Unlock()
			h.bumps = append(h.bumps, a.header.Get("Cuelight-Runs"))
		})
	}
	wg.Wait()
}

// calm waits until no run is open and every page has the newest push.
func (h *history) calm(ctx context.Context, v *victim) error {
	ctx, cancel := context.WithTimeout(ctx, 60*time.Second)
	defer cancel()
	for {
		open := 0
		for _, status := range []string{"ready", "queued", "waiting"} {
			a, err := v.call(ctx, "GET", "/api/v1/apps/"+appID+"/runs?limit=1&status="+status, "", nil)
			var list struct{ Items []json.RawMessage }
			if err != nil || a.status != http.StatusOK || json.Unmarshal(a.body, &list) != nil {
				open++
			}
			open += len(list.Items)
		}
		if open == 0 && h.together() {
			return nil
		}
		select {
		case <-ctx.Done():
			if open > 0 {
				return fmt.Errorf("runs do not end: %w", ctx.Err())
			}
			return nil // the check says which page is behind
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// together says whether pages of the same kind stand at the same position.
func (h *history) together() bool {
	last := map[bool]int64{}
	for name, p := range h.pages {
		guest := strings.HasPrefix(name, "guest")
		if at, seen := last[guest]; seen && at != p.last() {
			return false
		}
		last[guest] = p.last()
	}
	return true
}
