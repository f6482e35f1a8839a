package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"time"

	"github.com/cuelight/cuelight/engine/expr"
	"github.com/cuelight/cuelight/engine/secret"
)

// settle carries on after a step that went well.
func (w *walk) settle(s *step, out Outcome) error {
	sleeps := !out.Wait.IsZero() && out.Wait.After(w.a.now())
	if sleeps && w.a.cat.backlogs.waiting(w.run.App) >= maxWaiting {
		return OverLimit("WAITING", "waiting_runs", "the app has %d runs that wait for a time", maxWaiting)
	}
	if out.Await > 0 {
		w.call(out.Await)
		return nil
	}
	record, err := w.record(s, "done", out.Note, out.Output, "")
	if err != nil {
		return err
	}
	if out.Output != nil {
		w.state.Steps[s.ID] = out.Output
	}
	w.state.advance()
	switch {
	case out.Stop, s.ID == w.state.Until && out.Loop == nil && (out.Enter == nil || out.Enter.list == nil || len(out.Enter.list.steps) == 0):
		w.finish(w.ending())
	case out.Break:
		w.state.breakLoop()
	case out.Next:
		w.state.nextPass(w.op.version)
	case out.Loop != nil:
		if err := w.enterLoop(s, out.Loop); err != nil {
			return err
		}
	case sleeps:
		record.Status = "waiting"
		w.wait(out.Wait, false)
	case out.Enter != nil && out.Enter.list != nil && len(out.Enter.list.steps) > 0:
		w.state.push(out.Enter.list.path)
		if out.Try {
			w.state.Frames[len(w.state.Frames)-1].Catch = out.Catch.path()
		}
	}
	w.log(record)
	return nil
}

// log keeps a line of the run's log. Past the bound only what failed is kept, and what ends a run or puts it to sleep.
func (w *walk) log(r *StepRecord) {
	if r.Seq > maxLogLines && r.Status == "done" && w.state.innermost() >= 0 {
		return
	}
	w.a.eff.Steps = append(w.a.eff.Steps, r)
}

// record is a line of the run's log.
func (w *walk) record(s *step, status string, note, output any, failure string) (*StepRecord, error) {
	w.state.Walked++
	if w.state.innermost() < 0 {
		w.state.Steady++
	}
	rec := &StepRecord{
		App: w.run.App, Run: w.run.ID, Seq: w.state.Walked, Step: s.ID, Kind: s.kind, Status: status,
		Attempt: w.state.Attempt, At: w.a.now(), Error: w.a.cat.mask.String(failure),
	}
	var err error
	if rec.Settings, err = logged(w.a.cat.mask, note); err != nil {
		return nil, err
	}
	rec.Output, err = logged(w.a.cat.mask, output)
	return rec, err
}

// logged is a value as the run log keeps it, without secrets; what is too large is left out and says so.
func logged(m *secret.Masker, v any) (json.RawMessage, error) {
	if v == nil {
		return nil, nil
	}
	doc, err := marshal(expr.ToJSON(v))
	if err != nil {
		return nil, err
	}
	doc = m.JSON(doc)
	if len(doc) > maxStepBytes/2 {
		return fmt.Appendf(nil, `{"cut":%d}`, len(doc)), nil
	}
	return doc, nil
}

// wait puts the run to sleep. It gives its lane up unless hold is set.
func (w *walk) wait(until time.Time, hold bool) {
	w.run.Status, w.run.DueAt, w.run.Owner = RunWaiting, until.UTC().Truncate(time.Millisecond), ""
	w.a.tally(w.run, 0, 1)
	if !hold {
		w.leave()
	}
	if until.Sub(w.a.now()) > longSleep {
		w.keepCause()
	}
}

// keepCause keeps the change that started the run beside its state, where the run may sleep longer than changes are kept.
func (w *walk) keepCause() {
	ch := w.op.run.Cause
	if ch == nil || !w.op.version.readsImages {
		return
	}
	if doc, err := marshal(ch); err == nil {
		w.a.keepValue(w.run.ID, causeValue, doc)
	}
}

