package engine

import (
	"sync"
	"time"
)

// Notice is a problem that a builder should see: a condition that could not be judged.
type Notice struct {
	App      AppID     `json:"-"`
	Scenario string    `json:"scenario"`
	Trigger  string    `json:"trigger,omitempty"`
	Code     string    `json:"code"`
	Message  string    `json:"message"`
	Count    int64     `json:"count"`
	At       time.Time `json:"at"`
}

// The codes of notices.
const (
	// NoticeCondition says that a trigger's condition could not be judged.
	NoticeCondition = "CONDITION"
	// NoticeOverloaded says that many runs of a scenario wait for their turn.
	NoticeOverloaded = "OVERLOADED"
	// NoticeMissed says that changes start no runs of a scenario, since too many wait.
	NoticeMissed = "MISSED"
)

// notices remembers the last problem of each trigger since the program started, at most maxNotices of them.
type notices struct {
	mu  sync.Mutex
	all map[noticeID]*Notice
}

type noticeID struct {
	app               AppID
	scenario, trigger string
}

const maxNotices = 10000

// problem notes that a trigger's condition could not be judged; the write goes on without it.
func (c *catalogue) problem(t *Trigger, err error) {
	c.notices.mu.Lock()
	defer c.notices.mu.Unlock()
	id := noticeID{c.app.ID, t.version.Scenario, t.ID}
	n := c.notices.all[id]
	if n == nil {
		if len(c.notices.all) >= maxNotices {
			return
		}
		n = &Notice{App: id.app, Scenario: id.scenario, Trigger: id.trigger, Code: NoticeCondition}
		if c.notices.all == nil {
			c.notices.all = map[noticeID]*Notice{}
		}
		c.notices.all[id] = n
	}
	n.Message, n.At = err.Error(), time.Now().UTC()
	n.Count++
}
