package account

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"golang.org/x/crypto/argon2"

	"github.com/cuelight/cuelight/engine"
)

// The cost of a hash (guarantees 3.7), and how many are worked at: each takes 19 MiB, so a flood of logins must not be a flood of memory.
const (
	hashMemory    = 19 << 10 // KiB
	hashTime      = 2
	hashThreads   = 1
	keyBytes      = 32
	saltBytes     = 16
	hashesAtATime = 2
	hashWait      = 5 * time.Second
)

// MaxPassword is the longest password, in bytes.
const MaxPassword = 1024

func newSalt() []byte {
	salt := make([]byte, saltBytes)
	_, _ = rand.Read(salt) // never fails (crypto/rand)
	return salt
}

// encodeHash is the PHC form of a hash.
func encodeHash(salt, key []byte) string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, hashMemory, hashTime, hashThreads, b64.EncodeToString(salt), b64.EncodeToString(key))
}

// hash makes the stored form of a password.
func (s *Service) hash(ctx context.Context, password string) (string, error) {
	if password == "" || len(password) > MaxPassword {
		return "", invalid("password", "PASSWORD", fmt.Sprintf("must have 1 to %d bytes", MaxPassword))
	}
	salt := newSalt()
	var key []byte
	err := s.turn(ctx, func() {
		key = argon2.IDKey([]byte(password), salt, hashTime, hashMemory, hashThreads, keyBytes)
	})
	return encodeHash(salt, key), err
}

// verify compares a password with a stored hash, in the same time whatever the answer.
func (s *Service) verify(ctx context.Context, stored, password string) (bool, error) {
	var version, memory, passes, threads int
	parts := strings.Split(stored, "$")
	if len(parts) != 6 || parts[1] != "argon2id" {
		return false, fmt.Errorf("stored password has an unknown form")
	}
	if _, err := fmt.Sscanf(parts[2], "v=%d", &version); err != nil || version != argon2.Version {
		return false, fmt.Errorf("stored password has an unknown version")
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &memory, &passes, &threads); err != nil {
		return false, fmt.Errorf("stored password has an unknown cost: %w", err)
	}
	salt, err := base64.RawStdEncoding.DecodeString(parts[4])
	if err != nil {
		return false, fmt.Errorf("stored password has no readable salt: %w", err)
	}
	want, err := base64.RawStdEncoding.DecodeString(parts[5])
	if err != nil {
		return false, fmt.Errorf("stored password has no readable hash: %w", err)
	}
	if len(password) > MaxPassword {
		password = password[:MaxPassword+1] // no stored one is as long
	}
	var key []byte
	err = s.turn(ctx, func() {
		key = argon2.IDKey([]byte(password), salt, uint32(passes), uint32(memory), uint8(threads), uint32(len(want)))
	})
	return err == nil && subtle.ConstantTimeCompare(key, want) == 1, err
}

// turn runs f when it is its turn: hashesAtATime of them at a time.
func (s *Service) turn(ctx context.Context, f func()) error {
	ctx, cancel := context.WithTimeout(ctx, hashWait)
	defer cancel()
	select {
	case s.hashes <- struct{}{}:
		defer func() { <-s.hashes }()
		f()
		return nil
	case <-ctx.Done():
		return &LimitError{
			CodedError: &engine.CodedError{Kind: engine.ErrBusy, Code: "LOGIN_BUSY", Limit: "password_hashes", Message: "too many logins at a time; try again"},
			After:      hashWait,
		}
	}
}
