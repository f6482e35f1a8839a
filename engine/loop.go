package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/cuelight/cuelight/engine/filter"
)

// Loop is what a for_each walks: a list, or the objects of a structure that pass a filter when the loop gets to them.
type Loop struct {
	Body  *Steps
	Items []any
	// Structure and Where are a search; Where is a filter without expressions, empty for all objects.
	Structure string
	Where     string
}

// loop is the position of a for_each in a run's state. It holds no collection: a search keeps its query and the id of its last object, a
// long list lies in a RunValue.
type loop struct {
	Step string `json:"step"`
	// Entry tells this walk of the loop from an earlier one: the number of steps before it.
	Entry int64 `json:"entry,omitempty"`
	Index int   `json:"index"`
	// Total is the length of a list; Items the list itself while it is short; Kept the name of the RunValue of a long one.
	Total int    `json:"total,omitempty"`
	Items []any  `json:"items,omitempty"`
	Kept  string `json:"kept,omitempty"`

	Structure string `json:"structure,omitempty"`
	Where     string `json:"where,omitempty"`
	// ID is the object of this pass.
	ID string `json:"id,omitempty"`
}

// Bounds of loops.
const (
	maxInState = 16 << 10 // bytes of a list that a run's state holds itself (design 6)
	maxItems   = 10_000   // of a list
	loopPage   = 100      // objects that a search loop looks ahead
	maxTurns   = 64       // passes that begin in one op
	// MaxSummed bounds the objects that one search sums.
	MaxSummed = 10_000
)

// hand is what this node keeps in memory of a run while it has it in hand; all of it can be read again.
type hand struct {
	pages map[string]*page // of search loops, by step: a decision only reads them
	kept  map[string]kept  // lists that are too long for the state, by their names
	// fetched is what a worker got for the step that comes next: it stays with the run while its op can not be carried out, so that an
	// effect is not repeated for it.
	fetched *fetched
	// results are the answers of the runs that the step called which comes next; answersAt is the number of steps walked before it.
	results   []callResult
	answersAt int64
}

// page are the ids that come next in a search loop.
type page struct {
	entry int64
	after string
	ids   []string
	end   bool // nothing comes after ids
	// failed is why the loop can not go on; it fails the loop's step.
	failed error
	// filter is what objects have to pass when their turn comes; nil for all.
	filter *filter.Node
}

// passes says whether an object that was looked ahead to still passes the filter.
func (p *page) passes(s *Structure, o *Object) (bool, error) {
	if p.filter == nil || s == nil {
		return true, nil
	}
	values, err := s.env(o)
	return err == nil && filter.Match(p.filter, func(field string) any { return values[field] }), err
}

// next gives the id after the loop's present one, if the page has it.
func (p *page) next(l *loop) (id string, end, known bool) {
	if p == nil || p.entry != l.Entry || p.after > l.ID {
		return "", false, false
	}
	for _, id := range p.ids {
		if id > l.ID {
			return id, false, true
		}
	}
	return "", true, p.end
}

// enterLoop begins a for_each; the first turn goes to its first item.
func (w *walk) enterLoop(s *step, l *Loop) error {
	state := &loop{Step: s.ID, Entry: w.state.Walked, Index: -1, Total: len(l.Items), Structure: l.Structure, Where: l.Where}
	if l.Structure == "" {
		if len(l.Items) > maxItems {
			return OverLimit("LOOP", "loop_items", "the list has %d items, at most %d are possible; loop over the objects of a structure instead", len(l.Items), maxItems)
		}
		doc, err := marshal(tag(l.Items))
		if err != nil {
			return err
		}
		if state.Items = l.Items; len(doc) > maxInState {
			// Named for the step, so that the next walk of the loop takes the place of this one.
			state.Items, state.Kept = nil, "loop:"+s.ID
			w.a.keepValue(w.run.ID, state.Kept, doc)
			w.hand().keep(state, l.Items)
		}
	}
	w.state.Frames = append(w.state.Frames, frame{List: l.Body.list.path, At: len(l.Body.list.steps), Loop: state})
	return nil
}

