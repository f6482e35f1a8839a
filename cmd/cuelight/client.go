package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/cuelight/cuelight/cmd/internal/app"
	"github.com/cuelight/cuelight/engine"
)

// remote says which server a command talks to: one at a URL with a token, else the one that runs on this machine's data directory,
// else, when none runs there, the store itself under its lock.
type remote struct {
	URL      string `name:"url" env:"CUELIGHT_URL" help:"Server to talk to; left out, the one of the data directory."`
	Token    string `name:"token" env:"CUELIGHT_TOKEN" help:"API token for --url."`
	Data     string `default:"" help:"Data directory (default ./cuelight-data)."`
	Database string `help:"postgres:// URL, when no server runs and the data is there."`
}

// client is an HTTP client of the API, wherever it is.
type client struct {
	base   string
	token  string
	http   *http.Client
	finish func()
}

func (r remote) dial(ctx context.Context) (*client, error) {
	if r.URL != "" {
		if r.Token == "" {
			return nil, errors.New("--url needs --token or CUELIGHT_TOKEN")
		}
		return &client{base: strings.TrimSuffix(r.URL, "/"), token: r.Token, http: &http.Client{Timeout: time.Minute}, finish: func() {}}, nil
	}
	data := orDefault(r.Data)
	socket := filepath.Join(data, app.AdminSocket)
	if conn, err := net.DialTimeout("unix", socket, time.Second); err == nil {
		_ = conn.Close()
		dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		}
		return &client{base: "http://cuelight", http: &http.Client{Timeout: time.Minute, Transport: &http.Transport{DialContext: dial}}, finish: func() {}}, nil
	}
	if r.Database == "" {
		if _, err := os.Stat(filepath.Join(data, "cuelight.db")); err != nil {
			return nil, fmt.Errorf("no server runs on %s and it holds no data: start one with `cuelight serve`, or name one with --url or --data", data)
		}
	}
	a, err := app.New(ctx, app.Config{Data: data, Database: r.Database, SecretKeyFile: os.Getenv(app.SecretKeyEnv)})
	if err != nil {
		return nil, err
	}
	return &client{base: "http://cuelight", http: &http.Client{Transport: direct{a.Handler(true)}}, finish: a.Close}, nil
}

// direct answers requests by a handler of this process.
type direct struct{ handler http.Handler }

// RoundTrip carries a request out.
func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	rec := httptest.NewRecorder()
	r.RequestURI = r.URL.RequestURI()
	if r.Body == nil {
		r.Body = http.NoBody
	}
	d.handler.ServeHTTP(rec, r)
	return rec.Result(), nil
}

// problem is an error answer of the API.
type problem struct {
	Title  string              `json:"title"`
	Detail string              `json:"detail"`
	Cure   string              `json:"cure"`
	Status int                 `json:"status"`
	Fields []engine.FieldError `json:"fields"`
}

// Code is the HTTP status.
func (p *problem) Code() int { return p.Status }

// Wrong are the fields that it names.
func (p *problem) Wrong() []engine.FieldError { return p.Fields }

// Error tells the detail and every wrong field.
func (p *problem) Error() string {
	text := p.Detail
	if text == "" {
		text = p.Title
	}
	for _, f := range p.Fields {
		text += "\n  " + f.Path + ": " + f.Message
	}
	if p.Cure != "" {
		text += "\n  " + p.Cure
	}
	return text
}

// do sends body as JSON and reads the answer into out; either may be nil.
func (c *client) do(ctx context.Context, method, path string, body, out any) error {
	_, err := c.Do(ctx, method, path, "", body, out)
	return err
}

// Do is do for a thing that, when ifMatch is given, must have that ETag; it gives the one that the thing has then.
func (c *client) Do(ctx context.Context, method, path, ifMatch string, body, out any) (etag string, err error) {
	var payload io.Reader
	if body != nil {
		var doc bytes.Buffer
		enc := json.NewEncoder(&doc)
		enc.SetEscapeHTML(false) // a document is stored as it is sent
		if err := enc.Encode(body); err != nil {
			return "", err
		}
		payload = &doc
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, payload)
	if err != nil {
		return "", err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	if ifMatch != "" {
		req.Header.Set("If-Match", ifMatch)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = res.Body.Close() }()
	doc, err := io.ReadAll(io.LimitReader(res.Body, 32<<20))
	if err != nil {
		return "", err
	}
	if res.StatusCode >= 400 {
		p := &problem{Status: res.StatusCode, Title: res.Status}
		_ = json.Unmarshal(doc, p) // what is no problem document is told by its status
		return "", p
	}
	if out != nil && len(doc) > 0 {
		err = json.Unmarshal(doc, out)
	}
	return res.Header.Get("ETag"), err
}
