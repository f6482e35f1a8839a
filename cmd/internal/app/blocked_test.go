package app

import (
	"context"
	"database/sql"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/cuelight/cuelight/engine"
	"github.com/cuelight/cuelight/store/storetest"
)

// shared is a server on a store that another connection can reach too.
type shared struct {
	t     *testing.T
	app   *App
	other *sql.DB
	// block takes what every write needs; mark is how a query names its parameter.
	block, mark string
}

// onEveryShared carries a test out on both stores.
func onEveryShared(t *testing.T, test func(w *shared)) {
	for name, open := range map[string]func(t *testing.T) *shared{
		"sqlite": func(t *testing.T) *shared {
			w := newShared(t, "")
			db, err := sql.Open("sqlite", "file:"+filepath.Join(w.app.cfg.Data, "cuelight.db")+"?_txlock=immediate&_pragma=busy_timeout(5000)")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = db.Close() })
			w.other, w.block, w.mark = db, `SELECT 1`, `?`
			return w
		},
		"postgres": func(t *testing.T) *shared {
			url := storetest.Postgres(t)
			w := newShared(t, url)
			w.other, w.block, w.mark = storetest.SQL(t, url), `LOCK TABLE objects IN ACCESS EXCLUSIVE MODE`, `$1`
			return w
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(open(t))
		})
	}
}

func newShared(t *testing.T, database string) *shared {
	t.Helper()
	a, err := New(t.Context(), Config{Data: t.TempDir(), Database: database})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	w := &shared{t: t, app: a}
	if err := a.Engine.PutApp(t.Context(), engine.App{ID: "a"}, true); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Engine.SaveStructure(t.Context(), "a", []byte(`{"id":"Order","fields":[{"id":"note","type":"string"}]}`)); err != nil {
		t.Fatal(err)
	}
	return w
}

const sharedOrders = "/api/v1/apps/a/structures/Order/objects"

// create asks for a new order.
func (w *shared) create(ctx context.Context, body, key string) *httptest.ResponseRecorder {
	rec := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, sharedOrders, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Idempotency-Key", key)
	w.app.Handler(true).ServeHTTP(rec, r)
	return rec
}

type refusal struct {
	Code, Detail, Limit string
}

func read(t *testing.T, rec *httptest.ResponseRecorder) (p refusal) {
	t.Helper()
	if err := json.Unmarshal(rec.Body.Bytes(), &p); err != nil {
		t.Fatalf("%d %v: %s", rec.Code, err, rec.Body)
	}
	return p
}

func TestAWriteWhoseTimePassesNamesItsOpAndIsDoneOnce(t *testing.T) {
	t.Parallel()
	onEveryShared(t, func(w *shared) {
		t := w.t
		blocker, err := w.other.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = blocker.Rollback() }()
		if _, err := blocker.ExecContext(t.Context(), w.block); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		rec := w.create(ctx, `{"note":"late"}`, "k")
		p := read(t, rec)
		op := regexp.MustCompile(`op ([0-9a-f-]{36})`).FindStringSubmatch(p.Detail)
		if rec.Code != http.StatusServiceUnavailable || p.Code != "UNAVAILABLE" || op == nil || rec.Header().Get("Retry-After") == "" {
			t.Fatalf("answered %d %v %s", rec.Code, rec.Header(), rec.Body)
		}
		if err := blocker.Rollback(); err != nil {
			t.Fatal(err)
		}
		// Whoever has a key simply asks again: the write is not done twice, however the first one ended.
		again := w.create(t.Context(), `{"note":"late"}`, "k")
		if again.Code != http.StatusCreated {
			t.Fatalf("asked again, it answered %d %s", again.Code, again.Body)
		}
		var objects, ofOp int
		if err := w.other.QueryRowContext(t.Context(), `SELECT (SELECT count(*) FROM objects WHERE structure = 'Order'), (SELECT count(*) FROM changes WHERE op = `+w.mark+`)`, op[1]).Scan(&objects, &ofOp); err != nil {
			t.Fatal(err)
		}
		if objects != 1 || ofOp > 1 || (ofOp == 1) != (again.Header().Get("Idempotency-Replayed") == "true") {
			t.Errorf("%d objects, %d changes of op %s, replayed %q", objects, ofOp, op[1], again.Header().Get("Idempotency-Replayed"))
		}
	})
}

// TestAWriteWhoseRowsKeepChangingIsRefusedWithItsLimit is about PostgreSQL alone: SQLite has one writer, whose rows nobody else changes.
func TestAWriteWhoseRowsKeepChangingIsRefusedWithItsLimit(t *testing.T) {
	t.Parallel()
	url := storetest.Postgres(t)
	w := newShared(t, url)
	w.other = storetest.SQL(t, url)
	if _, err := w.other.ExecContext(t.Context(), `CREATE FUNCTION changed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		RAISE EXCEPTION 'could not serialize access due to concurrent update' USING ERRCODE = 'serialization_failure'; END $$;
		CREATE TRIGGER changed BEFORE INSERT ON objects FOR EACH ROW EXECUTE FUNCTION changed()`); err != nil {
		t.Fatal(err)
	}
	rec := w.create(t.Context(), `{"note":"x"}`, "k")
	if p := read(t, rec); rec.Code != http.StatusTooManyRequests || p.Code != "CONTENDED" || p.Limit != "commit_retries" || rec.Header().Get("Retry-After") == "" {
		t.Errorf("answered %d %v %s", rec.Code, rec.Header(), rec.Body)
	}
	if _, err := w.other.ExecContext(t.Context(), `DROP TRIGGER changed ON objects`); err != nil {
		t.Fatal(err)
	}
	if rec := w.create(t.Context(), `{"note":"x"}`, "k"); rec.Code != http.StatusCreated || rec.Header().Get("Idempotency-Replayed") != "" {
		t.Errorf("when they keep still it answered %d %s", rec.Code, rec.Body)
	}
}
