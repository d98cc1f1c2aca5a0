package worker

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/tailsweep/tailsweep/internal/lock"
)

// stagingLock is held, in a worker's staging folder, while the worker lives.
const stagingLock = ".lock"

// makeStaging makes a folder of this worker's own inside root, and removes those
// of workers that were killed. release removes it.
func makeStaging(root string) (dir string, release func() error, err error) {
	if err := os.MkdirAll(root, 0o700); err != nil {
		return "", nil, fmt.Errorf("staging folder: %w", err)
	}
	if err := removeStale(root); err != nil {
		return "", nil, fmt.Errorf("staging folder: %w", err)
	}
	dir, err = os.MkdirTemp(root, "worker-")
	if err != nil {
		return "", nil, fmt.Errorf("staging folder: %w", err)
	}
	unlock, err := lock.Try(filepath.Join(dir, stagingLock))
	if err != nil {
		return "", nil, errors.Join(fmt.Errorf("staging folder: %w", err), os.RemoveAll(dir))
	}
	return dir, func() error { return errors.Join(os.RemoveAll(dir), unlock()) }, nil
}

// removeStale removes the folders whose lock nobody holds. A folder without a
// lock file is just being made, or is none of ours.
func removeStale(root string) error {
	locks, err := filepath.Glob(filepath.Join(root, "worker-*", stagingLock))
	if err != nil {
		return err
	}
	for _, path := range locks {
		unlock, err := lock.Try(path)
		if err != nil {
			continue // in use, or another process removes it
		}
		if err := errors.Join(os.RemoveAll(filepath.Dir(path)), unlock()); err != nil {
			return err
		}
	}
	return nil
}
