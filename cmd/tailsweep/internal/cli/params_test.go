package cli

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
)

func TestParseParam(t *testing.T) {
	name, value, err := ParseParam("infonce.weight=1e-3")
	require.NoError(t, err)
	require.Equal(t, "infonce.weight", name)
	require.Equal(t, sweep.Number(1e-3), value)
	_, value, err = ParseParam("infonce.pass=cond")
	require.NoError(t, err)
	require.Equal(t, sweep.Word("cond"), value)
	for _, bad := range []string{"infonce.weight", "infonce.weight=", "infonce.weight=NaN", "infonce.weight=inf", "=1"} {
		_, _, err := ParseParam(bad)
		require.Equal(t, ExitUsage, CodeOf(err), bad)
	}
}
