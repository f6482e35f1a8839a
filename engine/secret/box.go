package secret

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// KeyBytes is how long a key is.
const KeyBytes = 32

// ErrSealed says that a sealed secret cannot be opened: it was sealed with another key or for another name, or it was changed.
var ErrSealed = errors.New("the secret cannot be opened with this key")

// version is the first byte of what Seal gives; another way of sealing gets another one.
const version = 1

// Box seals and opens secrets with one key, by AES-256-GCM. It is safe for concurrent use and never prints its key.
type Box struct {
	aead cipher.AEAD
	id   string
}

// NewBox makes a box of a key of KeyBytes random bytes.
func NewBox(key []byte) (*Box, error) {
	if len(key) != KeyBytes {
		return nil, fmt.Errorf("the key has %d bytes, not %d", len(key), KeyBytes)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("use key: %w", err)
	}
	// Nonces are random, 96 bits: safe for some billions of secrets with one key.
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("use key: %w", err)
	}
	sum := hmac.New(sha256.New, key)
	sum.Write([]byte("cuelight: which key is this"))
	return &Box{aead: aead, id: hex.EncodeToString(sum.Sum(nil)[:8])}, nil
}

// ID tells keys apart and gives nothing of them away. A store that remembers it can say at start that the key is not the one it was
// filled with.
func (b *Box) ID() string { return b.id }

// String is for those who print a box.
func (b *Box) String() string { return "secret.Box(" + b.id + ")" }

// GoString is String.
func (b *Box) GoString() string { return b.String() }

// Seal encrypts a secret for the app and under the name that it belongs to: moved to another row it does not open. It never gives the same
// bytes twice.
func (b *Box) Seal(plain, app, name string) []byte {
	return b.aead.Seal([]byte{version}, nil, []byte(plain), bound(app, name))
}

// Len is how long a secret is, by what Seal gave for it: a byte of version, the nonce and the tag come on top.
func Len(sealed []byte) int { return max(0, len(sealed)-1-12-16) }

// Open decrypts what Seal gave for the same app and name, or fails with ErrSealed.
func (b *Box) Open(sealed []byte, app, name string) (string, error) {
	if len(sealed) == 0 || sealed[0] != version {
		return "", fmt.Errorf("secret %s of app %s: %w", name, app, ErrSealed)
	}
	plain, err := b.aead.Open(nil, nil, sealed[1:], bound(app, name))
	if err != nil {
		return "", fmt.Errorf("secret %s of app %s: %w", name, app, ErrSealed)
	}
	return string(plain), nil
}

// bound is what a sealed secret is bound to. The length of the first part keeps "a", "bc" and "ab", "c" apart.
func bound(app, name string) []byte {
	out := binary.BigEndian.AppendUint64([]byte{version}, uint64(len(app)))
	return append(append(out, app...), name...)
}

// ParseKey reads a key as it stands in a file: 64 hexadecimal digits, or base64 of KeyBytes bytes.
func ParseKey(text string) ([]byte, error) {
	text = strings.TrimSpace(text)
	if key, err := hex.DecodeString(text); err == nil && len(key) == KeyBytes {
		return key, nil
	}
	if key, err := base64.RawStdEncoding.Strict().DecodeString(strings.TrimRight(text, "=")); err == nil && len(key) == KeyBytes {
		return key, nil
	}
	return nil, fmt.Errorf("it does not hold a key: it must be %d hexadecimal digits, as openssl rand -hex %d writes them", 2*KeyBytes, KeyBytes)
}

// FormatKey writes a key as ParseKey reads it.
func FormatKey(key []byte) string { return hex.EncodeToString(key) + "\n" }
