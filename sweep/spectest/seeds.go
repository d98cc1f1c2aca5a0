package spectest

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
)

// Seeded is a search whose configurations were trained with several seeds.
type Seeded struct {
	Baseline int             // seeds
	Seeds    func(x int) int // of configuration x
	Effect   float64         // standard deviation of the seeds' effects
	Goal     sweep.Goal
	Bound    string
}

// SeededList has the searches for which everything that uses the noise between seeds must
// find the same noise.
func SeededList() map[string]Seeded {
	return map[string]Seeded{
		"one seed each":              {1, func(int) int { return 1 }, 1, sweep.Minimize, "fid.head <= baseline.fid.head * 1.02"},
		"the baseline's seeds alone": {3, func(int) int { return 1 }, 1, sweep.Minimize, "fid.head <= baseline.fid.head * 1.02"},
		"two seeds each":             {2, func(int) int { return 2 }, 3, sweep.Minimize, "fid.head <= baseline.fid.head + 1"},
		"one to three seeds":         {3, func(x int) int { return 1 + x%3 }, 3, sweep.Minimize, "fid.head <= baseline.fid.head * 1.02"},
		"no effects of seeds":        {3, func(x int) int { return 1 + x%3 }, 0, sweep.Minimize, "fid.head <= baseline.fid.head * 1.02"},
		"maximised":                  {2, func(x int) int { return 1 + x%2 }, 2, sweep.Maximize, "fid.head >= baseline.fid.head * 0.9 - 1"},
		"a limit by another metric":  {3, func(x int) int { return 1 + x%3 }, 2, sweep.Minimize, "fid.head <= baseline.fid.tail * 0.5"},
		"an absolute limit":          {2, func(x int) int { return 1 + x%3 }, 2, sweep.Minimize, "fid.head <= 21"},
	}
}

// Trials returns the spec and the ledger: the baseline, then 12 configurations.
func (c Seeded) Trials(t testing.TB) (spec *sweep.Spec, ledger []sweep.Trial) {
	t.Helper()
	constraint, err := sweep.ParseConstraint(c.Bound)
	require.NoError(t, err)
	spec = &sweep.Spec{
		Method: sweep.MethodBayes, Train: sweep.Train{Seed: 1}, Constraints: []sweep.Constraint{constraint},
		Parameters: []sweep.Parameter{{Name: "infonce.weight", Distribution: sweep.DistUniform, Max: 20}},
		Metrics:    []sweep.Objective{{Name: "fid.tail", Goal: c.Goal}},
		Repeats:    &sweep.Repeats{Seeds: []int64{2, 3}, Share: 0.5},
	}
	rng := rand.New(rand.NewPCG(1, 9))
	var tail, head [4]float64
	for s := range tail {
		tail[s], head[s] = c.Effect*rng.NormFloat64(), c.Effect*rng.NormFloat64()
	}
	add := func(kind sweep.Kind, x, seeds int) {
		for s := 1; s <= seeds; s++ {
			ledger = append(ledger, sweep.Trial{
				Assignment: sweep.Assignment{Number: len(ledger), Kind: kind, Seed: int64(s), Params: sweep.Params{"infonce.weight": sweep.Number(float64(x))}},
				Status:     sweep.StatusCompleted,
				Evaluation: sweep.Evaluation{Metrics: map[string]float64{
					"fid.tail": 40 + float64(x)/4 + tail[s] + 0.5*rng.NormFloat64(), "fid.head": 21 + 4*math.Sin(float64(x)) + head[s] + 0.5*rng.NormFloat64(),
				}},
			})
		}
	}
	add(sweep.KindBaseline, 0, c.Baseline)
	for x := 1; x <= 12; x++ {
		add(sweep.KindSearch, x, c.Seeds(x))
	}
	return spec, ledger
}
