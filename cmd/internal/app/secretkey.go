package app

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"

	"github.com/cuelight/cuelight/engine/secret"
)

// SecretKeyEnv names the file with the key of secrets, instead of the one in the data directory. Nodes that share a database need the same key.
const SecretKeyEnv = "CUELIGHT_SECRET_KEY_FILE"

// secretKeyName is the key's file in the data directory.
const secretKeyName = "secret.key"

// maxKeyFile bounds what is read of a key's file.
const maxKeyFile = 4 << 10

// SecretKey gives the key that secrets are sealed with: that of file, which must exist, or with no file named that of the data directory,
// which is made on first use. It lies outside the database, so a copy of the database gives no secret away; without the key nothing that was
// sealed opens again.
func SecretKey(data, file string) ([]byte, error) {
	if file != "" {
		key, err := readKey(file, false)
		if errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("secret key %s: there is no such file; write one with openssl rand -hex %d", file, secret.KeyBytes)
		}
		return key, err
	}
	path := filepath.Join(data, secretKeyName)
	key, err := readKey(path, true)
	if !errors.Is(err, os.ErrNotExist) {
		return key, err
	}
	if err := makeKey(data, path); err != nil {
		return nil, fmt.Errorf("make secret key %s: %w", path, err)
	}
	// Whoever made it: of two that start at the same time both read the one that came to stand there.
	return readKey(path, true)
}

// readKey reads a key. One in the data directory is for our eyes only; one that an operator names may be a mounted secret with modes of its own.
func readKey(path string, ours bool) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("secret key: %w", err)
	}
	defer func() { _ = f.Close() }() // it was only read
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("secret key: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("secret key %s: it is no file", path)
	}
	if ours && runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("secret key %s: others on this machine may read it (mode %04o); run chmod 600 %s, and change the secrets if somebody did", path, info.Mode().Perm(), path)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxKeyFile))
	if err != nil {
		return nil, fmt.Errorf("secret key: %w", err)
	}
	key, err := secret.ParseKey(string(text))
	if err != nil {
		return nil, fmt.Errorf("secret key %s: %w", path, err)
	}
	return key, nil
}

// makeKey writes a new key. It appears at its path complete and on disk or not at all, and never takes the place of one that is there: a key
// that is lost or replaced makes every secret unreadable.
func makeKey(dir, path string) error {
	key := make([]byte, secret.KeyBytes)
	if _, err := rand.Read(key); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, secretKeyName+".*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }() // by then the key has its own name
	_, err = f.WriteString(secret.FormatKey(key))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return syncDir(dir)
}

// syncDir makes a new name in a directory outlast a loss of power.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil // there a directory cannot be synced, and need not be
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
