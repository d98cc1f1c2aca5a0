package diffusion

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/nets"
)

// Sampler draws samples under classifier-free guidance:
//
//	o    = o_c + w (o_c - o_0), the net's predictions
//	x_0  = clip(what o and x_t mean, -1, 1)
//
// and goes from t to the next step s of Timesteps by a method. At w = 0 the
// unconditional pass is left out.
type Sampler struct {
	SamplerConfig

	method method
	plain  *model.Exec // w = 0
	guided *model.Exec
}

// method is how an entry of sweep.SamplerList goes from t to the next step s: one file
// of this package.
type method struct {
	name string
	// step is x_s for x_t, the clipped x_0 and the coefficients of clean followed by
	// the method's own; noise is one standard normal node where the method takes noise.
	step func(x, x0, coef *Node, noise []*Node) *Node
	// coefficients are the method's own, of a step from t to s; s = -1 is the clean image.
	coefficients func(schedule *Schedule, from, to int) []float32
	noise        bool
}

var methods = []method{ddim, ddpm}

// SamplerConfig configures a Sampler.
type SamplerConfig struct {
	Net        nets.Net
	Schedule   *Schedule
	Prediction string // sweep.PredictEps | PredictV: what the net predicts
	Method     string // of sweep.Samplers
	Size       int    // S
	Channels   int    // K
	Classes    int    // C; label C is null
	Batch      int    // samples that go through the net together
	Seed       int64  // of the noise
}

// NewSampler builds a sampler for the weights in store. Every call is padded to the
// batch size, so that the graph compiles once.
func NewSampler(backend compute.Backend, store *model.Store, cfg SamplerConfig) (*Sampler, error) {
	at := slices.IndexFunc(methods, func(m method) bool { return m.name == cfg.Method })
	if at < 0 {
		return nil, fmt.Errorf("evaluate.sampler = %q is unknown: want one of %s", cfg.Method, strings.Join(sweep.Samplers(), ", "))
	}
	s := &Sampler{SamplerConfig: cfg, method: methods[at]}
	// in is x, t, label, coef, and the step's noise where the method takes any.
	step := func(predict func(scope *model.Scope, x, t, label, coef *Node) *Node) func(scope *model.Scope, in []*Node) *Node {
		return func(scope *model.Scope, in []*Node) *Node {
			x, coef := in[0], in[3]
			return s.method.step(x, s.clean(x, predict(scope, x, in[1], in[2], coef), coef), coef, in[4:])
		}
	}
	var err error
	s.plain, err = model.NewExec(backend, store, step(func(scope *model.Scope, x, t, label, _ *Node) *Node {
		return cfg.Net.Forward(scope, nets.Input{X: x, T: t, Label: label}).Prediction
	}))
	if err != nil {
		return nil, fmt.Errorf("sampler: %w", err)
	}
	s.guided, err = model.NewExec(backend, store, step(func(scope *model.Scope, x, t, label, coef *Node) *Node {
		nulls := AddScalar(ZerosLike(label), cfg.Classes)
		both := cfg.Net.Forward(scope, nets.Input{
			X: Concatenate([]*Node{x, x}, 0), T: Concatenate([]*Node{t, t}, 0), Label: Concatenate([]*Node{label, nulls}, 0),
		}).Prediction
		cond := Slice(both, AxisRange(0, cfg.Batch))
		uncond := Slice(both, AxisRange(cfg.Batch, 2*cfg.Batch))
		return Add(cond, Mul(coefficient(coef, 2), Sub(cond, uncond)))
	}))
	if err != nil {
		return nil, fmt.Errorf("sampler: %w", err)
	}
	return s, nil
}

// Close frees the compiled graphs.
func (s *Sampler) Close() {
	s.plain.Finalize()
	s.guided.Finalize()
}

// clean is the x_0 of a prediction, clipped. The first three of coef are sqrt(abar_t),
// sqrt(1-abar_t) and w; the rest are the method's.
func (s *Sampler) clean(x, predicted, coef *Node) *Node {
	signal, noise := coefficient(coef, 0), coefficient(coef, 1)
	if s.Prediction == sweep.PredictV {
		return ClipScalar(Sub(Mul(signal, x), Mul(noise, predicted)), -1, 1)
	}
	return ClipScalar(Div(Sub(x, Mul(noise, predicted)), signal), -1, 1)
}

