package trainer

import (
	"math"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/backend"
	"github.com/tailsweep/tailsweep/trainer/diffusion"
)

func sampleIDs(n int) []diffusion.SampleID {
	all := make([]diffusion.SampleID, n)
	for i := range all {
		all[i] = diffusion.SampleID{Class: i % 10, Index: i / 10}
	}
	return all
}

func TestSchedule(t *testing.T) {
	s := sweep.Settings{Train: sweep.Train{LR: 0.1, WarmupSteps: 4, EMA: 0.5}}
	for k, want := range map[int]schedule{
		1:   {0.025, 0.1, 0.001, 2.0 / 11},
		3:   {0.075, 1 - .9*.9*.9, 1 - .999*.999*.999, 4.0 / 13},
		4:   {0.1, 1 - math.Pow(.9, 4), 1 - math.Pow(.999, 4), 5.0 / 14},
		7:   {0.1, 1 - math.Pow(.9, 7), 1 - math.Pow(.999, 7), 8.0 / 17},
		100: {0.1, 1 - math.Pow(.9, 100), 1 - math.Pow(.999, 100), 0.5},
	} {
		got := scheduleAt(s, k)
		require.InDelta(t, want.lr, got.lr, 1e-12, k)
		require.InDelta(t, want.correct1, got.correct1, 1e-12, k)
		require.InDelta(t, want.correct2, got.correct2, 1e-12, k)
		require.InDelta(t, want.ema, got.ema, 1e-12, k)
	}
	require.Equal(t, 0.1, scheduleAt(sweep.Settings{Train: sweep.Train{LR: 0.1}}, 1).lr, "no warm-up")
}

// Adam with a clipped gradient, and the EMA, against float64 by hand, for the
// loss sum(w_i^2 scale): gradients of norm above and below the clip.
func TestUpdate(t *testing.T) {
	const clipNorm = 1.5
	for _, scale := range []float64{0.01, 100} {
		store := model.NewStore()
		exec, err := model.NewExec(openBackend(t, backend.Go).Compute, store, func(scope *model.Scope, control *Node) *Node {
			w := scope.VariableWithValue("w", []float32{1, -2, 0.5})
			return update(scope.Store(), MulScalar(ReduceAllSum(Square(w.NodeValue(control.Graph()))), scale), control, sweep.Settings{Train: sweep.Train{ClipNorm: clipNorm}})
		})
		require.NoError(t, err)
		defer exec.Finalize()
		w, mean := []float64{1, -2, 0.5}, []float64{1, -2, 0.5}
		m, v := make([]float64, 3), make([]float64, 3)
		settings := sweep.Settings{Train: sweep.Train{LR: 0.05, EMA: 0.9}}
		for k := 1; k <= 5; k++ {
			at := scheduleAt(settings, k)
			norm, err := exec.Call1([]float32{float32(at.lr), float32(at.correct1), float32(at.correct2), float32(at.ema)})
			require.NoError(t, err)
			var square float64
			for i := range w {
				square += 4 * scale * scale * w[i] * w[i]
			}
			require.InEpsilon(t, math.Sqrt(square), tensors.ToScalar[float32](norm), 1e-5)
			clip := min(1, clipNorm/(math.Sqrt(square)+1e-6))
			for i := range w {
				g := 2 * scale * w[i] * clip
				m[i] = 0.9*m[i] + 0.1*g
				v[i] = 0.999*v[i] + 0.001*g*g
				w[i] -= at.lr * (m[i] / at.correct1) / (math.Sqrt(v[i]/at.correct2) + adamEps)
				mean[i] = at.ema*mean[i] + (1-at.ema)*w[i]
			}
			for path, want := range map[string][]float64{"/w": w, "/adam/m/w": m, "/adam/v/w": v, "/ema/w": mean} {
				got, err := tensors.CopyFlatData[float32](store.GetVariable(path).MustValue())
				require.NoError(t, err)
				for i := range want {
					require.InDelta(t, want[i], got[i], 1e-5, "%s after step %d", path, k)
				}
			}
		}
		require.True(t, store.GetVariable("/w").Trainable)
		require.False(t, store.GetVariable("/ema/w").Trainable)
	}
}

// Decoupled weight decay subtracts lr * decay of a kernel in addition to Adam's move, here none
// since the gradient is 0, and leaves other weights alone.
func TestWeightDecay(t *testing.T) {
	store := model.NewStore()
	exec, err := model.NewExec(openBackend(t, backend.Go).Compute, store, func(scope *model.Scope, control *Node) *Node {
		loss := ZerosLike(Slice(control, AxisElem(0)))
		layer := scope.In("layer")
		for _, name := range []string{"kernel", "bias", "weight", "scale", "table"} {
			v := layer.VariableWithValue(name, []float32{2, -4})
			loss = Add(loss, MulScalar(ReduceAllSum(v.NodeValue(control.Graph())), 0))
		}
		return update(scope.Store(), Reshape(loss), control, sweep.Settings{Train: sweep.Train{ClipNorm: 1, WeightDecay: 0.1}})
	})
	require.NoError(t, err)
	defer exec.Finalize()
	_, err = exec.Call1([]float32{0.5, 1, 1, 0})
	require.NoError(t, err)
	for name, want := range map[string][]float32{"kernel": {1.9, -3.8}, "weight": {1.9, -3.8}, "bias": {2, -4}, "scale": {2, -4}, "table": {2, -4}} {
		got, err := tensors.CopyFlatData[float32](store.GetVariable("/layer/" + name).MustValue())
		require.NoError(t, err)
		require.InDeltaSlice(t, []float64{float64(want[0]), float64(want[1])}, []float64{float64(got[0]), float64(got[1])}, 1e-6, name)
	}
}

func TestLossesOf(t *testing.T) {
	var curve []sweep.CurvePoint
	for i := range 25 {
		curve = append(curve, sweep.CurvePoint{Loss: float64(25 - i)})
	}
	l := sweep.LossesOf(curve)
	require.Equal(t, 25.0, *l.LossFirst)
	require.Equal(t, 1.5, *l.LossLast, "the mean of the last two of 25")
	l = sweep.LossesOf(curve[:1])
	require.Equal(t, 25.0, *l.LossLast)
}
