package cost_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep/cost"
	"github.com/tailsweep/tailsweep/sweep/specfile/specfiletest"
	"github.com/tailsweep/tailsweep/sweep/spectest"
)

// Repeats of a grid follow its last configuration, as sampler.Next gives them.
func TestTrialCountOfAGridWithRepeats(t *testing.T) {
	for lines, want := range map[string]int{
		"":                                   3,
		"repeats: {seeds: [2], share: 0.5}":  6,
		"repeats: {seeds: [2], share: 0.25}": 4,
		"repeats: {seeds: [2], share: 0.9}":  6,
		"repeats: {seeds: [2], share: 0.5}\nbudget: {run_cap: 5}":               5,
		"repeats: {seeds: [2], share: 0.5}\nbudget: {run_cap: 2}\nbaseline: {}": 3,
	} {
		text := spectest.With(append([]string{"method: grid", "budget: {}", "parameters: {infonce.weight: {values: [0.1, 0.5, 1]}}"}, strings.Split(lines, "\n")...)...)
		require.Equal(t, want, cost.TrialCount(specfiletest.Parse(t, text)), lines)
	}
}

// Points are search trials: within run_cap, and in addition to a grid that lacks them.
func TestTrialCountOfPoints(t *testing.T) {
	const points = "points: [{infonce.weight: 0.5}, {infonce.weight: 0.3}]"
	grid := []string{"method: grid", "budget: {}", "parameters: {infonce.weight: {min: 0, max: 1, count: 3}}"}
	require.Equal(t, 4, cost.TrialCount(specfiletest.Parse(t, spectest.With(points))))
	require.Equal(t, 3, cost.TrialCount(specfiletest.Parse(t, spectest.With(grid...))))
	spec := specfiletest.Parse(t, spectest.With(append(grid, points)...))
	require.Equal(t, 4, cost.TrialCount(spec), "0.5 is of the grid")
	spec.Budget.RunCap = 3
	require.Equal(t, 3, cost.TrialCount(spec))
}

func TestEstimate(t *testing.T) {
	spec := specfiletest.Parse(t, spectest.With("train: {steps: 2500}", "evaluate: {samples_per_class: 100, guidance: [0, 1]}", "baseline: {seeds: [1, 2]}", "max_concurrent_trials: 4"))
	require.Equal(t, cost.Estimate{
		Trials: 6, Baseline: 2, StepsPerTrial: 2500, Steps: 15000, SamplesPerTrial: 3000, Samples: 18000,
		CheckpointBytes: 16e6, WrittenBytes: 6 * 3 * 16e6, KeptBytes: 3 * 16e6,
		TrialTime: 55 * time.Second, SlotTime: 330 * time.Second, WallTime: 110 * time.Second,
	}, cost.Of(spec, cost.Speed{ModelParameters: 1e6, StepsPerSecond: 100, SamplesPerSecond: 100}))
	require.Zero(t, cost.Of(spec, cost.Speed{}).WallTime)
	require.EqualValues(t, 10*(500*3+2*100*3), cost.Of(specfiletest.Parse(t, spectest.Searched), cost.Speed{}).SamplesPerTrial, "at the end and at two rungs")
	evaluated := specfiletest.Parse(t, strings.Replace(spectest.Searched, ", rung: {samples_per_class: 100}", "", 1))
	require.EqualValues(t, 10*3*500*3, cost.Of(evaluated, cost.Speed{}).SamplesPerTrial)
	require.Equal(t, time.Duration(math.MaxInt64), cost.Of(spec, cost.Speed{StepsPerSecond: 1e-9, SamplesPerSecond: 1e-9}).SlotTime)
}
