package account

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/cuelight/cuelight/engine"
)

// Session is a login. Its secret is the session_id that clients carry; only the SHA-256 of it is stored, as the session's id.
type Session struct {
	ID   string       `json:"id"`
	App  engine.AppID `json:"-"`
	User string       `json:"user"`

	CreatedAt time.Time `json:"created_at"`
	UsedAt    time.Time `json:"used_at"`
	ExpiresAt time.Time `json:"expires_at"`
}

// hashRule is the id of a session or a token.
var hashRule = regexp.MustCompile(`^[0-9a-f]{64}$`)

// sessionRecord is what is stored of a session, of a user or an account.
type sessionRecord struct {
	User string `json:"user"`
	// Stamp is the state of the password at the login: a newer one ends the session, even one that is being made just now.
	Stamp     int64     `json:"stamp"`
	CreatedAt time.Time `json:"created_at"`
	UsedAt    time.Time `json:"used_at"`
}

// touchEvery is how exactly the last use of a session is known; each use would else be a write.
const touchEvery = time.Hour

func (s *Service) until(r sessionRecord) time.Time {
	idle, absolute := r.UsedAt.Add(s.limits.SessionIdle), r.CreatedAt.Add(s.limits.SessionAbsolute)
	if idle.Before(absolute) {
		return idle
	}
	return absolute
}

func (s *Service) startSession(ctx context.Context, app engine.AppID, rec sessionRecord) (string, error) {
	secret := newSecret()
	rec.CreatedAt = s.now().UTC().Truncate(time.Millisecond)
	rec.UsedAt = rec.CreatedAt
	_, err := s.engine.Update(ctx, app, kindSession, hashSecret(secret), false, func(*engine.Record, time.Time) (*engine.Record, error) {
		body, err := encode(rec)
		return &engine.Record{Owner: rec.User, Body: body, Until: s.until(rec)}, err
	})
	if err != nil {
		return "", err
	}
	return secret, nil
}

// session finds the session of a secret within an app, or errNoSession.
func (s *Service) session(ctx context.Context, app engine.AppID, secret string) (Session, int64, error) {
	if len(secret) != 43 {
		return Session{}, 0, errNoSession
	}
	id := hashSecret(secret)
	r, err := s.store.Record(ctx, app, kindSession, id)
	if errors.Is(err, engine.ErrNotFound) {
		return Session{}, 0, errNoSession
	}
	if err != nil {
		return Session{}, 0, err
	}
	rec, err := decode[sessionRecord](r)
	if err != nil {
		return Session{}, 0, err
	}
	now := s.now()
	if !now.Before(s.until(*rec)) {
		return Session{}, 0, errNoSession
	}
	if now.Sub(rec.UsedAt) >= min(touchEvery, s.limits.SessionIdle/2) {
		if err := s.touch(ctx, app, id, now); err != nil {
			return Session{}, 0, err
		}
		rec.UsedAt = now.UTC().Truncate(time.Millisecond)
	}
	return s.shown(app, id, rec), rec.Stamp, nil
}

func (s *Service) shown(app engine.AppID, id string, rec *sessionRecord) Session {
	return Session{ID: id, App: app, User: rec.User, CreatedAt: rec.CreatedAt, UsedAt: rec.UsedAt, ExpiresAt: s.until(*rec)}
}

// touch notes the use of a session. One that was ended meanwhile stays ended.
func (s *Service) touch(ctx context.Context, app engine.AppID, id string, now time.Time) error {
	_, err := s.engine.Update(ctx, app, kindSession, id, false, func(old *engine.Record, _ time.Time) (*engine.Record, error) {
		if old == nil {
			return nil, errNoSession
		}
		rec, err := decode[sessionRecord](old)
		if err != nil {
			return nil, err
		}
		rec.UsedAt = now.UTC().Truncate(time.Millisecond)
		body, err := encode(rec)
		return &engine.Record{Owner: old.Owner, Body: body, Until: s.until(*rec)}, err
	})
	return err
}

