// Package account knows people and programs: accounts that build and operate, API tokens, and the passwords and sessions of an app's
// end users. Secrets are stored as hashes only.
package account

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/mail"
	"slices"
	"strings"
	"time"

	"github.com/cuelight/cuelight/engine"
)

// The kinds of records of this package. Accounts, their sessions, tokens and the set-up link belong to no app.
const (
	kindAccount    engine.RecordKind = "account"
	kindToken      engine.RecordKind = "token"
	kindSession    engine.RecordKind = "session"
	kindCredential engine.RecordKind = "credential"
	kindSetup      engine.RecordKind = "setup"
)

// Role is what an account may do, on the whole server.
type Role string

// The roles.
const (
	Admin   Role = "admin"
	Builder Role = "builder"
	Viewer  Role = "viewer"
)

// ErrLogin says that name and password do not belong together. It never says which of them is wrong.
var ErrLogin = errors.New("user or password incorrect")

// errNoSession is the answer for every session that is not good, whatever the reason.
var errNoSession = &engine.CodedError{Kind: engine.ErrNotFound, Code: "SESSION_NOT_FOUND", Message: "the session has ended or never was"}

// Options are what a Service is made of. Engine and Store are needed.
type Options struct {
	Engine *engine.Engine
	Store  engine.Store
	// Clock is the time of expiry and of login limits. Nil means time.Now.
	Clock func() time.Time
	// Ended is told whose sessions have ended, so that sockets are closed. It must not block.
	Ended func(engine.Revocation)
	// Limits bound logins; zero fields mean the defaults.
	Limits Limits
}

// Service keeps accounts, tokens, passwords and sessions. It is safe for concurrent use.
type Service struct {
	engine *engine.Engine
	store  engine.Store
	now    func() time.Time
	ended  func(engine.Revocation)
	limits Limits
	tries  *tries
	hashes chan struct{}
	fake   string
}

// New makes a service.
func New(o Options) *Service {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Ended == nil {
		o.Ended = func(engine.Revocation) {}
	}
	limits := o.Limits.withDefaults()
	return &Service{
		engine: o.Engine, store: o.Store, now: o.Clock, ended: o.Ended, limits: limits,
		tries: newTries(o.Clock, limits), hashes: make(chan struct{}, hashesAtATime), fake: encodeHash(newSalt(), make([]byte, keyBytes)),
	}
}

// Limits are the bounds in use.
func (s *Service) Limits() Limits { return s.limits }

// Account is a person who builds or operates.
type Account struct {
	// Email is the account's id, in small letters.
	Email     string    `json:"email"`
	Role      Role      `json:"role"`
	Disabled  bool      `json:"disabled,omitempty"`
	CreatedAt time.Time `json:"created_at"`
}

type accountRecord struct {
	Account
	Hash string `json:"hash"`
	// Stamp is renewed with the password, the role and the state: sessions of an older stamp have ended.
	Stamp int64 `json:"stamp"`
}

func invalid(path, code, message string) error {
	return &engine.InvalidError{Fields: []engine.FieldError{{Path: path, Code: code, Message: message}}}
}

func noAccount() error {
	return &engine.CodedError{Kind: engine.ErrNotFound, Code: "ACCOUNT_NOT_FOUND", Message: "there is no account of this e-mail"}
}

// CleanEmail is the id of an account: the address in small letters, or an InvalidError.
func CleanEmail(email string) (string, error) {
	email = strings.ToLower(strings.TrimSpace(email))
	parsed, err := mail.ParseAddress(email)
	if err != nil || parsed.Address != email || len(email) > 254 || strings.ContainsAny(email, " \t\r\n\x00/") {
		return "", invalid("email", "EMAIL", "must be an e-mail address")
	}
	return email, nil
}

func checkRole(r Role) error {
	if !slices.Contains([]Role{Admin, Builder, Viewer}, r) {
		return invalid("role", "OPTION", "must be admin, builder or viewer")
	}
	return nil
}

// CreateAccount makes an account. An e-mail that has one is refused with ErrConflict.
func (s *Service) CreateAccount(ctx context.Context, email, password string, role Role) (Account, error) {
	id, rec, err := s.newAccount(ctx, email, password, role)
	if err != nil {
		return Account{}, err
	}
	_, err = s.engine.Update(ctx, "", kindAccount, id, false, func(old *engine.Record, now time.Time) (*engine.Record, error) {
		if old != nil {
			return nil, taken()
		}
		return rec.encode(now)
	})
	return rec.Account, err
}

func taken() error {
	return &engine.InvalidError{Conflict: true, Fields: []engine.FieldError{{Path: "email", Code: "TAKEN", Message: "an account with this e-mail exists"}}}
}

func (s *Service) newAccount(ctx context.Context, email, password string, role Role) (string, *accountRecord, error) {
	id, err := CleanEmail(email)
	if err != nil {
		return "", nil, err
	}
	if err := checkRole(role); err != nil {
		return "", nil, err
	}
	hash, err := s.hash(ctx, password)
	if err != nil {
		return "", nil, err
	}
	return id, &accountRecord{Account: Account{Email: id, Role: role, CreatedAt: s.now().UTC().Truncate(time.Millisecond)}, Hash: hash, Stamp: 1}, nil
}

func (r *accountRecord) encode(time.Time) (*engine.Record, error) {
	body, err := encode(r)
	return &engine.Record{Body: body}, err
}

func encode(v any) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("encode record: %w", err)
	}
	return bytes.TrimSpace(buf.Bytes()), nil
}

