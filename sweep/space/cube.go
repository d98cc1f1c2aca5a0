package space

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/tailsweep/tailsweep/sweep"
)

// Inactive is the coordinate of a parameter whose condition is false, unless it is
// categorical: then it is NoCategory.
const (
	Inactive   = 0.5
	NoCategory = -1
)

// Cube maps the parameters of a spec to the unit cube and back, so that search methods
// see coordinates instead of logarithms, steps, words and zeros. Coordinate k
// belongs to parameter k of Order. That of a categorical parameter is the index of its
// value; every other one is in [0, 1], where a uniform number has the parameter's
// distribution. See Gap for the coordinate of an exact zero.
type Cube struct {
	Order []sweep.Parameter
	spec  *sweep.Spec
}

// NewCube returns the cube of a spec's parameters.
func NewCube(spec *sweep.Spec) *Cube { return &Cube{Order: Ordered(spec), spec: spec} }

// Categorical reports for each coordinate whether it is an index.
func (c *Cube) Categorical() []bool {
	kinds := make([]bool, len(c.Order))
	for k, p := range c.Order {
		kinds[k] = IsCategorical(p)
	}
	return kinds
}

// Draw returns a random point with each parameter's distribution, exact zeros at
// their probability. It takes two numbers for each parameter from rng,
// whatever its distribution.
func (c *Cube) Draw(rng *rand.Rand) []float64 {
	return c.Pick(func(int) (coin, at float64) { return rng.Float64(), rng.Float64() })
}

// Pick maps uniform numbers in [0, 1) to a point: coin decides whether parameter k is its
// exact zero, at is its place in the range or the list.
func (c *Cube) Pick(numbers func(k int) (coin, at float64)) []float64 {
	u := make([]float64, len(c.Order))
	for k, p := range c.Order {
		coin, at := numbers(k)
		switch {
		case IsCategorical(p):
			u[k] = math.Floor(at * float64(len(p.Values)))
		case canBeZero(p) && coin < p.Zero:
			u[k] = 0
		default:
			u[k] = coordinateOf(p, at)
		}
	}
	return u
}

// Params returns the configuration at a point.
func (c *Cube) Params(u []float64) sweep.Params {
	params := make(sweep.Params, len(c.Order))
	for k, p := range c.Order {
		if Active(p, params) {
			params[p.Name] = decode(p, u[k])
		}
	}
	return params
}

// Point returns the point of a configuration; ok is false when it is not of this space:
// a baseline may set parameters that are not searched.
func (c *Cube) Point(params sweep.Params) (u []float64, ok bool) {
	return c.locate(params, func(p sweep.Parameter) float64 {
		if IsCategorical(p) {
			return NoCategory
		}
		return Inactive
	})
}

// Locate is Point with NaN for the coordinates of parameters that are absent.
func (c *Cube) Locate(params sweep.Params) (u []float64, ok bool) {
	return c.locate(params, func(sweep.Parameter) float64 { return math.NaN() })
}

func (c *Cube) locate(params sweep.Params, absent func(sweep.Parameter) float64) (u []float64, ok bool) {
	u = make([]float64, len(c.Order))
	left := len(params)
	for k, p := range c.Order {
		v, set := params[p.Name]
		if !set {
			u[k] = absent(p)
			continue
		}
		left--
		if u[k], ok = encode(p, v); !ok {
			return nil, false
		}
	}
	return u, left == 0
}

// decode returns the value of p at coordinate u: [0, 1], or the index of a categorical
// value.
func decode(p sweep.Parameter, u float64) sweep.Value {
	d := Of(p)
	if d.List != nil {
		values := d.List(p)
		if !d.Order {
			return values[int(u)]
		}
		return values[cell(u, len(values))]
	}
	if atZero(p, u) {
		return sweep.Number(0)
	}
	return sweep.Number(d.Value(p, shareOf(p, u)))
}

// encode is the inverse of decode. An integer, a step or a value of an ordered list has
// the middle of its interval (in q_log_uniform_values the step itself), and a number
// outside the range has the nearest end. A constant is at 0, whatever v is. ok is false
// for a value that is not in the list, and for a word in a range.
func encode(p sweep.Parameter, v sweep.Value) (u float64, ok bool) {
	d := Of(p)
	if d.List != nil {
		if IsConstant(p) {
			return 0, true
		}
		values := d.List(p)
		i := slices.Index(values, v)
		u = float64(max(i, 0))
		if d.Order {
			u = (u + 0.5) / float64(len(values))
		}
		return u, i >= 0
	}
	if v.IsWord() {
		return 0, false
	}
	if canBeZero(p) && v.Float() == 0 {
		return 0, true
	}
	return coordinateOf(p, clamp(d.Place(p, v.Float()), 0, 1)), true
}

// Finite reports whether the space has finitely many configurations.
func (c *Cube) Finite() bool {
	return !slices.ContainsFunc(c.Order, func(p sweep.Parameter) bool { return Count(p) == 0 })
}

// Recurs reports whether random points may be the same configuration. They differ
// where a continuous parameter without an exact zero is always present.
func (c *Cube) Recurs() bool {
	return !slices.ContainsFunc(c.Order, func(p sweep.Parameter) bool { return Count(p) == 0 && p.Zero == 0 && p.When == nil })
}

// maxListed is how many points of a finite space are listed at most.
const maxListed = 100_000

// All lists the points of a finite space; ok is false when there are too many.
func (c *Cube) All() (points []sweep.Params, ok bool) {
	all := *c.spec
	all.Parameters = slices.Clone(c.spec.Parameters)
	for i := range all.Parameters {
		all.Parameters[i].Count = 0
	}
	return GridUpTo(&all, maxListed)
}

// Axis describes one coordinate for the search methods that use one-dimensional
// densities.
type Axis struct {
	Fixed      bool    // a constant
	Categories int     // values of a categorical parameter, 0 for any other
	Cells      int     // values of an ordered list or a range with steps, 0 for a continuous one
	Zero       float64 // probability of an exact zero
	Low        float64 // where the range begins: Gap if there is an exact zero, else 0
}

// Axes describes the coordinates of the cube.
func (c *Cube) Axes() []Axis {
	list := make([]Axis, len(c.Order))
	for k, p := range c.Order {
		a := &list[k]
		a.Zero, a.Low = p.Zero, rangeBegin(p)
		switch {
		case IsConstant(p):
			a.Fixed = true
		case IsCategorical(p):
			a.Categories = Count(p)
		default:
			a.Cells = Count(p)
		}
	}
	return list
}

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
