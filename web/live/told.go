package live

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/cuelight/cuelight/engine"
)

// shownPushed is a push as the console shows it.
type shownPushed struct {
	Pos     int64        `json:"pos"`
	To      string       `json:"to"`
	Event   string       `json:"event"`
	Message string       `json:"message"`
	Cut     int          `json:"cut,omitempty"` // how long the message is in truth
	JSON    bool         `json:"json,omitempty"`
	Run     engine.RunID `json:"run,omitempty"`
	Online  int          `json:"online"`
	At      time.Time    `json:"at"`
}

// shownNewsOf is a piece of news as it goes out.
type shownNewsOf struct {
	ID        engine.RunID     `json:"id,omitempty"`
	Run       engine.RunID     `json:"run,omitempty"`
	Scenario  string           `json:"scenario,omitempty"`
	Version   int64            `json:"version,omitempty"`
	Status    string           `json:"status,omitempty"`
	Trigger   string           `json:"trigger,omitempty"`
	Structure string           `json:"structure,omitempty"`
	Object    string           `json:"object,omitempty"`
	Error     *engine.RunError `json:"error,omitempty"`
	Seq       int64            `json:"seq,omitempty"`
	Step      string           `json:"step,omitempty"`
	MS        *int64           `json:"ms,omitempty"`
	Rev       int64            `json:"rev,omitempty"`
	Deleted   bool             `json:"deleted,omitempty"`
	At        time.Time        `json:"at"`
}

// countedSecond is what happened in a second, shown or not.
type countedSecond struct {
	Connections int       `json:"connections"`
	Pushes      int64     `json:"pushes"`
	Shown       int64     `json:"shown"`   // of the pushes
	Skipped     int64     `json:"skipped"` // other news that were not told
	Runs        int64     `json:"runs"`
	Finished    int64     `json:"finished"`
	Failed      int64     `json:"failed"`
	At          time.Time `json:"at"`
}

// told is a message for watchers, encoded once for all.
func told(event string, what any) *entry { return entryOf(packed(event, what)) }

func entryOf(text []byte) *entry {
	e := &entry{wire: appendFrame(make([]byte, 0, len(text)+10), opText, text)}
	e.head = len(e.wire) - len(text)
	return e
}

// packed is an event of /admin as an engine packet.
func packed(event string, what any) []byte {
	b := bytes.NewBuffer(make([]byte, 0, 256))
	b.WriteString("42" + adminName + ",[")
	writeJSON(b, event)
	b.WriteByte(',')
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(what) // our own types always encode
	b.Truncate(b.Len() - 1)
	b.WriteByte(']')
	return b.Bytes()
}
