package live

import (
	"bytes"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"github.com/zishang520/socket.io/parsers/engine/v3/packet"
	"github.com/zishang520/socket.io/servers/engine/v3/transports"
	"github.com/zishang520/socket.io/v3/pkg/types"
	"golang.org/x/time/rate"
)

// errStopped is the description of a transport that ended without an error of its own.
var errStopped = errors.New("transport stopped")

// batch is the data of one engine packet that stands for many pushes; only our two transports ever see it.
type batch struct{ entries []*entry }

// Read is never called; it makes a batch fit for the engine's packet.
func (*batch) Read([]byte) (int, error) { return 0, errNotText }

// raw is the data of a packet that is encoded already.
type raw struct{ frame []byte }

// Read is never called; it makes raw fit for the engine's packet.
func (*raw) Read([]byte) (int, error) { return 0, errNotText }

// websocketCtor builds our websocket transport for the engine.
type websocketCtor struct{ srv *Server }

// Name is the name of the transport in the query.
func (websocketCtor) Name() string { return transports.WEBSOCKET }

// HandlesUpgrades says that it takes upgraded HTTP connections.
func (websocketCtor) HandlesUpgrades() bool { return true }

// UpgradesTo says that nothing is better.
func (websocketCtor) UpgradesTo() []string { return nil }

// New makes a transport that neither reads nor writes before start.
func (c websocketCtor) New(ctx *types.HttpContext) transports.Transport {
	t := &websocketTransport{Transport: transports.MakeTransport(), srv: c.srv, ws: ctx.Websocket.Conn, upgrade: ctx.Query().Peek("sid") != ""}
	t.pings = rate.NewLimiter(1, 10)
	t.Prototype(t)
	t.Construct(ctx)
	t.ws.SetPingHandler(t.onPing)
	t.ws.SetCloseHandler(func(int, string) error { return nil }) // the reader ends and DoClose answers
	t.SetWritable(true)
	return t
}

// websocketTransport differs from the library's in four ways: it starts when somebody listens (else a quick client's CONNECT is lost), a write
// has a deadline, what waits is written at once, and pushes come as frames that all sockets share.
type websocketTransport struct {
	transports.Transport
	srv     *Server
	ws      *websocket.Conn
	upgrade bool
	pings   *rate.Limiter // no stock client sends any
	once    sync.Once

	mu      sync.Mutex
	started bool
	writing bool
	closing bool
	queue   []*packet.Packet
	pong    []byte // the answer to the newest ping; older ones need none
}

// Name is the name of the transport in the query.
func (*websocketTransport) Name() string { return transports.WEBSOCKET }

// HandlesUpgrades says that it takes upgraded HTTP connections.
func (*websocketTransport) HandlesUpgrades() bool { return true }

// Once subscribes; for a connection that came to upgrade, "error" is the last thing to which the engine subscribes before a probe may come.
func (t *websocketTransport) Once(event types.EventName, listeners ...types.EventListener) error {
	err := t.Transport.Once(event, listeners...)
	if t.upgrade && event == "error" {
		t.start()
	}
	return err
}

// OnRequest answers a polling request that lost the race against its own upgrade; the library would let it hang.
func (t *websocketTransport) OnRequest(ctx *types.HttpContext) {
	if ctx.Websocket == nil {
		_ = ctx.SetStatusCode(http.StatusBadRequest)
		_, _ = ctx.Write(nil)
	}
}

// start begins to read, and to write what was queued.
func (t *websocketTransport) start() {
	t.once.Do(func() {
		t.mu.Lock()
		t.started = true
		t.mu.Unlock()
		if !t.srv.goes("live websocket reader", t.read) {
			t.OnClose()
			return
		}
		t.kick()
	})
}

func (t *websocketTransport) read() {
	defer t.OnClose()
	idle := 2 * (t.srv.limits.PingInterval + t.srv.limits.PingTimeout)
	for {
		_ = t.ws.SetReadDeadline(time.Now().Add(idle))
		kind, r, err := t.ws.NextReader()
		if err != nil {
			return
		}
		if kind != websocket.TextMessage {
			t.srv.log.Debug("websocket closed: binary message")
			return
		}
		data := types.NewStringBuffer(nil)
		if _, err := data.ReadFrom(r); err != nil {
			return
		}
		t.OnData(data)
	}
}

