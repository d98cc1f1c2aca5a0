package space

import (
	"math"

	"github.com/tailsweep/tailsweep/sweep"
)

// qUniform gives each step k of n the interval [k/n, (k+1)/n).
var qUniform = Distribution{
	Name: sweep.DistQUniform, About: "One of min, min + q, min + 2q, ... up to max.", Needs: []string{"min", "max", "q"}, Takes: rangeTakes,
	Value: func(p sweep.Parameter, u float64) float64 { return step(p, cell(u, steps(p))) },
	Place: func(p sweep.Parameter, f float64) float64 { return (float64(stepOf(p, f)) + 0.5) / float64(steps(p)) },
	Grid:  func(p sweep.Parameter, at float64) float64 { return step(p, int(math.Round(at*float64(steps(p)-1)))) },
	Ends:  stepEnds,
	Steps: steps,
	Step:  step,
	Legal: "{min} + k * {q}",
	Check: checkSteps,
}

// steps is how many of Min, Min + Q, Min + 2Q, ... are at most Max.
func steps(p sweep.Parameter) int { return int(math.Floor((p.Max-p.Min)/p.Q+1e-9)) + 1 }

// step is Min + k Q, free of rounding beyond the 12th digit.
func step(p sweep.Parameter, k int) float64 { return RoundDigits(p.Min+float64(k)*p.Q, 12) }

// stepOf is the k whose step is nearest to f.
func stepOf(p sweep.Parameter, f float64) int {
	return int(clamp(math.Round((f-p.Min)/p.Q), 0, float64(steps(p)-1)))
}

func stepEnds(p sweep.Parameter) (low, high float64) { return p.Min, step(p, steps(p)-1) }
