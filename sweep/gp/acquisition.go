package gp

import "math"

// LogEI returns the logarithm of the expected improvement below best of a normal
// value with the given mean and standard deviation sd >= 0, for minimisation:
//
//	EI = sd h(z),  h(z) = phi(z) + z Phi(z),  z = (best - mean)/sd
//
// in a form that stays finite and ordered far in the tail (Ament et al. 2023,
// section 4.1), where EI itself underflows. It is -Inf when sd is 0 and mean is
// not below best.
func LogEI(mean, sd, best float64) float64 {
	if sd == 0 {
		return math.Log(math.Max(best-mean, 0))
	}
	return math.Log(sd) + logH((best-mean)/sd)
}

// logH is ln h(z). Below -1 it uses h(z) = phi(z) (1 - |z| m(|z|)) with Mills's
// ratio m; beyond |z| = 40 the first two terms of the series of 1 - |z| m(|z|)
// = 1/z^2 - 3/z^4 + ... are exact to 1e-5 relative.
func logH(z float64) float64 {
	logPhi := -z*z/2 - 0.5*math.Log(2*math.Pi)
	if z > -1 {
		return math.Log(math.Exp(logPhi) + z*0.5*math.Erfc(-z/math.Sqrt2))
	}
	a := -z
	if a > 40 {
		return logPhi + math.Log(1/(a*a)-3/(a*a*a*a))
	}
	return logPhi + math.Log(tail(a))
}

// tail returns 1 - a m(a) for a >= 1, m(a) = Phi(-a)/phi(a), by the continued
// fraction m = 1/(a + 1/(a + 2/(a + 3/(a + ...)))): with m = 1/(a + c),
// 1 - a m = c/(a + c), free of cancellation.
func tail(a float64) float64 {
	const terms = 200
	c := 0.0
	for k := terms; k >= 1; k-- {
		c = float64(k) / (a + c)
	}
	return c / (a + c)
}
