package sampler

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/space"
)

// searched plays n trials of a method, one at a time, and returns the ledger.
// result fills in the result of a trial.
func searched(t *testing.T, s Sampler, spec *sweep.Spec, n int, result func(u []float64, trial *sweep.Trial)) []sweep.Trial {
	t.Helper()
	r, in := Request{Spec: spec}, space.NewCube(spec)
	for r.Number = range n {
		r.Index = r.Number
		params, reason, err := s.Suggest(r)
		require.NoError(t, err)
		u, of := in.Locate(params)
		require.True(t, of)
		trial := sweep.Trial{Status: sweep.StatusCompleted, Assignment: sweep.Assignment{Number: r.Number, Kind: sweep.KindSearch, Params: params, Seed: 1, Reason: reason}}
		result(u, &trial)
		r.Ledger = append(r.Ledger, trial)
	}
	return r.Ledger
}

// bowl is the squared distance from (0.3, 0.3, ...), the axes scaled 1 to 4.
func bowl(u []float64) float64 {
	var sum float64
	for k, v := range u {
		sum += math.Pow((v-0.3)*float64(1+k%4), 2)
	}
	return sum
}

// lowest is the least result of a ledger.
func lowest(trials []sweep.Trial) float64 {
	low := math.Inf(1)
	for _, t := range trials {
		if v, ok := t.Metric("fid.tail"); ok {
			low = math.Min(low, v)
		}
	}
	return low
}

func TestCMAESConverges(t *testing.T) {
	trials := searched(t, cmaes{}, cube(4, 1), 400, func(u []float64, trial *sweep.Trial) { trial.Metrics = values(bowl(u)) })
	require.Less(t, lowest(trials), 1e-5)
	require.Contains(t, trials[399].Reason.Note, "run 1")
	require.InDelta(t, 0.3, trials[399].Reason.Hyper["mean.aa"], 0.01)
}

func TestCMAESRestartsAfterConvergence(t *testing.T) {
	spec := cube(1, 1)
	trials := searched(t, cmaes{}, spec, 200, func(u []float64, trial *sweep.Trial) { trial.Metrics = values(bowl(u)) })
	last := trials[199].Reason
	require.NotContains(t, last.Note, "run 1")
	require.GreaterOrEqual(t, last.Hyper["lambda"], 8.0)
}

// Late results of an earlier distribution are used when they come; no trial waits for them.
func TestCMAESDoesNotWait(t *testing.T) {
	spec := cube(3, 1)
	trials := searched(t, cmaes{}, spec, 40, func(u []float64, trial *sweep.Trial) { trial.Metrics = values(bowl(u)) })
	late := slices.Concat(trials[3:30], trials[:2]) // 0 and 1 finish last, 2 never
	r := Request{Spec: spec, Ledger: late, Pending: []sweep.Assignment{trials[2].Assignment}, Number: 40, Index: 40}
	_, reason, err := cmaes{}.Suggest(r)
	require.NoError(t, err)
	require.Equal(t, "generation 5 of run 1", reason.Note, "29 results of 7 a generation")
}

func TestCMAESChoosesWordsAndZeros(t *testing.T) {
	spec := cube(2, 1)
	spec.Parameters = append(spec.Parameters,
		sweep.Parameter{Name: "weight", Distribution: sweep.DistLogUniform, Min: 1e-3, Max: 3, Zero: 0.2},
		sweep.Parameter{Name: "word", Distribution: sweep.DistCategorical, Values: []sweep.Value{sweep.Word("a"), sweep.Word("b"), sweep.Word("c")}})
	trials := searched(t, cmaes{}, spec, 160, func(u []float64, trial *sweep.Trial) {
		value := bowl(u[:2])
		if trial.Params["weight"] != sweep.Number(0) {
			value += 0.5
		}
		if trial.Params["word"] != sweep.Word("b") {
			value++
		}
		trial.Metrics = values(value)
	})
	zeros, words := 0, 0
	for _, trial := range trials[100:] {
		if trial.Params["weight"] == sweep.Number(0) {
			zeros++
		}
		if trial.Params["word"] == sweep.Word("b") {
			words++
		}
	}
	require.Greater(t, zeros, 45, "of 60")
	require.Greater(t, words, 40, "of 60")
}

func TestSearchesLeaveWhereTrialsDivergeOrStop(t *testing.T) {
	for _, status := range []sweep.Status{sweep.StatusDiverged, sweep.StatusStopped} {
		for _, c := range []struct {
			method          Sampler
			trials, few, of int // fewer than so many of the last trials
		}{{cmaes{}, 80, 24, 40}, {tpe{}, 60, 18, 30}} {
			trials := searched(t, c.method, cube(2, 1), c.trials, func(u []float64, trial *sweep.Trial) {
				trial.Metrics = values(-u[0])
				if u[0] > 0.6 {
					trial.Status, trial.Metrics = status, nil
				}
			})
			bad := 0
			for _, trial := range trials[c.trials-c.of:] {
				if trial.Status == status {
					bad++
				}
			}
			require.Less(t, bad, c.few, "of %d %s by %T", c.of, status, c.method)
			require.Less(t, lowest(trials), -0.57)
		}
	}
}
