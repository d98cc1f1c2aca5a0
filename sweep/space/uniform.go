package space

import "github.com/tailsweep/tailsweep/sweep"

var uniform = Distribution{
	Name: sweep.DistUniform, About: "Any number from min to max.", Needs: []string{"min", "max"}, Takes: rangeTakes,
	Value: func(p sweep.Parameter, u float64) float64 { return clamp(p.Min+u*(p.Max-p.Min), p.Min, p.Max) },
	Place: func(p sweep.Parameter, f float64) float64 { return (f - p.Min) / (p.Max - p.Min) },
	Grid:  func(p sweep.Parameter, at float64) float64 { return RoundDigits(p.Min+at*(p.Max-p.Min), 12) },
	Legal: "a number",
	Check: checkRange,
}
