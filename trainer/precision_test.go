package trainer

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/backend"
	"github.com/tailsweep/tailsweep/trainer/checkpoint"
	"github.com/tailsweep/tailsweep/trainer/job"
)

// Training in bfloat16 learns about as float32 does, and is not the same. Its
// state is float32, and a spec that says f32 is one that says nothing.
func TestBFloat16Learns(t *testing.T) {
	b := openBackend(t, backend.XLACPU)
	learn := func(precision string) (job.Event, map[string]string) {
		j := tiny(t)
		j.Assignment.Params = sweep.Params{}
		j.Spec.Model = sweep.Model{Arch: "dit", Width: 16, Depth: 1, Patch: 4, Heads: 2}
		j.Spec.Train.Steps, j.Spec.Train.LogEvery, j.Spec.Checkpoints.EverySteps, j.Spec.Train.Batch = 60, 10, 60, 16
		j.Spec.Train.Precision = precision
		events := train(t, b, j, nil)
		end := events[len(events)-1]
		require.Equal(t, job.Done, end.Type)
		require.Less(t, *end.LossLast, 0.7**end.LossFirst)
		requireFinite(t, events[len(events)-2].Dir) // reads float32
		return end, contents(t, j, 60)
	}
	_, silent := learn("")
	full, said := learn(sweep.PrecisionF32)
	half, other := learn(sweep.PrecisionBF16)
	require.InEpsilon(t, *full.LossLast, *half.LossLast, 0.1)
	for _, path := range []string{stateTensors, checkpoint.CurveName} {
		require.True(t, silent[path] == said[path], path)
		require.False(t, silent[path] == other[path], path)
	}
}
