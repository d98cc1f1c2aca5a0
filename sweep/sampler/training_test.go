package sampler

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/space"
)

// Each outcome becomes the numbers that newTraining documents.
func TestTrainingByOutcome(t *testing.T) {
	spec := surveyed(1, 1, 0, 1, func([]float64) []float64 { return []float64{0, 0} }).Spec
	trial := func(number int, x float64, status sweep.Status, rung, f, c float64) sweep.Trial {
		out := sweep.Trial{Assignment: sweep.Assignment{Number: number, Params: sweep.Params{"x0": sweep.Number(x)}, Seed: 1}, Status: status}
		if status == sweep.StatusCompleted {
			out.Metrics = map[string]float64{"f0": f, "c0": c}
		}
		out.Rungs = []sweep.Rung{{Step: 10, Metrics: map[string]float64{"f0": rung}}}
		return out
	}
	r := Request{Spec: spec, Ledger: []sweep.Trial{
		trial(0, 0, sweep.StatusCompleted, 12, 10, -1),
		trial(1, 0.2, sweep.StatusCompleted, 9, 6, 2),
		trial(2, 0.4, sweep.StatusCompleted, 8, 2, -1),
		trial(3, 0.6, sweep.StatusDiverged, 1, 0, 0),
		trial(4, 0.8, sweep.StatusStopped, 30, 0, 0), // 30 - 3, the median of what trials still gain
		trial(5, 1, sweep.StatusStopped, 5, 0, 0),    // no better than the best
	}}
	for i, c := range []float64{0, 3.2, -0.1, 9, 1.2, 3} {
		r.Ledger[i].Rungs[0].Metrics["c0"] = c
	}
	got := newTraining(r, space.NewCube(spec))
	require.Equal(t, [][]float64{{10}, {6}, {2}, {10}, {27}, {2}}, got.values)
	require.Equal(t, [][]float64{{-1}, {2}, {-1}, {2}}, got.excess[:4])
	require.True(t, math.IsNaN(got.excess[4][0]), "1.2 - 1 is within what trials differ by from their rungs")
	require.Equal(t, 2.0, got.excess[5][0], "3 - 1 is not")
	require.False(t, got.feasible(1))
	require.True(t, got.feasible(2))

	r.Ledger = r.Ledger[3:]
	require.Empty(t, newTraining(r, space.NewCube(spec)).x, "nothing has completed")
}
