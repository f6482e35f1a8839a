package live

import (
	"encoding/json"
	"errors"
	"strings"

	"github.com/zishang520/socket.io/parsers/socket/v3/parser"
)

var (
	errNotText = errors.New("only text packets are accepted")
	errPacket  = errors.New("malformed packet")
)

// textParser is the library's parser, but its decoder takes only what a client of ours has reason to send.
type textParser struct{}

// NewEncoder gives the library's own.
func (textParser) NewEncoder() parser.Encoder { return parser.NewEncoder() }

// NewDecoder gives a decoder for one connection.
func (textParser) NewDecoder() parser.Decoder { return &decoder{Decoder: parser.NewDecoder()} }

type decoder struct{ parser.Decoder }

// message is one text message on its way from the engine to the decoder; conn.onPacket makes it.
type message struct {
	from *conn
	text string
}

// Read is never called: the decoder takes the text. It makes a message fit for the engine's packet.
func (*message) Read([]byte) (int, error) { return 0, errNotText }

// Add decodes one message. A CONNECT is accepted once per connection.
func (d *decoder) Add(v any) error {
	m, ok := v.(*message)
	if !ok {
		return errNotText
	}
	text, err := translate(m.text, m.from.id)
	if err != nil {
		return err
	}
	if text[0] == '0' && m.from.asked.Swap(true) {
		return errPacket
	}
	return d.Decoder.Add(text)
}

// translate refuses what no client of ours sends (binary events and acks, errors) and rewrites a CONNECT of the namespace "/".
func translate(text, conn string) (string, error) {
	if text == "" {
		return "", errPacket
	}
	switch text[0] {
	case '0':
		return translateConnect(text[1:], conn)
	case '1', '2', '3':
		return text, nil
	case '5', '6':
		return "", errNotText
	}
	return "", errPacket
}

// ask is what a CONNECT asks for. The library hands only pid and offset to RestoreSession, so it travels inside the offset.
type ask struct {
	Conn   string `json:"conn"`
	Offset string `json:"offset"`
	// At is the offset up to which the page was rendered; it counts only for a client without a pid.
	At      string `json:"at"`
	App     string `json:"app"`
	Session string `json:"session"`
	// Broken says that app_id or session_id was there but no string.
	Broken bool `json:"broken"`
}

// The longest values of a CONNECT that are looked at; anything longer is treated as wrong, not as a reason to close.
const (
	maxAppID   = 256
	maxSession = 4 << 10
	maxOffset  = 256
)

// noPid stands for a pid that the client does not have: the library asks RestoreSession only when there is one.
const noPid = "-"

// translateConnect gives a CONNECT in which pid and offset are always there and nothing else is: the token must not live on in the library's
// handshake. Every text that the library could take for a CONNECT of "/" passes here, so a client can not write an ask of its own.
func translateConnect(body, conn string) (string, error) {
	if nsp, ok := strings.CutPrefix(body, "/"); ok {
		name, rest, _ := strings.Cut(nsp, ",")
		if "/"+name == adminName {
			return translateAdmin(rest)
		}
		if name != "" {
			return "0/" + name + ",", nil // the library answers that there is no such namespace
		}
		body = rest
	}
	auth := map[string]json.RawMessage{}
	if body != "" {
		if body[0] != '{' || json.Unmarshal([]byte(body), &auth) != nil {
			return "", errPacket
		}
	}
	a := ask{Conn: conn}
	var ok bool
	if a.App, ok = text(auth["app_id"], maxAppID); !ok {
		a.Broken = true
	}
	if a.Session, ok = text(auth["session_id"], maxSession); !ok {
		a.Broken = true
	}
	a.Offset, _ = text(auth["offset"], maxOffset)
	a.At, _ = text(auth["at"], maxOffset)
	pid, _ := text(auth["pid"], maxPid)
	if pid == "" {
		pid = noPid
	}
	packed, err := json.Marshal(a)
	if err != nil {
		return "", errPacket
	}
	out, err := json.Marshal(map[string]string{"pid": pid, "offset": string(packed)})
	return "0" + string(out), err
}

// text is the string that raw holds; absent and null are the empty string.
func text(raw json.RawMessage, limit int) (string, bool) {
	if len(raw) == 0 {
		return "", true
	}
	var s *string
	if json.Unmarshal(raw, &s) != nil || (s != nil && len(*s) > limit) {
		return "", false
	}
	if s == nil {
		return "", true
	}
	return *s, true
}
