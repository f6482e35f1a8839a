// Package steps is the catalogue of step kinds: one file each, which declares the kind, its settings and what it does. Adding a
// kind touches no other file.
package steps

import (
	"cmp"
	"slices"

	"github.com/cuelight/cuelight/engine"
)

//go:generate go run ../cmd/gen steps README.md

var all []engine.StepKind

// declare adds a kind to the catalogue while the program starts. It panics on a kind that is declared twice or badly.
func declare[C any](spec engine.StepSpec[C]) struct{} {
	k := spec.Build()
	if slices.ContainsFunc(all, func(o engine.StepKind) bool { return o.Kind == k.Kind }) {
		panic("step kind declared twice: " + k.Kind)
	}
	all = append(all, k)
	return struct{}{}
}

// All lists the step kinds by name.
func All() []engine.StepKind {
	kinds := slices.Clone(all)
	slices.SortFunc(kinds, func(a, b engine.StepKind) int { return cmp.Compare(a.Kind, b.Kind) })
	return kinds
}
