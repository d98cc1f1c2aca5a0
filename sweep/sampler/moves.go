package sampler

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/space"
)

// fewLevels is up to how many values a stepped parameter is searched value by
// value alone, and not as if it were continuous and then rounded.
const fewLevels = 5

// levels is how many values parameter k has, 0 for a continuous one. An exact
// zero is not counted.
func levels(p sweep.Parameter) int {
	switch p.Distribution {
	case sweep.DistConstant:
		return 1
	case sweep.DistCategorical, sweep.DistOrdinal:
		return len(p.Values)
	case sweep.DistIntUniform:
		return int(p.Max-p.Min) + 1
	case sweep.DistQUniform, sweep.DistQLogUniform:
		return space.Steps(p) + 1
	}
	return 0
}

// smooth reports whether every point of the cube is one of the space.
func (s *unitCube) smooth() bool {
	for _, p := range s.order {
		if p.When != nil || levels(p) > 0 {
			return false
		}
	}
	return true
}

// snap moves u onto the space: a step's middle, a known zero, the mark of an
// inactive parameter. A categorical coordinate that was inactive and no longer is
// takes its first value.
func (s *unitCube) snap(u []float64) []float64 {
	at := slices.Clone(u)
	for k, p := range s.order {
		if p.Distribution == sweep.DistCategorical {
			at[k] = clamp(math.Round(at[k]), 0, float64(len(p.Values)-1))
		}
	}
	snapped, ok := s.point(s.params(at))
	if !ok {
		return at // cannot be: what params writes, point reads
	}
	return snapped
}

// ranges are the bounds of each coordinate in a climb from u: a coordinate that
// is inactive, categorical, exactly zero or of few levels stays.
func (s *unitCube) ranges(u []float64) (low, high []float64) {
	low, high = make([]float64, len(u)), make([]float64, len(u))
	params := s.params(u)
	for k, p := range s.order {
		low[k], high[k] = u[k], u[k]
		n := levels(p)
		switch {
		case !space.Active(p, params), p.Distribution == sweep.DistCategorical, n > 0 && n <= fewLevels, p.Zero > 0 && u[k] < gap/2:
		case p.Zero > 0:
			low[k], high[k] = gap, 1
		default:
			low[k], high[k] = 0, 1
		}
	}
	return low, high
}

// neighbours are the points that differ from u in one coordinate that a climb
// cannot move: the other values of a categorical parameter, the next steps of a
// stepped one, zero and not zero.
func (s *unitCube) neighbours(u []float64) [][]float64 {
	var list [][]float64
	params := s.params(u)
	with := func(k int, v float64) {
		next := slices.Clone(u)
		next[k] = v
		list = append(list, s.snap(next))
	}
	for k, p := range s.order {
		if !space.Active(p, params) {
			continue
		}
		n := levels(p)
		zero := p.Zero > 0 && u[k] < gap/2
		switch {
		case p.Distribution == sweep.DistCategorical:
			for v := range n {
				if float64(v) != u[k] {
					with(k, float64(v))
				}
			}
		case zero:
			for _, at := range []float64{0.05, 0.5, 0.95} {
				with(k, gap+(1-gap)*at)
			}
		default:
			if p.Zero > 0 {
				with(k, 0)
			}
			if n > 1 {
				for _, v := range steps(p, params[p.Name]) {
					if at, ok := encode(p, v); ok {
						with(k, at)
					}
				}
			}
		}
	}
	return list
}

// along are the points that differ from u in one coordinate: n values across its
// range where a climb can move it, its neighbours where not.
func (s *unitCube) along(u []float64, n int) [][]float64 {
	list := s.neighbours(u)
	low, high := s.ranges(u)
	for k := range u {
		if low[k] < high[k] {
			for i := range n {
				next := slices.Clone(u)
				next[k] = low[k] + (high[k]-low[k])*float64(i)/float64(n-1)
				list = append(list, next)
			}
		}
	}
	return list
}

// steps are the values next to v of a stepped parameter.
func steps(p sweep.Parameter, v sweep.Value) []sweep.Value {
	var list []sweep.Value
	switch p.Distribution {
	case sweep.DistIntUniform:
		for _, f := range []float64{v.Float() - 1, v.Float() + 1} {
			if f >= p.Min && f <= p.Max {
				list = append(list, sweep.Number(f))
			}
		}
	case sweep.DistQUniform, sweep.DistQLogUniform:
		at := int(math.Round((v.Float() - p.Min) / p.Q))
		for _, i := range []int{at - 1, at + 1} {
			if i >= 0 && i <= space.Steps(p) {
				list = append(list, sweep.Number(space.Step(p, i)))
			}
		}
	case sweep.DistOrdinal:
		at := slices.Index(p.Values, v)
		for _, i := range []int{at - 1, at + 1} {
			if i >= 0 && i < len(p.Values) {
				list = append(list, p.Values[i])
			}
		}
	}
	return list
}

// near returns a point near u: some coordinates, one at least, move by a normal
// step of the given width, or to another value where they have few.
func (s *unitCube) near(rng *rand.Rand, u []float64, width float64) []float64 {
	next := slices.Clone(u)
	fresh := s.draw(rng)
	share := math.Max(0.25, math.Min(1, 3/float64(len(u))))
	must := rng.IntN(len(u))
	for k, p := range s.order {
		move, coin, other := rng.NormFloat64()*width, rng.Float64(), rng.Float64()
		if coin >= share && k != must {
			continue
		}
		n := levels(p)
		switch {
		case p.Distribution == sweep.DistCategorical, p.Zero > 0 && u[k] < gap/2:
			if other < 0.3 {
				next[k] = fresh[k]
			}
		case p.Zero > 0 && other < 0.1:
			next[k] = 0
		case n > 1 && float64(n)*math.Abs(move) < 1:
			next[k] = clamp(u[k]+math.Copysign(1/float64(n), move), 0, 1)
		case p.Zero > 0:
			next[k] = clamp(u[k]+move, gap, 1)
		default:
			next[k] = clamp(u[k]+move, 0, 1)
		}
	}
	return next
}
