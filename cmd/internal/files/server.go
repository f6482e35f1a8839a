package files

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/cuelight/cuelight/engine"
)

// Server is the API of a server.
type Server interface {
	// Do sends body as JSON and reads the answer into out; either may be nil. ifMatch, when given, is the ETag that the thing must have.
	Do(ctx context.Context, method, path, ifMatch string, body, out any) (etag string, err error)
}

// Refusal is the error of a request that the server refused.
type Refusal interface {
	error
	// Code is the HTTP status; Wrong are the fields that the server names.
	Code() int
	Wrong() []engine.FieldError
}

func refused(err error, status int) bool {
	var r Refusal
	return errors.As(err, &r) && r.Code() == status
}

// remote reads an app of a server.
type remote struct {
	Server
	id, path string
}

func appOf(s Server, id string) *remote { return &remote{s, id, "/api/v1/apps/" + url.PathEscape(id)} }

func (r *remote) scenarioPath(id string) string { return r.path + "/scenarios/" + url.PathEscape(id) }

func (r *remote) structurePath(id string) string { return r.path + "/structures/" + url.PathEscape(id) }

// app reads the app's settings, nil if there is no such app.
func (r *remote) app(ctx context.Context) (map[string]any, error) {
	var doc json.RawMessage
	_, err := r.Do(ctx, "GET", r.path, "", nil, &doc)
	if refused(err, 404) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	value, err := unmarshal(doc)
	if err != nil {
		return nil, fmt.Errorf("read app %s: %w", r.id, err)
	}
	value["kind"] = App
	return value, nil
}

// structures lists the app's structures as documents, by id.
func (r *remote) structures(ctx context.Context) ([]json.RawMessage, error) {
	var page struct {
		Items []json.RawMessage `json:"items"`
	}
	_, err := r.Do(ctx, "GET", r.path+"/structures", "", nil, &page)
	return page.Items, err
}

// scenario is what the server says of one.
type scenario struct {
	ID          string `json:"id"`
	State       string `json:"state"`
	Version     int64  `json:"version"`
	Unpublished bool   `json:"unpublished"`
	Rev         int64  `json:"rev"`
}

// scenarios lists the app's scenarios, by id.
func (r *remote) scenarios(ctx context.Context) ([]scenario, error) {
	var all []scenario
	for cursor := ""; ; {
		var page struct {
			Items []scenario `json:"items"`
			Next  string     `json:"next"`
		}
		if _, err := r.Do(ctx, "GET", r.path+"/scenarios?limit=1000&cursor="+url.QueryEscape(cursor), "", nil, &page); err != nil {
			return nil, err
		}
		all = append(all, page.Items...)
		if cursor = page.Next; cursor == "" {
			return all, nil
		}
	}
}

func (r *remote) published(ctx context.Context, s scenario) (map[string]any, error) {
	return r.scenarioAt(ctx, s.ID, fmt.Sprintf("%s/versions/%d", r.scenarioPath(s.ID), s.Version))
}

func (r *remote) draft(ctx context.Context, s scenario) (map[string]any, error) {
	return r.scenarioAt(ctx, s.ID, r.scenarioPath(s.ID)+"/draft")
}

func (r *remote) scenarioAt(ctx context.Context, id, path string) (map[string]any, error) {
	var doc json.RawMessage
	if _, err := r.Do(ctx, "GET", path, "", nil, &doc); err != nil {
		return nil, fmt.Errorf("read scenario %s: %w", id, err)
	}
	value, err := unmarshal(doc)
	if err != nil {
		return nil, fmt.Errorf("read scenario %s: %w", id, err)
	}
	value["kind"], value["id"] = Scenario, id // a document may do without
	return value, nil
}

// TheApp is the id of the one app that a server lets its caller see.
func TheApp(ctx context.Context, s Server) (string, error) {
	var page struct {
		Items []struct {
			ID string `json:"id"`
		} `json:"items"`
		Next string `json:"next"`
	}
	if _, err := s.Do(ctx, "GET", "/api/v1/apps?limit=20", "", nil, &page); err != nil {
		return "", err
	}
	switch len(page.Items) {
	case 0:
		return "", errors.New("the server has no app")
	case 1:
		return page.Items[0].ID, nil
	}
	names := make([]string, len(page.Items))
	for i, a := range page.Items {
		names[i] = a.ID
	}
	if page.Next != "" {
		names = append(names, "…")
	}
	return "", fmt.Errorf("the server has several apps; name one with --app: %s", strings.Join(names, ", "))
}
