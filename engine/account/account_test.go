package account_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cuelight/cuelight/engine"
	"github.com/cuelight/cuelight/engine/account"
	"github.com/cuelight/cuelight/store/sqlite"
)

// world is a service over a real store, whose clock only tests move.
type world struct {
	*account.Service
	t      *testing.T
	engine *engine.Engine
	store  engine.Store
	path   string

	mu    sync.Mutex
	now   time.Time
	ended []engine.Revocation
}

const address = "192.0.2.1"

func newWorld(t *testing.T, limits account.Limits) *world {
	t.Helper()
	w := &world{t: t, path: filepath.Join(t.TempDir(), "cuelight.db"), now: time.Now()}
	store, err := sqlite.Open(t.Context(), w.path, sqlite.Options{})
	w.must(err)
	w.store, w.engine = store, engine.New(store, engine.Options{})
	w.must(w.engine.Start(t.Context()))
	t.Cleanup(func() {
		w.engine.Close()
		_ = store.Close()
	})
	w.Service = account.New(account.Options{Engine: w.engine, Store: store, Limits: limits, Clock: w.time, Ended: func(r engine.Revocation) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.ended = append(w.ended, r)
	}})
	for _, app := range []engine.AppID{"a", "b"} {
		w.must(w.engine.PutApp(t.Context(), engine.App{ID: app}, true))
		w.user(app, engine.WriteCreate, `{"name":"Anna"}`)
		w.must(w.SetPassword(t.Context(), app, "anna", "password of "+string(app)))
	}
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) time() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func (w *world) user(app engine.AppID, kind engine.WriteKind, doc string) {
	w.t.Helper()
	var fields map[string]json.RawMessage
	if doc != "" {
		w.must(json.Unmarshal([]byte(doc), &fields))
	}
	_, err := w.engine.Write(w.t.Context(), engine.Write{App: app, Kind: kind, Structure: "User", ID: "anna", Fields: fields})
	w.must(err)
}

func (w *world) login(app engine.AppID) string {
	w.t.Helper()
	secret, _, err := w.LoginUser(w.t.Context(), app, "anna", "password of "+string(app), address)
	w.must(err)
	return secret
}

func (w *world) alive(app engine.AppID, secret string) bool {
	w.t.Helper()
	s, err := w.SessionBy(w.t.Context(), app, secret)
	if err != nil && !errors.Is(err, engine.ErrNotFound) {
		w.t.Fatal(err)
	}
	return err == nil && s.User == "anna"
}

func (w *world) wants(err, want error) {
	w.t.Helper()
	if !errors.Is(err, want) {
		w.t.Errorf("error is %v, want %v", err, want)
	}
}

func TestASessionBelongsToOneApp(t *testing.T) {
	t.Parallel()
	w := newWorld(t, account.Limits{})
	secret := w.login("a")
	if len(secret) != 43 || !w.alive("a", secret) {
		t.Errorf("session %q does not work", secret)
	}
	for _, app := range []engine.AppID{"b", "", "none"} {
		if w.alive(app, secret) {
			t.Errorf("the session works in app %q", app)
		}
	}
	for _, wrong := range []string{"", secret[:42], secret + "x", strings.ToLower(secret), strings.Repeat("A", 43)} {
		if w.alive("a", wrong) {
			t.Errorf("%q is a session", wrong)
		}
	}
}

func TestASessionEndsWhenItIsNotUsedAndInTheEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t, account.Limits{})
	idle, used := w.login("a"), w.login("a")
	for range 3 {
		w.pass(29 * 24 * time.Hour)
		if !w.alive("a", used) {
			t.Fatal("a session that is used has ended")
		}
	}
	if w.alive("a", idle) {
		t.Error("a session that was not used for 87 days lives")
	}
	w.pass(4 * 24 * time.Hour)
	if w.alive("a", used) {
		t.Error("a session lives after 91 days")
	}
}

