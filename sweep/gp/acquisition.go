package gp

import "math"

// LogEI returns the logarithm of the expected improvement below best of a normal
// value with the given mean and standard deviation sd >= 0, for minimisation:
//
//	EI = sd h(z),  h(z) = phi(z) + z Phi(z),  z = (best - mean)/sd
//
// in a form that stays finite and ordered far in the tail (Ament et al. 2023,
// section 4.1), where EI itself underflows. It is -Inf when sd is 0 and mean is
// not below best. The derivatives of the logarithm are
//
//	d/dmean = -Phi(z)/(sd h(z)),  d/dsd = phi(z)/(sd h(z))
//
// both 0 when sd is 0.
func LogEI(mean, sd, best float64) (value, dMean, dSD float64) {
	if sd == 0 {
		return math.Log(math.Max(best-mean, 0)), 0, 0
	}
	z := (best - mean) / sd
	logH, cdf, pdf := logH(z)
	return math.Log(sd) + logH, -cdf / sd, pdf / sd
}

// lnRoot2Pi is ln sqrt(2 pi).
var lnRoot2Pi = 0.5 * math.Log(2*math.Pi)

// logH returns ln h(z), Phi(z)/h(z) and phi(z)/h(z). Below -1 it is
//
//	h(z) = phi(z) t(a),  t(a) = 1 - a m(a),  a = -z,  m(a) = Phi(-a)/phi(a)
func logH(z float64) (value, cdf, pdf float64) {
	logPhi := -z*z/2 - lnRoot2Pi
	if z > -1 {
		phi, c := math.Exp(logPhi), 0.5*math.Erfc(-z/math.Sqrt2)
		h := phi + z*c
		return math.Log(h), c / h, phi / h
	}
	mills, t := tail(-z)
	return logPhi + math.Log(t), mills / t, 1 / t
}

// tail returns Mills's ratio m(a) and t(a) = 1 - a m(a) for a >= 1. Up to 5 the
// difference loses at most a factor 30 of the precision. Beyond it uses the
// continued fraction m = 1/(a + 1/(a + 2/(a + 3/(a + ...)))), with which
// t = c/(a + c) for m = 1/(a + c): 24 terms are exact to 1e-12 there.
func tail(a float64) (mills, t float64) {
	if a < 5 {
		mills = math.Exp(a*a/2+lnRoot2Pi) * 0.5 * math.Erfc(a/math.Sqrt2)
		return mills, 1 - a*mills
	}
	const terms = 24
	c := 0.0
	for k := terms; k >= 1; k-- {
		c = float64(k) / (a + c)
	}
	return 1 / (a + c), c / (a + c)
}

// LogCDF returns ln Phi(z) and its derivative phi(z)/Phi(z), finite far in the tail.
func LogCDF(z float64) (value, slope float64) {
	logPhi := -z*z/2 - lnRoot2Pi
	if z > -1 {
		c := 0.5 * math.Erfc(-z/math.Sqrt2)
		return math.Log(c), math.Exp(logPhi) / c
	}
	mills, _ := tail(-z)
	return logPhi + math.Log(mills), 1 / mills
}

// below returns G(a) = E[max(a - Y, 0)] of a normal Y, and its derivatives by
// mean and sd; 0 for a = -Inf.
func below(a, mean, sd float64) (value, dMean, dSD float64) {
	if math.IsInf(a, -1) {
		return 0, 0, 0
	}
	z := (a - mean) / sd
	switch {
	case z < -38:
		return 0, 0, 0
	case z > 8: // exact to rounding
		return a - mean, -1, 0
	}
	cdf, pdf := 0.5*math.Erfc(-z/math.Sqrt2), math.Exp(-z*z/2-lnRoot2Pi)
	return math.Max(sd*(pdf+z*cdf), 0), -cdf, pdf
}
