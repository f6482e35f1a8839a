package live

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/zishang520/socket.io/parsers/socket/v3/parser"

	"github.com/cuelight/cuelight/engine"
)

var unitKey = []byte("0123456789abcdef0123456789abcdef")

func TestPid(t *testing.T) {
	t.Parallel()
	for _, want := range []pid{{}, {"e", "demo", "anna", 42}, {"e.1", "demo", "", 1 << 60}, {strings.Repeat("é", 300), "\x00", "*", 0}} {
		sealed := sealPid(unitKey, want)
		if got, ok := openPid(unitKey, sealed); !ok || got != want {
			t.Errorf("%v became %v %v", want, got, ok)
		}
		if sealPid(unitKey, want) == sealed {
			t.Error("two pids are the same")
		}
		if _, ok := openPid([]byte("another key another key another k"), sealed); ok {
			t.Error("another key opens it")
		}
		for i := range sealed {
			if forged := sealed[:i] + string(sealed[i]^1) + sealed[i+1:]; forged != sealed {
				if _, ok := openPid(unitKey, forged); ok {
					t.Errorf("a change at %d was not noticed", i)
				}
			}
			if _, ok := openPid(unitKey, sealed[:i]); ok {
				t.Errorf("cut at %d it still opens", i)
			}
		}
	}
}

func TestOffset(t *testing.T) {
	t.Parallel()
	if pos, ok := parseOffset("e.x", offset("e.x", 1<<62)); !ok || pos != 1<<62 {
		t.Errorf("got %d %v", pos, ok)
	}
	for _, bad := range []string{"", "e", "e.", "f.1", "e.-1", "e.+1", "e.1.2", "e.9223372036854775808", "e. 1", "1"} {
		if pos, ok := parseOffset("e", bad); ok {
			t.Errorf("%q is %d", bad, pos)
		}
	}
}

func testRing(l Limits) *ring {
	return newRing(Recent{Head: engine.PushHead{Epoch: "e"}}, l.withDefaults())
}

func (r *ring) push(to string, at time.Time) {
	r.append(newEntry("e", engine.Push{Pos: r.head + 1, To: to, Event: "n", Message: strings.Repeat("m", 100)}, at))
}

func positions(es []*entry) []int64 {
	var out []int64
	for _, e := range es {
		out = append(out, e.pos)
	}
	return out
}

func TestRingMergesInOrder(t *testing.T) {
	t.Parallel()
	r, now := testRing(Limits{}), time.Unix(1000, 0)
	for _, to := range []string{"*", "anna", "bob", "*", "bob", "anna", "bob"} {
		r.push(to, now)
	}
	for _, c := range []struct {
		user   engine.UserID
		pos    int64
		budget int
		want   []int64
		next   int64
	}{
		{"anna", 0, 1 << 20, []int64{1, 2, 4, 6}, 7},
		{"bob", 3, 1 << 20, []int64{4, 5, 7}, 7},
		{"", 0, 1 << 20, []int64{1, 4}, 7},
		{"carl", 4, 1 << 20, nil, 7},
		{"anna", 7, 1 << 20, nil, 7},
		{"anna", 0, 1, []int64{1}, 1},
		{"anna", 1, 300, []int64{2, 4}, 4},
	} {
		es, next := r.after(c.pos, c.user, c.budget)
		if !slices.Equal(positions(es), c.want) || next != c.next {
			t.Errorf("%q after %d: %v, then at %d; want %v, %d", c.user, c.pos, positions(es), next, c.want, c.next)
		}
	}
}

func TestRingReachesBack(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	r := newRing(Recent{Head: engine.PushHead{Epoch: "e", Pos: 10}, Last: map[string]int64{"*": 4, "anna": 7}, Floor: 2}, Limits{}.withDefaults())
	for _, c := range []struct {
		user engine.UserID
		pos  int64
		want bool
	}{{"anna", 6, false}, {"anna", 7, true}, {"bob", 3, false}, {"bob", 4, true}, {"", 4, true}, {"", 10, true}, {"", 11, false}} {
		if got := r.reaches(c.pos, c.user); got != c.want {
			t.Errorf("%q at %d: %v", c.user, c.pos, got)
		}
	}
	for i := range 5 {
		r.push([]string{"*", "bob"}[i%2], now.Add(time.Duration(i)*time.Second))
	}
	r.expire(now.Add(2*time.Minute + 2*time.Second))
	if got := positions(r.entries); !slices.Equal(got, []int64{13, 14, 15}) {
		t.Errorf("left are %v", got)
	}
	if !r.lost(11, "bob") || r.lost(12, "bob") || r.lost(11, "carl") || !r.lost(10, "carl") {
		t.Error("lost does not know what was dropped")
	}
}

func TestRingIsBounded(t *testing.T) {
	t.Parallel()
	r, now := testRing(Limits{RingPushes: 100, RingBytes: 1 << 20}), time.Unix(1000, 0)
	for i := range 1000 {
		r.push(fmt.Sprint("u", i%7), now)
	}
	lists := 0
	for _, l := range r.lists {
		lists += len(l)
	}
	if len(r.entries) != 100 || lists != 100 || r.head != 1000 {
		t.Errorf("%d entries, %d in lists, head %d", len(r.entries), lists, r.head)
	}
	r = testRing(Limits{RingBytes: 10_000})
	for range 1000 {
		r.push("*", now)
	}
	if r.bytes > 10_000 || len(r.entries) < 20 {
		t.Errorf("%d bytes in %d entries", r.bytes, len(r.entries))
	}
	r.expire(now.Add(time.Hour))
	if r.bytes != 0 || len(r.lists) != 0 {
		t.Errorf("empty, it has %d bytes and %d lists", r.bytes, len(r.lists))
	}
	for i := range maxLast + 1 {
		r.last[fmt.Sprint("u", i)] = int64(i + 1)
	}
	r.forget(func(to string) bool { return to == "u0" })
	if _, kept := r.last["u0"]; !kept || len(r.last) > maxLast/2+3 || r.reaches(10, "u5") || r.floor < maxLast/2-1 {
		t.Errorf("%d remembered, floor %d", len(r.last), r.floor)
	}
}

