package simulate

import (
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"

	"github.com/tailsweep/tailsweep/sweep"
)

// Problem is a function to minimise over a space, with a known answer.
type Problem struct {
	Name        string
	Space       []sweep.Parameter
	Objectives  int
	Constraints int       // each feasible when <= 0
	Noise       float64   // standard deviation added to each objective; 0 is exact
	Best        float64   // f*, with one objective
	Reference   []float64 // of the hypervolume, with several
	Volume      float64   // V
	// Eval returns the values without noise. Parameters whose condition is false
	// may be absent. It is safe for concurrent use.
	Eval func(sweep.Params) (values, constraints []float64)
}

// Problems lists all problems, by kind. The values are fresh at each call.
func Problems() []Problem {
	return slices.Concat(classics(), bbobs(), sweeps(), fronts(), constrained())
}

// Lookup finds a problem by name.
func Lookup(name string) (Problem, bool) {
	for _, p := range Problems() {
		if p.Name == name {
			return p, true
		}
	}
	return Problem{}, false
}

// box is d uniform parameters x1, x2, ... between low and high.
func box(d int, low, high float64) []sweep.Parameter {
	space := make([]sweep.Parameter, d)
	for i := range space {
		space[i] = uniform(i, low, high)
	}
	return space
}

func uniform(i int, low, high float64) sweep.Parameter {
	return sweep.Parameter{Name: axis(i), Distribution: sweep.DistUniform, Min: low, Max: high}
}

// axis is the name of coordinate i, from 0; spaces here have fewer than ten, so
// that names sort as coordinates do.
func axis(i int) string { return "x" + strconv.Itoa(i+1) }

// vector is the point of a box.
func vector(params sweep.Params) []float64 {
	x := make([]float64, len(params))
	for i := range x {
		x[i] = params[axis(i)].Float()
	}
	return x
}

// one is a problem of one objective and no constraint over a box.
func one(name string, space []sweep.Parameter, best float64, f func(x []float64) float64) Problem {
	return Problem{Name: name, Space: space, Objectives: 1, Best: best,
		Eval: func(params sweep.Params) ([]float64, []float64) { return []float64{f(vector(params))}, nil }}
}

// generator is the stream of what is random about name.
func generator(name string) *rand.Rand {
	h := fnv.New128a()
	_, _ = h.Write([]byte("tailsweep/simulate/" + name)) // a hash's Write cannot fail
	sum := h.Sum(nil)
	var a, b uint64
	for i := range 8 {
		a, b = a<<8|uint64(sum[i]), b<<8|uint64(sum[8+i])
	}
	return rand.New(rand.NewPCG(a, b))
}

// offset is a shift of d coordinates, each between reach/4 and reach in size, so
// that no optimum stays at the centre.
func offset(name string, d int, reach float64) []float64 {
	rng := generator(name)
	s := make([]float64, d)
	for i := range s {
		s[i] = reach * (0.25 + 0.75*rng.Float64())
		if rng.Float64() < 0.5 {
			s[i] = -s[i]
		}
	}
	return s
}

// minus is x - s.
func minus(x, s []float64) []float64 {
	z := make([]float64, len(x))
	for i := range z {
		z[i] = x[i] - s[i]
	}
	return z
}

func square(f float64) float64 { return f * f }

func sum(d int, term func(i int) float64) float64 {
	total := 0.0
	for i := range d {
		total += term(i)
	}
	return total
}

// feasible reports whether all constraints hold and all values are finite.
func feasible(values, constraints []float64) bool {
	for _, f := range values {
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return false
		}
	}
	return !slices.ContainsFunc(constraints, func(c float64) bool { return !(c <= 0) })
}
