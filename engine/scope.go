package engine

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cuelight/cuelight/engine/expr"
)

// Scope is what a step sees and does while it is walked inside an op. It lasts for one call of the step's run.
type Scope struct {
	a        *act
	run      *Run
	version  *Version
	state    *state
	env      expr.Env
	prepared *prepared
	fetched  *fetched
	hand     *hand
}

// Fetched is what the step's Outside yielded.
func (s *Scope) Fetched() any {
	if s.fetched == nil {
		return nil
	}
	return s.fetched.value
}

// prepared is what a worker evaluated for a step before its op: its deferred expressions, and the object that they saw.
type prepared struct {
	step    *step
	values  map[*slot]preparedValue
	version int64 // of the current object; -1 when there was none
	// item is the object that a loop was at, itemVersion its version.
	item        Target
	itemVersion int64
	// took is how long the worker was at it.
	took time.Duration
	// ticks and made are what the evaluation spent of the run's budget.
	ticks, made int
}

type preparedValue struct {
	value any
	err   error
}

// errPrepare says that a step's deferred expressions have to be evaluated, outside the commit, before it can be walked.
var errPrepare = errors.New("deferred expressions are not evaluated yet")

// errMoved says that the object changed between the evaluation of a deferred expression and the op.
var errMoved = errors.New("object changed meanwhile")

func (s *Scope) budget() *expr.Budget { return expr.NewBudget(expr.InlineLimits, nil) }

// Now is the op's time.
func (s *Scope) Now() time.Time { return s.a.now() }

// Attempt is 0 for the step's first try.
func (s *Scope) Attempt() int { return s.state.Attempt }

// SetVariable sets a variable of the run.
func (s *Scope) SetVariable(name string, value any) { s.state.Vars[name] = value }

// Target names an object that a step writes; the zero value is the current object.
type Target struct{ Structure, ID string }

func (s *Scope) target(t Target) Target {
	if t == (Target{}) {
		return Target{s.run.Structure, s.run.Object}
	}
	return t
}

// Lock makes sure that the object is locked and that expressions see it as it is now: as object, or as item where it is what a loop is at.
// It fails OBJECT_GONE when there is none.
func (s *Scope) Lock(t Target) error {
	t = s.target(t)
	if t.ID == "" {
		return StepError("NO_OBJECT", "the run has no current object")
	}
	if !objectIDRule.MatchString(t.ID) {
		return StepError("OBJECT_ID", "the id of the object is no id: it has 1 to 64 of the characters A-Z a-z 0-9 . _ ~ @ : -")
	}
	o, err := s.a.object(t.Structure, t.ID, true)
	if err != nil {
		return err
	}
	if o == nil {
		return StepError("OBJECT_GONE", "the object does not exist any more")
	}
	current := t == Target{s.run.Structure, s.run.Object}
	if p := s.prepared; p != nil && (current && p.version != o.Version || !current && p.item == t && p.itemVersion != o.Version) {
		return errMoved
	}
	return s.see(t, o)
}

func (s *Scope) see(t Target, o *Object) error {
	st := s.a.cat.structures[t.Structure]
	if st == nil {
		return StepError("STRUCTURE_GONE", "the structure %s does not exist any more", t.Structure)
	}
	env, err := st.env(o)
	if err != nil {
		return err
	}
	s.env.Names["target"] = orNil(env)
	if t == (Target{s.run.Structure, s.run.Object}) {
		s.env.Names["object"] = orNil(env)
	}
	if t == s.state.itemTarget() {
		s.env.Names["item"] = orNil(env)
	}
	return nil
}

// Values evaluates field values, all of them on the same state of the object.
func (s *Scope) Values(set FieldValues) (map[string]any, error) {
	out := make(map[string]any, len(set))
	for _, name := range keysOf(set) {
		if set[name] == nil {
			out[name] = nil
			continue
		}
		v, err := set[name].Eval(s)
		if err != nil {
			return nil, err
		}
		out[name] = v
	}
	return out, nil
}

