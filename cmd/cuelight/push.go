package main

import (
	"context"
	"fmt"
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
	return nil
}
