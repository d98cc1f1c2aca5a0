package cost_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep/cost"
	"github.com/tailsweep/tailsweep/sweep/spectest"
)

func TestPlan(t *testing.T) {
	spec := mustParse(t, spectest.With("train: {steps: 2500}", "evaluate: {samples_per_class: 100, guidance: [0, 1]}", "baseline: {seeds: [1, 2]}", "max_concurrent_trials: 4"))
	require.Equal(t, cost.Estimate{
		Trials: 6, Baseline: 2, StepsPerTrial: 2500, Steps: 15000, SamplesPerTrial: 3000, Samples: 18000,
		CheckpointBytes: 16e6, WrittenBytes: 6 * 3 * 16e6, KeptBytes: 3 * 16e6,
		TrialTime: 55 * time.Second, SlotTime: 330 * time.Second, WallTime: 110 * time.Second,
	}, cost.Of(spec, cost.Speed{ModelParameters: 1e6, StepsPerSecond: 100, SamplesPerSecond: 100}))
	require.Zero(t, cost.Of(spec, cost.Speed{}).WallTime)
	require.EqualValues(t, 10*(500*3+2*100*3), cost.Of(mustParse(t, spectest.Searched), cost.Speed{}).SamplesPerTrial, "at the end and at two rungs")
	judged := mustParse(t, strings.Replace(spectest.Searched, ", rung: {samples_per_class: 100}", "", 1))
	require.EqualValues(t, 10*3*500*3, cost.Of(judged, cost.Speed{}).SamplesPerTrial)
	require.Equal(t, time.Duration(math.MaxInt64), cost.Of(spec, cost.Speed{StepsPerSecond: 1e-9, SamplesPerSecond: 1e-9}).SlotTime)
}
