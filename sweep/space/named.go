package space

import (
	"math"

	"github.com/tailsweep/tailsweep/sweep"
)

// Decode returns the parameters at the point u of the unit cube, which has a
// coordinate in [0, 1] for each parameter by name. A number's is its place in its
// distribution; where an exact zero has a probability, below half the Gap of .12
// is 0 and the rest begins at the Gap. Choice k of n has [k/n, (k+1)/n). What
// stands for a parameter whose condition is false does not matter.
func Decode(spec *sweep.Spec, u map[string]float64) sweep.Params {
	s := NewCube(spec)
	categorical := s.Categorical()
	at := make([]float64, len(s.Order))
	for k, p := range s.Order {
		at[k] = u[p.Name]
		if categorical[k] {
			n := float64(len(p.Values))
			at[k] = math.Min(math.Floor(at[k]*n), n-1)
		}
	}
	return s.Params(at)
}

// Encode is the inverse of Decode: of a choice or a step the middle of its
// interval. What params does not set, and what is not of the space, has no entry.
func Encode(spec *sweep.Spec, params sweep.Params) map[string]float64 {
	u := make(map[string]float64, len(params))
	for _, p := range spec.Parameters {
		v, set := params[p.Name]
		if !set {
			continue
		}
		at, ok := encode(p, v)
		if !ok {
			continue
		}
		if IsCategorical(p) {
			at = (at + 0.5) / float64(len(p.Values))
		}
		u[p.Name] = at
	}
	return u
}
