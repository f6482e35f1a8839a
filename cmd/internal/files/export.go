package files

import (
	"context"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"

	"github.com/cuelight/cuelight/engine"
)

// File is one document as a file.
type File struct {
	// Name is its path, as scenarios/refresh-orders.yaml.
	Name string
	Data []byte
}

// ExportOptions say what is exported.
type ExportOptions struct {
	App string
	// Kinds are the kinds of documents; none means all.
	Kinds []string
	// Drafts takes the drafts of scenarios instead of the versions that run.
	Drafts bool
}

// Export gives the documents of an app as files, and what the caller should know of those that are left out.
func Export(ctx context.Context, server Server, kinds engine.Kinds, o ExportOptions) (out []File, notes []string, err error) {
	shapes, err := ShapesOf(kinds)
	if err != nil {
		return nil, nil, err
	}
	e := &exporter{remote: appOf(server, o.App), shapes: shapes, drafts: o.Drafts}
	app, err := e.app(ctx)
	if err != nil {
		return nil, nil, err
	}
	if app == nil {
		return nil, nil, fmt.Errorf("there is no app %s", o.App)
	}
	want := func(kind string) bool { return len(o.Kinds) == 0 || slices.Contains(o.Kinds, kind) }
	if want(App) {
		err = e.add("app.yaml", App, app, "")
	}
	for _, k := range itemKinds {
		if err == nil && want(k.kind) {
			err = e.addItems(ctx, k.kind, k.room)
		}
	}
	if err == nil && want(Structure) {
		err = e.addStructures(ctx)
	}
	if err == nil && want(Scenario) {
		err = e.addScenarios(ctx)
	}
	return e.files, e.notes, err
}

type exporter struct {
	*remote
	shapes *Shapes
	drafts bool
	files  []File
	notes  []string
}

func (e *exporter) add(name, kind string, doc map[string]any, comment string) error {
	data, err := e.shapes.write(kind, doc)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	e.files = append(e.files, File{name, append([]byte(comment), data...)})
	return nil
}

func (e *exporter) addStructures(ctx context.Context) error {
	all, err := e.structures(ctx)
	if err != nil {
		return err
	}
	for _, raw := range all {
		doc, err := unmarshal(raw)
		if err != nil {
			return err
		}
		id, _ := doc["id"].(string)
		// Every app has User; it is a document only where the app has changed it.
		if own, err := unmarshal([]byte(engine.UserDocument)); id == engine.UserStructure && err == nil && reflect.DeepEqual(own, doc) {
			continue
		}
		if err := e.add("structures/"+id+".yaml", Structure, doc, ""); err != nil {
			return err
		}
	}
	return nil
}

const draftComment = "# There is an unpublished draft too: cuelight export --draft gives it.\n"

func (e *exporter) addScenarios(ctx context.Context) error {
	all, err := e.scenarios(ctx)
	if err != nil {
		return err
	}
	for _, s := range all {
		comment, read := "", e.published
		switch {
		case e.drafts:
			read = e.draft
		case s.Version == 0:
			e.notes = append(e.notes, fmt.Sprintf("scenario %s was never published and is left out; --draft gives its draft", s.ID))
			continue
		case s.Unpublished:
			comment = draftComment
		}
		doc, err := read(ctx, s)
		if err != nil {
			return err
		}
		if err := e.add("scenarios/"+s.ID+".yaml", Scenario, doc, comment); err != nil {
			return err
		}
	}
	return nil
}

// Stream joins files to one stream of documents.
func Stream(files []File) []byte {
	var out []byte
	for i, f := range files {
		if i > 0 {
			out = append(out, "---\n"...)
		}
		out = append(out, f.Data...)
	}
	return out
}

// Stale names the files in a folder, as an export would have made them, whose things are not exported any more.
func Stale(dir string, kinds []string, exported []File) []string {
	var notes []string
	for _, kind := range []string{Constant, Secret, Structure, Scenario} {
		if len(kinds) > 0 && !slices.Contains(kinds, kind) {
			continue
		}
		found, err := filepath.Glob(filepath.Join(dir, kind+"s", "*.yaml"))
		if err != nil {
			return nil
		}
		for _, path := range found {
			name := kind + "s/" + filepath.Base(path)
			if !slices.ContainsFunc(exported, func(f File) bool { return f.Name == name }) {
				notes = append(notes, path+" is of an earlier export: what it holds was not exported now")
			}
		}
	}
	return notes
}
