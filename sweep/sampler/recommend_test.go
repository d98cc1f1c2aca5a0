package sampler_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/sampler"
)

// Where noise is a fifth of the range, the model's choice among 40
// finished trials is better than the lowest value, which is the luckiest.
func TestRecommendSeesThroughNoise(t *testing.T) {
	spec := &sweep.Spec{Method: sweep.MethodBayes, Metrics: []sweep.Objective{{Name: "f0", Goal: sweep.Minimize}},
		Constraints: []sweep.Constraint{{Metric: "c0", Op: "<="}},
		Parameters: []sweep.Parameter{
			{Name: "x", Distribution: sweep.DistUniform, Max: 1},
			{Name: "y", Distribution: sweep.DistUniform, Max: 1},
		}}
	s, err := sampler.New(sweep.MethodBayes)
	require.NoError(t, err)
	recommender, ok := s.(sampler.Recommender)
	require.True(t, ok)
	value := func(p sweep.Params) float64 {
		return 4 * (math.Pow(p["x"].Float()-0.3, 2) + math.Pow(p["y"].Float()-0.6, 2))
	}
	lucky, likely := 0.0, 0.0
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 1))
		var ledger []sweep.Trial
		for n := range 40 {
			params := sweep.Params{"x": sweep.Number(rng.Float64()), "y": sweep.Number(rng.Float64())}
			ledger = append(ledger, sweep.Trial{Assignment: sweep.Assignment{Number: n, Kind: sweep.KindSearch, Params: params}, Status: sweep.StatusCompleted,
				Evaluation: sweep.Evaluation{Metrics: map[string]float64{"f0": value(params) + 0.4*rng.NormFloat64(), "c0": params["x"].Float() - 0.5}}})
		}
		_, ok := recommender.Recommend(sampler.Request{Spec: spec, Ledger: ledger[:3]})
		require.False(t, ok, "three results are too few")
		best, ok := recommender.Recommend(sampler.Request{Spec: spec, Ledger: ledger})
		require.True(t, ok)
		require.LessOrEqual(t, best.Params["x"].Float(), 0.55, "the constraint is satisfied, or nearly")
		likely += value(best.Params)
		luckiest := -1
		for i, trial := range ledger {
			if trial.Metrics["c0"] <= 0 && (luckiest < 0 || trial.Metrics["f0"] < ledger[luckiest].Metrics["f0"]) {
				luckiest = i
			}
		}
		lucky += value(ledger[luckiest].Params)
	}
	t.Logf("mean regret: lowest value %.3f, model %.3f", lucky/20, likely/20)
	require.Less(t, likely, 0.75*lucky)
}