// kept is a long list of a loop, as one walk of the loop has it.
type kept struct {
	entry int64
	items []any
}

func (h *hand) keep(l *loop, items []any) {
	if h.kept == nil {
		h.kept = map[string]kept{}
	}
	h.kept[l.Kept] = kept{l.Entry, items}
}

// list is the long list of a loop, nil where it has to be read first.
func (h *hand) list(l *loop) []any {
	if h == nil || h.kept[l.Kept].entry != l.Entry {
		return nil
	}
	return h.kept[l.Kept].items
}

// hand is the memory of the run; a decision only adds to it what every other node would find in the store.
func (w *walk) hand() *hand {
	if w.op.run.hand == nil {
		w.op.run.hand = &hand{}
	}
	return w.op.run.hand
}

// errSkipped says that a loop has passed over all that it had looked ahead to: how far it is has to be kept before it reads on.
var errSkipped = errors.New("loop has to read on")

// turn brings the innermost loop to its next item, or ends it. It asks for a worker where the items have to be read first.
func (w *walk) turn() error {
	top := &w.state.Frames[len(w.state.Frames)-1]
	l := top.Loop
	if l.Structure == "" {
		if l.Kept != "" && w.hand().list(l) == nil {
			return errPrepare
		}
		if l.Index+1 >= l.Total {
			w.leaveLoop()
			return nil
		}
		return w.pass(top)
	}
	for skipped := false; ; skipped = true {
		p := w.hand().pages[l.Step]
		if p != nil && p.entry == l.Entry && p.failed != nil {
			return p.failed
		}
		id, end, known := p.next(l)
		if !known && skipped {
			return errSkipped
		}
		if !known {
			return errPrepare
		}
		if end {
			w.leaveLoop()
			return nil
		}
		o, err := w.a.object(l.Structure, id, false)
		if err != nil {
			return err
		}
		l.ID = id
		if o == nil { // it was deleted before its turn came
			continue
		}
		if passes, err := p.passes(w.a.cat.structures[l.Structure], o); err != nil || passes {
			if err != nil {
				return err
			}
			return w.pass(top)
		}
	}
}

// pass begins the next pass of a loop.
func (w *walk) pass(top *frame) error {
	if w.state.Passes >= maxPasses {
		return OverLimit("LOOP", "loop_passes", "a run may make at most %d passes through its loops", maxPasses)
	}
	top.Loop.Index++
	top.At = 0
	w.state.Passes++
	return nil
}

func (w *walk) leaveLoop() { w.state.Frames = w.state.Frames[:len(w.state.Frames)-1] }

// innermost is the position of the innermost loop among the frames, -1 outside of loops.
func (st *state) innermost() int {
	for i, f := range slices.Backward(st.Frames) {
		if f.Loop != nil {
			return i
		}
	}
	return -1
}

// next ends this pass of the innermost loop, breakLoop the whole loop.
func (st *state) nextPass(v *Version) {
	i := st.innermost()
	st.Frames = st.Frames[:i+1]
	st.Frames[i].At = len(v.lists[st.Frames[i].List].steps)
}

func (st *state) breakLoop() { st.Frames = st.Frames[:st.innermost()] }

// item is what the innermost loop is at, for expressions. object reads an object, nil where it is gone.
func (st *state) item(cat *catalogue, h *hand, object func(structure, id string) (*Object, error)) (item, index any, err error) {
	at := st.innermost()
	if at < 0 {
		return nil, nil, nil
	}
	l := st.Frames[at].Loop
	index = int64(l.Index)
	if l.Structure == "" {
		items := l.Items
		if l.Kept != "" {
			if items = h.list(l); items == nil {
				return nil, nil, errPrepare // a run that was woken or taken over: a worker reads the list again
			}
		}
		if l.Index >= 0 && l.Index < len(items) {
			item = items[l.Index]
		}
		return item, index, nil
	}
	s := cat.structures[l.Structure]
	if s == nil || l.ID == "" {
		return nil, index, nil
	}
	o, err := object(l.Structure, l.ID)
	if err != nil {
		return nil, nil, err
	}
	env, err := s.env(o)
	return orNil(env), index, err
}

