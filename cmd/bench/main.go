// Command bench measures what another app feels of an app that burns: one whose scenarios set each other off until the loop is cut. It
// writes to a quiet app, a few times a second, and takes the time until the push that each write causes is committed and handed to the
// sockets: first alone, then beside each bomb, which is lit anew as soon as it is out. It prints the ratio of both.
//
//	go run ./cmd/bench -store sqlite
//	go run ./cmd/bench -store postgres -profile cpu.out
//
// Figures are of this machine and of what else it does; the quiet app is measured alone before and after each bomb for that.
package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/pprof"
	"syscall"
	"time"

	"github.com/cuelight/cuelight/engine"
	"github.com/cuelight/cuelight/engine/task"
	"github.com/cuelight/cuelight/store"
	"github.com/cuelight/cuelight/store/storetest"
)

// tasks owns the goroutines of the program.
var tasks = task.New(slog.New(slog.NewTextHandler(os.Stderr, nil)))

func main() {
	kind := flag.String("store", "sqlite", "sqlite or postgres")
	lasting := flag.Duration("for", 8*time.Second, "how long each measure takes")
	profile := flag.String("profile", "", "a file for a profile of the processor's time while the bombs burn")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *kind, *lasting, *profile); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, kind string, lasting time.Duration, profile string) error {
	dir, err := os.MkdirTemp("", "cuelight-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	url := filepath.Join(dir, "cuelight.db")
	if kind == "postgres" {
		pg, err := storetest.StartServer()
		if err != nil {
			return err
		}
		defer pg.Close()
		url = pg.URL()
	}
	s, err := store.Open(ctx, url, store.Options{})
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	b, err := newBench(ctx, s)
	if err != nil {
		return err
	}
	defer b.e.Close()
	if profile != "" {
		f, err := os.Create(profile)
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	fmt.Printf("bench: store %s, %v each, a write every %v\n", kind, lasting, writeEvery)
	for _, bomb := range bombs {
		if err := b.compare(ctx, bomb, lasting); err != nil {
			return err
		}
	}
	return nil
}

// bomb is an app that burns; its first scenario is set off by the creation of a Thing.
type bomb struct {
	app  engine.AppID
	docs []string
}

var bombs = []bomb{
	{"one-another", []string{
		`{"id":"ping","structure":"Thing","order":"parallel","triggers":[{"id":"c","kind":"object","on":["created","changed"],"fields":["a"]}],"steps":[{"id":"e","kind":"edit_object","set":{"b":"{{ object.a }}"},"generate_event":true}]}`,
		`{"id":"pong","structure":"Thing","order":"parallel","triggers":[{"id":"c","kind":"object","on":["changed"],"fields":["b"]}],"steps":[{"id":"e","kind":"edit_object","set":{"a":"{{ object.a + 1 }}"},"generate_event":true}]}`,
	}},
	{"itself", []string{
		`{"id":"self","structure":"Thing","order":"parallel","triggers":[{"id":"c","kind":"object","on":["created","changed"],"fields":["a"]}],"steps":[{"id":"e","kind":"edit_object","set":{"a":"{{ object.a + 1 }}"},"generate_event":true}]}`,
	}},
	{"fan-out", []string{
		`{"id":"fan","structure":"Thing","order":"parallel","triggers":[{"id":"c","kind":"object","on":["created"]}],"steps":[
			{"id":"x","kind":"create_object","structure":"Thing","set":{"a":1},"generate_event":true},
			{"id":"y","kind":"create_object","structure":"Thing","set":{"a":1},"generate_event":true}]}`,
	}},
}

const (
	thing      = `{"id":"Thing","fields":[{"id":"a","type":"number"},{"id":"b","type":"number"}]}`
	tell       = `{"id":"tell","structure":"Thing","order":"parallel","triggers":[{"id":"c","kind":"object","on":["created"]}],"steps":[{"id":"p","kind":"push","to":"*","event":"told","message":"{{ object.id }}"}]}`
	quietApp   = engine.AppID("quiet")
	writeEvery = 20 * time.Millisecond
)
