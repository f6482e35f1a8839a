package api

import (
	"context"
	"net/http"
	"time"

	"github.com/cuelight/cuelight/engine"
	"github.com/cuelight/cuelight/engine/account"
)

type loginBody struct {
	Email    string `json:"email"`
	Password string `json:"password"`
}

func (a *API) login(ctx context.Context, c *call, _ *struct{}, body *loginBody) (*identityOut, error) {
	if err := a.cross.Check(c.r); err != nil {
		return nil, problem(http.StatusForbidden, "CROSS_ORIGIN", "the request comes from another site")
	}
	secret, acc, err := a.opt.Accounts.Login(ctx, body.Email, body.Password, a.opt.Address(c.r))
	if err != nil {
		return nil, err
	}
	a.setCookie(c.w, c.r, secret, int(a.opt.Accounts.Limits().SessionAbsolute/time.Second))
	c.who = principal{kind: byAccount, id: acc.Email, app: account.AnyApp, role: acc.Role, scopes: roleScopes[acc.Role]}
	return a.identity(c), nil
}

// SignIn logs an account in for a page that is no part of the API: it sets the cookie of a new session.
func (a *API) SignIn(w http.ResponseWriter, r *http.Request, email, password string) error {
	secret, _, err := a.opt.Accounts.Login(r.Context(), email, password, a.opt.Address(r))
	if err != nil {
		return err
	}
	a.setCookie(w, r, secret, int(a.opt.Accounts.Limits().SessionAbsolute/time.Second))
	return nil
}

func (a *API) getSession(_ context.Context, c *call, _ *struct{}, _ *none) (*identityOut, error) {
	return a.identity(c), nil
}

func (a *API) logout(ctx context.Context, c *call, _ *struct{}, _ *none) (*struct{}, error) {
	if c.who.kind != byAccount {
		return nil, problem(http.StatusForbidden, "NO_LOGIN", "only an account can log out; delete a token instead")
	}
	if err := a.opt.Accounts.Revoke(ctx, "", c.who.session.ID); err != nil {
		return nil, err
	}
	a.setCookie(c.w, c.r, "", -1)
	return nil, nil
}

type accountsIn struct{ PageQuery }

func (a *API) listAccounts(ctx context.Context, _ *call, in *accountsIn, _ *none) (*pageOut[account.Account], error) {
	limit, err := a.pageLimit(in.Limit)
	if err != nil {
		return nil, err
	}
	list, err := a.opt.Accounts.Accounts(ctx, in.Cursor, limit)
	if err != nil {
		return nil, err
	}
	out := &pageOut[account.Account]{Body: page[account.Account]{Items: list}}
	if len(list) == limit {
		out.Body.Next = list[limit-1].Email
	}
	return out, nil
}

type accountBody struct {
	Email    string       `json:"email"`
	Password string       `json:"password"`
	Role     account.Role `json:"role" enum:"admin,builder,viewer"`
}

type accountOut struct{ Body account.Account }

func (a *API) createAccount(ctx context.Context, _ *call, _ *struct{}, body *accountBody) (*accountOut, error) {
	if err := checkPassword(body.Password); err != nil {
		return nil, err
	}
	acc, err := a.opt.Accounts.CreateAccount(ctx, body.Email, body.Password, body.Role)
	if err != nil {
		return nil, err
	}
	return &accountOut{acc}, nil
}

type accountIn struct {
	Email string `path:"email" doc:"The account's e-mail."`
}

func (a *API) getAccount(ctx context.Context, _ *call, in *accountIn, _ *none) (*accountOut, error) {
	acc, err := a.opt.Accounts.Account(ctx, in.Email)
	if err != nil {
		return nil, err
	}
	return &accountOut{acc}, nil
}

type accountChange struct {
	Role     *account.Role `json:"role,omitempty" enum:"admin,builder,viewer"`
	Disabled *bool         `json:"disabled,omitempty"`
	Password *string       `json:"password,omitempty"`
}

func (a *API) changeAccount(ctx context.Context, _ *call, in *accountIn, body *accountChange) (*accountOut, error) {
	if body.Password != nil {
		if err := checkPassword(*body.Password); err != nil {
			return nil, err
		}
	}
	acc, err := a.opt.Accounts.ChangeAccount(ctx, in.Email, account.Change{Role: body.Role, Disabled: body.Disabled, Password: body.Password})
	if err != nil {
		return nil, err
	}
	return &accountOut{acc}, nil
}

func (a *API) deleteAccount(ctx context.Context, _ *call, in *accountIn, _ *none) (*struct{}, error) {
	return nil, a.opt.Accounts.DeleteAccount(ctx, in.Email)
}

type listTokensIn struct {
	PageQuery
	App string `query:"app" doc:"Only of this app."`
}

func (a *API) listTokens(ctx context.Context, _ *call, in *listTokensIn, _ *none) (*pageOut[account.Token], error) {
	limit, err := a.pageLimit(in.Limit)
	if err != nil {
		return nil, err
	}
	list, err := a.opt.Accounts.Tokens(ctx, engine.AppID(in.App), in.Cursor, limit)
	if err != nil {
		return nil, err
	}
	out := &pageOut[account.Token]{Body: page[account.Token]{Items: list}}
	if len(list) == limit {
		out.Body.Next = list[limit-1].ID
	}
	return out, nil
}

type tokenBody struct {
	Name      string       `json:"name"`
	App       engine.AppID `json:"app" doc:"The app that the token is for, or * for all."`
	Scopes    []string     `json:"scopes" nullable:"false"`
	ExpiresAt time.Time    `json:"expires_at,omitzero" doc:"When it ends; absent: never."`
}

type tokenOut struct {
	Body struct {
		Token string `json:"token" doc:"The token itself; it is not shown again."`
		ID    string `json:"id"`
	}
}

func (a *API) createToken(ctx context.Context, c *call, _ *struct{}, body *tokenBody) (*tokenOut, error) {
	secret, err := a.opt.Accounts.CreateToken(ctx, account.Token{
		Name: body.Name, App: body.App, Scopes: body.Scopes, By: c.who.id, ExpiresAt: body.ExpiresAt,
	})
	if err != nil {
		return nil, err
	}
	t, err := a.opt.Accounts.TokenBy(ctx, secret)
	if err != nil {
		return nil, err
	}
	out := &tokenOut{}
	out.Body.Token, out.Body.ID = secret, t.ID
	return out, nil
}

type tokenIn struct {
	ID string `path:"id" doc:"The token's id, as in the list."`
}

func (a *API) deleteToken(ctx context.Context, _ *call, in *tokenIn, _ *none) (*struct{}, error) {
	return nil, a.opt.Accounts.DeleteToken(ctx, in.ID)
}
