package api

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/cuelight/cuelight/engine"
	"github.com/cuelight/cuelight/engine/account"
)

// UserPath names a user. It is exported because huma looks at exported embedded structs only.
type UserPath struct {
	App string `path:"app" doc:"The app's id."`
	ID  string `path:"id" doc:"The user's id, which is the login name."`
}

func (p UserPath) object() ObjectPath { return ObjectPath{p.App, engine.UserStructure, p.ID} }

type listUsersIn struct {
	AppPath
	ListQuery
}

func (a *API) listUsers(ctx context.Context, c *call, in *listUsersIn, _ *none) (*pageOut[document], error) {
	return a.objectsOf(ctx, c, engine.UserStructure, in.ListQuery)
}

type createUserIn struct {
	AppPath
	WriteQuery
}

func (a *API) createUser(ctx context.Context, c *call, in *createUserIn, body *document) (*objectOut, error) {
	return a.create(ctx, c, engine.UserStructure, in.WriteQuery, *body)
}

type userIn struct{ UserPath }

func (a *API) getUser(ctx context.Context, c *call, in *userIn, _ *none) (*objectOut, error) {
	return a.objectBy(ctx, c, engine.UserStructure, in.ID)
}

type changeUserIn struct {
	UserPath
	WriteQuery
}

func (a *API) changeUser(ctx context.Context, c *call, in *changeUserIn, body *document) (*objectOut, error) {
	return a.patch(ctx, c, in.object(), in.WriteQuery, *body)
}

func (a *API) deleteUser(ctx context.Context, c *call, in *changeUserIn, _ *none) (*objectOut, error) {
	return a.remove(ctx, c, in.object(), in.WriteQuery)
}

// endUser forgets password and sessions of a user that was deleted, and the sessions of one that was disabled. Both have lost their
// rights by the write itself; this tidies up.
func (a *API) endUser(ctx context.Context, c *call, done engine.Written, w engine.Write) error {
	o := done.Object
	if w.Structure != engine.UserStructure || w.Kind == engine.WriteCreate {
		return nil
	}
	if w.Kind == engine.WriteDelete {
		if done.Replayed && o != nil {
			return nil // a later user has the id
		}
		return a.opt.Accounts.Forget(ctx, c.app, w.ID)
	}
	var user account.User
	if _, named := w.Fields["disabled"]; !named || o == nil {
		return nil
	}
	if err := json.Unmarshal(o.Data, &user); err != nil || !user.Disabled {
		return err
	}
	return a.opt.Accounts.RevokeUser(ctx, c.app, w.ID)
}

type passwordBody struct {
	Password string `json:"password" doc:"The new password."`
}

func (a *API) setPassword(ctx context.Context, c *call, in *userIn, body *passwordBody) (*struct{}, error) {
	if err := checkPassword(body.Password); err != nil {
		return nil, err
	}
	return nil, a.opt.Accounts.SetPassword(ctx, c.app, in.ID, body.Password)
}

func checkPassword(password string) error {
	if len(password) >= MinPassword {
		return nil
	}
	p := wrongField("password", "PASSWORD", fmt.Sprintf("must have at least %d characters", MinPassword))
	p.Limit, p.Fields[0].Limit = "password_chars", "password_chars"
	return p
}

type loginUserBody struct {
	User     string `json:"user" doc:"The user's id."`
	Password string `json:"password"`
}

type loginUserOut struct {
	Body struct {
		SessionID string `json:"session_id" doc:"What clients send as auth.session_id; it is not shown again."`
		User      string `json:"user"`
		Name      string `json:"name,omitempty"`
		Role      string `json:"role,omitempty"`
	}
}

func (a *API) loginUser(ctx context.Context, c *call, _ *appIn, body *loginUserBody) (*loginUserOut, error) {
	secret, user, err := a.opt.Accounts.LoginUser(ctx, c.app, body.User, body.Password, a.opt.Address(c.r))
	if err != nil {
		return nil, err
	}
	out := &loginUserOut{}
	out.Body.SessionID, out.Body.User, out.Body.Name, out.Body.Role = secret, user.ID, user.Name, user.Role
	return out, nil
}

type listSessionsIn struct {
	AppPath
	PageQuery
	User string `query:"user" doc:"Only of this user."`
}

func (a *API) listSessions(ctx context.Context, c *call, in *listSessionsIn, _ *none) (*pageOut[account.Session], error) {
	limit, err := a.pageLimit(in.Limit)
	if err != nil {
		return nil, err
	}
	list, err := a.opt.Accounts.Sessions(ctx, c.app, in.User, in.Cursor, limit)
	if err != nil {
		return nil, err
	}
	out := &pageOut[account.Session]{Body: page[account.Session]{Items: list}}
	if len(list) == limit {
		out.Body.Next = list[limit-1].ID
	}
	return out, nil
}

type sessionIn struct {
	App string `path:"app" doc:"The app's id."`
	ID  string `path:"id" doc:"The session's id, as in the list: not the session_id itself."`
}

func (a *API) revokeSession(ctx context.Context, c *call, in *sessionIn, _ *none) (*struct{}, error) {
	return nil, a.opt.Accounts.Revoke(ctx, c.app, in.ID)
}

// identity is who asks.
type identity struct {
	Kind   string          `json:"kind" enum:"user,account,token,local"`
	ID     string          `json:"id" doc:"The user's id, the account's e-mail or the token's name."`
	App    engine.AppID    `json:"app" doc:"The only app that is open to it, or *."`
	Role   string          `json:"role,omitempty"`
	Scopes []account.Scope `json:"scopes,omitempty"`
	User   document        `json:"user,omitempty" doc:"The user's object."`
	// ExpiresAt is the end of the session if it is not used any more.
	ExpiresAt *time.Time `json:"expires_at,omitempty"`
}

type identityOut struct{ Body identity }

func (a *API) me(ctx context.Context, c *call, _ *appIn, _ *none) (*identityOut, error) {
	out := a.identity(c)
	if c.who.kind != byUser {
		return out, nil
	}
	object, err := a.objectBy(ctx, c, engine.UserStructure, c.who.user.ID)
	if err != nil {
		return nil, err
	}
	out.Body.User = object.Body
	return out, nil
}

func (a *API) identity(c *call) *identityOut {
	out := &identityOut{identity{Kind: c.who.kind, ID: c.who.id, App: c.who.app, Role: string(c.who.role), Scopes: c.who.scopes}}
	switch c.who.kind {
	case byUser:
		out.Body.Role = c.who.user.Role
		out.Body.ExpiresAt = maybe(c.who.session.ExpiresAt)
	case byAccount:
		out.Body.ExpiresAt = maybe(c.who.session.ExpiresAt)
	case byToken:
		out.Body.ExpiresAt = maybe(c.who.token.ExpiresAt)
	}
	return out
}
