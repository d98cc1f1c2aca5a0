package file_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/internal/file"
)

// names lists the entries of a folder.
func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	var found []string
	for _, e := range entries {
		found = append(found, e.Name())
	}
	return found
}

func TestCreateReplacesTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.json")
	require.NoError(t, file.Write(path, []byte("old"), 0o600))
	require.NoError(t, file.WriteJSON(path, map[string]int{"a": 1}, 0o640))

	var v map[string]int
	require.NoError(t, file.ReadJSON(path, &v))
	require.Equal(t, map[string]int{"a": 1}, v)
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o640), info.Mode().Perm())
	require.Equal(t, []string{"a.json"}, names(t, filepath.Dir(path)))
}

func TestFailedCreateKeepsTheOldFileAndNothingElse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	require.NoError(t, file.Write(path, []byte("old"), 0o600))
	broken := errors.New("disk full")
	err := file.Create(path, 0o600, func(w io.Writer) error {
		_, err := w.Write([]byte("new"))
		return errors.Join(err, broken)
	})
	require.ErrorIs(t, err, broken)
	require.ErrorContains(t, err, path)
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "old", string(data))
	require.Equal(t, []string{"a"}, names(t, filepath.Dir(path)))
}

func TestReadJSONNamesTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.json")
	var v any
	require.ErrorIs(t, file.ReadJSON(path, &v), fs.ErrNotExist)
	require.NoError(t, file.Write(path, []byte("{"), 0o600))
	require.ErrorContains(t, file.ReadJSON(path, &v), path)
}

func TestSHA256(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	require.NoError(t, file.Write(path, []byte("abc"), 0o600))
	sum, err := file.SHA256(path)
	require.NoError(t, err)
	require.Equal(t, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", sum) // FIPS 180-2, B.1
	_, err = file.SHA256(path + ".absent")
	require.ErrorIs(t, err, fs.ErrNotExist)
}
