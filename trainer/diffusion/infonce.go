package diffusion

import (
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"

	"github.com/tailsweep/tailsweep/sweep"
)

// InfoNCE pushes the latents of a batch apart: a contrastive loss whose positive
// is the sample itself and whose negatives are all other samples, whatever their
// class and t.
//
//	l_i = -log( exp(1/tau) / (exp(1/tau) + sum_{j != i} exp(c_ij/tau)) )
//	    = log(1 + sum_{j != i} exp((c_ij - 1)/tau))
//	L   = mean_i weight(t_i) l_i,  weight(t) = (t/T)^p [t/T >= window]
//
// with c_ij the cosine of h_i and h_j `[B,D]`: one BxB Gram matrix, no projection
// and no pooling (arXiv 2507.09052, as in the authors' released code; the closed
// form is ours). It counts also where the label was dropped. Exponents are at
// most 0 up to rounding, so nothing overflows.
//
// StopGradient "negatives" moves the anchor only: h_j is taken as given.
func InfoNCE(h, t *Node, cfg sweep.InfoNCE) *Node {
	return ReduceAllMean(Mul(weight(t, cfg.Exponent, cfg.Window), infoNCETerms(h, cfg)))
}

// infoNCETerms is l `[B]`.
func infoNCETerms(h *Node, cfg sweep.InfoNCE) *Node {
	g, b := h.Graph(), h.Shape().Dim(0)
	norm := Sqrt(AddScalar(ReduceAndKeep(Square(h), ReduceSum, -1), 1e-12))
	unit := Div(h, norm)
	other := unit
	if cfg.StopGradient == sweep.StopNegatives {
		other = StopGradient(unit)
	}
	cosine := Einsum("id,jd->ij", unit, other)
	similar := Exp(DivScalar(AddScalar(cosine, -1), cfg.Temperature))
	notSelf := OneMinus(ConvertDType(Diagonal(g, b), dtypes.Float32))
	return Log1p(ReduceSum(Mul(similar, notSelf), -1))
}
