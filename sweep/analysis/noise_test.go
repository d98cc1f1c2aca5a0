package analysis

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
)

// seeded is a completed trial of the configuration w with a value of fid.tail.
func seededTrial(w float64, seed int64, value float64) sweep.Trial {
	return sweep.Trial{
		Assignment: sweep.Assignment{Kind: sweep.KindSearch, Params: sweep.Params{"infonce.weight": sweep.Number(w)}, Seed: seed},
		Status:     sweep.StatusCompleted, Evaluation: sweep.Evaluation{Metrics: map[string]float64{"fid.tail": value}},
	}
}

func seededTrialKey(w float64) string { return sweep.Params{"infonce.weight": sweep.Number(w)}.Key() }

func TestNoise(t *testing.T) {
	diverged := seededTrial(2, 2, 0)
	diverged.Status = sweep.StatusDiverged
	for _, c := range []struct {
		name       string
		trials     []sweep.Trial
		none       bool
		sd, seed   float64
		df         int
		mean, se   float64 // of point 1 less point 2
		unknownTwo bool
	}{
		{name: "nothing", none: true, unknownTwo: true},
		{name: "one seed a point", trials: []sweep.Trial{seededTrial(1, 1, 3), seededTrial(2, 1, 5)}, none: true, mean: -2},
		{name: "no value is no result", trials: []sweep.Trial{seededTrial(1, 1, 3), seededTrial(2, 1, 5), diverged}, none: true, mean: -2},
		{name: "a seed that the point had", trials: []sweep.Trial{seededTrial(1, 1, 3), seededTrial(1, 1, 5), seededTrial(2, 1, 5)}, none: true, mean: -2},
		{
			// The effect of the seed cannot be separated from noise: values 3 and 5 have variance 2.
			name: "one point of two seeds", trials: []sweep.Trial{seededTrial(1, 1, 3), seededTrial(1, 2, 5), seededTrial(2, 1, 5)},
			sd: math.Sqrt2, df: 1, mean: -1, se: math.Sqrt(2 * 1.5),
		},
		{
			// Both points are 2 higher with seed 2: nothing but the seed.
			name: "seeds alone", trials: []sweep.Trial{seededTrial(1, 1, 3), seededTrial(1, 2, 5), seededTrial(2, 1, 4), seededTrial(2, 2, 6)},
			seed: math.Sqrt2, df: 1, mean: -1,
		},
		{
			// A two-way table by hand: the changes 4 and 2 from seed 1 to seed 2 have mean 3,
			// residuals +-1/2: RSS = 1 on 1 degree of freedom, SS_seed = 2 * 3^2/2 = 9, M =
			// [[1, -1], [-1, 1]] has trace 2. The difference is over both seeds: variance 2/2.
			name: "both", trials: []sweep.Trial{seededTrial(1, 1, 0), seededTrial(1, 2, 4), seededTrial(2, 1, 1), seededTrial(2, 2, 3)},
			sd: 1, seed: 2, df: 1, mean: 0, se: 1,
		},
		{
			// The changes +2 and -2 have mean 0: no seed, 4 of squares on N - P = 2.
			name: "noise alone", trials: []sweep.Trial{seededTrial(1, 1, 0), seededTrial(1, 2, 2), seededTrial(2, 1, 1), seededTrial(2, 2, -1)},
			sd: math.Sqrt2, df: 2, mean: 1, se: math.Sqrt2,
		},
		{name: "one of them unknown", trials: []sweep.Trial{seededTrial(1, 1, 3), seededTrial(1, 2, 5)}, sd: math.Sqrt2, df: 1, unknownTwo: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := NewNoise(c.trials, "fid.tail")
			require.Equal(t, !c.none, n.DF > 0)
			require.InDelta(t, c.sd, n.StdDev, 1e-12)
			require.InDelta(t, c.seed, n.SeedStdDev, 1e-12)
			require.Equal(t, c.df, n.DF)
			d, ok := n.Difference(seededTrialKey(1), seededTrialKey(2))
			require.Equal(t, !c.unknownTwo, ok)
			require.InDelta(t, c.mean, d.Mean, 1e-12)
			require.InDelta(t, c.se, d.StdDev, 1e-12)
		})
	}
}

// A configuration without the seed on which all others were bad does not rank better
// because of that.
func TestMissingSeedsAreAllowedFor(t *testing.T) {
	var trials []sweep.Trial
	for w := range 5 {
		trials = append(trials, seededTrial(float64(w), 1, float64(w)), seededTrial(float64(w), 2, float64(w)+10+0.01*float64(w%2)))
	}
	trials = append(trials, seededTrial(9, 1, 1))
	n := NewNoise(trials, "fid.tail")
	require.Positive(t, n.DF)
	d, _ := n.Difference(seededTrialKey(9), seededTrialKey(0))
	require.InDelta(t, 1, d.Mean, 0.05, "9 is behind 0 by 1, though its mean is ahead by 4")
	require.Less(t, d.StdDev, 0.02)
}

// On unbalanced tables of known variances the estimates are unbiased and the standard
// errors are right.
func TestNoiseOnKnownVariances(t *testing.T) {
	const sd, seedSD, tables = 0.5, 1.0, 600
	rng := rand.New(rand.NewPCG(1, 2))
	var noise, seed, error2, claimed float64
	for range tables {
		var trials []sweep.Trial
		effects := []float64{seedSD * rng.NormFloat64(), seedSD * rng.NormFloat64(), seedSD * rng.NormFloat64(), seedSD * rng.NormFloat64()}
		for w := range 8 {
			for s := range 1 + w%4 {
				trials = append(trials, seededTrial(float64(w), int64(s), float64(w)+effects[s]+sd*rng.NormFloat64()))
			}
		}
		n := NewNoise(trials, "fid.tail")
		require.Positive(t, n.DF)
		noise += n.StdDev * n.StdDev / tables
		seed += n.SeedStdDev * n.SeedStdDev / tables
		d, _ := n.Difference(seededTrialKey(3), seededTrialKey(1)) // four seeds and two
		error2 += (d.Mean - 2) * (d.Mean - 2) / tables
		claimed += d.StdDev * d.StdDev / tables
	}
	require.InEpsilon(t, sd*sd, noise, 0.1)
	require.InEpsilon(t, seedSD*seedSD, seed, 0.15)
	require.InEpsilon(t, error2, claimed, 0.2)
}

func TestNoiseDoesNotDependOnTheOrder(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	var trials []sweep.Trial
	for w := range 6 {
		for s := range 1 + w%3 {
			trials = append(trials, seededTrial(float64(w), int64(s), rng.NormFloat64()))
		}
	}
	want := NewNoise(trials, "fid.tail")
	rng.Shuffle(len(trials), func(i, j int) { trials[i], trials[j] = trials[j], trials[i] })
	got := NewNoise(trials, "fid.tail")
	require.InDelta(t, want.StdDev, got.StdDev, 1e-12)
	a, _ := want.Difference(seededTrialKey(0), seededTrialKey(5))
	b, _ := got.Difference(seededTrialKey(0), seededTrialKey(5))
	require.InDelta(t, a.Mean, b.Mean, 1e-12)
	require.InDelta(t, a.StdDev, b.StdDev, 1e-12)
}
