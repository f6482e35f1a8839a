// Package app wires the program together: store, engine, push and web, started and stopped in the right order.
package app

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/cuelight/cuelight/engine"
	"github.com/cuelight/cuelight/engine/account"
	"github.com/cuelight/cuelight/engine/secret"
	"github.com/cuelight/cuelight/engine/task"
	"github.com/cuelight/cuelight/steps"
	"github.com/cuelight/cuelight/store"
	"github.com/cuelight/cuelight/triggers"
	"github.com/cuelight/cuelight/web"
	"github.com/cuelight/cuelight/web/api"
	"github.com/cuelight/cuelight/web/live"
)

// Config is what a server is started with.
type Config struct {
	// Listen is the address to serve on, such as 127.0.0.1:8090; port 0 picks a free one.
	Listen string
	// Database is a postgres:// URL; empty means a SQLite file in Data.
	Database string
	// Data is the directory of everything that is kept in files.
	Data string
	// SecretKeyFile holds the key of secrets; empty means secret.key in Data.
	SecretKeyFile string
	// PublicURL is how clients reach the server; empty means the address that it listens on.
	PublicURL string
	// Demo fills an empty store with the demo and serves its page.
	Demo bool
	// DemoApps are the documents of the apps that the demo has beside the shop: of each the app, its structures and its scenarios, in an order
	// in which they can be made.
	DemoApps [][]json.RawMessage
	// DemoPublic says that whoever can reach the server may use the demo; its token is then not shown on the page.
	DemoPublic bool
	// Settings are what /api/v1/settings says.
	Settings []api.Setting
	// Version is what /api/v1/version says.
	Version string
	Live    live.Limits
	Web     web.Limits
	// Logins are the limits of logins.
	Logins account.Limits
	Log    *slog.Logger
}

// StoreName is what the store is called.
func (c *Config) StoreName() string {
	if c.Database != "" {
		return "PostgreSQL"
	}
	return "SQLite"
}

// App is a server with everything that belongs to it.
type App struct {
	Store    engine.Store
	Engine   *engine.Engine
	Accounts *account.Service
	Live     *live.Server

	// sockets is Live for the engine's goroutines, which run before it is made.
	sockets atomic.Pointer[live.Server]
	// reports carries what the sockets count to the engine.
	reports *reporter

	cfg       Config
	log       *slog.Logger
	web       *web.Server
	listener  net.Listener
	network   *steps.Network
	admin     net.Listener
	group     *task.Group
	demoToken string
}

// New opens the store and makes a server that is ready to run. Close it, or let Run do so.
func New(ctx context.Context, cfg Config) (*App, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	a := &App{cfg: cfg, log: cfg.Log, group: task.New(cfg.Log)}
	if err := a.open(ctx); err != nil {
		a.Close()
		return nil, err
	}
	return a, nil
}

func (a *App) open(ctx context.Context) error {
	if err := os.MkdirAll(a.cfg.Data, 0o700); err != nil {
		return fmt.Errorf("make data directory: %w", err)
	}
	url := a.cfg.Database
	if url == "" {
		url = filepath.Join(a.cfg.Data, "cuelight.db")
	}
	key, err := SecretKey(a.cfg.Data, a.cfg.SecretKeyFile)
	if err != nil {
		return err
	}
	box, err := secret.NewBox(key)
	if err != nil {
		return err
	}
	a.network = steps.NewNetwork(a.own)
	if a.Store, err = store.Open(ctx, url, store.Options{}); err != nil {
		return err
	}
	a.Engine = engine.New(a.Store, engine.Options{
		Kinds: engine.Kinds{Steps: steps.All(), Triggers: triggers.All()}, Log: a.log,
		Outlet: a.pushed, Ended: a.ended, Services: a.network, Secrets: box,
	})
	if err := a.Engine.Start(ctx); err != nil {
		return err
	}
	a.Accounts = account.New(account.Options{
		Engine: a.Engine, Store: a.Store, Ended: a.ended, Limits: a.cfg.Logins,
	})
	signing, err := a.instanceKey(ctx)
	if err != nil {
		return err
	}
	a.reports = newReporter(a.group.Go, a.Engine.Deliveries, a.log)
	a.Live = live.New(live.Options{
		Log: pushLog{a.Store}, Door: door{a}, Key: signing, Limits: a.cfg.Live, Logger: a.log, Go: a.group.Go, Report: a.reports.take,
		Feed: a.Engine.Feed(), Accounts: logins{a.Accounts},
	})
	a.sockets.Store(a.Live)
	if a.cfg.Demo {
		if err := a.seed(ctx); err != nil {
			return err
		}
		if a.demoToken, err = a.keepDemoToken(ctx); err != nil {
			return err
		}
	}
	return nil
}

