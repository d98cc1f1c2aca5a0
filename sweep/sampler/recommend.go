package sampler

import (
	"math"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/gp"
	"github.com/tailsweep/tailsweep/sweep/space"
)

// Recommender is a Sampler that can name the best finished trial where results are
// noisy: the lowest of many noisy values is mostly luck.
type Recommender interface {
	Sampler
	// Recommend returns the best finished trial by the spec's first metric and its
	// constraints; ok is false while there are too few results. It does not use Number
	// and Index of the request.
	Recommend(Request) (best sweep.Trial, ok bool)
}

// likelyFeasible is the least probability that a recommended configuration satisfies
// every constraint.
const likelyFeasible = 0.5

// Recommend returns the first completed trial of the configuration with the lowest
// posterior mean of the first metric, among those that satisfy every constraint with a
// probability of likelyFeasible.
func (bayes) Recommend(r Request) (best sweep.Trial, ok bool) {
	s := space.NewCube(r.Spec)
	t := newTraining(r, s)
	if len(t.x) < bayesStart || len(r.Spec.Metrics) > maxVolumes {
		return sweep.Trial{}, false
	}
	m, err := newModel(randomOf(r), r, s, t, nil, nil)
	if err != nil || len(m.constraints) < len(r.Spec.Constraints) {
		return sweep.Trial{}, false
	}
	lowest := math.Inf(1)
	seen := make(map[string]bool)
	for _, t := range r.Ledger {
		key := t.Params.Key()
		u, in := s.Point(t.Params)
		if t.Status != sweep.StatusCompleted || seen[key] || !in {
			continue
		}
		seen[key] = true
		if mean, _ := m.objectives[0].Posterior(u); mean < lowest && m.chance(u) >= likelyFeasible {
			best, lowest, ok = t, mean, true
		}
	}
	return best, ok
}

// chance is the probability that every constraint is satisfied at u.
func (m *model) chance(u []float64) float64 {
	p := 1.0
	for _, f := range m.constraints {
		mean, sd := f.Posterior(u)
		log, _ := gp.LogCDF((f.limit - mean) / math.Sqrt(sd*sd+f.slack))
		p *= math.Exp(log)
	}
	return p
}
