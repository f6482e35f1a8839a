package account

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cuelight/cuelight/engine"
)

// TokenPrefix begins every API token, so that leaked ones can be found.
const TokenPrefix = "cue_"

// AnyApp as a token's app binds it to no app.
const AnyApp engine.AppID = "*"

// Scope is a right of a token.
type Scope string

// The scopes (contracts 4).
const (
	ObjectsRead    Scope = "objects:read"
	ObjectsWrite   Scope = "objects:write"
	Push           Scope = "push"
	PushAll        Scope = "push:all"
	RunsRead       Scope = "runs:read"
	RunsWrite      Scope = "runs:write"
	ScenariosRead  Scope = "scenarios:read"
	ScenariosWrite Scope = "scenarios:write"
	UsersWrite     Scope = "users:write"
	AdminScope     Scope = "admin"
)

// Scopes lists all scopes.
func Scopes() []Scope {
	return []Scope{ObjectsRead, ObjectsWrite, Push, PushAll, RunsRead, RunsWrite, ScenariosRead, ScenariosWrite, UsersWrite, AdminScope}
}

// Token is an API token without its secret.
type Token struct {
	// ID is the SHA-256 of the secret.
	ID     string       `json:"id"`
	Name   string       `json:"name"`
	App    engine.AppID `json:"app"`
	Scopes []string     `json:"scopes"`
	// By is who made it.
	By        string    `json:"by,omitempty"`
	CreatedAt time.Time `json:"created_at"`
	// ExpiresAt is when it ends; zero means never.
	ExpiresAt time.Time `json:"expires_at,omitzero"`
}

func noToken() error {
	return &engine.CodedError{Kind: engine.ErrNotFound, Code: "TOKEN_NOT_FOUND", Message: "there is no such token"}
}

// CreateToken makes a token of Name, App, Scopes, By and ExpiresAt and returns its secret, which is not stored and can not be shown again.
func (s *Service) CreateToken(ctx context.Context, t Token) (string, error) {
	var errs []engine.FieldError
	if t.Name == "" || len(t.Name) > 100 {
		errs = append(errs, engine.FieldError{Path: "name", Code: "REQUIRED", Message: "must have 1 to 100 bytes"})
	}
	if len(t.Scopes) == 0 {
		errs = append(errs, engine.FieldError{Path: "scopes", Code: "REQUIRED", Message: "must name at least one scope"})
	}
	for i, scope := range t.Scopes {
		if !slices.Contains(Scopes(), Scope(scope)) {
			errs = append(errs, engine.FieldError{Path: fmt.Sprintf("scopes[%d]", i), Code: "OPTION", Message: "must be one of " + scopeNames()})
		}
	}
	if t.App == "" {
		errs = append(errs, engine.FieldError{Path: "app", Code: "REQUIRED", Message: "must be the id of an app, or * for all"})
	}
	if !t.ExpiresAt.IsZero() && !t.ExpiresAt.After(s.now()) {
		errs = append(errs, engine.FieldError{Path: "expires_at", Code: "PAST", Message: "must lie in the future"})
	}
	if len(errs) > 0 {
		return "", &engine.InvalidError{Fields: errs}
	}
	if t.App != AnyApp {
		if _, err := s.engine.App(ctx, t.App); errors.Is(err, engine.ErrNotFound) {
			return "", invalid("app", "APP_NOT_FOUND", "there is no app of this id")
		} else if err != nil {
			return "", err
		}
	}
	secret := TokenPrefix + newSecret()
	t.ID, t.CreatedAt = hashSecret(secret), s.now().UTC().Truncate(time.Millisecond)
	_, err := s.engine.Update(ctx, "", kindToken, t.ID, false, func(_ *engine.Record, _ time.Time) (*engine.Record, error) {
		body, err := encode(t)
		return &engine.Record{Owner: string(t.App), Body: body, Until: t.ExpiresAt}, err
	})
	if err != nil {
		return "", err
	}
	return secret, nil
}

func scopeNames() string {
	names := make([]string, len(Scopes()))
	for i, s := range Scopes() {
		names[i] = string(s)
	}
	return strings.Join(names, ", ")
}

// TokenBy gives the token of a secret, or ErrNotFound.
func (s *Service) TokenBy(ctx context.Context, secret string) (Token, error) {
	if !strings.HasPrefix(secret, TokenPrefix) || len(secret) != len(TokenPrefix)+43 {
		return Token{}, noToken()
	}
	r, err := s.store.Record(ctx, "", kindToken, hashSecret(secret))
	if errors.Is(err, engine.ErrNotFound) {
		return Token{}, noToken()
	}
	if err != nil {
		return Token{}, err
	}
	t, err := decode[Token](r)
	if err != nil {
		return Token{}, err
	}
	if !t.ExpiresAt.IsZero() && !s.now().Before(t.ExpiresAt) {
		return Token{}, noToken()
	}
	return *t, nil
}

// Tokens lists tokens by id after a given one; app "" means all.
func (s *Service) Tokens(ctx context.Context, app engine.AppID, after string, limit int) ([]Token, error) {
	records, err := s.store.Records(ctx, "", kindToken, string(app), after, limit)
	if err != nil {
		return nil, err
	}
	list := make([]Token, len(records))
	for i, r := range records {
		t, err := decode[Token](r)
		if err != nil {
			return nil, err
		}
		list[i] = *t
	}
	return list, nil
}

// DeleteToken ends a token.
func (s *Service) DeleteToken(ctx context.Context, id string) error {
	if !hashRule.MatchString(id) {
		return noToken()
	}
	_, err := s.engine.Update(ctx, "", kindToken, id, false, func(old *engine.Record, _ time.Time) (*engine.Record, error) {
		if old == nil {
			return nil, noToken()
		}
		gone := *old
		gone.Deleted = true
		return &gone, nil
	})
	return err
}
