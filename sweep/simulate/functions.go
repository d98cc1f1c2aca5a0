package simulate

import (
	"math"
	"math/rand/v2"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/stream"
)

// The test functions of a dry run, as in Surjanovic & Bingham, Virtual Library of
// Simulation Experiments (sfu.ca/~ssurjano). The minimum of each is 0.

// Ackley has its minimum at z = 0, among waves.
func Ackley(z []float64) float64 {
	d := float64(len(z))
	norm := math.Sqrt(sum(len(z), func(i int) float64 { return z[i] * z[i] }) / d)
	waves := sum(len(z), func(i int) float64 { return math.Cos(2 * math.Pi * z[i]) }) / d
	return -20*math.Exp(-0.2*norm) - math.Exp(waves) + 20 + math.E
}

// Levy has its minimum at z = 1.
func Levy(z []float64) float64 {
	w := make([]float64, len(z))
	for i := range w {
		w[i] = 1 + (z[i]-1)/4
	}
	last := w[len(w)-1]
	return square(math.Sin(math.Pi*w[0])) +
		sum(len(w)-1, func(i int) float64 { return square(w[i]-1) * (1 + 10*square(math.Sin(math.Pi*w[i]+1))) }) +
		square(last-1)*(1+square(math.Sin(2*math.Pi*last)))
}

// Rastrigin has its minimum at z = 0, and a local one near every integer.
func Rastrigin(z []float64) float64 {
	return sum(len(z), func(i int) float64 { return 10 + z[i]*z[i] - 10*math.Cos(2*math.Pi*z[i]) })
}

// Rosenbrock has its minimum at z = 1, in a curved valley.
func Rosenbrock(z []float64) float64 {
	return sum(len(z)-1, func(i int) float64 { return 100*square(z[i+1]-z[i]*z[i]) + square(1-z[i]) })
}

// FIDs models this project's sweeps: the FID of the tail and of the head as a
// function of the loss weights. Each weight improves the tail up to a peak, both
// together more than alone; beyond the peak training collapses; the head gets worse
// with any weight. The shapes are invented after small trainings. With
// bump(w, m, s) = exp(-(ln(w/m)/s)^2/2), 0 at w = 0:
//
//	g = bump(infonce.weight), times a bump of its temperature
//	a = bump(alignment.weight), times a parabola of its window
//	c = collapse, from 0 to 1 as the weights grow
//	tail = 62 - 12 g - 9 a - 6 g a + 45 c
//	head = 21 + 2.2 sqrt(w_i) (0.4 + g) + 1.6 sqrt(w_a) (1 - window) - 0.9 a + 60 c
func FIDs(p sweep.Params) (tail, head float64) {
	wi, wa := p["infonce.weight"].Float(), p["alignment.weight"].Float()
	window := p["alignment.window"].Float()
	gain := bump(wi, 0.25, 1.1)
	if wi > 0 {
		gain *= 0.35 + 0.65*bump(p["infonce.temperature"].Float(), 0.12, 0.8)
	}
	switch p["infonce.pass"].String() {
	case sweep.PassCond, "conditional": // the second is the name in bench/search's problems
		gain *= 0.8
	case "unconditional": // likewise
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

func square(f float64) float64 { return f * f }

func sum(n int, term func(i int) float64) float64 {
	total := 0.0
	for i := range n {
		total += term(i)
	}
	return total
}

// generator is the random stream of a name.
func generator(name string) *rand.Rand { return stream.Named("tailsweep/simulate/" + name) }
