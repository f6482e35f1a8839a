package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/alecthomas/kong"

	"github.com/cuelight/cuelight/cmd/internal/app"
	"github.com/cuelight/cuelight/cmd/internal/files"
	"github.com/cuelight/cuelight/web/demo"
)

type serveCmd struct {
	Listen     string         `default:"127.0.0.1:8090" help:"Address to serve on."`
	Data       string         `default:"" help:"Directory of everything that is kept (default ./cuelight-data; with --demo a throw-away one)."`
	Database   string         `help:"postgres:// URL; left out, a SQLite file in the data directory."`
	PublicURL  string         `name:"public-url" help:"How clients reach the server, if not by the listen address."`
	SecretKey  string         `name:"secret-key-file" help:"File with the key that secrets are sealed with (default secret.key in the data directory, made on first use). Nodes that share a database need the same key."`
	Demo       bool           `help:"Fill an empty store with the demo and serve its page at /demo/."`
	DemoPublic bool           `name:"demo-public" help:"Let the demo listen beyond loopback: everybody who reaches it may use it."`
	Limit      map[string]int `help:"Limits to set, as requests=1000;sockets=20000; all are listed at /api/v1/limits."`
	LogLevel   string         `name:"log-level" default:"info" enum:"debug,info,warn,error" help:"What to log: debug, info, warn or error."`
}

// Run serves until the program is told to stop.
func (c *serveCmd) Run(ctx context.Context, parsed *kong.Context) error {
	started := time.Now()
	data, remove, err := c.dataDir()
	if err != nil {
		return err
	}
	defer remove()
	cfg := app.Config{
		Listen: c.Listen, Database: c.Database, Data: data, PublicURL: c.PublicURL, Demo: c.Demo, DemoPublic: c.DemoPublic, Log: logger(c.LogLevel),
		Version: version(), SecretKeyFile: c.SecretKey, Settings: settingsOf(parsed, data),
	}
	if c.Demo {
		if cfg.DemoApps, err = demoApps(); err != nil {
			return err
		}
	}
	if err := cfg.SetLimits(c.Limit); err != nil {
		return err
	}
	a, err := app.New(ctx, cfg)
	if err != nil {
		return err
	}
	defer a.Close()
	if err := a.Listen(); err != nil {
		return err
	}
	fmt.Printf("Cuelight %s · %s · %s\n", version(), cfg.StoreName(), c.where(data))
	for _, line := range a.Banner(ctx) {
		fmt.Println(line)
	}
	fmt.Printf("Ready in %.1f s. Ctrl+C stops.\n", time.Since(started).Seconds())
	return a.Serve(ctx)
}

// demoApps are the apps that the demo has beside the shop, from the files that their pages show.
func demoApps() ([][]json.RawMessage, error) {
	var apps [][]json.RawMessage
	for _, name := range demo.Apps {
		documents, err := files.Documents(demo.Documents(name))
		if err != nil {
			return nil, fmt.Errorf("demo app %s: %w", name, err)
		}
		apps = append(apps, documents)
	}
	return apps, nil
}

// dataDir is where to keep things, and what to do with it at the end.
func (c *serveCmd) dataDir() (dir string, remove func(), err error) {
	if c.Data != "" || !c.Demo {
		return orDefault(c.Data), func() {}, nil
	}
	dir, err = os.MkdirTemp("", "cuelight-demo-")
	if err != nil {
		return "", nil, fmt.Errorf("make a throw-away data directory: %w", err)
	}
	return dir, func() { _ = os.RemoveAll(dir) }, nil
}

func (c *serveCmd) where(data string) string {
	if c.Demo && c.Data == "" {
		return "demo data in a temporary folder, deleted on exit"
	}
	return "data in " + data
}

func orDefault(data string) string {
	if data == "" {
		return "cuelight-data"
	}
	return data
}

// logger writes text to a terminal and JSON elsewhere.
func logger(level string) *slog.Logger {
	var l slog.Level
	_ = l.UnmarshalText([]byte(level)) // kong has checked the word
	opts := &slog.HandlerOptions{Level: l}
	if info, err := os.Stderr.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
		return slog.New(slog.NewTextHandler(os.Stderr, opts))
	}
	return slog.New(slog.NewJSONHandler(os.Stderr, opts))
}
