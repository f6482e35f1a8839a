package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/cuelight/cuelight/engine"
)

// recorded is what the store holds at the end.
type recorded struct {
	changes []*engine.Change
	runs    map[engine.RunID]*engine.Run
	pushes  []engine.Push
	objects map[string]map[string]any
}

// check reads the store after the server has ended, and compares it with what clients were told.
func (h *history) check(ctx context.Context, v *victim, out printer) ([]string, error) {
	s, err := v.open(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = s.Close() }()
	rec, err := read(ctx, s)
	if err != nil {
		return nil, err
	}
	var faults []string
	faults = append(faults, h.checkWrites(rec)...)
	faults = append(faults, rec.checkRuns()...)
	faults = append(faults, h.checkCounts(rec)...)
	faults = append(faults, rec.checkPushes()...)
	faults = append(faults, h.checkStrikes()...)
	fresh, recovered := 0, 0
	for _, name := range slices.Sorted(mapKeys(h.pages)) {
		p := h.pages[name]
		faults = append(faults, p.check(name, rec.wanted(p.auth["session_id"] != ""))...)
		faults = append(faults, p.checkRecoveries(name, h.kills)...)
		fresh, recovered = fresh+len(p.segments), recovered+p.recovered
	}
	fmt.Fprintf(out, "  kills %d, %d more before it was ready, immediate stops %d\n", h.kills, h.early, h.stops)
	fmt.Fprintf(out, "  acknowledged writes %d, calls %d, repeated requests %d; changes %d, runs %d, pushes %d; pages %d, connects %d, recovered %d\n",
		len(h.writes), len(h.bumps), h.retries, len(rec.changes), len(rec.runs), len(rec.pushes), len(h.pages), fresh, recovered)
	return faults, nil
}

// checkStrikes wants the blows to have met what they were meant for: a torture that hurts nobody proves nothing.
func (h *history) checkStrikes() []string {
	var faults []string
	if h.kills >= 8 && h.early == 0 {
		faults = append(faults, "the server was never killed before it was ready")
	}
	if h.retries == 0 {
		faults = append(faults, "no request was ever interrupted")
	}
	return faults
}

func mapKeys[V any](m map[string]V) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

func read(ctx context.Context, s engine.Store) (*recorded, error) {
	rec := &recorded{runs: map[engine.RunID]*engine.Run{}, objects: map[string]map[string]any{}}
	var cursor engine.ChangeCursor
	for {
		page, next, err := s.Changes(ctx, appID, cursor, 1000)
		if err != nil {
			return nil, err
		}
		rec.changes = append(rec.changes, page...)
		if cursor = next; len(page) < 1000 {
			break
		}
	}
	before := engine.RunID("")
	for {
		page, err := s.Runs(ctx, engine.RunQuery{App: appID, Before: before, Limit: 1000})
		if err != nil {
			return nil, err
		}
		for _, r := range page {
			rec.runs[r.ID], before = r, r.ID
		}
		if len(page) < 1000 {
			break
		}
	}
	for after := int64(0); ; after = rec.pushes[len(rec.pushes)-1].Pos {
		page, err := s.Pushes(ctx, appID, after, time.Time{}, 1000)
		if err != nil {
			return nil, err
		}
		if rec.pushes = append(rec.pushes, page...); len(page) < 1000 {
			break
		}
	}
	for i := range objects {
		o, err := s.Object(ctx, appID, "Order", fmt.Sprint(i))
		if err != nil {
			return nil, err
		}
		data := map[string]any{}
		if err := json.Unmarshal(o.Data, &data); err != nil {
			return nil, err
		}
		rec.objects[o.ID] = data
	}
	return rec, nil
}

// checkWrites finds every acknowledged write among the changes, once, with its finished run.
func (h *history) checkWrites(rec *recorded) []string {
	var faults []string
	byNote := map[string][]*engine.Change{}
	for _, c := range rec.changes {
		if slices.Contains(c.Fields, "note") {
			var after struct{ Note string }
			_ = json.Unmarshal(c.After, &after) // an unreadable image has no note, which is told below
			byNote[after.Note] = append(byNote[after.Note], c)
		}
	}
	for note, list := range byNote {
		if len(list) > 1 {
			faults = append(faults, fmt.Sprintf("write %s was carried out %d times", note, len(list)))
		}
	}
	for _, w := range h.writes {
		list := byNote[w.note]
		switch {
		case len(list) == 0:
			faults = append(faults, fmt.Sprintf("acknowledged write %s is lost", w.note))
			continue
		case list[0].Object != w.object || list[0].Version != w.version:
			faults = append(faults, fmt.Sprintf("write %s was acknowledged as version %d and is version %d", w.note, w.version, list[0].Version))
		}
		if len(w.runs) != 1 {
			faults = append(faults, fmt.Sprintf("write %s was acknowledged with %d runs", w.note, len(w.runs)))
			continue
		}
		if r := rec.runs[engine.RunID(w.runs[0])]; r == nil || r.Status != engine.RunDone || r.Change != list[0].Seq {
			faults = append(faults, fmt.Sprintf("the run of acknowledged write %s is not finished: %+v", w.note, r))
		}
	}
	return faults
}

