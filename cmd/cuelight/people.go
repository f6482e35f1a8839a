package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"os"
	"strings"
)

type accountCmd struct {
	Create accountCreateCmd `cmd:"" help:"Make an account."`
}

type accountCreateCmd struct {
	remote
	Email         string `arg:"" help:"E-mail address; it is the login name."`
	Role          string `default:"admin" enum:"admin,builder,viewer" help:"What the person may do: admin, builder or viewer."`
	PasswordStdin bool   `name:"password-stdin" help:"Read the password from standard input; left out, one is made and printed."`
}

// Run makes the account.
func (c *accountCreateCmd) Run(ctx context.Context) error {
	cl, err := c.dial(ctx)
	if err != nil {
		return err
	}
	defer cl.finish()
	password, made, err := password(c.PasswordStdin)
	if err != nil {
		return err
	}
	if err := cl.do(ctx, "POST", "/api/v1/accounts", map[string]any{"email": c.Email, "role": c.Role, "password": password}, nil); err != nil {
		return err
	}
	fmt.Printf("account %s made, role %s\n", c.Email, c.Role)
	if made {
		fmt.Println("password:", password)
	}
	return nil
}

type userCmd struct {
	Create userCreateCmd `cmd:"" help:"Make an end user of an app, with a password to log in."`
}

type userCreateCmd struct {
	remote
	App           string `required:"" help:"The app."`
	ID            string `arg:"" help:"The user's id: login name and the UserID of a push."`
	Name          string `help:"The user's name."`
	PasswordStdin bool   `name:"password-stdin" help:"Read the password from standard input; left out, one is made and printed."`
}

// Run makes the user.
func (c *userCreateCmd) Run(ctx context.Context) error {
	cl, err := c.dial(ctx)
	if err != nil {
		return err
	}
	defer cl.finish()
	password, made, err := password(c.PasswordStdin)
	if err != nil {
		return err
	}
	base := "/api/v1/apps/" + url.PathEscape(c.App) + "/users"
	body := map[string]any{"id": c.ID}
	if c.Name != "" {
		body["name"] = c.Name
	}
	if err := cl.do(ctx, "POST", base, body, nil); err != nil {
		return err
	}
	if err := cl.do(ctx, "PUT", base+"/"+url.PathEscape(c.ID)+"/password", map[string]any{"password": password}, nil); err != nil {
		return err
	}
	fmt.Printf("user %s made in app %s\n", c.ID, c.App)
	if made {
		fmt.Println("password:", password)
	}
	return nil
}

type tokenCmd struct {
	Create tokenCreateCmd `cmd:"" help:"Make an API token; it is printed once."`
}

type tokenCreateCmd struct {
	remote
	App   string   `default:"*" help:"The app that it is for, or * for all."`
	Name  string   `default:"command line" help:"What it is for."`
	Scope []string `required:"" help:"What it may do: objects:read, objects:write, push, push:all, runs:read, runs:write, scenarios:read, scenarios:write, users:write, admin."`
}

// Run makes the token.
func (c *tokenCreateCmd) Run(ctx context.Context) error {
	cl, err := c.dial(ctx)
	if err != nil {
		return err
	}
	defer cl.finish()
	var out struct {
		Token string `json:"token"`
	}
	if err := cl.do(ctx, "POST", "/api/v1/tokens", map[string]any{"app": c.App, "name": c.Name, "scopes": c.Scope}, &out); err != nil {
		return err
	}
	fmt.Println(out.Token)
	return nil
}

// password reads one line of standard input, or makes one.
func password(stdin bool) (text string, made bool, err error) {
	if !stdin {
		return rand.Text()[:16], true, nil
	}
	line, err := bufio.NewReader(os.Stdin).ReadString('\n')
	if line = strings.TrimRight(line, "\r\n"); line == "" {
		return "", false, fmt.Errorf("no password on standard input: %w", err)
	}
	return line, false, nil
}
