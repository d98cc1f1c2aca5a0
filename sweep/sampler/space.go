package sampler

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/space"
)

// gap keeps an exact zero, at u = 0, apart from the smallest positive value of
// its parameter, at u = gap, so that the model can tell them apart.
const gap = 0.12

// inactive is the coordinate of a parameter whose condition is false.
const inactive = 0.5

// space maps a spec's parameters to the unit cube and back. Only it knows of
// logarithms, normals, steps, words and zeros. Coordinate k belongs to parameter k
// of order; a categorical one holds the index of its value, every other one is in
// [0, 1], where a uniform draw has the parameter's distribution:
//
//	uniform                u = (v - min) / (max - min)
//	log_uniform_values     likewise of the logarithms
//	int_uniform, q_uniform value k of n is [k/n, (k+1)/n)
//	ordinal                likewise, k by the order of the list
//	q_log_uniform_values   value v is [w(v - q/2), w(v + q/2)), w the logarithm
//	                       scaled so that the first edge is 0 and the last is 1
//	normal, log_normal     u = sweep.Parameter.CDF(v)
//
// With an exact zero these are squeezed into [gap, 1], and the zero is 0.
type unitCube struct {
	spec  *sweep.Spec
	order []sweep.Parameter
}

func newUnitCube(spec *sweep.Spec) *unitCube {
	return &unitCube{spec: spec, order: space.Ordered(spec)}
}

// categorical says which coordinates are indices.
func (s *unitCube) categorical() []bool {
	kinds := make([]bool, len(s.order))
	for k, p := range s.order {
		kinds[k] = p.Distribution == sweep.DistCategorical
	}
	return kinds
}

// draw returns a random point with each parameter's distribution, exact zeros at
// their probability. It takes two numbers a parameter from rng, whatever the
// parameter's distribution.
func (s *unitCube) draw(rng *rand.Rand) []float64 {
	return s.pick(func(int) (coin, at float64) { return rng.Float64(), rng.Float64() })
}

// pick returns the point that uniform numbers in [0, 1) stand for: coin decides
// whether parameter k is its exact zero, at is its place in the range or the list.
func (s *unitCube) pick(numbers func(k int) (coin, at float64)) []float64 {
	u := make([]float64, len(s.order))
	for k, p := range s.order {
		coin, at := numbers(k)
		switch {
		case p.Distribution == sweep.DistCategorical:
			u[k] = math.Floor(at * float64(len(p.Values)))
		case p.Zero > 0 && coin < p.Zero:
			u[k] = 0
		case p.Zero > 0:
			u[k] = gap + (1-gap)*at
		default:
			u[k] = at
		}
	}
	return u
}

// params decodes a point.
func (s *unitCube) params(u []float64) sweep.Params {
	params := make(sweep.Params, len(s.order))
	for k, p := range s.order {
		if space.Active(p, params) {
			params[p.Name] = decode(p, u[k])
		}
	}
	return params
}

// point encodes params; ok is false when they are not of this space (a baseline
// may set what the search does not).
func (s *unitCube) point(params sweep.Params) (u []float64, ok bool) {
	u = make([]float64, len(s.order))
	left := len(params)
	for k, p := range s.order {
		v, set := params[p.Name]
		if !set {
			u[k] = inactive
			if p.Distribution == sweep.DistCategorical {
				u[k] = -1
			}
			continue
		}
		left--
		if u[k], ok = encode(p, v); !ok {
			return nil, false
		}
	}
	return u, left == 0
}

