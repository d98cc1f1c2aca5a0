package trainer

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/backend"
	"github.com/tailsweep/tailsweep/trainer/checkpoint"
	"github.com/tailsweep/tailsweep/trainer/job"
)

// everything is a tiny job with all that draws random numbers or has variables: every
// term, dropout, velocity, AdamW, a cosine schedule, ancestral sampling.
func everything(t *testing.T) job.Train {
	t.Helper()
	j := tiny(t)
	j.Spec.Model = sweep.Model{Arch: "unet", Width: 4, Depth: 1, Mult: []int{1, 2}, Attention: []int{1}, Dropout: 0.2}
	tr := &j.Spec.Train
	tr.LabelDropoutMode, tr.Schedule, tr.Prediction, tr.WeightDecay, tr.ClipNorm = sweep.DropBatch, sweep.ScheduleCosine, sweep.PredictV, 0.01, 0.5
	tr.Flip = sweep.FlipHorizontal
	j.Spec.Evaluate.Sampler, j.Spec.Evaluate.DDPMSteps = sweep.SamplerDDPM, 3
	for _, name := range []string{sweep.ParamCBDMWeight, sweep.ParamT2HWeight, sweep.ParamCORALWeight, sweep.ParamDispersiveWeight} {
		j.Assignment.Params[name] = sweep.Number(0.25)
	}
	j.Assignment.Params[sweep.ParamInfonceLayer] = sweep.Word("up0")
	j.Assignment.Params[sweep.ParamInfonceNegatives] = sweep.Word(sweep.NegativesOtherClass)
	return j
}

func TestEverythingResumesBitForBit(t *testing.T) {
	b := openBackend(t, backend.Go)
	whole := everything(t)
	events := train(t, b, whole, nil)
	rest := everything(t)
	rest.Resume = filepath.Join(whole.Staging, checkpoint.DirName(4)) // in the middle of a point of the curve
	train(t, b, rest, nil)
	same(t, contents(t, whole, 8), contents(t, rest, 8))

	for _, e := range events {
		if e.Point == nil {
			continue
		}
		want := 0.75 * e.Point.DDPM
		require.Len(t, e.Point.Terms, len(sweep.LossTerms()))
		for name, value := range e.Point.Terms {
			weight, ok := map[string]float64{sweep.TermInfoNCE: 0.1, sweep.TermAlignment: 0.2}[name]
			if !ok {
				weight = 0.25
			}
			want += weight * value
		}
		require.InDelta(t, e.Point.Loss, want, 1e-4)
	}

	dir := filepath.Join(whole.Staging, checkpoint.DirName(8))
	averages, _, err := checkpoint.ReadTensors(filepath.Join(dir, checkpoint.ModelName))
	require.NoError(t, err)
	rows, _, err := checkpoint.ReadTensors(filepath.Join(dir, filepath.FromSlash(stateTensors)))
	require.NoError(t, err)
	projection := 0
	for _, tensor := range rows {
		if strings.Contains(tensor.Name, "losses.coral") {
			projection++
		}
	}
	require.Equal(t, 6, projection, "weight and bias with two moments each")
	for _, tensor := range averages {
		require.NotContains(t, tensor.Name, "losses", "a model carries nothing of its training's losses")
	}

	m, err := OpenModel(b, dir)
	require.NoError(t, err)
	defer m.Close()
	require.Equal(t, sampleOne(t, m), sampleOne(t, m))
}

// onXLA is everything on a net that XLA compiles fast.
func onXLA(t *testing.T) job.Train {
	t.Helper()
	j := everything(t)
	j.Spec.Model = sweep.Model{Arch: sweep.ArchDiT, Width: 8, Depth: 1, Patch: 8, Heads: 1, Dropout: 0.2}
	j.Assignment.Params[sweep.ParamInfonceLayer] = sweep.Word(sweep.LayerLast)
	return j
}

func TestEverythingResumesBitForBitOnXLA(t *testing.T) {
	b := openBackend(t, backend.XLACPU)
	whole := onXLA(t)
	train(t, b, whole, nil)
	rest := whole
	rest.Staging, rest.Resume = t.TempDir(), filepath.Join(whole.Staging, checkpoint.DirName(4))
	train(t, b, rest, nil)
	same(t, contents(t, whole, 8), contents(t, rest, 8))
}

