package diffusion

import (
	"math"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/gobackend"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
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

func linear(t *testing.T) *Schedule {
	t.Helper()
	s, err := NewSchedule(sweep.ScheduleLinear)
	require.NoError(t, err)
	return s
}

// abar_t = f(t+1)/f(0) until beta is clipped, in the last step only.
func TestCosineSchedule(t *testing.T) {
	s, err := NewSchedule(sweep.ScheduleCosine)
	require.NoError(t, err)
	f := func(share float64) float64 { return math.Pow(math.Cos((share+0.008)/1.008*math.Pi/2), 2) }
	for _, step := range []int{0, 99, 499, 998} {
		require.InEpsilon(t, f(float64(step+1)/1000)/f(0), s.AlphaBar[step], 1e-9, step)
	}
	require.InDelta(t, 0.4939, s.AlphaBar[499], 1e-4, "half of the signal's power at half of the time, less the offset")
	require.InEpsilon(t, 0.001*s.AlphaBar[998], s.AlphaBar[999], 1e-9, "beta is clipped at .999")
	_, err = NewSchedule("sigmoid")
	require.ErrorContains(t, err, `train.schedule = "sigmoid" is unknown: want linear or cosine`)
}

func TestSchedule(t *testing.T) {
	s := linear(t)
	for step, abar := range readFixture(t).AlphaBar {
		require.InEpsilon(t, abar, s.AlphaBar[step], 1e-12, step)
		require.InEpsilon(t, 1, s.Signal(step)*s.Signal(step)+s.Noise(step)*s.Noise(step), 1e-12)
	}
	require.Equal(t, 1.0, s.Signal(-1))
	require.Equal(t, 0.0, s.Noise(-1))
}

func TestCorruptMixesBySample(t *testing.T) {
	s := linear(t)
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

// A velocity and x_t mean one noise, and one image.
func TestPredictions(t *testing.T) {
	s := linear(t)
	x0, eps, steps := [][][][]float32{{{{0.5, -1}}}, {{{0.25, 1}}}}, [][][][]float32{{{{2, 0.5}}}, {{{-3, 1}}}}, []int32{100, 700}
	out := eval(t, func(in []*Node) []*Node {
		v := s.target(in[0], in[1], in[2], sweep.PredictV)
		xt := s.Corrupt(in[0], in[1], in[2])
		return []*Node{v, s.toEps(v, xt, in[2], sweep.PredictV), s.target(in[0], in[1], in[2], sweep.PredictEps), s.toEps(v, xt, in[2], sweep.PredictEps)}
	}, x0, eps, steps)
	v := flat(t, out[0])
	require.InDelta(t, s.Signal(100)*2-s.Noise(100)*0.5, v[0], 1e-6)
	require.InDelta(t, s.Signal(700)*1-s.Noise(700)*1, v[3], 1e-6)
	require.InDeltaSlice(t, []float64{2, 0.5, -3, 1}, widen(flat(t, out[1])), 1e-6)
	require.Equal(t, []float32{2, 0.5, -3, 1}, flat(t, out[2]))
	require.Equal(t, v, flat(t, out[3]), "a net of eps is taken at its word")
}

func TestTrainingDraws(t *testing.T) {
	a := TrainingDraws(1, 10, 4000, 2, 0.1, false)
	require.Equal(t, a, TrainingDraws(1, 10, 4000, 2, 0.1, false))
	require.NotEqual(t, a.Eps, TrainingDraws(1, 11, 4000, 2, 0.1, false).Eps)
	require.NotEqual(t, a.Eps, TrainingDraws(2, 10, 4000, 2, 0.1, false).Eps)

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
	all := TrainingDraws(1, 10, 4000, 2, 0, false)
	require.Equal(t, a.Eps, all.Eps)
	require.Equal(t, a.T, all.T)

	// Nor does dropping a batch's together: its coin falls once a step.
	dropped := 0
	for step := range 400 {
		d := TrainingDraws(1, step, 3, 2, 0.25, true)
		require.Equal(t, []float32{d.Kept[0], d.Kept[0], d.Kept[0]}, d.Kept)
		require.Equal(t, TrainingDraws(1, step, 3, 2, 0.25, false).Eps, d.Eps)
		dropped += int(1 - d.Kept[0])
	}
	require.InDelta(t, 100, dropped, 5*math.Sqrt(400*0.25*0.75))
}

func TestFurtherDraws(t *testing.T) {
	counts := []int{600, 0, 300, 100}
	drawn := make([]float64, 4)
	for _, class := range otherClasses(3, 7, 20000, counts).([]int32) {
		drawn[class]++
	}
	require.InDeltaSlice(t, []float64{12000, 0, 6000, 2000}, drawn, 5*71) // five standard errors
	u := transferDraws(3, 7, 20000, nil).([]float32)
	var mean float64
	for _, v := range u {
		require.True(t, v >= 0 && v < 1)
		mean += float64(v) / 20000
	}
	require.InDelta(t, 0.5, mean, 0.011)
	require.Equal(t, u, transferDraws(3, 7, 20000, nil))
	require.NotEqual(t, u, transferDraws(3, 8, 20000, nil))
	require.Equal(t, otherClasses(3, 7, 9, counts), otherClasses(3, 7, 20000, counts).([]int32)[:9])
	require.NotEqual(t, otherClasses(3, 7, 50, counts), otherClasses(3, 8, 50, counts))
	require.Equal(t, MaskState(3, 7), MaskState(3, 7))
	require.NotEqual(t, MaskState(3, 7), MaskState(3, 8))
	require.NotEqual(t, MaskState(3, 7), MaskState(4, 7))
	noise := StepNoise(1, 2, 3, 4, 8)
	for _, other := range [][]float32{StepNoise(1, 2, 3, 5, 8), StepNoise(1, 2, 4, 4, 8), StepNoise(1, 3, 3, 4, 8), StepNoise(2, 2, 3, 4, 8), SamplingNoise(1, 2, 3, 8)} {
		require.NotEqual(t, noise, other)
	}
}

func TestSamplingNoiseIsByClassAndIndex(t *testing.T) {
	a := SamplingNoise(1, 2, 3, 8)
	require.Equal(t, a, SamplingNoise(1, 2, 3, 8))
	for _, other := range [][]float32{SamplingNoise(2, 2, 3, 8), SamplingNoise(1, 3, 2, 8), SamplingNoise(1, 2, 4, 8)} {
		require.NotEqual(t, a, other)
	}
	require.False(t, math.IsNaN(float64(a[0])))
}
