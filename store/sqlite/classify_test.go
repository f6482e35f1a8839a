package sqlite

import (
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"testing"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"github.com/cuelight/cuelight/engine"
)

// failed is an error of the driver. Nothing but the driver can make one, and no disk breaks to order, so the code is put in by force.
func failed(code int) error {
	e := &sqlite.Error{}
	*(*int)(reflect.ValueOf(e).Elem().FieldByName("code").Addr().UnsafePointer()) = code
	return e
}

func TestErrorsOfTheDriverAreToldApart(t *testing.T) {
	t.Parallel()
	for code, want := range map[int]error{
		lib.SQLITE_IOERR: engine.ErrUnavailable, lib.SQLITE_IOERR_READ: engine.ErrUnavailable, lib.SQLITE_IOERR_FSYNC: engine.ErrUnavailable,
		lib.SQLITE_IOERR_SHORT_READ: engine.ErrUnavailable, lib.SQLITE_CANTOPEN: engine.ErrUnavailable, lib.SQLITE_NOMEM: engine.ErrUnavailable,
		lib.SQLITE_PROTOCOL: engine.ErrUnavailable, lib.SQLITE_BUSY: engine.ErrUnavailable, lib.SQLITE_BUSY_SNAPSHOT: engine.ErrUnavailable,
		lib.SQLITE_LOCKED: engine.ErrUnavailable, lib.SQLITE_INTERRUPT: engine.ErrUnavailable, lib.SQLITE_FULL: engine.ErrFull,
	} {
		if err := classify(fmt.Errorf("commit: %w", failed(code))); !errors.Is(err, want) {
			t.Errorf("%s is %v, want %v", sqlite.ErrorCodeString[code], err, want)
		}
	}
	for _, code := range []int{lib.SQLITE_CORRUPT, lib.SQLITE_CONSTRAINT_UNIQUE, lib.SQLITE_ERROR, lib.SQLITE_MISUSE} {
		if err := classify(failed(code)); errors.Is(err, engine.ErrUnavailable) || errors.Is(err, engine.ErrFull) {
			t.Errorf("code %d passes by itself: %v", code, err)
		}
	}
	if err := classify(sql.ErrNoRows); !errors.Is(err, engine.ErrNotFound) || classify(nil) != nil {
		t.Errorf("no rows: %v", err)
	}
}
