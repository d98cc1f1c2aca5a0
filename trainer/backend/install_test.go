package backend

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/internal/folder"
)

func TestInstalledLooksInTheCacheFirst(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	t.Setenv(folder.CacheVariable, dir)
	t.Setenv("PJRT_PLUGIN_LIBRARY_PATH", other)
	path, ok := Installed(CPU)
	require.False(t, ok)
	require.Equal(t, filepath.Join(dir, "pjrt", "2026.6.23", "pjrt_c_api_cpu_plugin.so"), path)

	baked := filepath.Join(other, PluginFile(CPU))
	require.NoError(t, os.WriteFile(baked, nil, 0o600))
	got, ok := Installed(CPU)
	require.True(t, ok)
	require.Equal(t, baked, got)

	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	got, ok = Installed(CPU)
	require.True(t, ok)
	require.Equal(t, path, got)
}

func TestOpen(t *testing.T) {
	_, err := Open("tpu")
	require.ErrorContains(t, err, "auto, go, xla:cpu, xla:cuda")

	t.Setenv(folder.CacheVariable, t.TempDir())
	t.Setenv("PJRT_PLUGIN_LIBRARY_PATH", "")
	_, err = Open(XLACPU)
	if HasXLA {
		require.ErrorContains(t, err, "tailsweep backend install")
	} else {
		require.ErrorContains(t, err, "cgo")
	}
	b, err := Open(Auto)
	require.NoError(t, err)
	defer b.Close()
	require.Equal(t, Go, b.Choice)
	require.NotEmpty(t, b.Why)
	require.False(t, b.NativeConvolution())
}

func TestDoctor(t *testing.T) {
	t.Setenv(folder.CacheVariable, t.TempDir())
	t.Setenv("PJRT_PLUGIN_LIBRARY_PATH", "")
	level := map[string]Level{}
	for _, c := range Doctor() {
		level[c.Name] = c.Level
		require.NotEmpty(t, c.Found, c.Name)
		if c.Level == Warning {
			require.NotEmptyf(t, c.Fix, "%s says nothing about what to do", c.Name)
		}
	}
	require.Equal(t, Warning, level["XLA for the CPU"])

	path, _ := Installed(CPU)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte("another library"), 0o600))
	require.Equal(t, Fault, pluginCheck().Level, "a plugin that is not the pinned one")
}
