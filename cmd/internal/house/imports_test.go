package house

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/cuelight/cuelight"

// ours says which other packages of ours the packages of a top directory may import, besides what lies below themselves. A new row needs a
// reason in the change that adds it.
var ours = map[string][]string{
	"cmd":        {"engine/...", "steps/...", "triggers/...", "store/...", "migrations", "web/..."},
	"engine":     {},
	"steps":      {"engine/..."},
	"triggers":   {"engine/..."},
	"store":      {"engine/...", "migrations"},
	"migrations": {},
	"web":        {"engine/..."},
}

// oursInTests is what test files may import on top: the real stores (both, for what has to hold on both, such as that no app reaches another)
// and the real kinds instead of mocks.
var oursInTests = []string{"store/sqlite", "store/postgres", "store/storetest", "migrations", "steps", "triggers"}

// keepers names the packages that may import an outside library; all the others reach it through its keeper. A library without a row is
// refused. "cmd/..." is for what only programs need.
var keepers = map[string][]string{
	"github.com/expr-lang/expr":     {"engine/expr"},
	"github.com/robfig/cron":        {"triggers"},
	"github.com/zishang520/":        {"web/live"},
	"github.com/gorilla/websocket":  {"web/live", "cmd/torture", "cmd/e2e"}, // the two are clients
	"github.com/jackc/pgx":          {"store/postgres"},
	"modernc.org/sqlite":            {"store/sqlite"},
	"github.com/danielgtaylor/huma": {"web/api"},
	"github.com/pressly/goose":      {"migrations"},
	"github.com/cockroachdb/apd":    {"engine/..."},
	"github.com/google/uuid":        {"engine/..."},
	"github.com/andybalholm/brotli": {"web"},
	"github.com/yuin/goldmark":      {"web/help"},
	"github.com/alecthomas/kong":    {"cmd/..."},
	"github.com/goccy/go-yaml":      {"cmd/..."},
	"github.com/mattn/go-isatty":    {"cmd/..."},
	"golang.org/x/crypto":           {"engine/account"},
	"golang.org/x/net":              {"steps/egress"}, // idna alone: host names in other scripts become what DNS knows
	"golang.org/x/text":             {"engine/..."},
	"golang.org/x/time":             {"web/..."},
	"golang.org/x/sys":              {"cmd/...", "store/..."},
}

// testLibraries may be imported by any test file, and by nothing else.
var testLibraries = []string{"go.uber.org/goleak", "pgregory.net/rapid", "github.com/rogpeppe/go-internal", "golang.org/x/tools/txtar"}

// testKeepers may import a library in their tests although another package keeps it: the push log that web/live is tested with is a
// file of its own, so that tests can change it behind the server's back.
var testKeepers = map[string]string{"web/live": "modernc.org/sqlite"}

type pkg struct {
	ImportPath                         string
	Imports, TestImports, XTestImports []string
}

func TestImportsKeepToTheHouse(t *testing.T) {
	t.Parallel()
	packages := list(t)
	if len(packages) < 3 {
		t.Fatalf("go list found only %d packages", len(packages))
	}
	for _, p := range packages {
		name := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
		for _, path := range p.Imports {
			if why := refused(name, path, false); why != "" {
				t.Errorf("%s imports %s: %s", name, path, why)
			}
		}
		for _, path := range slices.Concat(p.TestImports, p.XTestImports) {
			if why := refused(name, path, true); why != "" {
				t.Errorf("a test of %s imports %s: %s", name, path, why)
			}
		}
	}
}

