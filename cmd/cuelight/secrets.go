package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"

	"github.com/cuelight/cuelight/engine/secret"
)

type secretCmd struct {
	Set    secretSetCmd    `cmd:"" help:"Set a secret; its value is read from standard input."`
	List   secretListCmd   `cmd:"" help:"List secrets, without their values."`
	Delete secretDeleteCmd `cmd:"" help:"Delete a secret that no published scenario and no run that goes on names."`
}

type secretSetCmd struct {
	remote
	App  string   `required:"" help:"The app."`
	ID   string   `arg:"" help:"The secret's name; HTTP requests read it as secret.<name>."`
	Host []string `placeholder:"api.example.com" help:"The only hosts that it may be sent to; left out, those of before. Without a scheme, https is meant."`
}

// Help says what the short help can not.
func (c *secretSetCmd) Help() string {
	return "The value is one line or several; a line break at its end is left out. It is kept encrypted and never shown again. " +
		"A new host is taken only together with the value, unless an admin adds it. For example: " +
		"printf %s \"$TOKEN\" | cuelight secret set crm --app shop --host api.example.com"
}

// Run sets the secret.
func (c *secretSetCmd) Run(ctx context.Context) error {
	cl, err := c.dial(ctx)
	if err != nil {
		return err
	}
	defer cl.finish()
	text, err := io.ReadAll(io.LimitReader(os.Stdin, secret.MaxBytes+2))
	if err != nil {
		return fmt.Errorf("read standard input: %w", err)
	}
	value := strings.TrimRight(string(text), "\r\n")
	if value == "" {
		return errors.New("no secret on standard input")
	}
	body := map[string]any{"value": value}
	if len(c.Host) > 0 {
		body["hosts"] = c.Host
	}
	if err := cl.do(ctx, "PUT", secretPath(c.App, c.ID), body, nil); err != nil {
		return err
	}
	fmt.Printf("secret %s of app %s is set\n", c.ID, c.App)
	return nil
}

func secretPath(app, id string) string {
	return "/api/v1/apps/" + url.PathEscape(app) + "/secrets/" + url.PathEscape(id)
}

type secretListCmd struct {
	remote
	App string `required:"" help:"The app."`
}

// Run lists the secrets.
func (c *secretListCmd) Run(ctx context.Context) error {
	cl, err := c.dial(ctx)
	if err != nil {
		return err
	}
	defer cl.finish()
	var page struct {
		Items []struct {
			ID         string   `json:"id"`
			Hosts      []string `json:"hosts"`
			Set        bool     `json:"set"`
			Unreadable bool     `json:"unreadable"`
		} `json:"items"`
	}
	if err := cl.do(ctx, "GET", strings.TrimSuffix(secretPath(c.App, ""), "/"), nil, &page); err != nil {
		return err
	}
	for _, s := range page.Items {
		state := "set"
		switch {
		case !s.Set:
			state = "no value yet"
		case s.Unreadable:
			state = "sealed with another key than this server has"
		}
		fmt.Printf("%s\t%s\t%s\n", s.ID, strings.Join(s.Hosts, " "), state)
	}
	return nil
}

type secretDeleteCmd struct {
	remote
	App string `required:"" help:"The app."`
	ID  string `arg:"" help:"The secret's name."`
}

// Run deletes the secret.
func (c *secretDeleteCmd) Run(ctx context.Context) error {
	cl, err := c.dial(ctx)
	if err != nil {
		return err
	}
	defer cl.finish()
	if err := cl.do(ctx, "DELETE", secretPath(c.App, c.ID), nil, nil); err != nil {
		return err
	}
	fmt.Printf("secret %s of app %s is deleted\n", c.ID, c.App)
	return nil
}
