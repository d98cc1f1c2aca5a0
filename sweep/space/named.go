package space

import "github.com/tailsweep/tailsweep/sweep"

// Decode returns the configuration at the point u of the unit cube, which has a
// coordinate in [0, 1] for each parameter by name. For a range it is the quantile of
// the distribution; see Gap for a range with an exact zero. Value k of a list of n has
// [k/n, (k+1)/n). The coordinate of a parameter whose condition is false is ignored.
func Decode(spec *sweep.Spec, u map[string]float64) sweep.Params {
	c := NewCube(spec)
	at := make([]float64, len(c.Order))
	for k, p := range c.Order {
		at[k] = u[p.Name]
		if IsCategorical(p) {
			at[k] = float64(cell(at[k], len(p.Values)))
		}
	}
	return c.Params(at)
}

// Encode is the inverse of Decode; values of a list and steps are encoded as the middle of
// their interval. Parameters without a value, or with one that is not in their list, have
// no entry.
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
