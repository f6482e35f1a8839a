// Command torture kills the server again and again while it works, and then checks that nothing which it acknowledged is lost and
// nothing happened twice. It prints what it did and ends with "violations: N".
//
//	go run ./cmd/torture -kills 20 -store sqlite
//	go run ./cmd/torture -loop -kills 20 -store postgres
//
// Without -loop, writers and pages work while the server and its database are killed. With it, a run walks a loop of 10,000 objects and
// edits each of them, once over the objects of a structure and once over a list of their ids; the server is killed in the middle of both.
// Every object has to be edited once, the state of the run has to stay small, and a long loop may take no more memory than a short one.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/cuelight/cuelight/engine/task"
	"github.com/cuelight/cuelight/store/storetest"
)

// tasks owns the goroutines of the program.
var tasks = task.New(slog.New(slog.NewTextHandler(os.Stderr, nil)))

// plan is what one torture does; the seed decides when.
type plan struct {
	store   string
	kills   int
	stops   int // immediate stops of PostgreSQL
	writers int
	pages   int
	// loop is the number of objects of a loop that is tortured instead of writers and pages; 0 for none.
	loop   int
	seed   uint64
	binary string
}

func main() {
	var p plan
	flag.StringVar(&p.store, "store", "sqlite", "sqlite or postgres")
	flag.IntVar(&p.kills, "kills", 20, "how often to kill -9 the server")
	flag.IntVar(&p.stops, "stops", 5, "how often to stop PostgreSQL at once")
	flag.IntVar(&p.writers, "writers", 6, "writers at a time")
	flag.IntVar(&p.pages, "pages", 6, "connected pages")
	flag.Uint64Var(&p.seed, "seed", uint64(time.Now().UnixNano()), "decides when to kill")
	flag.StringVar(&p.binary, "binary", "", "a built server; left out, it is built")
	loop := flag.Bool("loop", false, "torture a loop over objects instead")
	flag.IntVar(&p.loop, "objects", 10_000, "how many objects that loop has")
	flag.Parse()
	if !*loop {
		p.loop = 0
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	faults, err := p.run(ctx, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "torture:", err)
		os.Exit(1)
	}
	if len(faults) > 0 {
		os.Exit(1)
	}
}

// build makes the server's binary.
func build(ctx context.Context, dir string) (string, error) {
	path := filepath.Join(dir, "cuelight")
	cmd := exec.CommandContext(ctx, "go", "build", "-o", path, "github.com/cuelight/cuelight/cmd/cuelight")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the server: %w: %s", err, out)
	}
	return path, nil
}

// printer is where a torture tells what it does.
type printer interface{ Write([]byte) (int, error) }

// run carries the plan out and lists every violation.
func (p plan) run(ctx context.Context, out printer) (faults []string, err error) {
	if p.kills < 1 || p.stops < 0 {
		return nil, errors.New("a torture needs one kill at least")
	}
	dir, err := os.MkdirTemp("", "cuelight-torture-")
	if err != nil {
		return nil, err
	}
	defer func() {
		if len(faults) == 0 && err == nil {
			_ = os.RemoveAll(dir)
		}
	}()
	if p.binary == "" {
		if p.binary, err = build(ctx, dir); err != nil {
			return nil, err
		}
	}
	database := ""
	var pg *storetest.Server
	if p.store == "postgres" {
		if pg, err = storetest.StartServer(); err != nil {
			return nil, err
		}
		defer pg.Close()
		database = pg.URL()
	}
	v, err := newVictim(p.binary, dir, database)
	if err != nil {
		return nil, err
	}
	defer v.stop(syscall.SIGKILL)
	if p.loop > 0 {
		faults, err = p.tortureLoops(ctx, v, dir, out)
	} else {
		faults, err = p.tortureWriters(ctx, v, pg, dir, out)
	}
	if err != nil {
		return nil, err
	}
	for i, f := range faults {
		if i < 20 {
			fmt.Fprintln(out, "  violation:", f)
		}
	}
	if len(faults) > 0 {
		fmt.Fprintln(out, "  data kept in", dir)
	}
	fmt.Fprintf(out, "violations: %d (seed %d)\n", len(faults), p.seed)
	return faults, nil
}