// own are the addresses that this server listens on: no scenario may reach them.
func (a *App) own() []netip.AddrPort {
	if a.listener == nil {
		return nil
	}
	addr, err := netip.ParseAddrPort(a.listener.Addr().String())
	if err != nil {
		return nil
	}
	return []netip.AddrPort{addr}
}

// pushed hands committed pushes to the sockets of this node.
func (a *App) pushed(pushes []*engine.Push) {
	sockets := a.sockets.Load()
	if sockets == nil {
		return // nobody is connected before the server is made; the ring is then filled from the log
	}
	out := make([]engine.Push, len(pushes))
	for i, p := range pushes {
		out[i] = *p
	}
	sockets.Pushed(out)
}

func (a *App) ended(r engine.Revocation) {
	sockets := a.sockets.Load()
	switch {
	case sockets == nil:
	case r.Session != "":
		sockets.Revoke(r.App, r.Session)
	default:
		sockets.RevokeUser(r.App, engine.UserID(r.User))
	}
}

// instanceKey is the secret that signs what clients carry over a restart. It lies in the store, since all nodes of it must agree.
func (a *App) instanceKey(ctx context.Context) ([]byte, error) {
	const kind, id = engine.RecordKind("instance"), "key"
	fresh := make([]byte, 32)
	if _, err := rand.Read(fresh); err != nil {
		return nil, err
	}
	rec, err := a.Engine.Update(ctx, "", kind, id, false, func(old *engine.Record, _ time.Time) (*engine.Record, error) {
		if old != nil {
			return nil, nil
		}
		body, err := json.Marshal(base64.StdEncoding.EncodeToString(fresh))
		return &engine.Record{Body: body}, err
	})
	if err != nil {
		return nil, fmt.Errorf("read instance key: %w", err)
	}
	var text string
	if err := json.Unmarshal(rec.Body, &text); err != nil {
		return nil, fmt.Errorf("read instance key: %w", err)
	}
	return base64.StdEncoding.DecodeString(text)
}

// keepDemoToken gives the demo's API token: the one in DATA/demo-token while it is good, else a new one.
func (a *App) keepDemoToken(ctx context.Context) (string, error) {
	path := filepath.Join(a.cfg.Data, "demo-token")
	if old, err := os.ReadFile(path); err == nil {
		if _, err := a.Accounts.TokenBy(ctx, strings.TrimSpace(string(old))); err == nil {
			return strings.TrimSpace(string(old)), nil
		}
	}
	scopes := []string{"objects:read", "objects:write", "push", "push:all", "runs:read"}
	token, err := a.Accounts.CreateToken(ctx, account.Token{Name: "demo", App: demoApp, Scopes: scopes})
	if err != nil {
		return "", fmt.Errorf("make demo token: %w", err)
	}
	return token, os.WriteFile(path, []byte(token+"\n"), 0o600)
}

// Listen takes the address and the admin socket; from now on URL is known, and what comes waits until Serve answers it.
func (a *App) Listen() error {
	if a.cfg.Demo && !a.cfg.DemoPublic && !loopback(a.cfg.Listen) {
		return fmt.Errorf("the demo has known passwords and listens on loopback only; %s is not (add --demo-public if everybody who reaches it may use it)", a.cfg.Listen)
	}
	var err error
	if a.listener, err = net.Listen("tcp", a.cfg.Listen); err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	if a.admin, err = a.listenAdmin(); err != nil {
		_ = a.listener.Close()
		return err
	}
	return nil
}

func loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// URL is how clients reach the server, without a slash at its end.
func (a *App) URL() string {
	if a.cfg.PublicURL != "" {
		return strings.TrimSuffix(a.cfg.PublicURL, "/")
	}
	if a.listener == nil {
		return ""
	}
	addr := a.listener.Addr().(*net.TCPAddr)
	host := addr.IP.String()
	if addr.IP.IsUnspecified() || addr.IP.IsLoopback() && addr.IP.To4() != nil {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, fmt.Sprint(addr.Port))
}

// Handler is everything that the server answers; admin requests pass as an administrator's without a token.
func (a *App) Handler(admin bool) http.Handler {
	if a.web == nil {
		a.web = web.New(a.webOptions())
	}
	if admin {
		return a.web.AdminHandler()
	}
	return a.web.Handler()
}

