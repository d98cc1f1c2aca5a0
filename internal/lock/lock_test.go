package lock_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/internal/lock"
)

func TestTryRefusesAHeldLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.lock")
	release, err := lock.Try(path)
	require.NoError(t, err)
	_, err = lock.Try(path)
	require.ErrorIs(t, err, lock.ErrHeld)
	require.NoError(t, release())
	release, err = lock.Try(path)
	require.NoError(t, err)
	require.NoError(t, release())
}

func TestTakeWaitsAndReportsItOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.lock")
	release, err := lock.Try(path)
	require.NoError(t, err)
	calls := 0
	second, err := lock.Take(t.Context(), path, func() {
		calls++
		require.NoError(t, release())
	})
	require.NoError(t, err)
	require.Equal(t, 1, calls)
	require.NoError(t, second())
}

func TestTakeEndsWithItsContext(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.lock")
	release, err := lock.Try(path)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	_, err = lock.Take(ctx, path, cancel)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorContains(t, err, path)
	require.NoError(t, release())
}