func decode[T any](r *engine.Record) (*T, error) {
	v := new(T)
	if err := json.Unmarshal(r.Body, v); err != nil {
		return nil, fmt.Errorf("read %s: %w", r.Kind, err)
	}
	return v, nil
}

// Account returns one account.
func (s *Service) Account(ctx context.Context, email string) (Account, error) {
	rec, err := s.account(ctx, strings.ToLower(email))
	if err != nil {
		return Account{}, err
	}
	return rec.Account, nil
}

func (s *Service) account(ctx context.Context, id string) (*accountRecord, error) {
	if clean, err := CleanEmail(id); err != nil || clean != id {
		return nil, noAccount()
	}
	r, err := s.store.Record(ctx, "", kindAccount, id)
	if errors.Is(err, engine.ErrNotFound) {
		return nil, noAccount()
	}
	if err != nil {
		return nil, err
	}
	return decode[accountRecord](r)
}

// Accounts lists accounts by e-mail after a given one.
func (s *Service) Accounts(ctx context.Context, after string, limit int) ([]Account, error) {
	records, err := s.store.Records(ctx, "", kindAccount, "", after, limit)
	if err != nil {
		return nil, err
	}
	list := make([]Account, len(records))
	for i, r := range records {
		rec, err := decode[accountRecord](r)
		if err != nil {
			return nil, err
		}
		list[i] = rec.Account
	}
	return list, nil
}

// Change names what to change of an account; nil fields stay.
type Change struct {
	Role     *Role
	Disabled *bool
	Password *string
}

// ChangeAccount changes an account and ends its sessions. The last admin who can log in can not be changed into something else.
func (s *Service) ChangeAccount(ctx context.Context, email string, c Change) (Account, error) {
	id := strings.ToLower(email)
	if _, err := s.account(ctx, id); err != nil {
		return Account{}, err
	}
	if c.Role != nil {
		if err := checkRole(*c.Role); err != nil {
			return Account{}, err
		}
	}
	hash := ""
	if c.Password != nil {
		var err error
		if hash, err = s.hash(ctx, *c.Password); err != nil {
			return Account{}, err
		}
	}
	var out Account
	err := s.updateAccount(ctx, id, func(rec *accountRecord) bool {
		if c.Role != nil {
			rec.Role = *c.Role
		}
		if c.Disabled != nil {
			rec.Disabled = *c.Disabled
		}
		if hash != "" {
			rec.Hash = hash
		}
		rec.Stamp++
		out = rec.Account
		return true
	})
	if err != nil {
		return Account{}, err
	}
	return out, s.endSessions(ctx, "", id)
}

// DeleteAccount removes an account and its sessions.
func (s *Service) DeleteAccount(ctx context.Context, email string) error {
	id := strings.ToLower(email)
	if err := s.updateAccount(ctx, id, func(*accountRecord) bool { return false }); err != nil {
		return err
	}
	return s.endSessions(ctx, "", id)
}

// Login checks an account's password and starts a session. Errors are ErrLogin, or a LimitError for who tries too often.
func (s *Service) Login(ctx context.Context, email, password, address string) (secret string, a Account, err error) {
	id := strings.ToLower(strings.TrimSpace(email))
	if err := s.tries.take("", id, address); err != nil {
		return "", Account{}, err
	}
	rec, err := s.account(ctx, id)
	if err != nil && !errors.Is(err, engine.ErrNotFound) {
		return "", Account{}, err
	}
	hash := s.fake
	if rec != nil {
		hash = rec.Hash
	}
	ok, err := s.verify(ctx, hash, password)
	if err != nil {
		return "", Account{}, err
	}
	if !ok || rec == nil || rec.Disabled {
		return "", Account{}, ErrLogin
	}
	s.tries.clear("", id, address)
	secret, err = s.startSession(ctx, "", sessionRecord{User: id, Stamp: rec.Stamp})
	return secret, rec.Account, err
}

// AccountBy gives the account that a session's secret stands for, or ErrNotFound.
func (s *Service) AccountBy(ctx context.Context, secret string) (Account, Session, error) {
	session, stamp, err := s.session(ctx, "", secret)
	if err != nil {
		return Account{}, Session{}, err
	}
	rec, err := s.account(ctx, session.User)
	if errors.Is(err, engine.ErrNotFound) || err == nil && (rec.Disabled || rec.Stamp != stamp) {
		return Account{}, Session{}, errNoSession
	}
	if err != nil {
		return Account{}, Session{}, err
	}
	return rec.Account, session, nil
}

// Standing gives the account of a session that is still good, by the session's id; else ErrNotFound. It does not count as a use of the session.
func (s *Service) Standing(ctx context.Context, session string) (Account, error) {
	r, err := s.store.Record(ctx, "", kindSession, session)
	if errors.Is(err, engine.ErrNotFound) {
		return Account{}, errNoSession
	}
	if err != nil {
		return Account{}, err
	}
	rec, err := decode[sessionRecord](r)
	if err != nil {
		return Account{}, err
	}
	if !s.now().Before(s.until(*rec)) {
		return Account{}, errNoSession
	}
	acc, err := s.account(ctx, rec.User)
	if errors.Is(err, engine.ErrNotFound) || err == nil && (acc.Disabled || acc.Stamp != rec.Stamp) {
		return Account{}, errNoSession
	}
	if err != nil {
		return Account{}, err
	}
	return acc.Account, nil
}

// newSecret is 256 random bits as 43 characters of base64url.
func newSecret() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	return base64.RawURLEncoding.EncodeToString(b)
}

// hashSecret is how a secret with enough randomness of its own is stored.
func hashSecret(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}
