package space

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/tailsweep/tailsweep/sweep"
)

// GridValues returns the values that a grid takes of p, ascending for numbers: every
// value of a list or of a range with steps (Count of it, when set), otherwise Count
// points from end to end, ends included: equally spaced, in the logarithm for
// log_uniform_values, in probability for normal and log_normal. An exact zero (Zero >
// 0) comes first. It is nil for a continuous range that has no Count.
func GridValues(p sweep.Parameter) []sweep.Value {
	d := Of(p)
	if d.List != nil {
		return slices.Clone(d.List(p))
	}
	var values []sweep.Value
	if canBeZero(p) {
		values = append(values, sweep.Number(0))
	}
	switch {
	case p.Count > 0:
		for i := range p.Count {
			values = append(values, sweep.Number(d.gridPoint(p, float64(i)/float64(p.Count-1))))
		}
	case d.Steps != nil:
		for k := range d.Steps(p) {
			values = append(values, sweep.Number(d.Step(p, k)))
		}
	default:
		return nil
	}
	return slices.Compact(values)
}

// gridPoint is the point at a share of the way from end to end.
func (d *Distribution) gridPoint(p sweep.Parameter, at float64) float64 {
	low, high := p.Min, p.Max
	if d.Ends != nil {
		low, high = d.Ends(p)
	}
	switch at {
	case 0:
		return low
	case 1:
		return high
	}
	return d.Grid(p, at)
}

// Greatest returns the greatest number that p can be.
func Greatest(p sweep.Parameter) float64 {
	d := Of(p)
	if d.List == nil {
		return d.gridPoint(p, 1)
	}
	return slices.MaxFunc(d.List(p), byNumber).Float()
}

// Least returns the least number that p can be.
func Least(p sweep.Parameter) float64 {
	switch d := Of(p); {
	case d.List != nil:
		return slices.MinFunc(d.List(p), byNumber).Float()
	case canBeZero(p):
		return 0
	default:
		return d.gridPoint(p, 0)
	}
}

func byNumber(a, b sweep.Value) int { return cmp.Compare(a.Float(), b.Float()) }

// Legal returns an error unless v is a value of p: an element of the list, a number of
// the range and on its steps, or its exact zero. It does not look at
// p's condition.
func Legal(p sweep.Parameter, v sweep.Value) error {
	if near, ok := Nearest(p, v, 0); !ok || near != v {
		return fmt.Errorf("%s = %s, want %s", p.Name, v, Describe(p))
	}
	return nil
}

// Nearest returns the value of p that v means: v itself, or the bound or step that a
// number misses by rounding times the range at most. ok is false when there is none.
func Nearest(p sweep.Parameter, v sweep.Value, rounding float64) (near sweep.Value, ok bool) {
	d := Of(p)
	if d.List != nil {
		return v, slices.Contains(d.List(p), v)
	}
	f, slack := v.Float(), rounding*(p.Max-p.Min)
	switch {
	case v.IsWord():
		return v, false
	case canBeZero(p) && f == 0:
		return v, true
	case f < p.Min-slack || f > p.Max+slack:
		return v, false
	}
	f = clamp(f, p.Min, p.Max)
	if d.Step == nil {
		return sweep.Number(f), true
	}
	step := d.Step(p, nearest(p, f))
	return sweep.Number(step), math.Abs(step-f) <= slack && step <= p.Max
}

// Describe says what the values of p are.
func Describe(p sweep.Parameter) string {
	d := Of(p)
	if d.List != nil {
		var words []string
		for _, v := range d.List(p) {
			words = append(words, v.String())
		}
		return "one of " + strings.Join(words, ", ")
	}
	text := strings.NewReplacer("{min}", sweep.Number(p.Min).String(), "{q}", sweep.Number(p.Q).String()).Replace(d.Legal)
	text += fmt.Sprintf(" in [%s, %s]", sweep.Number(p.Min), sweep.Number(p.Max))
	if canBeZero(p) {
		text += ", or 0"
	}
	return text
}

// RoundDigits keeps n significant decimal digits of f.
func RoundDigits(f float64, n int) float64 {
	rounded, err := strconv.ParseFloat(strconv.FormatFloat(f, 'g', n, 64), 64)
	if err != nil {
		return f
	}
	return rounded
}
