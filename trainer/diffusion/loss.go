package diffusion

import (
	"slices"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/nets"
)

// Batch is one batch as graph inputs.
type Batch struct {
	X0     *Node       // `[B,S,S,K]` images in [-1, 1]
	Eps    *Node       // `[B,S,S,K]` standard normal
	T      *Node       // `[B]` int32, 0..T-1
	Label  *Node       // `[B]` int32, the true class
	Kept   *Node       // `[B]` float32: 0 where the label is dropped, else 1
	Inputs []*Node     // `[B]` each: the numbers of Inputs
	Masks  *nets.Masks // of dropout; nil where dropout is off
}

// Term is the value of one term of the loss, before its weight.
type Term struct {
	Name  string
	Value *Node // scalar
}

// Terms are the values of a training step. The step minimises Total.
type Terms struct {
	Total     *Node
	DDPM      *Node  // scalar, mean |prediction - target|^2
	PerSample *Node  // `[B]`, of which DDPM is the mean
	More      []Term // those of TermsOf, in that order
}

// Loss has what the training loss depends on besides the batch.
type Loss struct {
	Net      nets.Net
	Schedule *Schedule
	Settings sweep.Settings
	Counts   []int  // `[C]`, training images of each class; label C is null
	Layer    string // the layer whose latent CORAL and the dispersive loss read
}

// term is the computation of an entry of sweep.LossTerms: one file of this package.
type term struct {
	name string
	// input draws the numbers that the term needs in each step, an []int32 or a
	// []float32 of length batch. Nil means that the term needs none.
	input func(seed int64, step, batch int, counts []int) any
	// value builds the term's value; input has the drawn numbers.
	value func(p *passes, input *Node) *Node
}

// terms has the terms in the order in which they are built and added: gradients are
// sums, whose rounding depends on it.
var terms = []term{
	{name: sweep.TermT2H, input: transferDraws, value: t2hTerm},
	{name: sweep.TermInfoNCE, value: infoNCETerm},
	{name: sweep.TermAlignment, value: alignmentTerm},
	{name: sweep.TermCBDM, input: otherClasses, value: cbdmTerm},
	{name: sweep.TermCORAL, value: coralTerm},
	{name: sweep.TermDispersive, value: dispersiveTerm},
}

// termsOn are the terms whose weight is above 0.
func termsOn(s sweep.Settings) []term {
	return slices.DeleteFunc(slices.Clone(terms), func(t term) bool { return s.Weight(t.name) <= 0 })
}

// TermsOf are the names of the terms that are on, in the order of Terms.More.
func TermsOf(s sweep.Settings) []string {
	var names []string
	for _, t := range termsOn(s) {
		names = append(names, t.name)
	}
	return names
}

// Inputs returns the random numbers of the active terms for a step (0-based), a []int32 or
// a []float32 of length batch each: a pure function of its arguments.
func Inputs(s sweep.Settings, step, batch int, counts []int) []any {
	var inputs []any
	for _, t := range termsOn(s) {
		if t.input != nil {
			inputs = append(inputs, t.input(s.Seed, step, batch, counts))
		}
	}
	return inputs
}

// passes has what the terms of a step share: its inputs and its forward passes.
type passes struct {
	Loss
	batch Batch
	scope *model.Scope
	xt    *Node
	nulls *Node       // `[B]`, the null label
	cond  nets.Output // of the label, or null where it was dropped
	null  *nets.Output
}

func (p *passes) forward(label *Node) nets.Output {
	return p.Net.Forward(p.scope, nets.Input{X: p.xt, T: p.batch.T, Label: label, Masks: p.batch.Masks})
}

// uncond returns the pass with the null label, which the first call builds.
func (p *passes) uncond() nets.Output {
	if p.null == nil {
		out := p.forward(p.nulls)
		p.null = &out
	}
	return *p.null
}

// eps returns the noise that a pass predicts, whatever the net is trained to predict.
func (p *passes) eps(out nets.Output) *Node {
	return p.Schedule.toEps(out.Prediction, p.xt, p.batch.T, p.Settings.Prediction)
}

// Build builds the training loss. With every weight at 0 it is the graph of plain DDPM,
// with one forward pass and no node of a term.
func (l Loss) Build(scope *model.Scope, batch Batch) Terms {
	p := &passes{Loss: l, batch: batch, scope: scope, xt: l.Schedule.Corrupt(batch.X0, batch.Eps, batch.T)}
	p.nulls = AddScalar(ZerosLike(batch.Label), len(l.Counts))
	p.cond = p.forward(Where(ConvertDType(batch.Kept, dtypes.Bool), batch.Label, p.nulls))

	target := l.Schedule.target(batch.X0, batch.Eps, batch.T, l.Settings.Prediction)
	square := Square(Sub(p.cond.Prediction, target))
	out := Terms{DDPM: ReduceAllMean(square), PerSample: ReduceMean(square, 1, 2, 3)}
	out.Total = out.DDPM
	inputs := batch.Inputs
	for _, t := range termsOn(l.Settings) {
		var input *Node
		if t.input != nil {
			input, inputs = inputs[0], inputs[1:]
		}
		value, w := t.value(p, input), l.Settings.Weight(t.name)
		out.More = append(out.More, Term{t.name, value})
		if info, _ := sweep.LookupLossTerm(t.name); info.Share {
			out.Total = MulScalar(out.Total, 1-w)
		}
		out.Total = Add(out.Total, MulScalar(value, w))
	}
	return out
}
