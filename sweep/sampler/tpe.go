package sampler

import (
	"fmt"
	"math"
	"slices"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/space"
)

const (
	tpeStart      = 10 // observations before the densities are used
	tpeCandidates = 24 // draws from the good points' density, of which the best is suggested
	tpeRecent     = 25 // newest other points with full weight

	// Factors of Scott's rule for the two densities: the best of those tried on six
	// functions; neighbouring values are within the noise.
	tpeGood, tpeOthers = 1.06, 0.74
)

// tpe is the multivariate tree-structured Parzen estimator (Bergstra et al. 2011;
// Falkner et al. 2018; Watanabe 2023, arXiv 2304.11127, whose notation this is). The
// best ceil(sqrt n) of n observations are the good ones; l(u) is their density and
// g(u) that of the others (parzen). Of 24 points drawn from l it suggests the one with
// the greatest ln l(u) - ln g(u), which orders points as expected improvement does. A
// kernel spans all parameters, so that interactions of two are not lost and
// conditional parameters need no tree.
//
// Good points are weighted by rank: of b, the best has 2b - 1 times the weight of the
// last. The newest 25 of the others and the priors have weight 1, older others
// linearly less, down to 1/n, since early points lie everywhere. The first ten points
// are those of the Sobol sequence.
//
// Points are ordered by ranked: with several metrics by front and crowding distance
// (as MOTPE, Ozaki et al. 2022, but without hypervolumes), with constraints feasible
// points first and the rest by violation. Stopped and diverged points come after all
// completed ones; while enough points complete they are among the others and keep the
// search away. Pending points are always among the others, so that a second trial near
// one is unlikely before its result is known. Failed and cancelled trials are left
// out.
type tpe struct{}

func (m tpe) Suggest(r Request) (sweep.Params, sweep.Reason, error) { return advised(r, m.suggest) }

func (tpe) suggest(c *call) (sweep.Params, sweep.Reason, error) {
	list := observations(c.Request, c.cube)
	if len(list) < tpeStart {
		return c.first(fmt.Sprintf("%d of the first %d results", len(list), tpeStart))
	}
	good, rest := split(c.Request, c.cube, list)
	c.reason.Hyper = map[string]float64{"good": float64(len(good.points)), "others": float64(len(rest.points))}
	var best sweep.Params
	for range tpeCandidates {
		params := c.cube.Params(good.draw(c.rng))
		u, in := c.cube.Locate(params)
		if !in || c.tried(params) {
			continue
		}
		if value := good.log(u) - rest.log(u); best == nil || value > c.reason.Acquisition {
			best, c.reason.Acquisition = params, value
		}
	}
	if best == nil {
		return c.random("every candidate was tried: random")
	}
	return best, c.reason, nil
}

// split returns the densities of the good observations and of all other points,
// pending ones included.
func split(r Request, s *space.Cube, list []observation) (good, rest *parzen) {
	order := ranked(list)
	b := int(math.Ceil(math.Sqrt(float64(len(list)))))
	var points, others [][]float64
	var weights, ages []float64
	for rank, i := range order[:b] {
		points, weights = append(points, list[i].u), append(weights, 2*(float64(b-rank)-0.5)/float64(b))
	}
	for _, i := range slices.Sorted(slices.Values(order[b:])) { // by completion
		others = append(others, list[i].u)
	}
	for _, a := range r.Pending {
		if u, of := s.Locate(a.Params); of {
			others = append(others, u)
		}
	}
	n := len(others)
	for i := range others {
		ages = append(ages, math.Min(1, math.Max(float64(i+1)/float64(max(n-tpeRecent, 1)), 1/float64(n))))
	}
	return newParzen(s, points, append(weights, 1), tpeGood), newParzen(s, others, append(ages, 1), tpeOthers)
}
