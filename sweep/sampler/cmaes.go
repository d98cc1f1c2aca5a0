package sampler

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/sequence"
	"github.com/tailsweep/tailsweep/sweep/space"
)

const (
	cmaesSigma   = 1.0 / 6 // deviation at the start: the cube is three of them to either side
	cmaesSmall   = 1e-5    // a run has converged, and another begins, when the largest deviation is below
	cmaesRedraws = 100     // draws for a point inside the cube before the last one is clamped to it
)

// cmaes is the covariance matrix adaptation evolution strategy (Hansen and Ostermeier
// 2001; see evolution for the equations) in the unit cube, with restarts at twice the
// population (IPOP, Auger and Hansen 2005).
//
// The distribution is rebuilt from the ledger at each request. Observations in the
// order of completion are cut into generations of
//
//	lambda = 4 + floor(3 ln n),   n ranges
//
// and each full one updates the distribution, whatever its points came from: the
// baseline, a Sobol sequence, or an earlier distribution, because several trials run
// at a time. No trial waits for a slow one. The first generation has the
// points of a Sobol sequence. Normal numbers are made from a Sobol sequence as well: it
// spreads a generation more evenly than random numbers.
//
// Integers and steps are treated as in CMA-ES with margin (Hamano et al. 2022), in a
// simple form: where the distribution has become too narrow to leave a value, its
// deviation is widened for sampling, so that some point of a generation does.
// Categories, and whether a weight is exactly zero, have probabilities of their own.
// The coordinate of a parameter that is absent or zero is drawn at random for the
// update, so that it neither widens nor narrows the distribution. For these reasons,
// and because goptuna v0.9.0's CMA-ES panics on categorical parameters, this is not a
// library.
//
// Within a generation points are ordered by ranked. Failed and cancelled trials are
// left out. Pending ones need no special care, since points are drawn at random; they
// are not suggested twice.
type cmaes struct{}

func (m cmaes) Suggest(r Request) (sweep.Params, sweep.Reason, error) { return advised(r, m.suggest) }

func (cmaes) suggest(c *call) (sweep.Params, sweep.Reason, error) {
	e, runs := rebuild(c.Request, c.cube)
	if e.generation == 0 && runs == 0 {
		return c.first("before the first generation has results")
	}
	c.reason.Note = fmt.Sprintf("generation %d of run %d", e.generation+1, runs+1)
	c.reason.Hyper = map[string]float64{"sigma": e.sigma, "lambda": float64(e.lambda)}
	for j, k := range e.ranges {
		c.reason.Hyper["mean."+c.cube.Order[k].Name] = e.mean[j]
	}
	even := sequence.Point(len(c.cube.Order), c.Index, c.Spec.Seed)
	params, ok := c.untried(func() []float64 {
		u := e.draw(c.cube, c.rng, even)
		even = nil
		return u
	})
	if !ok {
		return c.random(c.reason.Note + ": every draw was tried, random")
	}
	return params, c.reason, nil
}

// rebuild returns the distribution that the ledger leads to, and how many runs ended
// before its own.
func rebuild(r Request, s *space.Cube) (e *evolution, runs int) {
	n := 0
	centre := make([]float64, len(s.Order))
	for k, a := range s.Axes() {
		centre[k] = (1 + a.Low) / 2
		if !a.Fixed && a.Categories == 0 {
			n++
		}
	}
	lambda := 4
	if n > 0 {
		lambda += int(3 * math.Log(float64(n)))
	}
	e = newEvolution(s, lambda, centre, cmaesSigma)
	list := observations(r, s)
	for len(list) >= e.lambda {
		generation := list[:e.lambda]
		list = list[e.lambda:]
		if e.advance(r, generation) {
			continue
		}
		runs++
		start := s.Draw(rand.New(rand.NewPCG(uint64(r.Spec.Seed), uint64(runs))))
		for k, a := range e.axes {
			start[k] = math.Max(start[k], a.Low)
		}
		e = newEvolution(s, min(2*e.lambda, 1000), start, cmaesSigma)
	}
	return e, runs
}

// advance updates the distribution by a generation; ok is false when it has converged
// or degenerated.
func (e *evolution) advance(r Request, generation []observation) (ok bool) {
	points, chosen := make([][]float64, 0, len(generation)), make([][]int, len(e.axes))
	for _, i := range ranked(generation) {
		o := generation[i]
		fill := randomOf(Request{Spec: r.Spec, Number: o.number})
		x := make([]float64, len(e.ranges))
		for j, k := range e.ranges {
			x[j] = o.u[k]
			if blank := fill.NormFloat64(); math.IsNaN(x[j]) || e.axes[k].IsZero(x[j]) {
				x[j] = e.mean[j] + e.sigma*math.Sqrt(e.c.At(j, j))*blank
			}
		}
		points = append(points, x)
		for k, a := range e.axes {
			at := -1
			switch {
			case math.IsNaN(o.u[k]):
			case a.Categories > 0:
				at = int(o.u[k])
			case a.IsZero(o.u[k]):
				at = 0
			default:
				at = 1
			}
			chosen[k] = append(chosen[k], at)
		}
	}
	for k, shares := range e.shares {
		if shares != nil {
			e.learn(k, chosen[k])
		}
	}
	if len(e.ranges) == 0 {
		e.generation++
		return true
	}
	return e.update(points) && e.sigma*e.scale[len(e.scale)-1] > cmaesSmall
}

// draw returns a point of the distribution. even, a uniform number for each
// coordinate, replaces the random numbers of the first try unless it is nil.
func (e *evolution) draw(s *space.Cube, rng *rand.Rand, even []float64) []float64 {
	u := s.Draw(rng)
	for k, shares := range e.shares {
		at := rng.Float64()
		if even != nil {
			at = even[k]
		}
		for j, share := range shares {
			u[k] = float64(j) // a category; or zero, or not zero, whose value the normal distribution gives
			if at -= share; at < 0 {
				break
			}
		}
	}
	if len(e.ranges) == 0 {
		return u
	}
	z := make([]float64, len(e.ranges))
	for try := range cmaesRedraws {
		for j, k := range e.ranges {
			z[j] = rng.NormFloat64()
			if even != nil && try == 0 && e.shares[k] == nil {
				z[j] = math.Sqrt2 * math.Erfinv(2*clamp(even[k], 0x1p-53, 1-0x1p-53)-1)
			}
		}
		x, inside := e.normal(z), true
		for j, k := range e.ranges {
			x[j] += e.margin(j) * rng.NormFloat64()
			inside = inside && x[j] >= e.axes[k].Low && x[j] <= 1
		}
		if !inside && try < cmaesRedraws-1 {
			continue
		}
		for j, k := range e.ranges {
			if e.shares[k] == nil || u[k] > 0 {
				u[k] = clamp(x[j], e.axes[k].Low, 1)
			}
		}
		break
	}
	return u
}

// margin is the deviation that is added along range j of integers or steps, so that a
// point leaves its interval, from the middle, with a probability of at least 1/(n
// lambda); 0 for other ranges.
func (e *evolution) margin(j int) float64 {
	a := e.axes[e.ranges[j]]
	if a.Cells == 0 {
		return 0
	}
	half := (1 - a.Low) / float64(a.Cells) / 2
	least := half / (math.Sqrt2 * math.Erfinv(1-1/float64(len(e.ranges)*e.lambda)))
	return math.Sqrt(math.Max(0, least*least-e.sigma*e.sigma*e.c.At(j, j)))
}
