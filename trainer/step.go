package trainer

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/backend"
	"github.com/tailsweep/tailsweep/trainer/diffusion"
)

// Adam's constants (arXiv 1412.6980).
const (
	adamBeta1 = 0.9
	adamBeta2 = 0.999
	adamEps   = 1e-8
)

// Roots of the variables that training adds: /adam/m/unet/... belongs to /unet/...
const (
	adamM = "/adam/m"
	adamV = "/adam/v"
	ema   = "/ema"

	trainingOnly = "/" + diffusion.TrainingOnly + "/"
)

// schedule has the numbers that change from step to step. They are computed in Go, so
// that the graph keeps no counter.
type schedule struct {
	lr       float64 // linear from 0 over the warm-up
	correct1 float64 // 1 - beta1^k of Adam's bias correction
	correct2 float64 // 1 - beta2^k
	ema      float64 // min(ema, (1+k)/(10+k))
}

// scheduleAt is the schedule of step k, counted from 1.
func scheduleAt(s sweep.Settings, k int) schedule {
	lr := s.LR
	if k < s.WarmupSteps {
		lr *= float64(k) / float64(s.WarmupSteps)
	}
	return schedule{
		lr:       lr,
		correct1: 1 - math.Pow(adamBeta1, float64(k)),
		correct2: 1 - math.Pow(adamBeta2, float64(k)),
		ema:      min(s.EMA, float64(1+k)/float64(10+k)),
	}
}

// losses are the losses of one step.
type losses struct {
	total, ddpm, gradient float32            // gradient: its norm before clipping
	terms                 map[string]float32 // those that are on, before their weights
	samples               []float32          // `[B]`, of which ddpm is the mean
}

func (l losses) finite() bool {
	all := slices.AppendSeq([]float32{l.total, l.ddpm, l.gradient}, maps.Values(l.terms))
	return !slices.ContainsFunc(all, func(v float32) bool { return !sweep.IsFinite(float64(v)) })
}

// stepper runs training steps on the variables of a store.
type stepper struct {
	exec     *model.Exec
	size     int
	channels int
	settings sweep.Settings
	terms    []string // those that are on
}

func newStepper(b *backend.Backend, store *model.Store, loss diffusion.Loss, size, channels int, dropout bool) (*stepper, error) {
	s := &stepper{size: size, channels: channels, settings: loss.Settings, terms: diffusion.TermsOf(loss.Settings)}
	build := func(scope *model.Scope, inputs []*Node) []*Node {
		batch, control := graphBatch(inputs, dropout)
		terms := loss.Build(scope, batch)
		norm := update(scope.Store(), terms.Total, control, loss.Settings)
		report := []*Node{terms.Total, terms.DDPM, norm}
		for _, t := range terms.More {
			report = append(report, t.Value)
		}
		return []*Node{Stack(report, 0), terms.PerSample}
	}
	var err error
	if s.exec, err = model.NewExec(b.Compute, store, build); err != nil {
		return nil, fmt.Errorf("training step: %w", err)
	}
	return s, nil
}

// update adds to the graph one step of Adam with a clipped gradient, or of AdamW (arXiv
// 1711.05101) where there is weight decay, and one step of the EMA. It returns the norm
// of the gradient. control has the four numbers of a schedule. Weights that belong to a
// loss (diffusion.TrainingOnly) have no EMA, since sampling does not use them.
func update(store *model.Store, loss, control *Node, settings sweep.Settings) *Node {
	g := loss.Graph()
	at := func(i int) *Node { return Reshape(Slice(control, AxisElem(i))) }
	lr, correct1, correct2, decay := at(0), at(1), at(2), at(3)

	var weights []*model.Variable
	var nodes []*Node
	for v := range store.IterVariables() {
		if v.Trainable && v.InUseByGraph(g) {
			weights = append(weights, v)
			nodes = append(nodes, v.NodeValue(g))
		}
	}
	gradients := Gradient(loss, nodes...)

	square := ZerosLike(loss)
	for _, d := range gradients {
		square = Add(square, ReduceAllSum(Square(d)))
	}
	norm := Sqrt(square)
	clip := MinScalar(Div(ConstAs(norm, settings.ClipNorm), AddScalar(norm, 1e-6)), 1)

	for i, v := range weights {
		grad := Mul(gradients[i], clip)
		m, s := companion(store, adamM, v), companion(store, adamV, v)
		first := Add(MulScalar(m.NodeValue(g), adamBeta1), MulScalar(grad, 1-adamBeta1))
		second := Add(MulScalar(s.NodeValue(g), adamBeta2), MulScalar(Square(grad), 1-adamBeta2))
		move := Div(Div(first, correct1), AddScalar(Sqrt(Div(second, correct2)), adamEps))
		if settings.WeightDecay > 0 && isKernel(v) {
			move = Add(move, MulScalar(nodes[i], settings.WeightDecay))
		}
		next := Sub(nodes[i], Mul(move, lr))
		m.SetNodeValue(first)
		s.SetNodeValue(second)
		v.SetNodeValue(next)
		if strings.HasPrefix(v.Path(), trainingOnly) {
			continue
		}
		mean := companion(store, ema, v)
		mean.SetNodeValue(Add(Mul(mean.NodeValue(g), decay), Mul(next, OneMinus(decay))))
	}
	return norm
}

// isKernel reports whether v multiplies inputs. A bias, scale, shift or embedding does
// not.
func isKernel(v *model.Variable) bool {
	return strings.HasSuffix(v.Path(), "/kernel") || strings.HasSuffix(v.Path(), "/weight")
}

// companion returns the variable that training keeps for v under root. It creates the
// variable with zeros, or with the value of v for the EMA.
func companion(store *model.Store, root string, v *model.Variable) *model.Variable {
	if there := store.GetVariable(root + v.Path()); there != nil {
		return there
	}
	begin := tensors.FromShape(v.Shape())
	if root == ema {
		var err error
		if begin, err = v.MustValue().LocalClone(); err != nil {
			panic(err)
		}
	}
	made, err := store.CreateVariable(root+v.Path(), begin)
	if err != nil {
		panic(err)
	}
	made.Trainable = false
	return made
}

// run does step k (from 1) on a batch and returns its losses.
func (s *stepper) run(k int, batch batch) (losses, error) {
	inputs, err := batch.tensors(s, scheduleAt(s.settings, k))
	if err != nil {
		return losses{}, fmt.Errorf("step %d: %w", k, err)
	}
	out, err := s.exec.Call(inputs)
	if err != nil {
		return losses{}, fmt.Errorf("step %d: %w", k, err)
	}
	flat, err := tensors.CopyFlatData[float32](out[0])
	if err != nil {
		return losses{}, fmt.Errorf("step %d: %w", k, err)
	}
	samples, err := tensors.CopyFlatData[float32](out[1])
	if err != nil {
		return losses{}, fmt.Errorf("step %d: %w", k, err)
	}
	for _, t := range append(inputs, out...) {
		if err := t.FinalizeAll(); err != nil {
			return losses{}, fmt.Errorf("step %d: %w", k, err)
		}
	}
	l := losses{total: flat[0], ddpm: flat[1], gradient: flat[2], terms: map[string]float32{}, samples: samples}
	for i, name := range s.terms {
		l.terms[name] = flat[3+i]
	}
	return l, nil
}
