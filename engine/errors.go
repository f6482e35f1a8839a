package engine

import (
	"errors"
	"fmt"
	"strings"

	"github.com/cuelight/cuelight/engine/expr"
)

// The kinds of error that callers tell apart with errors.Is; every error of this package that a client can cause matches one of them.
var (
	ErrNotFound  = errors.New("not found")
	ErrConflict  = errors.New("conflict")
	ErrInvalid   = errors.New("invalid")
	ErrForbidden = errors.New("forbidden")
	// ErrVersion says that the object's version is not the one that If-Match named.
	ErrVersion = errors.New("version differs")
	// ErrBusy says that a bounded queue stayed full; the caller may try again.
	ErrBusy = errors.New("too busy")
	// ErrUnavailable says that the store did not answer in time; whether the op was carried out is not known yet.
	ErrUnavailable = errors.New("store unavailable")
	// ErrClosed says that the engine is shutting down.
	ErrClosed = errors.New("shutting down")
	// ErrFull says that the disk is full; writes work again when there is room.
	ErrFull = errors.New("disk full")
)

// FieldError is one wrong field of a document or an object.
type FieldError struct {
	// Path is the field's place, as in steps[0].then[1].set.status.
	Path string `json:"path"`
	// Code is a stable word for programs, such as UNKNOWN_FIELD.
	Code string `json:"code"`
	// Message says what is wrong and what would be right; it never echoes a value that was sent.
	Message string `json:"message"`
	// Limit names the limit of /api/v1/limits that was passed, if one was.
	Limit string `json:"limit,omitempty"`
}

// fieldError puts an error at a field: its message, and the code and the limit that it knows, else code.
func fieldError(path, code string, err error) FieldError {
	f := FieldError{Path: path, Code: code, Message: err.Error()}
	if c, ok := errors.AsType[*CodedError](err); ok {
		f.Code, f.Limit = c.Code, c.Limit
	}
	if e, ok := errors.AsType[*expr.Error](err); ok {
		f.Limit = e.Limit
	}
	return f
}

// overLimit says that a field passes a limit.
func overLimit(path, limit, format string, args ...any) FieldError {
	return FieldError{Path: path, Code: "LIMIT", Message: fmt.Sprintf(format, args...), Limit: limit}
}

// InvalidError lists everything that is wrong with what was sent. It matches ErrInvalid, or ErrConflict where what was sent is
// right in itself and something that exists stands in its way.
type InvalidError struct {
	Fields   []FieldError
	Conflict bool
}

// Error joins the fields' messages.
func (e *InvalidError) Error() string {
	parts := make([]string, len(e.Fields))
	for i, f := range e.Fields {
		parts[i] = f.Path + ": " + f.Message
	}
	return strings.Join(parts, "; ")
}

// Is matches ErrInvalid or ErrConflict.
func (e *InvalidError) Is(target error) bool {
	if e.Conflict {
		return target == ErrConflict
	}
	return target == ErrInvalid
}

func invalid(path, code, format string, args ...any) *InvalidError {
	return &InvalidError{Fields: []FieldError{{Path: path, Code: code, Message: fmt.Sprintf(format, args...)}}}
}

// CodedError is an error with a stable code that clients and run logs show, such as PUSH_TO or OBJECT_GONE.
type CodedError struct {
	Kind    error // one of the kinds above
	Code    string
	Message string
	// Limit names the limit of /api/v1/limits that was passed, if one was.
	Limit string
}

// Error is the message.
func (e *CodedError) Error() string { return e.Message }

// Unwrap gives the kind.
func (e *CodedError) Unwrap() error { return e.Kind }

func coded(kind error, code, format string, args ...any) *CodedError {
	return &CodedError{Kind: kind, Code: code, Message: fmt.Sprintf(format, args...)}
}

// ErrorCode is the stable code of an error: that of the CodedError or of the first wrong field, EXPRESSION or BUDGET where an
// expression failed, else INTERNAL.
func ErrorCode(err error) string {
	if c, ok := errors.AsType[*CodedError](err); ok {
		return c.Code
	}
	if inv, ok := errors.AsType[*InvalidError](err); ok && len(inv.Fields) > 0 {
		return inv.Fields[0].Code
	}
	if errors.Is(err, expr.ErrBudget) {
		return "BUDGET"
	}
	if _, ok := errors.AsType[*expr.Error](err); ok {
		return "EXPRESSION"
	}
	return "INTERNAL"
}

// away marks an error of a read as passing, so that a run is tried again and not failed for it, unless it says what is wrong for good.
func away(err error) error {
	if err == nil || errors.Is(err, ErrNotFound) || errors.Is(err, ErrInvalid) || errors.Is(err, ErrConflict) || errors.Is(err, ErrUnavailable) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}
