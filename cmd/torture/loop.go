package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/cuelight/cuelight/engine"
)

// Bounds of what a loop may take.
const (
	maxLoopState = 4 << 10  // bytes of its run's state, however long it is
	maxLoopRise  = 32 << 20 // bytes of memory that a loop ten times as long may take more
)

// lap is one run of a loop; its structure and its scenario have its name, so that no lap sees the objects of another.
type lap struct {
	name    string
	list    bool // it walks a list of ids, else the objects of the structure
	objects int
	kills   int

	run    engine.RunID
	peak   int // bytes of memory that the server had at most
	state  int // bytes of the run's state at most
	beside int // bytes that lay beside the state at most
	hits   int // kills while the run was open
	took   time.Duration
}

// laps are the runs of a torture: for both ways to loop a short one and a long one to compare, and one that is killed.
func (p plan) laps() []*lap {
	var all []*lap
	for _, way := range []string{"search", "list"} {
		for _, l := range []lap{{name: "short", objects: p.loop / 10}, {name: "long", objects: p.loop}, {name: "killed", objects: p.loop, kills: p.kills}} {
			l.name, l.list = way+"-"+l.name, way == "list"
			all = append(all, &l)
		}
	}
	return all
}

// structure is the id of the structure of a lap's objects.
func (l *lap) structure() string { return strings.ReplaceAll(l.name, "-", "_") }

// objectID names the objects of a lap: long enough for a list of 2,000 of them not to fit into the state of a run.
func objectID(n int) string { return fmt.Sprint("object-", n) }

// documents are the structure and the scenario of a lap. A list has ids only, so its passes count on the current object how many they are,
// and write something new each time, so that a second edit would be seen in the version.
func (l *lap) documents() string {
	loop := `structure: %[1]s, do: [
    { id: e, kind: edit_object, structure: %[1]s, object_id: "{{ item.id }}", set: { count: "{{ item.count + 1 }}" } } ] }`
	if l.list {
		loop = `items: 'map(1..%[3]d, "object-" + string(#))', do: [
    { id: e, kind: edit_object, structure: %[1]s, object_id: "{{ item }}", set: { count: 1, at: "{{ now() }}" } },
    { id: t, kind: edit_object, set: { count: "{{ object.count + 1 }}" } } ] }`
	}
	return fmt.Sprintf(`
kind: structure
id: %[1]s
fields:
  - { id: count, type: number, indexed: true }
  - { id: at, type: date }
---
kind: scenario
id: %[2]s
structure: Total
triggers:
  - { id: called, kind: call }
steps:
  - { id: all, kind: for_each, `+loop+`
`, l.structure(), l.name, l.objects)
}

const totalDocument = `
kind: structure
id: Total
fields:
  - { id: count, type: number }
`

// tortureLoops walks all laps and says what is wrong then.
func (p plan) tortureLoops(ctx context.Context, v *victim, dir string, out printer) ([]string, error) {
	fmt.Fprintf(out, "torture: store %s, loops of %d objects, kills %d of each, seed %d\n", p.store, p.loop, p.kills, p.seed)
	laps := p.laps()
	documents := []string{totalDocument}
	for _, l := range laps {
		documents = append(documents, l.documents())
	}
	if err := v.install(ctx, dir, strings.Join(documents, "---")); err != nil {
		return nil, err
	}
	random := rand.New(rand.NewPCG(p.seed, 2))
	for _, l := range laps {
		if err := l.fill(ctx, v); err != nil {
			return nil, err
		}
	}
	for _, l := range laps {
		// What making the objects took is not the loop's.
		v.stop(syscall.SIGTERM)
		if err := v.start(ctx); err != nil {
			return nil, err
		}
		if err := l.walk(ctx, v, random, out); err != nil {
			return nil, err
		}
		fmt.Fprintf(out, "  %s: %d objects in %v, %d kills; memory at most %d MB, state at most %d bytes, beside it %d\n",
			l.name, l.objects, l.took.Round(time.Millisecond), l.hits, l.peak>>20, l.state, l.beside)
	}
	v.stop(syscall.SIGTERM)
	return checkLaps(ctx, v, laps)
}

