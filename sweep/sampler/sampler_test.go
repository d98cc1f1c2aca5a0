package sampler_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/sampler"
	"github.com/tailsweep/tailsweep/sweep/sampler/samplertest"
)

func TestContract(t *testing.T) {
	for _, method := range sweep.Methods() {
		t.Run(string(method), func(t *testing.T) { samplertest.Run(t, method) })
	}
}

func TestUnknownMethodIsRefused(t *testing.T) {
	_, err := sampler.New("anneal")
	require.ErrorContains(t, err, "anneal")
}

func TestGridRandomAndSobolIgnoreTheLedger(t *testing.T) {
	for _, method := range []sweep.Method{sweep.MethodGrid, sweep.MethodRandom, sweep.MethodSobol} {
		s, err := sampler.New(method)
		require.NoError(t, err)
		spec := samplertest.Specs(method)["weights"]
		bare, _, err := s.Suggest(sampler.Request{Spec: spec, Number: 7, Index: 7})
		require.NoError(t, err)
		done := sweep.Trial{Assignment: sweep.Assignment{Params: sweep.Params{"alignment.weight": sweep.Number(2)}, Seed: 1}, Status: sweep.StatusCompleted}
		later, _, err := s.Suggest(sampler.Request{Spec: spec, Ledger: []sweep.Trial{done}, Number: 7, Index: 7})
		require.NoError(t, err)
		require.Equal(t, bare, later, method)
	}
}

func TestRandomFollowsTheDistributions(t *testing.T) {
	s, err := sampler.New(sweep.MethodRandom)
	require.NoError(t, err)
	spec := samplertest.Specs(sweep.MethodRandom)["weights"]
	const n = 4000
	zeros, below, positive := 0, 0, 0
	for i := range n {
		params, _, err := s.Suggest(sampler.Request{Spec: spec, Number: i, Index: i})
		require.NoError(t, err)
		w := params["alignment.weight"].Float()
		if w == 0 {
			zeros++
			continue
		}
		positive++
		if w < math.Sqrt(1e-3*3) { // the median of a log-uniform range is its geometric mean
			below++
		}
	}
	// Five standard deviations of a binomial.
	require.InDelta(t, 0.2*n, zeros, 5*math.Sqrt(n*0.2*0.8))
	require.InDelta(t, float64(positive)/2, below, 5*math.Sqrt(float64(positive)/4))
}

// A suggestion of random in a continuous space does not read the ledger: a sweep of
// 100,000 trials is as fast at its end as at its start.
func TestRandomIsAsFastLate(t *testing.T) {
	spec := *samplertest.Specs(sweep.MethodRandom)["weights"]
	spec.Repeats = nil
	spec.Parameters = []sweep.Parameter{{Name: "lr", Distribution: sweep.DistLogUniform, Min: 1e-4, Max: 1e-1}}
	allocations := func(trials int) float64 {
		r := sampler.Request{Spec: &spec, Number: trials, Index: trials}
		for i := range trials {
			params := sweep.Params{"lr": sweep.Number(1e-4 * float64(i+1))}
			r.Ledger = append(r.Ledger, sweep.Trial{Assignment: sweep.Assignment{Number: i, Kind: sweep.KindSearch, Params: params}, Status: sweep.StatusCompleted})
		}
		return testing.AllocsPerRun(10, func() {
			_, err := sampler.Next(r)
			require.NoError(t, err)
		})
	}
	require.Less(t, allocations(500), allocations(1)+10)
}

// Bayes has to do better than random search where there is something to learn.
func TestBayesBeatsRandom(t *testing.T) {
	spec := samplertest.Specs(sweep.MethodBayes)["weights"]
	spec.Parameters = []sweep.Parameter{
		{Name: "alignment.weight", Distribution: sweep.DistLogUniform, Min: 1e-3, Max: 3, Zero: 0.2},
		{Name: "infonce.weight", Distribution: sweep.DistLogUniform, Min: 1e-3, Max: 3, Zero: 0.2},
		{Name: "infonce.window", Distribution: sweep.DistUniform, Max: 0.9},
	}
	fid := func(p sweep.Params, noise *rand.Rand) float64 {
		bowl := func(v, at float64) float64 { return math.Pow(math.Log(math.Max(v, 1e-4)/at), 2) / 10 }
		return 20 + 5*bowl(p["alignment.weight"].Float(), 0.1) + 5*bowl(p["infonce.weight"].Float(), 0.7) +
			10*math.Pow(p["infonce.window"].Float()-0.4, 2) + 0.05*noise.NormFloat64()
	}
	best := func(method sweep.Method, seed int64) float64 {
		s, err := sampler.New(method)
		require.NoError(t, err)
		spec := *spec
		spec.Method, spec.Seed = method, seed
		noise := rand.New(rand.NewPCG(uint64(seed), 9))
		r := sampler.Request{Spec: &spec}
		lowest := math.Inf(1)
		for r.Number = range 30 {
			params, reason, err := s.Suggest(r)
			require.NoError(t, err)
			trial := sweep.Trial{Assignment: sweep.Assignment{Number: r.Number, Params: params, Seed: 1, Reason: reason}, Status: sweep.StatusCompleted}
			value := fid(params, noise)
			trial.Metrics = map[string]float64{"fid.tail": value}
			lowest = math.Min(lowest, value)
			r.Ledger = append(r.Ledger, trial)
		}
		return lowest - 20
	}
	wins, seeds := 0, int64(7)
	for seed := range seeds {
		b, r := best(sweep.MethodBayes, seed), best(sweep.MethodRandom, seed)
		t.Logf("seed %d: bayes %.3f, random %.3f", seed, b, r)
		if b < r {
			wins++
		}
	}
	require.GreaterOrEqual(t, wins, 6, "of 7 seeds")
}
