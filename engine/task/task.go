// Package task holds the only go statements of the program: every goroutine has a name, an owner that waits for it, and a recover.
package task

import (
	"log/slog"
	"runtime/debug"
	"sync"
)

// Group owns goroutines: whoever has it waits for them with Wait. The zero value is not usable; see New.
// It is safe for concurrent use, except that Go must not be called after Wait has returned.
type Group struct {
	log *slog.Logger
	wg  sync.WaitGroup
}

// New makes a group that reports panics of its goroutines to log.
func New(log *slog.Logger) *Group { return &Group{log: log} }

// Go runs f in a goroutine of the group. A panic of f ends that goroutine only and is logged with its stack.
func (g *Group) Go(name string, f func()) {
	g.wg.Go(func() {
		defer Recover(g.log, name)
		f()
	})
}

// Wait returns when every goroutine of the group has ended.
func (g *Group) Wait() { g.wg.Wait() }

// Recover turns, when it is deferred, a panic into a log line; name says where it happened.
func Recover(log *slog.Logger, name string) {
	if r := recover(); r != nil {
		log.Error("panic", "in", name, "panic", r, "stack", string(debug.Stack()))
	}
}