// fill makes the objects of a lap.
func (l *lap) fill(ctx context.Context, v *victim) error {
	base := "/api/v1/apps/" + appID + "/structures/"
	if a, err := v.call(ctx, "POST", base+"Total/objects", "", map[string]any{"id": l.name, "count": 0}); err != nil || a.status != http.StatusCreated {
		return fmt.Errorf("make a total: %d %s %w", a.status, a.body, err)
	}
	const batch = 100
	for i := 0; i < l.objects; i += batch {
		var ops []any
		for n := i + 1; n <= min(i+batch, l.objects); n++ {
			ops = append(ops, map[string]any{"op": "create", "id": objectID(n), "fields": map[string]any{"count": 0}})
		}
		a, err := v.call(ctx, "POST", base+l.structure()+"/objects:batch", "", map[string]any{"ops": ops})
		if err != nil || a.status != http.StatusOK {
			return fmt.Errorf("make objects: %d %.300s %w", a.status, a.body, err)
		}
	}
	return nil
}

// walk calls the scenario and kills the server while the run walks its loop: when so many objects are edited as the seed says.
func (l *lap) walk(ctx context.Context, v *victim, random *rand.Rand, out printer) error {
	began := time.Now()
	a, err := v.call(ctx, "POST", "/api/v1/apps/"+appID+"/scenarios/"+l.name+"/call", l.name, map[string]any{"object": l.name})
	if err != nil || a.status >= 300 {
		return fmt.Errorf("call %s: %d %s %w", l.name, a.status, a.body, err)
	}
	l.run = engine.RunID(a.header.Get("Cuelight-Runs"))
	moments := make([]int, l.kills)
	for i := range moments {
		moments[i] = random.IntN(l.objects * 8 / 10)
	}
	slices.Sort(moments)
	for _, moment := range moments {
		edited, err := l.await(ctx, v, moment)
		if err != nil {
			return err
		}
		if err := pause(ctx, time.Duration(random.IntN(5000))*time.Microsecond); err != nil {
			return err
		}
		l.peak = max(l.peak, v.peak())
		v.stop(syscall.SIGKILL)
		fmt.Fprintf(out, "  kill -9 of %s after %v, %d of %d edited\n", l.name, time.Since(began).Round(time.Millisecond), edited, l.objects)
		if err := l.look(ctx, v); err != nil {
			return err
		}
		if err := v.start(ctx); err != nil {
			return err
		}
	}
	if _, err := l.await(ctx, v, l.objects); err != nil {
		return err
	}
	if err := l.ended(ctx, v); err != nil {
		return err
	}
	l.took, l.peak = time.Since(began), max(l.peak, v.peak())
	return nil
}

// await waits until so many objects are edited, and says how many are.
func (l *lap) await(ctx context.Context, v *victim, want int) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	for {
		var list struct{ Total int }
		path := "/api/v1/apps/" + appID + "/structures/" + l.structure() + "/objects?limit=1&count=true&filter=" + url.QueryEscape("count > 0")
		a, err := v.call(ctx, "GET", path, "", nil)
		if err == nil && (a.status != http.StatusOK || json.Unmarshal(a.body, &list) != nil) {
			err = fmt.Errorf("count edited objects: %d %s", a.status, a.body)
		}
		if err != nil || list.Total >= want {
			return list.Total, err
		}
		if err := pause(ctx, 5*time.Millisecond); err != nil {
			return list.Total, fmt.Errorf("%d of %d objects are edited: %w", list.Total, want, err)
		}
	}
}

