package sampler

import (
	"math/rand/v2"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/space"
)

// draws is how many random points are tried before the space is assumed to be nearly
// used up and its untried configurations are listed.
const draws = 256

// random draws each parameter from its distribution, independently.
type random struct{}

func (random) Suggest(r Request) (sweep.Params, sweep.Reason, error) {
	s := space.NewCube(r.Spec)
	params, err := untried(s, randomOf(r), tried(r))
	return params, sweep.Reason{Sampler: string(sweep.MethodRandom)}, err
}

// untried draws a configuration that is not in seen.
func untried(s *space.Cube, rng *rand.Rand, seen map[string]bool) (sweep.Params, error) {
	for range draws {
		if params := s.Params(s.Draw(rng)); !seen[params.Key()] {
			return params, nil
		}
	}
	if !s.Finite() {
		return s.Params(s.Draw(rng)), nil // infinitely many: the draws repeated exact zeros and categories
	}
	all, ok := s.All()
	if !ok {
		return s.Params(s.Draw(rng)), nil // too many to list
	}
	var left []sweep.Params
	for _, params := range all {
		if !seen[params.Key()] {
			left = append(left, params)
		}
	}
	if len(left) == 0 {
		return nil, ErrExhausted
	}
	return left[rng.IntN(len(left))], nil
}
