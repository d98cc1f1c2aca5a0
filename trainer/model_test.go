package trainer

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/backend"
	"github.com/tailsweep/tailsweep/trainer/checkpoint"
	"github.com/tailsweep/tailsweep/trainer/dataset"
	"github.com/tailsweep/tailsweep/trainer/diffusion"
)

func TestModelFromACheckpointSamples(t *testing.T) {
	b, j := openBackend(t, backend.Go), tiny(t)
	train(t, b, j, nil)
	dir := filepath.Join(j.Staging, checkpoint.DirName(8))
	m, err := OpenModel(b, dir)
	require.NoError(t, err)
	defer m.Close()
	spec, err := json.Marshal(m.Spec)
	require.NoError(t, err)
	want, err := json.Marshal(j.Spec)
	require.NoError(t, err)
	require.JSONEq(t, string(want), string(spec))
	require.Equal(t, j.Assignment, m.Assignment)

	about, err := m.Classes()
	require.NoError(t, err)
	described, err := dataset.Describe(j.Spec.Dataset)
	require.NoError(t, err)
	described.Available = nil
	require.Equal(t, described, about)

	trained := sampleOne(t, m)
	require.Equal(t, trained, sampleOne(t, m))
	for _, v := range trained {
		require.True(t, v >= -1 && v <= 1)
	}
	fresh, err := Untrained(b, j.Spec, j.Assignment)
	require.NoError(t, err)
	defer fresh.Close()
	require.NotEqual(t, trained, sampleOne(t, fresh))

	count, err := ParameterCount(j.Spec)
	require.NoError(t, err)
	weights := 0
	for v := range m.store.IterVariables() {
		weights += v.Shape().Size()
	}
	require.Equal(t, weights, count)
}

// A sample in one step is the image that the prediction for its noise means.
func TestPredictIsWhatASamplerUses(t *testing.T) {
	for _, prediction := range []string{sweep.PredictEps, sweep.PredictV} {
		b, j := openBackend(t, backend.Go), tiny(t)
		j.Spec.Train.Prediction = prediction
		train(t, b, j, nil)
		m, err := OpenModel(b, filepath.Join(j.Staging, checkpoint.DirName(8)))
		require.NoError(t, err)
		defer m.Close()
		s, err := m.Sampler(1)
		require.NoError(t, err)
		defer s.Close()
		const class, last = 2, sweep.DiffusionSteps - 1
		want, err := s.Sample(t.Context(), []diffusion.SampleID{{Class: class}}, 0, 1, nil)
		require.NoError(t, err)

		x := diffusion.SamplingNoise(j.Spec.Evaluate.Seed, class, 0, 16*16)
		out, err := m.Predict(slices.Concat(x, x), []int32{last, last}, []int32{class, 10})
		require.NoError(t, err)
		require.Len(t, out, 2*len(x))
		require.NotEqual(t, out[:len(x)], out[len(x):], "the label counts")
		signal, noise := s.Schedule.Signal(last), s.Schedule.Noise(last)
		for i := range x {
			clean := (float64(x[i]) - noise*float64(out[i])) / signal
			if prediction == sweep.PredictV {
				clean = signal*float64(x[i]) - noise*float64(out[i])
			}
			require.InDelta(t, want[i], min(max(clean, -1), 1), 2e-4)
		}
	}
}

// An untrained net predicts 0 whatever the label: the loss of DDPM is the mean square of the
// noise, and the two predictions are aligned.
func TestLossesOfAnUntrainedNet(t *testing.T) {
	b, j := openBackend(t, backend.Go), tiny(t)
	m, err := Untrained(b, j.Spec, j.Assignment)
	require.NoError(t, err)
	defer m.Close()
	settings, err := j.Spec.Settings(sweep.Assignment{Seed: 1, Params: sweep.Params{
		sweep.ParamInfonceWeight: sweep.Number(1), sweep.ParamAlignmentWeight: sweep.Number(1),
	}})
	require.NoError(t, err)
	const pixels = 16 * 16
	eps, square := diffusion.SamplingNoise(3, 0, 0, 2*pixels), 0.0
	for _, e := range eps {
		square += float64(e) * float64(e) / float64(len(eps))
	}
	got, err := m.Losses(settings, make([]float32, 2*pixels), eps, []int32{0, 999}, []int32{1, 2}, []float32{1, 0})
	require.NoError(t, err)
	require.InDelta(t, square, got["ddpm"], 1e-5)
	require.Zero(t, got[sweep.TermAlignment])
	require.Positive(t, got[sweep.TermInfoNCE])
	// The weight is t/T, and log(1 + exp((c-1)/tau)) is at most log 2.
	require.LessOrEqual(t, float64(got[sweep.TermInfoNCE]), math.Log(2)*0.999/2)
	require.Len(t, got, 3)
}

// Weights of a version that did not write the classes' names open, too.
func TestOpenModelWithoutClasses(t *testing.T) {
	b, j := openBackend(t, backend.Go), tiny(t)
	j.Spec.Train.Steps = 1
	train(t, b, j, nil)
	tensors, metadata, err := checkpoint.ReadTensors(filepath.Join(j.Staging, checkpoint.DirName(1), checkpoint.ModelName))
	require.NoError(t, err)
	require.Contains(t, metadata, checkpoint.MetaClasses)
	delete(metadata, checkpoint.MetaClasses)
	dir := t.TempDir()
	f, err := os.Create(filepath.Join(dir, checkpoint.ModelName))
	require.NoError(t, err)
	require.NoError(t, checkpoint.EncodeTensors(f, tensors, metadata))
	require.NoError(t, f.Close())
	m, err := OpenModel(b, dir)
	require.NoError(t, err)
	defer m.Close()
	about, err := m.Classes()
	require.NoError(t, err)
	require.Equal(t, "ankle boot", about.Classes[9])
	require.Equal(t, 10, about.Counts[9])
}

