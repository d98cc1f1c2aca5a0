package lock

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gofrs/flock"
)

// ErrHeld is returned by Try when another holder has the lock.
var ErrHeld = errors.New("locked by another process")

// pollEvery is how often Take looks whether the lock is free.
const pollEvery = 100 * time.Millisecond

// Try locks the file at path, which it creates if absent, or returns an error that
// wraps ErrHeld. The caller calls release.
func Try(path string) (release func() error, err error) {
	f := flock.New(path, flock.SetPermissions(0o600))
	got, err := f.TryLock()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), f.Close())
	}
	if !got {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, ErrHeld), f.Close())
	}
	return f.Unlock, nil
}

// Take is Try that waits for the lock until ctx ends. It calls waiting, which may
// be nil, once when another holder has the lock.
func Take(ctx context.Context, path string, waiting func()) (release func() error, err error) {
	release, err = Try(path)
	if !errors.Is(err, ErrHeld) {
		return release, err
	}
	if waiting != nil {
		waiting()
	}
	f := flock.New(path, flock.SetPermissions(0o600))
	if _, err := f.TryLockContext(ctx, pollEvery); err != nil {
		return nil, errors.Join(fmt.Errorf("wait for the lock %s: %w", path, err), f.Close())
	}
	return f.Unlock, nil
}