// decode returns the value of p at coordinate u, [0, 1].
func decode(p sweep.Parameter, u float64) sweep.Value {
	switch p.Distribution {
	case sweep.DistConstant:
		return *p.Value
	case sweep.DistCategorical:
		return p.Values[int(u)]
	case sweep.DistOrdinal:
		return p.Values[cell(u, len(p.Values))]
	}
	if p.Zero > 0 {
		if u < gap/2 {
			return sweep.Number(0)
		}
		u = math.Max(u-gap, 0) / (1 - gap)
	}
	switch p.Distribution {
	case sweep.DistLogUniform:
		switch u { // exp(log x) is not always x, and an end of the range is what its author wrote
		case 0:
			return sweep.Number(p.Min)
		case 1:
			return sweep.Number(p.Max)
		}
		return sweep.Number(clamp(math.Exp(math.Log(p.Min)+u*(math.Log(p.Max)-math.Log(p.Min))), p.Min, p.Max))
	case sweep.DistIntUniform:
		return sweep.Number(p.Min + float64(cell(u, int(p.Max-p.Min)+1)))
	case sweep.DistQUniform:
		return sweep.Number(space.Step(p, cell(u, space.Steps(p)+1)))
	case sweep.DistQLogUniform:
		low, high := logEdges(p)
		return sweep.Number(space.Step(p, nearestStep(p, math.Exp(low+u*(high-low)))))
	case sweep.DistNormal, sweep.DistLogNormal:
		return sweep.Number(space.Quantile(p, u))
	}
	return sweep.Number(clamp(p.Min+u*(p.Max-p.Min), p.Min, p.Max))
}

// encode is the inverse of decode: of an integer, a step or a value of a list the
// middle of its interval (the value itself in q_log_uniform_values), of a value
// outside the range the nearest end.
func encode(p sweep.Parameter, v sweep.Value) (u float64, ok bool) {
	switch p.Distribution {
	case sweep.DistConstant:
		return 0, true
	case sweep.DistCategorical:
		i := slices.Index(p.Values, v)
		return float64(max(i, 0)), i >= 0
	case sweep.DistOrdinal:
		i := slices.Index(p.Values, v)
		return (float64(max(i, 0)) + 0.5) / float64(len(p.Values)), i >= 0
	}
	if v.IsWord() {
		return 0, false
	}
	f := v.Float()
	if p.Zero > 0 && f == 0 {
		return 0, true
	}
	switch p.Distribution {
	case sweep.DistLogUniform:
		if f <= 0 {
			return 0, true // a baseline's zero, where the search has none: below everything
		}
		u = (math.Log(f) - math.Log(p.Min)) / (math.Log(p.Max) - math.Log(p.Min))
	case sweep.DistIntUniform:
		u = (f - p.Min + 0.5) / (p.Max - p.Min + 1)
	case sweep.DistQUniform:
		u = (float64(nearestStep(p, f)) + 0.5) / float64(space.Steps(p)+1)
	case sweep.DistQLogUniform:
		low, high := logEdges(p)
		u = (math.Log(space.Step(p, nearestStep(p, f))) - low) / (high - low)
	case sweep.DistNormal, sweep.DistLogNormal:
		u = space.CDF(p, f)
	default:
		u = (f - p.Min) / (p.Max - p.Min)
	}
	u = clamp(u, 0, 1)
	if p.Zero > 0 {
		u = gap + (1-gap)*u
	}
	return u, true
}

// cell is the index of the one of n equal cells of [0, 1] that u is in.
func cell(u float64, n int) int { return min(max(int(u*float64(n)), 0), n-1) }

// nearestStep is the k whose step is nearest to f.
func nearestStep(p sweep.Parameter, f float64) int {
	return int(clamp(math.Round((f-p.Min)/p.Q), 0, float64(space.Steps(p))))
}

// logEdges are the logarithms of the outer edges of the first and the last step.
func logEdges(p sweep.Parameter) (low, high float64) {
	return math.Log(p.Min - p.Q/2), math.Log(space.Step(p, space.Steps(p)) + p.Q/2)
}

func clamp(f, low, high float64) float64 { return math.Min(math.Max(f, low), high) }

// finite reports whether the space has finitely many points.
func (s *unitCube) finite() bool {
	return !slices.ContainsFunc(s.order, func(p sweep.Parameter) bool {
		switch p.Distribution {
		case sweep.DistUniform, sweep.DistLogUniform, sweep.DistNormal, sweep.DistLogNormal:
			return true
		}
		return false
	})
}

// maxListed is how many points of a finite space are listed at most.
const maxListed = 100_000

// all lists the points of a finite space; ok is false when there are too many.
func (s *unitCube) all() (points []sweep.Params, ok bool) {
	whole := *s.spec
	whole.Parameters = append([]sweep.Parameter(nil), s.spec.Parameters...)
	for i := range whole.Parameters {
		whole.Parameters[i].Count = 0
	}
	return space.GridUpTo(&whole, maxListed)
}
