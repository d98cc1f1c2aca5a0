package diffusion

import (
	"math"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/tailsweep/tailsweep/sweep"
)

var ddpm = method{name: sweep.SamplerDDPM, step: ddpmStep, coefficients: ddpmCoefficients, noise: true}

// ddpmStep is x_s of ancestral sampling (arXiv 2006.11239), a draw from the posterior of
// x_s given x_t and the clipped x_0. With a = abar_t/abar_s, which is 1 - beta_t where no
// step is left out,
//
//	mean     = sqrt(abar_s) (1 - a)/(1 - abar_t) x_0 + sqrt(a) (1 - abar_s)/(1 - abar_t) x_t
//	variance = (1 - abar_s)/(1 - abar_t) (1 - a)
//
// the smaller of that paper's two variances. The last step, to the clean image, adds
// no noise: its variance is 0.
func ddpmStep(x, x0, coef *Node, noise []*Node) *Node {
	mean := Add(Mul(coefficient(coef, 3), x0), Mul(coefficient(coef, 4), x))
	return Add(mean, Mul(coefficient(coef, 5), noise[0]))
}

// ddpmCoefficients are the factors of x_0, x_t and the noise.
func ddpmCoefficients(s *Schedule, from, to int) []float32 {
	signal, noise := s.Signal(from), s.Noise(from)
	toSignal, toNoise := s.Signal(to), s.Noise(to)
	a := (signal / toSignal) * (signal / toSignal)
	share := (toNoise / noise) * (toNoise / noise)
	return []float32{
		float32(toSignal * (1 - a) / (noise * noise)),
		float32(math.Sqrt(a) * share),
		float32(math.Sqrt(share * (1 - a))),
	}
}
