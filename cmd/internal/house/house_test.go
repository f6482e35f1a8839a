// Package house holds the rules of the house that no compiler knows: who may import whom, who may start a goroutine, and what may lie at the
// top of the repository. It is tests only.
package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// starter is the one package that may hold go statements: there, every goroutine gets a name, an owner that waits and a recover.
const starter = "engine/task"

func TestGoroutinesStartInOnePlace(t *testing.T) {
	t.Parallel()
	base := root(t)
	files := 0
	err := filepath.WalkDir(base, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() {
			if name == "node_modules" || name == "testdata" || path != base && strings.HasPrefix(name, ".") {
				return filepath.SkipDir
			}
			return nil
		}
		rel, err := filepath.Rel(base, path)
		if err != nil || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return err
		}
		if filepath.ToSlash(filepath.Dir(rel)) == starter {
			return nil
		}
		files++
		source, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, at := range starts(t, rel, string(source)) {
			t.Errorf("%s starts a goroutine; use Go of %s, which names, recovers and waits", at, starter)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files == 0 {
		t.Fatal("no Go files found")
	}
}

func TestGoStatementsAreFound(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]int{
		`go f()`:                        1,
		`go func() { go f() }()`:        2,
		`wg.Go(func() {})`:              1,
		`tasks.Go("name", func() {})`:   0,
		`f()`:                           0,
		`_ = func() { go func() {}() }`: 1,
	} {
		if got := starts(t, "x.go", "package x\nfunc g() {\n"+body+"\n}"); len(got) != want {
			t.Errorf("%s: found %v, want %d", body, got, want)
		}
	}
}

// starts gives the places where a source starts a goroutine: go statements, and Go of a sync.WaitGroup or an errgroup, which takes nothing
// but the function.
func starts(t *testing.T, name, source string) []string {
	t.Helper()
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, name, source, parser.SkipObjectResolution)
	if err != nil {
		t.Errorf("%v", err)
		return nil
	}
	var found []string
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			found = append(found, files.Position(n.Pos()).String())
		case *ast.CallExpr:
			if method, ok := n.Fun.(*ast.SelectorExpr); ok && method.Sel.Name == "Go" && len(n.Args) == 1 {
				found = append(found, files.Position(n.Pos()).String())
			}
		}
		return true
	})
	return found
}

// top is all that may lie at the top of the repository, besides dotfiles.
var top = []string{
	"cmd", "engine", "steps", "triggers", "store", "migrations", "web",
	"go.mod", "go.sum", "README.md", "LICENSE", "CHANGELOG.md", "Makefile",
}

func TestTopLevelHoldsOnlyTheHouse(t *testing.T) {
	t.Parallel()
	for _, name := range topLevel(t) {
		if !strings.HasPrefix(name, ".") && !slices.Contains(top, name) {
			t.Errorf("%s does not belong at the top of the repository", name)
		}
	}
}

// topLevel gives what git tracks or would track there; without git, everything.
func topLevel(t *testing.T) []string {
	t.Helper()
	base := root(t)
	cmd := exec.CommandContext(t.Context(), "git", "ls-files", "--cached", "--others", "--exclude-standard", "-z")
	cmd.Dir = base
	var names []string
	if out, err := cmd.Output(); err == nil && len(out) > 0 {
		for path := range strings.SplitSeq(strings.Trim(string(out), "\x00"), "\x00") {
			first, _, _ := strings.Cut(path, "/")
			names = append(names, first)
		}
		slices.Sort(names)
		return slices.Compact(names)
	}
	entries, err := os.ReadDir(base)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// root is the directory of go.mod.
func root(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Fatal("no go.mod above the test")
		}
		dir = up
	}
}
