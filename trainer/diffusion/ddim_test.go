package diffusion

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/nets"
)

// fixture is testdata/ddim.json, made by testdata/ddim.py.
type fixture struct {
	AlphaBar map[int]float64 `json:"abar"`
	Noise    [][]float32     `json:"noise"`
	Cases    []struct {
		W     float64     `json:"w"`
		Steps int         `json:"steps"`
		Out   [][]float64 `json:"out"`
	} `json:"cases"`
}

func readFixture(t *testing.T) fixture {
	t.Helper()
	data, err := os.ReadFile("testdata/ddim.json")
	require.NoError(t, err)
	var f fixture
	require.NoError(t, json.Unmarshal(data, &f))
	return f
}

// formulaNet is a fake: the denoiser of testdata/ddim.py.
type formulaNet struct{}

func (formulaNet) Forward(_ *model.Scope, in nets.Input) nets.Output {
	b := in.X.Shape().Dim(0)
	l := Reshape(ConvertDType(in.Label, dtypes.Float32), b, 1, 1, 1)
	wave := Sin(DivScalar(Reshape(ConvertDType(in.T, dtypes.Float32), b, 1, 1, 1), 50))
	return nets.NewOutput(Sub(Add(Mul(AddScalar(MulScalar(l, 0.1), 0.6), in.X), MulScalar(wave, 0.2)), MulScalar(l, 0.05)), nil)
}

// formulaSampler draws 4x4 samples of 3 classes with formulaNet.
func formulaSampler(t *testing.T, b compute.Backend, batch int, change func(*SamplerConfig)) *Sampler {
	t.Helper()
	cfg := SamplerConfig{
		Net: formulaNet{}, Schedule: linear(t), Prediction: sweep.PredictEps, Method: sweep.SamplerDDIM,
		Size: 4, Channels: 1, Classes: 3, Batch: batch, Seed: 11,
	}
	if change != nil {
		change(&cfg)
	}
	s, err := NewSampler(b, model.NewStore(), cfg)
	require.NoError(t, err)
	t.Cleanup(s.Close)
	return s
}

func TestDDIMEqualsNumpy(t *testing.T) {
	f := readFixture(t)
	s := formulaSampler(t, testBackend(t), 3, nil)
	var noise []float32
	for _, n := range f.Noise {
		noise = append(noise, n...)
	}
	for _, c := range f.Cases {
		got, err := s.denoise(t.Context(), tensors.FromFlatDataAndDimensions(noise, 3, 4, 4, 1), []SampleID{{0, 0}, {1, 0}, {2, 0}}, c.W, c.Steps)
		require.NoError(t, err)
		for class := range c.Out {
			// float32 against float64 over up to 50 steps.
			require.InDeltaSlice(t, c.Out[class], widen(got[16*class:16*class+16]), 2e-4, "w %v steps %d class %d", c.W, c.Steps, class)
		}
	}
}

func TestSampleDoesNotDependOnTheBatch(t *testing.T) {
	samples := []SampleID{{2, 0}, {0, 5}, {1, 1}, {2, 1}, {0, 0}}
	b := testBackend(t)
	for _, method := range []string{sweep.SamplerDDIM, sweep.SamplerDDPM} {
		for _, channels := range []int{1, 3} {
			var want []float32
			change := func(c *SamplerConfig) { c.Method, c.Channels = method, channels }
			for _, batch := range []int{5, 1, 2, 8} {
				s := formulaSampler(t, b, batch, change)
				var reported []int
				got, err := s.Sample(t.Context(), samples, 1.5, 6, func(done int) error { reported = append(reported, done); return nil })
				require.NoError(t, err)
				require.Equal(t, len(samples), reported[len(reported)-1])
				require.Len(t, got, 5*16*channels)
				if want == nil {
					want = got
				}
				require.Equal(t, want, got, "%s, batch %d", method, batch)
			}
			one, err := formulaSampler(t, b, 2, change).Sample(t.Context(), samples[2:3], 1.5, 6, nil)
			require.NoError(t, err)
			require.Equal(t, want[2*16*channels:3*16*channels], one, "a sample is drawn the same alone")
		}
	}
}

func TestSampleRefuses(t *testing.T) {
	s := formulaSampler(t, testBackend(t), 2, nil)
	_, err := s.Sample(t.Context(), []SampleID{{0, 0}, {3, 0}}, 1, 5, nil)
	require.ErrorContains(t, err, "class 3 is not in 0..2")
	_, err = s.Sample(t.Context(), []SampleID{{0, 0}}, 1, 1001, nil)
	require.ErrorContains(t, err, "1..1000")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = s.Sample(ctx, []SampleID{{0, 0}}, 1, 5, nil)
	require.ErrorIs(t, err, context.Canceled)
	_, err = NewSampler(testBackend(t), model.NewStore(), SamplerConfig{Method: "euler"})
	require.ErrorContains(t, err, `evaluate.sampler = "euler" is unknown: want one of ddim, ddpm`)
}

