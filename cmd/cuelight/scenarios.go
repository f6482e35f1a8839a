package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"text/tabwriter"
)

type scenarioCmd struct {
	List  scenarioListCmd  `cmd:"" help:"List the scenarios of an app and how they stand."`
	Start scenarioStartCmd `cmd:"" help:"Start a published scenario."`
	Pause scenarioPauseCmd `cmd:"" help:"Pause a scenario: changes queue, nothing advances."`
	Stop  scenarioStopCmd  `cmd:"" help:"Stop a scenario: its open runs are cancelled."`
}

type scenarioListCmd struct {
	remote
	App string `required:"" help:"The app."`
}

// Run lists the scenarios.
func (c *scenarioListCmd) Run(ctx context.Context) error {
	cl, err := c.dial(ctx)
	if err != nil {
		return err
	}
	defer cl.finish()
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(out, "ID\tSTATE\tVERSION\tNAME")
	after := ""
	for {
		var page struct {
			Items []struct {
				ID          string `json:"id"`
				State       string `json:"state"`
				Version     int64  `json:"version"`
				Unpublished bool   `json:"unpublished"`
				Name        string `json:"name"`
			} `json:"items"`
			Next string `json:"next"`
		}
		if err := cl.do(ctx, "GET", scenarioPath(c.App, "")+"?cursor="+url.QueryEscape(after), nil, &page); err != nil {
			return err
		}
		for _, s := range page.Items {
			draft := ""
			if s.Unpublished {
				draft = " and a draft"
			}
			_, _ = fmt.Fprintf(out, "%s\t%s\t%d%s\t%s\n", s.ID, s.State, s.Version, draft, s.Name)
		}
		if page.Next == "" {
			return out.Flush()
		}
		after = page.Next
	}
}

type scenarioStateCmd struct {
	remote
	App string `required:"" help:"The app."`
	ID  string `arg:"" help:"The scenario."`
}

type (
	scenarioStartCmd struct{ scenarioStateCmd }
	scenarioPauseCmd struct{ scenarioStateCmd }
	scenarioStopCmd  struct{ scenarioStateCmd }
)

// Run starts the scenario.
func (c *scenarioStartCmd) Run(ctx context.Context) error { return c.set(ctx, "start") }

// Run pauses the scenario.
func (c *scenarioPauseCmd) Run(ctx context.Context) error { return c.set(ctx, "pause") }

// Run stops the scenario.
func (c *scenarioStopCmd) Run(ctx context.Context) error { return c.set(ctx, "stop") }

func (c *scenarioStateCmd) set(ctx context.Context, how string) error {
	cl, err := c.dial(ctx)
	if err != nil {
		return err
	}
	defer cl.finish()
	var is struct {
		State string `json:"state"`
	}
	if err := cl.do(ctx, "POST", scenarioPath(c.App, c.ID)+"/"+how, nil, &is); err != nil {
		return err
	}
	fmt.Printf("scenario %s of app %s is %s\n", c.ID, c.App, is.State)
	return nil
}

func scenarioPath(app, id string) string {
	path := "/api/v1/apps/" + url.PathEscape(app) + "/scenarios"
	if id != "" {
		path += "/" + url.PathEscape(id)
	}
	return path
}