func coefficient(coef *Node, i int) *Node { return Reshape(Slice(coef, AxisElem(i))) }

// Timesteps are the count steps that a sampler visits, from T-1 down, evenly spaced
// and ending above 0: t_k = round(T - k T/count) - 1. count must be in 1..T.
func Timesteps(count int) []int {
	steps := make([]int, count)
	for k := range steps {
		steps[k] = (2*Steps*(count-k)+count)/(2*count) - 1
	}
	return steps
}

// SampleID names a sample: the index-th of a class.
type SampleID struct {
	Class int
	Index int
}

// Sample draws samples with guidance scale w in the given number of steps, and
// returns their pixels in [-1, 1], `[S,S,K]` each, in order. progress, if not nil, is
// called with the number of samples done after each batch. The noise of a sample does not
// depend on the others, nor on the batch size; its last bits do, since a backend rounds
// the rows of a batch in different ways. Package generate draws in fixed batches.
func (s *Sampler) Sample(ctx context.Context, samples []SampleID, w float64, steps int, progress func(done int) error) ([]float32, error) {
	if steps < 1 || steps > Steps {
		return nil, fmt.Errorf("sampling in %d steps: want 1..%d", steps, Steps)
	}
	for _, p := range samples {
		if p.Class < 0 || p.Class >= s.Classes {
			return nil, fmt.Errorf("sampling: class %d is not in 0..%d", p.Class, s.Classes-1)
		}
	}
	out := make([]float32, 0, len(samples)*s.pixels())
	for part := range slices.Chunk(samples, s.Batch) {
		padded := slices.Concat(part, slices.Repeat(part[:1], s.Batch-len(part)))
		x, err := s.denoise(ctx, s.noise(padded, func(p SampleID) []float32 {
			return SamplingNoise(s.Seed, p.Class, p.Index, s.pixels())
		}), padded, w, steps)
		if err != nil {
			return nil, fmt.Errorf("sampling: %w", err)
		}
		out = append(out, x[:len(part)*s.pixels()]...)
		if progress != nil {
			if err := progress(len(out) / s.pixels()); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// pixels is the number of values of a sample.
func (s *Sampler) pixels() int { return s.Size * s.Size * s.Channels }

// noise is the noise of a batch, `[B,S,S,K]`.
func (s *Sampler) noise(samples []SampleID, of func(SampleID) []float32) *tensors.Tensor {
	all := make([]float32, 0, s.Batch*s.pixels())
	for _, p := range samples {
		all = append(all, of(p)...)
	}
	return tensors.FromFlatDataAndDimensions(all, s.Batch, s.Size, s.Size, s.Channels)
}

// denoise turns x, pure noise that it frees, into a batch of samples.
func (s *Sampler) denoise(ctx context.Context, x *tensors.Tensor, samples []SampleID, w float64, steps int) ([]float32, error) {
	exec := s.guided
	if w == 0 {
		exec = s.plain
	}
	labels := make([]int32, s.Batch)
	for i, p := range samples {
		labels[i] = int32(p.Class)
	}
	label := tensors.FromFlatDataAndDimensions(labels, s.Batch)
	times := append(Timesteps(steps), -1)
	for k := range steps {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		from, to := times[k], times[k+1]
		coef := []float32{float32(s.Schedule.Signal(from)), float32(s.Schedule.Noise(from)), float32(w)}
		coef = append(coef, s.method.coefficients(s.Schedule, from, to)...)
		inputs := []any{x, slices.Repeat([]int32{int32(from)}, s.Batch), label, coef}
		if s.method.noise {
			inputs = append(inputs, s.noise(samples, func(p SampleID) []float32 { return StepNoise(s.Seed, p.Class, p.Index, from, s.pixels()) }))
		}
		next, err := exec.Call1(inputs...)
		if err != nil {
			return nil, err
		}
		for _, in := range inputs {
			if t, ok := in.(*tensors.Tensor); ok && t != label {
				if err := t.FinalizeAll(); err != nil {
					return nil, err
				}
			}
		}
		x = next
	}
	flat, err := tensors.CopyFlatData[float32](x)
	if err != nil {
		return nil, err
	}
	return flat, x.FinalizeAll()
}
