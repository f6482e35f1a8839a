package live

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/zishang520/socket.io/parsers/engine/v3/packet"
	"github.com/zishang520/socket.io/servers/engine/v3/transports"
	"github.com/zishang520/socket.io/v3/pkg/types"
)

// pollingCtor builds our polling transport for the engine.
type pollingCtor struct{ srv *Server }

// Name is the name of the transport in the query.
func (pollingCtor) Name() string { return transports.POLLING }

// HandlesUpgrades says that it takes no upgraded HTTP connections.
func (pollingCtor) HandlesUpgrades() bool { return false }

// UpgradesTo says what is better.
func (pollingCtor) UpgradesTo() []string { return []string{transports.WEBSOCKET} }

// New makes the transport of a handshake.
func (c pollingCtor) New(ctx *types.HttpContext) transports.Transport {
	t := &pollingTransport{Transport: transports.MakeTransport(), srv: c.srv}
	t.Prototype(t)
	t.Construct(ctx)
	return t
}

// pollingTransport differs from the library's in where it writes: a poll is answered by the goroutine of its own HTTP handler. The library
// answers from another one, so it can write to a response that has ended, forgets a poll that comes while the last answer is still being
// written, and leaves a poll hanging when the socket closes.
type pollingTransport struct {
	transports.Transport
	srv      *Server
	upgraded func() bool // set when the session is known

	posting sync.Mutex

	mu        sync.Mutex
	handshake *types.HttpContext // the first request, answered by the first Send
	poll      chan struct{}      // of the waiting poll, closed when there is an answer
	out       []byte             // the payload for the next answer
	closed    bool
}

// Name is the name of the transport in the query.
func (*pollingTransport) Name() string { return transports.POLLING }

// OnRequest serves one HTTP request of the session and returns when it is answered, except for the handshake.
func (t *pollingTransport) OnRequest(ctx *types.HttpContext) {
	switch {
	case ctx.Query().Peek("sid") == "":
		t.handshake = ctx
		t.SetWritable(true)
	case ctx.Method() == http.MethodGet:
		t.serve(ctx)
	case ctx.Method() == http.MethodPost:
		t.receive(ctx)
	default:
		_ = reply(ctx, http.StatusBadRequest, nil)
	}
}

// Send queues packets for the waiting poll, or for the next one.
func (t *pollingTransport) Send(packets []*packet.Packet) {
	t.SetWritable(false)
	t.mu.Lock()
	for _, p := range packets {
		if p.Type != packet.NOOP || t.poll != nil {
			t.encode(p)
		}
	}
	first := t.handshake
	t.handshake = nil
	if first == nil {
		t.signal()
		t.mu.Unlock()
		return
	}
	body := t.out
	t.out = nil
	t.mu.Unlock()
	// The engine sends the open packet from within the handshake's own handler.
	_ = reply(first, http.StatusOK, body)
	t.Emit("drain")
}

// encode appends a packet to the payload. The caller holds mu.
func (t *pollingTransport) encode(p *packet.Packet) {
	if pushes, ok := p.Data.(*batch); ok {
		for _, e := range pushes.entries {
			t.add(e.packet())
		}
		return
	}
	data, err := t.Parser().EncodePacket(p, false)
	if err != nil {
		t.srv.log.Error("polling packet lost", "type", p.Type, "err", err)
		return
	}
	t.add(data.Bytes())
}

// separator stands between two packets of a payload.
const separator = 0x1e

func (t *pollingTransport) add(p []byte) {
	if len(t.out) > 0 {
		t.out = append(t.out, separator)
	}
	t.out = append(t.out, p...)
}

// signal wakes the waiting poll. The caller holds mu.
func (t *pollingTransport) signal() {
	if t.poll != nil {
		close(t.poll)
		t.poll = nil
	}
}

