package space

import "github.com/tailsweep/tailsweep/sweep"

// Greatest returns the greatest number that p can be.
func Greatest(p sweep.Parameter) float64 {
	if values := listed(p); values != nil {
		most := values[0].Float()
		for _, v := range values {
			most = max(most, v.Float())
		}
		return most
	}
	return gridPoint(p, 1)
}

// Least returns the least number that p can be.
func Least(p sweep.Parameter) float64 {
	if values := listed(p); values != nil {
		least := values[0].Float()
		for _, v := range values {
			least = min(least, v.Float())
		}
		return least
	}
	if p.Zero > 0 {
		return 0
	}
	return gridPoint(p, 0)
}

// listed returns the values of a constant, categorical or ordinal, nil for a range.
func listed(p sweep.Parameter) []sweep.Value {
	if p.Distribution == sweep.DistConstant {
		return []sweep.Value{*p.Value}
	}
	return p.Values
}
