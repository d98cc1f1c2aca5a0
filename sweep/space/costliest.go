package space

import (
	"github.com/tailsweep/tailsweep/sweep"
)

// Greatest returns the greatest number that p can be.
func Greatest(p sweep.Parameter) float64 {
	switch p.Distribution {
	case sweep.DistConstant:
		return p.Value.Float()
	case sweep.DistCategorical, sweep.DistOrdinal:
		most := p.Values[0].Float()
		for _, v := range p.Values {
			most = max(most, v.Float())
		}
		return most
	}
	return gridPoint(p, 1)
}
