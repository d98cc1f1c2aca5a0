package sampler

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/space"
)

// Deb 2002 crosses with eta 20 in thousands of evaluations. With a hundred, children may
// be farther from their parents. Both values were chosen without measurements.
const (
	nsgaCross    = 0.9 // probability that two parents are crossed
	nsgaCrossEta = 10  // distribution index of simulated binary crossover: the larger, the nearer to the parents
	nsgaMutEta   = 15  // likewise of polynomial mutation
)

// nsga2 is NSGA-II (Deb et al. 2002) without generations, so that no trial waits for
// the last one of a generation. The population is the best N of all observations by
// ranked; before there are N, points are those of the Sobol sequence. Each suggestion
// is one child of two parents, each the better of two drawn from the population:
// ranges by simulated binary crossover and polynomial mutation, categories and exact
// zeros by a parent's value or a fresh draw. A parameter that one parent lacks comes
// from the other, or is drawn.
//
// N is a fifth of run_cap, at least 10 and at most 50: with Deb's 100 the budgets of
// sweeps would be spent on random points.
//
// Stopped and diverged configurations enter the population only when too few others
// completed. Failed, cancelled and pending ones are not suggested again and are otherwise
// ignored: children are drawn at random, so those in flight differ anyway.
type nsga2 struct{}

func (m nsga2) Suggest(r Request) (sweep.Params, sweep.Reason, error) { return advised(r, m.suggest) }

func (nsga2) suggest(c *call) (sweep.Params, sweep.Reason, error) {
	list, size := observations(c.Request, c.cube), population(c.Spec)
	if len(list) < size {
		return c.first(fmt.Sprintf("%d of the first population's %d results", len(list), size))
	}
	order := ranked(list)[:size]
	parent := func() []float64 { return list[order[min(c.rng.IntN(size), c.rng.IntN(size))]].u }
	c.reason.Hyper = map[string]float64{"population": float64(size)}
	params, ok := c.untried(func() []float64 { return child(c.cube, c.rng, parent(), parent()) })
	if !ok {
		return c.random("every child was tried: random")
	}
	return params, c.reason, nil
}

// population is the size of NSGA-II's population.
func population(spec *sweep.Spec) int { return int(clamp(float64(spec.Budget.RunCap)/5, 10, 50)) }

// child crosses two parents, NaN where they lack a parameter, and mutates each
// coordinate of the result with probability 1/d.
func child(s *space.Cube, rng *rand.Rand, a, b []float64) []float64 {
	u := s.Draw(rng)
	cross := rng.Float64() < nsgaCross
	for k, x := range s.Axes() {
		coin, mutate, spread := rng.Float64(), rng.Float64()*float64(len(u)) < 1, rng.Float64()
		mother, father := a[k], b[k]
		if math.IsNaN(mother) || coin < 0.5 && !math.IsNaN(father) && cross {
			mother, father = father, mother
		}
		switch {
		case x.Fixed, math.IsNaN(mother):
		case x.Categories > 0, x.IsZero(mother):
			if !mutate {
				u[k] = mother
			}
		case mutate && x.Zero > 0 && rng.Float64() < x.Zero:
			u[k] = 0
		default:
			at := mother
			if cross && !math.IsNaN(father) && !x.IsZero(father) && rng.Float64() < 0.5 {
				at = crossed(spread, mother, father)
			}
			if mutate {
				at = mutated(rng.Float64(), at, x.Low)
			}
			u[k] = clamp(at, x.Low, 1)
		}
	}
	return u
}

// crossed is the child nearer to a in simulated binary crossover of a and b, made from
// a uniform number (Deb and Agrawal 1995).
func crossed(uniform, a, b float64) float64 {
	beta := math.Pow(2*uniform, 1.0/(nsgaCrossEta+1))
	if uniform > 0.5 {
		beta = math.Pow(1/(2*(1-uniform)), 1.0/(nsgaCrossEta+1))
	}
	return ((1+beta)*a + (1-beta)*b) / 2
}

// mutated is polynomial mutation of u in [low, 1], made from a uniform number (Deb and
// Agrawal 1999; bounded as in Deb's NSGA-II code).
func mutated(uniform, u, low float64) float64 {
	span := 1 - low
	if uniform < 0.5 {
		near := math.Pow(1-(u-low)/span, nsgaMutEta+1)
		return u + span*(math.Pow(2*uniform+(1-2*uniform)*near, 1.0/(nsgaMutEta+1))-1)
	}
	near := math.Pow(1-(1-u)/span, nsgaMutEta+1)
	return u + span*(1-math.Pow(2*(1-uniform)+(2*uniform-1)*near, 1.0/(nsgaMutEta+1)))
}
