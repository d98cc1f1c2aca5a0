package space

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mathext"

	"github.com/tailsweep/tailsweep/sweep"
)

var (
	normal    = normalRow(sweep.DistNormal, "Normal with mean mu and standard deviation sigma, cut off at min and max.")
	logNormal = normalRow(sweep.DistLogNormal, "A number whose natural logarithm is normal with mu and sigma, cut off at min and max.")
)

func normalRow(name sweep.Distribution, about string) Distribution {
	return Distribution{
		Name: name, About: about, Needs: []string{"mu", "sigma"}, Takes: []string{"min", "max", "zero", "count"},
		Value: quantile, Place: cdf,
		Grid:  func(p sweep.Parameter, at float64) float64 { return RoundDigits(quantile(p, at), 12) },
		Ends:  func(p sweep.Parameter) (low, high float64) { return quantile(p, 0), quantile(p, 1) },
		Log:   name == sweep.DistLogNormal,
		Legal: "a number",
		Check: checkNormal,
	}
}

// checkNormal fills in the ends that are not given, NormalEnds from the mean or where the
// parameter's own range ends, and checks them.
func checkNormal(c Checker, p *sweep.Parameter, info sweep.ParameterInfo) {
	if info.Integer {
		integersOnly(c, p)
		return
	}
	log := p.Distribution == sweep.DistLogNormal
	low, high := p.Mu-NormalEnds*p.Sigma, p.Mu+NormalEnds*p.Sigma
	if log {
		low, high = math.Exp(low), math.Exp(high)
	}
	if !c.Given(&p.Min) {
		p.Min = math.Max(RoundDigits(low, 12), info.Min)
	}
	if !c.Given(&p.Max) {
		p.Max = math.Min(RoundDigits(high, 12), info.Max)
	}
	shown := sweep.Number(p.Min).String() + " to " + sweep.Number(p.Max).String()
	switch {
	case p.Min >= p.Max:
		c.Wrong(p, shown, "min and max leave nothing of the "+string(p.Distribution)+" distribution", fmt.Sprintf("min below max, within %d sigma of mu", NormalEnds))
	case !info.Accepts(sweep.Number(p.Min)):
		c.Wrong(p, shown, fmt.Sprintf("reaches %s, which %s cannot be", sweep.Number(p.Min), p.Name), "min: "+info.Legal())
	case !info.Accepts(sweep.Number(p.Max)):
		c.Wrong(p, shown, fmt.Sprintf("reaches %s, which %s cannot be", sweep.Number(p.Max), p.Name), "max: "+info.Legal())
	case log && !checkPositive(c, p):
	case Mass(*p) < LeastMass:
		c.Wrong(p, shown, fmt.Sprintf("min and max leave less than %g of the %s distribution", LeastMass, p.Distribution), "ends within 3 sigma of mu")
	}
}

const (
	// NormalEnds is where Check ends a normal distribution that has no min or max, in
	// standard deviations from its mean; 6e-5 of it is beyond.
	NormalEnds = 4
	// normalReach is where every normal distribution ends in the unit cube, whatever its
	// min and max. Farther out float64 numbers near 1 do not distinguish values 1e-9
	// sigma apart.
	normalReach = 5
	// LeastMass is how much of a normal distribution must lie between min and max.
	LeastMass = 1e-3
)

// quantile returns the value of a normal or log_normal parameter below which a fraction
// u, [0, 1], of its truncated distribution lies: the v that solves
//
//	u = (Phi(z(v)) - Phi(a)) / (Phi(b) - Phi(a))
//	z(v) = (x - Mu) / Sigma, x = v of normal, ln v of log_normal
//	a = max(z(Min), -5), b = min(z(Max), 5)
//
// Within that reach a value that is mapped to u and back changes by less than 1e-9 Sigma.
// The ends are exact.
func quantile(p sweep.Parameter, u float64) float64 {
	a, b := reach(p)
	z := mathext.NormalQuantile(normalBelow(a) + clamp(u, 0, 1)*normalMass(a, b))
	v := p.Mu + z*p.Sigma
	if p.Distribution == sweep.DistLogNormal {
		v = math.Exp(v)
	}
	switch { // the bounds exactly
	case u <= 0 && a > -normalReach, v < p.Min:
		return p.Min
	case u >= 1 && b < normalReach, v > p.Max:
		return p.Max
	}
	return v
}

// cdf is the inverse of quantile; a value outside the range counts as the nearest end.
func cdf(p sweep.Parameter, v float64) float64 {
	a, b := reach(p)
	switch z := standard(p, v); {
	case z <= a:
		return 0
	case z >= b:
		return 1
	default:
		return normalMass(a, z) / normalMass(a, b)
	}
}

// standard is v in standard deviations from the mean; -Inf for a value <= 0 of log_normal.
func standard(p sweep.Parameter, v float64) float64 {
	if p.Distribution == sweep.DistLogNormal {
		v = math.Log(math.Max(v, 0))
	}
	return (v - p.Mu) / p.Sigma
}

// Mass is how much of the untruncated distribution lies between min and max, not counting
// what is more than 5 standard deviations from the mean.
func Mass(p sweep.Parameter) float64 {
	if a, b := reach(p); a < b {
		return normalMass(a, b)
	}
	return 0
}

// reach returns the ends of the truncated distribution, in standard deviations from the mean.
func reach(p sweep.Parameter) (a, b float64) {
	return math.Max(standard(p, p.Min), -normalReach), math.Min(standard(p, p.Max), normalReach)
}

// normalBelow is Phi, the probability of a standard normal below z.
func normalBelow(z float64) float64 { return math.Erfc(-z/math.Sqrt2) / 2 }

// normalMass is Phi(b) - Phi(a).
func normalMass(a, b float64) float64 { return normalBelow(b) - normalBelow(a) }