// checkRuns finds for every change exactly one finished run, and no run without its change.
func (rec *recorded) checkRuns() []string {
	var faults []string
	runs := map[int64]int{}
	for _, r := range rec.runs {
		if r.Scenario == "count" {
			runs[r.Change]++
		}
		if r.Status != engine.RunDone {
			faults = append(faults, fmt.Sprintf("run %s of %s is %s %+v", r.ID, r.Scenario, r.Status, r.Error))
		}
	}
	for _, c := range rec.changes {
		want := 0
		if slices.Contains(c.Fields, "note") {
			want = 1
		}
		if runs[c.Seq] != want {
			faults = append(faults, fmt.Sprintf("change %d has %d runs, not %d", c.Seq, runs[c.Seq], want))
		}
		delete(runs, c.Seq)
	}
	for seq, n := range runs {
		faults = append(faults, fmt.Sprintf("%d runs without a change %d", n, seq))
	}
	return faults
}

// checkCounts compares what the edits counted with the number of runs.
func (h *history) checkCounts(rec *recorded) []string {
	var faults []string
	want := map[string]int{}
	bumped := map[string]bool{}
	for _, r := range rec.runs {
		want[r.Object]++
		if r.Scenario == "bump" {
			bumped[string(r.ID)] = true
		}
	}
	for id, data := range rec.objects {
		if got := fmt.Sprint(data["count"]); want[id] > 0 && got != fmt.Sprint(want[id]) {
			faults = append(faults, fmt.Sprintf("object %s counts %s after %d runs", id, got, want[id]))
		}
		if got := fmt.Sprint(data["done"]); want[id] > 0 && id != fmt.Sprint(objects-1) && got != fmt.Sprint(want[id]) {
			faults = append(faults, fmt.Sprintf("object %s is done %s times after %d runs", id, got, want[id]))
		}
	}
	return append(faults, h.checkBumps(rec, bumped)...)
}

// checkBumps wants each of the hundred calls for count + 1 to be acknowledged, carried out once and counted.
func (h *history) checkBumps(rec *recorded, carriedOut map[string]bool) []string {
	var faults []string
	if n := len(carriedOut); n != bumps {
		faults = append(faults, fmt.Sprintf("%d calls were carried out, not %d", n, bumps))
	}
	acknowledged := map[string]bool{}
	for _, id := range h.bumps {
		acknowledged[id] = true
		if !carriedOut[id] {
			faults = append(faults, "the run of an acknowledged call is lost: "+id)
		}
	}
	if n := len(acknowledged); n != bumps || len(h.bumps) != bumps {
		faults = append(faults, fmt.Sprintf("%d calls were acknowledged with %d runs, not %d", len(h.bumps), n, bumps))
	}
	if got := fmt.Sprint(rec.objects[fmt.Sprint(objects-1)]["count"]); got != fmt.Sprint(bumps) {
		faults = append(faults, fmt.Sprintf("%d calls for count + 1 give %s", bumps, got))
	}
	return faults
}

// checkPushes wants positions without a hole, two pushes of every run, and counts that grow by one.
func (rec *recorded) checkPushes() []string {
	var faults []string
	perRun := map[engine.RunID]int{}
	next := map[string]int{}
	for i, p := range rec.pushes {
		if p.Pos != rec.pushes[0].Pos+int64(i) {
			faults = append(faults, fmt.Sprintf("position %d stands where %d should", p.Pos, rec.pushes[0].Pos+int64(i)))
		}
		perRun[p.Run]++
		var object string
		var n int
		if _, err := fmt.Sscanf(p.Message, "%s %d", &object, &n); err != nil {
			faults = append(faults, "unreadable push "+p.Message)
			continue
		}
		key := p.Event + " " + object
		if next[key]++; next[key] != n {
			faults = append(faults, fmt.Sprintf("push %d says %q after %d others", p.Pos, p.Event+" "+p.Message, next[key]-1))
			next[key] = n
		}
	}
	for id, r := range rec.runs {
		if r.Scenario == "count" && perRun[id] != 2 {
			faults = append(faults, fmt.Sprintf("run %s pushed %d times", id, perRun[id]))
		}
	}
	return faults
}

// wanted are the positions of what a page is to get: everything for everybody and, logged in, what is for its user.
func (rec *recorded) wanted(loggedIn bool) []int64 {
	var list []int64
	for _, p := range rec.pushes {
		if p.To == engine.Everybody || loggedIn && p.To == user {
			list = append(list, p.Pos)
		}
	}
	return list
}
