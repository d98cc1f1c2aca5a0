package space

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/tailsweep/tailsweep/sweep"
)

// GridValues returns the points that a grid takes of p, ascending for numbers:
// every value of a constant, a categorical, an ordinal or an integer range (Count
// of it, when set), every step of q_uniform and q_log_uniform_values (likewise),
// otherwise Count points from Min to Max, ends included: equally spaced, in the
// logarithm for log_uniform_values, in probability for normal and log_normal. An
// exact zero (Zero > 0) comes first. It is nil for a range that has no Count.
func GridValues(p sweep.Parameter) []sweep.Value {
	switch p.Distribution {
	case sweep.DistConstant:
		return []sweep.Value{*p.Value}
	case sweep.DistCategorical, sweep.DistOrdinal:
		return slices.Clone(p.Values)
	}
	var values []sweep.Value
	if p.Zero > 0 {
		values = append(values, sweep.Number(0))
	}
	count := p.Count
	if count == 0 {
		switch p.Distribution {
		case sweep.DistIntUniform:
			count = int(p.Max-p.Min) + 1
		case sweep.DistQUniform, sweep.DistQLogUniform:
			for k := range Steps(p) + 1 {
				values = append(values, sweep.Number(Step(p, k)))
			}
			return values
		default:
			return nil
		}
	}
	for i := range count {
		values = append(values, sweep.Number(gridPoint(p, float64(i)/float64(count-1))))
	}
	return slices.Compact(values)
}

// gridPoint is the point at a fraction of the way from end to end; the ends are
// exact, those of a normal cut at its reach.
func gridPoint(p sweep.Parameter, at float64) float64 {
	low, high := p.Min, p.Max
	switch p.Distribution {
	case sweep.DistQUniform, sweep.DistQLogUniform:
		high = Step(p, Steps(p))
	case sweep.DistNormal, sweep.DistLogNormal:
		low, high = Quantile(p, 0), Quantile(p, 1)
	}
	switch at {
	case 0:
		return low
	case 1:
		return high
	}
	switch p.Distribution {
	case sweep.DistLogUniform:
		// Twelve digits, so that 0.01 from 0.001 to 1 is written 0.01.
		return RoundDigits(between(low, high, at), 12)
	case sweep.DistIntUniform:
		return p.Min + math.Round(at*(p.Max-p.Min))
	case sweep.DistQUniform:
		return Step(p, int(math.Round(at*float64(Steps(p)))))
	case sweep.DistQLogUniform:
		return Step(p, int(math.Round((between(low, high, at)-p.Min)/p.Q)))
	case sweep.DistNormal, sweep.DistLogNormal:
		return RoundDigits(Quantile(p, at), 12)
	}
	return RoundDigits(p.Min+at*(p.Max-p.Min), 12)
}

// between is the point at a fraction of the way from low to high in the logarithm.
func between(low, high, at float64) float64 {
	return math.Exp(math.Log(low) + at*(math.Log(high)-math.Log(low)))
}

// Steps is how many steps of Q fit between Min and Max, for q_uniform and
// q_log_uniform_values.
func Steps(p sweep.Parameter) int { return int(math.Floor((p.Max-p.Min)/p.Q + 1e-9)) }

// Step is value k of q_uniform and q_log_uniform_values, Min + k Q, freed from
// rounding beyond the 12th digit.
func Step(p sweep.Parameter, k int) float64 { return RoundDigits(p.Min+float64(k)*p.Q, 12) }

// Legal reports why v is no value of p, nil when it is one: the constant, one of
// the list, or a number within the range and on its steps, or its exact zero. It
// says nothing of p's condition.
func Legal(p sweep.Parameter, v sweep.Value) error {
	listed := func(values []sweep.Value) error {
		if slices.Contains(values, v) {
			return nil
		}
		words := make([]string, len(values))
		for i, choice := range values {
			words[i] = choice.String()
		}
		return fmt.Errorf("%s = %s, want one of %s", p.Name, v, strings.Join(words, ", "))
	}
	switch p.Distribution {
	case sweep.DistConstant:
		return listed([]sweep.Value{*p.Value})
	case sweep.DistCategorical, sweep.DistOrdinal:
		return listed(p.Values)
	}
	f := v.Float()
	number, legal := "a number", true
	switch p.Distribution {
	case sweep.DistIntUniform:
		number, legal = "an integer", f == math.Trunc(f)
	case sweep.DistQUniform, sweep.DistQLogUniform:
		number, legal = fmt.Sprintf("%s + k * %s", sweep.Number(p.Min), sweep.Number(p.Q)), f == Step(p, int(math.Round((f-p.Min)/p.Q)))
	}
	zero := ""
	if p.Zero > 0 {
		zero = ", or 0"
	}
	switch {
	case !v.IsWord() && p.Zero > 0 && f == 0:
		return nil
	case v.IsWord(), f < p.Min, f > p.Max, !legal:
		return fmt.Errorf("%s = %s, want %s in [%s, %s]%s", p.Name, v, number, sweep.Number(p.Min), sweep.Number(p.Max), zero)
	}
	return nil
}

// RoundDigits keeps n significant decimal digits of f.
func RoundDigits(f float64, n int) float64 {
	rounded, err := strconv.ParseFloat(strconv.FormatFloat(f, 'g', n, 64), 64)
	if err != nil {
		return f
	}
	return rounded
}
