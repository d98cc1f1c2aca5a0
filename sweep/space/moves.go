package space

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/tailsweep/tailsweep/sweep"
)

// fewLevels is the number of values up to which a parameter with steps is searched
// value by value. One with more is searched as continuous and then rounded.
const fewLevels = 5

// Smooth reports whether each point of the cube is a different configuration, so that a
// climb need not round.
func (c *Cube) Smooth() bool {
	return !slices.ContainsFunc(c.Order, func(p sweep.Parameter) bool { return p.When != nil || Count(p) > 0 })
}

// Snap moves u onto the space: to the middle of a step, the exact zero, the mark of an
// inactive parameter. A categorical coordinate that becomes active takes its first
// value.
func (c *Cube) Snap(u []float64) []float64 {
	at := slices.Clone(u)
	for k, p := range c.Order {
		if IsCategorical(p) {
			at[k] = clamp(math.Round(at[k]), 0, float64(len(p.Values)-1))
		}
	}
	snapped, _ := c.Point(c.Params(at)) // Point accepts what Params returns
	return snapped
}

// Ranges returns the bounds of each coordinate in a climb from u. A coordinate that is
// inactive, categorical, exactly zero or of few values is fixed.
func (c *Cube) Ranges(u []float64) (low, high []float64) {
	low, high = make([]float64, len(u)), make([]float64, len(u))
	params := c.Params(u)
	for k, p := range c.Order {
		low[k], high[k] = u[k], u[k]
		n := Count(p)
		switch {
		case !Active(p, params), IsCategorical(p), n > 0 && n <= fewLevels, atZero(p, u[k]):
		default:
			low[k], high[k] = rangeBegin(p), 1
		}
	}
	return low, high
}

// Neighbours returns the points that differ from u in one coordinate that a climb cannot
// move: the other values of a categorical parameter, the next steps of a range with
// steps, zero and not zero.
func (c *Cube) Neighbours(u []float64) [][]float64 {
	var list [][]float64
	params := c.Params(u)
	with := func(k int, v float64) {
		next := slices.Clone(u)
		next[k] = v
		list = append(list, c.Snap(next))
	}
	for k, p := range c.Order {
		if !Active(p, params) {
			continue
		}
		n := Count(p)
		switch {
		case IsCategorical(p):
			for v := range n {
				if float64(v) != u[k] {
					with(k, float64(v))
				}
			}
		case atZero(p, u[k]):
			for _, share := range []float64{0.05, 0.5, 0.95} {
				with(k, coordinateOf(p, share))
			}
		default:
			if canBeZero(p) {
				with(k, 0)
			}
			for _, v := range neighbours(p, params[p.Name]) {
				at, _ := encode(p, v)
				with(k, at)
			}
		}
	}
	return list
}

// Along returns the points that differ from u in one coordinate: n values across its range
// where a climb can move it, and Neighbours.
func (c *Cube) Along(u []float64, n int) [][]float64 {
	list := c.Neighbours(u)
	low, high := c.Ranges(u)
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

// Near returns a point near u: some coordinates, at least one, move by a normal step
// of the given width, or to another value where they have few.
func (c *Cube) Near(rng *rand.Rand, u []float64, width float64) []float64 {
	next := slices.Clone(u)
	fresh := c.Draw(rng)
	share := math.Max(0.25, math.Min(1, 3/float64(len(u))))
	must := rng.IntN(len(u))
	for k, p := range c.Order {
		move, coin, other := rng.NormFloat64()*width, rng.Float64(), rng.Float64()
		if coin >= share && k != must {
			continue
		}
		n := Count(p)
		switch {
		case IsCategorical(p), atZero(p, u[k]):
			if other < 0.3 {
				next[k] = fresh[k]
			}
		case canBeZero(p) && other < 0.1:
			next[k] = 0
		case n > 1 && float64(n)*math.Abs(move) < 1:
			next[k] = clamp(u[k]+math.Copysign(1/float64(n), move), 0, 1)
		default:
			next[k] = clamp(u[k]+move, rangeBegin(p), 1)
		}
	}
	return next
}
