package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/cuelight/cuelight/engine"
)

// AdminSocket is the file in the data directory through which this machine's administrator reaches a running server.
const AdminSocket = "admin.sock"

// Banner is what to tell at start: where things are, each on its own line.
func (a *App) Banner(ctx context.Context) []string {
	var lines []string
	if link, err := a.Accounts.SetupLink(ctx); err == nil && link != "" {
		url := a.URL() + "/setup/" + link
		lines = append(lines, "Set-up      "+url+"   (one-time link, 24 hours)")
		if err := os.WriteFile(filepath.Join(a.cfg.Data, "setup-url"), []byte(url+"\n"), 0o600); err != nil {
			a.log.Warn("write set-up link", "err", err)
		}
	}
	if a.cfg.Demo {
		lines = append(lines, "Demo page   "+a.URL()+"/demo/", "API token   "+a.demoToken, "app_id      "+string(demoApp))
		lines = append(lines, a.demoApps(ctx)...)
	} else {
		lines = append(lines, "Server      "+a.URL()+"/")
	}
	return append(lines, "Help        "+a.URL()+"/help/")
}

// demoApps tells where the demo's apps are, of those that this data directory has.
func (a *App) demoApps(ctx context.Context) []string {
	var lines []string
	for _, app := range []struct {
		id    engine.AppID
		title string
	}{{boardApp, "Status board  "}, {messengerApp, "Messenger   "}} {
		if _, err := a.Engine.App(ctx, app.id); err == nil {
			lines = append(lines, app.title+a.URL()+"/demo/"+string(app.id)+"/")
		}
	}
	return lines
}

// Serve answers until ctx ends, and then stops in order: not ready, no new requests, sockets closed, what is under way finished.
func (a *App) Serve(ctx context.Context) error {
	if a.listener == nil {
		if err := a.Listen(); err != nil {
			return err
		}
	}
	handler := a.Handler(false)
	public := a.web.HTTPServer(handler)
	local := a.web.HTTPServer(a.Handler(true))
	ended := make(chan error, 2)
	a.group.Go("http", func() { ended <- public.Serve(a.listener) })
	a.group.Go("admin socket", func() { ended <- local.Serve(a.admin) })
	var err error
	select {
	case <-ctx.Done():
	case err = <-ended:
	}
	a.web.Drain()
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownFor)
	defer cancel()
	if e := a.Live.Close(stop); e != nil {
		a.log.Warn("close sockets", "err", e)
	}
	for _, s := range []*http.Server{public, local} {
		if e := s.Shutdown(stop); e != nil {
			_ = s.Close()
		}
	}
	if errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	return err
}

// shutdownFor is how long requests under way may take at the end (guarantees G19).
const shutdownFor = 25 * time.Second

func (a *App) listenAdmin() (net.Listener, error) {
	path := filepath.Join(a.cfg.Data, AdminSocket)
	// The store's lock says that no other server has this directory, so a socket that is there was left by one that died.
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("admin socket: %w", err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("admin socket: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		_ = l.Close()
		return nil, fmt.Errorf("admin socket: %w", err)
	}
	return l, nil
}
