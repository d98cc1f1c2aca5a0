package space

import (
	"math"

	"github.com/tailsweep/tailsweep/sweep"
)

// qLogUniform gives step v the interval [w(v - q/2), w(v + q/2)), with w the logarithm
// scaled so that the first edge is 0 and the last is 1. The place of a step is that of
// the step itself.
var qLogUniform = Distribution{
	Name: sweep.DistQLogUniform, About: "The same steps as q_uniform, uniform in the logarithm.", Needs: []string{"min", "max", "q"}, Takes: rangeTakes,
	Value: func(p sweep.Parameter, u float64) float64 {
		low, high := logEdges(p)
		return step(p, stepOf(p, math.Exp(low+u*(high-low))))
	},
	Place: func(p sweep.Parameter, f float64) float64 {
		low, high := logEdges(p)
		return (math.Log(step(p, stepOf(p, f))) - low) / (high - low)
	},
	Grid: func(p sweep.Parameter, at float64) float64 {
		low, high := stepEnds(p)
		return step(p, stepOf(p, between(low, high, at)))
	},
	Ends:  stepEnds,
	Log:   true,
	Steps: steps,
	Step:  step,
	Legal: "{min} + k * {q}",
	Check: func(c Checker, p *sweep.Parameter, info sweep.ParameterInfo) {
		if p.Min < p.Max && !checkPositive(c, p) {
			return
		}
		if p.Min < p.Max && p.Q <= p.Max-p.Min && p.Q >= 2*p.Min {
			c.Wrong(&p.Q, c.Shown(&p.Q), "the first step, all numbers within q / 2 of min, includes 0", "less than 2 min, with zero: P for an exact 0")
			return
		}
		checkSteps(c, p, info)
	},
}

// logEdges are the logarithms of the outer edges of the first and the last step.
func logEdges(p sweep.Parameter) (low, high float64) {
	return math.Log(p.Min - p.Q/2), math.Log(step(p, steps(p)-1) + p.Q/2)
}
