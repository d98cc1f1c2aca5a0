package space

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
)

// Every row of the table is complete, and its functions agree with each other.
func TestDistributions(t *testing.T) {
	one := sweep.Number(2)
	example := sweep.Parameter{Name: "x", Value: &one, Values: []sweep.Value{sweep.Number(1), sweep.Number(2), sweep.Number(5)},
		Min: 1, Max: 9, Q: 1, Mu: 1.2, Sigma: 0.5, Count: 4}
	seen := make(map[sweep.Distribution]bool)
	for _, d := range Distributions() {
		t.Run(string(d.Name), func(t *testing.T) {
			require.False(t, seen[d.Name])
			seen[d.Name] = true
			require.NotEmpty(t, d.About)
			require.NotEmpty(t, d.Needs)
			p := example
			p.Distribution = d.Name
			grid := GridValues(p)
			require.NotEmpty(t, grid)
			for _, v := range grid {
				require.NoError(t, Legal(p, v))
			}
			require.Error(t, Legal(p, sweep.Number(100)))
			require.InDelta(t, Greatest(p), grid[len(grid)-1].Float(), 0)
			spec := &sweep.Spec{Parameters: sweep.Space{p}}
			if n := Count(p); n > 1 {
				p.Count = 0
				require.Len(t, GridValues(p), n)
				require.Len(t, neighbours(p, grid[0]), map[bool]int{true: 0, false: 1}[IsCategorical(p)])
			}
			cube := NewCube(spec)
			for i := range 101 {
				u := float64(i) / 101
				if IsCategorical(p) {
					u = float64(i % 3)
				}
				params := cube.Params([]float64{u})
				require.NoError(t, Legal(p, params["x"]))
				back, ok := cube.Point(params)
				require.True(t, ok)
				again := cube.Params(back)
				require.InDelta(t, params["x"].Float(), again["x"].Float(), 1e-9)
			}
		})
	}
	require.Panics(t, func() { Of(sweep.Parameter{Distribution: "beta"}) })
}