// ended waits until the run is over; how it ended is checked later.
func (l *lap) ended(ctx context.Context, v *victim) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		var run struct{ Status engine.RunStatus }
		a, err := v.call(ctx, "GET", "/api/v1/apps/"+appID+"/runs/"+string(l.run), "", nil)
		if err != nil || json.Unmarshal(a.body, &run) != nil {
			return fmt.Errorf("read the run: %d %s %w", a.status, a.body, err)
		}
		if !run.Status.Open() {
			return nil
		}
		if err := pause(ctx, 5*time.Millisecond); err != nil {
			return fmt.Errorf("the run of %s does not end: %w", l.name, err)
		}
	}
}

// look reads what is stored of the run while the server is dead.
func (l *lap) look(ctx context.Context, v *victim) error {
	s, err := v.open(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	run, err := s.Run(ctx, appID, l.run)
	if err != nil {
		return err
	}
	values, err := s.Values(ctx, appID, l.run)
	if err != nil {
		return err
	}
	beside := 0
	for _, value := range values {
		beside += len(value.Value)
	}
	l.state, l.beside = max(l.state, len(run.State)), max(l.beside, beside)
	if run.Status.Open() {
		l.hits++
	}
	return nil
}

// checkLaps reads the store and says what is wrong with the laps.
func checkLaps(ctx context.Context, v *victim, laps []*lap) ([]string, error) {
	s, err := v.open(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = s.Close() }()
	changes, err := countChanges(ctx, s)
	if err != nil {
		return nil, err
	}
	var faults []string
	for i, l := range laps {
		wrong, err := l.check(ctx, s, changes)
		if err != nil {
			return nil, err
		}
		faults = append(faults, wrong...)
		if short := laps[max(i-1, 0)]; l.objects > short.objects && l.peak > short.peak+maxLoopRise {
			faults = append(faults, fmt.Sprintf("%s took %d MB, %s only %d MB", l.name, l.peak>>20, short.name, short.peak>>20))
		}
	}
	return faults, nil
}

// countChanges counts the changes of every object.
func countChanges(ctx context.Context, s engine.Store) (map[string]int, error) {
	n := map[string]int{}
	for cursor := (engine.ChangeCursor{}); ; {
		page, next, err := s.Changes(ctx, appID, cursor, 1000)
		if err != nil {
			return nil, err
		}
		if len(page) == 0 {
			return n, nil
		}
		for _, c := range page {
			n[c.Structure+"/"+c.Object]++
		}
		cursor = next
	}
}

// check wants the run to be done, each object to be edited once, and the state to have stayed small.
func (l *lap) check(ctx context.Context, s engine.Store, changes map[string]int) ([]string, error) {
	var faults []string
	fault := func(format string, args ...any) {
		faults = append(faults, l.name+": "+fmt.Sprintf(format, args...))
	}
	run, err := s.Run(ctx, appID, l.run)
	if err != nil {
		return nil, err
	}
	if run.Status != engine.RunDone {
		fault("the run is %s %+v", run.Status, run.Error)
	}
	if l.hits < l.kills {
		fault("only %d of %d kills met the run", l.hits, l.kills)
	}
	if l.state > maxLoopState {
		fault("the state of the run took %d bytes", l.state)
	}
	edited := func(structure, id string, times int) error {
		o, err := s.Object(ctx, appID, structure, id)
		if err != nil {
			return fmt.Errorf("read object %s: %w", id, err)
		}
		var data struct{ Count int }
		if err := json.Unmarshal(o.Data, &data); err != nil {
			return err
		}
		if n := changes[structure+"/"+id]; data.Count != times || o.Version != int64(times+1) || n != times+1 {
			fault("%s counts %d and not %d, has version %d and %d changes", id, data.Count, times, o.Version, n)
		}
		return nil
	}
	for n := 1; n <= l.objects; n++ {
		if err := edited(l.structure(), objectID(n), 1); err != nil {
			return nil, err
		}
	}
	if l.list {
		err = edited("Total", l.name, l.objects)
	}
	return faults, err
}
