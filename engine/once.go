package engine

import (
	"encoding/json"
	"fmt"
	"time"
)

// Once names a request that may come again: the first one is carried out, a later one with the same body gets its answer.
type Once struct {
	// Scope is principal, method and path; Key is what the client sent, at most 255 bytes; Body is a hash of the request.
	Scope, Key, Body string
}

// onceFor is how long an idempotency key is kept (contracts 4).
const onceFor = 24 * time.Hour

// answer is what is stored of a write's answer under its idempotency key.
type answer struct {
	Body    string  `json:"body"`
	ID      string  `json:"id,omitempty"`
	Version int64   `json:"version,omitempty"`
	Created bool    `json:"created,omitempty"`
	Runs    []RunID `json:"runs,omitempty"`
}

// replay answers from an earlier request with the same key, or says that there was none.
func (a *act) replay(once *Once) (*answer, error) {
	if once == nil {
		return nil, nil
	}
	c, err := a.claim("once", once.claim())
	if err != nil || c == nil {
		return nil, err
	}
	var ans answer
	if err := json.Unmarshal([]byte(c.Owner), &ans); err != nil {
		return nil, fmt.Errorf("read stored answer: %w", err)
	}
	if ans.Body != once.Body {
		return nil, coded(ErrInvalid, "IDEMPOTENCY_KEY", "this Idempotency-Key was used for another request within 24 hours")
	}
	return &ans, nil
}

func (a *act) remember(once *Once, ans answer) error {
	if once == nil {
		return nil
	}
	ans.Body = once.Body
	owner, err := marshal(ans)
	if err != nil {
		return err
	}
	a.setClaim(&Claim{Space: "once", Key: once.claim(), Owner: string(owner), Until: a.now().Add(onceFor)})
	return nil
}

func (o *Once) claim() string { return hashText(o.Scope + "\x00" + o.Key) }
