package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cuelight/cuelight/engine"
	"github.com/cuelight/cuelight/store/storetest"
)

func open(t *testing.T, url string) *Store {
	t.Helper()
	s, err := Open(t.Context(), url, Options{LockWait: 100 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// count is an op that raises a counter and pushes what it made of it.
func count(app engine.AppID) engine.Op {
	return engine.Op{ID: "o", App: app, Lock: []engine.Key{engine.CounterKey(app, "c")}, Decide: func(l *engine.Loaded) (engine.Effects, error) {
		n, err := l.Counter("c")
		return engine.Effects{
			Counters: []*engine.Counter{{App: app, ID: "c", N: n + 1}}, Value: n + 1,
			Pushes: []*engine.Push{{App: app, To: "*", Event: fmt.Sprint(n + 1)}},
		}, err
	}}
}

// counted checks that every op happened once: the counter, the log and each answer agree.
func counted(t *testing.T, s *Store, app engine.AppID, acked map[int64]int64) {
	t.Helper()
	list, err := s.Pushes(t.Context(), app, 0, time.Time{}, 100000)
	if err != nil || len(list) != len(acked) {
		t.Fatalf("%s: %d pushes for %d answers, %v", app, len(list), len(acked), err)
	}
	for _, p := range list {
		if value := acked[p.Pos]; fmt.Sprint(value) != p.Event {
			t.Errorf("%s: the push at %d says %s, the answer said %d", app, p.Pos, p.Event, value)
		}
	}
}

// hammer commits from every committer while trouble happens, and checks that nothing was lost or done twice. Trouble waits for commits to be
// answered, so that it always meets some that are under way, however slow the machine is.
func hammer(t *testing.T, s *Store, trouble func(commits func(n int))) {
	t.Helper()
	done, answered := make(chan struct{}), make(chan struct{})
	acked := make([]map[int64]int64, committers)
	var all sync.WaitGroup
	for i := range acked {
		acked[i] = map[int64]int64{}
		all.Go(func() {
			app := engine.AppID(fmt.Sprint("app", i))
			for {
				select {
				case <-done:
					return
				default:
				}
				for _, r := range s.Commit(t.Context(), []engine.Op{count(app), count(app)}) {
					if errors.Is(r.Err, engine.ErrLater) {
						continue // the machine was too busy to decide it in time; it was not carried out
					}
					if r.Err != nil {
						t.Errorf("commit: %v", r.Err)
						continue
					}
					pos := r.Effects.Pushes[0].Pos
					if _, twice := acked[i][pos]; twice || pos == 0 {
						t.Errorf("position %d twice", pos)
					}
					acked[i][pos] = r.Effects.Value.(int64)
				}
				select {
				case answered <- struct{}{}:
				default: // nobody waits for it
				}
			}
		})
	}
	trouble(func(n int) {
		for range n {
			select {
			case <-answered:
			case <-time.After(time.Minute):
				t.Error("no commit is answered for a minute")
				return
			}
		}
	})
	close(done)
	all.Wait()
	for i := range acked {
		counted(t, s, engine.AppID(fmt.Sprint("app", i)), acked[i])
	}
}

func TestTerminatedBackendsLoseAndRepeatNothing(t *testing.T) {
	t.Parallel()
	url := storetest.Postgres(t)
	s := open(t, url)
	db := storetest.SQL(t, url)
	killed := 0
	const wanted, tries = 40, 10_000
	hammer(t, s, func(commits func(n int)) {
		for range tries {
			if killed >= wanted || t.Failed() {
				return
			}
			commits(5)
			var n int
			err := db.QueryRow(`SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'cuelight'
				AND pid <> pg_backend_pid() AND random() < 0.4`).Scan(&n)
			if err != nil {
				t.Error(err)
			}
			killed += n
		}
	})
	if killed < wanted {
		t.Errorf("only %d backends were terminated", killed)
	}
}

func TestImmediateStopsLoseAndRepeatNothing(t *testing.T) {
	t.Parallel()
	server := storetest.NewServer(t)
	s := open(t, server.Database(t))
	hammer(t, s, func(commits func(n int)) {
		for range 4 {
			commits(50)
			server.Stop()
			if err := server.Start(); err != nil {
				t.Error(err)
				return
			}
		}
		commits(50)
	})
}

// TestUnknownOutcomeIsLookedUp cuts the connection right behind the COMMIT, as seen from the client: the answer is lost, the transaction is not.
func TestUnknownOutcomeIsLookedUp(t *testing.T) {
	t.Parallel()
	s := open(t, storetest.Postgres(t))
	ctx := t.Context()
	for happened, id := range map[bool]string{true: "yes", false: "no"} {
		tx, err := s.write.Begin(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.Exec(ctx, `INSERT INTO commits (id, at, heads) VALUES ($1, 1, '{"demo": 7}')`, id); err != nil {
			t.Fatal(err)
		}
		// The look-up begins while the transaction is still open, and has to wait for its end.
		ended := make(chan struct{})
		time.AfterFunc(100*time.Millisecond, func() {
			defer close(ended)
			if happened {
				err = tx.Commit(ctx)
			} else {
				err = tx.Rollback(ctx)
			}
		})
		heads, lookErr := s.outcome(ctx, id, 1)
		<-ended
		if err != nil || happened && (lookErr != nil || heads["demo"] != 7) || !happened && !errors.Is(lookErr, errAway) {
			t.Errorf("happened %t: %v, %v, %v", happened, heads, lookErr, err)
		}
		if _, err := s.write.Exec(ctx, `INSERT INTO commits (id, at, heads) VALUES ($1, 1, '{}')`, id); err == nil {
			t.Errorf("happened %t: a zombie can still commit", happened)
		}
	}
}

func TestCallerThatLeavesGetsAnAnswer(t *testing.T) {
	t.Parallel()
	server := storetest.NewServer(t)
	s := open(t, server.Database(t))
	server.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if r := s.Commit(ctx, []engine.Op{count("demo")}); !errors.Is(r[0].Err, engine.ErrUnavailable) {
		t.Errorf("%v", r[0].Err)
	}
	if _, err := s.Object(t.Context(), "demo", "Order", "1"); !errors.Is(err, engine.ErrUnavailable) {
		t.Errorf("read: %v", err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	if r := s.Commit(t.Context(), []engine.Op{count("demo")}); r[0].Err != nil || r[0].Effects.Value != int64(1) {
		t.Errorf("%v, %v", r[0].Effects.Value, r[0].Err)
	}
}

func TestFeedNeverSkipsALateCommit(t *testing.T) {
	t.Parallel()
	url := storetest.Postgres(t)
	s := open(t, url)
	change := func(object string) engine.Op {
		return engine.Op{ID: "o", App: "demo", Decide: func(*engine.Loaded) (engine.Effects, error) {
			return engine.Effects{Changes: []*engine.Change{{App: "demo", Structure: "S", Object: object}}}, nil
		}}
	}
	late, err := storetest.SQL(t, url).Begin()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := late.Exec(`INSERT INTO changes (seq, app, structure, object, kind, version, fields, who, run, chain, depth, silent, op, at)
		SELECT nextval('change_seq'), 'demo', 'S', 'late', '', 1, 'null', '', '', '', 0, 0, '', 0`); err != nil {
		t.Fatal(err)
	}
	s.Commit(t.Context(), []engine.Op{change("early")})
	list, cursor, err := s.Changes(t.Context(), "demo", engine.ChangeCursor{}, 10)
	if err != nil || len(list) != 0 {
		t.Errorf("while an older transaction is open: %v, %v", list, err)
	}
	if err := late.Commit(); err != nil {
		t.Fatal(err)
	}
	var seen []string
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for until := time.Now().Add(60 * time.Second); len(seen) < 2 && time.Now().Before(until); <-tick.C {
		if list, cursor, err = s.Changes(t.Context(), "demo", cursor, 1); err != nil {
			t.Fatal(err)
		}
		for _, c := range list {
			seen = append(seen, c.Object)
		}
	}
	if strings.Join(seen, " ") != "late early" {
		t.Errorf("the feed gave %v", seen)
	}
}

func TestContendedKeysPutTheOpBack(t *testing.T) {
	t.Parallel()
	s := open(t, storetest.Postgres(t))
	key := engine.CounterKey("", "shared")
	entered, leave := make(chan struct{}), make(chan struct{})
	var once sync.Once
	var all sync.WaitGroup
	all.Go(func() {
		s.Commit(t.Context(), []engine.Op{{ID: "a", Lock: []engine.Key{key}, Decide: func(*engine.Loaded) (engine.Effects, error) {
			once.Do(func() { close(entered); <-leave })
			return engine.Effects{}, nil
		}}})
	})
	<-entered
	ask := engine.Op{ID: "b", Decide: func(l *engine.Loaded) (engine.Effects, error) {
		_, err := l.Counter("shared")
		return engine.Effects{}, err
	}}
	r := s.Commit(t.Context(), []engine.Op{ask})
	if _, is := errors.AsType[*engine.NeedError](r[0].Err); !is {
		t.Errorf("a key that another batch holds: %v", r[0].Err)
	}
	close(leave)
	all.Wait()
	if r := s.Commit(t.Context(), []engine.Op{ask}); r[0].Err != nil {
		t.Errorf("a free key: %v", r[0].Err)
	}
}

func TestSecondProcessWaitsAndIsRefused(t *testing.T) {
	t.Parallel()
	url := storetest.Postgres(t)
	first := open(t, url)
	if _, err := Open(t.Context(), url, Options{LockWait: 50 * time.Millisecond}); !errors.Is(err, ErrLocked) {
		t.Fatalf("a second process: %v", err)
	}
	time.AfterFunc(200*time.Millisecond, func() { _ = first.Close() })
	second, err := Open(t.Context(), url, Options{})
	if err != nil {
		t.Fatalf("after the first has ended: %v", err)
	}
	_ = second.Close()
}

func TestLostLockIsTakenAgain(t *testing.T) {
	t.Parallel()
	url := storetest.Postgres(t)
	s := open(t, url)
	db := storetest.SQL(t, url)
	if err := db.QueryRow(`SELECT COUNT(pg_terminate_backend(pid)) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2 AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`).
		Scan(new(int)); err != nil {
		t.Fatal(err)
	}
	if r := s.Commit(t.Context(), []engine.Op{count("demo")}); r[0].Err != nil {
		t.Error(r[0].Err)
	}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for until := time.Now().Add(60 * time.Second); ; <-tick.C {
		var n int
		if err := db.QueryRow(`SELECT COUNT(*) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2 AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		if n == 1 {
			break
		}
		if time.Now().After(until) {
			t.Fatal("the lock was not taken again")
		}
	}
}

func TestRoleWithoutSynchronousCommitIsRefused(t *testing.T) {
	t.Parallel()
	server := storetest.NewServer(t)
	url := server.Database(t)
	if _, err := storetest.SQL(t, url).Exec(`CREATE ROLE careless SUPERUSER LOGIN; ALTER ROLE careless SET synchronous_commit = off`); err != nil {
		t.Fatal(err)
	}
	careless := strings.Replace(url, "postgres@", "careless@", 1)
	if _, err := Open(t.Context(), careless, Options{}); err == nil || !strings.Contains(err.Error(), "ALTER ROLE") {
		t.Errorf("%v", err)
	}
}
