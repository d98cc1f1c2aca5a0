package space

import (
	"math"

	"gonum.org/v1/gonum/mathext"

	"github.com/tailsweep/tailsweep/sweep"
)

const (
	// NormalEnds is where Parse ends a normal that has no min or max, in standard
	// deviations from its mean; 6e-5 of it is beyond.
	NormalEnds = 4
	// normalReach is where every normal ends in the unit cube, whatever its min and
	// max. Farther out a float64 close to 1 cannot tell values 1e-9 sigma apart.
	normalReach = 5
	// LeastMass is how much of a normal has to lie between its min and max.
	LeastMass = 1e-3
)

// Quantile returns the value of a normal or log_normal parameter that a fraction
// u, [0, 1], of its truncated distribution lies below: the v that solves
//
//	u = (Phi(z(v)) - Phi(a)) / (Phi(b) - Phi(a))
//	z(v) = (x - Mu) / Sigma, x = v of normal, ln v of log_normal
//	a = max(z(Min), -5), b = min(z(Max), 5)
//
// Within that reach Phi and its inverse lose less than 1e-9 Sigma of a value on
// the way to u and back. The ends are exact.
func Quantile(p sweep.Parameter, u float64) float64 {
	a, b := Reach(p)
	z := mathext.NormalQuantile(normalBelow(a) + math.Min(math.Max(u, 0), 1)*NormalMass(a, b))
	v := p.Mu + z*p.Sigma
	if p.Distribution == sweep.DistLogNormal {
		v = math.Exp(v)
	}
	switch { // an end of the range is what its author wrote
	case u <= 0 && a > -normalReach, v < p.Min:
		return p.Min
	case u >= 1 && b < normalReach, v > p.Max:
		return p.Max
	}
	return v
}

// CDF is the inverse of Quantile; of a value outside the range that of the nearest end.
func CDF(p sweep.Parameter, v float64) float64 {
	a, b := Reach(p)
	switch z := standard(p, v); {
	case z <= a:
		return 0
	case z >= b:
		return 1
	default:
		return NormalMass(a, z) / NormalMass(a, b)
	}
}

// standard is v in standard deviations from the mean; -Inf of a value <= 0 of log_normal.
func standard(p sweep.Parameter, v float64) float64 {
	if p.Distribution == sweep.DistLogNormal {
		v = math.Log(math.Max(v, 0))
	}
	return (v - p.Mu) / p.Sigma
}

// Reach returns the ends of the truncated distribution, in standard deviations from the mean.
func Reach(p sweep.Parameter) (a, b float64) {
	return math.Max(standard(p, p.Min), -normalReach), math.Min(standard(p, p.Max), normalReach)
}

// normalBelow is Phi, the probability of a standard normal below z.
func normalBelow(z float64) float64 { return math.Erfc(-z/math.Sqrt2) / 2 }

// NormalMass is Phi(b) - Phi(a).
func NormalMass(a, b float64) float64 { return normalBelow(b) - normalBelow(a) }