// credential is what is stored of a user's password.
type credential struct {
	Hash string `json:"hash"`
	// Of is when the user was created: a later user of the same id does not inherit the password.
	Of time.Time `json:"of"`
}

// SetPassword sets a user's password and ends the user's sessions. The user has to exist.
func (s *Service) SetPassword(ctx context.Context, app engine.AppID, user, password string) error {
	u, err := s.user(ctx, app, user)
	if err != nil {
		return err
	}
	hash, err := s.hash(ctx, password)
	if err != nil {
		return err
	}
	_, err = s.engine.Update(ctx, app, kindCredential, user, false, func(*engine.Record, time.Time) (*engine.Record, error) {
		body, err := encode(credential{Hash: hash, Of: u.CreatedAt})
		return &engine.Record{Body: body}, err
	})
	if err != nil {
		return err
	}
	return s.RevokeUser(ctx, app, user)
}

// User is what logins and sessions look at of a user's object.
type User struct {
	ID        string    `json:"-"`
	Name      string    `json:"name"`
	Role      string    `json:"role"`
	Disabled  bool      `json:"disabled"`
	CreatedAt time.Time `json:"-"`
}

func noUser() error {
	return &engine.CodedError{Kind: engine.ErrNotFound, Code: "USER_NOT_FOUND", Message: "the app has no user of this id"}
}

func (s *Service) user(ctx context.Context, app engine.AppID, id string) (User, error) {
	if !engine.ValidID(id) {
		return User{}, noUser()
	}
	o, err := s.store.Object(ctx, app, engine.UserStructure, id)
	if errors.Is(err, engine.ErrNotFound) {
		return User{}, noUser()
	}
	if err != nil {
		return User{}, err
	}
	u := User{}
	if err := json.Unmarshal(o.Data, &u); err != nil {
		return User{}, fmt.Errorf("read user: %w", err)
	}
	u.ID, u.CreatedAt = o.ID, o.CreatedAt
	return u, nil
}

// LoginUser checks a user's password and starts a session, whose id it returns. Errors are ErrLogin, ErrNotFound for an app that is not
// there, or a LimitError for who tries too often.
func (s *Service) LoginUser(ctx context.Context, app engine.AppID, user, password, address string) (secret string, u User, err error) {
	if _, err := s.engine.App(ctx, app); err != nil {
		return "", User{}, err
	}
	if err := s.tries.take(app, user, address); err != nil {
		return "", User{}, err
	}
	found, err := s.user(ctx, app, user)
	known := err == nil && !found.Disabled
	if err != nil && !errors.Is(err, engine.ErrNotFound) {
		return "", User{}, err
	}
	cred, stamp, err := s.credential(ctx, app, user)
	if err != nil {
		return "", User{}, err
	}
	hash := s.fake
	if stamp != 0 {
		hash = cred.Hash
	}
	ok, err := s.verify(ctx, hash, password)
	if err != nil {
		return "", User{}, err
	}
	if !ok || !known || stamp == 0 || !cred.Of.Equal(found.CreatedAt) {
		return "", User{}, ErrLogin
	}
	s.tries.clear(app, user, address)
	secret, err = s.startSession(ctx, app, sessionRecord{User: user, Stamp: stamp})
	return secret, found, err
}

// credential is a user's password and its stamp, 0 when there is none.
func (s *Service) credential(ctx context.Context, app engine.AppID, user string) (credential, int64, error) {
	if !engine.ValidID(user) {
		return credential{}, 0, nil
	}
	r, err := s.store.Record(ctx, app, kindCredential, user)
	if errors.Is(err, engine.ErrNotFound) {
		return credential{}, 0, nil
	}
	if err != nil {
		return credential{}, 0, err
	}
	cred, err := decode[credential](r)
	if err != nil {
		return credential{}, 0, err
	}
	return *cred, r.Rev, nil
}

