package folder

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"github.com/adrg/xdg"
)

// The environment variables that name a folder in place of the default.
const (
	CacheVariable = "TAILSWEEP_CACHE_DIR"
	StateVariable = "TAILSWEEP_STATE_DIR"
)

// Cache returns the folder of what can be downloaded or built again: datasets, feature
// nets, the XLA plugin, the servers of the embedded stack. It is
// $TAILSWEEP_CACHE_DIR, else tailsweep in the user's cache folder (on Linux
// $XDG_CACHE_HOME or ~/.cache, on macOS ~/Library/Caches). It need not exist.
func Cache() (string, error) {
	return find(CacheVariable, "XDG_CACHE_HOME", func() string { return xdg.CacheHome })
}

// State returns the folder of the embedded stack's state: sweeps, checkpoints,
// logs. It is $TAILSWEEP_STATE_DIR, else tailsweep in the user's data folder (on
// Linux $XDG_DATA_HOME or ~/.local/share, on macOS ~/Library/Application Support).
// It need not exist.
func State() (string, error) {
	return find(StateVariable, "XDG_DATA_HOME", func() string { return xdg.DataHome })
}

// Hint adds a hint to the error of a folder that this user cannot read or write; variable
// is the environment variable that names another folder. It returns other errors, and
// nil, unchanged.
func Hint(err error, variable string) error {
	if !errors.Is(err, fs.ErrPermission) && !errors.Is(err, syscall.ENOTDIR) && !errors.Is(err, syscall.EROFS) {
		return err
	}
	return fmt.Errorf("%w: correct the owner or permissions, or set %s to another folder", err, variable)
}

var reload sync.Mutex // xdg keeps what it has read in variables

func find(own, standard string, base func() string) (string, error) {
	if dir := os.Getenv(own); dir != "" {
		return filepath.Abs(dir)
	}
	// Without a home folder xdg uses the root folder.
	if _, err := os.UserHomeDir(); err != nil && !filepath.IsAbs(os.Getenv(standard)) {
		return "", fmt.Errorf("no home folder: set %s: %w", own, err)
	}
	reload.Lock()
	defer reload.Unlock()
	xdg.Reload()
	return filepath.Join(base(), "tailsweep"), nil
}
