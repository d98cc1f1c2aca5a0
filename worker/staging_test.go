package worker

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/internal/lock"
)

func TestStagingOfKilledWorkersIsRemoved(t *testing.T) {
	root := t.TempDir()
	alive, err := makeStaging(root)
	require.NoError(t, err)

	killed := filepath.Join(root, "worker-killed")
	require.NoError(t, os.MkdirAll(filepath.Join(killed, "trial"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(killed, stagingLock), nil, 0o600))
	foreign := filepath.Join(root, "worker-without-a-lock")
	require.NoError(t, os.Mkdir(foreign, 0o700))

	next, err := makeStaging(root)
	require.NoError(t, err)
	require.NoDirExists(t, killed)
	require.DirExists(t, alive.dir, "its worker holds the lock")
	require.DirExists(t, foreign)

	require.NoError(t, alive.release())
	require.NoDirExists(t, alive.dir)
	require.NoError(t, next.release())
	require.NoDirExists(t, next.dir)
}

// Programs that clean /tmp remove the folder of a worker that waits for work.
func TestARemovedStagingFolderIsMadeAgain(t *testing.T) {
	root := filepath.Join(t.TempDir(), "staging")
	idle, err := makeStaging(root)
	require.NoError(t, err)
	require.NoError(t, idle.ensure())
	for _, gone := range []string{root, idle.dir, filepath.Join(idle.dir, stagingLock)} {
		require.NoError(t, os.RemoveAll(gone))
		require.NoError(t, idle.ensure(), gone)
		require.DirExists(t, idle.dir)
		other, err := makeStaging(root)
		require.NoError(t, err)
		require.DirExists(t, idle.dir)
		_, err = lock.Try(filepath.Join(idle.dir, stagingLock))
		require.ErrorIs(t, err, lock.ErrHeld)
		require.NoError(t, other.release())
	}
	require.NoError(t, idle.release())
}

func TestAStagingFolderOfSomebodyElseIsRefused(t *testing.T) {
	root := t.TempDir()
	other, err := makeStaging(root)
	require.NoError(t, err)
	_, err = makeStaging(other.dir)
	require.ErrorContains(t, err, other.dir+" belongs to a worker")
	require.NoError(t, other.release())

	link := filepath.Join(root, "link")
	require.NoError(t, os.Symlink(t.TempDir(), link))
	_, err = makeStaging(link)
	require.ErrorContains(t, err, link+" is not a folder")

	if os.Getuid() != 0 {
		t.Skip("only the superuser can give a folder to another user")
	}
	foreign := filepath.Join(root, "foreign")
	require.NoError(t, os.Mkdir(foreign, 0o777))
	require.NoError(t, os.Chown(foreign, 4711, 4711))
	_, err = makeStaging(foreign)
	require.ErrorContains(t, err, "belongs to the user 4711")
}