// Edit changes fields of an object; without event no scenario runs for it.
func (s *Scope) Edit(t Target, values map[string]any, event bool) error {
	t = s.target(t)
	_, err := s.write(change{structure: s.a.cat.structures[t.Structure], kind: WritePatch, id: t.ID, set: values, silent: !event})
	return err
}

// Delete deletes an object and says whether it was there.
func (s *Scope) Delete(t Target, event bool) (bool, error) {
	t = s.target(t)
	if t.ID == "" {
		return false, StepError("NO_OBJECT", "the run has no current object")
	}
	_, err := s.write(change{structure: s.a.cat.structures[t.Structure], kind: WriteDelete, id: t.ID, silent: !event})
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// Create makes an object and returns its id; one that exists under a given id is left as it is.
func (s *Scope) Create(structure, id string, values map[string]any, event bool) (string, error) {
	st := s.a.cat.structures[structure]
	if st == nil {
		return "", StepError("STRUCTURE_GONE", "the structure %s does not exist any more", structure)
	}
	out, err := s.write(change{structure: st, kind: WriteCreate, id: id, set: values, silent: !event, reuse: true})
	if err != nil {
		return "", err
	}
	return out.Object.ID, nil
}

func (s *Scope) write(c change) (Written, error) {
	if c.structure == nil {
		return Written{}, StepError("STRUCTURE_GONE", "the structure does not exist any more")
	}
	return s.a.write(c)
}

// Limits of pushes (design 7, guarantees 4).
const (
	MaxEventName = 128
	MaxPush      = 64 << 10
	MaxReceivers = 1000
	// MaxPushTotal bounds receivers × message of one push: each receiver's row holds the message.
	MaxPushTotal = 1 << 20
)

// reservedEvents are names that a stock client uses for itself or refuses.
var reservedEvents = []string{"connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"}

// Push sends an event to one user, or to everybody of the app when to is Everybody and was typed.
func (s *Scope) Push(to []string, event, message string, isJSON bool) error {
	if err := CheckPushTo(len(to), event, message); err != nil {
		return err
	}
	s.a.bytes += len(to) * len(message)
	for _, t := range to {
		s.a.eff.Pushes = append(s.a.eff.Pushes, &Push{
			App: s.a.app, To: t, Event: event, Message: message, JSON: isJSON, Run: s.run.ID, Seq: s.state.Walked + 1, At: s.a.now(), // the number that the step will have in the run's log
		})
	}
	return nil
}

// CheckPushTo is CheckPush for a push to several receivers, whose rows it bounds together.
func CheckPushTo(receivers int, event, message string) error {
	if err := CheckPush(event, message); err != nil {
		return err
	}
	if receivers*len(message) > MaxPushTotal {
		return &CodedError{Kind: ErrInvalid, Code: "PUSH_SIZE", Limit: "push_total_bytes", Message: fmt.Sprintf(
			"the message times its %d receivers takes more than %d bytes: send a short one and let pages fetch the rest, or send it to fewer", receivers, MaxPushTotal)}
	}
	return nil
}

// CheckPush refuses events and messages that no client could be sent.
func CheckPush(event, message string) error {
	switch {
	case event == "":
		return StepError("PUSH_EVENT", "the event name is empty")
	case len([]rune(event)) > MaxEventName:
		return &CodedError{Kind: ErrInvalid, Code: "PUSH_EVENT", Limit: "event_name", Message: fmt.Sprintf("an event name may have at most %d characters", MaxEventName)}
	case slices.Contains(reservedEvents, event) || len(event) >= 4 && event[:4] == "cue:":
		return StepError("PUSH_EVENT", "the event name %q is reserved", event)
	case len(message) > MaxPush:
		return &CodedError{Kind: ErrInvalid, Code: "PUSH_SIZE", Limit: "push_bytes", Message: fmt.Sprintf("a message may be at most %d bytes long", MaxPush)}
	}
	if err := cleanText(event); err != nil {
		return StepError("PUSH_EVENT", "the event name %s", err)
	}
	if err := cleanText(message); err != nil {
		return StepError("PUSH_MESSAGE", "the message %s", err)
	}
	return nil
}

// ValidID says whether a text can be the id of an object, and so of a user.
func ValidID(id string) bool { return objectIDRule.MatchString(id) }
