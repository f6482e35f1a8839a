package engine

import "sync"

// waiters are those who want to know when runs end.
type waiters struct {
	mu    sync.Mutex
	byRun map[RunID][]chan *Run
}

func newWaiters() *waiters { return &waiters{byRun: map[RunID][]chan *Run{}} }

func (w *waiters) ended(r *Run) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, ch := range w.byRun[r.ID] {
		ch <- r // room for one, sent once
	}
	delete(w.byRun, r.ID)
}

func (w *waiters) add(id RunID) chan *Run {
	w.mu.Lock()
	defer w.mu.Unlock()
	ch := make(chan *Run, 1)
	w.byRun[id] = append(w.byRun[id], ch)
	return ch
}

func (w *waiters) remove(id RunID, ch chan *Run) {
	w.mu.Lock()
	defer w.mu.Unlock()
	list := w.byRun[id]
	for i, c := range list {
		if c == ch {
			w.byRun[id] = append(list[:i:i], list[i+1:]...)
		}
	}
	if len(w.byRun[id]) == 0 {
		delete(w.byRun, id)
	}
}
