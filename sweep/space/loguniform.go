package space

import (
	"math"

	"github.com/tailsweep/tailsweep/sweep"
)

var logUniform = Distribution{
	Name: sweep.DistLogUniform, About: "Any number from min to max, uniform in its logarithm. min and max are values, not exponents.",
	Needs: []string{"min", "max"}, Takes: rangeTakes,
	Value: func(p sweep.Parameter, u float64) float64 {
		switch u { // the bounds exactly: exp(log x) is not always x
		case 0:
			return p.Min
		case 1:
			return p.Max
		}
		return clamp(between(p.Min, p.Max, u), p.Min, p.Max)
	},
	Place: func(p sweep.Parameter, f float64) float64 {
		if f <= 0 {
			return 0 // of a baseline, if the search has no exact zero: it is below the range
		}
		return (math.Log(f) - math.Log(p.Min)) / (math.Log(p.Max) - math.Log(p.Min))
	},
	// Twelve digits, so that 0.01 from 0.001 to 1 is written 0.01.
	Grid:  func(p sweep.Parameter, at float64) float64 { return RoundDigits(between(p.Min, p.Max, at), 12) },
	Log:   true,
	Legal: "a number",
	Check: checkRange,
}

// between is the number at a share of the way from low to high in the logarithm.
func between(low, high, at float64) float64 {
	return math.Exp(math.Log(low) + at*(math.Log(high)-math.Log(low)))
}
