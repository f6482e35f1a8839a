package live_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// peer is a cheap client in Go that speaks engine.io 4 as the stock client does, and can misbehave.
type peer struct {
	base string
	web  *http.Client
	ws   *websocket.Conn
	sid  string
	pid  string
	id   string   // of the socket
	in   []string // packets of the last answer that were not read yet
}

func query(base, transport, sid string) string {
	u := base + "/socket.io/?EIO=4&transport=" + transport
	if sid != "" {
		u += "&sid=" + sid
	}
	return u
}

func wsURL(httpURL string) string { return "ws" + strings.TrimPrefix(httpURL, "http") }

var dialer = &websocket.Dialer{HandshakeTimeout: 10 * time.Second, ReadBufferSize: 2048, WriteBufferSize: 1024}

// dial opens a websocket session without waiting for the open packet.
func dial(base string) (*peer, error) {
	ws, res, err := dialer.Dial(wsURL(query(base, "websocket", "")), nil)
	if err != nil {
		if res != nil {
			return nil, fmt.Errorf("%w: %s", err, res.Status)
		}
		return nil, err
	}
	return &peer{base: base, ws: ws}, nil
}

// shake opens a polling session.
func shake(base string) (*peer, error) {
	p := &peer{base: base, web: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 2}, Timeout: 30 * time.Second}}
	open, err := p.next()
	if err != nil {
		return nil, err
	}
	return p, p.opened(open)
}

func (p *peer) opened(packet string) error {
	var o struct{ Sid string }
	if !strings.HasPrefix(packet, "0{") || json.Unmarshal([]byte(packet[1:]), &o) != nil {
		return fmt.Errorf("no open packet but %.80q", packet)
	}
	p.sid = o.Sid
	return nil
}

func (p *peer) close() {
	if p.ws != nil {
		_ = p.ws.Close()
	}
	if p.web != nil {
		p.web.CloseIdleConnections()
	}
}

func (p *peer) send(packet string) error {
	if p.ws != nil {
		return p.ws.WriteMessage(websocket.TextMessage, []byte(packet))
	}
	status, body, err := p.request(http.MethodPost, "text/plain;charset=UTF-8", strings.NewReader(packet))
	if err == nil && (status != http.StatusOK || string(body) != "ok") {
		err = fmt.Errorf("post: %d %.80q", status, body)
	}
	return err
}

