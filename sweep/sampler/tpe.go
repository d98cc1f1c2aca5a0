package sampler

import (
	"fmt"
	"math"
	"slices"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/space"
)

const (
	tpeStart      = 10 // points before the densities take over
	tpeCandidates = 24 // draws from the good points' density that the best is taken of
	tpeRecent     = 25 // newest other points, which all weigh 1

	// Deviations of the two densities in terms of Scott's rule, the best of those
	// tried on six functions; neighbouring values are within the noise.
	tpeGood, tpeOthers = 1.06, 0.74
)

// tpe is the multivariate tree-structured Parzen estimator (Bergstra et al. 2011;
// Falkner et al. 2018; Watanabe 2023, arXiv 2304.11127, whose notation this is).
// The best ceil(sqrt n) of n observations are the good ones; l(u) is the density of
// those, g(u) that of the others (parzen). Of 24 points drawn from l the one with
// the greatest ln l(u) - ln g(u), which orders points as expected improvement does,
// is suggested. A kernel spans all parameters, so that what two of them do together
// is not lost, and a conditional parameter needs no tree.
//
// Good points weigh by rank, the best of b 2b - 1 times the last; the newest 25 of
// the others and the priors weigh 1, older others linearly less, down to 1/n: the
// early ones lie everywhere. The first ten points are those of sobol.
//
// The order is that of ranked: with several metrics by front and crowding distance
// (as MOTPE, Ozaki et al. 2022, but for its hypervolumes), with constraints feasible
// points first and the rest by violation. Stopped and diverged points are behind
// all completed ones, so they are among the others as long as enough points
// complete, and drive the search away. Pending points are always among the others:
// a second trial near one is unattractive while its result is not known. Failed and
// cancelled trials are left out.
type tpe struct{}

func (tpe) Suggest(r Request) (sweep.Params, sweep.Reason, error) {
	s, rng, seen := space.NewCube(r.Spec), randomOf(r), tried(r)
	reason := sweep.Reason{Sampler: string(sweep.MethodTPE)}
	list := observations(r, s)
	if len(list) < tpeStart {
		reason.Note = fmt.Sprintf("%d of the first %d results: a point of a Sobol sequence", len(list), tpeStart)
		params, err := spreadUntried(s, r, seen)
		return params, reason, err
	}
	good, rest := split(r, s, list)
	reason.Hyper = map[string]float64{"good": float64(len(good.points)), "others": float64(len(rest.points))}
	var best sweep.Params
	for range tpeCandidates {
		params := s.Params(good.draw(rng))
		u, of := s.Locate(params)
		if !of || seen[params.Key()] {
			continue
		}
		if value := good.log(u) - rest.log(u); best == nil || value > reason.Acquisition {
			best, reason.Acquisition = params, value
		}
	}
	if best != nil {
		return best, reason, nil
	}
	reason.Note = "no untried point among the candidates: random"
	params, err := untried(s, rng, seen)
	return params, reason, err
}

// split returns the densities of the good observations and of all other points,
// pending ones among them.
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