func TestOpenModelRefusesWhatItsSpecDoesNotDescribe(t *testing.T) {
	b, j := openBackend(t, backend.Go), tiny(t)
	j.Spec.Train.Steps = 1
	train(t, b, j, nil)
	dir := filepath.Join(j.Staging, checkpoint.DirName(1))
	tensors, metadata, err := checkpoint.ReadTensors(filepath.Join(dir, checkpoint.ModelName))
	require.NoError(t, err)
	for name, change := range map[string]func(){
		"shape":    func() { tensors[0].Shape = append([]int{1}, tensors[0].Shape...) },
		"name":     func() { tensors[0].Name = "unet.other" },
		"count":    func() { tensors = tensors[1:] },
		"metadata": func() { metadata[checkpoint.MetaSpec] = "{" },
		"classes":  func() { metadata[checkpoint.MetaClasses] = `{"names":["a","b"],"counts":[1,2]}` },
		"counts": func() {
			metadata[checkpoint.MetaClasses] = strings.Replace(metadata[checkpoint.MetaClasses], `"counts":[`, `"counts":[-`, 1)
		},
		"width": func() {
			metadata[checkpoint.MetaSpec] = strings.Replace(metadata[checkpoint.MetaSpec], `"width":4`, `"width":1048576`, 1)
		},
		"depth": func() {
			metadata[checkpoint.MetaSpec] = strings.Replace(metadata[checkpoint.MetaSpec], `"depth":1`, `"depth":1048576`, 1)
		},
		"gigabytes": func() { // legal, and never made before the shapes are compared
			metadata[checkpoint.MetaSpec] = strings.Replace(metadata[checkpoint.MetaSpec], `"width":4,"depth":1`, `"width":1024,"depth":48`, 1)
			require.Contains(t, metadata[checkpoint.MetaSpec], `"width":1024`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			var err error
			tensors, metadata, err = checkpoint.ReadTensors(filepath.Join(dir, checkpoint.ModelName))
			require.NoError(t, err)
			change()
			other := t.TempDir()
			f, err := os.Create(filepath.Join(other, checkpoint.ModelName))
			require.NoError(t, err)
			require.NoError(t, checkpoint.EncodeTensors(f, tensors, metadata))
			require.NoError(t, f.Close())
			_, err = OpenModel(b, other)
			require.ErrorIs(t, err, checkpoint.ErrCorrupt)
		})
	}
}

func TestEstimates(t *testing.T) {
	spec := tiny(t).Spec
	spec.Model = sweep.Model{Arch: "unet", Width: 16, Depth: 1, Mult: []int{1, 2, 2}}
	spec.Train.Batch = 256
	count, err := ParameterCount(spec)
	require.NoError(t, err)
	require.Equal(t, 188001, count)
	// Measured peaks with both losses: 2.14 GB on go, 1.07 GB on XLA.
	for choice, peak := range map[string]float64{backend.Go: 2.14e9, backend.XLACPU: 1.07e9} {
		bytes, err := MemoryEstimate(spec, choice)
		require.NoError(t, err)
		require.InEpsilon(t, peak, bytes, 0.1, choice)
	}
	spec.Model.Arch = "gan"
	_, err = ParameterCount(spec)
	require.ErrorContains(t, err, "unet or dit")
}

// A term costs the passes that it makes, and none that another has made.
func TestForwardPasses(t *testing.T) {
	spec := tiny(t).Spec
	const infonce, alignment, cbdm, t2h, coral, dispersive = sweep.ParamInfonceWeight, sweep.ParamAlignmentWeight, sweep.ParamCBDMWeight,
		sweep.ParamT2HWeight, sweep.ParamCORALWeight, sweep.ParamDispersiveWeight
	for _, c := range []struct {
		want int
		on   []string
	}{
		{1, nil}, {2, []string{infonce}}, {2, []string{infonce, alignment}}, {2, []string{cbdm}}, {3, []string{cbdm, alignment}},
		{1, []string{t2h, coral, dispersive}}, {3, []string{infonce, alignment, cbdm, t2h, coral, dispersive}},
	} {
		a := sweep.Assignment{Params: sweep.Params{}}
		for _, name := range c.on {
			a.Params[name] = sweep.Number(0.1)
		}
		got, err := ForwardPasses(spec, a)
		require.NoError(t, err)
		require.Equal(t, c.want, got, c.on)
	}
	got, err := ForwardPasses(spec, sweep.Assignment{Params: sweep.Params{infonce: sweep.Number(1), sweep.ParamInfoncePass: sweep.Word(sweep.PassCond)}})
	require.NoError(t, err)
	require.Equal(t, 1, got, "the latent of the pass that is there")
}

func sampleOne(t *testing.T, m *Model) []float32 {
	t.Helper()
	s, err := m.Sampler(2)
	require.NoError(t, err)
	defer s.Close()
	out, err := s.Sample(t.Context(), sampleIDs(2), 1, 3, nil)
	require.NoError(t, err)
	return out
}