func (p *peer) request(method, contentType string, body io.Reader) (int, []byte, error) {
	req, err := http.NewRequest(method, query(p.base, "polling", p.sid), body)
	if err != nil {
		return 0, nil, err
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	res, err := p.web.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	return res.StatusCode, b, err
}

// next is the next engine packet; pings are answered.
func (p *peer) next() (string, error) {
	for {
		packet, err := p.raw()
		if err != nil {
			return "", err
		}
		switch packet {
		case "2":
			if err := p.send("3"); err != nil {
				return "", err
			}
		case "6":
		default:
			return packet, nil
		}
	}
}

func (p *peer) raw() (string, error) {
	if len(p.in) > 0 { // a polling answer may be left over from before an upgrade
		first := p.in[0]
		p.in = p.in[1:]
		return first, nil
	}
	if p.ws != nil {
		_ = p.ws.SetReadDeadline(time.Now().Add(20 * time.Second))
		_, b, err := p.ws.ReadMessage()
		return string(b), err
	}
	status, body, err := p.request(http.MethodGet, "", nil)
	if err != nil {
		return "", err
	}
	if status != http.StatusOK {
		return "", fmt.Errorf("poll: %d %.80q", status, body)
	}
	p.in = strings.Split(string(body), "\x1e")
	return p.raw()
}

// connect sends CONNECT and waits for its answer, whatever comes before it.
func (p *peer) connect(auth any) error {
	b, err := json.Marshal(auth)
	if err != nil {
		return err
	}
	if err := p.send("40" + string(b)); err != nil {
		return err
	}
	return p.welcomed()
}

func (p *peer) welcomed() error {
	for {
		packet, err := p.next()
		if err != nil {
			return err
		}
		if strings.HasPrefix(packet, "0{") {
			if err := p.opened(packet); err != nil {
				return err
			}
			continue
		}
		var c struct{ Sid, Pid string }
		if strings.HasPrefix(packet, "40{") && json.Unmarshal([]byte(packet[2:]), &c) == nil && c.Sid != "" && c.Pid != "" {
			p.pid, p.id = c.Pid, c.Sid
			return nil
		}
		return fmt.Errorf("CONNECT was answered %.200q", packet)
	}
}

// upgrade goes over to a websocket.
func (p *peer) upgrade() error { return p.upgradeBeside(func() error { return nil }) }

// upgradeBeside goes over to a websocket as the stock client does: probe, let the waiting poll end and what is being posted too, then say so.
func (p *peer) upgradeBeside(posted func() error) error {
	ws, _, err := dialer.Dial(wsURL(query(p.base, "websocket", p.sid)), nil)
	if err != nil {
		return err
	}
	polled := make(chan error, 1)
	go func() {
		// A poll waits while the probe goes on.
		status, body, err := p.request(http.MethodGet, "", nil)
		if err == nil && status != http.StatusOK {
			err = fmt.Errorf("poll: %d", status)
		}
		if err == nil {
			p.in = append(p.in, strings.Split(string(body), "\x1e")...)
		}
		polled <- err
	}()
	err = ws.WriteMessage(websocket.TextMessage, []byte("2probe"))
	if err == nil {
		var b []byte
		if _, b, err = ws.ReadMessage(); err == nil && string(b) != "3probe" {
			err = fmt.Errorf("probe was answered %q", b)
		}
	}
	if err = errors.Join(err, <-polled, posted()); err == nil {
		err = ws.WriteMessage(websocket.TextMessage, []byte("5"))
	}
	if err != nil {
		_ = ws.Close()
		return err
	}
	p.web.CloseIdleConnections()
	p.ws = ws
	return nil
}

// event is what an event packet carries.
type event struct {
	name, message, epoch string
	pos                  int64
}

func parseEvent(packet string) (event, error) {
	var args []json.RawMessage
	body, ok := strings.CutPrefix(packet, "42")
	if !ok || json.Unmarshal([]byte(body), &args) != nil || len(args) != 3 {
		return event{}, fmt.Errorf("not an event: %.80q", packet)
	}
	var e event
	var at string
	if json.Unmarshal(args[0], &e.name) != nil || json.Unmarshal(args[2], &at) != nil {
		return event{}, fmt.Errorf("not an event of ours: %.80q", packet)
	}
	e.message = string(args[1])
	epoch, pos, _ := strings.Cut(at, ".")
	e.epoch = epoch
	var err error
	e.pos, err = strconv.ParseInt(pos, 10, 64)
	return e, err
}

func (p *peer) event() (event, error) {
	packet, err := p.next()
	if err != nil {
		return event{}, err
	}
	return parseEvent(packet)
}

// guest opens a websocket of a guest that is connected.
func guest(t testing.TB, base string) *peer {
	t.Helper()
	return visitor(t, base, auth("demo", ""))
}

func visitor(t testing.TB, base string, auth any) *peer {
	t.Helper()
	p, err := dial(base)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.close)
	if err := p.connect(auth); err != nil {
		t.Fatal(err)
	}
	return p
}

// poller opens a polling session of a guest that is connected.
func poller(t testing.TB, base string) *peer {
	t.Helper()
	p, err := shake(base)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.close)
	if err := p.connect(auth("demo", "")); err != nil {
		t.Fatal(err)
	}
	return p
}

// ends says whether the server ends the session within the time.
func (p *peer) ends(within time.Duration) error {
	if p.ws == nil {
		for end := time.Now().Add(within); time.Now().Before(end); {
			status, body, err := p.request(http.MethodGet, "", nil)
			if err != nil || status != http.StatusOK || bytes.HasSuffix(body, []byte("1")) {
				return nil
			}
		}
		return errors.New("still answers polls")
	}
	_ = p.ws.SetReadDeadline(time.Now().Add(within))
	for {
		if _, _, err := p.ws.ReadMessage(); err != nil {
			if n, ok := errors.AsType[net.Error](err); ok && n.Timeout() {
				return errors.New("still open")
			}
			return nil
		}
	}
}

// postOnce posts beside what the session's poll does.
func (p *peer) postOnce(packet string) error {
	q := &peer{base: p.base, sid: p.sid, web: p.web}
	return q.send(packet)
}
