package files

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cuelight/cuelight/web/demo"
)

// demoApp is the text and the documents of one of the demo's apps.
func demoApp(t *testing.T, name string) (dir string, docs []*Document) {
	t.Helper()
	dir = filepath.Join("..", "..", "..", "web", "demo", "apps", name)
	docs, err := Read([]string{dir})
	if err != nil {
		t.Fatal(err)
	}
	return dir, docs
}

func TestTheDemosAppsAreValid(t *testing.T) {
	for _, name := range demo.Apps {
		_, docs := demoApp(t, name)
		if wrong, odd := Check(allKinds, docs); len(wrong)+len(odd) > 0 {
			t.Errorf("%s: %v %v", name, wrong, odd)
		}
	}
}

func TestTheDemosAppsComeBackFromAServerAsTheyAre(t *testing.T) {
	for _, name := range demo.Apps {
		t.Run(name, func(t *testing.T) {
			dir, docs := demoApp(t, name)
			s := newLocal(t, false)
			var out strings.Builder
			plan, err := Make(t.Context(), s, allKinds, docs, Options{Start: true})
			if err == nil {
				err = plan.Apply(t.Context(), &out)
			}
			if err != nil {
				t.Fatal(err)
			}
			exported, notes, err := Export(t.Context(), s, allKinds, ExportOptions{App: name})
			if err != nil || len(notes) > 0 {
				t.Fatal(err, notes)
			}
			for _, f := range exported {
				if text, err := os.ReadFile(filepath.Join(dir, f.Name)); err != nil || string(text) != string(f.Data) {
					t.Errorf("%s is not as it is exported: %v\n%s", f.Name, err, f.Data)
				}
			}
			if len(exported) != len(docs) {
				t.Errorf("%d documents are exported as %d", len(docs), len(exported))
			}
			again, err := Make(t.Context(), s, allKinds, docs, Options{Prune: true, Start: true})
			if err != nil {
				t.Fatal(err)
			}
			out.Reset()
			if again.Diff(&out) || len(again.AllNotes()) > 0 {
				t.Errorf("there are differences: %s %v", out.String(), again.AllNotes())
			}
		})
	}
}

func TestDocumentsAreInAnOrderInWhichTheyCanBeMade(t *testing.T) {
	for _, name := range demo.Apps {
		docs, err := Documents(demo.Documents(name))
		if err != nil {
			t.Fatal(err)
		}
		_, all := demoApp(t, name)
		if len(docs) != len(all) {
			t.Errorf("%s: %d of %d documents", name, len(docs), len(all))
		}
		if !strings.Contains(string(docs[0]), `"kind":"app"`) {
			t.Errorf("%s begins with %s", name, docs[0])
		}
	}
	circle := os.DirFS(t.TempDir())
	if docs, err := Documents(circle); err != nil || len(docs) != 0 {
		t.Errorf("an empty folder gives %v %v", docs, err)
	}
	if _, err := Documents(writeFiles(t, map[string]string{
		"a.yaml": "kind: structure\nid: A\nfields:\n  - { id: b, type: link, structure: B }\n",
		"b.yaml": "kind: structure\nid: B\nfields:\n  - { id: a, type: link, structure: A }\n",
	})); err == nil {
		t.Error("structures in a circle are given one by one")
	}
}

func writeFiles(t *testing.T, texts map[string]string) fs.FS {
	t.Helper()
	dir := t.TempDir()
	for name, text := range texts {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return os.DirFS(dir)
}