func TestEntryEndsWithTheOffset(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		push engine.Push
		want string
	}{
		{engine.Push{Event: "message", Message: ""}, `42["message","","e.9"]`},
		{engine.Push{Event: "a\"b", Message: "<\x1e\n>"}, `42["a\"b","<\u001e\n>","e.9"]`},
		{engine.Push{Event: "m", Message: ` {"n":12345678901234567890} `, JSON: true}, `42["m", {"n":12345678901234567890} ,"e.9"]`},
		{engine.Push{Event: "m", Message: `{"n":`, JSON: true}, `42["m","{\"n\":","e.9"]`},
		{engine.Push{Event: "m", Message: "\"\xff\"", JSON: true}, "42[\"m\",\"\uFFFD\",\"e.9\"]"},
		{engine.Push{Event: "m", Message: "\xff"}, "42[\"m\",\"\\ufffd\",\"e.9\"]"},
	} {
		c.push.Pos, c.push.To = 9, "*"
		e := newEntry("e", c.push, time.Time{})
		if got := string(e.packet()); got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
	if e := newEntry("e", engine.Push{To: "*", Event: "disconnect"}, time.Time{}); e.wire != nil {
		t.Error("an event at which clients close is sent")
	}
	for _, n := range []int{0, 125, 126, 65535, 65536, 70000} {
		f := appendFrame(nil, opText, make([]byte, n))
		if len(f) != n+map[bool]int{true: 2, false: map[bool]int{true: 4, false: 10}[n < 65536]}[n < 126] {
			t.Errorf("a frame of %d has %d bytes", n, len(f))
		}
	}
}

func FuzzConnectPacket(f *testing.F) {
	for _, s := range []string{
		"0", "0{}", "0/,{}", "0/", "0/x,{}", "0/x", `0{"app_id":"demo","session_id":"s","pid":"p","offset":"e.1"}`, `0{"pid":1,"offset":null}`, `00{}`, `0[]`, `0null`, `0{}{}`,
		`0{"offset":"{\"conn\":\"x\"}","pid":"-"}`, `1`, `2["a"]`, `3[]`, `50-["any"]`, `60-1["any"]`, `51-["a"]`, `61-[]`, "0 {}", "0/?a,{}", "0//,{}", `0{"app_id":"\ud800"}`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		out, err := translate(in, "conn-key")
		if err != nil {
			return
		}
		var got *parser.Packet
		d := parser.NewDecoder()
		_ = d.On("decoded", func(args ...any) { got, _ = args[0].(*parser.Packet) })
		if d.Add(out) != nil || got == nil {
			return // the library refuses it, and the connection closes
		}
		if got.Type == parser.BINARY_EVENT || got.Type == parser.BINARY_ACK || got.Type == parser.CONNECT_ERROR {
			t.Fatalf("%q came through as %v", in, got.Type)
		}
		if got.Type != parser.CONNECT || got.Nsp != "/" {
			return
		}
		// Whatever a client writes, the library must see our pid and our offset and nothing else.
		auth, ok := got.Data.(map[string]any)
		pid, okPid := auth["pid"].(string)
		packed, okOffset := auth["offset"].(string)
		if !ok || !okPid || !okOffset || pid == "" || len(auth) != 2 || got.Id != nil {
			t.Fatalf("%q became %q", in, out)
		}
		var a ask
		if json.Unmarshal([]byte(packed), &a) != nil || a.Conn != "conn-key" {
			t.Fatalf("%q asks for connection %q", in, a.Conn)
		}
	})
}

func TestTalliesAreBounded(t *testing.T) {
	t.Parallel()
	q := newTallies()
	all := make([]*tally, maxUntold+5)
	for i := range all {
		all[i] = tallyOf(engine.Push{Run: "r", Seq: int64(i)}, nil)
		all[i].delivered.Add(1)
		q.put(all[i])
		q.put(all[i])
	}
	if n := len(q.take()); n != maxUntold || q.dropped.Load() != 5 {
		t.Errorf("%d told, %d dropped", n, q.dropped.Load())
	}
	late := all[maxUntold]
	late.delivered.Add(1)
	q.put(late)
	if told := q.take(); len(told) != 1 || told[0].Seq != maxUntold || told[0].Delivered != 2 {
		t.Errorf("of one that was dropped is told: %+v", told)
	}
	if told := q.take(); len(told) != 0 {
		t.Errorf("told twice: %+v", told)
	}
}

func TestPushesOfAStepShareATally(t *testing.T) {
	t.Parallel()
	var last *tally
	seen := map[*tally]int{}
	for _, p := range []engine.Push{{Run: "r", Seq: 1}, {Run: "r", Seq: 1}, {Run: "r", Seq: 2}, {}, {Run: "s", Seq: 2}, {Run: "s", Seq: 2}} {
		last = tallyOf(p, last)
		seen[last]++
	}
	if len(seen) != 4 || seen[nil] != 1 || seen[last] != 2 {
		t.Errorf("tallies: %v", seen)
	}
}
