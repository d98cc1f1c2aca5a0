package cli

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOtherBackend(t *testing.T) {
	t.Setenv("TAILSWEEP_CACHE_DIR", t.TempDir()) // no plugin: auto is go
	t.Setenv("PJRT_PLUGIN_LIBRARY_PATH", "")
	for _, c := range []struct {
		asked, worker string
		refused       bool
	}{
		{"auto", "xla:cpu", false},
		{"go", "", false},
		{"go", "go", false},
		{"go", "auto", false},
		{"go", "xla:cpu", true},
		{"xla:cpu", "auto", true},
	} {
		err := checkBackend(c.asked, c.worker)
		if !c.refused {
			require.NoError(t, err, c)
			continue
		}
		require.Equal(t, ExitUsage, CodeOf(err), c)
		require.ErrorContains(t, err, "backend "+c.asked+" was requested", c)
		require.ErrorContains(t, err, "`tailsweep down`", c)
	}
}
