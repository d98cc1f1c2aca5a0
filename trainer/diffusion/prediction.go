package diffusion

import (
	. "github.com/gomlx/gomlx/core/graph"

	"github.com/tailsweep/tailsweep/sweep"
)

// A net predicts the noise eps, or the velocity (arXiv 2202.00512)
//
//	v = sqrt(abar_t) eps - sqrt(1 - abar_t) x_0
//
// from which, with x_t,
//
//	x_0 = sqrt(abar_t) x_t - sqrt(1 - abar_t) v
//	eps = sqrt(1 - abar_t) x_t + sqrt(abar_t) v

// target is what the net is trained to predict, `[B,S,S,K]`.
func (s *Schedule) target(x0, eps, t *Node, prediction string) *Node {
	if prediction != sweep.PredictV {
		return eps
	}
	signal, noise := s.rates(t)
	return Sub(Mul(signal, eps), Mul(noise, x0))
}

// toEps is the noise that a prediction of x_t means.
func (s *Schedule) toEps(predicted, xt, t *Node, prediction string) *Node {
	if prediction != sweep.PredictV {
		return predicted
	}
	signal, noise := s.rates(t)
	return Add(Mul(noise, xt), Mul(signal, predicted))
}
