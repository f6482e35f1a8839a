package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
)

type pushCmd struct {
	remote
	App     string `required:"" help:"The app."`
	To      string `default:"*" help:"* for everybody of the app, or a user's id."`
	Event   string `required:"" help:"Event name."`
	Message string `help:"Message, sent as text."`
}

// Run sends the push and says how many connections are there to get it.
func (c *pushCmd) Run(ctx context.Context) error {
	cl, err := c.dial(ctx)
	if err != nil {
		return err
	}
	defer cl.finish()
	var out struct {
		Offset string `json:"offset"`
		Online int    `json:"online"`
	}
	body := map[string]any{"to": c.To, "event": c.Event, "message": c.Message}
	if err := cl.do(ctx, "POST", "/api/v1/apps/"+url.PathEscape(c.App)+"/push", body, &out); err != nil {
		return err
	}
	fmt.Printf("sent to %s at %s, connections online: %d\n", c.To, out.Offset, out.Online)
	if out.Online == 0 && c.To != "*" {
		c.warnOfStranger(ctx, cl)
	}
	return nil
}

// warnOfStranger says that the app has no user of this id, where whoever pushes may know that: the push waits for a page that never comes.
func (c *pushCmd) warnOfStranger(ctx context.Context, cl *client) {
	err := cl.do(ctx, "GET", "/api/v1/apps/"+url.PathEscape(c.App)+"/users/"+url.PathEscape(c.To), nil, nil)
	if p, is := errors.AsType[*problem](err); is && p.Status == http.StatusNotFound {
		fmt.Printf("note: the app has no user %q\n", c.To)
	}
}