// serve holds a poll until there is something to say.
func (t *pollingTransport) serve(ctx *types.HttpContext) {
	answer := make(chan struct{})
	t.mu.Lock()
	overlap, closed, waiting := t.poll != nil, t.closed, len(t.out) > 0
	if !overlap && !closed && !waiting {
		t.poll = answer
	}
	t.mu.Unlock()
	switch {
	case closed:
		_ = reply(ctx, http.StatusBadRequest, nil)
		return
	case overlap:
		t.OnError("overlap from client", errStopped)
		_ = reply(ctx, http.StatusBadRequest, nil)
		return
	case !waiting:
		t.SetWritable(true)
		t.Emit("ready")
		select {
		case <-answer:
		case <-ctx.Context().Done():
			t.SetWritable(false)
			t.OnError("poll connection closed prematurely", ctx.Context().Err())
			return
		}
	}
	t.mu.Lock()
	body := t.out
	t.out = nil
	t.mu.Unlock()
	if err := t.write(ctx, body); err != nil {
		t.OnError("polling write error", err)
		return
	}
	t.Emit("drain")
}

// write answers a poll within the write deadline.
func (t *pollingTransport) write(ctx *types.HttpContext, body []byte) error {
	control := http.NewResponseController(ctx.Response())
	_ = control.SetWriteDeadline(time.Now().Add(t.srv.limits.WriteStall)) // not every ResponseWriter can; then the server's own timeout holds
	if err := reply(ctx, http.StatusOK, body); err != nil {
		return err
	}
	if err := control.Flush(); err != nil {
		return err
	}
	_ = control.SetWriteDeadline(time.Time{}) // the connection is used again
	return nil
}

func reply(ctx *types.HttpContext, status int, body []byte) error {
	ctx.ResponseHeaders().Set("Content-Type", "text/plain; charset=UTF-8")
	ctx.ResponseHeaders().Set("Content-Length", strconv.Itoa(len(body)))
	ctx.ResponseHeaders().Set("Cache-Control", "no-store")
	_ = ctx.SetStatusCode(status)
	_, err := ctx.Write(body)
	return err
}

// receive takes the packets of a POST, whose body the guard has bounded.
func (t *pollingTransport) receive(ctx *types.HttpContext) {
	if !t.posting.TryLock() {
		t.OnError("data request overlap from client", errStopped)
		_ = reply(ctx, http.StatusBadRequest, nil)
		return
	}
	defer t.posting.Unlock()
	body, err := io.ReadAll(ctx.Request().Body)
	if err != nil || !t.decode(body) {
		_ = reply(ctx, http.StatusBadRequest, nil)
		t.OnError("invalid payload", errPacket)
		return
	}
	_ = reply(ctx, http.StatusOK, []byte("ok"))
}

func (t *pollingTransport) decode(body []byte) bool {
	if len(body) == 0 {
		return false
	}
	for part := range bytes.SplitSeq(body, []byte{separator}) {
		p, err := t.Parser().DecodePacket(types.NewStringBuffer(bytes.Clone(part)))
		if err != nil {
			return false
		}
		if p.Type == packet.CLOSE {
			t.OnClose()
			return true
		}
		t.OnPacket(p)
	}
	return true
}

// DoClose ends a waiting poll: with a close packet, or with a noop when the session goes on over another transport.
func (t *pollingTransport) DoClose(done types.Callable) {
	t.end()
	if done != nil {
		done()
	}
	t.Transport.OnClose()
}

// OnClose releases a waiting poll however the transport ended.
func (t *pollingTransport) OnClose() {
	t.end()
	t.Transport.OnClose()
}

// leftover takes what was sent when no poll waited any more: the engine's probe answers a poll with a noop without asking whether it is
// about to answer it with a packet.
func (t *pollingTransport) leftover() []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := t.out
	t.out = nil
	return out
}

func (t *pollingTransport) end() {
	t.SetWritable(false)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return
	}
	t.closed = true
	if t.poll != nil {
		last := packet.CLOSE
		if t.upgraded != nil && t.upgraded() {
			last = packet.NOOP
		}
		t.encode(&packet.Packet{Type: last})
		t.signal()
	}
	if t.handshake != nil {
		_ = reply(t.handshake, http.StatusBadRequest, nil)
		t.handshake = nil
	}
}