func TestSessionsEndWithTheRightsOfTheirUser(t *testing.T) {
	t.Parallel()
	w := newWorld(t, account.Limits{LoginsPerAddress: 100})
	ctx := t.Context()

	one, two := w.login("a"), w.login("a")
	s, err := w.SessionBy(ctx, "a", one)
	w.must(err)
	w.must(w.Revoke(ctx, "a", s.ID))
	if w.alive("a", one) || !w.alive("a", two) {
		t.Error("revoking a session ended the wrong ones")
	}
	w.wants(w.Revoke(ctx, "a", s.ID), engine.ErrNotFound)
	w.wants(w.Revoke(ctx, "b", s.ID), engine.ErrNotFound)

	w.must(w.SetPassword(ctx, "a", "anna", "password of a"))
	if w.alive("a", two) {
		t.Error("a session outlived the password")
	}
	three := w.login("a")
	w.user("a", engine.WritePatch, `{"disabled":true}`)
	if w.alive("a", three) {
		t.Error("a session outlived its user's being disabled")
	}
	_, _, err = w.LoginUser(ctx, "a", "anna", "password of a", address)
	w.wants(err, account.ErrLogin)
	w.user("a", engine.WritePatch, `{"disabled":null}`)
	w.must(w.RevokeUser(ctx, "a", "anna"))
	if w.alive("a", three) {
		t.Error("a revoked session lives")
	}
	four := w.login("a")
	w.user("a", engine.WriteDelete, "")
	if w.alive("a", four) {
		t.Error("a session outlived its user")
	}
	// A new user of the same id inherits neither sessions nor the password.
	w.user("a", engine.WriteCreate, `{"name":"Another Anna"}`)
	if w.alive("a", four) {
		t.Error("a session went over to another user")
	}
	_, _, err = w.LoginUser(ctx, "a", "anna", "password of a", address)
	w.wants(err, account.ErrLogin)
	if len(w.ended) == 0 || w.ended[0].App != "a" {
		t.Errorf("ended are %v", w.ended)
	}
	if !w.alive("b", w.login("b")) {
		t.Error("another app's user was touched")
	}
}

func TestALoginSaysNothingButNo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, account.Limits{LoginsPerAddress: 100})
	ctx := t.Context()
	for _, c := range [][2]string{{"anna", "wrong"}, {"nobody", "wrong"}, {"", ""}, {"an\x00na", "x"}, {"anna", ""}, {"*", "x"}, {"anna", strings.Repeat("x", 1<<20)}} {
		_, _, err := w.LoginUser(ctx, "a", c[0], c[1], "198.51.100.7")
		if !errors.Is(err, account.ErrLogin) || err.Error() != account.ErrLogin.Error() {
			t.Errorf("%.10q: %v", c, err)
		}
	}
	_, _, err := w.LoginUser(ctx, "none", "anna", "x", address)
	w.wants(err, engine.ErrNotFound)
	_, _, err = w.Login(ctx, "nobody@example.com", "x", address)
	w.wants(err, account.ErrLogin)
	_, _, err = w.Login(ctx, "no\x00body", "x", address)
	w.wants(err, account.ErrLogin)
}

