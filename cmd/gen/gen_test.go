package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
)

var goBlock = regexp.MustCompile("(?s)```go\n(package .*?)```")

// TestTheFilesThatTheReadmesShowWork lays the file that a README shows as a whole kind into its package, and runs its tests there.
func TestTheFilesThatTheReadmesShowWork(t *testing.T) {
	t.Parallel()
	for catalogue, kind := range map[string]string{"steps": "greet", "triggers": "gone"} {
		t.Run(catalogue, func(t *testing.T) {
			t.Parallel()
			text, err := readme(catalogue)
			if err != nil {
				t.Fatal(err)
			}
			found := goBlock.FindStringSubmatch(text)
			if found == nil {
				t.Fatal("the README shows no file")
			}
			file := filepath.Join(t.TempDir(), kind+".go")
			if err := os.WriteFile(file, []byte(found[1]), 0o600); err != nil {
				t.Fatal(err)
			}
			folder, err := filepath.Abs("../../" + catalogue)
			if err != nil {
				t.Fatal(err)
			}
			overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{filepath.Join(folder, kind+".go"): file}})
			if err != nil {
				t.Fatal(err)
			}
			list := filepath.Join(t.TempDir(), "overlay.json")
			if err := os.WriteFile(list, overlay, 0o600); err != nil {
				t.Fatal(err)
			}
			out, err := exec.CommandContext(t.Context(), "go", "test", "-vet=all", "-overlay", list, "-run", "^TestEvery(Step|Trigger)$/^"+kind+"$", "-v", folder).CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			if !regexp.MustCompile(`--- PASS: TestEvery\w+/` + kind + `/\w`).Match(out) {
				t.Errorf("no example was played:\n%s", out)
			}
		})
	}
}

func TestTheReadmesAreFresh(t *testing.T) {
	t.Parallel()
	for _, catalogue := range []string{"steps", "triggers"} {
		want, err := readme(catalogue)
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join("../..", catalogue, "README.md"))
		if err != nil || string(got) != want {
			t.Errorf("%s/README.md is out of date (%v): run go generate ./...", catalogue, err)
		}
	}
}
