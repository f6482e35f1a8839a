package egress

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"time"

	"github.com/cuelight/cuelight/engine"
)

// ErrFailed is the kind of errors that the network or the other server caused; what is refused by us matches engine.ErrInvalid.
var ErrFailed = errors.New("request did not work")

// Error says why there is no answer. Its message names the host at most, never more of the URL, no header and no body, so that it can be
// shown and kept. Codes: EGRESS_ADDRESS, EGRESS_SCHEME, EGRESS_PORT, EGRESS_URL, EGRESS_REDIRECT and EGRESS_BUSY are ours; HTTP_REQUEST,
// HTTP_METHOD and HTTP_HEADER say what is wrong with the request; HTTP_DNS, HTTP_CONNECT, HTTP_TLS, HTTP_TIMEOUT, HTTP_SIZE, HTTP_RESPONSE,
// HTTP_STATUS and HTTP_CANCELLED what happened to it.
type Error struct {
	*engine.CodedError
	// Reached says that a server may have got the request: making it again may do again what it does.
	Reached bool
	// After is how long to wait at least before the next try.
	After time.Duration

	temporary bool
	cause     error
}

// Temporary tells whether the same request may work later.
func (e *Error) Temporary() bool { return e.temporary }

// Unwrap gives the coded error and the cause.
func (e *Error) Unwrap() []error {
	if e.cause == nil {
		return []error{e.CodedError}
	}
	return []error{e.CodedError, e.cause}
}

func asError(err error) (*Error, bool) { return errors.AsType[*Error](err) }

// refused is an error that another try does not change.
func refused(code, format string, args ...any) *Error {
	return &Error{CodedError: &engine.CodedError{Kind: engine.ErrInvalid, Code: code, Message: fmt.Sprintf(format, args...)}}
}

func overLimit(code, limit, format string, args ...any) *Error {
	e := refused(code, format, args...)
	e.Limit = limit
	return e
}

func failed(code string, temporary bool, cause error, format string, args ...any) *Error {
	return &Error{
		CodedError: &engine.CodedError{Kind: ErrFailed, Code: code, Message: fmt.Sprintf(format, args...)},
		temporary:  temporary, cause: cause,
	}
}

func cancelled(cause error) *Error {
	return failed("HTTP_CANCELLED", true, cause, "the request was cancelled")
}

// explain puts into words what the transport or a body ended with.
func explain(ctx context.Context, host string, err error) error {
	if e, ok := asError(err); ok {
		return e
	}
	if e := timedOut(ctx, host, err); e != nil {
		return e
	}
	if e := badTLS(host, err); e != nil {
		return e
	}
	switch text := err.Error(); {
	case strings.Contains(text, "headers exceeded"): // the transport has no type for it
		e := failed("HTTP_SIZE", false, err, "the headers of the response are longer than %d bytes", maxAnswerHeaders)
		e.Limit = "http_response_headers"
		return e
	case errors.Is(err, errGarbled):
		return failed("HTTP_RESPONSE", false, err, "%s says that its response is gzip, and it is not", host)
	case errors.Is(err, syscall.ECONNREFUSED):
		return failed("HTTP_CONNECT", true, err, "%s refused the connection; check the port", host)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return failed("HTTP_CONNECT", true, err, "%s broke the connection off before the response was complete", host)
	case isNet(err), strings.Contains(text, "server closed idle connection"):
		return failed("HTTP_CONNECT", true, err, "%s could not be reached", host)
	}
	return failed("HTTP_RESPONSE", false, err, "%s answered what cannot be read as HTTP", host)
}

func timedOut(ctx context.Context, host string, err error) *Error {
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return cancelled(err)
	case ctx.Err() != nil, errors.Is(err, context.DeadlineExceeded):
		return failed("HTTP_TIMEOUT", true, err, "%s did not answer in time; a longer timeout can be set", host)
	}
	if e, ok := errors.AsType[net.Error](err); ok && e.Timeout() {
		return failed("HTTP_TIMEOUT", true, err, "%s could not be reached in time", host)
	}
	return nil
}

// badTLS explains what a handshake ended with. It will end so again until somebody mends it.
func badTLS(host string, err error) *Error {
	if e, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return failed("HTTP_TLS", false, e, "the certificate of %s comes from an authority that is not trusted here", host)
	}
	if e, ok := errors.AsType[x509.HostnameError](err); ok {
		return failed("HTTP_TLS", false, e, "the certificate of %s is for another host", host)
	}
	if e, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		return failed("HTTP_TLS", false, e, "the certificate of %s is not valid; it may have expired", host)
	}
	_, record := errors.AsType[tls.RecordHeaderError](err)
	_, alert := errors.AsType[tls.AlertError](err)
	_, verify := errors.AsType[*tls.CertificateVerificationError](err)
	if record || alert || verify || strings.Contains(err.Error(), "tls: ") || strings.Contains(err.Error(), "HTTP response to HTTPS client") {
		return failed("HTTP_TLS", false, err, "no secure connection to %s came about; it needs TLS 1.2 or newer at this port", host)
	}
	return nil
}

func isNet(err error) bool {
	_, ok := errors.AsType[*net.OpError](err)
	return ok
}
