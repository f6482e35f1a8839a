package house

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestNoExportedTypeIsALibrarys keeps outside libraries behind their keepers: whoever uses a package of ours never has to know what it is
// made with (design 3). Commands are used by nobody, and an embedded interface of a library counts as much as a field.
func TestNoExportedTypeIsALibrarys(t *testing.T) {
	t.Parallel()
	packages := exported(t)
	if len(packages) < 20 {
		t.Fatalf("only %d packages of ours found", len(packages))
	}
	for _, p := range packages {
		for _, leak := range leaks(p) {
			t.Error(leak)
		}
	}
}

func TestLeaksAreFound(t *testing.T) {
	t.Parallel()
	libraries := types.NewPackage("example.com/library", "library")
	foreign := types.NewNamed(types.NewTypeName(token.NoPos, libraries, "Thing", nil), types.NewStruct(nil, nil), nil)
	libraries.Scope().Insert(foreign.Obj())
	libraries.MarkComplete()
	for source, want := range map[string]int{
		`type A struct { B library.Thing }`:                        1,
		`type A struct { b library.Thing }`:                        0,
		`type a struct { B library.Thing }`:                        0,
		`type A struct { library.Thing }`:                          1,
		`func F(map[string][]*library.Thing) {}`:                   1,
		`func F() func(chan library.Thing) { return nil }`:         1,
		`func f(library.Thing) {}`:                                 0,
		`type A struct{}; func (A) M() library.Thing { panic(0) }`: 1,
		`type A struct{}; func (*A) m(library.Thing) {}`:           0,
		`type A interface { M(library.Thing) }`:                    1,
		`type A library.Thing`:                                     0, // a struct without fields: nothing of it is named
		`type A = library.Thing`:                                   1,
		`type A[T any] struct { B T }; var C A[library.Thing]`:     1,
		`var V library.Thing`:                                      1,
		`var v library.Thing`:                                      0,
	} {
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, "x.go", "package x\nimport \"example.com/library\"\nvar _ library.Thing\n"+source, 0)
		if err != nil {
			t.Fatal(err)
		}
		conf := types.Config{Importer: only{libraries}}
		p, err := conf.Check(module+"/x", files, []*ast.File{file}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := leaks(p); len(got) != want {
			t.Errorf("%s: found %v, want %d", source, got, want)
		}
	}
}

// only imports one package.
type only struct{ p *types.Package }

func (o only) Import(string) (*types.Package, error) { return o.p, nil }

// exported are our packages as their users see them, from the compiler's export data; commands are left out.
func exported(t *testing.T) []*types.Package {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-export", "-deps", "-json=ImportPath,Name,Export", "./...")
	cmd.Dir = root(t)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	files := map[string]string{}
	var names []string
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct{ ImportPath, Name, Export string }
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		files[p.ImportPath] = p.Export
		if strings.HasPrefix(p.ImportPath, module+"/") && p.Name != "main" && p.Export != "" {
			names = append(names, p.ImportPath)
		}
	}
	imports := importer.ForCompiler(token.NewFileSet(), "gc", func(path string) (io.ReadCloser, error) { return os.Open(filepath.Clean(files[path])) })
	var packages []*types.Package
	for _, name := range names {
		p, err := imports.Import(name)
		if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
	return packages
}

// leaks are the exported names of a package that mention a type of an outside library.
func leaks(p *types.Package) []string {
	var found []string
	see := func(name string, typ types.Type) {
		if library := foreign(typ, map[types.Type]bool{}); library != "" {
			found = append(found, p.Path()+": "+name+" mentions "+library)
		}
	}
	for _, name := range p.Scope().Names() {
		object := p.Scope().Lookup(name)
		if !object.Exported() {
			continue
		}
		named, isNamed := object.Type().(*types.Named)
		if _, isType := object.(*types.TypeName); !isType || !isNamed || named.Obj() != object {
			see(name, object.Type())
			continue
		}
		for method := range named.Methods() {
			if method.Exported() {
				see(name+"."+method.Name(), method.Type())
			}
		}
		switch under := named.Underlying().(type) {
		case *types.Struct:
			for field := range under.Fields() {
				if field.Exported() {
					see(name+"."+field.Name(), field.Type())
				}
			}
		default:
			see(name, under)
		}
	}
	return found
}

// foreign is the first type of an outside library that a type mentions, or nothing. What is behind a name of ours is seen at that name.
func foreign(typ types.Type, seen map[types.Type]bool) string {
	if seen[typ] {
		return ""
	}
	seen[typ] = true
	parts := func(of ...types.Type) string {
		for _, part := range of {
			if library := foreign(part, seen); library != "" {
				return library
			}
		}
		return ""
	}
	switch x := typ.(type) {
	case *types.Alias:
		return parts(types.Unalias(x))
	case *types.Named:
		if p := x.Obj().Pkg(); p != nil && outside(p.Path()) {
			return p.Path() + "." + x.Obj().Name()
		}
		for part := range x.TypeArgs().Types() {
			if library := foreign(part, seen); library != "" {
				return library
			}
		}
	case *types.Map:
		return parts(x.Key(), x.Elem())
	case interface{ Elem() types.Type }: // pointers, lists, channels
		return parts(x.Elem())
	case *types.Signature:
		return parts(x.Params(), x.Results())
	case *types.Tuple:
		for v := range x.Variables() {
			if library := foreign(v.Type(), seen); library != "" {
				return library
			}
		}
	case *types.Struct:
		for field := range x.Fields() {
			if library := foreign(field.Type(), seen); field.Exported() && library != "" {
				return library
			}
		}
	case *types.Interface:
		for method := range x.Methods() {
			if library := foreign(method.Type(), seen); library != "" {
				return library
			}
		}
	}
	return ""
}

// outside says that a package is neither ours nor of the standard library.
func outside(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return strings.Contains(first, ".") && path != module && !strings.HasPrefix(path, module+"/")
}
