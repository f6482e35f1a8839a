package live

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"strconv"
	"strings"

	"github.com/cuelight/cuelight/engine"
)

// maxPid is more than any pid of ours: epoch, app and user are bounded where they are made.
const maxPid = 2 << 10

// pidEncoding is strict, so that a pid has one spelling only.
var pidEncoding = base64.RawURLEncoding.Strict()

// pid is what a client keeps of its connection and shows when it comes back. It is stateless: any node and any later process with the same key
// understands it.
type pid struct {
	epoch string
	app   engine.AppID
	user  engine.UserID // empty for a guest
	pos   int64         // of the log when the client connected fresh
}

// sealPid adds 128 random bits and the HMAC, and encodes all of it for the wire.
func sealPid(key []byte, p pid) string {
	var b []byte
	for _, s := range []string{p.epoch, string(p.app), string(p.user)} {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	b = binary.BigEndian.AppendUint64(b, uint64(p.pos))
	var nonce [16]byte
	_, _ = rand.Read(nonce[:]) // never fails: crypto/rand.Read ends the process instead
	b = append(b, nonce[:]...)
	return pidEncoding.EncodeToString(append(b, pidMAC(key, b)...))
}

// openPid is the inverse; false for anything that this key has not sealed.
func openPid(key []byte, s string) (pid, bool) {
	if len(s) > maxPid {
		return pid{}, false
	}
	b, err := pidEncoding.DecodeString(s)
	if err != nil || len(b) < sha256.Size {
		return pid{}, false
	}
	b, mac := b[:len(b)-sha256.Size], b[len(b)-sha256.Size:]
	if !hmac.Equal(mac, pidMAC(key, b)) {
		return pid{}, false
	}
	var parts [3]string
	for i := range parts {
		n, used := binary.Uvarint(b)
		if used <= 0 || n > uint64(len(b)-used) {
			return pid{}, false
		}
		parts[i], b = string(b[used:used+int(n)]), b[used+int(n):]
	}
	if len(b) != 8+16 {
		return pid{}, false
	}
	pos := int64(binary.BigEndian.Uint64(b))
	return pid{epoch: parts[0], app: engine.AppID(parts[1]), user: engine.UserID(parts[2]), pos: pos}, true
}

func pidMAC(key, b []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte("cuelight pid 1\n"))
	h.Write(b)
	return h.Sum(nil)
}

// offset is the place of a push on the wire.
func offset(epoch string, pos int64) string { return epoch + "." + strconv.FormatInt(pos, 10) }

// parseOffset gives the position of an offset of this epoch; false for one of another life of the log and for anything else.
func parseOffset(epoch, s string) (int64, bool) {
	digits, ok := strings.CutPrefix(s, epoch+".")
	if !ok {
		return 0, false
	}
	pos, err := strconv.ParseUint(digits, 10, 63)
	return int64(pos), err == nil
}