func TestImportRulesCatchWhatTheyShould(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		from, path string
		test, ok   bool
	}{
		{from: "engine", path: module + "/engine/expr", ok: true},
		{from: "engine/expr", path: module + "/engine/schema", ok: true},
		{from: "engine", path: module + "/store/sqlite"},
		{from: "engine", path: module + "/store/sqlite", test: true, ok: true},
		{from: "engine", path: module + "/web/live", test: true},
		{from: "web/api", path: module + "/store/postgres"},
		{from: "web/api", path: module + "/store/postgres", test: true, ok: true},
		{from: "enginex", path: module + "/engine"},
		{from: "steps", path: module + "/engine", ok: true},
		{from: "steps", path: module + "/steps/egress", ok: true},
		{from: "steps", path: module + "/triggers"},
		{from: "web/api", path: module + "/steps"},
		{from: "web/api", path: module + "/steps", test: true, ok: true},
		{from: "web/live", path: "modernc.org/sqlite"},
		{from: "web/live", path: "modernc.org/sqlite", test: true, ok: true},
		{from: "store", path: module + "/store/postgres", ok: true},
		{from: "store/sqlite", path: module + "/store/postgres"},
		{from: "store/sqlite", path: module + "/store/storetest"},
		{from: "store/sqlite", path: module + "/store/storetest", test: true, ok: true},
		{from: "web", path: module + "/web/live", ok: true},
		{from: "web/api", path: module + "/web/live"},
		{from: "web/api", path: module + "/web"},
		{from: "web/api", path: module + "/web/api/problem", ok: true},
		{from: "web/api", path: module + "/store"},
		{from: "cmd/internal/app", path: module + "/web", ok: true},
		{from: "web/live", path: "github.com/zishang520/socket.io/v3/pkg/types", ok: true},
		{from: "web", path: "github.com/zishang520/socket.io/v3/pkg/types"},
		{from: "web/live/inner", path: "github.com/zishang520/socket.io/v3/pkg/types"},
		{from: "engine", path: "github.com/expr-lang/expr/ast"},
		{from: "engine", path: "github.com/expr-lang/exprx"},
		{from: "cmd/cuelight", path: "github.com/alecthomas/kong", ok: true},
		{from: "cmd/cuelight", path: "example.com/some/library"},
		{from: "web/live", path: "go.uber.org/goleak", test: true, ok: true},
		{from: "web/live", path: "go.uber.org/goleak"},
		{from: "engine", path: "net/http", ok: true},
	} {
		if got := refused(c.from, c.path, c.test); (got == "") != c.ok {
			t.Errorf("%s imports %s (test %v): %q", c.from, c.path, c.test, got)
		}
	}
}

// refused says why the package must not import the path, or nothing.
func refused(name, path string, inTest bool) string {
	if target, own := strings.CutPrefix(path, module+"/"); own {
		if mayImport(name, target) || inTest && slices.Contains(oursInTests, target) {
			return ""
		}
		return "only what the table of this test allows; see the map `ours`"
	}
	if inTest && testKeepers[name] == path {
		return ""
	}
	if first, _, _ := strings.Cut(path, "/"); !strings.Contains(first, ".") {
		return "" // the standard library
	}
	if slices.ContainsFunc(testLibraries, func(library string) bool { return under(path, library) }) {
		if inTest {
			return ""
		}
		return "a library for tests"
	}
	for library, allowed := range keepers {
		if !under(path, library) {
			continue
		}
		if slices.ContainsFunc(allowed, func(keeper string) bool { return matches(name, keeper) }) {
			return ""
		}
		return fmt.Sprintf("its keeper is %s", strings.Join(allowed, ", "))
	}
	return "this library has no keeper; see the map `keepers`"
}

// mayImport judges two packages of ours.
func mayImport(name, target string) bool {
	if under(target, name) || under(target, part(name)) {
		return true
	}
	top, _, _ := strings.Cut(name, "/")
	return slices.ContainsFunc(ours[top], func(row string) bool { return matches(target, row) })
}

// part is the group of packages that may import one another: all of engine or cmd, but of the others only web/live, store/sqlite and so on,
// which do not know their neighbours; web and store themselves tie them together.
func part(name string) string {
	top, rest, nested := strings.Cut(name, "/")
	if !nested || top == "engine" || top == "cmd" {
		return top
	}
	second, _, _ := strings.Cut(rest, "/")
	return top + "/" + second
}

// matches tells whether a package is the one of the row, or lies below a row that ends in "/...".
func matches(name, row string) bool {
	if base, tree := strings.CutSuffix(row, "/..."); tree {
		return under(name, base)
	}
	return name == row
}

// under tells whether path is base or lies below it.
func under(path, base string) bool {
	base = strings.TrimSuffix(base, "/")
	return path == base || strings.HasPrefix(path, base+"/")
}

func list(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-e", "-json=ImportPath,Imports,TestImports,XTestImports", "./...")
	cmd.Dir = root(t)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var packages []pkg
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(p.ImportPath, "/node_modules/") {
			packages = append(packages, p)
		}
	}
}
