package diffusion

import (
	"math"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/gobackend"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/stretchr/testify/require"
)

// eval runs a graph function on the pure-Go backend.
func eval(t *testing.T, fn func(inputs []*Node) []*Node, inputs ...any) []*tensors.Tensor {
	t.Helper()
	exec, err := NewExec(testBackend(t), fn)
	require.NoError(t, err)
	defer exec.Finalize()
	out, err := exec.Call(inputs...)
	require.NoError(t, err)
	return out
}

func testBackend(t *testing.T) compute.Backend {
	t.Helper()
	b, err := gobackend.New("ops_sequential") // the default hangs at times (platform notes)
	require.NoError(t, err)
	t.Cleanup(b.Finalize)
	return b
}

func flat(t *testing.T, x *tensors.Tensor) []float32 {
	t.Helper()
	v, err := tensors.CopyFlatData[float32](x)
	require.NoError(t, err)
	return v
}

func TestSchedule(t *testing.T) {
	s := NewSchedule()
	for step, abar := range readFixture(t).AlphaBar {
		require.InEpsilon(t, abar, s.AlphaBar[step], 1e-12, step)
		require.InEpsilon(t, 1, s.Signal(step)*s.Signal(step)+s.Noise(step)*s.Noise(step), 1e-12)
	}
	require.Equal(t, 1.0, s.Signal(-1))
	require.Equal(t, 0.0, s.Noise(-1))
}

func TestCorruptMixesBySample(t *testing.T) {
	s := NewSchedule()
	x0 := [][][][]float32{{{{1}}}, {{{1}}}}
	eps := [][][][]float32{{{{2}}}, {{{-3}}}}
	got := flat(t, eval(t, func(in []*Node) []*Node { return []*Node{s.Corrupt(in[0], in[1], in[2])} }, x0, eps, []int32{0, 700})[0])
	require.InDelta(t, s.Signal(0)+2*s.Noise(0), got[0], 1e-6)
	require.InDelta(t, s.Signal(700)-3*s.Noise(700), got[1], 1e-6)
}

func TestLevelWeight(t *testing.T) {
	for _, c := range []struct {
		t                int
		exponent, window float64
		want             float64
	}{
		{500, 1, 0, 0.5}, {500, 2, 0, 0.25}, {0, 1, 0, 0}, {0, 0, 0, 1}, {300, 0, 0, 1},
		{499, 1, 0.5, 0}, {500, 1, 0.5, 0.5}, {999, 0, 0.8, 1}, {799, 0, 0.8, 0},
	} {
		require.Equal(t, c.want, levelWeight(c.t, c.exponent, c.window), "%+v", c)
	}
	got := flat(t, eval(t, func(in []*Node) []*Node { return []*Node{weight(in[0], 2, 0.3)} }, []int32{100, 300, 900})[0])
	require.InDeltaSlice(t, []float64{0, 0.09, 0.81}, widen(got), 1e-6)
}

func widen(v []float32) []float64 {
	out := make([]float64, len(v))
	for i := range v {
		out[i] = float64(v[i])
	}
	return out
}

func TestTrainingDraws(t *testing.T) {
	a := TrainingDraws(1, 10, 4000, 2, 0.1)
	require.Equal(t, a, TrainingDraws(1, 10, 4000, 2, 0.1))
	require.NotEqual(t, a.Eps, TrainingDraws(1, 11, 4000, 2, 0.1).Eps)
	require.NotEqual(t, a.Eps, TrainingDraws(2, 10, 4000, 2, 0.1).Eps)

	var mean, square, kept, level float64
	for _, e := range a.Eps {
		mean += float64(e) / 8000
		square += float64(e) * float64(e) / 8000
	}
	for i := range a.T {
		require.True(t, a.T[i] >= 0 && a.T[i] < Steps)
		level += float64(a.T[i]) / 4000
		kept += float64(a.Kept[i]) / 4000
	}
	// Five standard errors: .011 and .016 of the normals, 4.6 of t, .0047 of kept.
	require.InDelta(t, 0, mean, 0.056)
	require.InDelta(t, 1, square, 0.08)
	require.InDelta(t, 499.5, level, 23)
	require.InDelta(t, 0.9, kept, 0.024)

	// Dropping labels takes nothing from the other numbers.
	all := TrainingDraws(1, 10, 4000, 2, 0)
	require.Equal(t, a.Eps, all.Eps)
	require.Equal(t, a.T, all.T)
}

func TestSamplingNoiseIsByPicture(t *testing.T) {
	a := SamplingNoise(1, 2, 3, 8)
	require.Equal(t, a, SamplingNoise(1, 2, 3, 8))
	for _, other := range [][]float32{SamplingNoise(2, 2, 3, 8), SamplingNoise(1, 3, 2, 8), SamplingNoise(1, 2, 4, 8)} {
		require.NotEqual(t, a, other)
	}
	require.False(t, math.IsNaN(float64(a[0])))
}
