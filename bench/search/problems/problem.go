package problems

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"

	"gonum.org/v1/gonum/floats"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/space"
	"github.com/tailsweep/tailsweep/sweep/stream"
)

// Problem is a function to minimise over a space, with a known optimum.
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

// All lists all problems, by kind. The values are fresh at each call.
func All() []Problem {
	return slices.Concat(classics(), bbobs(), sweeps(), tables(), fronts(), constrained())
}

// Lookup finds a problem by name.
func Lookup(name string) (Problem, bool) {
	for _, p := range All() {
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

// decode returns the point at u in the unit cube, where u uniform means the
// distributions of Space.
func (p Problem) decode(u []float64) sweep.Params {
	params := make(sweep.Params, len(u))
	for k, q := range p.Space {
		v := u[k]
		if !space.Active(q, params) {
			continue
		}
		switch {
		case q.Distribution == sweep.DistCategorical:
			params[q.Name] = q.Values[min(int(v*float64(len(q.Values))), len(q.Values)-1)]
		case v < q.Zero:
			params[q.Name] = sweep.Number(0)
		case q.Distribution == sweep.DistLogUniform:
			params[q.Name] = sweep.Number(q.Min * math.Pow(q.Max/q.Min, (v-q.Zero)/(1-q.Zero)))
		case q.Distribution == sweep.DistQLogUniform: // of step 1 only
			low, high := math.Log(q.Min), math.Log(q.Max+1)
			params[q.Name] = sweep.Number(math.Min(math.Floor(math.Exp(low+v*(high-low))), q.Max))
		case q.Distribution == sweep.DistIntUniform:
			params[q.Name] = sweep.Number(math.Min(q.Min+math.Floor(v*(q.Max-q.Min+1)), q.Max))
		default:
			params[q.Name] = sweep.Number(q.Min + v*(q.Max-q.Min))
		}
	}
	return params
}

// uniformly draws a point of the unit cube.
func uniformly(rng *rand.Rand, d int) []float64 {
	u := make([]float64, d)
	for i := range u {
		u[i] = rng.Float64()
	}
	return u
}

// scaleDraws is how many random points Scale takes.
const scaleDraws = 1001

// Scale is the divisor that makes losses of different problems comparable: with one
// objective the median regret of a random feasible point, with several 1, since a
// shortfall is a ratio already. A normalised loss of 1 is that of one random trial.
func (p Problem) Scale() float64 {
	if p.Objectives > 1 {
		return 1
	}
	rng := generator("scale/" + p.Name)
	var regrets []float64
	for range scaleDraws {
		if values, constraints := p.Eval(p.decode(uniformly(rng, len(p.Space)))); Feasible(values, constraints) {
			regrets = append(regrets, values[0]-p.Best)
		}
	}
	slices.Sort(regrets)
	return regrets[len(regrets)/2]
}

// Fingerprint identifies a version of a problem: a hash of its description and of its
// values at a few points.
func (p Problem) Fingerprint() string {
	text := fmt.Sprintln(p.Name, p.Objectives, p.Constraints, p.Noise, p.Best, p.Reference, p.Volume)
	rng := generator("fingerprint/" + p.Name)
	for range 8 {
		params := p.decode(uniformly(rng, len(p.Space)))
		values, constraints := p.Eval(params)
		text += fmt.Sprintf("%s %.9g %.9g\n", params.Key(), values, constraints)
	}
	digest := sha256.Sum256([]byte(text))
	return hex.EncodeToString(digest[:4])
}

// generator is the random stream of a name.
func generator(name string) *rand.Rand { return stream.Named("tailsweep/simulate/" + name) }

// offset is a shift of d coordinates, each between reach/4 and reach in size, so that
// the optimum is not at the centre.
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
	return floats.SubTo(make([]float64, len(x)), x, s)
}

func square(f float64) float64 { return f * f }

func sum(d int, term func(i int) float64) float64 {
	total := 0.0
	for i := range d {
		total += term(i)
	}
	return total
}

// Feasible reports whether all constraints are satisfied and all values are finite.
func Feasible(values, constraints []float64) bool {
	for _, f := range values {
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return false
		}
	}
	return !slices.ContainsFunc(constraints, func(c float64) bool { return !(c <= 0) })
}
