package engine

import "github.com/cuelight/cuelight/engine/filter"

// ObjectQuery asks for a page of the objects of a structure.
type ObjectQuery struct {
	App       AppID
	Structure *Structure
	// Filter is checked against the structure; nil means all.
	Filter *filter.Node
	// Sort orders the page; the id comes last by itself. Only indexed and built-in fields can be sorted by.
	Sort  []SortKey
	Limit int
	// After is the cursor that an earlier page gave; empty starts at the first object.
	After string
	// Count asks for the number of objects that pass the filter.
	Count bool
}

// SortKey is one field to sort by.
type SortKey struct {
	Field      string
	Descending bool
}

// ObjectPage is a page of objects.
type ObjectPage struct {
	Items []*Object
	// Next is the cursor of the following page, empty at the end.
	Next string
	// Total counts the objects, exact up to CountExact; AtLeast says that there are more.
	Total   int
	AtLeast bool
}

// CountExact is how far objects are counted exactly (contracts 4).
const CountExact = 10000