// TestAnUnknownUserCostsTheSame takes all places at which passwords are hashed: who is unknown must then wait for one as well.
func TestAnUnknownUserCostsTheSame(t *testing.T) {
	t.Parallel()
	w := newWorld(t, account.Limits{})
	release := account.HoldHashes(w.Service)
	defer release()
	for _, user := range []string{"anna", "nobody", "no user at all"} {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		_, _, err := w.LoginUser(ctx, "a", user, "wrong", address)
		cancel()
		w.wants(err, engine.ErrBusy)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, _, err := w.Login(ctx, "nobody@example.com", "wrong", address)
	w.wants(err, engine.ErrBusy)
}

func TestLoginsAreLimited(t *testing.T) {
	t.Parallel()
	w := newWorld(t, account.Limits{})
	ctx := t.Context()
	try := func(user, from string) time.Duration {
		_, _, err := w.LoginUser(ctx, "a", user, "wrong", from)
		if limit, ok := errors.AsType[*account.LimitError](err); ok {
			if limit.Limit == "" || !errors.Is(err, engine.ErrBusy) {
				t.Errorf("refusal is %+v", limit)
			}
			return limit.After
		}
		w.wants(err, account.ErrLogin)
		return 0
	}
	for i := range 5 {
		if try("anna", "203.0.113.1") != 0 {
			t.Fatalf("try %d was refused", i)
		}
	}
	if after := try("anna", "203.0.113.1"); after != time.Minute {
		t.Errorf("the sixth try waits %s", after)
	}
	if _, _, err := w.LoginUser(ctx, "a", "anna", "password of a", "203.0.113.1"); err == nil {
		t.Error("the right password went through a block")
	}
	if try("anna", "203.0.113.2") != 0 || try("bert", "203.0.113.1") != 0 {
		t.Error("another address or name is blocked too")
	}
	// Who goes on waits twice as long.
	w.pass(time.Minute)
	for range 5 {
		try("anna", "203.0.113.1")
	}
	if after := try("anna", "203.0.113.1"); after != 2*time.Minute {
		t.Errorf("the second block is %s", after)
	}
	w.pass(2 * time.Minute)
	if _, _, err := w.LoginUser(ctx, "a", "anna", "password of a", "203.0.113.1"); err != nil {
		t.Errorf("after the block: %v", err)
	}
	// One address has 20 tries a minute, whatever the names; an IPv6 client is its /64.
	for i := range 20 {
		if try(strings.Repeat("x", i+1), "2001:db8::1") != 0 {
			t.Fatalf("try %d of the address was refused", i)
		}
	}
	if try("fresh", "2001:db8::ffff") == 0 {
		t.Error("the 21st try of an address was let through")
	}
	if try("fresh", "2001:db8:0:1::1") != 0 {
		t.Error("the next network is blocked too")
	}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	w := newWorld(t, account.Limits{})
	ctx := t.Context()
	secret, err := w.CreateToken(ctx, account.Token{Name: "ci", App: "a", Scopes: []string{"push"}, ExpiresAt: w.time().Add(time.Hour)})
	w.must(err)
	got, err := w.TokenBy(ctx, secret)
	w.must(err)
	if !strings.HasPrefix(secret, "cue_") || got.App != "a" || got.Name != "ci" || strings.Contains(got.ID, secret) {
		t.Errorf("token is %+v", got)
	}
	w.pass(time.Hour)
	_, err = w.TokenBy(ctx, secret)
	w.wants(err, engine.ErrNotFound)
	again, err := w.CreateToken(ctx, account.Token{Name: "ci", App: "*", Scopes: []string{"push"}})
	w.must(err)
	list, err := w.Tokens(ctx, "*", "", 10)
	w.must(err)
	w.must(w.DeleteToken(ctx, list[0].ID))
	_, err = w.TokenBy(ctx, again)
	w.wants(err, engine.ErrNotFound)
	w.wants(w.DeleteToken(ctx, list[0].ID), engine.ErrNotFound)
	for _, wrong := range []account.Token{{}, {Name: "x", App: "a"}, {Name: "x", App: "a", Scopes: []string{"all"}}, {Name: "x", App: "none", Scopes: []string{"push"}}} {
		_, err := w.CreateToken(ctx, wrong)
		w.wants(err, engine.ErrInvalid)
	}
}

func TestTheFirstAccountIsMadeByAOneTimeLink(t *testing.T) {
	t.Parallel()
	w := newWorld(t, account.Limits{})
	ctx := t.Context()
	first, err := w.SetupLink(ctx)
	w.must(err)
	link, err := w.SetupLink(ctx)
	w.must(err)
	_, err = w.UseSetup(ctx, first, "ada@example.com", "password")
	w.wants(err, engine.ErrNotFound) // the newer one took its place
	_, err = w.UseSetup(ctx, link, "no address", "password")
	w.wants(err, engine.ErrInvalid)

	// Of many who use it at a time, one is let in.
	var wg sync.WaitGroup
	var mu sync.Mutex
	made := 0
	for i := range 4 {
		wg.Go(func() {
			if _, err := w.UseSetup(ctx, link, string(rune('a'+i))+"@example.com", "password"); err == nil {
				mu.Lock()
				made++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	list, err := w.Accounts(ctx, "", 10)
	w.must(err)
	if made != 1 || len(list) != 1 || list[0].Role != account.Admin {
		t.Errorf("%d were let in, accounts are %v", made, list)
	}
	if again, err := w.SetupLink(ctx); again != "" || err != nil {
		t.Errorf("a link was given although there is an account: %q, %v", again, err)
	}
}

func TestASetupLinkLapses(t *testing.T) {
	t.Parallel()
	w := newWorld(t, account.Limits{})
	link, err := w.SetupLink(t.Context())
	w.must(err)
	w.must(w.CheckSetup(t.Context(), link))
	w.pass(24 * time.Hour)
	w.wants(w.CheckSetup(t.Context(), link), engine.ErrNotFound)
	_, err = w.UseSetup(t.Context(), link, "ada@example.com", "password")
	w.wants(err, engine.ErrNotFound)
}

func TestAccounts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, account.Limits{LoginsPerAccount: 100, LoginsPerAddress: 100})
	ctx := t.Context()
	_, err := w.CreateAccount(ctx, " Ada@Example.com", "password", account.Admin)
	w.must(err)
	_, err = w.CreateAccount(ctx, "ada@example.COM", "password", account.Viewer)
	w.wants(err, engine.ErrConflict)
	for _, email := range []string{"", "ada", "Ada <ada@example.com>", "a@b\x00", "a/b@example.com"} {
		_, err := w.CreateAccount(ctx, email, "password", account.Viewer)
		w.wants(err, engine.ErrInvalid)
	}
	_, err = w.CreateAccount(ctx, "x@example.com", "password", "root")
	w.wants(err, engine.ErrInvalid)
	w.wants(w.DeleteAccount(ctx, "ada@example.com"), engine.ErrConflict)
	viewer := account.Viewer
	_, err = w.ChangeAccount(ctx, "ada@example.com", account.Change{Role: &viewer})
	w.wants(err, engine.ErrConflict)
	_, err = w.CreateAccount(ctx, "bob@example.com", "password", account.Admin)
	w.must(err)
	secret, who, err := w.Login(ctx, "ADA@example.com", "password", address)
	w.must(err)
	if got, _, err := w.AccountBy(ctx, secret); err != nil || got != who || got.Email != "ada@example.com" {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := w.SessionBy(ctx, "a", secret); err == nil {
		t.Error("an account's session is one of a user")
	}
	_, err = w.ChangeAccount(ctx, "ada@example.com", account.Change{Role: &viewer})
	w.must(err)
	_, _, err = w.AccountBy(ctx, secret)
	w.wants(err, engine.ErrNotFound)
	secret, _, err = w.Login(ctx, "ada@example.com", "password", address)
	w.must(err)
	w.must(w.DeleteAccount(ctx, "ada@example.com"))
	_, _, err = w.AccountBy(ctx, secret)
	w.wants(err, engine.ErrNotFound)
	_, err = w.ChangeAccount(ctx, "none@example.com", account.Change{})
	w.wants(err, engine.ErrNotFound)
}

// TestNoSecretIsStored looks for every secret in all records.
func TestNoSecretIsStored(t *testing.T) {
	t.Parallel()
	w := newWorld(t, account.Limits{})
	ctx := context.Background()
	link, err := w.SetupLink(ctx)
	w.must(err)
	_, err = w.CreateAccount(ctx, "ada@example.com", "the account's password", account.Admin)
	w.must(err)
	login, _, err := w.Login(ctx, "ada@example.com", "the account's password", address)
	w.must(err)
	token, err := w.CreateToken(ctx, account.Token{Name: "t", App: "*", Scopes: []string{"push"}})
	w.must(err)
	secrets := []string{link, login, token, w.login("a"), "password of", "the account's password"}
	var all bytes.Buffer
	for _, app := range []engine.AppID{"", "a"} {
		for _, kind := range []engine.RecordKind{"account", "token", "session", "credential", "setup"} {
			records, err := w.store.Records(ctx, app, kind, "", "", 100)
			w.must(err)
			for _, r := range records {
				all.WriteString(r.ID + " " + r.Owner + " ")
				all.Write(r.Body)
			}
		}
	}
	for _, secret := range secrets {
		if strings.Contains(all.String(), strings.TrimPrefix(secret, "cue_")) {
			t.Errorf("%q is stored", secret)
		}
	}
	if !strings.Contains(all.String(), "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Error("no password is stored as it should be")
	}
}
