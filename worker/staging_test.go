package worker

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestStagingOfKilledWorkersIsRemoved(t *testing.T) {
	root := t.TempDir()
	alive, release, err := makeStaging(root)
	require.NoError(t, err)

	killed := filepath.Join(root, "worker-killed")
	require.NoError(t, os.MkdirAll(filepath.Join(killed, "trial"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(killed, stagingLock), nil, 0o600))
	foreign := filepath.Join(root, "worker-without-a-lock")
	require.NoError(t, os.Mkdir(foreign, 0o700))

	next, releaseNext, err := makeStaging(root)
	require.NoError(t, err)
	require.NoDirExists(t, killed)
	require.DirExists(t, alive, "its worker holds the lock")
	require.DirExists(t, foreign)

	require.NoError(t, release())
	require.NoDirExists(t, alive)
	require.NoError(t, releaseNext())
	require.NoDirExists(t, next)
}
