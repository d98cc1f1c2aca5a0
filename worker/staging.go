package worker

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"github.com/tailsweep/tailsweep/internal/child"
	"github.com/tailsweep/tailsweep/internal/lock"
	"github.com/tailsweep/tailsweep/trainer/job"
)

// stagingLock is the lock file in a worker's staging folder, locked while the worker runs.
const stagingLock = ".lock"

// staging is the folder of one worker for checkpoints on their way.
type staging struct {
	root string // with the folders of all workers
	dir  string

	mu     sync.Mutex
	unlock func() error
}

// makeStaging makes a folder for this worker inside root, and removes the folders of
// workers that were killed. The caller releases it.
func makeStaging(root string) (*staging, error) {
	if err := checkRoot(root); err != nil {
		return nil, fmt.Errorf("staging folder: %w", err)
	}
	if err := os.MkdirAll(root, 0o700); err != nil {
		return nil, fmt.Errorf("staging folder: %w", err)
	}
	if err := removeStale(root); err != nil {
		return nil, fmt.Errorf("staging folder: %w", err)
	}
	dir, err := os.MkdirTemp(root, "worker-")
	if err != nil {
		return nil, fmt.Errorf("staging folder: %w", err)
	}
	s := &staging{root: root, dir: dir}
	if err := s.lock(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return s, nil
}

// lock locks the folder.
func (s *staging) lock() (err error) {
	if s.unlock, err = lock.Try(filepath.Join(s.dir, stagingLock)); err != nil {
		return fmt.Errorf("staging folder: %w", err)
	}
	return nil
}

// ensure makes the folder again if somebody has removed it, or the lock file in it, as
// programs that clean /tmp do while a worker waits for work.
func (s *staging) ensure() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := os.Lstat(filepath.Join(s.dir, stagingLock)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := checkRoot(s.root); err != nil {
		return fmt.Errorf("staging folder: %w", err)
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return fmt.Errorf("staging folder: %w", err)
	}
	return errors.Join(s.unlock(), s.lock()) // of the file that is gone, then of the new one
}

// release removes the folder.
func (s *staging) release() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return errors.Join(os.RemoveAll(s.dir), s.unlock())
}

// checkRoot returns an error if root cannot be trusted with checkpoints: it is a link, it
// belongs to another user, or it is the folder of a single worker. The superuser may have
// made it, as container platforms do.
func checkRoot(root string) error {
	info, err := os.Lstat(root)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	const hint = "name another one with --staging"
	if !info.IsDir() {
		return fmt.Errorf("%s is not a folder: %s", root, hint)
	}
	if owner, ok := info.Sys().(*syscall.Stat_t); ok && int(owner.Uid) != os.Getuid() && owner.Uid != 0 {
		return fmt.Errorf("%s belongs to the user %d, this worker is of the user %d: %s", root, owner.Uid, os.Getuid(), hint)
	}
	if _, err := os.Lstat(filepath.Join(root, stagingLock)); err == nil {
		return fmt.Errorf("%s belongs to a worker, which locks %s in it: %s", root, stagingLock, hint)
	}
	return nil
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
		killLeft(filepath.Dir(path))
		if err := errors.Join(os.RemoveAll(filepath.Dir(path)), unlock()); err != nil {
			return err
		}
	}
	return nil
}

// killLeft kills the programs of users that write into the folder of a worker that was killed,
// with all that they have started. Their own parent does so, unless it was killed, too.
func killLeft(dir string) {
	begins := job.ProgramVariable + "=" + dir + string(filepath.Separator)
	child.KillMarked(func(entry string) bool { return strings.HasPrefix(entry, begins) })
}
