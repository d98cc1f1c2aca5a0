package worker

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/tailsweep/tailsweep/internal/lock"
)

// stagingLock is the lock file in a worker's staging folder, locked while the worker runs.
const stagingLock = ".lock"

// makeStaging makes a folder for this worker inside root, and removes the folders of
// workers that were killed. release removes the new one.
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

// removeStale removes the folders whose lock is free. A folder without a lock file is
// just being made by another worker, or does not belong to tailsweep.
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
