package report

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
	"github.com/tailsweep/tailsweep/sweep/spectest"
)

const fixtureYAML = `apiVersion: tailsweep/v1
name: fashion-lt
method: bayes
parameters:
  alignment.weight: {distribution: log_uniform_values, min: 1e-3, max: 3, zero: 0.2}
  infonce.weight:   {distribution: log_uniform_values, min: 1e-3, max: 3, zero: 0.2}
  infonce.temperature: {distribution: log_uniform_values, min: 0.05, max: 1, when: "infonce.weight > 0"}
`

// fixture is a FAKE sweep with three baseline seeds and n search trials, one
// of them diverged and one failed when n is large enough. Its numbers look like a
// sweep's and mean nothing.
func fixture(t testing.TB, n int) Input {
	t.Helper()
	picture, err := os.ReadFile("testdata/grid.png")
	require.NoError(t, err)
	began := time.Date(2026, 11, 20, 9, 30, 0, 0, time.UTC)
	in := Input{
		Spec: &sweep.Spec{
			APIVersion: sweep.APIVersion, Name: "fashion-lt", Method: sweep.MethodBayes, Seed: 7,
			Description: "Which weights help the three rarest classes of Fashion-MNIST-LT?",
			Dataset:     sweep.Dataset{Name: sweep.FashionMNIST10k, Size: 16, Imbalance: sweep.Imbalance{Profile: sweep.ProfileExp, Factor: 0.01}},
			Model:       sweep.Model{Arch: "unet", Width: 32, Depth: 1, Mult: []int{1, 2, 2}},
			Train:       spectest.Train(sweep.Train{Steps: 2000, Batch: 64, Seed: 1}),
			Evaluate:    sweep.Evaluate{SamplesPerClass: 100, Guidance: []float64{0, 1, 2}, Sampler: sweep.SamplerDDIM, DDIMSteps: 50},
			Parameters: []sweep.Parameter{
				{Name: sweep.ParamAlignmentWeight, Distribution: sweep.DistLogUniform, Min: 1e-3, Max: 3, Zero: .2},
				{Name: sweep.ParamInfonceTemperature, Distribution: sweep.DistLogUniform, Min: .05, Max: 1},
				{Name: sweep.ParamInfonceWeight, Distribution: sweep.DistLogUniform, Min: 1e-3, Max: 3, Zero: .2},
			},
			Metrics: []sweep.Objective{{Name: "fid.tail", Goal: sweep.Minimize}, {Name: "fid.head", Goal: sweep.Minimize}},
		},
		SpecYAML: fixtureYAML, Digest: "sha256:1f0c1d0b7e9a",
		Progress: conduct.Progress{Phase: conduct.PhaseCompleted, Planned: n + 3, GPUHours: 1.84, StartedAt: began, EndedAt: new(began.Add(2 * time.Hour))},
		Grids:    map[int][]byte{}, Curves: map[int][]sweep.CurvePoint{},
		Floor: sweep.Evaluation{
			Floor:      map[string]float64{"fid.head": 1.21, "fid.medium": 1.32, "fid.tail": 1.18, "fid.all": .42},
			FloorError: map[string]float64{"fid.tail": .1},
		},
		Version: "v0.1.0-test", Now: began.Add(3 * time.Hour),
	}
	r := rand.New(rand.NewPCG(11, 3))
	for i := range n + 3 {
		trial := sweep.Trial{
			Assignment: sweep.Assignment{Number: i, Kind: sweep.KindSearch, Seed: 1, Reason: sweep.Reason{Sampler: "bayes"}},
			Status:     sweep.StatusCompleted, Evaluation: sweep.Evaluation{Guidance: float64(1 + i%2)}, Steps: 2000, Attempts: 1, Backend: "xla:cpu",
			Losses: sweep.Losses{LossFirst: new(1.02)}, TrainTime: 280 + 20*r.Float64(), EvalTime: 30, Checkpoint: fmt.Sprintf("v1/sweeps/fashion-lt/trials/%06d/attempts/1/checkpoints/step-0000002000", i),
			StartedAt: began.Add(time.Duration(i) * 5 * time.Minute), FinishedAt: began.Add(time.Duration(i+1) * 5 * time.Minute),
		}
		a, g := math.Pow(10, 3*r.Float64()-2.5), math.Pow(10, 3*r.Float64()-2.5)
		switch {
		case i < 3:
			a, g = 0, 0
			trial.Kind, trial.Seed, trial.Reason = sweep.KindBaseline, int64(i+1), sweep.Reason{Sampler: "baseline"}
		case i%5 == 0:
			a = 0
		}
		trial.Params = sweep.Params{sweep.ParamInfonceWeight: sweep.Number(a), sweep.ParamAlignmentWeight: sweep.Number(g)}
		if a > 0 {
			trial.Params[sweep.ParamInfonceTemperature] = sweep.Number(.05 + .4*r.Float64())
		}
		gain := 14 * math.Exp(-math.Pow(math.Log10(a+.001)+.4, 2)-math.Pow(math.Log10(g+.001)+.2, 2))
		head := 21 + .8*r.NormFloat64() + 2.5*a + 1.5*g
		tail := 58 + 1.5*r.NormFloat64() - gain + 3*a
		last := .064 + .02*a + .004*r.Float64()
		trial.LossLast = &last
		curve := make([]sweep.CurvePoint, 40)
		for k := range curve {
			loss := last + (*trial.LossFirst-last)*math.Exp(-float64(k)/3)
			loss *= 1 + .05*r.NormFloat64()
			curve[k] = pointAt(50*(k+1), loss, a, g)
		}
		switch i {
		case 8:
			trial.Status, curve = sweep.StatusDiverged, curve[:9]
			trial.Steps, trial.LossLast = 450, nil
		case 10:
			trial.Status, curve, trial.Attempts = sweep.StatusFailed, nil, 3
			trial.Error = &sweep.Failure{Class: sweep.FailOutOfMemory, Message: "the training child was killed at step 120: out of memory"}
		default:
			trial.Metrics = map[string]float64{
				"fid.head": head, "fid.medium": (head + tail) / 2, "fid.tail": tail, "fid.all": .8 * head,
				"label_accuracy.head": .93 - .01*a, "label_accuracy.medium": .85, "label_accuracy.tail": .55 + gain/60, "label_accuracy.all": .8,
			}
			in.Grids[i] = picture
		}
		if curve != nil {
			in.Curves[i] = curve
		}
		in.Trials = append(in.Trials, trial)
	}
	return in
}

// pointAt is a point of a curve with this sum of all terms, where a and g are the weights
// of InfoNCE and alignment. Rare classes learn later.
func pointAt(step int, loss, a, g float64) sweep.CurvePoint {
	p := sweep.CurvePoint{Step: step, Loss: loss, Terms: map[string]float64{}, Groups: map[string]float64{}}
	if a > 0 {
		p.Terms[sweep.TermInfoNCE] = .02 * (1 + math.Exp(-float64(step)/300))
		loss -= a * p.Terms[sweep.TermInfoNCE]
	}
	if g > 0 {
		p.Terms[sweep.TermAlignment] = .003 * (1 - math.Exp(-float64(step)/200))
		loss -= g * p.Terms[sweep.TermAlignment]
	}
	p.DDPM = loss
	for i, group := range sweep.GroupList() {
		p.Groups[group] = loss * (.97 + .1*float64(i))
	}
	return p
}
