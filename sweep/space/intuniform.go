package space

import (
	"fmt"
	"math"

	"github.com/tailsweep/tailsweep/sweep"
)

// intUniform gives each integer k of n the interval [k/n, (k+1)/n).
var intUniform = Distribution{
	Name: sweep.DistIntUniform, About: "An integer from min to max.", Needs: []string{"min", "max"}, Takes: rangeTakes,
	Value: func(p sweep.Parameter, u float64) float64 { return p.Min + float64(cell(u, int(p.Max-p.Min)+1)) },
	Place: func(p sweep.Parameter, f float64) float64 { return (f - p.Min + 0.5) / (p.Max - p.Min + 1) },
	Grid:  func(p sweep.Parameter, at float64) float64 { return p.Min + math.Round(at*(p.Max-p.Min)) },
	Steps: func(p sweep.Parameter) int { return int(p.Max-p.Min) + 1 },
	Step:  func(p sweep.Parameter, k int) float64 { return p.Min + float64(k) },
	Legal: "an integer",
	Check: func(c Checker, p *sweep.Parameter, _ sweep.ParameterInfo) {
		low, high := c.Shown(&p.Min), c.Shown(&p.Max)
		switch {
		case !checkEnds(c, p):
		case !isInteger(p.Min) || !isInteger(p.Max):
			c.Wrong(&p.Min, low+" to "+high, "int_uniform takes integers", "integer min and max")
		case p.Max-p.Min > MaxSteps:
			c.Wrong(&p.Max, high, "too many values", fmt.Sprintf("at most %d", MaxSteps))
		}
	},
}
