package sampler

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
)

var everyKind = &sweep.Spec{Parameters: []sweep.Parameter{
	{Name: "alignment.weight", Distribution: sweep.DistLogUniform, Min: 1e-3, Max: 3, Zero: 0.3},
	{Name: "alignment.window", Distribution: sweep.DistUniform, Max: 0.8, When: &sweep.Condition{Param: "alignment.weight", Op: ">", Value: sweep.Number(0)}},
	{Name: "batch", Distribution: sweep.DistIntUniform, Min: 30, Max: 35},
	{Name: "infonce.pass", Distribution: sweep.DistCategorical, Values: []sweep.Value{sweep.Word("cond"), sweep.Word("uncond")}},
	{Name: "infonce.window", Distribution: sweep.DistQUniform, Min: 0.1, Max: 0.75, Q: 0.1},
	{Name: "resampling.factor", Distribution: sweep.DistUniform, Min: 0.1, Max: 1, Zero: 0.3},
}}

// A point of the cube and the parameters that it stands for lead to each other.
func TestSpaceRoundTrip(t *testing.T) {
	s := newSpace(everyKind)
	rng := rand.New(rand.NewPCG(1, 1))
	for range 500 {
		params := s.params(s.draw(rng))
		u, ok := s.point(params)
		require.True(t, ok)
		for k, p := range s.order {
			if p.Distribution != sweep.DistCategorical {
				require.GreaterOrEqual(t, u[k], 0.0)
				require.LessOrEqual(t, u[k], 1.0)
			}
			v, active := params[p.Name]
			if active && p.Zero > 0 {
				require.Equal(t, v == sweep.Number(0), u[k] < gap, "zeros, and only they, are below the gap")
			}
		}
		again := s.params(u)
		require.Len(t, again, len(params))
		for name, v := range params {
			if v.IsWord() {
				require.Equal(t, v, again[name])
				continue
			}
			require.InDelta(t, v.Float(), again[name].Float(), 1e-9, name)
		}
	}
}

func TestEndsOfALogRangeAreAsWritten(t *testing.T) {
	for _, p := range []sweep.Parameter{
		{Distribution: sweep.DistLogUniform, Min: 1e-3, Max: 3},
		{Distribution: sweep.DistLogUniform, Min: 1e-3, Max: 3, Zero: 0.2},
	} {
		lowest := 0.0
		if p.Zero > 0 {
			lowest = gap
		}
		require.Equal(t, sweep.Number(1e-3), decode(p, lowest))
		require.Equal(t, sweep.Number(3), decode(p, 1))
	}
}

func TestPointRefusesWhatTheSpaceHasNot(t *testing.T) {
	s := newSpace(everyKind)
	for _, params := range []sweep.Params{
		{"lr": sweep.Number(1e-3)},
		{"infonce.pass": sweep.Word("both")},
		{"batch": sweep.Word("cond")},
	} {
		_, ok := s.point(params)
		require.False(t, ok, params.Key())
	}
	u, ok := s.point(sweep.Params{"alignment.weight": sweep.Number(0)})
	require.True(t, ok, "a baseline sets less than the search")
	require.Zero(t, u[0])
}

// Steps of the acquisition's search stay in the cube, and reach zeros and words.
func TestStepStaysInTheCube(t *testing.T) {
	s := newSpace(everyKind)
	rng := rand.New(rand.NewPCG(1, 1))
	seen := make(map[string]bool)
	u := s.draw(rng)
	for range 2000 {
		u = s.step(rng, u, 0.3)
		params := s.params(u)
		for k, p := range s.order {
			if p.Distribution == sweep.DistCategorical {
				require.Contains(t, []float64{0, 1}, u[k])
				seen[params[p.Name].String()] = true
				continue
			}
			require.True(t, u[k] >= 0 && u[k] <= 1)
			require.False(t, p.Zero > 0 && u[k] > 0 && u[k] < gap, "nothing is inside the gap")
			seen[p.Name+" zero"] = seen[p.Name+" zero"] || params[p.Name] == sweep.Number(0)
		}
	}
	require.True(t, seen["cond"] && seen["uncond"] && seen["alignment.weight zero"] && seen["resampling.factor zero"])
}
