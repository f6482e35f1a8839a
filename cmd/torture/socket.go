package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// page is a stock Socket.IO client as far as delivery goes: websocket only, with the recovery of the official client's protocol.
type page struct {
	url  string
	auth map[string]string

	mu       sync.Mutex
	pid      string
	offset   string
	segments [][]int64 // positions received, a new segment for each connect that was not a recovery
	refused  int
	// recovered counts the connects that went on where the page was.
	recovered int
	faults    []string
}

// run keeps the page connected until ctx ends, as the official client does: again and again after a short pause.
func (p *page) run(ctx context.Context) {
	for ctx.Err() == nil {
		p.connect(ctx)
		select {
		case <-ctx.Done():
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (p *page) connect(ctx context.Context) {
	dialer := websocket.Dialer{HandshakeTimeout: 2 * time.Second}
	conn, res, err := dialer.DialContext(ctx, "ws"+strings.TrimPrefix(p.url, "http")+"/socket.io/?EIO=4&transport=websocket", http.Header{})
	if res != nil && res.Body != nil {
		_ = res.Body.Close()
	}
	if err != nil {
		return
	}
	defer func() { _ = conn.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	for {
		_ = conn.SetReadDeadline(time.Now().Add(60 * time.Second))
		_, data, err := conn.ReadMessage()
		if err != nil {
			return
		}
		if answer := p.packet(string(data)); answer != "" {
			if err := conn.WriteMessage(websocket.TextMessage, []byte(answer)); err != nil {
				return
			}
		}
	}
}

// packet takes one packet in and gives the answer to it, if there is one.
func (p *page) packet(data string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case strings.HasPrefix(data, "0"):
		auth := map[string]string{"app_id": p.auth["app_id"], "session_id": p.auth["session_id"]}
		if p.pid != "" {
			auth["pid"] = p.pid
			if p.offset != "" {
				auth["offset"] = p.offset
			}
		}
		doc, _ := json.Marshal(auth)
		return "40" + string(doc)
	case data == "2":
		return "3"
	case strings.HasPrefix(data, "40"):
		var hello struct{ Sid, Pid string }
		if err := json.Unmarshal([]byte(data[2:]), &hello); err != nil || hello.Pid == "" {
			p.faults = append(p.faults, "unreadable CONNECT "+data)
			return ""
		}
		if hello.Pid != p.pid {
			p.segments = append(p.segments, nil)
			p.offset = ""
		} else {
			p.recovered++
		}
		p.pid = hello.Pid
	case strings.HasPrefix(data, "44"):
		p.refused++
	case strings.HasPrefix(data, "42"):
		p.event(data)
	}
	return ""
}

func (p *page) event(data string) {
	var args []any
	if err := json.Unmarshal([]byte(data[2:]), &args); err != nil || len(args) != 3 {
		p.faults = append(p.faults, "unreadable event "+data)
		return
	}
	offset, _ := args[2].(string)
	_, text, _ := strings.Cut(offset, ".")
	pos, err := strconv.ParseInt(text, 10, 64)
	if err != nil || len(p.segments) == 0 {
		p.faults = append(p.faults, "event without an offset or before CONNECT: "+data)
		return
	}
	p.offset = offset
	last := len(p.segments) - 1
	p.segments[last] = append(p.segments[last], pos)
}

// last is the newest position that the page has.
func (p *page) last() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, v := range slices.Backward(p.segments) {
		if n := len(v); n > 0 {
			return v[n-1]
		}
	}
	return 0
}

// check compares what the page got with what the log has for it: within a segment nothing is missing, twice or out of order, and the
// last segment reaches the end.
func (p *page) check(name string, wanted []int64) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	faults := p.faults
	place := make(map[int64]int, len(wanted))
	for i, pos := range wanted {
		place[pos] = i
	}
	before := -1
	for _, segment := range p.segments {
		for i, pos := range segment {
			at, ok := place[pos]
			switch {
			case !ok:
				faults = append(faults, fmt.Sprintf("%s got position %d, which is not for it", name, pos))
			case at <= before:
				faults = append(faults, fmt.Sprintf("%s got position %d twice or out of order", name, pos))
			case i > 0 && at != before+1:
				faults = append(faults, fmt.Sprintf("%s got position %d and missed the one before it, though it was recovered", name, pos))
			}
			before = at
		}
	}
	if len(wanted) > 0 && before != len(wanted)-1 {
		faults = append(faults, fmt.Sprintf("%s has not got the end of the log", name))
	}
	return faults
}

// checkRecoveries wants the page to have come back by recovery, as a rule: it is always back long before its window ends. Once in a while
// the answer to a CONNECT is lost by a kill, or a page has nothing to go on from yet.
func (p *page) checkRecoveries(name string, kills int) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var faults []string
	if p.recovered == 0 {
		faults = append(faults, name+" never recovered")
	}
	if again := len(p.segments) - 1; again > kills/10 {
		faults = append(faults, fmt.Sprintf("%s came back fresh %d times in %d kills", name, again, kills))
	}
	if p.refused > 0 {
		faults = append(faults, fmt.Sprintf("%s was refused %d times", name, p.refused))
	}
	return faults
}
