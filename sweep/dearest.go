package sweep

import (
	"slices"
	"strings"
)

// Dearest is a trial that costs as much as any of the sweep, for its costs to be
// measured: with every term that a trial or the baseline may have, the largest batch,
// and the defaults where a default may be drawn.
func (s *Spec) Dearest() Assignment {
	const on = 0.1 // some weight: how much a term counts costs nothing
	params := Params{}
	for _, p := range s.Parameters {
		info, _ := LookupParameter(p.Name)
		switch {
		case info.Choices != nil:
			if values := p.GridValues(); !slices.Contains(values, info.Default) {
				params[p.Name] = values[0]
			}
		case p.Name == ParamBatch:
			params[p.Name] = Number(p.greatest())
		case isTerm(p.Name) && p.greatest() > 0:
			params[p.Name] = Number(min(on, p.greatest()))
		}
	}
	if s.Baseline != nil {
		for name, v := range s.Baseline.Params {
			if isTerm(name) && v.Float() > 0 {
				params[name] = Number(min(on, v.Float()))
			}
		}
	}
	return Assignment{Kind: KindSearch, Seed: s.Train.Seed, Params: params}
}

// isTerm reports whether a parameter is the weight of a term of the loss.
func isTerm(name string) bool {
	term, ok := strings.CutSuffix(name, ".weight")
	return ok && slices.Contains(TermList(), term)
}

// greatest is the greatest number that p can be.
func (p Parameter) greatest() float64 {
	switch p.Distribution {
	case DistConstant:
		return p.Value.Float()
	case DistCategorical, DistOrdinal:
		most := p.Values[0].Float()
		for _, v := range p.Values {
			most = max(most, v.Float())
		}
		return most
	}
	return p.gridPoint(1)
}
