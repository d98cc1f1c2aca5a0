package gp

// dot is sum_i a_i b_i, in sixteen sums that are added at the end: so many a
// processor with AVX-512 keeps going at once, and the order, which the bits
// depend on, is the same without one.
func dot(a, b []float64) float64 {
	if sum, ok := dotWide(a, b); ok {
		return sum
	}
	return dotPlain(a, b)
}

func dotPlain(a, b []float64) float64 {
	var sums [16]float64
	for len(a) >= 16 {
		for i := range sums {
			sums[i] += float64(a[i] * b[i])
		}
		a, b = a[16:], b[16:]
	}
	for i, v := range a {
		sums[i] += float64(v * b[i])
	}
	for half := 8; half > 0; half /= 2 {
		for i := range half {
			sums[i] += sums[i+half]
		}
	}
	return sums[0]
}

// addScaled adds factor times x to y.
func addScaled(y []float64, factor float64, x []float64) {
	done := addScaledWide(y, factor, x)
	for i := done; i < len(x); i++ {
		y[i] += float64(factor * x[i])
	}
}