// tortureWriters lets writers and pages work while the server is killed, and says what is wrong then.
func (p plan) tortureWriters(ctx context.Context, v *victim, pg *storetest.Server, dir string, out printer) ([]string, error) {
	fmt.Fprintf(out, "torture: store %s, kills %d, immediate stops %d, writers %d, pages %d, seed %d\n", p.store, p.kills, p.stops, p.writers, p.pages, p.seed)
	h := newHistory()
	if err := p.prepare(ctx, v, dir); err != nil {
		return nil, err
	}
	if err := p.inflict(ctx, v, pg, h); err != nil {
		return nil, err
	}
	v.stop(syscall.SIGTERM)
	return h.check(ctx, v, out)
}

// inflict lets writers and pages work while the server, and its database, are killed.
func (p plan) inflict(ctx context.Context, v *victim, pg *storetest.Server, h *history) error {
	random := rand.New(rand.NewPCG(p.seed, 1))
	load, quiet := context.WithCancel(ctx)
	defer quiet()
	connected, hangUp := context.WithCancel(ctx)
	workers, listeners := task.New(slog.Default()), task.New(slog.Default())
	for i := range p.pages {
		client := &page{url: v.url(), auth: map[string]string{"app_id": appID}}
		name := fmt.Sprintf("guest %d", i)
		if i%2 == 0 {
			session, err := v.login(ctx, user)
			if err != nil {
				hangUp()
				return err
			}
			client.auth["session_id"], name = session, fmt.Sprintf("%s's page %d", user, i)
		}
		h.pages[name] = client
		listeners.Go("page", func() { client.run(connected) })
	}
	for i := range p.writers {
		workers.Go("writer", func() { h.write(load, v, i) })
	}
	bumped := make(chan struct{})
	err := p.strike(ctx, v, pg, h, random, func() {
		tasks.Go("bumps", func() {
			defer close(bumped)
			h.bump(ctx, v)
		})
	})
	if err == nil {
		err = await(ctx, bumped)
	}
	quiet()
	workers.Wait()
	if err == nil {
		err = h.calm(ctx, v)
	}
	hangUp()
	listeners.Wait()
	return err
}

// await waits until all bumps are acknowledged: each is repeated until it is.
func await(ctx context.Context, bumped <-chan struct{}) error {
	select {
	case <-bumped:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(2 * time.Minute):
		return errors.New("not every call was acknowledged within two minutes of the last blow")
	}
}

// blow is one thing that strike does.
type blow struct {
	database bool // stop the database instead of the server
	early    bool // kill the server once more while it starts
	bump     bool // just before it the hundred calls begin
}

func (p plan) blows(database bool, random *rand.Rand) []blow {
	blows := make([]blow, p.kills)
	for i := range blows {
		blows[i].early = i%4 == 0
	}
	if database {
		for range p.stops {
			blows = append(blows, blow{database: true})
		}
	}
	random.Shuffle(len(blows), func(i, j int) { blows[i], blows[j] = blows[j], blows[i] })
	blows[random.IntN(len(blows))].bump = true
	return blows
}

// strike kills at random moments.
func (p plan) strike(ctx context.Context, v *victim, pg *storetest.Server, h *history, random *rand.Rand, bump func()) error {
	for _, b := range p.blows(pg != nil, random) {
		if err := pause(ctx, time.Duration(100+random.IntN(500))*time.Millisecond); err != nil {
			return err
		}
		if b.bump {
			bump()
			if err := pause(ctx, time.Duration(random.IntN(30))*time.Millisecond); err != nil {
				return err
			}
		}
		if b.database {
			h.stops++
			pg.Stop()
			if err := pg.Start(); err != nil {
				return err
			}
			continue
		}
		h.kills++
		v.stop(syscall.SIGKILL)
		if b.early {
			// It is killed again while it takes up what the first kill left behind.
			if err := v.launch(); err != nil {
				return err
			}
			if err := pause(ctx, time.Duration(random.Int64N(int64(v.started)/2+1))); err != nil {
				return err
			}
			if !v.isReady(ctx) {
				h.early++
			}
			v.stop(syscall.SIGKILL)
		}
		if err := v.start(ctx); err != nil {
			return err
		}
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
