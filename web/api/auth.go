package api

import (
	"context"
	"errors"
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/cuelight/cuelight/engine"
	"github.com/cuelight/cuelight/engine/account"
)

// The kinds of principal.
const (
	byNobody  = ""
	byAccount = "account"
	byToken   = "token"
	byUser    = "user"
	byLocal   = "local" // this machine's administrator, through the socket in the data directory
)

// principal is who asks.
type principal struct {
	kind string
	// id is what created_by says: an account's e-mail, a token's name, a user's id.
	id string
	// key is what the principal's idempotency keys belong to; unlike id it is never shared.
	key     string
	app     engine.AppID // "*" or the only one that is open to it
	scopes  []account.Scope
	role    account.Role
	user    account.User
	session account.Session
	token   account.Token
}

// rolesScopes are what a role may do, in every app.
var roleScopes = map[account.Role][]account.Scope{
	account.Admin:   account.Scopes(),
	account.Builder: slices.DeleteFunc(account.Scopes(), func(s account.Scope) bool { return s == account.AdminScope }),
	account.Viewer:  {account.ObjectsRead, account.RunsRead, account.ScenariosRead},
}

func (p principal) has(scope account.Scope) bool {
	return slices.Contains(p.scopes, scope) || slices.Contains(p.scopes, account.AdminScope)
}

// may refuses what the principal has no right to. An app that is closed to it answers the same whether it exists or not.
func (p principal) may(rt Route, app engine.AppID) error {
	if rt.Public {
		return nil
	}
	if p.kind == byUser {
		if !rt.User {
			return problem(http.StatusForbidden, "SESSION_ONLY_ME", "a user's session may not do this")
		}
		return nil
	}
	if rt.InApp() && p.app != account.AnyApp && p.app != app {
		return problem(http.StatusForbidden, "APP_FORBIDDEN", "the token belongs to another app")
	}
	if rt.Scope == account.AdminScope && !rt.InApp() && p.app != account.AnyApp {
		return problem(http.StatusForbidden, "APP_FORBIDDEN", "the token belongs to one app and this concerns the whole server")
	}
	if rt.Anyone || p.has(rt.Scope) {
		return nil
	}
	return p.lacks(rt.Scope)
}

func (p principal) lacks(scope account.Scope) *Problem {
	if p.kind == byAccount {
		return problem(http.StatusForbidden, "ROLE", "the role %s has not the right %s", p.role, scope)
	}
	return problem(http.StatusForbidden, "SCOPE", "the token has not the scope %s", scope)
}

type localKey struct{}

// AsLocal marks a request as this machine's administrator's: it needs no token. Only what comes through the socket in the data
// directory may be marked.
func AsLocal(ctx context.Context) context.Context { return context.WithValue(ctx, localKey{}, true) }

// identify finds the principal: by the Authorization header, else by the cookie, else nobody, which only public routes take.
func (a *API) identify(rt Route, c *call) (principal, error) {
	ctx := c.r.Context()
	if ctx.Value(localKey{}) != nil {
		return principal{kind: byLocal, id: "local", key: "local", app: account.AnyApp, scopes: account.Scopes(), role: account.Admin}, nil
	}
	if rt.Public {
		return principal{}, nil
	}
	if header := c.r.Header.Values("Authorization"); len(header) > 0 {
		scheme, secret, ok := strings.Cut(header[0], " ")
		if len(header) > 1 || !ok || !strings.EqualFold(scheme, "Bearer") {
			return principal{}, problem(http.StatusUnauthorized, "TOKEN", "the Authorization header is not of the form Bearer …")
		}
		return a.bearer(ctx, c, strings.TrimSpace(secret))
	}
	if secret := a.cookie(c.r); secret != "" {
		return a.byCookie(ctx, c, secret)
	}
	return principal{}, problem(http.StatusUnauthorized, "LOGIN_REQUIRED", "this needs a token or a login")
}

func (a *API) bearer(ctx context.Context, c *call, secret string) (principal, error) {
	if strings.HasPrefix(secret, account.TokenPrefix) {
		t, err := a.opt.Accounts.TokenBy(ctx, secret)
		if errors.Is(err, engine.ErrNotFound) {
			return principal{}, problem(http.StatusUnauthorized, "TOKEN", "the token is not valid")
		}
		if err != nil {
			return principal{}, err
		}
		p := principal{kind: byToken, id: t.Name, key: t.ID, app: t.App, token: t}
		for _, s := range t.Scopes {
			p.scopes = append(p.scopes, account.Scope(s))
		}
		return p, nil
	}
	session, user, err := a.opt.Accounts.SessionUser(ctx, c.app, secret)
	if errors.Is(err, engine.ErrNotFound) {
		return principal{}, problem(http.StatusUnauthorized, "TOKEN", "the token or session is not valid here")
	}
	if err != nil {
		return principal{}, err
	}
	return principal{kind: byUser, id: user.ID, key: session.ID, app: c.app, user: user, session: session}, nil
}

// byCookie is an account's login. It counts for pages of this server only: another site's request carries no right.
func (a *API) byCookie(ctx context.Context, c *call, secret string) (principal, error) {
	if err := a.cross.Check(c.r); err != nil {
		return principal{}, problem(http.StatusForbidden, "CROSS_ORIGIN", "the request comes from another site")
	}
	acc, session, err := a.opt.Accounts.AccountBy(ctx, secret)
	if errors.Is(err, engine.ErrNotFound) {
		return principal{}, problem(http.StatusUnauthorized, "LOGIN_REQUIRED", "the login has ended")
	}
	if err != nil {
		return principal{}, err
	}
	return principal{
		kind: byAccount, id: acc.Email, key: acc.Email, app: account.AnyApp, scopes: roleScopes[acc.Role], role: acc.Role, session: session,
	}, nil
}

// cookieName is the login cookie's name without TLS; with it the name binds the cookie to this host and to TLS.
const (
	cookieName       = "cuelight"
	secureCookieName = "__Host-cuelight"
)

func (a *API) cookie(r *http.Request) string {
	name := cookieName
	if a.opt.Secure(r) {
		name = secureCookieName
	}
	c, err := r.Cookie(name)
	if err != nil {
		return ""
	}
	return c.Value
}

func (a *API) setCookie(w http.ResponseWriter, r *http.Request, secret string, age int) {
	c := &http.Cookie{Name: cookieName, Value: secret, Path: "/", MaxAge: age, HttpOnly: true, SameSite: http.SameSiteStrictMode}
	if a.opt.Secure(r) {
		c.Name, c.Secure = secureCookieName, true
	}
	http.SetCookie(w, c)
}

// peer is the address of who opened the connection.
func peer(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
