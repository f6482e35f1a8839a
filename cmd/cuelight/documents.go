package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/cuelight/cuelight/cmd/internal/files"
	"github.com/cuelight/cuelight/engine"
	"github.com/cuelight/cuelight/steps"
	"github.com/cuelight/cuelight/triggers"
)

func kinds() engine.Kinds { return engine.Kinds{Steps: steps.All(), Triggers: triggers.All()} }

// errDifferent says that files and server differ.
var errDifferent = errors.New("different")

// note tells what is worth knowing without being a result.
func note(texts ...string) {
	for _, text := range texts {
		fmt.Fprintln(os.Stderr, "note:", text)
	}
}

type validateCmd struct {
	Paths []string `arg:"" optional:"" name:"file" help:"YAML or JSON files, or folders of them."`
	Files []string `name:"file" short:"f" help:"The same, named as for apply."`
}

// Validate wants at least one file.
func (c *validateCmd) Validate() error {
	if len(c.Paths)+len(c.Files) == 0 {
		return errors.New(`expected "<file> ..."`)
	}
	return nil
}

// Run checks the documents against each other.
func (c *validateCmd) Run() error {
	docs, err := files.Read(slices.Concat(c.Paths, c.Files))
	if err != nil {
		return err
	}
	wrong, odd := files.Check(kinds(), docs)
	for _, t := range wrong {
		fmt.Println(t)
	}
	for _, t := range odd {
		t.Text = "warning: " + t.Text
		fmt.Println(t)
	}
	warnings := ""
	if len(odd) > 0 {
		warnings = fmt.Sprintf(", %d warnings", len(odd))
	}
	if len(wrong) > 0 {
		fmt.Printf("%s in %s%s\n", counted(len(wrong), "problem"), counted(len(docs), "document"), warnings)
		return errReported
	}
	fmt.Printf("%d documents are valid%s\n", len(docs), warnings)
	return nil
}

// sources are the documents that apply and diff take.
type sources struct {
	App   string   `help:"The app; left out, the one of the document of the kind app."`
	Files []string `name:"file" short:"f" required:"" help:"YAML or JSON files, or folders of them."`
	Prune bool     `help:"Delete the scenarios and constants that are not in the files, and stop scenarios first; wants whole folders. Structures and secrets stay."`
	// Drop and Convert are asked for by name, since they touch what objects hold.
	Drop    []string `placeholder:"Order.note" help:"A field that is not in the files any more may go away, with all its values."`
	Convert []string `placeholder:"Order.total" help:"The values of a field whose type is another in the files may be converted; refused with a report if one can not be."`
}

// Validate wants folders for --prune: what is not in one file may be in the next.
func (s *sources) Validate() error {
	if !s.Prune {
		return nil
	}
	for _, path := range s.Files {
		if info, err := os.Stat(path); err == nil && !info.IsDir() {
			return fmt.Errorf("--prune wants the folder with all documents, not the file %s", path)
		}
	}
	return nil
}

// plan reads the files and compares them with the app.
func (s *sources) plan(ctx context.Context, cl *client, start bool) (*files.Plan, error) {
	docs, err := files.Read(s.Files)
	if err != nil {
		return nil, err
	}
	return files.Make(ctx, cl, kinds(), docs, files.Options{App: s.App, Prune: s.Prune, Start: start, Drop: s.Drop, Convert: s.Convert})
}

type applyCmd struct {
	remote
	sources
	DryRun bool `name:"dry-run" help:"Only print what would be done."`
	Start  bool `help:"Start the scenarios too."`
}

// Help says what the short help can not.
func (c *applyCmd) Help() string {
	return "All documents are checked before anything is changed; each one is then brought in whole or not at all. An app that is not " +
		"there is made, which needs an admin. The server keeps what the documents say, but not the comments of a YAML file."
}

// Run brings the documents into the app.
func (c *applyCmd) Run(ctx context.Context) error {
	cl, err := c.dial(ctx)
	if err != nil {
		return err
	}
	defer cl.finish()
	plan, err := c.plan(ctx, cl, c.Start)
	if err != nil {
		return fmt.Errorf("%w\nnothing was changed", err)
	}
	note(plan.AllNotes()...)
	if c.DryRun {
		plan.Tell(os.Stdout)
		return nil
	}
	return plan.Apply(ctx, os.Stdout)
}

type diffCmd struct {
	remote
	sources
}

// Help says what the short help can not.
func (c *diffCmd) Help() string {
	return "The exit code is 3 when there are differences and 0 when there are none. Values that may be secrets are not shown."
}

// Run prints the differences.
func (c *diffCmd) Run(ctx context.Context) error {
	cl, err := c.dial(ctx)
	if err != nil {
		return err
	}
	defer cl.finish()
	plan, err := c.plan(ctx, cl, false)
	if err != nil {
		return err
	}
	note(plan.AllNotes()...)
	if plan.Diff(os.Stdout) {
		return errDifferent
	}
	return nil
}

type exportCmd struct {
	remote
	App    string   `help:"The app; left out, the only one there is."`
	Output string   `short:"o" placeholder:"DIR" help:"Folder to write into, one file for each thing; left out, all goes to standard output."`
	Kind   []string `enum:"app,constant,secret,structure,scenario" help:"Only these kinds: app, constant, secret, structure, scenario."`
	Draft  bool     `help:"The drafts of the scenarios instead of the versions that run."`
}

// Help says what the short help can not.
func (c *exportCmd) Help() string {
	return "The same documents always give the same bytes. Comments that a YAML file had when it was applied are not kept by the server, " +
		"so they are not in an export. A file of an earlier export whose thing is gone is named, not deleted."
}

// Run writes the documents of an app.
func (c *exportCmd) Run(ctx context.Context) error {
	cl, err := c.dial(ctx)
	if err != nil {
		return err
	}
	defer cl.finish()
	if c.App == "" {
		if c.App, err = files.TheApp(ctx, cl); err != nil {
			return err
		}
	}
	all, notes, err := files.Export(ctx, cl, kinds(), files.ExportOptions{App: c.App, Kinds: c.Kind, Drafts: c.Draft})
	if err != nil {
		return err
	}
	note(notes...)
	if c.Output == "" {
		_, err = os.Stdout.Write(files.Stream(all))
		return err
	}
	for _, f := range all {
		name := filepath.FromSlash(f.Name)
		if !filepath.IsLocal(name) {
			return fmt.Errorf("the server has a thing whose id is no file name: %q", f.Name)
		}
		path := filepath.Join(c.Output, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, f.Data, 0o644); err != nil {
			return err
		}
	}
	note(files.Stale(c.Output, c.Kind, all)...)
	fmt.Printf("%d files written to %s\n", len(all), c.Output)
	return nil
}

// counted says how many there are of something whose plural takes an s.
func counted(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}