// Close ends everything in the order in which it hangs together: clients first, then what was counted of them, then runs, then the store.
func (a *App) Close() {
	if a.Live != nil {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		if err := a.Live.Close(ctx); err != nil {
			a.log.Warn("close sockets", "err", err)
		}
		cancel()
	}
	if a.reports != nil {
		a.reports.close()
	}
	if a.Engine != nil {
		a.Engine.Close()
	}
	a.group.Wait()
	if a.network != nil {
		a.network.Close()
	}
	if a.Store != nil {
		if err := a.Store.Close(); err != nil {
			a.log.Warn("close store", "err", err)
		}
	}
}

// pushLog lets the sockets read the push log of the store.
type pushLog struct{ store engine.Store }

func (l pushLog) PushHead(ctx context.Context, app engine.AppID) (engine.PushHead, error) {
	head, err := l.store.PushHead(ctx, app)
	if errors.Is(err, engine.ErrNotFound) {
		return engine.PushHead{}, nil
	}
	return head, err
}

func (l pushLog) Pushes(ctx context.Context, app engine.AppID, after int64, limit int) ([]engine.Push, error) {
	return l.store.Pushes(ctx, app, after, time.Time{}, limit)
}

func (l pushLog) RecentPushes(ctx context.Context, app engine.AppID, w live.Window) (live.Recent, error) {
	tail, err := l.store.PushTail(ctx, app, w.Since, w.Pushes, w.Bytes)
	if err != nil {
		return live.Recent{}, err
	}
	return live.Recent{Head: tail.Head, Pushes: tail.Pushes, Last: tail.Last, Floor: tail.Floor}, nil
}

// door lets visitors in: app, session and origin are judged here, for every connect and reconnect.
type door struct{ a *App }

func (d door) Admit(ctx context.Context, id engine.AppID, session, origin string) (live.Visitor, error) {
	app, err := d.a.Engine.App(ctx, id)
	if errors.Is(err, engine.ErrNotFound) {
		return live.Visitor{}, &live.Refusal{Code: live.CodeAppUnknown, Message: "There is no app with this app_id."}
	}
	if err != nil {
		return live.Visitor{}, err
	}
	if len(app.Origins) > 0 && !allowed(app.Origins, origin) {
		return live.Visitor{}, &live.Refusal{Code: live.CodeOriginRefused, Message: "Pages of this origin may not connect to the app."}
	}
	if session == "" {
		if !app.Guests {
			return live.Visitor{}, &live.Refusal{Code: live.CodeSessionExpired, Message: "The app admits no guests: log in and give session_id."}
		}
		return live.Visitor{App: id}, nil
	}
	s, err := d.a.Accounts.SessionBy(ctx, id, session)
	if errors.Is(err, engine.ErrNotFound) || errors.Is(err, engine.ErrForbidden) {
		return live.Visitor{}, &live.Refusal{Code: live.CodeSessionExpired, Message: "The session has ended: log in again."}
	}
	if err != nil {
		return live.Visitor{}, err
	}
	return live.Visitor{App: id, User: engine.UserID(s.User), Session: s.ID}, nil
}

// logins tells the sockets which logins of accounts still stand.
type logins struct{ accounts *account.Service }

func (l logins) Standing(ctx context.Context, session string) (string, error) {
	acc, err := l.accounts.Standing(ctx, session)
	return string(acc.Role), err
}

func allowed(origins []string, origin string) bool {
	for _, o := range origins {
		if strings.EqualFold(o, origin) {
			return true
		}
	}
	return false
}

func (a *App) webOptions() web.Options {
	o := web.Options{
		Engine: a.Engine, Store: a.Store, Accounts: a.Accounts, Kinds: engine.Kinds{Steps: steps.All(), Triggers: triggers.All()},
		Live: a.Live.Handler(), Presence: a.Live, Console: a.Live, PrivateHosts: steps.CheckPrivateHosts, Log: a.log, Version: a.cfg.Version, Limits: a.cfg.Web, Shown: a.cfg.shown(), StoreName: a.cfg.StoreName(), Settings: a.cfg.Settings,
		TLS: strings.HasPrefix(a.cfg.PublicURL, "https://"),
	}
	if a.cfg.Demo {
		o.Extra = map[string]http.Handler{"/demo/": a.demoHandler()}
	}
	return o
}
