package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"github.com/cuelight/cuelight/engine"
	"github.com/cuelight/cuelight/steps"
	"github.com/cuelight/cuelight/triggers"
)

// document is one document of a file: an app, a structure or a scenario, as JSON.
type document struct {
	file string
	kind string
	id   string
	doc  json.RawMessage
}

// maxFile is the largest file that is read.
const maxFile = 4 << 20

// readDocuments reads YAML and JSON files, and folders of them, in the order in which they have to be applied.
func readDocuments(paths []string) ([]document, error) {
	var docs []document
	for _, root := range paths {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			if ext := filepath.Ext(path); path != root && ext != ".yaml" && ext != ".yml" && ext != ".json" {
				return nil
			}
			found, err := readFile(path)
			docs = append(docs, found...)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	order := []string{"app", "structure", "scenario"}
	slices.SortStableFunc(docs, func(a, b document) int { return slices.Index(order, a.kind) - slices.Index(order, b.kind) })
	return docs, nil
}

func readFile(path string) ([]document, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("%s: larger than %d bytes", path, maxFile)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	file, err := parser.ParseBytes(data, 0)
	if err != nil {
		return nil, fmt.Errorf("%s: %s", path, strings.TrimSpace(yaml.FormatError(err, false, true)))
	}
	var docs []document
	for _, d := range file.Docs {
		if d.Body == nil {
			continue
		}
		doc, err := toJSON(d.Body)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		var head struct{ Kind, ID string }
		if err := json.Unmarshal(doc, &head); err != nil {
			return nil, fmt.Errorf("%s: a document is an object with kind and id", path)
		}
		if head.Kind != "app" && head.Kind != "structure" && head.Kind != "scenario" {
			return nil, fmt.Errorf("%s: kind is %q; it must be app, structure or scenario", path, head.Kind)
		}
		docs = append(docs, document{file: path, kind: head.Kind, id: head.ID, doc: doc})
	}
	return docs, nil
}

// plain refuses the parts of YAML that a reader could not foresee: anchors, aliases, tags and merge keys.
type plain struct{ err error }

// Visit looks at one node.
func (p *plain) Visit(n ast.Node) ast.Visitor {
	switch n.Type() {
	case ast.AnchorType, ast.AliasType, ast.TagType, ast.MergeKeyType:
		p.err = fmt.Errorf("line %d: anchors, aliases, tags and merge keys are not read", n.GetToken().Position.Line)
		return nil
	}
	return p
}

func toJSON(body ast.Node) (json.RawMessage, error) {
	check := &plain{}
	ast.Walk(check, body)
	if check.err != nil {
		return nil, check.err
	}
	doc, err := yaml.YAMLToJSON([]byte(body.String()))
	if err != nil {
		return nil, err
	}
	return bytes.TrimSpace(doc), nil
}

type validateCmd struct {
	Files []string `arg:"" name:"file" help:"YAML or JSON files, or folders of them."`
}

// Run checks the documents against each other.
func (c *validateCmd) Run() error {
	docs, err := readDocuments(c.Files)
	if err != nil {
		return err
	}
	wrong := 0
	check := engine.NewChecker(engine.Kinds{Steps: steps.All(), Triggers: triggers.All()})
	for _, d := range docs {
		problems := check.Check(d.kind, d.doc)
		wrong += len(problems)
		for _, p := range problems {
			fmt.Printf("%s: %s %s: %s: %s\n", d.file, d.kind, d.id, p.Path, p.Message)
		}
	}
	if wrong > 0 {
		fmt.Printf("%d problems in %d documents\n", wrong, len(docs))
		return errReported
	}
	fmt.Printf("%d documents are valid\n", len(docs))
	return nil
}

type applyCmd struct {
	remote
	App   string   `required:"" help:"The app; made if there is none."`
	Files []string `name:"file" short:"f" required:"" help:"YAML or JSON files, or folders of them."`
	Start bool     `help:"Start the scenarios too."`
}

// Run brings the documents into the app.
func (c *applyCmd) Run(ctx context.Context) error {
	docs, err := readDocuments(c.Files)
	if err != nil {
		return err
	}
	cl, err := c.dial(ctx)
	if err != nil {
		return err
	}
	defer cl.finish()
	app := "/api/v1/apps/" + url.PathEscape(c.App)
	if err := ensureApp(ctx, cl, c.App, app); err != nil {
		return err
	}
	for _, d := range docs {
		sign, err := applyOne(ctx, cl, app, d, c.Start)
		if err != nil {
			return fmt.Errorf("%s: %s %s: %w", d.file, d.kind, d.id, err)
		}
		fmt.Printf("%s %s %s\n", sign, d.kind, d.id)
	}
	return nil
}

func ensureApp(ctx context.Context, cl *client, id, path string) error {
	err := cl.do(ctx, "GET", path, nil, nil)
	if p, ok := errors.AsType[*problem](err); ok && p.Status == 404 {
		return cl.do(ctx, "POST", "/api/v1/apps", map[string]any{"id": id}, nil)
	}
	return err
}

// applyOne brings one document in and says whether it is new (+), changed (~) or as it was (=).
func applyOne(ctx context.Context, cl *client, app string, d document, start bool) (string, error) {
	path := app
	switch d.kind {
	case "structure":
		path += "/structures/" + url.PathEscape(d.id)
	case "scenario":
		path += "/scenarios/" + url.PathEscape(d.id)
	}
	sign := "~"
	before, err := cl.doTagged(ctx, "GET", path, "", nil, nil)
	if p, ok := errors.AsType[*problem](err); ok && p.Status == 404 {
		sign = "+"
	} else if err != nil {
		return "", err
	}
	if d.kind == "scenario" {
		if err := cl.do(ctx, "PUT", path+"/draft", d.doc, nil); err != nil {
			return "", err
		}
		err = cl.do(ctx, "POST", path+"/publish", map[string]any{"start": start}, nil)
	} else if d.kind == "app" {
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(d.doc, &fields); err != nil {
			return "", err
		}
		delete(fields, "kind")
		delete(fields, "id") // the app is the one of --app
		err = cl.do(ctx, "PATCH", path, fields, nil)
	} else {
		err = cl.do(ctx, "PUT", path, d.doc, nil)
	}
	if err != nil {
		return "", err
	}
	after, err := cl.doTagged(ctx, "GET", path, "", nil, nil)
	if sign == "~" && before != "" && before == after {
		sign = "="
	}
	return sign, err
}
