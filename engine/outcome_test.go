package engine

import (
	"testing"
	"time"
)

func TestALongBackoffDoesNotTurnIntoNoneAfterSomeTries(t *testing.T) {
	t.Parallel()
	for _, backoff := range []time.Duration{time.Second, 10 * time.Minute, time.Hour, 30 * 24 * time.Hour, maxDuration} {
		r := &retry{Times: 25, Backoff: Duration(backoff)}
		for attempt := range r.Times {
			pause, total := r.pause(attempt, "r")
			if least := min(backoff, maxBackoff) * 9 / 10; pause < least || pause > maxBackoff*11/10 || total < least {
				t.Errorf("backoff %s, try %d: pause %s, %s in all", backoff, attempt+1, pause, total)
			}
		}
	}
}
