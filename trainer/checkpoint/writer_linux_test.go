package checkpoint

import (
	"bytes"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFullDisk(t *testing.T) {
	parent := t.TempDir()
	if err := syscall.Mount("tmpfs", parent, "tmpfs", 0, "size=256k"); err != nil {
		t.Skipf("needs the right to mount a small file system: %v", err)
	}
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(parent, 0)) })
	earlier := write(t, parent, 1, map[string]string{ModelName: "weights"})

	w, err := Create(parent, Manifest{Step: 2})
	require.NoError(t, err)
	err = w.Bytes(ModelName, bytes.Repeat([]byte("x"), 1<<20))
	require.ErrorIs(t, err, syscall.ENOSPC)
	require.ErrorContains(t, err, parent+" is full")
	require.NoError(t, w.Abort())
	require.Equal(t, []string{DirName(1)}, names(t, parent))
	_, err = Verify(earlier)
	require.NoError(t, err)
}
