//go:build linux && !portable

package child

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// needs skips a test of what this build or machine cannot do.
func needs(t *testing.T, aCgroup bool) {
	t.Helper()
	if !aCgroup {
		return
	}
	c := newCgroup()
	if c == nil {
		t.Skip("no cgroup can be made here: it takes version 2 and the permission to write to the own one")
	}
	c.remove()
}

// cgroupsAreGone checks that this process has removed the cgroups that it made.
func cgroupsAreGone(t *testing.T) {
	t.Helper()
	for _, mount := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified"} {
		left, err := filepath.Glob(filepath.Join(mount, "tailsweep-"+strconv.Itoa(os.Getpid())+"-*"))
		require.NoError(t, err)
		require.Empty(t, left)
	}
}

// A folder that is no cgroup has no cgroup.kill, and is removed again.
func TestAFolderIsNoCgroup(t *testing.T) {
	dir := t.TempDir()
	require.Nil(t, newCgroupIn(dir))
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, entries)
}

// Cgroups that a program made in its own are removed with it.
func TestCgroupsWithinAreRemoved(t *testing.T) {
	needs(t, true)
	c := newCgroup()
	require.NoError(t, os.MkdirAll(filepath.Join(c.dir, "a", "b"), 0o755))
	c.remove()
	require.NoDirExists(t, c.dir)
}
