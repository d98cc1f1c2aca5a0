package file_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/internal/file"
)

func TestInside(t *testing.T) {
	dir, elsewhere := t.TempDir(), t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "a/b"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "a/b/grid.png"), nil, 0o600))
	require.NoError(t, os.Symlink(elsewhere, filepath.Join(dir, "out")))
	require.NoError(t, os.WriteFile(filepath.Join(elsewhere, "secret"), nil, 0o600))
	require.NoError(t, os.Symlink("a/b/grid.png", filepath.Join(dir, "link")))
	require.NoError(t, file.Inside(dir, filepath.Join(dir, "a/b/grid.png")))
	require.NoError(t, file.Inside(dir, filepath.Join(dir, "none/there")))
	for path, want := range map[string]string{
		dir: "is not inside", elsewhere: "is not inside", filepath.Join(dir, "../x"): "is not inside",
		filepath.Join(dir, "out/secret"): "is a link", filepath.Join(dir, "link"): "is a link",
	} {
		require.ErrorContains(t, file.Inside(dir, path), want, path)
	}
}

func TestOpenPlain(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "grid.png")
	require.NoError(t, os.WriteFile(path, []byte("12345"), 0o600))
	f, size, err := file.OpenPlain(path, 5)
	require.NoError(t, err)
	require.Equal(t, int64(5), size)
	require.NoError(t, f.Close())
	_, _, err = file.OpenPlain(path, 4)
	require.ErrorContains(t, err, "at most 4")
	link, pipe := filepath.Join(dir, "link"), filepath.Join(dir, "pipe")
	require.NoError(t, os.Symlink(path, link))
	require.NoError(t, syscall.Mkfifo(pipe, 0o600))
	for _, bad := range []string{link, pipe, dir} {
		_, _, err = file.OpenPlain(bad, 5)
		require.Error(t, err, bad)
	}
}

// A link in place of a file is not read, whether its target is a file or a folder.
func TestReadPlainFollowsNoLink(t *testing.T) {
	dir := t.TempDir()
	plain, link := filepath.Join(dir, "plain"), filepath.Join(dir, "link")
	require.NoError(t, os.WriteFile(plain, []byte("abc"), 0o600))
	require.NoError(t, os.Symlink(plain, link))
	data, err := file.ReadPlain(plain, 3)
	require.NoError(t, err)
	require.Equal(t, "abc", string(data))
	_, err = file.ReadPlain(plain, 2)
	require.ErrorContains(t, err, "at most 2")
	sum, err := file.SHA256Plain(plain, 3)
	require.NoError(t, err)
	want, err := file.SHA256(plain)
	require.NoError(t, err)
	require.Equal(t, want, sum)
	for _, path := range []string{link, dir} {
		_, err = file.ReadPlain(path, 3)
		require.Error(t, err, path)
		_, err = file.SHA256Plain(path, 3)
		require.Error(t, err, path)
	}
}
