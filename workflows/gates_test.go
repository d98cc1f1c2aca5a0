package workflows

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/activities/activitiestest"
	"github.com/tailsweep/tailsweep/sweep"
)

// Trials that fail a gate are finished, and nothing points at them.
func TestSweepLeavesOutWhatFailsItsGates(t *testing.T) {
	r := newRig(t)
	spec := gridSpec(3)
	most := 0.05
	spec.Gates = &sweep.Gates{MaxMemorisedRatio: &most}
	p, err := r.sweep(SweepInput{Spec: spec, Digest: "d"})
	require.NoError(t, err)
	require.Equal(t, map[sweep.Status]int{sweep.StatusCompleted: 3}, p.Counts)
	for _, trial := range r.archive.Trials() {
		require.Equal(t, []string{"memorised_ratio.all was not measured, gates.max_memorised_ratio is 0.05"}, trial.Gates)
	}
	require.Nil(t, p.Best)
	require.Empty(t, r.archive.Best())
	require.Len(t, r.archive.Keys(), 1, "the best of them keeps its checkpoint")
	require.Equal(t, []string{activitiestest.Key(2, 1, 300)}, r.archive.Keys())

	r = newRig(t)
	r.trainer.Extra = map[string]float64{"memorised_ratio.all": 0.05}
	p, err = r.sweep(SweepInput{Spec: spec, Digest: "d"})
	require.NoError(t, err)
	require.Equal(t, 2, p.Best.Number)
	for _, trial := range r.archive.Trials() {
		require.Empty(t, trial.Gates)
	}
}
