package simulate

import (
	"math"

	"github.com/tailsweep/tailsweep/sweep"
)

// sweeps behave like this project's sweeps. Two regularisers have weights over
// three decades with an exact zero; each helps the tail up to a peak, together
// more than alone, and beyond the peak training collapses; the head pays from the
// first. The shapes are invented, after what small trainings show; the numbers
// are FIDs.
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
		t, _ := fids(p)
		return []float64{t}, nil
	}}
	noisy := tail
	noisy.Name, noisy.Noise = "tail-noisy", 1
	front := Problem{Name: "tail-head", Space: space(), Objectives: 2, Noise: 0.3, Reference: []float64{70, 40}, Volume: tailHeadVolume, Eval: func(p sweep.Params) ([]float64, []float64) {
		t, h := fids(p)
		return []float64{t, h}, nil
	}}
	limited := Problem{Name: "tail-limited", Space: space(), Objectives: 1, Constraints: 1, Best: tailLimitedBest, Eval: func(p sweep.Params) ([]float64, []float64) {
		t, h := fids(p)
		_, baseline := fids(sweep.Params{})
		return []float64{t}, []float64{h - 1.02*baseline}
	}}
	return []Problem{tail, noisy, front, limited}
}

// fids is the tail's and the head's FID. bump(w, m, s) = exp(-(ln(w/m)/s)^2/2),
// 0 at w = 0, is the gain of a weight.
func fids(p sweep.Params) (tail, head float64) {
	wi, wa := p["infonce.weight"].Float(), p["alignment.weight"].Float()
	window := p["alignment.window"].Float()
	gain := bump(wi, 0.25, 1.1)
	if wi > 0 {
		gain *= 0.35 + 0.65*bump(p["infonce.temperature"].Float(), 0.12, 0.8)
	}
	switch p["infonce.pass"].String() {
	case "conditional":
		gain *= 0.8
	case "unconditional":
		gain *= 0.45
	}
	align := bump(wa, 0.5, 0.9) * (1 - 2.2*square(window-0.35))
	strain := math.Pow(wi/1.1+wa/1.6, 4)
	collapse := strain / (1 + strain)
	tail = 62 - 12*gain - 9*align - 6*gain*align + 45*collapse
	head = 21 + 2.2*math.Sqrt(wi)*(0.4+gain) + 1.6*math.Sqrt(wa)*(1-window) - 0.9*align + 60*collapse
	return tail, head
}

func bump(w, mode, width float64) float64 {
	if w <= 0 {
		return 0
	}
	return math.Exp(-square(math.Log(w/mode)/width) / 2)
}
