package diffusion

import (
	"context"
	"fmt"
	"slices"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/tailsweep/tailsweep/trainer/nets"
)

// Sampler draws pictures by DDIM without added noise (arXiv 2010.02502, eta = 0)
// under classifier-free guidance:
//
//	eps  = eps_c + w (eps_c - eps_0)
//	x_0  = clip( (x_t - sqrt(1 - abar_t) eps) / sqrt(abar_t), -1, 1 )
//	eps' = (x_t - sqrt(abar_t) x_0) / sqrt(1 - abar_t)
//	x_s  = sqrt(abar_s) x_0 + sqrt(1 - abar_s) eps'
//
// from t to the next step s of Timesteps. eps is computed anew from the clipped
// x_0, so that x_s lies on the schedule. At w = 0 the unconditional pass is left out.
type Sampler struct {
	Seed int64 // of the noise

	schedule *Schedule
	size     int
	null     int
	batch    int
	plain    *model.Exec // w = 0
	guided   *model.Exec
}

// NewSampler builds a sampler of size x size pictures for the weights in store.
// batch pictures go through the net together; every call is padded to it, so the
// graph compiles once.
func NewSampler(backend compute.Backend, store *model.Store, net nets.Net, size, classes, batch int) (*Sampler, error) {
	s := &Sampler{schedule: NewSchedule(), size: size, null: classes, batch: batch}
	var err error
	s.plain, err = model.NewExec(backend, store, func(scope *model.Scope, x, t, label, coef *Node) *Node {
		epsC, _ := net.Forward(scope, x, t, label)
		return ddimStep(x, epsC, coef)
	})
	if err != nil {
		return nil, fmt.Errorf("sampler: %w", err)
	}
	s.guided, err = model.NewExec(backend, store, func(scope *model.Scope, x, t, label, coef *Node) *Node {
		nulls := AddScalar(ZerosLike(label), s.null)
		eps, _ := net.Forward(scope,
			Concatenate([]*Node{x, x}, 0), Concatenate([]*Node{t, t}, 0), Concatenate([]*Node{label, nulls}, 0))
		epsC := Slice(eps, AxisRange(0, batch))
		eps0 := Slice(eps, AxisRange(batch, 2*batch))
		return ddimStep(x, Add(epsC, Mul(coefficient(coef, 4), Sub(epsC, eps0))), coef)
	})
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

// ddimStep is x_s. coef is sqrt(abar_t), sqrt(1-abar_t), sqrt(abar_s),
// sqrt(1-abar_s), w.
func ddimStep(x, eps, coef *Node) *Node {
	signal, noise := coefficient(coef, 0), coefficient(coef, 1)
	x0 := ClipScalar(Div(Sub(x, Mul(noise, eps)), signal), -1, 1)
	eps = Div(Sub(x, Mul(signal, x0)), noise)
	return Add(Mul(coefficient(coef, 2), x0), Mul(coefficient(coef, 3), eps))
}

func coefficient(coef *Node, i int) *Node { return Reshape(Slice(coef, AxisElem(i))) }

// Timesteps are the count steps that DDIM visits, from T-1 down, evenly spaced
// and ending above 0: t_k = round(T - k T/count) - 1. count must be in 1..T.
func Timesteps(count int) []int {
	steps := make([]int, count)
	for k := range steps {
		steps[k] = (2*Steps*(count-k)+count)/(2*count) - 1
	}
	return steps
}

// Picture says which picture to draw: the index-th of a class.
type Picture struct {
	Class int
	Index int
}

// Sample draws pictures with guidance scale w in the given number of DDIM steps,
// and returns their pixels in [-1, 1], size*size each, in order. progress, if not
// nil, hears how many are done after each batch.
func (s *Sampler) Sample(ctx context.Context, pictures []Picture, w float64, steps int, progress func(done int) error) ([]float32, error) {
	if steps < 1 || steps > Steps {
		return nil, fmt.Errorf("sampling in %d steps: want 1..%d", steps, Steps)
	}
	pixels := s.size * s.size
	out := make([]float32, 0, len(pictures)*pixels)
	for part := range slices.Chunk(pictures, s.batch) {
		x, err := s.chunk(ctx, part, w, steps)
		if err != nil {
			return nil, fmt.Errorf("sampling: %w", err)
		}
		out = append(out, x[:len(part)*pixels]...)
		if progress != nil {
			if err := progress(len(out) / pixels); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// chunk draws one batch, padded with repetitions of its first picture.
func (s *Sampler) chunk(ctx context.Context, part []Picture, w float64, steps int) ([]float32, error) {
	noise := make([]float32, 0, s.batch*s.size*s.size)
	labels := make([]int32, s.batch)
	for i := range s.batch {
		p := part[0]
		if i < len(part) {
			p = part[i]
		}
		if p.Class < 0 || p.Class >= s.null {
			return nil, fmt.Errorf("class %d is not in 0..%d", p.Class, s.null-1)
		}
		labels[i] = int32(p.Class)
		noise = append(noise, SamplingNoise(s.Seed, p.Class, p.Index, s.size*s.size)...)
	}
	return s.denoise(ctx, tensors.FromFlatDataAndDimensions(noise, s.batch, s.size, s.size, 1), labels, w, steps)
}

// denoise goes from x of pure noise, which it frees, to pictures.
func (s *Sampler) denoise(ctx context.Context, x *tensors.Tensor, labels []int32, w float64, steps int) ([]float32, error) {
	exec := s.guided
	if w == 0 {
		exec = s.plain
	}
	label := tensors.FromFlatDataAndDimensions(labels, s.batch)
	times := append(Timesteps(steps), -1)
	for k := range steps {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		from, to := times[k], times[k+1]
		coef := []float32{
			float32(s.schedule.Signal(from)), float32(s.schedule.Noise(from)),
			float32(s.schedule.Signal(to)), float32(s.schedule.Noise(to)), float32(w),
		}
		next, err := exec.Call1(x, slices.Repeat([]int32{int32(from)}, s.batch), label, coef)
		if err != nil {
			return nil, err
		}
		if err := x.FinalizeAll(); err != nil {
			return nil, err
		}
		x = next
	}
	flat, err := tensors.CopyFlatData[float32](x)
	if err != nil {
		return nil, err
	}
	return flat, x.FinalizeAll()
}
