package app

import (
	"fmt"
	"html"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/cuelight/cuelight/cmd/internal/files"
	"github.com/cuelight/cuelight/engine"
	"github.com/cuelight/cuelight/steps"
	"github.com/cuelight/cuelight/triggers"
	"github.com/cuelight/cuelight/web/help"
)

var (
	yamlBlock = regexp.MustCompile(`(?s)<code class="language-yaml">(.*?)</code>`)
	helpLink  = regexp.MustCompile(`href="(/help/[^"#]*)`)
	kindOf    = regexp.MustCompile(`(?m)^  kind: (\w+)|^- \{ id: \w+, kind: (\w+)`)
)

// sample is what examples that are no whole documents speak of.
const sample = `kind: structure
id: Order
fields:
  - { id: number, type: string }
  - { id: status, type: string, options: [new, paid, ready, shipped] }
  - { id: total, type: decimal }
  - { id: owner, type: link, structure: User }
  - { id: note, type: string }
  - { id: count, type: number }
---
kind: structure
id: Message
fields:
  - { id: to, type: link, structure: User }
  - { id: text, type: string }
`

// TestAllYAMLOfTheHelpIsValid checks every block of YAML in the help with the code of cuelight validate.
func TestAllYAMLOfTheHelpIsValid(t *testing.T) {
	t.Parallel()
	kinds := engine.Kinds{Steps: steps.All(), Triggers: triggers.All()}
	h := help.New(kinds)
	seen, open, blocks := map[string]bool{}, []string{"/help/"}, 0
	for len(open) > 0 {
		path := open[0]
		open = open[1:]
		if seen[path] {
			continue
		}
		seen[path] = true
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", path, nil))
		body := w.Body.String()
		for _, m := range helpLink.FindAllStringSubmatch(body, -1) {
			open = append(open, m[1])
		}
		for i, m := range yamlBlock.FindAllStringSubmatch(body, -1) {
			blocks++
			if wrong := validate(t, kinds, html.UnescapeString(m[1])); wrong != "" {
				t.Errorf("%s, block %d:\n%s", path, i+1, wrong)
			}
		}
	}
	if blocks < 50 {
		t.Errorf("only %d blocks of YAML were found", blocks)
	}
	if wrong := validate(t, kinds, "- { id: a, kind: push, to: \"*\", evnt: x }"); !strings.Contains(wrong, "evnt") {
		t.Errorf("a mistake is not seen: %q", wrong)
	}
}

// validate tells what is wrong with a block: whole documents, or a list of steps or of triggers.
func validate(t *testing.T, kinds engine.Kinds, block string) string {
	t.Helper()
	if m := kindOf.FindStringSubmatch(block); strings.HasPrefix(block, "- ") && m != nil {
		steps, triggers := "steps:\n"+block, ""
		for _, k := range kinds.Triggers {
			if k.Kind == m[1]+m[2] {
				steps, triggers = "steps: []\n", "triggers:\n"+block
			}
		}
		block = fmt.Sprintf("%s---\nkind: scenario\nid: example\nstructure: Order\nparameters: { n: number }\n%s\n%s", sample, triggers, steps)
	}
	file := filepath.Join(t.TempDir(), "block.yaml")
	if err := os.WriteFile(file, []byte(block), 0o600); err != nil {
		t.Fatal(err)
	}
	docs, err := files.Read([]string{file})
	if err != nil {
		return err.Error() + "\n" + block
	}
	wrong, _ := files.Check(kinds, docs)
	if len(wrong) > 0 {
		return wrong.Error() + "\n" + block
	}
	return ""
}
