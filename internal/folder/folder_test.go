package folder_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/internal/folder"
)

func TestFolders(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the defaults of Linux")
	}
	here, err := os.Getwd()
	require.NoError(t, err)
	for name, f := range map[string]struct {
		find               func() (string, error)
		own, standard, sub string
	}{
		"cache": {folder.Cache, folder.CacheVariable, "XDG_CACHE_HOME", ".cache"},
		"state": {folder.State, folder.StateVariable, "XDG_DATA_HOME", ".local/share"},
	} {
		for _, c := range []struct{ own, standard, home, want string }{
			{"/own", "/standard", "/home/me", "/own"},
			{"own", "/standard", "/home/me", filepath.Join(here, "own")},
			{"", "/standard", "/home/me", "/standard/tailsweep"},
			{"", "/standard", "", "/standard/tailsweep"},
			{"", "relative", "/home/me", filepath.Join("/home/me", f.sub, "tailsweep")}, // the standard ignores it
			{"", "", "/home/me", filepath.Join("/home/me", f.sub, "tailsweep")},
		} {
			t.Setenv(f.own, c.own)
			t.Setenv(f.standard, c.standard)
			t.Setenv("HOME", c.home)
			dir, err := f.find()
			require.NoError(t, err, "%s %+v", name, c)
			require.Equal(t, c.want, dir, "%s %+v", name, c)
		}
		t.Setenv(f.standard, "")
		t.Setenv("HOME", "")
		_, err := f.find()
		require.ErrorContains(t, err, "set "+f.own)
	}
}

func TestHint(t *testing.T) {
	require.NoError(t, folder.Hint(nil, folder.StateVariable))
	require.Equal(t, fs.ErrNotExist, folder.Hint(fs.ErrNotExist, folder.StateVariable))
	err := folder.Hint(&fs.PathError{Op: "open", Path: "/root/x", Err: syscall.EACCES}, folder.StateVariable)
	require.ErrorIs(t, err, fs.ErrPermission)
	require.ErrorContains(t, err, "/root/x")
	require.ErrorContains(t, err, folder.StateVariable)
}