// Go and XLA train the same net with every term from the same seed, up to rounding,
// which Adam's first steps enlarge: they move by the sign of a gradient.
func TestBackendsAgreeOnEverything(t *testing.T) {
	xla := openBackend(t, backend.XLACPU)
	points := func(b *backend.Backend) (all []sweep.CurvePoint) {
		j := onXLA(t)
		j.Spec.Train.Steps, j.Spec.Train.LogEvery = 3, 1
		for _, e := range train(t, b, j, nil) {
			if e.Point != nil {
				all = append(all, *e.Point)
			}
		}
		return all
	}
	want, got := points(openBackend(t, backend.Go)), points(xla)
	require.Len(t, got, 3)
	for i := range want {
		require.InEpsilon(t, want[i].Loss, got[i].Loss, 1e-3, "step %d", i+1)
		require.Len(t, want[i].Terms, len(sweep.LossTerms()))
		for name, value := range want[i].Terms {
			require.InDelta(t, value, got[i].Terms[name], 1e-3*max(1, value), "%s at step %d", name, i+1)
		}
	}
}

// What each setting changes, it changes: four steps with and without it differ
// (before, a new net does not see its label).
func TestSettingsReachTheTraining(t *testing.T) {
	b := openBackend(t, backend.Go)
	weights := func(change func(j *job.Train)) string {
		j := tiny(t)
		j.Assignment.Params = sweep.Params{}
		j.Spec.Train.Steps = 4
		j.Spec.Model.Mult = []int{1}
		change(&j)
		train(t, b, j, nil)
		return contents(t, j, 4)[stateTensors]
	}
	seen := map[string]string{weights(func(*job.Train) {}): "plain"}
	for name, change := range map[string]func(j *job.Train){
		"dropout":      func(j *job.Train) { j.Spec.Model.Dropout = 0.5 },
		"flip":         func(j *job.Train) { j.Spec.Train.Flip = sweep.FlipHorizontal },
		"schedule":     func(j *job.Train) { j.Spec.Train.Schedule = sweep.ScheduleCosine },
		"prediction":   func(j *job.Train) { j.Spec.Train.Prediction = sweep.PredictV },
		"weight decay": func(j *job.Train) { j.Spec.Train.WeightDecay = 0.5 },
		"clip":         func(j *job.Train) { j.Spec.Train.ClipNorm = 1e-9 },
		"drop":         func(j *job.Train) { j.Spec.Train.LabelDropoutMode = sweep.DropBatch },
		"cbdm":         func(j *job.Train) { j.Assignment.Params[sweep.ParamCBDMWeight] = sweep.Number(5) },
		"dispersive":   func(j *job.Train) { j.Assignment.Params[sweep.ParamDispersiveWeight] = sweep.Number(5) },
	} {
		got := weights(change)
		require.Empty(t, seen[got], "%s trains what this does", name)
		seen[got] = name
	}
}

// The curve of a plain training is the same number in every version, up to rounding
// between machines: no seed, stream or default has moved.
func TestPlainCurveIsPinned(t *testing.T) {
	j := tiny(t)
	j.Assignment.Params = nil
	var points []sweep.CurvePoint
	for _, e := range train(t, openBackend(t, backend.Go), j, nil) {
		if e.Point != nil {
			points = append(points, *e.Point)
		}
	}
	for i, want := range []float64{0.9529363, 0.8034015, 0.8863807} {
		require.InDelta(t, want, points[i].DDPM, 1e-4)
		require.Equal(t, points[i].DDPM, points[i].Loss)
		require.Empty(t, points[i].Terms)
	}
	require.InDelta(t, 0.943606, points[0].Groups[sweep.GroupHead], 1e-4)
	require.InDelta(t, 1.055574, points[0].Groups[sweep.GroupMedium], 1e-4)
	require.NotContains(t, points[0].Groups, sweep.GroupTail, "none of the three batches has one")
}

func TestGroupsOfAPoint(t *testing.T) {
	var w window
	w.add(losses{total: 1, ddpm: 1, samples: []float32{1, 2, 6}}, []string{"head", "head", "tail"})
	w.add(losses{total: 3, ddpm: 3, samples: []float32{6, 1, 1}, terms: map[string]float32{sweep.TermCORAL: 4}}, []string{"head", "medium", "medium"})
	p := w.take(2)
	require.Equal(t, map[string]float64{"head": 3, "medium": 1, "tail": 6}, p.Groups)
	require.Equal(t, map[string]float64{sweep.TermCORAL: 2}, p.Terms)
	require.Equal(t, window{}, w)
}
