package diffusion

import (
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/nets"
)

// Batch is one batch as graph inputs. The last three are nil where their loss,
// or dropout, is off.
type Batch struct {
	X0      *Node       // `[B,S,S,K]` images in [-1, 1]
	Eps     *Node       // `[B,S,S,K]` standard normal
	T       *Node       // `[B]` int32, 0..T-1
	Label   *Node       // `[B]` int32, the true class
	Kept    *Node       // `[B]` float32: 0 where the label is dropped, else 1
	Other   *Node       // `[B]` int32, CBDM's y'
	Uniform *Node       // `[B]` float32 in [0, 1), T2H's draw
	Masks   *nets.Masks // of dropout
}

// Term is one term beside DDPM, before its weight.
type Term struct {
	Name  string
	Value *Node // scalar
}

// Terms are what a training step reports. Total is what it descends.
type Terms struct {
	Total     *Node
	DDPM      *Node  // scalar, mean |prediction - target|^2
	PerSample *Node  // `[B]`, of which DDPM is the mean
	More      []Term // those that are on, in the order of termList
}

// Loss is what the training loss is a function of, besides the batch.
type Loss struct {
	Net      nets.Net
	Schedule *Schedule
	Settings sweep.Settings
	Counts   []int  // `[C]`, training images of each class; label C is null
	Layer    string // whose latent CORAL and the dispersive loss read
}

// term is an entry of termList: one file of this package.
type term struct {
	name   string
	weight func(sweep.Settings) float64 // 0: off, and not in the graph
	value  func(*passes) *Node
}

// termList are the terms that are added to the loss. T2H is not: it replaces a share
// of the target (t2h.go).
var termList = []term{
	{sweep.TermInfoNCE, func(s sweep.Settings) float64 { return s.InfoNCE.Weight }, infoNCETerm},
	{sweep.TermAlignment, func(s sweep.Settings) float64 { return s.Alignment.Weight }, alignmentTerm},
	{sweep.TermCBDM, func(s sweep.Settings) float64 { return s.CBDM.Weight }, cbdmTerm},
	{sweep.TermCORAL, func(s sweep.Settings) float64 { return s.CORAL.Weight }, coralTerm},
	{sweep.TermDispersive, func(s sweep.Settings) float64 { return s.Dispersive.Weight }, dispersiveTerm},
}

// TermsOf are the names of the terms that are on, in the order of Terms.More.
func TermsOf(s sweep.Settings) []string {
	var names []string
	if s.T2H.Weight > 0 {
		names = append(names, sweep.TermT2H)
	}
	for _, t := range termList {
		if t.weight(s) > 0 {
			names = append(names, t.name)
		}
	}
	return names
}

// passes is what the terms of a step share: its inputs and its forward passes.
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

// uncond is the pass with the null label, made when a term first asks.
func (p *passes) uncond() nets.Output {
	if p.null == nil {
		out := p.forward(p.nulls)
		p.null = &out
	}
	return *p.null
}

// eps is the noise that a pass predicts: the regularisers compare noise, whatever the
// net is trained to predict.
func (p *passes) eps(out nets.Output) *Node {
	return p.Schedule.toEps(out.Prediction, p.xt, p.batch.T, p.Settings.Prediction)
}

// Build builds the training loss. With every weight at zero it is plain DDPM's graph:
// one forward pass, and no node of a term.
func (l Loss) Build(scope *model.Scope, batch Batch) Terms {
	p := &passes{Loss: l, batch: batch, scope: scope, xt: l.Schedule.Corrupt(batch.X0, batch.Eps, batch.T)}
	p.nulls = AddScalar(ZerosLike(batch.Label), len(l.Counts))
	p.cond = p.forward(Where(ConvertDType(batch.Kept, dtypes.Bool), batch.Label, p.nulls))

	target := l.Schedule.target(batch.X0, batch.Eps, batch.T, l.Settings.Prediction)
	square := Square(Sub(p.cond.Prediction, target))
	terms := Terms{DDPM: ReduceAllMean(square), PerSample: ReduceMean(square, 1, 2, 3)}
	terms.Total = terms.DDPM
	if w := l.Settings.T2H.Weight; w > 0 {
		value := t2hTerm(p)
		terms.More = append(terms.More, Term{sweep.TermT2H, value})
		terms.Total = Add(MulScalar(terms.DDPM, 1-w), MulScalar(value, w))
	}
	for _, t := range termList {
		if w := t.weight(l.Settings); w > 0 {
			value := t.value(p)
			terms.More = append(terms.More, Term{t.name, value})
			terms.Total = Add(terms.Total, MulScalar(value, w))
		}
	}
	return terms
}
