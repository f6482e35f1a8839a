//go:build race

package live_test

// The race detector multiplies memory and time: figures mean nothing under it.
func init() { slowed = true }
