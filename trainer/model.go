package trainer

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/backend"
	"github.com/tailsweep/tailsweep/trainer/checkpoint"
	"github.com/tailsweep/tailsweep/trainer/diffusion"
	"github.com/tailsweep/tailsweep/trainer/nets"
)

// Model is a denoiser with its weights, ready to sample.
type Model struct {
	Spec       sweep.Spec
	Assignment sweep.Assignment

	backend *backend.Backend
	classes *classes // nil: the metadata of the weights has none
	store   *model.Store
	net     nets.Net
}

// OpenModel reads the EMA weights and the spec from model.safetensors in a folder. The
// caller verifies a folder that comes from outside first.
func OpenModel(b *backend.Backend, dir string) (*Model, error) {
	path := filepath.Join(dir, checkpoint.ModelName)
	tensors, metadata, err := checkpoint.ReadTensors(path)
	if err != nil {
		return nil, err
	}
	m := &Model{backend: b, store: model.NewStore()}
	if m.Spec, m.Assignment, err = readMetadata(metadata); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if m.classes, err = readClasses(metadata, m.Spec.Dataset.Classes()); err != nil {
		return nil, fmt.Errorf("%s: %w: metadata %s: %w", path, checkpoint.ErrCorrupt, checkpoint.MetaClasses, err)
	}
	var expected map[string][]int
	if m.net, err = newNet(m.Spec, m.Assignment.Seed, b, sweep.PrecisionF32); err == nil {
		expected, err = shapes(m.Spec)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w: its spec: %w", path, checkpoint.ErrCorrupt, err)
	}
	if len(tensors) != len(expected) {
		return nil, fmt.Errorf("%s: %w: %d tensors, its spec's model has %d", path, checkpoint.ErrCorrupt, len(tensors), len(expected))
	}
	for _, t := range tensors {
		if want, ok := expected[t.Name]; !ok || fmt.Sprint(want) != fmt.Sprint(t.Shape) {
			return nil, fmt.Errorf("%s: %w: tensor %q %v, its spec's model has %v there", path, checkpoint.ErrCorrupt, t.Name, t.Shape, want)
		}
		if _, err := createVariable(m.store, "/"+strings.ReplaceAll(t.Name, ".", "/"), t); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	return m, nil
}

// Untrained returns the model that the assignment's training starts from, with which a
// trained one can be compared.
func Untrained(b *backend.Backend, spec sweep.Spec, a sweep.Assignment) (*Model, error) {
	net, err := newNet(spec, a.Seed, b, sweep.PrecisionF32)
	if err != nil {
		return nil, err
	}
	return &Model{Spec: spec, Assignment: a, backend: b, store: model.NewStore(), net: net}, nil
}

// Sampler returns a sampler that draws batch samples at a time, with noise from
// evaluate.seed. Close it after use.
func (m *Model) Sampler(batch int) (*diffusion.Sampler, error) {
	settings, err := m.Spec.Settings(m.Assignment)
	if err != nil {
		return nil, err
	}
	schedule, err := diffusion.NewSchedule(settings.Schedule)
	if err != nil {
		return nil, err
	}
	return diffusion.NewSampler(m.backend.Compute, m.store, diffusion.SamplerConfig{
		Net: m.net, Schedule: schedule, Prediction: settings.Prediction,
		Method: m.Spec.Evaluate.Sampler,
		Size:   m.Spec.Dataset.Size, Channels: m.Spec.Dataset.Channels(), Classes: m.Spec.Dataset.Classes(),
		Batch: batch, Seed: m.Spec.Evaluate.Seed,
	})
}

// Predict returns what the net predicts, the noise or the velocity as train.prediction
// says, for noisy images x `[B,S,S,K]` at steps t and with labels `[B]`; label C is null.
func (m *Model) Predict(x []float32, t, label []int32) ([]float32, error) {
	exec, err := model.NewExec(m.backend.Compute, m.store, func(scope *model.Scope, x, t, label *graph.Node) *graph.Node {
		return m.net.Forward(scope, nets.Input{X: x, T: t, Label: label}).Prediction
	})
	if err != nil {
		return nil, fmt.Errorf("predict: %w", err)
	}
	defer exec.Finalize()
	d := m.Spec.Dataset
	images := tensors.FromFlatDataAndDimensions(x, len(t), d.Size, d.Size, d.Channels())
	out, err := exec.Call1(images, t, label)
	if err != nil {
		return nil, fmt.Errorf("predict: %w", err)
	}
	flat, err := tensors.CopyFlatData[float32](out)
	return flat, errors.Join(err, out.FinalizeAll(), images.FinalizeAll())
}

// Losses returns the terms of the training loss by name, before their weights: ddpm and
// those that are on in the settings, of the terms that draw no random numbers. x0 and eps are
// `[B,S,S,K]`, t, label and kept `[B]`; kept is 0 where the label is dropped, else 1.
func (m *Model) Losses(settings sweep.Settings, x0, eps []float32, t, label []int32, kept []float32) (map[string]float32, error) {
	schedule, err := diffusion.NewSchedule(settings.Schedule)
	if err != nil {
		return nil, err
	}
	d := m.Spec.Dataset
	loss := diffusion.Loss{Net: m.net, Schedule: schedule, Settings: settings, Counts: make([]int, d.Classes())}
	exec, err := model.NewExec(m.backend.Compute, m.store, func(scope *model.Scope, in []*graph.Node) *graph.Node {
		terms := loss.Build(scope, diffusion.Batch{X0: in[0], Eps: in[1], T: in[2], Label: in[3], Kept: in[4]})
		values := []*graph.Node{terms.DDPM}
		for _, term := range terms.More {
			values = append(values, term.Value)
		}
		return graph.Stack(values, 0)
	})
	if err != nil {
		return nil, fmt.Errorf("losses: %w", err)
	}
	defer exec.Finalize()
	image := []int{len(t), d.Size, d.Size, d.Channels()}
	out, err := exec.Call1([]*tensors.Tensor{
		tensors.FromFlatDataAndDimensions(x0, image...), tensors.FromFlatDataAndDimensions(eps, image...),
		tensors.FromFlatDataAndDimensions(t, len(t)), tensors.FromFlatDataAndDimensions(label, len(t)), tensors.FromFlatDataAndDimensions(kept, len(t)),
	})
	if err != nil {
		return nil, fmt.Errorf("losses: %w", err)
	}
	values, err := tensors.CopyFlatData[float32](out)
	if err != nil {
		return nil, fmt.Errorf("losses: %w", err)
	}
	byName := map[string]float32{}
	for i, name := range append([]string{"ddpm"}, diffusion.TermsOf(settings)...) {
		byName[name] = values[i]
	}
	return byName, out.FinalizeAll()
}

// Close frees the weights. The backend stays open.
func (m *Model) Close() { m.store.Finalize() }

// newNet returns the spec's denoiser with the initial weights of seed. Sampling passes
// float32 for any precision of the training, so that a model has one result.
func newNet(spec sweep.Spec, seed int64, b *backend.Backend, precision string) (nets.Net, error) {
	if precision == sweep.PrecisionBF16 && b.Choice == backend.Go {
		return nil, fmt.Errorf("train.precision = %s needs backend %s or %s: backend %s has float32 only", precision, backend.XLACUDA, backend.XLACPU, b.Choice)
	}
	return nets.New(nets.Config{
		Model: spec.Model, Size: spec.Dataset.Size, Channels: spec.Dataset.Channels(), Classes: spec.Dataset.Classes(), Seed: seed,
		NativeConvolution: b.NativeConvolution(), BFloat16: precision == sweep.PrecisionBF16,
	})
}
