package cache

import (
	"fmt"
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
