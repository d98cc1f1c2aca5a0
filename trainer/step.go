package trainer

import (
	"fmt"
	"math"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/backend"
	"github.com/tailsweep/tailsweep/trainer/diffusion"
	"github.com/tailsweep/tailsweep/trainer/nets"
)

// Adam's constants (arXiv 1412.6980) and the clip of the gradient's global norm.
const (
	adamBeta1 = 0.9
	adamBeta2 = 0.999
	adamEps   = 1e-8
	clipNorm  = 1.0
)

// Roots of the variables that training adds: /adam/m/unet/... stands beside /unet/...
const (
	adamM = "/adam/m"
	adamV = "/adam/v"
	ema   = "/ema"
)

// schedule is what changes from step to step, computed in Go so that the graph
// keeps no counter.
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

// losses are the terms of one step; infonce and alignment are 0 when off.
type losses struct {
	total, ddpm, infonce, alignment, gradient float32 // gradient: its norm before clipping
}

func (l losses) finite() bool {
	for _, v := range []float32{l.total, l.ddpm, l.infonce, l.alignment, l.gradient} {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return false
		}
	}
	return true
}

// stepper runs training steps on the variables of a store.
type stepper struct {
	exec     *model.Exec
	size     int
	settings sweep.Settings
}

func newStepper(b *backend.Backend, store *model.Store, net nets.Net, size, null int, settings sweep.Settings) (*stepper, error) {
	table := diffusion.NewSchedule()
	build := func(scope *model.Scope, inputs []*Node) []*Node {
		batch := diffusion.Batch{X0: inputs[0], Eps: inputs[1], T: inputs[2], Label: inputs[3], Kept: inputs[4]}
		terms := diffusion.Loss(scope, net, table, batch, null, settings)
		norm := update(scope.Store(), terms.Total, inputs[5])
		zero := ZerosLike(terms.Total)
		report := []*Node{terms.Total, terms.DDPM, orElse(terms.InfoNCE, zero), orElse(terms.Alignment, zero), norm}
		return []*Node{Stack(report, 0)}
	}
	exec, err := model.NewExec(b.Compute, store, build)
	if err != nil {
		return nil, fmt.Errorf("training step: %w", err)
	}
	return &stepper{exec: exec, size: size, settings: settings}, nil
}

func orElse(n, otherwise *Node) *Node {
	if n == nil {
		return otherwise
	}
	return n
}

// update adds one step of Adam with a clipped gradient, and of the EMA, to the
// graph, and returns the gradient's norm. control is a schedule's four numbers.
func update(store *model.Store, loss, control *Node) *Node {
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
	clip := MinScalar(Div(ConstAs(norm, clipNorm), AddScalar(norm, 1e-6)), 1)

	for i, v := range weights {
		grad := Mul(gradients[i], clip)
		m, s, mean := beside(store, adamM, v), beside(store, adamV, v), beside(store, ema, v)
		first := Add(MulScalar(m.NodeValue(g), adamBeta1), MulScalar(grad, 1-adamBeta1))
		second := Add(MulScalar(s.NodeValue(g), adamBeta2), MulScalar(Square(grad), 1-adamBeta2))
		move := Div(Div(first, correct1), AddScalar(Sqrt(Div(second, correct2)), adamEps))
		next := Sub(nodes[i], Mul(move, lr))
		m.SetNodeValue(first)
		s.SetNodeValue(second)
		v.SetNodeValue(next)
		mean.SetNodeValue(Add(Mul(mean.NodeValue(g), decay), Mul(next, OneMinus(decay))))
	}
	return norm
}

// beside returns the variable that training keeps for v under root, making it at
// zero, or at v's own value for the EMA.
func beside(store *model.Store, root string, v *model.Variable) *model.Variable {
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
	b, at := len(batch.labels), scheduleAt(s.settings, k)
	inputs := []*tensors.Tensor{
		tensors.FromFlatDataAndDimensions(batch.images, b, s.size, s.size, 1),
		tensors.FromFlatDataAndDimensions(batch.draws.Eps, b, s.size, s.size, 1),
		tensors.FromFlatDataAndDimensions(batch.draws.T, b),
		tensors.FromFlatDataAndDimensions(batch.labels, b),
		tensors.FromFlatDataAndDimensions(batch.draws.Kept, b),
		tensors.FromFlatDataAndDimensions([]float32{
			float32(at.lr), float32(at.correct1), float32(at.correct2), float32(at.ema)}, 4),
	}
	out, err := s.exec.Call1(inputs)
	if err != nil {
		return losses{}, fmt.Errorf("step %d: %w", k, err)
	}
	flat, err := tensors.CopyFlatData[float32](out)
	if err != nil {
		return losses{}, fmt.Errorf("step %d: %w", k, err)
	}
	for _, t := range append(inputs, out) {
		if err := t.FinalizeAll(); err != nil {
			return losses{}, fmt.Errorf("step %d: %w", k, err)
		}
	}
	return losses{flat[0], flat[1], flat[2], flat[3], flat[4]}, nil
}
