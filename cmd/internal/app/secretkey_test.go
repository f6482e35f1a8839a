package app

import (
	"bytes"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/cuelight/cuelight/engine/secret"
)

func TestSecretKeyIsMadeOnceAndKept(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	keys := make([][]byte, 8)
	var wg sync.WaitGroup
	for i := range keys {
		wg.Go(func() {
			key, err := SecretKey(dir, "")
			if err != nil {
				t.Error(err)
			}
			keys[i] = key
		})
	}
	wg.Wait()
	for _, key := range keys {
		if len(key) != secret.KeyBytes || !bytes.Equal(key, keys[0]) {
			t.Fatalf("the keys differ: %x", keys)
		}
	}
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(names) != 1 {
		t.Errorf("there are %v: %v", names, err)
	}
	info, err := os.Stat(filepath.Join(dir, "secret.key"))
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("mode %v: %v", info.Mode(), err)
	}
	if other, err := SecretKey(t.TempDir(), ""); err != nil || bytes.Equal(other, keys[0]) {
		t.Errorf("two servers have one key: %v", err)
	}
}

func TestSecretKeyOfAFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "mounted")
	want := bytes.Repeat([]byte{9}, secret.KeyBytes)
	write(t, path, base64.StdEncoding.EncodeToString(want)+"\n", 0o444)
	if key, err := SecretKey(dir, path); err != nil || !bytes.Equal(key, want) {
		t.Errorf("got %x: %v", key, err)
	}
	missing := filepath.Join(dir, "missing")
	for name, words := range map[string]string{missing: "no such file", dir: "no file"} {
		if _, err := SecretKey(dir, name); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []string{missing, filepath.Join(dir, "secret.key")} {
		if _, err := os.Stat(name); !os.IsNotExist(err) {
			t.Errorf("%s was made: %v", name, err)
		}
	}
}

func TestSecretKeyThatIsWrongIsNeverReplaced(t *testing.T) {
	t.Parallel()
	key := secret.FormatKey(bytes.Repeat([]byte{9}, secret.KeyBytes))
	for name, c := range map[string]struct {
		text  string
		mode  os.FileMode
		words string
	}{
		"empty":            {"", 0o600, "64 hexadecimal digits"},
		"half":             {key[:32], 0o600, "64 hexadecimal digits"},
		"readable to all":  {key, 0o644, "chmod 600"},
		"readable to some": {key, 0o640, "chmod 600"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			path := filepath.Join(dir, "secret.key")
			write(t, path, c.text, c.mode)
			_, err := SecretKey(dir, "")
			if err == nil || !strings.Contains(err.Error(), c.words) || c.text != "" && strings.Contains(err.Error(), strings.TrimSpace(c.text)) {
				t.Errorf("got %v", err)
			}
			if left, err := os.ReadFile(path); err != nil || string(left) != c.text {
				t.Errorf("the file holds %q: %v", left, err)
			}
		})
	}
}

func write(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}
