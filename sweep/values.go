package sweep

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// GridValues returns the points that a grid takes of p, ascending for numbers:
// every value of a constant, a categorical, an ordinal or an integer range (Count
// of it, when set), every step of q_uniform and q_log_uniform_values (likewise),
// otherwise Count points from Min to Max, ends included: equally spaced, in the
// logarithm for log_uniform_values, in probability for normal and log_normal. An
// exact zero (Zero > 0) comes first. It is nil for a range that has no Count.
func (p Parameter) GridValues() []Value {
	switch p.Distribution {
	case DistConstant:
		return []Value{*p.Value}
	case DistCategorical, DistOrdinal:
		return slices.Clone(p.Values)
	}
	var values []Value
	if p.Zero > 0 {
		values = append(values, Number(0))
	}
	count := p.Count
	if count == 0 {
		switch p.Distribution {
		case DistIntUniform:
			count = int(p.Max-p.Min) + 1
		case DistQUniform, DistQLogUniform:
			for k := range p.Steps() + 1 {
				values = append(values, Number(p.Step(k)))
			}
			return values
		default:
			return nil
		}
	}
	for i := range count {
		values = append(values, Number(p.gridPoint(float64(i)/float64(count-1))))
	}
	return slices.Compact(values)
}

// gridPoint is the point at a fraction of the way from end to end; the ends are
// exact, those of a normal cut at its reach.
func (p Parameter) gridPoint(at float64) float64 {
	low, high := p.Min, p.Max
	switch p.Distribution {
	case DistQUniform, DistQLogUniform:
		high = p.Step(p.Steps())
	case DistNormal, DistLogNormal:
		low, high = p.Quantile(0), p.Quantile(1)
	}
	switch at {
	case 0:
		return low
	case 1:
		return high
	}
	switch p.Distribution {
	case DistLogUniform:
		// Twelve digits, so that 0.01 from 0.001 to 1 is written 0.01.
		return roundDigits(between(low, high, at), 12)
	case DistIntUniform:
		return p.Min + math.Round(at*(p.Max-p.Min))
	case DistQUniform:
		return p.Step(int(math.Round(at * float64(p.Steps()))))
	case DistQLogUniform:
		return p.Step(int(math.Round((between(low, high, at) - p.Min) / p.Q)))
	case DistNormal, DistLogNormal:
		return roundDigits(p.Quantile(at), 12)
	}
	return roundDigits(p.Min+at*(p.Max-p.Min), 12)
}

// between is the point at a fraction of the way from low to high in the logarithm.
func between(low, high, at float64) float64 {
	return math.Exp(math.Log(low) + at*(math.Log(high)-math.Log(low)))
}

// Steps is how many steps of Q fit between Min and Max, for q_uniform and
// q_log_uniform_values.
func (p Parameter) Steps() int { return int(math.Floor((p.Max-p.Min)/p.Q + 1e-9)) }

// Step is value k of q_uniform and q_log_uniform_values, Min + k Q, freed from
// rounding beyond the 12th digit.
func (p Parameter) Step(k int) float64 { return roundDigits(p.Min+float64(k)*p.Q, 12) }

// Legal reports why v is no value of p, nil when it is one: the constant, one of
// the list, or a number within the range and on its steps, or its exact zero. It
// says nothing of p's condition.
func (p Parameter) Legal(v Value) error {
	listed := func(values []Value) error {
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
	case DistConstant:
		return listed([]Value{*p.Value})
	case DistCategorical, DistOrdinal:
		return listed(p.Values)
	}
	f := v.Float()
	number, legal := "a number", true
	switch p.Distribution {
	case DistIntUniform:
		number, legal = "an integer", f == math.Trunc(f)
	case DistQUniform, DistQLogUniform:
		number, legal = fmt.Sprintf("%s + k * %s", Number(p.Min), Number(p.Q)), f == p.Step(int(math.Round((f-p.Min)/p.Q)))
	}
	zero := ""
	if p.Zero > 0 {
		zero = ", or 0"
	}
	switch {
	case !v.IsWord() && p.Zero > 0 && f == 0:
		return nil
	case v.IsWord(), f < p.Min, f > p.Max, !legal:
		return fmt.Errorf("%s = %s, want %s in [%s, %s]%s", p.Name, v, number, Number(p.Min), Number(p.Max), zero)
	}
	return nil
}

// roundDigits keeps n significant decimal digits of f.
func roundDigits(f float64, n int) float64 {
	rounded, err := strconv.ParseFloat(strconv.FormatFloat(f, 'g', n, 64), 64)
	if err != nil {
		return f
	}
	return rounded
}
