package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"text/tabwriter"
	"time"
)

type runsCmd struct {
	remote
	App      string `required:"" help:"The app."`
	Scenario string `help:"Only runs of this scenario."`
	Status   string `help:"Only runs that stand so: done, failed, waiting, queued, ready, calling, cancelled, merged or not_matched."`
	Object   string `help:"Only runs for the object of this id."`
	Limit    int    `default:"20" help:"How many, 1 to 200."`
}

// Run lists runs, newest first.
func (c *runsCmd) Run(ctx context.Context) error {
	cl, err := c.dial(ctx)
	if err != nil {
		return err
	}
	defer cl.finish()
	query := url.Values{"limit": {strconv.Itoa(c.Limit)}}
	for name, value := range map[string]string{"scenario": c.Scenario, "status": c.Status, "object": c.Object} {
		if value != "" {
			query.Set(name, value)
		}
	}
	var page struct {
		Items []struct {
			Scenario  string    `json:"scenario"`
			Status    string    `json:"status"`
			Structure string    `json:"structure"`
			Object    string    `json:"object"`
			Change    int64     `json:"change"`
			CreatedAt time.Time `json:"created_at"`
			Error     *struct {
				Step    string `json:"step"`
				Code    string `json:"code"`
				Message string `json:"message"`
			} `json:"error"`
		} `json:"items"`
	}
	if err := cl.do(ctx, "GET", "/api/v1/apps/"+url.PathEscape(c.App)+"/runs?"+query.Encode(), nil, &page); err != nil {
		return err
	}
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(out, "STARTED\tSCENARIO\tSTATUS\tOBJECT\tCHANGE\tERROR")
	for _, r := range page.Items {
		change, failure := "-", ""
		if r.Change > 0 {
			change = strconv.FormatInt(r.Change, 10)
		}
		if r.Error != nil {
			failure = fmt.Sprintf("%s %s: %s", r.Error.Step, r.Error.Code, r.Error.Message)
		}
		_, _ = fmt.Fprintf(out, "%s\t%s\t%s\t%s %s\t%s\t%s\n", r.CreatedAt.Local().Format(time.DateTime), r.Scenario, r.Status, r.Structure, r.Object, change, failure)
	}
	return out.Flush()
}

type explainCmd struct {
	remote
	App    string `required:"" help:"The app."`
	Change int64  `arg:"" help:"The number of a change: cuelight runs shows it, and Cuelight-Change in the answer to a write."`
}

// explanation is what the API says of a change.
type explanation struct {
	Change struct {
		Structure string    `json:"structure"`
		Object    string    `json:"object"`
		Kind      string    `json:"kind"`
		Fields    []string  `json:"fields"`
		Who       string    `json:"who"`
		At        time.Time `json:"at"`
	} `json:"change"`
	Scenarios []struct {
		Scenario string `json:"scenario"`
		State    string `json:"state"`
		Triggers []struct {
			ID        string `json:"id"`
			Matches   bool   `json:"matches"`
			Message   string `json:"message"`
			Condition *struct {
				Source string `json:"source"`
				Result *bool  `json:"result"`
				Reads  []struct {
					Path  string          `json:"path"`
					Value json.RawMessage `json:"value"`
				} `json:"reads"`
			} `json:"condition"`
		} `json:"triggers"`
	} `json:"scenarios"`
	Runs []struct {
		ID       string `json:"id"`
		Scenario string `json:"scenario"`
		Status   string `json:"status"`
	} `json:"runs"`
}

// Run says what a change started, and why it did not start the rest.
func (c *explainCmd) Run(ctx context.Context) error {
	cl, err := c.dial(ctx)
	if err != nil {
		return err
	}
	defer cl.finish()
	var e explanation
	if err := cl.do(ctx, "GET", fmt.Sprintf("/api/v1/apps/%s/changes/%d/explain", url.PathEscape(c.App), c.Change), nil, &e); err != nil {
		return err
	}
	fmt.Printf("change %d: %s %s %s by %s at %s, fields %v\n", c.Change, e.Change.Structure, e.Change.Object, e.Change.Kind, e.Change.Who, e.Change.At.Local().Format(time.DateTime), e.Change.Fields)
	ran := map[string]string{}
	for _, r := range e.Runs {
		ran[r.Scenario] = fmt.Sprintf("started run %s, which is %s", r.ID, r.Status)
	}
	for _, s := range e.Scenarios {
		how := "started nothing"
		if ran[s.Scenario] != "" {
			how = ran[s.Scenario]
		}
		fmt.Printf("%s (%s) %s\n", s.Scenario, s.State, how)
		for _, t := range s.Triggers {
			if t.Message != "" {
				fmt.Printf("  %s: %s\n", t.ID, t.Message)
			}
			if t.Condition == nil {
				continue
			}
			result := "not known"
			if t.Condition.Result != nil {
				result = strconv.FormatBool(*t.Condition.Result)
			}
			fmt.Printf("  %s: %s is %s\n", t.ID, t.Condition.Source, result)
			for _, read := range t.Condition.Reads {
				fmt.Printf("    %s = %s\n", read.Path, read.Value)
			}
		}
	}
	return nil
}
