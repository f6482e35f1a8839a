// Package triggers is the catalogue of trigger kinds: one file each, which declares the kind, its settings and what it waits for.
package triggers

import (
	"cmp"
	"slices"

	"github.com/cuelight/cuelight/engine"
)

//go:generate go run ../cmd/gen triggers README.md

var all []engine.TriggerKind

// declare adds a kind to the catalogue while the program starts. It panics on a kind that is declared twice or badly.
func declare[C any](spec engine.TriggerSpec[C]) struct{} {
	k := spec.Build()
	if slices.ContainsFunc(all, func(o engine.TriggerKind) bool { return o.Kind == k.Kind }) {
		panic("trigger kind declared twice: " + k.Kind)
	}
	all = append(all, k)
	return struct{}{}
}

// All lists the trigger kinds by name.
func All() []engine.TriggerKind {
	kinds := slices.Clone(all)
	slices.SortFunc(kinds, func(a, b engine.TriggerKind) int { return cmp.Compare(a.Kind, b.Kind) })
	return kinds
}
