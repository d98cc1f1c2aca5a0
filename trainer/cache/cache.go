package cache

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Env names the environment variable that moves the cache folder.
const Env = "TAILSWEEP_CACHE_DIR"

// Dir is the cache folder: $TAILSWEEP_CACHE_DIR, else tailsweep in the user's own
// ($XDG_CACHE_HOME or ~/.cache on Linux). It need not exist.
func Dir() (string, error) {
	if dir := os.Getenv(Env); dir != "" {
		return filepath.Abs(dir)
	}
	base, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("no cache folder (set %s): %w", Env, err)
	}
	return filepath.Join(base, "tailsweep"), nil
}

// Digest is the SHA-256, in hexadecimal, of the file at path.
func Digest(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	_, err = io.Copy(h, f)
	if err = errors.Join(err, f.Close()); err != nil {
		return "", fmt.Errorf("digest of %s: %w", path, err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
