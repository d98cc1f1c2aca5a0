package cost

import (
	"slices"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/space"
)

// Costliest returns a trial that costs as much as any trial of the sweep, so that its
// costs can be measured: it has every loss term that a trial or the baseline may have,
// the largest batch, and the default of each word that may be drawn. With a trainer it is one
// in the middle of the space.
func Costliest(s *sweep.Spec) sweep.Assignment {
	if s.Trainer != nil {
		return middle(s)
	}
	const on = 0.1 // some weight: how much a term counts costs nothing
	params := sweep.Params{}
	for _, p := range s.Parameters {
		info, _ := sweep.LookupParameter(p.Name)
		switch {
		case info.Choices != nil:
			if values := space.GridValues(p); !slices.Contains(values, info.Default) {
				params[p.Name] = values[0]
			}
		case p.Name == sweep.ParamBatch:
			params[p.Name] = sweep.Number(space.Greatest(p))
		case isTerm(p.Name) && space.Greatest(p) > 0:
			params[p.Name] = sweep.Number(min(on, space.Greatest(p)))
		}
	}
	if s.Baseline != nil {
		for name, v := range s.Baseline.Params {
			if isTerm(name) && v.Float() > 0 {
				params[name] = sweep.Number(min(on, v.Float()))
			}
		}
	}
	return sweep.Assignment{Kind: sweep.KindSearch, Seed: s.Train.Seed, Params: params}
}

// middle is a trial in the middle of the search space: what makes a program of the user slow is
// not known.
func middle(s *sweep.Spec) sweep.Assignment {
	cube := space.NewCube(s)
	u := make([]float64, len(cube.Order))
	for i := range u {
		u[i] = 0.5
	}
	return sweep.Assignment{Kind: sweep.KindSearch, Seed: s.Train.Seed, Params: cube.Params(u)}
}

// isTerm reports whether a parameter is the weight of a term of the loss.
func isTerm(name string) bool {
	return slices.ContainsFunc(sweep.LossTerms(), func(t sweep.LossTerm) bool { return t.Weight() == name })
}
