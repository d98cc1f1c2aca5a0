package diffusion

import (
	"math"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/nets"
)

// TrainingOnly is the scope of the variables that a loss trains and a sampler does not
// need.
const TrainingOnly = "losses"

// coralDims is the width of CORAL's projection.
const coralDims = 128

// CORAL is a supervised contrastive loss on the conditional pass (arXiv 2506.15933; the
// loss of a sample is L_out of arXiv 2004.11362):
//
//	l_i = -1/|P(i)| sum_{p in P(i)} log( exp(z_i z_p/tau) / sum_{a in A(i)} exp(z_i z_a/tau) )
//	L   = tau mean_i kept_i exp((1 - t_i/T)/tau_r) l_i
//
// with A(i) the other samples whose label was kept, P(i) those of them of i's class,
// l_i = 0 where there is none. z `[B,128]` is a learnt linear map of the latent's mean
// over positions, its rows scaled to length 1 here. The factor tau is the released
// code's, so that weight .5 means what it means there; that code multiplies the batch's
// mean emphasis by its mean l_i, here each sample has its own. Logarithms of sums are
// taken from the largest exponent.
func CORAL(z, t, label, kept *Node, cfg CORALConfig) *Node {
	g, b := z.Graph(), z.Shape().Dim(0)
	z = unitRows(z)
	logits := DivScalar(Einsum("id,jd->ij", z, z), cfg.Temperature)
	others := Mul(OneMinus(ConvertDType(Diagonal(g, b), dtypes.Float32)), Mul(Reshape(kept, b, 1), Reshape(kept, 1, b)))
	positive := Mul(others, sameClass(label))

	seen := Where(ConvertDType(others, dtypes.Bool), logits, AddScalar(ZerosLike(logits), -1e9))
	most := StopGradient(ReduceAndKeep(seen, ReduceMax, -1))
	sum := Add(most, Log(ReduceAndKeep(Exp(Sub(seen, most)), ReduceSum, -1)))
	count := MaxScalar(ReduceSum(positive, -1), 1)
	perSample := Div(ReduceSum(Mul(positive, Sub(sum, logits)), -1), count)

	emphasis := lookup(t, func(t int) float64 { return math.Exp((1 - float64(t)/Steps) / cfg.Emphasis) })
	return MulScalar(ReduceAllMean(Mul(Mul(emphasis, kept), perSample)), cfg.Temperature)
}

// CORALConfig are the temperatures of CORAL.
type CORALConfig struct {
	Temperature float64 // tau > 0
	Emphasis    float64 // tau_r > 0
}

func coralTerm(p *passes, _ *Node) *Node {
	z := nets.Project(p.scope.At(TrainingOnly).In(sweep.TermCORAL), p.cond.Pooled(p.Layer), coralDims, p.Settings.Seed)
	return CORAL(z, p.batch.T, p.batch.Label, p.batch.Kept, CORALConfig{
		Temperature: p.Settings.Number(sweep.ParamCORALTemperature), Emphasis: p.Settings.Number(sweep.ParamCORALEmphasis),
	})
}
