package clock

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/bench/search/problems"
	"github.com/tailsweep/tailsweep/sweep"
)

func TestRun(t *testing.T) {
	p, _ := problems.Lookup("tail-noisy")
	o := Options{Budget: 30, Parallel: 4, Seed: 5}
	run := func(o Options) Trace {
		engine, err := NewSearch(p, sweep.MethodRandom, o)
		require.NoError(t, err)
		trace, err := Run(p, engine, o)
		require.NoError(t, err)
		require.Len(t, trace, o.Budget)
		return trace
	}
	trace := run(o)
	require.Equal(t, trace, run(o), "a function of its arguments")

	var order []int
	for _, trial := range trace {
		order = append(order, trial.Number)
	}
	require.False(t, slices.IsSorted(order), "trials finish in another order than they start")
	events := func(at float64) (running int) {
		for _, trial := range trace {
			require.InDelta(t, 1, trial.Finish-trial.Start, 0.5)
			if trial.Start <= at && at < trial.Finish {
				running++
			}
		}
		return running
	}
	last := trace[o.Budget-1].Finish
	for at := 0.0; at < last; at += 0.1 {
		require.LessOrEqual(t, events(at), 4)
	}
	require.Equal(t, 4, events(2), "no worker idles")

	// A random search knows no budget: its first ten trials are those of a run of ten.
	short := o
	short.Budget = 10
	require.Equal(t, run(short).Losses(), trace.First(p, 10).Losses())
}

// The loss is that of the trial that looks best, without noise.
func TestLoss(t *testing.T) {
	s := newScorer(problems.Problem{Objectives: 1, Constraints: 1, Best: 1})
	add := func(value, truth, constraint float64) float64 {
		return s.add(Trial{Values: []float64{value}, True: []float64{truth}, Constraints: []float64{constraint}})
	}
	require.True(t, math.IsInf(add(1, 1, 0.1), 1), "nothing feasible yet")
	require.Equal(t, 4.0, add(3, 5, 0))
	require.Equal(t, 4.0, add(4, 2, 0), "better in truth, but it looks worse")
	require.Equal(t, 6.0, add(2, 7, 0), "worse in truth, but it looks better")
	require.Equal(t, 6.0, s.add(Trial{Failed: true, Values: []float64{0}, True: []float64{math.NaN()}}))

	s = newScorer(problems.Problem{Objectives: 2, Reference: []float64{2, 2}, Volume: 4})
	require.Equal(t, 0.75, s.add(Trial{Values: []float64{1, 1}, True: []float64{1, 1}}))
	require.Equal(t, 0.5, s.add(Trial{Values: []float64{0, 1}, True: []float64{0, 1}}))
}

// A trial whose value is not finite is passed to Tell as failed.
func TestNonFiniteTrialsFail(t *testing.T) {
	p := problems.Problem{Name: "half", Objectives: 1, Space: []sweep.Parameter{{Name: "x1", Distribution: sweep.DistUniform, Max: 1}},
		Eval: func(p sweep.Params) ([]float64, []float64) {
			if x := p["x1"].Float(); x >= 0.5 {
				return []float64{x}, nil
			}
			return []float64{math.NaN()}, nil
		}}
	o := Options{Budget: 20, Parallel: 2, Seed: 1}
	engine, err := NewSearch(p, sweep.MethodRandom, o)
	require.NoError(t, err)
	trace, err := Run(p, engine, o)
	require.NoError(t, err)
	failed := 0
	for _, trial := range engine.(*search).request.Ledger {
		if trial.Status == sweep.StatusDiverged {
			failed++
			require.Empty(t, trial.Metrics)
		}
	}
	require.Greater(t, failed, 3)
	require.GreaterOrEqual(t, trace.Losses()[19], 0.5)
}

func TestExhaustedEnginesEnd(t *testing.T) {
	p := problems.Problem{Name: "few", Objectives: 1, Space: []sweep.Parameter{{Name: "x1", Distribution: sweep.DistIntUniform, Max: 4}},
		Eval: func(p sweep.Params) ([]float64, []float64) { return []float64{p["x1"].Float()}, nil }}
	o := Options{Budget: 20, Parallel: 3, Seed: 1}
	engine, err := NewSearch(p, sweep.MethodRandom, o)
	require.NoError(t, err)
	trace, err := Run(p, engine, o)
	require.NoError(t, err)
	require.Len(t, trace, 5)
	require.Zero(t, trace.Losses()[4])
}
