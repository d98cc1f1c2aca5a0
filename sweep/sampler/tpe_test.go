package sampler

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/space"
)

// mixed has a range with an exact zero, one that depends on it, words and integers.
func mixed() *sweep.Spec {
	return &sweep.Spec{Seed: 1, Train: sweep.Train{Seed: 1}, Metrics: []sweep.Objective{{Name: "fid.tail", Goal: sweep.Minimize}},
		Parameters: []sweep.Parameter{
			{Name: "a.weight", Distribution: sweep.DistLogUniform, Min: 1e-3, Max: 3, Zero: 0.2},
			{Name: "b.window", Distribution: sweep.DistUniform, Max: 1, When: &sweep.Condition{Param: "a.weight", Op: ">", Value: sweep.Number(0)}},
			{Name: "c.word", Distribution: sweep.DistCategorical, Values: []sweep.Value{sweep.Word("a"), sweep.Word("b"), sweep.Word("c")}},
		}}
}

// The density is one: summed over words and zeros, integrated over ranges. Its
// draws have it: the mean of 1/p over draws in a region is the region's size.
func TestParzenIsADensity(t *testing.T) {
	s := space.NewCube(mixed())
	absent := math.NaN()
	points := [][]float64{{0, absent, 0}, {0.2, 0.9, 2}, {0.95, 0.1, 1}, {0.6, 0.5, 1}}
	p := newParzen(s, points, []float64{1, 2, 0.5, 1, 1}, 1)
	const cells = 60
	middle := func(i int, low float64) float64 { return low + (float64(i)+0.5)*(1-low)/cells }
	var total, zeros float64
	for word := range 3 {
		mass := math.Exp(p.log([]float64{0, absent, float64(word)}))
		zeros += mass
		total += mass
		for i := range cells {
			for j := range cells {
				total += math.Exp(p.log([]float64{middle(i, space.Gap), middle(j, 0), float64(word)})) * (1 - space.Gap) / cells / cells
			}
		}
	}
	require.InDelta(t, 1, total, 5e-4)

	rng := rand.New(rand.NewPCG(1, 1))
	const n = 20000
	seen, corner, size := 0.0, 0.0, 0.0
	for range n {
		u, of := s.Locate(s.Params(p.draw(rng)))
		require.True(t, of)
		switch {
		case u[0] == 0:
			seen++
		case u[0] > 0.5 && u[1] < 0.5 && u[2] == 1:
			corner++
			size += math.Exp(-p.log(u)) / n
		}
	}
	require.InDelta(t, zeros, seen/n, 5*math.Sqrt(zeros/n))
	require.Greater(t, corner, n/20.0)
	require.InDelta(t, 0.5*0.5, size, 0.02)
}

func TestParzenWidthIsBounded(t *testing.T) {
	s := space.NewCube(&sweep.Spec{Parameters: []sweep.Parameter{
		{Name: "x", Distribution: sweep.DistUniform, Max: 1},
		{Name: "y", Distribution: sweep.DistIntUniform, Min: 1, Max: 2},
	}})
	same := slices.Repeat([][]float64{{0.4, 0.25}}, 1000)
	require.Equal(t, 0.01, parzenWidth(s.Axes(), same, 0, 1), "a hundredth of the range")
	require.Equal(t, 0.25, parzenWidth(s.Axes(), same, 1, 1), "half an interval")
	require.InDelta(t, 1.0/4, parzenWidth(s.Axes(), same[:2], 0, 1), 1e-12)
	ends := slices.Repeat([][]float64{{0, 0.25}, {1, 0.25}}, 500)
	require.InDelta(t, 0.5*math.Pow(1000, -1.0/6), parzenWidth(s.Axes(), ends, 0, 1), 1e-12, "Scott's rule")
}

func TestTPEFollowsTheGoal(t *testing.T) {
	spec := cube(4, 1)
	trials := searched(t, tpe{}, spec, 80, func(u []float64, trial *sweep.Trial) { trial.Metrics = values(bowl(u)) })
	plain := searched(t, random{}, spec, 80, func(u []float64, trial *sweep.Trial) { trial.Metrics = values(bowl(u)) })
	require.Less(t, lowest(trials), lowest(plain)/3)
	require.Greater(t, trials[79].Reason.Acquisition, 0.0)
	require.Equal(t, 9.0, trials[79].Reason.Hyper["good"])
	require.Equal(t, 70.0, trials[79].Reason.Hyper["others"])
}

// A pending point is among the others, and so less attractive than before.
func TestTPEKeepsAwayFromPendingTrials(t *testing.T) {
	spec := cube(1, 1)
	ledger := searched(t, tpe{}, spec, 12, func(u []float64, trial *sweep.Trial) { trial.Metrics = values(bowl(u)) })
	s := space.NewCube(spec)
	value := func(pending ...sweep.Assignment) float64 {
		r := Request{Spec: spec, Ledger: ledger, Pending: pending}
		good, rest := split(r, s, observations(r, s))
		return good.log([]float64{0.3}) - rest.log([]float64{0.3})
	}
	require.Less(t, value(sweep.Assignment{Params: sweep.Params{"aa": sweep.Number(0.3)}}), value()-0.1)
}

// The best point is outside the constraint: the search stays inside.
func TestMethodsSatisfyConstraints(t *testing.T) {
	for name, method := range map[string]Sampler{"tpe": tpe{}, "cmaes": cmaes{}, "nsga2": nsga2{}} {
		spec := cube(3, 1)
		c, err := sweep.ParseConstraint("fid.head <= 0")
		require.NoError(t, err)
		spec.Constraints = []sweep.Constraint{c}
		trials := searched(t, method, spec, 80, func(u []float64, trial *sweep.Trial) {
			trial.Metrics = values(bowl(u), 0.6-u[0]) // feasible from u[0] = 0.6
		})
		inside, best := 0, math.Inf(1)
		for _, trial := range trials[40:] {
			if trial.Metrics["fid.head"] <= 0 {
				inside++
				best = math.Min(best, trial.Metrics["fid.tail"])
			}
		}
		require.Greater(t, inside, 20, name)
		require.Less(t, best, 0.09+0.2, name)
	}
}
