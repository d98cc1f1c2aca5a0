package sampler

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep/analysis"
	"github.com/tailsweep/tailsweep/sweep/space"
	"github.com/tailsweep/tailsweep/sweep/spectest"
)

// The search, `best` and feasibility have one model of the noise between seeds: methods
// learn from the means and the excesses that the others use, for any ledger. The test of
// the same name in package repeats checks who gets a repeat.
func TestNoiseIsOneModel(t *testing.T) {
	for name, c := range spectest.SeededList() {
		t.Run(name, func(t *testing.T) {
			spec, ledger := c.Trials(t)
			noise, limits, feasibilities := analysis.NewNoise(ledger, "fid.tail"), analysis.NewLimits(spec, ledger), analysis.Feasibilities(spec, ledger)
			list := observations(Request{Spec: spec, Ledger: ledger}, space.NewCube(spec))
			require.NotEmpty(t, list)
			for _, o := range list {
				key := ledger[o.number].Params.Key()
				mean, _ := noise.Mean(key)
				require.InDelta(t, spec.Metrics[0].Cost(mean.Mean), o.values[0], 1e-9)
				excess, ok := limits.Excess(0, key)
				require.True(t, ok)
				require.InDelta(t, excess.Mean, o.excess[0], 1e-9)
				f, ok := limits.Feasibility(key)
				require.True(t, ok)
				require.Equal(t, f, feasibilities[o.number])
			}
		})
	}
}
