package space

import (
	"math"
	"slices"

	"github.com/tailsweep/tailsweep/sweep"
)

// Distribution is everything that the program knows about one distribution. It has
// either List or the functions of numbers. Value, Place and Steps ignore an exact zero,
// which zero.go adds.
type Distribution struct {
	Name  sweep.Distribution
	About string   // one sentence, for the schema and the documentation
	Needs []string // fields of a parameter that a spec must give
	Takes []string // fields that it may give in addition

	List  func(p sweep.Parameter) []sweep.Value // the values of a list; nil for numbers
	Order bool                                  // the order of the list means something

	Value func(p sweep.Parameter, u float64) float64  // the quantile function, of u in [0, 1]
	Place func(p sweep.Parameter, f float64) float64  // inverse of Value: the middle of a step's interval; below 0 or above 1 for a number outside the range
	Grid  func(p sweep.Parameter, at float64) float64 // point of a grid at a share, (0, 1), of the way from low to high
	Ends  func(p sweep.Parameter) (low, high float64) // first and last point of a grid; nil: Min and Max
	Log   bool                                        // distances are those of the logarithm

	Check func(c Checker, p *sweep.Parameter, info sweep.ParameterInfo) // see Check; nil: nothing to check

	Steps func(p sweep.Parameter) int            // how many values a range has; nil for a continuous one
	Step  func(p sweep.Parameter, k int) float64 // value k of them, from 0
	Legal string                                 // which numbers of the range are values, for errors; "{min}" and "{q}" stand for Min and Q
}

// MaxSteps bounds the steps of a range.
const MaxSteps = 1_000_000

// table has a row for each distribution: a new one is its file and its row.
var table = []Distribution{constant, categorical, ordinal, uniform, logUniform, intUniform, qUniform, qLogUniform, normal, logNormal}

// rangeTakes are the fields that ranges take in addition to those that they need.
var rangeTakes = []string{"zero", "count"}

// Distributions lists all distributions.
func Distributions() []Distribution { return slices.Clone(table) }

// Of returns the distribution of a parameter. It panics on an unknown name, which Parse
// refuses.
func Of(p sweep.Parameter) *Distribution {
	for i := range table {
		if table[i].Name == p.Distribution {
			return &table[i]
		}
	}
	panic("space: unknown distribution " + string(p.Distribution) + " of " + p.Name)
}

// IsConstant reports whether p has one value only.
func IsConstant(p sweep.Parameter) bool { return p.Distribution == sweep.DistConstant }

// IsCategorical reports whether p is one of a list whose order means nothing.
func IsCategorical(p sweep.Parameter) bool {
	d := Of(p)
	return d.List != nil && !d.Order
}

// Count is how many values p has, an exact zero not counted; 0 for a continuous range.
func Count(p sweep.Parameter) int {
	switch d := Of(p); {
	case d.List != nil:
		return len(d.List(p))
	case d.Steps != nil:
		return d.Steps(p)
	}
	return 0
}

// neighbours returns the values before and after v, where p has an order and steps.
func neighbours(p sweep.Parameter, v sweep.Value) []sweep.Value {
	d, n := Of(p), Count(p)
	if n == 0 || IsCategorical(p) {
		return nil
	}
	var at int
	value := func(k int) sweep.Value { return sweep.Number(d.Step(p, k)) }
	if d.List != nil {
		values := d.List(p)
		at, value = slices.Index(values, v), func(k int) sweep.Value { return values[k] }
	} else {
		at = nearest(p, v.Float())
	}
	var list []sweep.Value
	for _, k := range []int{at - 1, at + 1} {
		if k >= 0 && k < n {
			list = append(list, value(k))
		}
	}
	return list
}

// nearest is the number of the step nearest to f, outside the steps where f is.
func nearest(p sweep.Parameter, f float64) int {
	width := p.Q
	if p.Distribution == sweep.DistIntUniform {
		width = 1
	}
	return int(math.Round((f - p.Min) / width))
}

// cell is the index of the one of n equal cells of [0, 1] that u is in.
func cell(u float64, n int) int { return min(max(int(u*float64(n)), 0), n-1) }

func clamp(f, low, high float64) float64 { return math.Min(math.Max(f, low), high) }
