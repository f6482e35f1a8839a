// Package engine holds the nouns of Cuelight and the one path on which they change, read downwards:
//
//	request → Engine.Write → committer → Store.Commit (decide, match) → dispatcher → interpreter → steps → push
//
// A write becomes an op (op.go). The committer (committer.go) gathers ops into batches; a store carries a batch out in one transaction,
// in which every op is decided on what its predecessors left (batch.go). A decision (act.go, write.go) writes the object, its change,
// and the runs of the scenarios that the change concerns (match.go). A committed run is handed to this node's dispatcher, which sends
// the op that moves it on: the interpreter (interpreter.go) walks steps inside that op. What may not happen inside a commit, such as a
// dear expression, is evaluated before it by a worker (prepare.go). Waits and retries are rows and an entry in a small heap (timer.go).
// Committed pushes go to the Outlet in the order of their positions.
//
// There are no hooks and no callbacks up. Clock, ids and the store are the engine's only doors to the world.
package engine