// keepValue writes something beside a run's state, over what lies there under this name.
func (a *act) keepValue(run RunID, name string, doc json.RawMessage) {
	values := slices.DeleteFunc(slices.Clone(a.eff.Values), func(old *RunValue) bool { return old.Run == run && old.Name == name })
	a.eff.Values = append(values, &RunValue{App: a.app, Run: run, Name: name, Value: doc})
}

// causeValue is the name under which a sleeping run keeps its cause, so that pruning changes never asks about runs.
const causeValue = "cause"

func (w *walk) finish(status RunStatus) {
	w.run.Status, w.run.FinishedAt, w.run.Owner = status, w.a.now(), ""
	w.a.tally(w.run, -1, 0)
	w.leave()
}

// leave marks that the run gives its turn up; save hands it on, where it can ask for keys.
func (w *walk) leave() { w.run.Holds, w.run.Permit = false, PermitNone }

// fail settles a step that failed: try again later, go on, go into the catch steps, or end the run.
func (w *walk) fail(s *step, cause error) {
	failure := &RunError{Step: s.ID, Code: ErrorCode(cause), Message: w.a.cat.mask.String(cause.Error())}
	w.state.Called = 0 // another try calls anew
	if w.state.Key == 0 {
		w.state.Key = w.state.Walked + 1
	}
	rec, err := w.record(s, "failed", noteOf(cause), nil, failure.Message)
	if err == nil {
		w.log(rec)
	}
	if o := s.OnError; o != nil && o.Retry != nil && w.state.Attempt < o.Retry.Times && !isFinal(cause) {
		pause, total := o.Retry.pause(w.state.Attempt, w.run.ID)
		if later, ok := errors.AsType[interface {
			error
			RetryAfter() time.Duration
		}](cause); ok {
			pause = max(pause, later.RetryAfter())
			total = max(total, pause)
		}
		w.state.Attempt++
		w.wait(w.a.now().Add(pause), total <= holdRetries)
		return
	}
	if s.OnError != nil && s.OnError.Then == "continue" {
		w.state.advance()
		if s.ID == w.state.Until {
			w.finish(w.ending())
		}
		return
	}
	if w.caught(failure) {
		return
	}
	if w.state.Error != nil {
		failure = w.state.Error
	}
	w.run.Error = failure
	w.finish(RunFailed)
}

// noteOf is what the run's log tells of a failed step beside its error.
func noteOf(cause error) any {
	if noted, ok := errors.AsType[interface {
		error
		Note() any
	}](cause); ok {
		return noted.Note()
	}
	return nil
}

// isFinal says that trying again can not help, as the step knows.
func isFinal(err error) bool {
	final, ok := errors.AsType[interface {
		error
		Final() bool
	}](err)
	return ok && final.Final()
}

// caught goes into the steps that are there for a failure: those of the innermost try around the step, else the scenario's catch, once.
func (w *walk) caught(failure *RunError) bool {
	st := w.state
	for i, f := range slices.Backward(st.Frames) {
		if list := f.Catch; list != "" {
			st.Attempt, st.Key = 0, 0
			st.Frames = append(st.Frames[:i:i], frame{List: list, Error: failure})
			w.env.Names = nil
			return true
		}
	}
	if catch := w.op.version.lists[catchList]; st.Error == nil && len(catch.steps) > 0 {
		st.Error, st.FailedAt, st.FailedKey = failure, st.Frames, st.Key
		st.Attempt, st.Key = 0, 0
		st.Frames = []frame{{List: catchList}}
		w.env.Names = nil
		return true
	}
	return false
}

// pause is how long to wait before the next try, and how long the run will then have waited for this step in all.
func (r *retry) pause(attempt int, run RunID) (pause, total time.Duration) {
	base := min(time.Duration(r.Backoff), maxBackoff)
	for i := range attempt + 1 {
		pause = min(base<<min(i, 20), maxBackoff)
		total += pause
	}
	// The jitter is drawn from the run's id, so that deciding again gives the same time: ±10 %.
	h := fnv.New32a()
	fmt.Fprintf(h, "%s.%d", run, attempt)
	pause += time.Duration(int64(pause) / 10 * (int64(h.Sum32()%201) - 100) / 100)
	return pause, total
}
