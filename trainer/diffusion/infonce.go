package diffusion

import (
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"

	"github.com/tailsweep/tailsweep/sweep"
)

// InfoNCE pushes the latents of a batch apart: a contrastive loss whose only
// positive is the image itself and whose negatives are all other images, whatever their
// class and t; with Negatives "other_class" those of another true class only, which is
// not the paper's.
//
//	l_i = -log( exp(1/tau) / (exp(1/tau) + sum_{j != i} exp(c_ij/tau)) )
//	    = log(1 + sum_{j != i} exp((c_ij - 1)/tau))
//	L   = mean_i weight(t_i) l_i,  weight(t) = (t/T)^p [t/T >= window]
//
// with c_ij the cosine of h_i and h_j, rows of the latent `[B,D]`: one BxB Gram matrix, no projection
// and no pooling (arXiv 2507.09052, as in the authors' released code; the closed
// form is ours). Images whose label was dropped count, too. Exponents are at
// most 0 up to rounding, so nothing overflows.
//
// With StopGradient "negatives" no gradient flows into the negatives h_j.
// label `[B]` int32 is the true class; t `[B]` int32.
func InfoNCE(h, t, label *Node, cfg InfoNCEConfig) *Node {
	return ReduceAllMean(Mul(weight(t, cfg.Exponent, cfg.Window), infoNCETerms(h, label, cfg)))
}

// InfoNCEConfig says how and where the InfoNCE loss applies.
type InfoNCEConfig struct {
	Temperature  float64 // tau > 0
	Exponent     float64 // p
	Window       float64 // [0, 1): no weight where t/T is below
	StopGradient string  // sweep.StopNone | StopNegatives
	Negatives    string  // sweep.NegativesAll | NegativesOtherClass
}

func infoNCETerm(p *passes, _ *Node) *Node {
	s, out := p.Settings, p.cond
	if s.Word(sweep.ParamInfoncePass) == sweep.PassUncond {
		out = p.uncond()
	}
	return InfoNCE(out.Latent(s.Word(sweep.ParamInfonceLayer)), p.batch.T, p.batch.Label, InfoNCEConfig{
		Temperature: s.Number(sweep.ParamInfonceTemperature), Exponent: s.Number(sweep.ParamInfonceExponent),
		Window: s.Number(sweep.ParamInfonceWindow), StopGradient: s.Word(sweep.ParamInfonceStopGradient),
		Negatives: s.Word(sweep.ParamInfonceNegatives),
	})
}

// unitRows scales the rows of h `[B,D]` to length 1; a row of zeros stays one.
func unitRows(h *Node) *Node {
	return Div(h, Sqrt(AddScalar(ReduceAndKeep(Square(h), ReduceSum, -1), 1e-12)))
}

// sameClass is 1 where two samples have one label, else 0: `[B]` -> `[B,B]` float32.
func sameClass(label *Node) *Node {
	b := label.Shape().Dim(0)
	rows := BroadcastToDims(Reshape(label, b, 1), b, b)
	return ConvertDType(Equal(rows, TransposeAllAxes(rows, 1, 0)), dtypes.Float32)
}

// infoNCETerms is l `[B]`.
func infoNCETerms(h, label *Node, cfg InfoNCEConfig) *Node {
	g, b := h.Graph(), h.Shape().Dim(0)
	unit := unitRows(h)
	other := unit
	if cfg.StopGradient == sweep.StopNegatives {
		other = StopGradient(unit)
	}
	cosine := Einsum("id,jd->ij", unit, other)
	similar := Exp(DivScalar(AddScalar(cosine, -1), cfg.Temperature))
	negative := OneMinus(ConvertDType(Diagonal(g, b), dtypes.Float32))
	if cfg.Negatives == sweep.NegativesOtherClass {
		negative = OneMinus(sameClass(label))
	}
	return Log1p(ReduceSum(Mul(similar, negative), -1))
}
