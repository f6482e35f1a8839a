package egress

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"strings"
)

// packedSlack is how much longer than the limit a packed body may be. It also bounds those that unpack to nothing, however long they are.
const packedSlack = 64 << 10

// errPacked says that a packed body is longer than anything that may come out of it.
var errPacked = errors.New("too many packed bytes")

// errGarbled says that a body is not packed as its header says.
var errGarbled = errors.New("not gzip")

// unpack reads a body up to limit bytes, counted as they are after unpacking, and tells whether there was more.
func unpack(res *http.Response, limit int) (body []byte, truncated bool, err error) {
	if res.Body == http.NoBody {
		return nil, false, nil
	}
	wire := &wire{from: res.Body, left: limit + packedSlack}
	var from io.Reader = wire
	packed := isGzip(res.Header)
	if packed {
		res.Header.Del("Content-Encoding")
		res.Header.Del("Content-Length") // that of the packed body
		buffered := bufio.NewReader(wire)
		if _, err := buffered.Peek(1); errors.Is(err, io.EOF) {
			return nil, false, nil
		}
		z, err := gzip.NewReader(buffered)
		if err != nil {
			return nil, false, wire.blame(err)
		}
		from = z
	}
	// The buffer grows with what really came, never with what a header promised.
	var buf bytes.Buffer
	_, err = io.Copy(&buf, io.LimitReader(from, int64(limit)+1))
	switch {
	case errors.Is(err, errPacked):
		truncated = true
	case err != nil && packed:
		return nil, false, wire.blame(err)
	case err != nil:
		return nil, false, err
	}
	if buf.Len() > limit {
		truncated = true
		buf.Truncate(limit)
	}
	return buf.Bytes(), truncated, nil
}

func isGzip(h http.Header) bool {
	if len(h["Content-Encoding"]) != 1 {
		return false
	}
	encoding := strings.ToLower(strings.TrimSpace(h.Get("Content-Encoding")))
	return encoding == "gzip" || encoding == "x-gzip"
}

// wire reads the bytes as they come, up to a number, and remembers why they ended.
type wire struct {
	from io.Reader
	left int
	err  error
}

// Read is io.Reader's.
func (w *wire) Read(p []byte) (int, error) {
	if w.left <= 0 {
		return 0, errPacked
	}
	n, err := w.from.Read(p[:min(len(p), w.left)])
	w.left -= n
	if err != nil && !errors.Is(err, io.EOF) {
		w.err = err
	}
	return n, err
}

// blame tells whether the network or the packing was at fault when unpacking ended.
func (w *wire) blame(err error) error {
	if w.err != nil {
		return w.err
	}
	return errors.Join(errGarbled, err)
}
