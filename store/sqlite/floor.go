package sqlite

import (
	"fmt"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/cuelight/cuelight/engine"
)

// floor keeps a part of the disk free, so that a full disk is met while the write-ahead log can still be brought into the file.
type floor struct {
	dir   string
	bytes int64
	until atomic.Int64 // wall clock, ms: what low says holds until then
	low   atomic.Bool
}

// lookEvery is how long an answer of the file system is good for.
const lookEvery = time.Second

// check fails with engine.ErrFull while less than the floor is free.
func (f *floor) check() error {
	if f.bytes <= 0 {
		return nil
	}
	if now := time.Now().UnixMilli(); now >= f.until.Load() {
		f.until.Store(now + lookEvery.Milliseconds())
		var fs syscall.Statfs_t
		if err := syscall.Statfs(f.dir, &fs); err == nil {
			f.low.Store(int64(fs.Bavail)*int64(fs.Bsize) < f.bytes)
		}
	}
	if f.low.Load() {
		return &engine.CodedError{Kind: engine.ErrFull, Code: "DISK_FULL", Limit: "disk_free_bytes", Message: fmt.Sprintf("less than %d MiB of the disk are free", f.bytes>>20)}
	}
	return nil
}
