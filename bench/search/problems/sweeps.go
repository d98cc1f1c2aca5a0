package problems

import (
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/simulate"
)

// sweeps are problems that behave like this project's sweeps (simulate.FIDs): two
// regularisers with weights over three decades and an exact zero. Each improves the
// tail up to a peak, both together more than alone; beyond it training collapses, and
// the head gets worse from the first.
func sweeps() []Problem {
	space := func() []sweep.Parameter {
		on := sweep.Condition{Param: "alignment.weight", Op: ">", Value: sweep.Number(0)}
		return []sweep.Parameter{
			{Name: "alignment.weight", Distribution: sweep.DistLogUniform, Min: 1e-3, Max: 3, Zero: 0.2},
			{Name: "alignment.window", Distribution: sweep.DistUniform, Max: 0.8, When: &on},
			{Name: "infonce.pass", Distribution: sweep.DistCategorical, Values: []sweep.Value{sweep.Word("both"), sweep.Word("conditional"), sweep.Word("unconditional")}},
			{Name: "infonce.temperature", Distribution: sweep.DistLogUniform, Min: 0.02, Max: 1},
			{Name: "infonce.weight", Distribution: sweep.DistLogUniform, Min: 1e-3, Max: 3, Zero: 0.2},
		}
	}
	tail := Problem{Name: "tail", Space: space(), Objectives: 1, Best: tailBest, Eval: func(p sweep.Params) ([]float64, []float64) {
		t, _ := simulate.FIDs(p)
		return []float64{t}, nil
	}}
	noisy := tail
	noisy.Name, noisy.Noise = "tail-noisy", 1
	front := Problem{Name: "tail-head", Space: space(), Objectives: 2, Noise: 0.3, Reference: []float64{70, 40}, Volume: tailHeadVolume, Eval: func(p sweep.Params) ([]float64, []float64) {
		t, h := simulate.FIDs(p)
		return []float64{t, h}, nil
	}}
	limited := Problem{Name: "tail-limited", Space: space(), Objectives: 1, Constraints: 1, Best: tailLimitedBest, Eval: func(p sweep.Params) ([]float64, []float64) {
		t, h := simulate.FIDs(p)
		_, baseline := simulate.FIDs(sweep.Params{})
		return []float64{t}, []float64{h - 1.02*baseline}
	}}
	return []Problem{tail, noisy, front, limited}
}
