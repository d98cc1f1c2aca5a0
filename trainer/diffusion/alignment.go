package diffusion

import (
	. "github.com/gomlx/gomlx/core/graph"

	"github.com/tailsweep/tailsweep/sweep"
)

// Alignment pulls the conditional and the unconditional prediction towards each other
// at high noise, so that tail classes share what head classes have learnt:
//
//	L = mean over samples and pixels of weight(t) kept (eps_c - eps_0)^2,
//	    weight(t) = (t/T)^p [t/T >= window]
//
// (arXiv 2507.09052, as in the authors' released code.) kept `[B]` is 0 where the
// label was dropped, where the two are the same prediction, and 1 elsewhere.
// There is no stop-gradient unless StopGradient names the side without gradient.
//
// Both are predictions of the noise. With prediction v the caller converts the outputs to
// noise, which multiplies the squared difference by abar_t (both are of the same x_t).
func Alignment(epsC, eps0, t, kept *Node, cfg AlignmentConfig) *Node {
	switch cfg.StopGradient {
	case sweep.StopCond:
		epsC = StopGradient(epsC)
	case sweep.StopUncond:
		eps0 = StopGradient(eps0)
	}
	perSample := ReduceMean(Square(Sub(epsC, eps0)), 1, 2, 3)
	return ReduceAllMean(Mul(Mul(weight(t, cfg.Exponent, cfg.Window), kept), perSample))
}

// AlignmentConfig says how and where the alignment loss applies.
type AlignmentConfig struct {
	Exponent     float64 // p
	Window       float64 // [0, 1): no weight where t/T is below
	StopGradient string  // sweep.StopNone | StopUncond | StopCond: the side without gradient
}

func alignmentTerm(p *passes, _ *Node) *Node {
	s := p.Settings
	return Alignment(p.eps(p.cond), p.eps(p.uncond()), p.batch.T, p.batch.Kept, AlignmentConfig{
		Exponent: s.Number(sweep.ParamAlignmentExponent), Window: s.Number(sweep.ParamAlignmentWindow),
		StopGradient: s.Word(sweep.ParamAlignmentStopGradient),
	})
}
