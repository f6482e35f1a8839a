package live

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"maps"
	"slices"
	"sort"
	"time"

	"github.com/cuelight/cuelight/engine"
)

// entryCost is what an entry weighs besides its bytes.
const entryCost = 128

// maxLast is how many receivers' last dropped positions a ring remembers.
const maxLast = 100_000

// entry is a push of the ring, encoded once for all sockets.
type entry struct {
	pos  int64
	to   string
	at   time.Time
	wire []byte // the websocket frame
	head int    // of which so much is the frame's header
	// tally is nil for a push of no run.
	tally *tally
}

// weight is what an entry costs in memory.
func (e *entry) weight() int {
	if e.tally == nil {
		return len(e.wire) + entryCost
	}
	return len(e.wire) + entryCost + tallyCost
}

// packet is the engine packet without the frame, as polling sends it.
func (e *entry) packet() []byte { return e.wire[e.head:] }

// ring holds the pushes of the replay window of one app. It is not safe for concurrent use.
type ring struct {
	epoch   string
	head    int64               // the newest position, delivered or not
	entries []*entry            // in position order
	lists   map[string][]*entry // the same by receiver, so that a cursor never walks over other users' pushes
	last    map[string]int64    // by receiver the newest position that was dropped
	floor   int64               // at or below it a receiver that is missing in last may have pushes that nobody remembers
	bytes   int
	limits  Limits
}

func newRing(r Recent, l Limits) *ring {
	g := &ring{epoch: r.Head.Epoch, head: r.Head.Pos, lists: map[string][]*entry{}, last: map[string]int64{}, floor: r.Floor, limits: l}
	maps.Copy(g.last, r.Last)
	if len(r.Pushes) > 0 {
		g.head = r.Pushes[0].Pos - 1
	}
	var last *tally
	for _, p := range r.Pushes {
		e := newEntry(r.Head.Epoch, p, p.At)
		e.tally = tallyOf(p, last)
		last = e.tally
		g.append(e)
	}
	return g
}

// append takes the push after head. The caller sees to it that there is no hole.
func (r *ring) append(e *entry) {
	r.head = e.pos
	if e.wire == nil {
		return // no client could read it
	}
	r.entries = append(r.entries, e)
	r.lists[e.to] = append(r.lists[e.to], e)
	r.bytes += e.weight()
	for len(r.entries) > r.limits.RingPushes || (r.bytes > r.limits.RingBytes && len(r.entries) > 1) {
		r.dropOldest()
	}
}

// expire drops what is older than the replay window.
func (r *ring) expire(now time.Time) {
	old := now.Add(-r.limits.Window)
	for len(r.entries) > 0 && r.entries[0].at.Before(old) {
		r.dropOldest()
	}
}

func (r *ring) dropOldest() {
	e := r.entries[0]
	r.entries[0] = nil
	r.entries = r.entries[1:]
	list := r.lists[e.to]
	list[0] = nil
	if r.lists[e.to] = list[1:]; len(list) == 1 {
		delete(r.lists, e.to)
	}
	r.last[e.to] = e.pos
	r.bytes -= e.weight()
}

// forget bounds last: it drops the older half of it, save the receivers that keep names, and raises the floor so that nobody is resumed over
// what was forgotten.
func (r *ring) forget(keep func(to string) bool) {
	if len(r.last) <= maxLast {
		return
	}
	all := make([]int64, 0, len(r.last))
	for _, pos := range r.last {
		all = append(all, pos)
	}
	slices.Sort(all)
	floor := all[len(all)/2]
	for to, pos := range r.last {
		if pos <= floor && to != engine.Everybody && !keep(to) {
			delete(r.last, to)
		}
	}
	r.floor = max(r.floor, floor)
}

// reaches says whether a client of this user that has seen everything up to pos can go on from there.
func (r *ring) reaches(pos int64, user engine.UserID) bool {
	dropped := func(to string) int64 {
		if last, ok := r.last[to]; ok {
			return last
		}
		return r.floor
	}
	if pos > r.head || pos < dropped(engine.Everybody) {
		return false
	}
	return user == "" || pos >= dropped(string(user))
}

// lost says whether a push to this user after pos was dropped while the cursor stood there. Unlike reaches it does not mind the floor: the
// receivers that have a cursor are never forgotten.
func (r *ring) lost(pos int64, user engine.UserID) bool {
	return r.last[engine.Everybody] > pos || (user != "" && r.last[string(user)] > pos)
}

// after merges what is meant for everybody and for this user behind pos, at most so many bytes but at least one push, and gives the position
// at which the reader then stands.
func (r *ring) after(pos int64, user engine.UserID, budget int) ([]*entry, int64) {
	all, own := listAfter(r.lists[engine.Everybody], pos), []*entry(nil)
	if user != "" {
		own = listAfter(r.lists[string(user)], pos)
	}
	var out []*entry
	for size := 0; len(all)+len(own) > 0; {
		from := &all
		if len(all) == 0 || (len(own) > 0 && own[0].pos < all[0].pos) {
			from = &own
		}
		e := (*from)[0]
		if size += len(e.wire); size > budget && len(out) > 0 {
			return out, out[len(out)-1].pos
		}
		out = append(out, e)
		*from = (*from)[1:]
	}
	return out, r.head
}

func listAfter(list []*entry, pos int64) []*entry {
	return list[sort.Search(len(list), func(i int) bool { return list[i].pos > pos }):]
}

// unsendable are the event names at which a stock client closes the connection; one such row must not lock all clients out.
var unsendable = map[string]bool{
	"connect": true, "connect_error": true, "disconnect": true, "disconnecting": true, "newListener": true, "removeListener": true,
}

// newEntry encodes a push. The offset is always the last argument of the event: the stock client takes it from there.
func newEntry(epoch string, p engine.Push, at time.Time) *entry {
	e := &entry{pos: p.Pos, to: p.To, at: at}
	if unsendable[p.Event] || p.To == "" {
		return e
	}
	b := bytes.NewBuffer(make([]byte, 0, len(p.Message)+len(p.Event)+64))
	b.WriteString("42[")
	writeJSON(b, p.Event)
	b.WriteByte(',')
	if message := []byte(p.Message); p.JSON && json.Valid(message) {
		// A text frame with broken UTF-8 would close the connection, and again after each replay.
		b.Write(bytes.ToValidUTF8(message, []byte("\uFFFD")))
	} else {
		writeJSON(b, p.Message)
	}
	b.WriteByte(',')
	writeJSON(b, offset(epoch, p.Pos))
	b.WriteByte(']')
	e.wire = appendFrame(make([]byte, 0, b.Len()+10), opText, b.Bytes())
	e.head = len(e.wire) - b.Len()
	return e
}

func writeJSON(b *bytes.Buffer, s string) {
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s)       // a string always encodes
	b.Truncate(b.Len() - 1) // the encoder's newline
}

// The opcodes of websocket frames that we write.
const (
	opText  = 1
	opClose = 8
	opPong  = 10
)

// appendFrame appends an unmasked, final websocket frame.
func appendFrame(b []byte, op byte, payload []byte) []byte {
	b = append(b, 0x80|op)
	switch n := len(payload); {
	case n < 126:
		b = append(b, byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, 126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 127), uint64(n))
	}
	return append(b, payload...)
}
