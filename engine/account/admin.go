package account

import (
	"context"
	"errors"
	"time"

	"github.com/cuelight/cuelight/engine"
)

// errAdminMoved says that the other admin who was to stay is none any more: somebody else has to be found.
var errAdminMoved = errors.New("the other admin is gone")

// updateAccount changes an account, or deletes it where change answers false. It refuses to lose the last admin: nobody could then let
// anybody in but the command line. Another admin is locked with the account, so that two of them can not remove each other at once.
func (s *Service) updateAccount(ctx context.Context, id string, change func(*accountRecord) (keep bool)) error {
	for {
		other, err := s.anotherAdmin(ctx, id)
		if err != nil {
			return err
		}
		ids := []engine.RecordID{{Kind: kindAccount, ID: id}}
		if other != "" {
			ids = append(ids, engine.RecordID{Kind: kindAccount, ID: other})
		}
		err = s.engine.UpdateMany(ctx, "", ids, func(old []*engine.Record, now time.Time) ([]*engine.Record, error) {
			if old[0] == nil {
				return nil, noAccount()
			}
			rec, err := decode[accountRecord](old[0])
			if err != nil {
				return nil, err
			}
			was := rec.admin()
			keep := change(rec)
			if was && (!keep || !rec.admin()) {
				if err := mayGo(old[1:]); err != nil {
					return nil, err
				}
			}
			next, err := rec.encode(now)
			next.Deleted = !keep
			return append([]*engine.Record{next}, make([]*engine.Record, len(old)-1)...), err
		})
		if !errors.Is(err, errAdminMoved) {
			return err
		}
	}
}

// mayGo says whether an admin may be lost while the others are as they are now.
func mayGo(others []*engine.Record) error {
	if len(others) == 0 {
		return &engine.CodedError{Kind: engine.ErrConflict, Code: "LAST_ADMIN", Message: "this is the last admin: make another one first"}
	}
	if others[0] == nil {
		return errAdminMoved
	}
	rec, err := decode[accountRecord](others[0])
	if err == nil && !rec.admin() {
		err = errAdminMoved
	}
	return err
}

func (a *Account) admin() bool { return a.Role == Admin && !a.Disabled }

// anotherAdmin finds an admin besides this account, "" when there is none.
func (s *Service) anotherAdmin(ctx context.Context, id string) (string, error) {
	after := ""
	for {
		list, err := s.Accounts(ctx, after, 500)
		if err != nil {
			return "", err
		}
		for _, a := range list {
			if after = a.Email; a.admin() && a.Email != id {
				return a.Email, nil
			}
		}
		if len(list) < 500 {
			return "", nil
		}
	}
}
