package gp

import "math"

// sqrt5 is the factor of the Matern-5/2 kernel's distance.
var sqrt5 = math.Sqrt(5)

// distance2 returns r^2 = sum_k ((a_k - b_k)/l_k)^2, where a categorical
// coordinate counts (1/l_k)^2 when it differs.
func distance2(a, b, inverse []float64, categorical []bool) float64 {
	var sum float64
	for k := range a {
		difference := a[k] - b[k]
		if difference == 0 {
			continue
		}
		if categorical[k] {
			difference = 1
		}
		difference *= inverse[k]
		sum += difference * difference
	}
	return sum
}

// matern52 returns the Matern-5/2 kernel of Rasmussen and Williams 2006, eq. 4.17,
//
//	value = (1 + sqrt5 r + 5/3 r^2) exp(-sqrt5 r) in [0, 1]
//	slope = -2 dk/d(r^2) = 5/3 (1 + sqrt5 r) exp(-sqrt5 r)
//
// With r^2 = sum_k (D_k/l_k)^2, dk/d(ln l_k) = slope (D_k/l_k)^2, which has no
// singularity at r = 0.
func matern52(r2 float64) (value, slope float64) {
	r := sqrt5 * math.Sqrt(r2)
	decay := math.Exp(-r)
	return (1 + r + 5*r2/3) * decay, 5.0 / 3 * (1 + r) * decay
}
