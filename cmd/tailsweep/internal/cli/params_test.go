package cli

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
)

func TestParseParam(t *testing.T) {
	name, value, err := ParseParam(new(sweep.Spec), "infonce.weight=1e-3")
	require.NoError(t, err)
	require.Equal(t, "infonce.weight", name)
	require.Equal(t, sweep.Number(1e-3), value)
	_, value, err = ParseParam(new(sweep.Spec), "infonce.pass=cond")
	require.NoError(t, err)
	require.Equal(t, sweep.Word("cond"), value)
	for _, bad := range []string{"infonce.weight", "infonce.weight=", "infonce.weight=NaN", "infonce.weight=inf", "=1"} {
		_, _, err := ParseParam(new(sweep.Spec), bad)
		require.Equal(t, ExitUsage, CodeOf(err), bad)
	}
	_, _, err = ParseParam(new(sweep.Spec), "width=3")
	require.Equal(t, ExitUsage, CodeOf(err))
	own := &sweep.Spec{Trainer: &sweep.Trainer{}, Parameters: sweep.Space{{Name: "width"}}}
	_, value, err = ParseParam(own, "width=large")
	require.NoError(t, err)
	require.Equal(t, sweep.Word("large"), value, "a program's parameter may be a word")
	_, _, err = ParseParam(own, "lr=3")
	require.ErrorContains(t, err, "--param lr: unknown parameter (valid: width)")
}
