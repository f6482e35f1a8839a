package engine

import "testing"

// On PostgreSQL two nodes draw their numbers before they wait for each other at the record.
func TestAMissedChangeIsCountedThoughItsNumberIsLower(t *testing.T) {
	m := &missed{}
	m.add(13)
	m.add(11)
	if !m.has(13) || !m.has(11) || m.last() != 11 {
		t.Errorf("spans %+v, last %d", m.Spans, m.last())
	}
}
