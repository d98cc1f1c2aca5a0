package trialview

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
)

// What differs between trials comes first: tables are cut at their right edge.
func TestShort(t *testing.T) {
	a := sweep.Params{"alignment.weight": sweep.Number(0), "infonce.temperature": sweep.Number(0.07), "infonce.weight": sweep.Number(0.25)}
	b := sweep.Params{"alignment.weight": sweep.Number(0), "infonce.temperature": sweep.Number(0.07), "infonce.weight": sweep.Number(0.75)}
	short := Short([]sweep.Params{a, b})
	require.Equal(t, "infonce=0.25 alignment=0 infonce.temperature=0.07", short(a))
	require.Equal(t, "infonce=0.75 alignment=0 infonce.temperature=0.07", short(b))
	require.Equal(t, "alignment=0 infonce=0.25 infonce.temperature=0.07", Short([]sweep.Params{a})(a))
	short = Short([]sweep.Params{a, nil})
	require.Equal(t, "alignment=0 infonce=0.25 infonce.temperature=0.07", short(a))
	require.Equal(t, "defaults", short(nil))
}