func (t *websocketTransport) onPing(data string) error {
	if !t.pings.Allow() {
		return errPacket // ends the reader
	}
	t.mu.Lock()
	t.pong = appendFrame(nil, opPong, []byte(data))
	t.mu.Unlock()
	t.kick()
	return nil
}

// Send queues packets for the writer. The engine and the cursor send only when the transport is writable, so the queue stays short.
func (t *websocketTransport) Send(packets []*packet.Packet) {
	t.SetWritable(false)
	t.mu.Lock()
	t.queue = append(t.queue, packets...)
	t.mu.Unlock()
	t.kick()
}

// adopt puts the payload that a polling transport could no longer deliver before everything else.
func (t *websocketTransport) adopt(payload []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var first []*packet.Packet
	for part := range bytes.SplitSeq(payload, []byte{separator}) {
		first = append(first, &packet.Packet{Type: packet.MESSAGE, Data: &raw{frame: appendFrame(nil, opText, part)}})
	}
	t.queue = append(first, t.queue...)
}

// kick sees to it that a writer runs if there is anything to write.
func (t *websocketTransport) kick() {
	t.mu.Lock()
	idle := t.started && !t.writing && (len(t.queue) > 0 || t.pong != nil || t.closing)
	if idle {
		t.writing = true
	}
	t.mu.Unlock()
	if idle && !t.srv.goes("live websocket writer", t.write) {
		_ = t.ws.Close()
	}
}

// write runs until nothing waits. Only one runs at a time; it alone touches the connection for writing.
func (t *websocketTransport) write() {
	for {
		t.mu.Lock()
		packets, pong, closing := t.queue, t.pong, t.closing
		t.queue, t.pong = nil, nil
		if len(packets) == 0 && pong == nil && !closing {
			t.writing = false
			t.mu.Unlock()
			return
		}
		t.mu.Unlock()
		if err := t.writeAll(packets, pong, closing); err != nil || closing {
			_ = t.ws.Close() // ends the reader, which tells the engine
			return
		}
		if len(packets) > 0 {
			t.Emit("drain")
			t.SetWritable(true)
			t.Emit("ready")
		}
	}
}

var frames = sync.Pool{New: func() any { return new([]byte) }}

// maxPooled keeps a single large write from pinning its buffer.
const maxPooled = 256 << 10

func (t *websocketTransport) writeAll(packets []*packet.Packet, pong []byte, closing bool) error {
	buf := frames.Get().(*[]byte)
	b := append((*buf)[:0], pong...)
	for _, p := range packets {
		switch d := p.Data.(type) {
		case *batch:
			for _, e := range d.entries {
				b = append(b, e.wire...)
			}
			continue
		case *raw:
			b = append(b, d.frame...)
			continue
		}
		data, err := t.Parser().EncodePacket(p, true)
		if err != nil {
			return err
		}
		b = appendFrame(b, opText, data.Bytes())
	}
	if closing {
		b = appendFrame(b, opClose, websocket.FormatCloseMessage(websocket.CloseGoingAway, ""))
	}
	tcp := t.ws.NetConn()
	_ = tcp.SetWriteDeadline(time.Now().Add(t.srv.limits.WriteStall))
	_, err := tcp.Write(b)
	if cap(b) <= maxPooled {
		*buf = b
		frames.Put(buf)
	}
	return err
}

// DoClose flushes what waits, says goodbye and closes, all within the write deadline. It does not wait for that.
func (t *websocketTransport) DoClose(done types.Callable) {
	t.mu.Lock()
	t.closing = true
	started := t.started
	t.mu.Unlock()
	t.kick()
	if !started {
		_ = t.ws.Close()
	}
	if done != nil {
		done()
	}
}

// OnClose releases the connection however the transport ended.
func (t *websocketTransport) OnClose() {
	t.Transport.OnClose()
	_ = t.ws.Close()
}
