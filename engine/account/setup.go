package account

import (
	"context"
	"time"

	"github.com/cuelight/cuelight/engine"
)

// setupFor is how long a set-up link is good.
const setupFor = 24 * time.Hour

// firstSetup is the one record of the link: a newer link takes the place of an older one, so that at most one is good at a time.
const firstSetup = "first"

type setupRecord struct {
	Hash string `json:"hash"`
	Used bool   `json:"used,omitempty"`
}

func errSetup() error {
	return &engine.CodedError{Kind: engine.ErrNotFound, Code: "SETUP_LINK", Message: "the link has been used, has lapsed or never was; restart the server for a new one"}
}

// SetupLink makes the one-time secret with which the first admin makes an account, or "" when there is an account already.
func (s *Service) SetupLink(ctx context.Context) (string, error) {
	list, err := s.Accounts(ctx, "", 1)
	if err != nil || len(list) > 0 {
		return "", err
	}
	secret := newSecret()
	until := s.now().Add(setupFor)
	_, err = s.engine.Update(ctx, "", kindSetup, firstSetup, false, func(*engine.Record, time.Time) (*engine.Record, error) {
		body, err := encode(setupRecord{Hash: hashSecret(secret)})
		return &engine.Record{Body: body, Until: until}, err
	})
	if err != nil {
		return "", err
	}
	return secret, nil
}

// CheckSetup says whether a set-up link is good; else ErrNotFound.
func (s *Service) CheckSetup(ctx context.Context, secret string) error {
	list, err := s.Accounts(ctx, "", 1)
	if err != nil {
		return err
	}
	r, err := s.store.Record(ctx, "", kindSetup, firstSetup)
	if err != nil || len(list) > 0 || !s.good(r, secret) {
		return errSetup()
	}
	return nil
}

func (s *Service) good(r *engine.Record, secret string) bool {
	if r == nil || !s.now().Before(r.Until) {
		return false
	}
	rec, err := decode[setupRecord](r)
	return err == nil && !rec.Used && rec.Hash == hashSecret(secret)
}

// UseSetup makes the first admin; the link is dead from the same transaction on.
func (s *Service) UseSetup(ctx context.Context, secret, email, password string) (Account, error) {
	if err := s.CheckSetup(ctx, secret); err != nil {
		return Account{}, err
	}
	id, rec, err := s.newAccount(ctx, email, password, Admin)
	if err != nil {
		return Account{}, err
	}
	ids := []engine.RecordID{{Kind: kindSetup, ID: firstSetup}, {Kind: kindAccount, ID: id}}
	err = s.engine.UpdateMany(ctx, "", ids, func(old []*engine.Record, now time.Time) ([]*engine.Record, error) {
		if !s.good(old[0], secret) {
			return nil, errSetup()
		}
		if old[1] != nil {
			return nil, taken()
		}
		body, err := encode(setupRecord{Hash: hashSecret(secret), Used: true})
		if err != nil {
			return nil, err
		}
		created, err := rec.encode(now)
		if err != nil {
			return nil, err
		}
		return []*engine.Record{{Body: body, Until: old[0].Until}, created}, nil
	})
	if err != nil {
		return Account{}, err
	}
	return rec.Account, nil
}
