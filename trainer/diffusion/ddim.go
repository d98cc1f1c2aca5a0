package diffusion

import (
	. "github.com/gomlx/gomlx/core/graph"

	"github.com/tailsweep/tailsweep/sweep"
)

var ddim = method{name: sweep.SamplerDDIM, step: ddimStep, coefficients: ddimCoefficients}

// ddimStep is x_s of DDIM without added noise (arXiv 2010.02502, eta = 0):
//
//	eps = (x_t - sqrt(abar_t) x_0) / sqrt(1 - abar_t)
//	x_s = sqrt(abar_s) x_0 + sqrt(1 - abar_s) eps
//
// eps is computed from the clipped x_0, so that x_s lies on the schedule.
func ddimStep(x, x0, coef *Node, _ []*Node) *Node {
	eps := Div(Sub(x, Mul(coefficient(coef, 0), x0)), coefficient(coef, 1))
	return Add(Mul(coefficient(coef, 3), x0), Mul(coefficient(coef, 4), eps))
}

// ddimCoefficients are sqrt(abar_s) and sqrt(1 - abar_s).
func ddimCoefficients(s *Schedule, _, to int) []float32 {
	return []float32{float32(s.Signal(to)), float32(s.Noise(to))}
}