// itemTarget is the object that the innermost loop is at, if it is a search.
func (st *state) itemTarget() Target {
	if at := st.innermost(); at >= 0 && st.Frames[at].Loop.Structure != "" {
		return Target{st.Frames[at].Loop.Structure, st.Frames[at].Loop.ID}
	}
	return Target{}
}

// loadLoop reads what the innermost loop needs for its next turn.
func (e *Engine) loadLoop(ctx context.Context, cat *catalogue, op *advanceOp, st *state) error {
	at := st.innermost()
	if at < 0 {
		return nil
	}
	if op.run.hand == nil {
		op.run.hand = &hand{}
	}
	for _, f := range st.Frames {
		if f.Loop == nil || f.Loop.Kept == "" {
			continue
		}
		if err := e.loadKept(ctx, op.run, f.Loop); err != nil {
			return err
		}
	}
	l, h := st.Frames[at].Loop, op.run.hand
	if l.Structure == "" {
		return nil
	}
	if _, _, known := h.pages[l.Step].next(l); known {
		return nil
	}
	next, err := e.loadPage(ctx, cat, op.run.App, l)
	if underChange(err) {
		return fmt.Errorf("%w: %w", ErrUnavailable, err) // the run waits until that is over
	}
	if errors.Is(err, ErrInvalid) {
		next, err = &page{entry: l.Entry, after: l.ID, failed: err}, nil
	}
	if err != nil {
		return err
	}
	if h.pages == nil {
		h.pages = map[string]*page{}
	}
	h.pages[l.Step] = next
	return nil
}

// loadPage reads the ids that come next in a search loop. It fails ErrInvalid where the structure does not fit the loop any more.
func (e *Engine) loadPage(ctx context.Context, cat *catalogue, app AppID, l *loop) (*page, error) {
	s := cat.structures[l.Structure]
	if s == nil {
		return nil, coded(ErrInvalid, "STRUCTURE_GONE", "the structure %s does not exist any more", l.Structure)
	}
	q := ObjectQuery{App: app, Structure: s, Limit: loopPage}
	if l.Where != "" {
		n, err := filter.Parse(l.Where)
		if err == nil {
			n, err = filter.Check(n, l.Where, s.FilterFields(), s.zone)
		}
		if err != nil {
			return nil, coded(ErrInvalid, "FILTER", "%s", err)
		}
		q.Filter = n
	}
	if l.ID != "" {
		q.After = idCursor(l.ID)
	}
	found, err := e.store.Objects(ctx, q)
	if err != nil {
		return nil, err
	}
	next := &page{entry: l.Entry, after: l.ID, end: found.Next == "", filter: q.Filter}
	for _, o := range found.Items {
		next.ids = append(next.ids, o.ID)
	}
	return next, nil
}

func (e *Engine) loadKept(ctx context.Context, r *Run, l *loop) error {
	if r.hand.list(l) != nil {
		return nil
	}
	values, err := e.store.Values(ctx, r.App, r.ID)
	if err != nil {
		return err
	}
	for _, v := range values {
		if v.Name != l.Kept {
			continue
		}
		var raw any
		if err := unmarshalNumbers(v.Value, &raw); err != nil {
			return coded(ErrInvalid, codeState, "a list of the run can not be read: %s", err)
		}
		items, _ := untag(raw).([]any)
		r.hand.keep(l, items)
		return nil
	}
	return coded(ErrInvalid, codeState, "a list of the run is gone")
}

// idCursor is the cursor of a list by id behind an object.
func idCursor(id string) string {
	return (&ObjectPlace{Values: []any{id}}).Cursor([]Order{{SortKey: SortKey{Field: "id"}, BuiltIn: true}})
}
