package account_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/cuelight/cuelight/engine"
	"github.com/cuelight/cuelight/engine/account"
)

// TestAdminsWhoRemoveEachOtherLeaveOne has them act at the same moment, by every way in which an admin can be lost.
func TestAdminsWhoRemoveEachOtherLeaveOne(t *testing.T) {
	t.Parallel()
	viewer, disabled := account.Viewer, true
	for name, lose := range map[string]func(w *world, email string) error{
		"demoted": func(w *world, email string) error {
			_, err := w.ChangeAccount(w.t.Context(), email, account.Change{Role: &viewer})
			return err
		},
		"disabled": func(w *world, email string) error {
			_, err := w.ChangeAccount(w.t.Context(), email, account.Change{Disabled: &disabled})
			return err
		},
		"deleted": func(w *world, email string) error { return w.DeleteAccount(w.t.Context(), email) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, account.Limits{})
			for round := range 5 {
				var emails []string
				for i := range 3 {
					email := fmt.Sprintf("r%d-%d@example.com", round, i)
					_, err := w.CreateAccount(t.Context(), email, "password", account.Admin)
					w.must(err)
					emails = append(emails, email)
				}
				for _, left := range w.admins() {
					if left != emails[0] && left != emails[1] && left != emails[2] {
						w.must(lose(w, left)) // who the round before has left
					}
				}
				errs := make([]error, len(emails))
				begin := make(chan struct{})
				var all sync.WaitGroup
				for i, email := range emails {
					all.Go(func() {
						<-begin
						errs[i] = lose(w, email)
					})
				}
				close(begin)
				all.Wait()
				refused := 0
				for _, err := range errs {
					if errors.Is(err, engine.ErrConflict) && engine.ErrorCode(err) == "LAST_ADMIN" {
						refused++
					} else if err != nil {
						t.Error(err)
					}
				}
				if left := w.admins(); refused != 1 || len(left) != 1 {
					t.Fatalf("round %d: %d were refused, the admins left are %v", round, refused, left)
				}
			}
		})
	}
}

func (w *world) admins() []string {
	w.t.Helper()
	list, err := w.Accounts(w.t.Context(), "", 100)
	w.must(err)
	var emails []string
	for _, a := range list {
		if a.Role == account.Admin && !a.Disabled {
			emails = append(emails, a.Email)
		}
	}
	return emails
}