// SessionBy gives the session of a session_id within an app. What is not good, for whatever reason, is ErrNotFound: it was never given out
// or by another app, has ended, or its user is gone, disabled or has a new password.
func (s *Service) SessionBy(ctx context.Context, app engine.AppID, secret string) (Session, error) {
	session, _, err := s.SessionUser(ctx, app, secret)
	return session, err
}

// SessionUser is SessionBy with the user that the session is of.
func (s *Service) SessionUser(ctx context.Context, app engine.AppID, secret string) (Session, User, error) {
	if app == "" {
		return Session{}, User{}, errNoSession // those are of accounts
	}
	session, stamp, err := s.session(ctx, app, secret)
	if err != nil {
		return Session{}, User{}, err
	}
	u, err := s.user(ctx, app, session.User)
	if errors.Is(err, engine.ErrNotFound) || err == nil && u.Disabled {
		return Session{}, User{}, errNoSession
	}
	if err != nil {
		return Session{}, User{}, err
	}
	cred, now, err := s.credential(ctx, app, session.User)
	if err != nil {
		return Session{}, User{}, err
	}
	if now != stamp || !cred.Of.Equal(u.CreatedAt) {
		return Session{}, User{}, errNoSession
	}
	return session, u, nil
}

// Sessions lists the sessions of an app by id after a given one; user "" means of all users.
func (s *Service) Sessions(ctx context.Context, app engine.AppID, user, after string, limit int) ([]Session, error) {
	records, err := s.store.Records(ctx, app, kindSession, user, after, limit)
	if err != nil {
		return nil, err
	}
	list := make([]Session, 0, len(records))
	for _, r := range records {
		rec, err := decode[sessionRecord](r)
		if err != nil {
			return nil, err
		}
		list = append(list, s.shown(app, r.ID, rec))
	}
	return list, nil
}

// Revoke ends a session by its id (not its secret); app "" means one of an account.
func (s *Service) Revoke(ctx context.Context, app engine.AppID, id string) error {
	owner := ""
	if !hashRule.MatchString(id) {
		return errNoSession
	}
	_, err := s.engine.Update(ctx, app, kindSession, id, false, func(old *engine.Record, _ time.Time) (*engine.Record, error) {
		if old == nil {
			return nil, errNoSession
		}
		gone := *old
		gone.Deleted = true
		owner = old.Owner
		return &gone, nil
	})
	if err == nil && app != "" {
		s.ended(engine.Revocation{App: app, Session: id, User: owner})
	}
	return err
}

// RevokeUser ends all sessions of a user and closes the user's sockets.
func (s *Service) RevokeUser(ctx context.Context, app engine.AppID, user string) error {
	err := s.endSessions(ctx, app, user)
	s.ended(engine.Revocation{App: app, User: user})
	return err
}

// Forget removes the password and the sessions of a user that is deleted.
func (s *Service) Forget(ctx context.Context, app engine.AppID, user string) error {
	_, err := s.engine.Update(ctx, app, kindCredential, user, false, func(old *engine.Record, _ time.Time) (*engine.Record, error) {
		if old == nil {
			return nil, nil
		}
		gone := *old
		gone.Deleted = true
		return &gone, nil
	})
	return errors.Join(err, s.RevokeUser(ctx, app, user))
}

func (s *Service) endSessions(ctx context.Context, app engine.AppID, owner string) error {
	for {
		records, err := s.store.Records(ctx, app, kindSession, owner, "", 100)
		if err != nil || len(records) == 0 {
			return err
		}
		ids := make([]engine.RecordID, len(records))
		for i, r := range records {
			ids[i] = engine.RecordID{Kind: kindSession, ID: r.ID}
		}
		err = s.engine.UpdateMany(ctx, app, ids, func(old []*engine.Record, _ time.Time) ([]*engine.Record, error) {
			gone := make([]*engine.Record, len(old))
			for i, r := range old {
				if r != nil {
					own := *r
					own.Deleted = true
					gone[i] = &own
				}
			}
			return gone, nil
		})
		if err != nil {
			return err
		}
	}
}
