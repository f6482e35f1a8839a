package engine

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Bounds of the settings that hold runs back (contracts 1 and 7).
const (
	maxDebounce = time.Hour
	// debounceFor is how many times its debounce a run waits at most while its object goes on changing.
	debounceFor = 10
	// MaxPermits is how many runs of a scenario max_concurrent may allow at a time.
	MaxPermits = 100
	// defaultActive and maxActive bound what the steps of one run take outside and to evaluate, in all (guarantees 4).
	defaultActive = 5 * time.Minute
	maxActive     = time.Hour
	maxRate       = 1_000_000
)

// The stages of pace that a run has behind it.
const (
	paceSettled = 1 // its object's changes have settled
	paceTaken   = 2 // it has its turn in the scenario's rate
)

// Rate is how many runs of a scenario begin in a time, written as 10/m: so many at once, and then one after the other as time passes.
type Rate struct {
	N   int
	Per time.Duration
}

var (
	rateRule  = regexp.MustCompile(`^([1-9][0-9]{0,6})/(s|m|h|d)$`)
	rateUnits = map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour}
)

// ParseRate reads 10/s, 100/m, 1000/h or 5000/d; an empty text is no bound.
func ParseRate(text string) (Rate, error) {
	if text == "" {
		return Rate{}, nil
	}
	m := rateRule.FindStringSubmatch(text)
	if m == nil {
		return Rate{}, invalid("", "RATE", "must be a number of runs and s, m, h or d, as 10/m")
	}
	n, err := strconv.Atoi(m[1])
	if err != nil || n > maxRate {
		return Rate{}, invalid("", "RATE", "may be at most %d", maxRate)
	}
	return Rate{n, rateUnits[m[2]]}, nil
}

// check says what is wrong with the settings of a scenario.
func (s ScenarioSettings) check() []FieldError {
	var errs []FieldError
	if s.MaxConcurrent < 0 || s.MaxConcurrent > MaxPermits {
		errs = append(errs, overLimit("settings.max_concurrent", "max_concurrent", "must be 0 (no bound) to %d", MaxPermits))
	}
	if time.Duration(s.Debounce) > maxDebounce {
		errs = append(errs, overLimit("settings.debounce", "debounce", "may be at most %s", maxDebounce))
	}
	if time.Duration(s.Timeout) > maxActive {
		errs = append(errs, overLimit("settings.timeout", "run_active", "may be at most %s", maxActive))
	}
	if _, err := ParseRate(s.Rate); err != nil {
		errs = append(errs, fieldError("settings.rate", "RATE", err))
	}
	return errs
}

// active is how long the steps of one run may work outside in all.
func (s ScenarioSettings) active() time.Duration {
	if s.Timeout > 0 {
		return time.Duration(s.Timeout)
	}
	return defaultActive
}

// pace holds a run back before its first step, as its scenario says: until its object's changes have settled, and until its turn in the
// scenario's rate. It says whether that has to be kept before anything else is done.
func (w *walk) pace() (keep bool, err error) {
	s := &w.op.version.doc.Settings
	if w.state.Pace < paceSettled {
		w.state.Pace = paceSettled
		if s.Debounce > 0 && w.run.Change > 0 && w.run.Object != "" && w.run.Parent == "" {
			if err := w.settleDown(time.Duration(s.Debounce)); err != nil || w.run.Status != RunReady {
				return true, err
			}
			keep = true
		}
	}
	if w.state.Pace < paceTaken {
		w.state.Pace = paceTaken
		if s.Rate != "" && !w.state.walksObjects() {
			due, err := w.a.turnInRate(w.op.version)
			if err != nil {
				return false, err
			}
			if due.After(w.a.now()) {
				w.wait(due, false)
			}
			keep = true
		}
	}
	return keep, nil
}