// vNet predicts the velocity of what another net predicts the noise of.
type vNet struct {
	of       nets.Net
	schedule *Schedule
}

func (n vNet) Forward(scope *model.Scope, in nets.Input) nets.Output {
	eps := n.of.Forward(scope, in).Prediction
	signal, noise := n.schedule.rates(in.T)
	x0 := Div(Sub(in.X, Mul(noise, eps)), signal)
	return nets.NewOutput(Sub(Mul(signal, eps), Mul(noise, x0)), nil)
}

// The same denoiser draws the same samples whatever it is asked to predict.
func TestVelocityDrawsTheSame(t *testing.T) {
	b := testBackend(t)
	samples := []SampleID{{0, 0}, {1, 0}, {2, 0}}
	for _, method := range []string{sweep.SamplerDDIM, sweep.SamplerDDPM} {
		want, err := formulaSampler(t, b, 3, func(c *SamplerConfig) { c.Method = method }).Sample(t.Context(), samples, 1.5, 20, nil)
		require.NoError(t, err)
		got, err := formulaSampler(t, b, 3, func(c *SamplerConfig) {
			c.Method, c.Prediction, c.Net = method, sweep.PredictV, vNet{formulaNet{}, linear(t)}
		}).Sample(t.Context(), samples, 1.5, 20, nil)
		require.NoError(t, err)
		require.InDeltaSlice(t, widen(want), widen(got), 2e-3, method) // x_0 of noise is 1/sqrt(abar) = 160 times its rounding, clipped
	}
}

// Ancestral sampling by the paper's equation 11, mean = (x - beta/sqrt(1-abar) eps) /
// sqrt(alpha), in float64; with steps left out alpha is abar_t/abar_s.
func TestDDPMIsThePosterior(t *testing.T) {
	for _, steps := range []int{1, 7, 100} {
		s := formulaSampler(t, testBackend(t), 1, func(c *SamplerConfig) { c.Method = sweep.SamplerDDPM })
		got, err := s.Sample(t.Context(), []SampleID{{2, 5}}, 0, steps, nil)
		require.NoError(t, err)

		x := widen(SamplingNoise(11, 2, 5, 16))
		times := append(Timesteps(steps), -1)
		for k := range steps {
			from, to := times[k], times[k+1]
			abar, next := s.Schedule.AlphaBar[from], 1.0
			if to >= 0 {
				next = s.Schedule.AlphaBar[to]
			}
			alpha, z := abar/next, StepNoise(11, 2, 5, from, 16)
			for i := range x {
				eps := 0.8*x[i] + 0.2*math.Sin(float64(from)/50) - 0.1
				x0 := min(max((x[i]-math.Sqrt(1-abar)*eps)/math.Sqrt(abar), -1), 1)
				eps = (x[i] - math.Sqrt(abar)*x0) / math.Sqrt(1-abar)
				mean := (x[i] - (1-alpha)/math.Sqrt(1-abar)*eps) / math.Sqrt(alpha)
				x[i] = mean + math.Sqrt((1-next)/(1-abar)*(1-alpha))*float64(z[i])
			}
		}
		require.InDeltaSlice(t, x, widen(got), 1e-3, "%d steps", steps)
	}
}

func TestTimesteps(t *testing.T) {
	require.Equal(t, []int{999}, Timesteps(1))
	require.Equal(t, []int{999, 749, 499, 249}, Timesteps(4))
	fifty := Timesteps(50)
	require.Equal(t, 999, fifty[0])
	require.Equal(t, 19, fifty[49])
	all := Timesteps(Steps)
	for k := range all {
		require.Equal(t, Steps-1-k, all[k])
	}
	for count := 1; count <= Steps; count++ {
		steps := Timesteps(count)
		for k := 1; k < len(steps); k++ {
			require.Less(t, steps[k], steps[k-1])
		}
		require.GreaterOrEqual(t, steps[count-1], 0)
	}
}

// Each sampler of the list has its method, and each method its entry.
func TestEverySamplerHasItsMethod(t *testing.T) {
	var names []string
	for _, m := range methods {
		names = append(names, m.name)
	}
	require.ElementsMatch(t, sweep.Samplers(), names)
}