// settleDown has the run wait for further changes of its object, and takes the place of an earlier run that does. The claim names the run that
// waits, with the point at which it does, and lapses when it has waited long enough.
func (w *walk) settleDown(debounce time.Duration) error {
	space := "debounce:" + w.run.Scenario
	c, err := w.a.claim(space, w.run.Object)
	if err != nil {
		return err
	}
	end := w.a.now().Add(debounceFor * debounce)
	if c != nil {
		earlier, err := w.a.settling(c.Owner)
		if err != nil {
			return err
		}
		switch {
		case earlier == nil:
		case earlier.Change > w.run.Change: // runs of a parallel scenario may begin in any order
			w.finish(RunMerged)
			return nil
		default:
			end = c.Until
			w.a.merge(earlier)
		}
	}
	// While an earlier run had the lane, later changes have queued up behind this one.
	if behind, err := w.laterInLane(); err != nil || behind {
		w.finish(RunMerged)
		return err
	}
	due := w.run.CreatedAt.Add(debounce)
	if due.After(end) {
		due = end
	}
	if !due.After(w.a.now()) || w.a.cat.backlogs.waiting(w.run.App) >= maxWaiting {
		return nil
	}
	w.a.setClaim(&Claim{Space: space, Key: w.run.Object, Owner: fmt.Sprintf("%s@%d", w.run.ID, w.run.Cursor+1), Until: end})
	w.wait(due, false)
	return nil
}

// laterInLane says that a run of a later change of the object waits for its turn behind this one.
func (w *walk) laterInLane() (bool, error) {
	if w.run.Lane == "" {
		return false, nil
	}
	lane, err := w.a.lane(w.run.Lane)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(lane.Queue, func(r *Run) bool {
		return r.Scenario == w.run.Scenario && r.Object == w.run.Object && r.Change > w.run.Change
	}), nil
}

// settling is the run that a claim of settleDown names, nil when it does not wait for that any more.
func (a *act) settling(owner string) (*Run, error) {
	id, cursor, _ := strings.Cut(owner, "@")
	run, err := a.Run(RunID(id))
	if err != nil || run == nil || run.Status != RunWaiting || strconv.FormatInt(run.Cursor, 10) != cursor {
		return nil, err
	}
	return run, nil
}

// merge ends a run that waits for its object to settle: a later change's run does that now.
func (a *act) merge(row *Run) {
	next := *row
	next.Epoch++
	next.Status, next.FinishedAt, next.Owner, next.Cause = RunMerged, a.now(), "", nil
	a.setRun(&next)
	a.tally(&next, -1, -1)
}

// turnInRate takes the next turn in a scenario's rate and says when it is. A counter holds when the turns that were given are used up.
func (a *act) turnInRate(v *Version) (time.Time, error) {
	rate, err := ParseRate(v.doc.Settings.Rate)
	if err != nil || rate.N == 0 {
		return time.Time{}, err
	}
	id := "rate:" + v.Scenario + ":" + v.doc.Settings.Rate // another rate begins anew
	used, err := a.counter(id)
	if err != nil {
		return time.Time{}, err
	}
	if a.cat.backlogs.of(a.app, v.Scenario).Waiting == 0 {
		used = min(used, a.now().Add(rate.Per).UnixMicro()) // the runs that had the later turns were cancelled
	}
	// In microseconds, so that many a second come out evenly.
	now, step := a.now().UnixMicro(), rate.Per.Microseconds()/int64(rate.N)
	next := max(used, now) + step
	a.setCounter(id, next, time.UnixMicro(next).Add(rate.Per))
	return time.UnixMicro(next - rate.Per.Microseconds()), nil
}

// ownLane is the lane of a run where the scenario shares none with others, empty for none.
func (v *Version) ownLane(object string) string {
	switch {
	case v.doc.Order == OrderOneByOne:
		return v.Scenario
	case v.doc.Order == OrderPerObject && object != "":
		return v.Scenario + "/" + object
	}
	return ""
}
